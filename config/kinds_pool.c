/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* kinds_pool.c: the kinds of values that pools have: how to balance, and what to ask of backends.
 */
#include "schema.h"

#include <ctype.h>
#include <string.h>

#define TOKEN_MAX_LEN 63u
#define TARGET_MAX_LEN 1024u
#define AUTHORITY_MAX_LEN 255u

static bool is_token(const char *s)
{
    size_t len = strlen(s);

    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)s[i]) && !strchr("!#$%&'*+-.^_`|~", s[i]))
            return false;
    return len >= 1 && len <= TOKEN_MAX_LEN;
}

/* keep_balance: a header's name in lower case, a cookie's as it is. */
static bool keep_balance(struct lg_walk *w, enum lg_balance how, const char *name, void *dst)
{
    struct lg_cfg_balance b = {.how = how};
    char own[TOKEN_MAX_LEN + 1] = "";

    for (size_t i = 0; name[i]; i++)
        own[i] = how == LG_BALANCE_HEADER ? (char)tolower((unsigned char)name[i]) : name[i];
    if (!lg_keep_at(w, own, strlen(own), &b.name))
        return false;
    memcpy(dst, &b, sizeof b);
    return true;
}

static bool read_balance(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                         struct lg_node *n, void *dst)
{
    static const char expected[] =
        "one of roundrobin, leastconn, ewma, source, uri, header:NAME, cookie:NAME";
    static const struct lg_word words[] = {{"roundrobin", LG_BALANCE_ROUNDROBIN},
                                           {"leastconn", LG_BALANCE_LEASTCONN},
                                           {"ewma", LG_BALANCE_EWMA},
                                           {"source", LG_BALANCE_SOURCE},
                                           {"uri", LG_BALANCE_URI}};

    (void)f;
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    for (size_t i = 0; i < LG_ARRAY_CNT(words); i++)
        if (strcmp(words[i].word, n->text) == 0)
            return keep_balance(w, (enum lg_balance)words[i].value, "", dst);
    bool is_header = strncmp(n->text, "header:", 7) == 0;
    if (!is_header && strncmp(n->text, "cookie:", 7) != 0)
        return lg_wrong(w, path, n, expected, "");
    if (!is_token(n->text + 7))
        return lg_wrong(w, path, n, expected,
                        "; NAME is 1 to 63 letters, digits or '-' and the like");
    return keep_balance(w, is_header ? LG_BALANCE_HEADER : LG_BALANCE_COOKIE, n->text + 7, dst);
}
const struct lg_kind lg_kind_balance = {
    "`roundrobin`, `leastconn`, `ewma`, `source`, `uri`, `header:`NAME or `cookie:`NAME", 0,
    read_balance,
    "\"type\": \"string\", \"pattern\": "
    "\"^(roundrobin|leastconn|ewma|source|uri|(header|cookie):[^ ]{1,63})$\""};

/* ---------------------------------------------------------------- health checks */

static bool read_token(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                       struct lg_node *n, void *dst)
{
    static const char expected[] = "a method such as GET, HEAD or OPTIONS";

    (void)f;
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    if (!is_token(n->text))
        return lg_wrong(w, path, n, expected, "");
    return lg_keep_at(w, n->text, n->len, dst);
}
const struct lg_kind lg_kind_token = {"word", 0, read_token, "\"type\": \"string\""};

static bool read_target(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                        struct lg_node *n, void *dst)
{
    static const char expected[] = "a path such as /healthz or /status?full=1";

    (void)f;
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    bool is_good = n->text[0] == '/' && n->len <= TARGET_MAX_LEN;
    for (size_t i = 0; i < n->len; i++)
        is_good = is_good && n->text[i] > ' ' && n->text[i] <= '~' && n->text[i] != '#';
    if (!is_good)
        return lg_wrong(w, path, n, expected, "; it begins with '/' and has no blanks");
    return lg_keep_at(w, n->text, n->len, dst);
}
const struct lg_kind lg_kind_target = {"path", 0, read_target,
                                       "\"type\": \"string\", \"pattern\": \"^/[^ #]*$\""};

static bool read_authority(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                           struct lg_node *n, void *dst)
{
    static const char expected[] = "a host name, with a port if need be, or \"\"";

    (void)f;
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    bool is_good = n->len <= AUTHORITY_MAX_LEN;
    for (size_t i = 0; i < n->len; i++)
        is_good = is_good && (isalnum((unsigned char)n->text[i]) || strchr("._-:[]", n->text[i]));
    if (!is_good)
        return lg_wrong(w, path, n, expected, "");
    return lg_keep_at(w, n->text, n->len, dst);
}
const struct lg_kind lg_kind_authority = {"host", 0, read_authority,
                                          "\"type\": \"string\", \"maxLength\": 255"};

/* take_code reads three digits. */
static bool take_code(const char *s, uint16_t *out)
{
    for (int i = 0; i < 3; i++)
        if (!isdigit((unsigned char)s[i]))
            return false;
    *out = (uint16_t)((s[0] - '0') * 100 + (s[1] - '0') * 10 + (s[2] - '0'));
    return *out >= 100 && *out <= 599;
}

static bool read_codes(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                       struct lg_node *n, void *dst)
{
    static const char expected[] = "a status code or a range of them, such as 200 or 200-299";
    struct lg_cfg_codes c = {0};

    (void)f;
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    bool is_one = n->len == 3 && take_code(n->text, &c.lo);
    bool is_range = n->len == 7 && n->text[3] == '-' && take_code(n->text, &c.lo) &&
                    take_code(n->text + 4, &c.hi) && c.lo <= c.hi;
    if (!is_one && !is_range)
        return lg_wrong(w, path, n, expected, "");
    c.hi = is_one ? c.lo : c.hi;
    memcpy(dst, &c, sizeof c);
    return true;
}
const struct lg_kind lg_kind_codes = {
    "status codes", sizeof(struct lg_cfg_codes), read_codes,
    "\"type\": [\"integer\", \"string\"], \"pattern\": \"^[1-5][0-9]{2}(-[1-5][0-9]{2})?$\""};
