/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ocsp_ctl.c: questions to OCSP responders, and what becomes of the answers. How long an answer
 * about a client holds: until its nextUpdate, a day at most; 5 minutes without one. That it is not
 * known, or that nobody answers, is kept for a few seconds, so that a responder that is down is not
 * asked for each connection. */
#include "ocsp_ctl.h"

#include "answers.h"
#include "fetch.h"
#include "log.h"
#include "staple.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

/* What workers may still read. */
struct lg_ocsp_retired {
    void *mem; /* owns */
    uint64_t token;
    struct lg_ocsp_retired *next;
};

#define DAY_S 86400
#define NO_NEXT_S 300  /* an answer without nextUpdate */
#define NOT_KNOWN_S 60 /* the responder knows nothing of the certificate */
#define NO_ANSWER_S 5

struct question {
    struct lg_ocsp_ctl *ctl;
    struct lg_staple_slot *slot; /* owns a reference */
};

/* A question about a client's certificate. */
struct lg_ocsp_question {
    struct lg_ocsp_ctl *ctl;
    struct lg_ocsp_id id;
    struct lg_ask ask; /* as it came */
    struct lg_ocsp_question *next;
};

void lg_ocsp_ctl_init(struct lg_ocsp_ctl *o, const struct lg_quiet_ops *ops, void *ops_ctx)
{
    *o = (struct lg_ocsp_ctl){.ops = ops, .ops_ctx = ops_ctx};
}

/* retire frees mem when every worker has been quiet. Without memory to remember it by it is lost,
 * which is better than freed too early. */
static void retire(struct lg_ocsp_ctl *o, const void *mem)
{
    struct lg_ocsp_retired *one = mem ? malloc(sizeof *one) : NULL;

    if (!one)
        return;
    *one = (struct lg_ocsp_retired){
        .mem = (void *)(uintptr_t)mem, .token = o->ops->mark(o->ops_ctx), .next = o->retired};
    o->retired = one;
}

static void free_quiet(struct lg_ocsp_ctl *o)
{
    for (struct lg_ocsp_retired **at = &o->retired; *at;) {
        struct lg_ocsp_retired *one = *at;
        if (!o->ops->is_quiet(o->ops_ctx, one->token)) {
            at = &one->next;
            continue;
        }
        *at = one->next;
        free(one->mem);
        free(one);
    }
}

static void say(const struct lg_staple_slot *s, const char *why, lg_ns_t now_ns)
{
    uint64_t wait_s = lg_ns_since(s->due_ns, now_ns) / LG_SEC(1);
    char safe[200];

    if (!why) {
        lg_log(LG_LOG_DEBUG, "OCSP: %s: stapled; asked again in %" PRIu64 " s", s->what, wait_s);
        return;
    }
    /* Part of it may come from the network. */
    lg_log_escape(lg_span_cstr(why), safe, sizeof safe);
    lg_log(LG_LOG_WARN, "OCSP: %s: no answer from %s to staple: %s; asked again in %" PRIu64 " s",
           s->what, s->url, safe, wait_s);
}

static void answered(void *ctx, lg_span_t body, const char *why)
{
    struct question *q = ctx;
    struct lg_ocsp_ctl *o = q->ctl;
    const struct lg_staple *replaced = NULL;
    int64_t now_s = (int64_t)time(NULL);

    if (!why && lg_is_ok(lg_staple_put(q->slot, body, now_s, &replaced, &why))) {
        why = NULL;
        retire(o, replaced);
    }
    lg_staple_settle(q->slot, !why, o->now_ns, now_s);
    say(q->slot, why, o->now_ns);
    lg_staple_slot_give(q->slot);
    free(q);
}

/* post asks a responder about one certificate; *f is opened when it is not yet. */
static lg_err_t post(struct lg_fetch **f, const char *url, const struct lg_ocsp_id *id,
                     lg_fetch_done done, void *ctx)
{
    uint8_t request[LG_OCSP_REQ_MAX_SZ];

    if (!*f)
        LG_TRY(lg_fetch_open(f));
    return lg_fetch_post(*f, url, "application/ocsp-request",
                         lg_span(request, lg_ocsp_request(id, request)), LG_OCSP_RESP_MAX_SZ, done,
                         ctx);
}

static lg_err_t begin(struct lg_ocsp_ctl *o, struct lg_staple_slot *s)
{
    struct question *q = malloc(sizeof *q);
    LG_CHECK(q, LG_E(NOMEM));
    *q = (struct question){.ctl = o, .slot = s};
    lg_err_t err = post(&o->fetch, s->url, &s->id, answered, q);
    if (lg_is_ok(err))
        s->ref_cnt++;
    else
        free(q);
    return err;
}

/* ---------------------------------------------------------------- about clients */

void lg_ocsp_ctl_hear(struct lg_ocsp_ctl *o, struct lg_asks *asks)
{
    if (o->ask_cnt < LG_ARRAY_CNT(o->asks))
        o->asks[o->ask_cnt++] = asks;
}

/* put enters what is known now. newer_s: when to ask again while it still holds. */
static void put_answer(struct lg_ocsp_ctl *o, const struct lg_ask *a, enum lg_answer answer,
                       int64_t now_s, int64_t life_s)
{
    void *replaced;
    lg_err_t err =
        lg_answers_put(a->key, answer, now_s + life_s, now_s + life_s * 3 / 4, now_s, &replaced);

    if (!lg_is_ok(err))
        lg_log(LG_LOG_WARN, "OCSP: an answer about a client is lost: %s", lg_err_text(err));
    retire(o, replaced);
}

