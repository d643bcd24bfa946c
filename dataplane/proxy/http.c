/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http.c: https and http: the exchanges of one client connection, one after another: a request from
 * its first byte to the last byte of its response. Heads are http_head.c and http_write.c, bodies
 * http_body.c, the response's half is http_resp.c.
 *
 *   IDLE --first byte--> HEAD --complete--> route, pick --> CONNECT --open--> EXCHANGE --+
 *    ^                    |                     |  kept connection ----------^  |  |     |
 *    |                    | malformed, slow     | nobody there                |  |     |
 *    |                    +---> own reply <-----+-------- no response --------+  |     |
 *    +--- client and framing allow another request -------------------------------+     |
 *                                             otherwise lg_session_finish <-------------+
 *
 * Pipelining: the next request is not even decrypted before this one's response is under way to
 * its end; it waits in the client's TCP.
 *
 * Sending a request twice: a request whose connection could not be opened goes to another backend.
 * One that was sent, and whose connection ends before a byte of response, is sent again if its
 * method is idempotent and nothing of its body has been sent (RFC 9110 section 9.2.2): over a fresh
 * connection when it was a kept one that turned out dead, else to another backend. All but the
 * former is within the pool's `retries`. What may not be sent again gets 502. */
#include "http_msg.h"

#include "http_key.h"
#include "http_route.h"

static void go_idle(struct lg_session *s, lg_ns_t timeout_ns)
{
    lg_bufq_drop_all(&s->http.replay);
    s->http = (struct lg_http){.phase = LG_HP_IDLE};
    lg_session_deadline(s, lg_ns_add(s->p->now_ns, timeout_ns));
}

void lg_http_begin(struct lg_session *s)
{
    s->state = LG_S_HTTP;
    go_idle(s, s->listener->cfg->header_timeout_ns);
}

void lg_http_fini(struct lg_session *s)
{
    lg_bufq_drop_all(&s->http.replay);
}

void lg_http_drain(struct lg_session *s)
{
    if (s->http.phase == LG_HP_IDLE && !s->up.head)
        lg_session_finish(s, LG_FINISH_IN_ORDER);
}

/* exchange_over: what follows a response that has been passed on whole. */
void lg_http_exchange_over(struct lg_session *s)
{
    lg_hist_add(&lg_session_meter(s)->request_ns, lg_session_took(s));
    lg_access_done(s);
    if (s->http.client_keep)
        go_idle(s, s->listener->cfg->keepalive_timeout_ns);
    else
        lg_session_finish(s, LG_FINISH_IN_ORDER);
}

/* -- the request head -- */

/* is_trusted: a proxy whose word about the client is believed. */
static bool is_trusted(const struct lg_cfg_forwarded *f, const lg_ip_t *ip)
{
    for (uint32_t i = 0; i < f->trust_cnt; i++)
        if (lg_prefix_has(&f->trust[i], ip))
            return true;
    return false;
}

void lg_http_who(const struct lg_session *s, struct lg_http_who *who)
{
    const struct lg_cfg_listener *l = s->listener->cfg;
    const struct lg_tls_info *i = lg_session_tls_info(s);
    bool is_believed;
    struct lg_endpoint client, local;

    lg_session_addrs(s, &client, &local);
    is_believed = is_trusted(&l->forwarded, &client.ip);
    who->client = (struct lg_http_client){
        .ip = lg_ip_text(&client.ip, who->ip),
        .client_port = client.port,
        .default_host = i->sni[0] ? i->sni : lg_endpoint_text(&local, who->host),
        .port = local.port,
        .listener = l->name,
        .is_mutual = l->tls.client_auth != LG_AUTH_NONE,
        .has_cert = i->has_client_cert,
        .subject = i->subject,
        .issuer = i->issuer,
        .serial = i->serial,
        .fingerprint = i->fingerprint,
        .proto = s->tls ? "https" : "http",
        .sni = i->sni,
        .tls_version = i->version == 0           ? ""
                       : i->version == LG_TLS_13 ? "TLSv1.3"
                                                 : "TLSv1.2",
        .cipher = i->suite,
        .group = i->group,
        .resumed = i->resumed,
        .cert = s->tls ? lg_tls_client_cert(s->tls) : lg_span(NULL, 0),
        .chain = s->tls ? lg_tls_client_chain(s->tls) : lg_span(NULL, 0),
        .fwd_headers = (uint8_t)l->forwarded.headers,
        .fwd_keeps = l->forwarded.trust_cnt ? is_believed : l->forwarded.incoming == LG_FWD_APPEND,
        .fwd_trusts = is_believed,
        .via = l->forwarded.via,
    };
}

