/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hello.c: a bounded parser of ClientHello. */
#include "hello.h"

enum { REC_ALERT = 21, REC_HANDSHAKE = 22, HS_CLIENT_HELLO = 1 };
enum {
    EXT_SERVER_NAME = 0,
    EXT_STATUS_REQUEST = 5,
    EXT_SUPPORTED_GROUPS = 10,
    EXT_SIGNATURE_ALGORITHMS = 13,
    EXT_ALPN = 16,
    EXT_EXTENDED_MASTER_SECRET = 23,
    EXT_SESSION_TICKET = 35,
    EXT_PRE_SHARED_KEY = 41,
    EXT_SUPPORTED_VERSIONS = 43,
    EXT_PSK_MODES = 45,
    EXT_KEY_SHARE = 51,
    PSK_DHE_KE = 1,
    STATUS_OCSP = 1,
    PSK_CNT_MAX = 32, /* more than any client offers; each costs memory */
    SHARE_CNT_MAX = 32,
    EXT_CNT_MAX = 128, /* more extensions than any client has sent: the rest is refused */
};

static enum lg_first first_text(lg_span_t s)
{
    static const char methods[][5] = {"GET ", "POST", "HEAD", "PUT ", "OPTI",
                                      "DELE", "CONN", "TRAC", "PATC", "PRI "};
    for (size_t i = 0; i < LG_ARRAY_CNT(methods); i++) {
        size_t n = LG_MIN(s.len, 4u);
        if (memcmp(s.p, methods[i], n) == 0)
            return n < 4 ? LG_FIRST_MORE : LG_FIRST_HTTP;
    }
    return LG_FIRST_OTHER;
}

enum lg_first lg_hello_first(lg_span_t s)
{
    if (s.len == 0)
        return LG_FIRST_MORE;
    if (s.p[0] != REC_HANDSHAKE && s.p[0] != REC_ALERT)
        return first_text(s);
    if (s.len > 1 && s.p[1] != 3)
        return LG_FIRST_OTHER;
    if (s.len < LG_REC_HDR_SZ)
        return LG_FIRST_MORE;
    uint32_t len = lg_get_be16(s.p + 3);
    if (s.p[0] == REC_ALERT)
        return len == 2 ? LG_FIRST_ALERT : LG_FIRST_OTHER;
    return len == 0 || len > LG_REC_PLAIN_MAX ? LG_FIRST_LEN : LG_FIRST_TLS;
}

enum lg_hello_step lg_hello_add(struct lg_hello_asm *a, lg_span_t payload, uint32_t sz)
{
    for (size_t i = 0; i < payload.len && i < sz && a->have_sz + i < sizeof a->hdr; i++)
        a->hdr[a->have_sz + i] = payload.p[i];
    a->have_sz += sz;
    a->raw_sz += sz + LG_REC_HDR_SZ;
    if (a->hdr[0] != HS_CLIENT_HELLO)
        return LG_HELLO_BAD_TYPE;
    if (a->have_sz >= sizeof a->hdr) {
        a->need_sz = (uint32_t)(a->hdr[1] << 16 | a->hdr[2] << 8 | a->hdr[3]) + 4;
        if (a->need_sz > LG_HELLO_MAX_SZ + 4)
            return LG_HELLO_TOO_LONG;
        /* Only a second message behind the hello could make it longer: none is allowed there. */
        if (a->have_sz > a->need_sz)
            return LG_HELLO_BAD_TYPE;
        if (a->have_sz == a->need_sz)
            return LG_HELLO_WHOLE;
    }
    return a->raw_sz > LG_HELLO_RAW_MAX_SZ ? LG_HELLO_TOO_LONG : LG_HELLO_MORE;
}

static bool is_name_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool lg_hello_name(lg_span_t raw, char out[LG_HELLO_NAME_SZ])
{
    size_t len = raw.len, label = 0;
    bool last_numeric = true;
    if (len > 0 && raw.p[len - 1] == '.')
        len--;
    if (len == 0 || len > 253)
        return false;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = raw.p[i];
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c | 0x20);
        out[i] = (char)c;
        if (c == '.') {
            if (label == 0)
                return false;
            label = 0;
            last_numeric = true;
            continue;
        }
        if (!is_name_char(c) || ++label > 63)
            return false;
        if (c < '0' || c > '9')
            last_numeric = false;
    }
    out[len] = 0;
    /*= https://www.rfc-editor.org/rfc/rfc6066#section-3
     *# Literal IPv4 and IPv6 addresses are not permitted in "HostName". */
    return label > 0 && !last_numeric;
}

