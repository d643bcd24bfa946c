/* SPDX-License-Identifier: GPL-2.0-or-later */
/* answers.h: what OCSP responders have said about clients' certificates: one table of the process,
 * written by the control thread and read by every worker, without a lock.
 *
 * A certificate is known by a hash of what its issuer has signed (the signature itself can be
 * written in more than one way). An entry's key never changes once readers may see it; its value is
 * one atomic word. A table that grows full is replaced by one with what still counts; the old one
 * is freed when every worker has been quiet (lg_answers_put gives it back for that).
 *
 * And the other way: a ring in each worker's core, through which it tells the control thread whom
 * to ask about. */
#ifndef LG_ANSWERS_H
#define LG_ANSWERS_H

#include "base.h"
#include "crl.h"
#include "err.h"
#include "span.h"

#include <stdatomic.h>

#define LG_ANSWER_KEY_SZ 16
#define LG_ANSWERS_MAX (1u << 20) /* entries */

enum lg_answer {
    LG_ANSWER_ABSENT, /* nobody has asked, or the answer has run out */
    LG_ANSWER_NONE,   /* there is none to be had at the moment; or the responder knows nothing */
    LG_ANSWER_GOOD,
    LG_ANSWER_REVOKED,
};

/* lg_answers_find: wants_newer: it should be asked for again. Thread any. Cost O(1) */
enum lg_answer lg_answers_find(const uint8_t key[LG_ANSWER_KEY_SZ], int64_t now_s,
                               bool *wants_newer);
/* lg_answers_put enters an answer.
 *   until_s  when it runs out; from newer_s on it should be asked for again
 *   replaced what to free once every worker has been quiet; NULL: nothing
 *   Returns  LG_OK; LG_E(FULL): LG_ANSWERS_MAX that count are there; LG_E(NOMEM)
 *   Thread   control. Cost O(1), O(entries) when the table is replaced */
LG_MUST lg_err_t lg_answers_put(const uint8_t key[LG_ANSWER_KEY_SZ], enum lg_answer answer,
                                int64_t until_s, int64_t newer_s, int64_t now_s, void **replaced);
/* lg_answers_cnt: entries in the table. lg_answers_drop forgets all: no worker runs. Control. */
uint32_t lg_answers_cnt(void);
void lg_answers_drop(void);

#define LG_ASK_CNT 8u /* questions of one worker that wait for the control thread */
#define LG_ASK_URL_SZ 512
#define LG_ASK_ISSUER_SZ 4096

/* Whom to ask about. */
struct lg_ask {
    uint8_t key[LG_ANSWER_KEY_SZ];
    char url[LG_ASK_URL_SZ];
    uint8_t serial[LG_SERIAL_MAX_SZ];
    uint32_t serial_sz, issuer_sz;
    uint8_t issuer[LG_ASK_ISSUER_SZ]; /* DER of its certificate */
};

struct lg_asks {
    alignas(LG_CACHE_PAIR) _Atomic uint32_t tail; /* the worker's; pairs with peek's acquire */
    alignas(LG_CACHE_PAIR) _Atomic uint32_t head; /* control's; pairs with push's acquire */
    alignas(LG_CACHE_PAIR) struct lg_ask one[LG_ASK_CNT];
};

/* lg_asks_fits: a question of this size can be asked at all. Thread any.
 * lg_asks_push copies a question in; false: full, or larger than the bounds. Owner core.
 * lg_asks_peek gives the oldest one, NULL: none; lg_asks_pop lets go of it. Control. */
bool lg_asks_fits(lg_span_t url, lg_span_t serial, lg_span_t issuer);
bool lg_asks_push(struct lg_asks *a, const uint8_t key[LG_ANSWER_KEY_SZ], lg_span_t url,
                  lg_span_t serial, lg_span_t issuer);
const struct lg_ask *lg_asks_peek(struct lg_asks *a);
void lg_asks_pop(struct lg_asks *a);

#endif
