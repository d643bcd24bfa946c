/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conn.c: one connection from its first byte: the hello, the choices that follow from it, and the
 * way to the handshake (hs_wolf.c) and the records (rec_wolf.c). See tls.h for the states. */
#include "tls_priv.h"

struct lg_tls *lg_tls_new(struct lg_tls_core *core, const struct lg_tls_policy *policy)
{
    struct lg_tls *t = lg_pool_take(&core->conns);
    if (!t)
        return NULL;
    memset(t, 0, sizeof *t);
    t->core = core;
    t->policy = policy;
    lg_policy_pin(policy, core->worker_idx);
    t->step = LG_STEP_HELLO;
    t->want_alert = LG_TLS_NO_ALERT;
    lg_info_init(&t->info);
    return t;
}

struct lg_tls *lg_tls_open(struct lg_tls_core *core, const struct lg_tls_policy *policy,
                           lg_ns_t now_ns)
{
    struct lg_tls *t = lg_tls_new(core, policy);
    (void)now_ns;
    if (t)
        lg_stat_inc(core->stats, LG_STAT_TLS_HS_STARTED);
    return t;
}

enum lg_tls_state lg_tls_state(const struct lg_tls *t)
{
    switch (t->step) {
    case LG_STEP_OPEN:
        return LG_TLS_OPEN;
    case LG_STEP_CLOSED:
        return LG_TLS_CLOSED;
    case LG_STEP_FAILED:
        return LG_TLS_FAILED;
    default:
        return LG_TLS_HANDSHAKE;
    }
}

bool lg_tls_is_waiting(const struct lg_tls *t)
{
    return t->step == LG_STEP_WAIT;
}

bool lg_tls_is_answering(const struct lg_tls *t)
{
    return t->step == LG_STEP_HANDSHAKE;
}

void lg_tls_count_failure(struct lg_tls *t, enum lg_tls_reason reason)
{
    if (t->policy->client) {
        lg_stat_inc(t->core->stats, LG_STAT_TLS_CLI_FAILED);
        return;
    }
    lg_stat_inc(t->core->stats, LG_STAT_TLS_HS_FAILED);
    lg_stat_inc(t->core->stats, lg_reason_stat(reason));
}

lg_err_t lg_tls_fail_plain(struct lg_tls *t, enum lg_tls_reason reason, uint8_t alert)
{
    if (alert != LG_TLS_NO_ALERT) {
        const uint8_t rec[7] = {21, 3, 3, 0, 2, 2, alert};
        /* Without a buffer the peer goes without an alert: the close says enough. */
        if (lg_bufq_write(t->out, t->core->pool, rec, sizeof rec, t->seg_sz) == sizeof rec)
            t->info.alert_sent = alert;
    }
    lg_bufq_drop_all(&t->held);
    t->info.reason = reason;
    t->mute = true;
    t->step = LG_STEP_FAILED;
    lg_tls_count_failure(t, reason);
    return lg_tls_reason_err(reason);
}

static lg_err_t begin(struct lg_tls *t, const struct lg_hello *h)
{
    struct lg_tls_choice c;
    if (!lg_info_set_sni(t, h->sni))
        return lg_tls_fail_plain(t, LG_TLS_R_FULL, LG_ALERT_INTERNAL_ERROR);
    lg_policy_choose(t->policy, h, &c);
    if (c.reason != LG_TLS_R_NONE)
        return lg_tls_fail_plain(t, c.reason, c.alert);
    lg_ticket_look(t, h, c.cert_idx, c.version);
    return lg_hs_start(t, h, c.cert_idx, c.alpn);
}

/* whole: the hello is all there, as one record: wolfSSL 5.7.2 cannot read one that is cut smaller
 * than a handshake header, and the transcript does not depend on how records are cut. */
