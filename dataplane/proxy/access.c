/* SPDX-License-Identifier: GPL-2.0-or-later */
/* access.c: how a session comes to its line of the access log. The ring is access_ring.c. */
#include "proxy_priv.h"

#include "http_field.h"

/* ---------------------------------------------------------------- words of a request */

/* What a request's buf holds until its line is written: the head itself is gone by then. */
struct words {
    uint16_t len[LG_AT_CNT - LG_AT_REQUEST];
    bool is_http10, is_cut;
    char text[];
};

struct scribe {
    struct words *w;
    size_t at, cap; /* of w->text */
    uint32_t i;     /* the next text */
};

static void scribe_put(struct scribe *sc, lg_span_t text, size_t max)
{
    size_t fit = LG_MIN(LG_MIN(text.len, max), sc->cap - sc->at);

    if (fit)
        memcpy(sc->w->text + sc->at, text.p, fit);
    sc->at += fit;
    sc->w->len[sc->i++] = (uint16_t)fit;
    sc->w->is_cut |= fit < text.len;
}

static lg_span_t field_of(const struct lg_http_head *h, const char *name)
{
    lg_span_t want = lg_span_cstr(name);

    for (uint32_t i = 0; i < h->field_cnt; i++)
        if (lg_http_is_same(h->fields[i].name, want))
            return h->fields[i].value;
    return lg_span(NULL, 0);
}

static void put_words(struct scribe *sc, const struct lg_cfg_log *cfg, const struct lg_http_head *h)
{
    const uint8_t *mark = h->path.len ? memchr(h->path.p, '?', h->path.len) : NULL;
    size_t path_len = mark ? (size_t)(mark - h->path.p) : h->path.len;
    lg_span_t query = lg_span(NULL, 0);

    if (mark && cfg->query)
        query = lg_span(mark + 1, h->path.len - path_len - 1);
    scribe_put(sc, h->method, LG_ACCESS_METHOD_MAX);
    scribe_put(sc, lg_span(h->host, h->host_len), LG_ACCESS_HOST_MAX);
    scribe_put(sc, path_len ? lg_span(h->path.p, path_len) : LG_SPAN_STR("/"), LG_ACCESS_PATH_MAX);
    scribe_put(sc, query, LG_ACCESS_QUERY_MAX);
    for (uint32_t i = 0; i < cfg->header_cnt; i++)
        scribe_put(sc, field_of(h, cfg->headers[i]), LG_ACCESS_HEADER_MAX);
}

static void drop_words(struct lg_session *s)
{
    lg_buf_give(s->access.words);
    s->access.words = NULL;
}

void lg_access_head(struct lg_session *s)
{
    struct lg_access *a = &s->access;
    const struct lg_http_head *h = &s->p->http->head;

    if (!a->open)
        return;
    a->asked_us = lg_access_us(s);
    if (a->words)
        return;
    a->words = lg_buf_take(s->p->env.pool); /* without one the line says less */
    if (!a->words)
        return;
    struct words *w = (struct words *)(void *)a->words->data;
    _Static_assert(LG_BUF_HEADROOM % alignof(struct words) == 0, "words are aligned");
    struct scribe sc = {.w = w, .cap = lg_buf_tailroom(a->words) - sizeof *w};
    *w = (struct words){.is_http10 = h->minor == 0};
    put_words(&sc, &s->snap->cfg->log, h);
}

/* ---------------------------------------------------------------- a record */

static char phase_of(const struct lg_session *s)
{
    const struct lg_http *h = &s->http;

    if (s->state == LG_S_HANDSHAKE)
        return 'T';
    if (s->wait_link)
        return 'Q';
    if (s->state == LG_S_RELAY)
        return s->back_rx_done || (s->back && s->back->is_open) ? 'D' : 'C';
    if (s->state != LG_S_HTTP)
        return 'L';
    if (h->phase == LG_HP_IDLE || h->phase == LG_HP_HEAD)
        return 'R';
    return h->phase == LG_HP_CONNECT ? 'C' : h->has_resp_head ? 'D' : 'H';
}

void lg_access_blame(struct lg_session *s, char who)
{
    struct lg_access *a = &s->access;

    if (!a->open || a->who)
        return;
    a->who = (uint8_t)who;
    a->phase = (uint8_t)phase_of(s);
}