/* write_head puts the request head into s->bq as the backend shall see it; gives the status to
 * answer on failure. */
static uint16_t write_head(struct lg_session *s, const struct lg_vars *v)
{
    struct lg_http_scratch *m = s->p->http;
    struct lg_http_text text = {.p = m->out, .cap = sizeof m->out};
    struct lg_http_text target = {.p = m->target, .cap = sizeof m->target};
    const struct lg_rule *rule = s->http.rule;
    struct lg_http_changes ch = {.vars = v};

    if (rule->rewrite) {
        uint16_t status = lg_http_rewrite(rule->rewrite, v, &target);
        if (status)
            return status;
        ch.target = lg_span(target.p, target.len);
    }
    if (rule->request->cnt || rule->request->host)
        ch.edits = rule->request;
    const struct lg_sticky *sticky = s->snap->pools[s->pool_idx].sticky;
    if (sticky && sticky->cfg->strip)
        ch.take_cookie = sticky->name;
    lg_http_write_request(&m->head, v->client, &ch, &text);
    if (text.over)
        return 431;
    if (lg_bufq_write(&s->bq, s->p->env.pool, text.p, (uint32_t)text.len, 0) != text.len)
        return 503;
    return 0;
}

/* set_key: what the request's pool balances by. */
static void set_key(struct lg_session *s)
{
    const struct lg_cfg_balance *by = &lg_session_pool(s)->balance;
    struct lg_endpoint client, local;
    lg_span_t key;

    s->has_key = true;
    if (by->how == LG_BALANCE_SOURCE) {
        lg_session_addrs(s, &client, &local);
        s->key = lg_bal_hash(client.ip.b, sizeof client.ip.b);
    } else if (lg_http_key(&s->p->http->head, by, &key)) {
        s->key = lg_bal_hash(key.p, key.len);
    } else {
        s->has_key = false;
    }
}

/* find_sticky: the backend that the request's cookie names. */
static void find_sticky(struct lg_session *s)
{
    const struct lg_sticky *sticky = s->snap->pools[s->pool_idx].sticky;
    struct lg_http *h = &s->http;

    if (!sticky)
        return;
    enum lg_sticky_outcome o = lg_sticky_find(sticky, &s->p->http->head, &h->sticky_idx);
    if (o == LG_STICKY_BAD)
        lg_stat_inc(s->p->env.stats, LG_STAT_HTTP_STICKY_BAD);
    h->has_sticky = o == LG_STICKY_OLD || o == LG_STICKY_CURRENT;
    h->is_sticky_old = o == LG_STICKY_OLD;
}

/* route finds the rule, and what its templates are filled from; gives the status to answer when
 * there is none. */
static uint16_t route(struct lg_session *s, struct lg_vars *v)
{
    struct lg_http_scratch *m = s->p->http;
    struct lg_route_hit hit;
    size_t len;

    if (!lg_is_ok(lg_http_path_normal(m->head.path, m->path, &len)))
        return 400;
    v->head = &m->head;
    v->uri = lg_span(m->path, len);
    switch (lg_http_route_find(s->listener->rules, s->p->regex,
                               lg_span(m->head.host, m->head.host_len), v->uri, &hit)) {
    case LG_ROUTE_FOUND:
        break;
    case LG_ROUTE_NONE:
        return 404;
    case LG_ROUTE_LIMIT:
        lg_stat_inc(s->p->env.stats, LG_STAT_HTTP_REGEX_LIMIT);
        return 500;
    }
    s->http.rule = hit.rule;
    v->rest = hit.rest;
    memcpy(v->groups, hit.groups, sizeof v->groups);
    return 0;
}

/* has_host: what follows an absolute target's "//" is a host: $ssl_server_name may be empty, and
 * then browsers take the path for the host. */
static bool has_host(const struct lg_http_text *t)
{
    static const char *const none[] = {"http:///", "https:///"};

    for (size_t i = 0; i < LG_ARRAY_CNT(none); i++)
        if (t->len >= strlen(none[i]) && memcmp(t->p, none[i], strlen(none[i])) == 0)
            return false;
    return true;
}