static enum lg_hello_err parse_sni(lg_span_t data, struct lg_hello *h)
{
    struct lg_cur c = lg_cur(data);
    struct lg_cur list = lg_cur(lg_cur_vec16(&c));
    uint8_t type = lg_cur_u8(&list);
    lg_span_t name = lg_cur_vec16(&list);
    if (c.failed || list.failed || lg_cur_left(&c) || lg_cur_left(&list) || type != 0)
        return LG_HELLO_E_DECODE;
    if (lg_hello_name(name, h->sni)) {
        h->sni_raw = name;
        return LG_HELLO_OK;
    }
    /* Health checks and load generators put the address they were given here: no fault worth a
     * refusal, but no certificate has such a name either. */
    h->sni[0] = 0;
    h->has_odd_name = true;
    return LG_HELLO_OK;
}

static bool parse_alpn(lg_span_t data, struct lg_hello *h)
{
    struct lg_cur c = lg_cur(data);
    h->alpn = lg_cur_vec16(&c);
    h->has_alpn = true;
    if (c.failed || lg_cur_left(&c) || h->alpn.len == 0)
        return false;
    struct lg_cur list = lg_cur(h->alpn);
    while (lg_cur_left(&list))
        if (lg_cur_vec8(&list).len == 0)
            return false;
    return !list.failed;
}

static bool parse_u16_list(lg_span_t data, bool short_len, lg_span_t *out)
{
    struct lg_cur c = lg_cur(data);
    *out = short_len ? lg_cur_vec8(&c) : lg_cur_vec16(&c);
    return !c.failed && lg_cur_left(&c) == 0 && out->len >= 2 && out->len % 2 == 0;
}

/* Only looked at, because wolfSSL 5.7.2 leaks memory when a group comes twice (CVE-2025-11936). */
static enum lg_hello_err parse_key_share(lg_span_t data)
{
    uint16_t seen[SHARE_CNT_MAX];
    uint32_t seen_cnt = 0;
    struct lg_cur c = lg_cur(data);
    struct lg_cur list = lg_cur(lg_cur_vec16(&c));
    if (c.failed || lg_cur_left(&c))
        return LG_HELLO_E_DECODE;
    while (lg_cur_left(&list)) {
        uint16_t group = lg_cur_be16(&list);
        lg_span_t share = lg_cur_vec16(&list);
        if (list.failed || share.len == 0 || seen_cnt == SHARE_CNT_MAX)
            return LG_HELLO_E_DECODE;
        /*= https://www.rfc-editor.org/rfc/rfc8446#section-4.2.8
         *# Clients MUST NOT offer multiple KeyShareEntry values for the same group. */
        for (uint32_t i = 0; i < seen_cnt; i++)
            if (seen[i] == group)
                return LG_HELLO_E_DUP;
        seen[seen_cnt++] = group;
    }
    return LG_HELLO_OK;
}

bool lg_hello_next_psk(struct lg_cur *psks, lg_span_t *identity)
{
    if (lg_cur_left(psks) == 0)
        return false;
    *identity = lg_cur_vec16(psks);
    lg_cur_bytes(psks, 4); /* obfuscated_ticket_age */
    return !psks->failed;
}

/* RFC 8446 4.2.11: a binder for each identity. */
static bool parse_psk(lg_span_t data, struct lg_hello *h)
{
    struct lg_cur c = lg_cur(data);
    lg_span_t list = lg_cur_vec16(&c);
    struct lg_cur ids = lg_cur(list), binders = lg_cur(lg_cur_vec16(&c));
    lg_span_t id;
    uint32_t id_cnt = 0, binder_cnt = 0;
    while (lg_hello_next_psk(&ids, &id)) {
        if (id.len == 0 || ++id_cnt > PSK_CNT_MAX)
            return false;
    }
    while (lg_cur_left(&binders)) {
        if (lg_cur_vec8(&binders).len < 32)
            return false;
        binder_cnt++;
    }
    h->psks = list;
    return !c.failed && !ids.failed && !binders.failed && lg_cur_left(&c) == 0 && id_cnt > 0 &&
           id_cnt == binder_cnt;
}

static bool parse_psk_modes(lg_span_t data, struct lg_hello *h)
{
    struct lg_cur c = lg_cur(data);
    lg_span_t modes = lg_cur_vec8(&c);
    h->has_psk_dhe = !c.failed && modes.len && memchr(modes.p, PSK_DHE_KE, modes.len) != NULL;
    return !c.failed && lg_cur_left(&c) == 0 && modes.len > 0;
}

/* parse_status: whose answers the client prefers, and its extensions, make no difference. A type of
 * status that we do not know is none. RFC 6066 8 */
static bool parse_status(lg_span_t data, struct lg_hello *h)
{
    struct lg_cur c = lg_cur(data);
    if (lg_cur_u8(&c) != STATUS_OCSP)
        return true;
    lg_cur_vec16(&c); /* responder IDs */
    lg_cur_vec16(&c); /* extensions */
    h->wants_status = !c.failed && lg_cur_left(&c) == 0;
    return h->wants_status;
}

