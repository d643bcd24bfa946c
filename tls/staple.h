/* SPDX-License-Identifier: GPL-2.0-or-later */
/* staple.h: the OCSP answers that servers staple to their certificates (R10).
 *
 * Each certificate that shall have one has a lg_staple_slot: the control thread puts verified
 * answers in, workers read the newest with one load and send it to clients that ask, as long as it
 * is of now. An answer never changes once it is in a slot; one that was replaced is freed when
 * every worker has been quiet since (lg_staple_put gives it back for that).
 *
 *   from a file   the slot is its policy's own; a reload reads the file again
 *   fetched       one slot for a certificate and address in the whole process, so that the answer
 *                 outlives a reload; who holds it is counted
 *
 * When a slot is to be asked for, and how often, is decided here; asking is control/ocsp.c's.
 * RFC 6066 8, 8446 4.4.2.1, 7633 */
#ifndef LG_STAPLE_H
#define LG_STAPLE_H

#include "crl_store.h"
#include "ns.h"
#include "ocsp.h"

#include <stdatomic.h>

#define LG_STAPLE_MAX_SZ 8000        /* bytes of an answer; usual are 300 to 2500 */
#define LG_STAPLE_RETRY_NS LG_SEC(2) /* after a first failure; then twice as long each time */
#define LG_STAPLE_RETRY_MAX_NS LG_SEC(3600)
#define LG_STAPLE_EVERY_MIN_NS LG_SEC(5) /* between two answers */
#define LG_STAPLE_EVERY_MAX_NS LG_SEC(43200)

struct lg_staple {
    int64_t next_update_s;
    uint32_t sz;
    uint8_t der[];
};

struct lg_staple_slot {
    /* Workers load with acquire, which pairs with the control thread's exchange. */
    _Atomic(const struct lg_staple *) current; /* owns; NULL: none yet */
    /* -- control thread only -- */
    char *what; /* owns: the certificate's file, for messages */
    uint8_t leaf_hash[LG_HASH_SZ];
    struct lg_ocsp_id id;
    uint8_t *issuer; /* owns: DER of the issuer's certificate */
    size_t issuer_sz;
    char *url;    /* owns: whom to ask; NULL: it comes from a file */
    bool is_told; /* by the configuration, not the certificate */
    uint32_t ref_cnt;
    bool is_asked;               /* a question is on its way */
    uint32_t fail_cnt;           /* in a row */
    lg_ns_t due_ns;              /* when to ask next */
    struct lg_staple_slot *next; /* of those that are asked for */
};

/* lg_staple_get: the answer to staple; NULL: none, or none of now. Valid until the calling worker
 * is next quiet. Thread any. */
const struct lg_staple *lg_staple_get(const struct lg_staple_slot *s, int64_t now_s);

/* lg_staple_slot_new makes a slot of its own; NULL: no memory. url NULL: from a file.
 * lg_staple_slot_use gives the process's slot for this certificate and address, made when there is
 * none, with one more reference; NULL: no memory. what, issuer and url are copied.
 * lg_staple_slot_give drops a reference; the last one frees, with the answer: no worker may hold
 * it. NULL allowed. All three thread control. */
struct lg_staple_slot *lg_staple_slot_new(const char *what, const uint8_t leaf_hash[LG_HASH_SZ],
                                          const struct lg_ocsp_id *id, lg_span_t issuer,
                                          const char *url);
struct lg_staple_slot *lg_staple_slot_use(const char *what, const uint8_t leaf_hash[LG_HASH_SZ],
                                          const struct lg_ocsp_id *id, lg_span_t issuer,
                                          const char *url);
void lg_staple_slot_give(struct lg_staple_slot *s);
/* lg_staple_slot_same: do clients see the same? Both NULL counts. Thread control. */
bool lg_staple_slot_same(const struct lg_staple_slot *a, const struct lg_staple_slot *b);

/* lg_staple_put judges an answer and puts it in when it says good.
 *   replaced  what to free once every worker has been quiet; NULL: nothing
 *   why       words when it is not LG_OK; static
 *   Returns   LG_OK. Else nothing has changed (R10: what says revoked, is past its date, or cannot
 *             be believed, is never stapled): LG_E(AGAIN) it is a proper answer, but no good one of
 *             now; LG_E(FORMAT), LG_E(RANGE) it is none; LG_E(NOMEM)
 *   Thread    control */
LG_MUST lg_err_t lg_staple_put(struct lg_staple_slot *s, lg_span_t der, int64_t now_s,
                               const struct lg_staple **replaced, const char **why);

/* lg_staple_due: a slot whose time to be asked for has come, marked as asked; NULL: none.
 * lg_staple_settle, when the question is over, says when the next one is due: half of what is left
 * of the answer's life, or after a failure a little later each time, but while an answer is there
 * before it ends. Thread control, any monotonic clock. */
struct lg_staple_slot *lg_staple_due(lg_ns_t now_ns);
void lg_staple_settle(struct lg_staple_slot *s, bool is_good, lg_ns_t now_ns, int64_t now_s);

#endif