/* redirect: a path stays a path of this host, however many '/' a group brings. */
static void redirect(struct lg_session *s, const struct lg_vars *v,
                     const struct lg_http_changes *ch)
{
    const struct lg_rule *rule = s->http.rule;
    struct lg_http_scratch *m = s->p->http;
    struct lg_http_text to = {.p = m->target, .cap = sizeof m->target}, body;
    char words[64];
    size_t lead = 0;

    lg_tmpl_put_uri(rule->redirect, v, &to);
    while (lead + 1 < to.len && to.p[lead] == '/' && to.p[lead + 1] == '/')
        lead++;
    if (to.over || to.len - lead > LG_HTTP_URI_MAX) {
        lg_http_fail(s, 414);
        return;
    }
    if (!has_host(&to)) {
        lg_http_fail(s, 400);
        return;
    }
    body = (struct lg_http_text){.p = words, .cap = sizeof words};
    lg_http_put_u64(&body, rule->cfg->redirect.status);
    lg_http_put_str(&body, " ");
    lg_http_put_str(&body, lg_http_reason(rule->cfg->redirect.status));
    lg_http_put_str(&body, "\n");
    struct lg_http_answer a = {.status = rule->cfg->redirect.status,
                               .type = "text/plain",
                               .body_sz = body.len,
                               .location = lg_span(to.p + lead, to.len - lead)};
    lg_stat_inc(s->p->env.stats, LG_STAT_HTTP_REDIRECTED);
    lg_http_answer(s, &a, lg_span(body.p, body.len), ch);
}

/* answer_by_rule answers what the rule answers without a backend. */
static void answer_by_rule(struct lg_session *s, const struct lg_vars *v)
{
    const struct lg_rule *rule = s->http.rule;
    const struct lg_vars of_conn = {.client = v->client};
    const struct lg_http_changes ch = {.edits = rule->response, .vars = &of_conn};

    if (rule->redirect) {
        redirect(s, v, &ch);
        return;
    }
    struct lg_http_answer a = {.status = (uint16_t)rule->cfg->respond.status,
                               .type = rule->cfg->respond.type,
                               .body_sz = rule->body.len};
    lg_stat_inc(s->p->env.stats, LG_STAT_HTTP_RESPONDED);
    lg_http_answer(s, &a, rule->body, &ch);
}

static void begin_exchange(struct lg_session *s)
{
    struct lg_http *h = &s->http;

    h->phase = LG_HP_EXCHANGE;
    h->sent_ns = s->p->now_ns;
    lg_session_plain_seg(s);
    if (h->is_idempotent && (s->back->is_reused || lg_session_pool(s)->retry_max > 0))
        (void)lg_q_copy(&h->replay, &s->bq, s->p->env.pool); /* without it: 502, no retry */
    lg_session_deadline(s, lg_ns_add(s->p->now_ns, s->listener->cfg->idle_timeout_ns));
}

void lg_http_begun(struct lg_session *s, lg_err_t begun)
{
    s->http.phase = LG_HP_CONNECT;
    s->http.is_said = lg_err_is(begun, LG_ERR_NO_BACKEND);
    if (!lg_is_ok(begun) && !lg_err_is(begun, LG_ERR_AGAIN)) {
        lg_access_blame(s, lg_access_begun_who(s, begun));
        lg_http_fail(s, lg_err_is(begun, LG_ERR_NO_ROUTE) ? 502 : 503);
    } else if (s->back && s->back->is_open) {
        begin_exchange(s);
    }
}