static enum lg_hello_err parse_ext(uint16_t type, lg_span_t data, struct lg_hello *h)
{
    bool ok = true;
    switch (type) {
    case EXT_SERVER_NAME:
        return parse_sni(data, h);
    case EXT_SUPPORTED_GROUPS:
        ok = parse_u16_list(data, false, &h->groups);
        h->has_groups = true;
        break;
    case EXT_SIGNATURE_ALGORITHMS:
        ok = parse_u16_list(data, false, &h->sig_algs);
        h->has_sig_algs = true;
        break;
    case EXT_ALPN:
        ok = parse_alpn(data, h);
        break;
    case EXT_SUPPORTED_VERSIONS:
        ok = parse_u16_list(data, true, &h->versions);
        h->has_versions = true;
        break;
    case EXT_KEY_SHARE:
        return parse_key_share(data);
    case EXT_EXTENDED_MASTER_SECRET:
        ok = data.len == 0;
        h->has_ems = true;
        break;
    case EXT_STATUS_REQUEST:
        ok = parse_status(data, h);
        break;
    case EXT_SESSION_TICKET:
        h->ticket = data;
        break;
    case EXT_PRE_SHARED_KEY:
        ok = parse_psk(data, h);
        break;
    case EXT_PSK_MODES:
        ok = parse_psk_modes(data, h);
        break;
    default:
        break;
    }
    return ok ? LG_HELLO_OK : LG_HELLO_E_DECODE;
}

static enum lg_hello_err parse_exts(lg_span_t exts, struct lg_hello *h)
{
    uint16_t seen[EXT_CNT_MAX];
    uint32_t seen_cnt = 0;
    struct lg_cur c = lg_cur(exts);
    while (lg_cur_left(&c)) {
        uint16_t type = lg_cur_be16(&c);
        lg_span_t data = lg_cur_vec16(&c);
        if (c.failed || seen_cnt == EXT_CNT_MAX)
            return LG_HELLO_E_DECODE;
        /*= https://www.rfc-editor.org/rfc/rfc8446#section-4.2.11
         *# The "pre_shared_key" extension MUST be the last extension in the ClientHello */
        if (type == EXT_PRE_SHARED_KEY && lg_cur_left(&c))
            return LG_HELLO_E_DUP;
        /*= https://www.rfc-editor.org/rfc/rfc8446#section-4.2
         *# There MUST NOT be more than one extension of the same type in a given extension
         *# block. */
        for (uint32_t i = 0; i < seen_cnt; i++)
            if (seen[i] == type)
                return LG_HELLO_E_DUP;
        seen[seen_cnt++] = type;
        enum lg_hello_err e = parse_ext(type, data, h);
        if (e != LG_HELLO_OK)
            return e;
    }
    return LG_HELLO_OK;
}

enum lg_hello_err lg_hello_parse(lg_span_t body, struct lg_hello *out)
{
    struct lg_hello h = {0};
    struct lg_cur c = lg_cur(body);
    h.legacy_version = lg_cur_be16(&c);
    lg_cur_bytes(&c, 32); /* random */
    lg_span_t session_id = lg_cur_vec8(&c);
    h.suites = lg_cur_vec16(&c);
    lg_span_t compression = lg_cur_vec8(&c);
    if (c.failed || session_id.len > 32 || h.suites.len < 2 || h.suites.len % 2 != 0 ||
        compression.len == 0 || memchr(compression.p, 0, compression.len) == NULL)
        return LG_HELLO_E_DECODE;
    if (lg_cur_left(&c)) {
        lg_span_t exts = lg_cur_vec16(&c);
        if (c.failed || lg_cur_left(&c))
            return LG_HELLO_E_DECODE;
        enum lg_hello_err e = parse_exts(exts, &h);
        if (e != LG_HELLO_OK)
            return e;
    }
    *out = h;
    return LG_HELLO_OK;
}

uint32_t lg_hello_pos_u16(lg_span_t list, uint16_t v)
{
    for (size_t i = 0; i + 1 < list.len; i += 2)
        if (lg_get_be16(list.p + i) == v)
            return (uint32_t)(i / 2);
    return UINT32_MAX;
}

bool lg_hello_has_u16(lg_span_t list, uint16_t v)
{
    return lg_hello_pos_u16(list, v) != UINT32_MAX;
}

bool lg_hello_offers_version(const struct lg_hello *h, uint16_t v)
{
    /*= https://www.rfc-editor.org/rfc/rfc8446#section-4.2.1
     *# If this extension is present in the ClientHello, servers MUST NOT use the
     *# ClientHello.legacy_version value for version negotiation */
    if (h->has_versions)
        return lg_hello_has_u16(h->versions, v);
    return v <= 0x0303 && h->legacy_version >= v;
}

bool lg_hello_alpn_has(const struct lg_hello *h, lg_span_t name)
{
    struct lg_cur c = lg_cur(h->alpn);
    while (lg_cur_left(&c))
        if (lg_span_eq(lg_cur_vec8(&c), name))
            return true;
    return false;
}
