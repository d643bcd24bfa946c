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

enum host_rank { HOST_NO, HOST_ANY, HOST_WILD, HOST_EXACT };

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

uint32_t lg_http_route_find(const struct lg_cfg_listener *l, lg_span_t host, lg_span_t path)
{
    uint32_t best = LG_ROUTE_NONE;
    enum host_rank best_rank = HOST_NO;
    size_t best_len = 0;

    for (uint32_t i = 0; i < l->route_cnt; i++) {
        const struct lg_cfg_http_route *r = &l->routes[i];
        enum host_rank rank = match_host(r->host, host);
        size_t len = strlen(r->path);
        if (rank == HOST_NO || rank < best_rank || (rank == best_rank && len <= best_len))
            continue;
        if (!match_path(r->path, len, path))
            continue;
        best = i;
        best_rank = rank;
        best_len = len;
    }
    return best;
}
