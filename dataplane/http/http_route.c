/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_route.c: Host and path to a route. */
#include "http_route.h"

static int hex(uint8_t b)
{
    if (b >= '0' && b <= '9')
        return b - '0';
    if ((b | 0x20) >= 'a' && (b | 0x20) <= 'f')
        return (b | 0x20) - 'a' + 10;
    return -1;
}

static bool is_unreserved(int b)
{
    return (b >= '0' && b <= '9') || ((b | 0x20) >= 'a' && (b | 0x20) <= 'z') || b == '-' ||
           b == '.' || b == '_' || b == '~';
}

/* decode copies the path part, unreserved percent codes decoded. */
static lg_err_t decode(lg_span_t path, char *out, size_t *len)
{
    size_t n = 0;
    for (size_t i = 0; i < path.len && path.p[i] != '?'; i++) {
        if (path.p[i] != '%') {
            out[n++] = (char)path.p[i];
            continue;
        }
        LG_CHECK(i + 2 < path.len, LG_E(HTTP_BAD));
        int hi = hex(path.p[i + 1]), lo = hex(path.p[i + 2]);
        LG_CHECK(hi >= 0 && lo >= 0 && (hi || lo), LG_E(HTTP_BAD));
        if (is_unreserved(hi << 4 | lo)) {
            out[n++] = (char)(hi << 4 | lo);
        } else { /* one spelling for each code: upper case */
            out[n++] = '%';
            out[n++] = "0123456789ABCDEF"[hi];
            out[n++] = "0123456789ABCDEF"[lo];
        }
        i += 2;
    }
    *len = n;
    return LG_OK;
}

/* parent takes the last segment off; p[0..n) is empty or begins with '/' and ends without. */
static bool parent(const char *p, size_t *n)
{
    if (*n == 0)
        return false;
    while (p[*n - 1] != '/')
        --*n;
    --*n;
    return true;
}

lg_err_t lg_http_path_normal(lg_span_t path, char *out, size_t *len)
{
    size_t in_len, n = 0, i = 0;
    bool is_dir = true;

    LG_TRY(decode(path, out, &in_len));
    if (in_len && out[0] != '/')
        in_len = 0; /* "*", and nothing else: routed like "/" */
    /* In place: the written part never passes the read part. */
    while (i < in_len) {
        while (i < in_len && out[i] == '/')
            i++;
        size_t seg = i;
        while (i < in_len && out[i] != '/')
            i++;
        size_t seg_len = i - seg;
        is_dir = true;
        if (seg_len == 0 || (seg_len == 1 && out[seg] == '.'))
            continue;
        if (seg_len == 2 && out[seg] == '.' && out[seg + 1] == '.') {
            LG_CHECK(parent(out, &n), LG_E(HTTP_BAD));
            continue;
        }
        out[n++] = '/';
        memmove(out + n, out + seg, seg_len);
        n += seg_len;
        is_dir = i < in_len;
    }
    if (is_dir)
        out[n++] = '/';
    *len = n;
    return LG_OK;
}

enum host_rank { HOST_NO, HOST_ANY, HOST_WILD, HOST_EXACT }; /* better and better */

static enum host_rank match_host(const char *pattern, lg_span_t host)
{
    if (strcmp(pattern, "*") == 0)
        return HOST_ANY;
    if (pattern[0] != '*')
        return lg_span_eq(lg_span_cstr(pattern), host) ? HOST_EXACT : HOST_NO;
    const uint8_t *dot = host.len ? memchr(host.p, '.', host.len) : NULL;
    if (!dot || dot == host.p)
        return HOST_NO;
    lg_span_t rest = lg_span(dot, host.len - (size_t)(dot - host.p));
    return lg_span_eq(lg_span_cstr(pattern + 1), rest) ? HOST_WILD : HOST_NO;
}

/* match_path: the prefix ends at a segment's end. */
static bool match_path(const char *prefix, size_t len, lg_span_t path)
{
    if (len == 0 || path.len < len || memcmp(path.p, prefix, len) != 0)
        return false;
    return path.len == len || prefix[len - 1] == '/' || path.p[len] == '/';
}

static bool match_rule(const struct lg_rule *r, lg_span_t path)
{
    if (r->cfg->match == LG_PATH_PREFIX)
        return match_path(r->cfg->path, r->path_len, path);
    return path.len == r->path_len && memcmp(path.p, r->cfg->exact, path.len) == 0;
}

/* The best so far. */
struct best {
    const struct lg_rule *rule; /* NULL: none yet */
    enum host_rank rank;
};

