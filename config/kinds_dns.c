/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* kinds_dns.c: backends by address or by name, and who is asked for names. */
#include "schema.h"

#include <ctype.h>
#include <string.h>

#define NAME_MAX_LEN 253u /* RFC 1035: 255 bytes on the wire */

/* is_dns_name: labels of letters, digits, '-' and '_', the last one not a number (it would be an
 * address with a mistake in it). */
static bool is_dns_name(const char *s, size_t len)
{
    size_t label = 0;
    bool is_number = true;

    for (size_t i = 0; i <= len; i++) {
        if (i == len || s[i] == '.') {
            if (label < 1 || label > 63)
                return false;
            if (i < len)
                is_number = true;
            label = 0;
            continue;
        }
        if (!isalnum((unsigned char)s[i]) && s[i] != '-' && s[i] != '_')
            return false;
        is_number = is_number && isdigit((unsigned char)s[i]);
        label++;
    }
    return len <= NAME_MAX_LEN && !is_number;
}

/* take_port reads 1 to 65535, the whole rest of the text. */
static bool take_port(const char *s, uint16_t *out)
{
    uint32_t v = 0;

    if (!isdigit((unsigned char)*s) || strlen(s) > 5)
        return false;
    for (; *s; s++) {
        if (!isdigit((unsigned char)*s))
            return false;
        v = v * 10 + (uint32_t)(*s - '0');
    }
    *out = (uint16_t)v;
    return v >= 1 && v <= 65535;
}

static bool read_name(struct lg_walk *w, const struct lg_node *n, struct lg_cfg_backend *be)
{
    char low[NAME_MAX_LEN + 1];
    const char *colon = strrchr(n->text, ':');
    size_t len = colon ? (size_t)(colon - n->text) : 0;

    if (!colon || len >= sizeof low || !is_dns_name(n->text, len) ||
        !take_port(colon + 1, &be->addr.port))
        return false;
    for (size_t i = 0; i < len; i++)
        low[i] = (char)tolower((unsigned char)n->text[i]);
    be->host = lg_keep(w, low, len);
    return be->host != NULL;
}

/* Written beside the address is the name, which is why it gets its struct from the offset. */
static bool read_backend(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                         struct lg_node *n, void *dst)
{
    static const char expected[] =
        "an address and port such as 192.0.2.1:80 or [2001:db8::1]:80, or a name and port such as "
        "app.example.com:80";
    struct lg_cfg_backend *be = (struct lg_cfg_backend *)(void *)((uint8_t *)dst - f->off);

    if (!lg_need_scalar(w, path, n, expected))
        return false;
    if (read_name(w, n, be))
        return true;
    const char *colon = strrchr(n->text, ':');
    size_t len = colon ? (size_t)(colon - n->text) : n->len;
    if (is_dns_name(n->text, len))
        return lg_wrong(w, path, n, expected, colon ? "; a port is 1 to 65535" : "; add the port");
    return lg_kind_endpoint.read(w, f, path, n, dst);
}
const struct lg_kind lg_kind_backend = {
    "address:port or name:port", 0, read_backend,
    "\"type\": \"string\", \"pattern\": "
    "\"^([A-Za-z0-9._-]+|\\\\[[0-9A-Fa-f.:]+\\\\]):[0-9]{1,5}$\""};

static bool read_nameserver(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                            struct lg_node *n, void *dst)
{
    static const char expected[] =
        "an address such as 192.0.2.53, or with its port 192.0.2.53:5353";
    struct lg_endpoint e = {.port = 53};
    lg_span_t text = lg_span(n->text, n->len);

    (void)f;
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    if (!lg_is_ok(lg_ip_parse(text, &e.ip)) && !lg_is_ok(lg_endpoint_parse(text, &e)))
        return lg_wrong(w, path, n, expected, "");
    if (lg_ip_is_any(&e.ip) || lg_ip_is_multicast(&e.ip))
        return lg_wrong(w, path, n, "the address of one machine", "");
    memcpy(dst, &e, sizeof e);
    return true;
}
const struct lg_kind lg_kind_nameserver = {"address, or address:port", sizeof(struct lg_endpoint),
                                           read_nameserver,
                                           "\"type\": \"string\", \"pattern\": "
                                           "\"^[0-9A-Fa-f.:\\\\[\\\\]]+$\""};