/* take_request handles the complete head of len bytes at the front of s->up. */
static void take_request(struct lg_session *s, uint32_t len)
{
    struct lg_http_scratch *m = s->p->http;
    struct lg_http *h = &s->http;
    struct lg_http_head *head = &m->head;

    lg_bufq_read(&s->up, m->in, len);
    h->scan = (struct lg_http_scan){0};
    lg_stat_inc(s->p->env.stats, LG_STAT_HTTP_REQUESTS);
    s->begun_tick = lg_session_tick(s);
    s->access.in = len;
    if (!lg_is_ok(lg_http_parse_request(lg_span(m->in, len), head))) {
        lg_http_refuse(s, head->refuse_status, head->refuse_why);
        return;
    }
    lg_access_head(s);
    h->is_head = head->is_head;
    h->is_idempotent = head->is_idempotent;
    h->client_11 = head->minor >= 1;
    h->client_keep = head->keep_alive;
    lg_http_body_init(&h->req, (enum lg_http_framing)head->framing, head->length);
    struct lg_http_who who;
    struct lg_vars vars = {.client = &who.client};
    lg_http_who(s, &who);
    uint16_t status = route(s, &vars);
    if (status == 0 && h->rule->cfg->pool_idx == LG_NO_POOL) {
        answer_by_rule(s, &vars);
        return;
    }
    if (status == 0) {
        s->pool_idx = h->rule->cfg->pool_idx;
        set_key(s);
        find_sticky(s);
        status = write_head(s, &vars);
    }
    if (status) {
        lg_http_fail(s, status);
        return;
    }
    s->tried_cnt = 0;
    lg_http_begun(s, lg_back_begin(s));
}

/* skip_blank: *= https://www.rfc-editor.org/rfc/rfc9112#section-2.2
 * *# a server that is expecting to receive and parse a request-line SHOULD ignore at least one
 * *# empty line (CRLF) received prior to the request-line.
 * One, not more. False: wait for its second byte. */
static bool skip_blank(struct lg_session *s)
{
    uint8_t b[2];
    uint32_t n = lg_bufq_copy_out(&s->up, 0, b, 2);
    if (s->http.had_blank || n == 0 || b[0] != '\r')
        return true;
    if (n == 2 && b[1] == '\n') {
        lg_bufq_trim(&s->up, 2);
        s->http.had_blank = true;
    }
    return n == 2;
}

/* read_head gathers the request head; true when something came of it. */
static bool read_head(struct lg_session *s)
{
    struct lg_http *h = &s->http;
    uint32_t max = s->listener->cfg->max_header_sz;

    if (!lg_q_is_short(&s->fp, LG_UP_BYTES))
        return false; /* it pipelines requests and does not read our replies */
    bool is_whole = h->phase == LG_HP_HEAD || skip_blank(s);
    if (!s->up.head || !is_whole) {
        if (s->rx_end == LG_RX_OPEN)
            return false;
        lg_session_finish(s, LG_FINISH_IN_ORDER);
        return true;
    }
    if (h->phase == LG_HP_IDLE) {
        h->phase = LG_HP_HEAD;
        lg_access_asks(s);
        lg_session_deadline(s, lg_ns_add(s->p->now_ns, s->listener->cfg->header_timeout_ns));
    }
    enum lg_http_scan_stop stop = lg_http_scan_head(&h->scan, &s->up);
    if (stop == LG_SCAN_BAD) {
        lg_http_refuse(s, 400, "bare LF or NUL in the head");
    } else if (stop == LG_SCAN_FOUND && h->scan.seen_sz <= LG_MIN(max, LG_HTTP_HEAD_MAX)) {
        take_request(s, h->scan.seen_sz);
    } else if (stop == LG_SCAN_FOUND || s->up.bytes >= max) {
        lg_http_refuse(s, 431, "header section too large");
    } else if (s->rx_end != LG_RX_OPEN) {
        lg_access_blame(s, 'C');
        lg_session_finish(s, LG_FINISH_CUT);
    } else {
        lg_q_compact(&s->up, s->p->env.pool);
        return false;
    }
    return true;
}

/* -- the request body -- */

static bool move_request(struct lg_session *s)
{
    struct lg_http *h = &s->http;
    bool moved = false;

    if (h->req.done || !lg_q_is_short(&s->bq, LG_UP_BYTES))
        return false;
    moved = lg_front_fill(s, LG_UP_BYTES);
    if (s->state != LG_S_HTTP)
        return true;
    uint32_t before = s->up.bytes;
    lg_err_t e = lg_http_body_move(&h->req, &s->up, &s->bq, LG_UP_BYTES, s->p->env.pool);
    if (lg_err_is(e, LG_ERR_AGAIN)) {
        s->has_more = true;
    } else if (!lg_is_ok(e)) {
        lg_http_refuse(s, 400, "malformed chunked body");
        return true;
    } else if (!h->req.done && !s->up.head && s->rx_end != LG_RX_OPEN) {
        lg_access_blame(s, 'C');
        lg_stat_inc(s->p->env.stats, LG_STAT_PROXY_TRUNCATED);
        lg_session_finish(s, LG_FINISH_CUT); /* resets the backend: the body must not look whole */
        return true;
    }
    if (before != s->up.bytes) {
        s->access.in += before - s->up.bytes;
        h->body_sent = true;
        lg_bufq_drop_all(&h->replay);
    }
    return moved || before != s->up.bytes || h->req.done;
}