/* find_text looks at the routes without expressions. */
static void find_text(const struct lg_rules *rules, lg_span_t host, lg_span_t path,
                      struct best *best)
{
    for (uint32_t i = 0; i < rules->cnt; i++) {
        const struct lg_rule *r = &rules->list[i];
        if (r->cfg->match == LG_PATH_REGEX)
            continue;
        enum host_rank rank = match_host(r->cfg->host, host);
        if (rank == HOST_NO || rank < best->rank)
            continue;
        bool is_better =
            rank > best->rank || r->cfg->match > best->rule->cfg->match ||
            (r->cfg->match == best->rule->cfg->match && r->path_len > best->rule->path_len);
        if (is_better && match_rule(r, path))
            *best = (struct best){r, rank};
    }
}

/* find_regex looks at the expressions of one kind of host. */
static enum lg_regex_outcome find_regex(const struct lg_rules *rules, struct lg_regex_core *core,
                                        lg_span_t host, enum host_rank rank,
                                        struct lg_route_hit *hit, lg_span_t path)
{
    for (uint32_t k = 0; k < rules->regex_cnt; k++) {
        const struct lg_rule *r = &rules->list[rules->regex_idx[k]];
        if (match_host(r->cfg->host, host) != rank)
            continue;
        enum lg_regex_outcome o = lg_regex_match(core, r->regex, path, hit->groups);
        if (o == LG_REGEX_HIT)
            hit->rule = r;
        if (o != LG_REGEX_MISS)
            return o;
    }
    return LG_REGEX_MISS;
}

enum lg_route_outcome lg_http_route_find(const struct lg_rules *rules, struct lg_regex_core *core,
                                         lg_span_t host, lg_span_t path, struct lg_route_hit *hit)
{
    struct best best = {NULL, HOST_NO};

    *hit = (struct lg_route_hit){0};
    find_text(rules, host, path, &best);
    bool is_exact = best.rule && best.rule->cfg->match == LG_PATH_EXACT;
    for (int rank = HOST_EXACT; rules->regex_cnt && rank > HOST_NO; rank--) {
        if (rank < (int)best.rank || (rank == (int)best.rank && is_exact))
            break;
        enum lg_regex_outcome o = find_regex(rules, core, host, (enum host_rank)rank, hit, path);
        if (o != LG_REGEX_MISS)
            return o == LG_REGEX_HIT ? LG_ROUTE_FOUND : LG_ROUTE_LIMIT;
    }
    hit->rule = best.rule;
    if (!best.rule)
        return LG_ROUTE_NONE;
    if (!is_exact) {
        size_t from = best.rule->path_len - (best.rule->cfg->path[best.rule->path_len - 1] == '/');
        hit->rest = lg_span(path.p + from, path.len - from);
    }
    return LG_ROUTE_FOUND;
}

/* ---------------------------------------------------------------- rewriting */

/* has_dots: a segment of the path is "." or "..", also when a dot is written as "%2E": a request's
 * query has not been brought into normal form, and a template may put it into the path. */
static bool has_dots(const char *p, size_t len)
{
    const char *query = memchr(p, '?', len);
    size_t dots = 0, path_len = query ? (size_t)(query - p) : len;
    bool is_dots = true; /* nothing else in this segment so far */

    for (size_t i = 0; i < path_len; i++) {
        bool is_coded =
            path_len - i > 2 && p[i] == '%' && p[i + 1] == '2' && (p[i + 2] | 0x20) == 'e';
        if (p[i] == '/') {
            if (is_dots && (dots == 1 || dots == 2))
                return true;
            is_dots = true;
            dots = 0;
        } else if (p[i] == '.' || is_coded) {
            dots++;
            i += is_coded ? 2 : 0;
        } else {
            is_dots = false;
        }
    }
    return is_dots && (dots == 1 || dots == 2);
}

uint16_t lg_http_rewrite(const struct lg_tmpl *tmpl, const struct lg_vars *v,
                         struct lg_http_text *out)
{
    lg_http_put_str(out, "/");
    lg_tmpl_put_uri(tmpl, v, out);
    size_t lead = 1;
    while (lead < out->len && out->p[lead] == '/')
        lead++;
    memmove(out->p + 1, out->p + lead, out->len - lead);
    out->len -= lead - 1;
    const lg_span_t target = v->head->path;
    const uint8_t *query = target.len ? memchr(target.p, '?', target.len) : NULL;
    if (query && !tmpl->has_query)
        lg_http_put(out, (const char *)query, target.len - (size_t)(query - target.p));
    if (out->over || out->len > LG_HTTP_URI_MAX)
        return 414;
    return has_dots(out->p, out->len) ? 400 : 0;
}
