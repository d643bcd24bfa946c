/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_resp.c: the response half of an exchange, and the proxy's own replies. */
#include "http_msg.h"

static void count_status(struct lg_session *s, uint16_t status)
{
    struct lg_stats *st = s->p->env.stats;
    static const enum lg_stat by_class[4] = {LG_STAT_HTTP_2XX, LG_STAT_HTTP_3XX, LG_STAT_HTTP_4XX,
                                             LG_STAT_HTTP_5XX};
    if (status >= 200 && status <= 599)
        lg_stat_inc(st, by_class[status / 100 - 2]);
    lg_meter_inc(&lg_session_meter(s)->responses[status / 100 % LG_METER_CLASSES]);
}

/* -- our own replies -- */

static void count_own(struct lg_session *s, uint16_t status)
{
    struct lg_stats *st = s->p->env.stats;
    count_status(s, status);
    if (status == 408)
        lg_stat_inc(st, LG_STAT_HTTP_408);
    else if (status == 502)
        lg_stat_inc(st, LG_STAT_HTTP_502);
    else if (status == 503)
        lg_stat_inc(st, LG_STAT_HTTP_503);
    else if (status == 504)
        lg_stat_inc(st, LG_STAT_HTTP_504);
}

/* put_text appends text to fp, all or nothing. */
static bool put_text(struct lg_session *s, const struct lg_http_text *t)
{
    struct lg_bufq q = {0};
    if (lg_bufq_write(&q, s->p->env.pool, t->p, (uint32_t)t->len, 0) != t->len) {
        lg_bufq_drop_all(&q);
        return false;
    }
    lg_bufq_append(&s->fp, &q);
    s->access.out += t->len;
    return true;
}

static void log_fail(struct lg_session *s, uint16_t status)
{
    char client[LG_ENDPOINT_STR_SZ];
    lg_logring_put(s->p->env.log, s->p->env.stats, LG_LOG_WARN,
                   "client %s listener %s pool %s: answered %u %s",
                   lg_session_client_text(s, client), s->listener->cfg->name,
                   lg_session_pool(s)->name, status, lg_http_reason(status));
}

/* may_go_on: another request may follow on this connection. Not while draining; and not under a
 * replaced configuration: a backend that is being drained, or is gone, would get the requests of
 * whoever stays connected for as long as he likes. */
static bool may_go_on(const struct lg_session *s)
{
    return !s->p->is_draining && s->snap == s->p->snap;
}

static enum lg_http_conn conn_after_own(const struct lg_http *h)
{
    return !h->client_keep ? LG_HC_CLOSE : h->client_11 ? LG_HC_NONE : LG_HC_KEEP;
}

/* blamed: who, where nobody has said so before. */
static char blamed(uint16_t status)
{
    return status == 408   ? 'c'
           : status == 502 ? 'S'
           : status == 503 ? 'R'
           : status == 504 ? 's'
                           : 'P';
}

void lg_http_fail(struct lg_session *s, uint16_t status)
{
    struct lg_http *h = &s->http;
    char buf[LG_HTTP_REPLY_SZ];
    struct lg_http_text text = {.p = buf, .cap = sizeof buf};

    if (status >= 502 && status <= 504 && !h->is_said)
        log_fail(s, status);
    lg_access_blame(s, blamed(status));
    lg_back_abort(s);
    lg_bufq_drop_all(&s->bq);
    lg_bufq_drop_all(&s->down);
    if (h->has_resp_head) {
        lg_stat_inc(s->p->env.stats, LG_STAT_HTTP_CUT);
        lg_session_finish(s, LG_FINISH_CUT);
        return;
    }
    h->client_keep = h->client_keep && h->req.done && may_go_on(s);
    lg_http_write_reply(status, h->is_head, conn_after_own(h), &text);
    count_own(s, status);
    s->access.status = status;
    if (put_text(s, &text))
        lg_http_exchange_over(s);
    else
        lg_session_abort(s);
}

void lg_http_answer(struct lg_session *s, const struct lg_http_answer *a, lg_span_t body,
                    const struct lg_http_changes *ch)
{
    struct lg_http_scratch *m = s->p->http;
    struct lg_http_text text = {.p = m->out, .cap = sizeof m->out};
    struct lg_http *h = &s->http;

    h->client_keep = h->client_keep && h->req.done && may_go_on(s);
    lg_http_write_answer(a, conn_after_own(h), ch, &text);
    if (!h->is_head)
        lg_http_put_span(&text, body);
    if (text.over) {
        lg_http_fail(s, 500);
        return;
    }
    count_status(s, a->status);
    s->access.status = a->status;
    lg_access_blame(s, 'L');
    if (put_text(s, &text))
        lg_http_exchange_over(s);
    else
        lg_session_abort(s);
}