char lg_access_begun_who(const struct lg_session *s, lg_err_t begun)
{
    if (lg_err_is(begun, LG_ERR_FULL) || lg_err_is(begun, LG_ERR_NO_PORT))
        return 'R';
    return s->access.last_failure ? (char)s->access.last_failure : 'S';
}

/* since: from mark a to mark b, in ns; never before both have come. */
static lg_ns_t since(uint32_t a_us, uint32_t b_us)
{
    return a_us && b_us ? LG_US((lg_ns_t)(b_us > a_us ? b_us - a_us : 0)) : LG_NS_NEVER;
}

static void put_times(const struct lg_session *s, struct lg_access_rec *rec)
{
    const struct lg_access *a = &s->access;
    bool is_request = rec->event == LG_LOG_REQUEST;

    rec->time_ns[LG_AX_HANDSHAKE] = LG_US((lg_ns_t)a->handshake_us);
    rec->time_ns[LG_AX_IDLE] = is_request ? LG_US((lg_ns_t)a->idle_us) : LG_NS_NEVER;
    rec->time_ns[LG_AX_REQUEST] =
        is_request && a->asked_us ? LG_US((lg_ns_t)a->asked_us) : LG_NS_NEVER;
    rec->time_ns[LG_AX_QUEUE] = since(a->asked_us, a->dialled_us);
    rec->time_ns[LG_AX_CONNECT] = since(a->dialled_us, a->open_us);
    rec->time_ns[LG_AX_RESPONSE] = since(a->open_us, a->answered_us);
    rec->time_ns[LG_AX_TOTAL] = lg_ns_since(s->p->now_ns, a->base_ns);
    if (rec->event == LG_LOG_HANDSHAKE)
        rec->time_ns[LG_AX_HANDSHAKE] = rec->time_ns[LG_AX_TOTAL];
}

static void put_tls(const struct lg_session *s, struct lg_access_rec *rec)
{
    const struct lg_tls_info *i = lg_tls_get_info(s->tls);

    rec->suite = i->suite;
    rec->group = i->group;
    rec->tls_version = i->version;
    rec->is_resumed = i->resumed;
    rec->has_cert = i->has_client_cert;
    rec->is_mutual = s->listener->cfg->tls.client_auth != LG_AUTH_NONE;
    rec->is_refused = !i->has_client_cert && i->subject[0];
    rec->is_alert_rx = i->reason == LG_TLS_R_PEER_ALERT;
    rec->alert = rec->is_alert_rx ? i->alert_received : i->alert_sent;
    lg_access_text_put(rec, LG_AT_ALPN, i->alpn, strlen(i->alpn));
    lg_access_text_put(rec, LG_AT_SNI, i->sni, strlen(i->sni));
    lg_access_text_put(rec, LG_AT_SUBJECT, i->subject, strlen(i->subject));
    lg_access_text_put(rec, LG_AT_ISSUER, i->issuer, strlen(i->issuer));
    lg_access_text_put(rec, LG_AT_SERIAL, i->serial, strlen(i->serial));
    lg_access_text_put(rec, LG_AT_FINGERPRINT, i->fingerprint, strlen(i->fingerprint));
}

static void put_request(const struct lg_session *s, struct lg_access_rec *rec)
{
    const struct lg_buf *b = s->access.words;

    if (!b) {
        rec->is_cut = true;
        return;
    }
    const struct words *w = (const struct words *)(const void *)b->data;
    const char *at = w->text;
    rec->is_http10 = w->is_http10;
    rec->is_cut |= w->is_cut;
    for (uint32_t i = 0; i < LG_AT_CNT - LG_AT_REQUEST; at += w->len[i++])
        lg_access_text_put(rec, (enum lg_access_text)(LG_AT_REQUEST + i), at, w->len[i]);
}