static void take_answer(struct lg_ocsp_ctl *o, const struct lg_ask *a,
                        const struct lg_ocsp_single *s, int64_t now_s)
{
    int64_t life_s = s->next_update_s == INT64_MAX
                         ? NO_NEXT_S
                         : LG_MIN(s->next_update_s - now_s, (int64_t)DAY_S);

    if (s->status == LG_OCSP_UNKNOWN)
        put_answer(o, a, LG_ANSWER_NONE, now_s, LG_MIN(life_s, (int64_t)NOT_KNOWN_S));
    else
        put_answer(o, a, s->status == LG_OCSP_GOOD ? LG_ANSWER_GOOD : LG_ANSWER_REVOKED, now_s,
                   life_s);
}

static void no_answer(struct lg_ocsp_ctl *o, const struct lg_ask *a, const char *why, int64_t now_s)
{
    bool wants_newer;
    char safe[200], url[LG_ASK_URL_SZ];

    lg_log_escape(lg_span_cstr(why), safe, sizeof safe);
    lg_log_escape(lg_span_cstr(a->url), url, sizeof url);
    lg_log(LG_LOG_WARN, "OCSP: no answer from %s about a client's certificate: %s", url, safe);
    /* What was said before holds until it has run out. */
    if (lg_answers_find(a->key, now_s, &wants_newer) == LG_ANSWER_ABSENT)
        put_answer(o, a, LG_ANSWER_NONE, now_s, NO_ANSWER_S);
}

static void answered_client(void *ctx, lg_span_t body, const char *why)
{
    struct lg_ocsp_question *q = ctx;
    struct lg_ocsp_ctl *o = q->ctl;
    struct lg_ocsp_question **at = &o->clients;
    struct lg_ocsp_single s;
    int64_t now_s = (int64_t)time(NULL);

    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    if (!why && lg_is_ok(lg_ocsp_judge(body, &q->id, lg_span(q->ask.issuer, q->ask.issuer_sz),
                                       now_s, &s, &why)))
        take_answer(o, &q->ask, &s, now_s);
    else
        no_answer(o, &q->ask, why, now_s);
    free(q);
}

static bool is_under_way(const struct lg_ocsp_ctl *o, const struct lg_ask *a)
{
    for (const struct lg_ocsp_question *q = o->clients; q; q = q->next)
        if (memcmp(q->ask.key, a->key, sizeof a->key) == 0)
            return true;
    return false;
}

static lg_err_t begin_client(struct lg_ocsp_ctl *o, const struct lg_ask *a)
{
    struct lg_ocsp_question *q = malloc(sizeof *q);
    LG_CHECK(q, LG_E(NOMEM));
    q->ctl = o;
    q->ask = *a;
    lg_err_t err =
        lg_ocsp_id_of(lg_span(a->serial, a->serial_sz), lg_span(a->issuer, a->issuer_sz), &q->id);
    if (lg_is_ok(err))
        err = post(&o->client_fetch, a->url, &q->id, answered_client, q);
    if (!lg_is_ok(err)) {
        free(q);
        return err;
    }
    q->next = o->clients;
    o->clients = q;
    return LG_OK;
}

/* hear takes one worker's questions. With too many under way the rest waits for its turn. */
static void hear(struct lg_ocsp_ctl *o, struct lg_asks *asks)
{
    const struct lg_ask *a;

    while ((a = lg_asks_peek(asks)) != NULL) {
        lg_err_t err = is_under_way(o, a) ? LG_OK : begin_client(o, a);
        if (lg_err_is(err, LG_ERR_FULL))
            return;
        if (!lg_is_ok(err))
            no_answer(o, a, lg_err_text(err), (int64_t)time(NULL));
        lg_asks_pop(asks);
    }
}

void lg_ocsp_ctl_poll(struct lg_ocsp_ctl *o, lg_ns_t now_ns)
{
    struct lg_staple_slot *s;

    o->now_ns = now_ns;
    free_quiet(o);
    while ((s = lg_staple_due(now_ns)) != NULL) {
        lg_err_t err = begin(o, s);
        if (lg_is_ok(err))
            continue;
        if (lg_err_is(err, LG_ERR_FULL)) { /* nothing has failed: it waits for its turn */
            s->is_asked = false;
            break;
        }
        lg_staple_settle(s, false, now_ns, (int64_t)time(NULL));
        say(s, lg_err_text(err), now_ns);
    }
    for (uint32_t i = 0; i < o->ask_cnt; i++)
        hear(o, o->asks[i]);
    if (o->fetch)
        (void)lg_fetch_poll(o->fetch);
    if (o->client_fetch)
        (void)lg_fetch_poll(o->client_fetch);
}

bool lg_ocsp_ctl_is_busy(const struct lg_ocsp_ctl *o)
{
    return lg_fetch_is_busy(o->fetch) || lg_fetch_is_busy(o->client_fetch);
}

void lg_ocsp_ctl_fini(struct lg_ocsp_ctl *o)
{
    lg_fetch_close(o->fetch);
    lg_fetch_close(o->client_fetch);
    o->fetch = o->client_fetch = NULL;
    while (o->retired) {
        struct lg_ocsp_retired *one = o->retired;
        o->retired = one->next;
        free(one->mem);
        free(one);
    }
    lg_answers_drop();
}