/* wait_or_idle sets the deadline of an exchange: how long the backend may think once it has the
 * whole request, and else how long nothing may move. */
static void wait_or_idle(struct lg_session *s, bool moved)
{
    struct lg_http *h = &s->http;
    bool waits = h->req.done && !s->bq.head && !h->has_resp_head;

    if (waits && !h->is_waiting) {
        h->sent_ns = s->p->now_ns;
        lg_session_deadline(s, lg_ns_add(s->p->now_ns, lg_session_pool(s)->response_timeout_ns));
    } else if (!waits && moved) {
        lg_session_deadline(s, lg_ns_add(s->p->now_ns, s->listener->cfg->idle_timeout_ns));
    }
    h->is_waiting = waits;
}

static bool exchange(struct lg_session *s)
{
    bool moved = move_request(s);

    if (s->state != LG_S_HTTP || s->http.phase != LG_HP_EXCHANGE)
        return true;
    moved |= lg_back_tx(s);
    moved |= lg_back_fill(s);
    moved |= lg_http_response(s);
    if (s->state == LG_S_HTTP && s->http.phase == LG_HP_EXCHANGE)
        wait_or_idle(s, moved);
    return moved;
}

bool lg_http_step(struct lg_session *s)
{
    bool moved = lg_front_tx(s);

    if (s->state != LG_S_HTTP)
        return true;
    if (s->http.phase == LG_HP_EXCHANGE)
        return exchange(s) || moved;
    if (s->http.phase == LG_HP_CONNECT)
        return moved;
    moved |= lg_front_fill(s, s->listener->cfg->max_header_sz);
    if (s->state != LG_S_HTTP)
        return true;
    return read_head(s) || moved;
}

/* -- news of the backend connection -- */

void lg_http_back_open(struct lg_session *s)
{
    begin_exchange(s);
}

void lg_http_back_lost(struct lg_session *s, bool was_open)
{
    if (was_open) {
        s->back_reset = true; /* what it sent before can still be read: the next step decides */
        return;
    }
    lg_back_abort(s);
    lg_http_begun(s, lg_back_retry(s));
}

void lg_http_resend(struct lg_session *s, enum lg_resend where)
{
    struct lg_http *h = &s->http;

    lg_back_abort(s);
    lg_bufq_drop_all(&s->bq);
    lg_bufq_append(&s->bq, &h->replay);
    h->wants_fresh = true;
    h->is_waiting = false;
    if (where == LG_RESEND_ELSEWHERE) {
        lg_http_begun(s, lg_back_retry(s));
        return;
    }
    s->tried_cnt = 0;
    lg_http_begun(s, lg_back_begin(s));
}

void lg_http_deadline(struct lg_session *s)
{
    struct lg_http *h = &s->http;

    switch ((enum lg_http_phase)h->phase) {
    case LG_HP_IDLE:
        lg_session_finish(s, LG_FINISH_IN_ORDER);
        break;
    case LG_HP_HEAD:
        h->client_keep = false;
        lg_http_fail(s, 408);
        break;
    case LG_HP_CONNECT:
        if (s->wait_link) {
            lg_stat_inc(s->p->env.stats, LG_STAT_PROXY_QUEUE_TIMEOUT);
            lg_access_blame(s, 's');
            lg_http_fail(s, 503);
            break;
        }
        s->access.last_failure = 's';
        lg_back_failed(s);
        lg_http_back_lost(s, false);
        break;
    case LG_HP_EXCHANGE:
        if (!h->has_resp_head) {
            /* What of the request is here, and does not get on, waits for the backend. */
            bool is_its_fault = h->req.done || s->bq.head || s->back->fout.head;
            if (is_its_fault)
                lg_back_failed(s);
            lg_http_fail(s, is_its_fault ? 504 : 408);
            break;
        }
        lg_access_blame(s, s->fp.head || s->fout.head ? 'c' : 's');
        lg_stat_inc(s->p->env.stats, LG_STAT_PROXY_TIMEOUT);
        lg_session_abort(s);
        break;
    }
}