static lg_err_t whole(struct lg_tls *t)
{
    struct lg_hello h;
    uint8_t *flat = t->core->scratch;
    uint32_t len = t->held.bytes - LG_REC_HDR_SZ;
    lg_put_be16(t->held.head->data + 3, (uint16_t)len);
    lg_bufq_copy_out(&t->held, LG_REC_HDR_SZ, flat, len);
    switch (lg_hello_parse(lg_span(flat + 4, len - 4), &h)) {
    case LG_HELLO_OK:
        return begin(t, &h);
    case LG_HELLO_E_DECODE:
        return lg_tls_fail_plain(t, LG_TLS_R_PROTO, LG_ALERT_DECODE_ERROR);
    default:
        return lg_tls_fail_plain(t, LG_TLS_R_PROTO, LG_ALERT_ILLEGAL_PARAMETER);
    }
}

static lg_err_t refuse_first(struct lg_tls *t, enum lg_first first, const uint8_t *rec)
{
    switch (first) {
    case LG_FIRST_HTTP:
        return lg_tls_fail_plain(t, LG_TLS_R_PLAIN_HTTP, LG_TLS_NO_ALERT);
    case LG_FIRST_ALERT:
        t->info.alert_received = rec[6];
        return lg_tls_fail_plain(t, LG_TLS_R_PEER_ALERT, LG_TLS_NO_ALERT);
    case LG_FIRST_LEN:
        return lg_tls_fail_plain(
            t, LG_TLS_R_PROTO, rec[3] | rec[4] ? LG_ALERT_RECORD_OVERFLOW : LG_ALERT_DECODE_ERROR);
    default:
        return lg_tls_fail_plain(t, t->hello.raw_sz ? LG_TLS_R_PROTO : LG_TLS_R_NOT_TLS,
                                 LG_ALERT_UNEXPECTED_MESSAGE);
    }
}

/* hold appends n bytes to held. Copied, not moved: one-byte segments must not keep a packet buffer
 * each. Without a buffer this newest of connections is shed. */
static bool hold(struct lg_tls *t, const void *p, uint32_t n)
{
    return lg_bufq_write(&t->held, t->core->pool, p, n, 0) == n;
}

/* take_record moves one whole record's payload from in to held and counts it. */
static lg_err_t take_record(struct lg_tls *t, uint32_t len)
{
    static const uint8_t hdr[LG_REC_HDR_SZ] = {22, 3, 1}; /* the length follows in whole() */
    uint8_t *rec = t->core->scratch;
    uint8_t head[4] = {0};
    lg_bufq_copy_out(t->in, LG_REC_HDR_SZ, rec, len);
    memcpy(head, rec, LG_MIN(len, 4u));
    enum lg_hello_step step = lg_hello_add(&t->hello, lg_span(head, sizeof head), len);
    if (step == LG_HELLO_BAD_TYPE)
        return lg_tls_fail_plain(t, LG_TLS_R_PROTO, LG_ALERT_UNEXPECTED_MESSAGE);
    if (step == LG_HELLO_TOO_LONG)
        return lg_tls_fail_plain(t, LG_TLS_R_PROTO, LG_ALERT_DECODE_ERROR);
    if ((t->held.bytes == 0 && !hold(t, hdr, sizeof hdr)) || !hold(t, rec, len))
        return lg_tls_fail_plain(t, LG_TLS_R_FULL, LG_ALERT_INTERNAL_ERROR);
    lg_bufq_trim(t->in, LG_REC_HDR_SZ + len);
    return step == LG_HELLO_WHOLE ? whole(t) : LG_OK;
}

static lg_err_t rx_hello(struct lg_tls *t)
{
    while (t->step == LG_STEP_HELLO && t->in->bytes > 0) {
        uint8_t rec[7] = {0};
        uint32_t n = lg_bufq_copy_out(t->in, 0, rec, sizeof rec);
        enum lg_first first = lg_hello_first(lg_span(rec, n));
        if (first == LG_FIRST_MORE || (first == LG_FIRST_ALERT && n < sizeof rec))
            return LG_OK;
        if (first != LG_FIRST_TLS)
            return refuse_first(t, first, rec);
        uint32_t len = lg_get_be16(rec + 3);
        if (t->in->bytes < LG_REC_HDR_SZ + len)
            return LG_OK;
        LG_TRY(take_record(t, len));
    }
    return LG_OK;
}

