/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ocsp_ctl.c: questions to OCSP responders, and what becomes of the answers. */
#include "ocsp_ctl.h"

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

struct question {
    struct lg_ocsp_ctl *ctl;
    struct lg_staple_slot *slot; /* owns a reference */
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

static lg_err_t begin(struct lg_ocsp_ctl *o, struct lg_staple_slot *s)
{
    uint8_t request[LG_OCSP_REQ_MAX_SZ];

    if (!o->fetch)
        LG_TRY(lg_fetch_open(&o->fetch));
    struct question *q = malloc(sizeof *q);
    LG_CHECK(q, LG_E(NOMEM));
    *q = (struct question){.ctl = o, .slot = s};
    lg_err_t err = lg_fetch_post(o->fetch, s->url, "application/ocsp-request",
                                 lg_span(request, lg_ocsp_request(&s->id, request)),
                                 LG_OCSP_RESP_MAX_SZ, answered, q);
    if (lg_is_ok(err))
        s->ref_cnt++;
    else
        free(q);
    return err;
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
        lg_staple_settle(s, false, now_ns, (int64_t)time(NULL));
        say(s, lg_err_text(err), now_ns);
    }
    if (o->fetch)
        (void)lg_fetch_poll(o->fetch);
}

void lg_ocsp_ctl_fini(struct lg_ocsp_ctl *o)
{
    lg_fetch_close(o->fetch);
    o->fetch = NULL;
    while (o->retired) {
        struct lg_ocsp_retired *one = o->retired;
        o->retired = one->next;
        free(one->mem);
        free(one);
    }
}