void lg_http_refuse(struct lg_session *s, uint16_t status, const char *why)
{
    char client[LG_ENDPOINT_STR_SZ];

    lg_stat_inc(s->p->env.stats, LG_STAT_HTTP_BAD);
    lg_logring_put(s->p->env.log, s->p->env.stats, LG_LOG_INFO,
                   "client %s listener %s: request refused (%u): %s",
                   lg_session_client_text(s, client), s->listener->cfg->name, status, why);
    s->access.reason = why;
    s->http.client_keep = false;
    lg_http_fail(s, status);
}

/* -- the backend's response -- */

/* gone: the backend ended or reset the connection before a response head was complete. */
static void gone(struct lg_session *s)
{
    struct lg_http *h = &s->http;

    bool may_resend = !h->has_resp_byte && !h->body_sent && h->replay.head;

    /* A kept connection that has ended says nothing of its backend, whether the request may be sent
     * again or not. */
    bool was_kept = s->back->is_reused && !h->has_resp_byte && !h->body_sent;

    if (was_kept)
        lg_stat_inc(s->p->env.stats, LG_STAT_PROXY_KEPT_ENDED);
    else
        lg_back_failed(s);
    if (may_resend && was_kept)
        lg_http_resend(s, LG_RESEND_FRESH);
    else if (may_resend)
        lg_http_resend(s, LG_RESEND_ELSEWHERE);
    else
        lg_http_fail(s, 502);
}

/* ends_for_client decides what this response means for the client's connection. */
static enum lg_http_conn ends_for_client(struct lg_session *s, enum lg_http_framing framing)
{
    struct lg_http *h = &s->http;

    /* A response that overtakes its request's body: the rest of the body has no use, and only the
     * end of the connection tells the client so. */
    h->client_keep = h->client_keep && h->req.done && framing != LG_HTTP_CLOSE && may_go_on(s);
    if (!h->client_keep)
        return LG_HC_CLOSE;
    return h->client_11 ? LG_HC_NONE : LG_HC_KEEP;
}

/* set_sticky gives the client the cookie of the backend that answers, unless it has it. */
static void set_sticky(struct lg_session *s, struct lg_http_text *cookie)
{
    const struct lg_sticky *sticky = s->snap->pools[s->pool_idx].sticky;
    const struct lg_http *h = &s->http;
    bool is_there = h->has_sticky && h->sticky_idx == s->back->backend_idx;

    if (sticky && (!is_there || h->is_sticky_old))
        lg_sticky_put(sticky, s->back->backend_idx, s->tls != NULL, cookie);
}

static void count_sticky(struct lg_session *s, bool is_set)
{
    const struct lg_http *h = &s->http;

    if (h->has_sticky)
        lg_stat_inc(s->p->env.stats, h->sticky_idx == s->back->backend_idx
                                         ? LG_STAT_HTTP_STICKY
                                         : LG_STAT_HTTP_STICKY_LOST);
    if (is_set)
        lg_stat_inc(s->p->env.stats, LG_STAT_HTTP_STICKY_SET);
}

/* observe: a backend that answers with errors at once is not a quick one: an error never makes it
 * look quicker than it was. */
static void observe(struct lg_session *s, uint16_t status)
{
    lg_ns_t now_ns = s->p->now_ns, took_ns = lg_ns_since(now_ns, s->http.sent_ns);

    if (status >= 500)
        took_ns = LG_MAX(took_ns, lg_ewma_at(s->back->own, now_ns));
    lg_ewma_observe(s->back->own, took_ns, now_ns);
}

/* pass_head writes the parsed head to the client; false: no buffers now, nothing changed that a
 * second call would not do again. */
