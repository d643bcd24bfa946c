/* SPDX-License-Identifier: GPL-2.0-or-later */
/* told.c: the PROXY protocol in sessions: whose header is believed, and what backends are told. The
 * header itself is pp.c. */
#include "proxy_priv.h"

bool lg_told_wants(const struct lg_listener *l, const lg_ip_t *from)
{
    for (uint32_t i = 0; i < l->cfg->pp_from_cnt; i++)
        if (lg_prefix_has(&l->cfg->pp_from[i], from))
            return true;
    return false;
}

void lg_told_refuse(struct lg_session *s)
{
    struct lg_proxy *p = s->p;
    char client[LG_ENDPOINT_STR_SZ];

    lg_stat_inc(p->env.stats, LG_STAT_PROXY_HDR_BAD);
    s->access.reason = "no PROXY header, or a malformed one";
    lg_access_blame(s, 'P');
    /* A connection without a byte is a health check: not worth a warning. */
    lg_logring_put(p->env.log, p->env.stats, s->has_input ? LG_LOG_WARN : LG_LOG_DEBUG,
                   "client %s listener %s: closed: no PROXY header, or a malformed one",
                   lg_session_client_text(s, client), s->listener->cfg->name);
}

lg_err_t lg_told_read(struct lg_session *s)
{
    struct lg_proxy *p = s->p;
    uint8_t *raw = p->http->in;
    size_t used = 0;

    _Static_assert(LG_PP_IN_MAX <= LG_HTTP_HEAD_MAX, "a header fits into the scratch");
    uint32_t n = lg_bufq_copy_out(&s->cin, 0, raw, LG_PP_IN_MAX);
    lg_err_t e = lg_pp_parse(lg_span(raw, n), &s->pp, &used);
    if (lg_err_is(e, LG_ERR_AGAIN) && !lg_tcp_rx_done(s->front))
        return e;
    s->wants_pp = false;
    if (lg_is_ok(e)) {
        lg_bufq_trim(&s->cin, (uint32_t)used);
        s->has_pp = !s->pp.is_local;
        lg_stat_inc(p->env.stats, LG_STAT_PROXY_HDR_TAKEN);
        return LG_OK;
    }
    lg_told_refuse(s);
    return LG_E(FORMAT);
}

static bool send_header(struct lg_proxy *p, struct lg_tcp_conn *c, enum lg_proxy_protocol how,
                        const struct lg_pp_say *say)
{
    uint8_t raw[LG_PP_OUT_MAX];
    size_t len = how == LG_PP_V1 ? lg_pp_build_v1(say, raw) : lg_pp_build_v2(say, raw);
    struct lg_bufq q = {0};

    if (lg_bufq_write(&q, p->env.pool, raw, (uint32_t)len, lg_tcp_mss(c)) != len) {
        lg_bufq_drop_all(&q);
        return false;
    }
    lg_tcp_send(c, &q);
    return true;
}

bool lg_told_backend(struct lg_session *s)
{
    const struct lg_tls_info *i = lg_session_tls_info(s);
    struct lg_pp_say say = {
        .has_tls = s->tls != NULL,
        .has_cert = i->has_client_cert,
        .alpn = i->alpn,
        .authority = i->sni,
        .version = i->version == LG_TLS_13 ? "TLSv1.3" : "TLSv1.2",
        .cipher = i->suite,
        .group = i->group,
        .sig_scheme = i->sig_scheme,
        .cn = i->cn,
        .client_cert = s->tls ? lg_tls_client_cert(s->tls) : lg_span(NULL, 0),
    };

    lg_session_addrs(s, &say.addrs.src, &say.addrs.dst);
    return send_header(s->p, s->back->c, lg_session_pool(s)->proxy_protocol, &say);
}

bool lg_told_check(struct lg_proxy *p, struct lg_tcp_conn *c, const struct lg_cfg_pool *pool)
{
    const struct lg_pp_say say = {.addrs = {.is_local = true},
                                  .alpn = "",
                                  .authority = "",
                                  .version = "",
                                  .cipher = "",
                                  .group = "",
                                  .sig_scheme = "",
                                  .cn = ""};
    return send_header(p, c, pool->proxy_protocol, &say);
}