/* rx_wait looks whether the answer about the client is there. */
static lg_err_t rx_wait(struct lg_tls *t)
{
    enum lg_tls_reason reason;
    uint8_t alert;
    if (lg_ask_again(t, &reason, &alert) == LG_WAIT_ON)
        return LG_OK;
    t->step = LG_STEP_OPEN;
    if (reason == LG_TLS_R_NONE) {
        lg_hs_opened(t);
        return LG_OK;
    }
    t->info.reason = reason;
    t->verified = t->info.has_client_cert = false;
    lg_tls_count_failure(t, reason);
    lg_rec_refuse(t, alert);
    return lg_tls_reason_err(reason);
}

lg_err_t lg_tls_rx(struct lg_tls *t, struct lg_bufq *in, struct lg_bufq *plain, uint32_t max,
                   struct lg_bufq *out, uint32_t seg_sz, lg_ns_t now_ns)
{
    lg_err_t e = LG_OK;
    if (t->step == LG_STEP_FAILED)
        return lg_tls_reason_err(t->info.reason);
    t->in = in;
    t->out = out;
    t->seg_sz = seg_sz;
    t->now_ns = now_ns;
    bool started = t->step == LG_STEP_HANDSHAKE;
    if (t->step == LG_STEP_HELLO)
        e = rx_hello(t);
    if (lg_is_ok(e) && started)
        e = lg_hs_step(t);
    if (lg_is_ok(e) && t->step == LG_STEP_WAIT)
        e = rx_wait(t);
    if (lg_is_ok(e) && t->step == LG_STEP_OPEN)
        e = lg_rec_rx(t, plain, max);
    t->in = t->out = NULL;
    return e;
}

bool lg_tls_rx_pending(const struct lg_tls *t)
{
    return t->step == LG_STEP_OPEN && lg_rec_pending(t);
}

lg_err_t lg_tls_tx(struct lg_tls *t, struct lg_bufq *plain, uint32_t max, struct lg_bufq *out,
                   uint32_t seg_sz, lg_ns_t now_ns)
{
    if ((t->step != LG_STEP_OPEN && t->step != LG_STEP_CLOSED) || t->shut)
        return LG_E(BUG);
    t->out = out;
    t->seg_sz = seg_sz;
    t->now_ns = now_ns;
    lg_err_t e = lg_rec_tx(t, plain, max);
    t->out = NULL;
    return e;
}

void lg_tls_set_plain_seg(struct lg_tls *t, uint32_t sz)
{
    t->plain_seg_sz = sz;
}

uint32_t lg_tls_tx_overhead(uint32_t n)
{
    /* Header 5, and explicit nonce 8 and tag 16 (1.2) or content type 1 and tag 16 (1.3). */
    uint32_t records = n / LG_REC_PLAIN_MAX + 1;
    return n + records * (LG_REC_HDR_SZ + 24);
}

void lg_tls_shutdown(struct lg_tls *t, struct lg_bufq *out, uint32_t seg_sz)
{
    if ((t->step != LG_STEP_OPEN && t->step != LG_STEP_CLOSED) || t->shut || t->mute)
        return;
    t->out = out;
    t->seg_sz = seg_sz;
    uint32_t before = out->bytes;
    lg_rec_shutdown(t);
    t->out = NULL;
    /* Without a buffer nothing went out: the caller may try again, or just close. */
    t->shut = out->bytes > before;
    if (t->shut)
        t->info.alert_sent = LG_ALERT_CLOSE_NOTIFY;
}

const struct lg_tls_info *lg_tls_get_info(const struct lg_tls *t)
{
    return &t->info;
}

void lg_tls_close(struct lg_tls *t)
{
    if (!t)
        return;
    struct lg_tls_core *core = t->core;
    lg_bufq_drop_all(&t->held);
    lg_hs_free(t);
    lg_auth_drop_kept(t);
    lg_ident_drop(t);
    lg_ask_drop(t);
    lg_rec_fini(t);
    lg_info_fini(t);
    lg_policy_unpin(t->policy, core->worker_idx);
    lg_wipe(t, sizeof *t);
    lg_pool_give(&core->conns, t);
}