static bool pass_head(struct lg_session *s)
{
    struct lg_http_scratch *m = s->p->http;
    struct lg_http *h = &s->http;
    const struct lg_http_head *head = &m->head;
    struct lg_http_text text = {.p = m->out, .cap = sizeof m->out};
    enum lg_http_framing framing = lg_http_response_framing(head, h->is_head), shown = framing;
    bool is_interim = head->status < 200;

    if (framing == LG_HTTP_CHUNKED && !h->client_11)
        shown = LG_HTTP_CLOSE;
    struct lg_http_who who;
    struct lg_vars vars = {.client = &who.client};
    struct lg_http_changes ch = {.vars = &vars};
    char words[LG_STICKY_COOKIE_SZ];
    struct lg_http_text cookie = {.p = words, .cap = sizeof words};

    if (!is_interim)
        set_sticky(s, &cookie);
    if (!cookie.over)
        ch.set_cookie = lg_span(cookie.p, cookie.len);
    if (!is_interim && h->rule && h->rule->response->cnt) {
        lg_http_who(s, &who);
        ch.edits = h->rule->response;
    }
    lg_http_write_response(head, shown, is_interim ? LG_HC_NONE : ends_for_client(s, shown), &ch,
                           &text);
    if (text.over) {
        lg_http_fail(s, 502);
        return true;
    }
    if (is_interim && !h->client_11)
        return true; /* RFC 9110 section 15.2: not to an HTTP/1.0 client */
    if (!put_text(s, &text))
        return false;
    if (is_interim)
        return true;
    count_status(s, head->status);
    s->access.status = head->status;
    count_sticky(s, ch.set_cookie.len > 0);
    h->has_resp_head = true;
    lg_back_note(s, head->status >= 500 ? LG_OUT_BAD : LG_OUT_GOOD);
    lg_meter_inc(&s->back->own->responses[head->status / 100 % LG_METER_CLASSES]);
    lg_hist_add(&s->back->own->response_ns, lg_ns_since(s->p->now_ns, h->sent_ns));
    observe(s, head->status);
    h->keep_back = head->keep_alive && framing != LG_HTTP_CLOSE;
    lg_http_body_init(&h->resp, framing, head->length);
    h->resp.drops_chunks = shown == LG_HTTP_CLOSE;
    return true;
}

/* take_head handles the complete head of len bytes at the front of s->down. */
static bool take_head(struct lg_session *s, uint32_t len)
{
    struct lg_http_scratch *m = s->p->http;

    lg_bufq_copy_out(&s->down, 0, m->in, len);
    /* 101 would end HTTP on this connection; we never ask for it. */
    if (!lg_is_ok(lg_http_parse_response(lg_span(m->in, len), &m->head)) || m->head.status == 101) {
        lg_back_failed(s);
        lg_http_fail(s, 502);
        return true;
    }
    if (!pass_head(s)) {
        s->has_more = true;
        return false;
    }
    if (s->state != LG_S_HTTP || s->http.phase != LG_HP_EXCHANGE)
        return true; /* it was too large to pass on */
    lg_bufq_trim(&s->down, len);
    s->http.scan = (struct lg_http_scan){0};
    return true;
}

static bool read_head(struct lg_session *s)
{
    struct lg_http *h = &s->http;

    if (s->down.head) {
        lg_access_mark(s, &s->access.answered_us);
        h->has_resp_byte = true;
        lg_bufq_drop_all(&h->replay);
    }
    enum lg_http_scan_stop stop = lg_http_scan_head(&h->scan, &s->down);
    if (stop == LG_SCAN_FOUND && h->scan.seen_sz <= LG_HTTP_HEAD_MAX)
        return take_head(s, h->scan.seen_sz);
    if (stop != LG_SCAN_MORE || s->down.bytes >= LG_HTTP_HEAD_MAX) {
        lg_back_failed(s);
        lg_http_fail(s, 502);
        return true;
    }
    if (s->back_rx_done) {
        gone(s);
        return true;
    }
    lg_q_compact(&s->down, s->p->env.pool);
    return false;
}

/* over: the last byte of the response is on its way to the client. */
static void over(struct lg_session *s)
{
    struct lg_http *h = &s->http;

    if (!h->req.done)
        lg_back_abort(s);
    else if (h->keep_back)
        lg_back_keep(s);
    else
        lg_back_close(s);
    lg_bufq_drop_all(&s->bq);
    lg_bufq_drop_all(&s->down);
    lg_http_exchange_over(s);
}

bool lg_http_response(struct lg_session *s)
{
    struct lg_http *h = &s->http;

    if (!h->has_resp_head)
        return read_head(s);
    uint32_t before = s->down.bytes, shown = s->fp.bytes;
    lg_err_t e = lg_http_body_move(&h->resp, &s->down, &s->fp, LG_TURN_BYTES, s->p->env.pool);
    s->access.out += s->fp.bytes - shown;
    if (lg_err_is(e, LG_ERR_AGAIN)) {
        s->has_more = true;
        return before != s->down.bytes;
    }
    if (s->back_rx_done && !s->down.head && !h->resp.done && h->resp.framing == LG_HTTP_CLOSE &&
        !s->back_reset && !s->back_cut)
        h->resp.done = true;
    if (!lg_is_ok(e) || (s->back_rx_done && !s->down.head && !h->resp.done)) {
        lg_http_fail(s, 502); /* the response has begun: this cuts it */
        return true;
    }
    if (h->resp.done) {
        over(s);
        return true;
    }
    return before != s->down.bytes;
}