static void fill(const struct lg_session *s, enum lg_log_event event, struct lg_access_rec *rec)
{
    const struct lg_access *a = &s->access;
    struct lg_tcp_tuple t;

    lg_tcp_get_tuple(s->front, &t);
    *rec = (struct lg_access_rec){
        .snap = s->snap,
        .suite = "",
        .group = "",
        .reason = a->reason ? a->reason : "",
        .at_ns = s->p->now_ns,
        .bytes_in = a->in,
        .bytes_out = a->out,
        .peer = {t.remote_ip, t.remote_port},
        .connection = a->connection,
        .listener_idx = s->listener->idx,
        .pool_idx = a->has_pool ? s->pool_idx : UINT32_MAX,
        .backend_idx = a->attempts ? a->backend_idx : UINT32_MAX,
        .status = a->status,
        .event = (uint8_t)event,
        .who = a->who ? a->who : '-',
        .phase = a->who ? a->phase : '-',
        .retries = a->attempts ? (uint8_t)(a->attempts - 1) : 0,
        .is_reused = a->is_reused,
    };
    lg_session_addrs(s, &rec->client, &rec->local);
    put_times(s, rec);
    if (s->tls)
        put_tls(s, rec);
    if (event == LG_LOG_REQUEST)
        put_request(s, rec);
}

static bool is_wanted(const struct lg_session *s)
{
    const struct lg_access *a = &s->access;

    bool is_error = (a->who && a->who != 'L') || a->attempts > 1 || a->status >= 500;

    return is_error || s->listener->cfg->log != LG_LOG_ERRORS;
}

static void put(struct lg_session *s, enum lg_log_event event)
{
    struct lg_access_ring *ring = s->p->access;
    struct lg_access_rec *rec = ring ? lg_access_ring_begin(ring, s->p->env.stats) : NULL;

    if (!rec)
        return;
    fill(s, event, rec);
    lg_access_ring_put(ring, s->p->env.stats);
}

/* ---------------------------------------------------------------- the hooks */

void lg_access_accept(struct lg_session *s)
{
    struct lg_access *a = &s->access;

    a->base_ns = s->p->now_ns;
    a->is_on = s->p->access && s->listener->cfg->log != LG_LOG_NONE;
    if (!a->is_on)
        return;
    a->connection = ++s->p->connection;
    a->open = 1 + LG_LOG_HANDSHAKE;
}

void lg_access_shaken(struct lg_session *s)
{
    struct lg_access *a = &s->access;

    if (!a->is_on)
        return;
    uint32_t us = lg_access_us(s);
    a->handshake_us = s->tls ? us : 0;
    if (!lg_listener_reads_http(s->listener->cfg->type)) {
        a->open = 1 + LG_LOG_CONNECTION;
        a->asked_us = us;
    } else {
        a->open = 0;
        a->base_ns = s->p->now_ns;
    }
}

bool lg_access_failed(struct lg_session *s, const char *reason)
{
    struct lg_access *a = &s->access;

    if (!a->is_on || a->open != 1 + LG_LOG_HANDSHAKE)
        return a->is_on;
    a->reason = reason;
    a->open = 0;
    if (s->has_input || s->snap->cfg->log.empty)
        put(s, LG_LOG_HANDSHAKE);
    return true;
}

void lg_access_asks(struct lg_session *s)
{
    struct lg_access *a = &s->access;

    if (!a->is_on)
        return;
    a->idle_us = lg_access_us(s);
    a->base_ns = s->p->now_ns;
    a->open = 1 + LG_LOG_REQUEST;
}

void lg_access_attempt(struct lg_session *s, uint32_t idx)
{
    struct lg_access *a = &s->access;

    if (!a->open)
        return;
    if (!a->dialled_us)
        a->dialled_us = lg_access_us(s);
    a->open_us = 0;
    a->backend_idx = idx;
    a->is_reused = false;
    if (a->attempts < UINT8_MAX)
        a->attempts++;
}

void lg_access_done(struct lg_session *s)
{
    struct lg_access *a = &s->access;

    if (!a->open)
        return;
    enum lg_log_event event = (enum lg_log_event)(a->open - 1);
    if (event == LG_LOG_HANDSHAKE) { /* it ended without a word of TLS */
        lg_access_failed(s, a->reason ? a->reason : "closed");
        return;
    }
    if (is_wanted(s))
        put(s, event);
    drop_words(s);
    *a =
        (struct lg_access){.base_ns = s->p->now_ns, .connection = a->connection, .is_on = a->is_on};
}
