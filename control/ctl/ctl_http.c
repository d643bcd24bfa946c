/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_http.c: one request to the admin API, by libcurl: over the unix socket, or to an address. */
#include "ctl_priv.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX (64u << 20) /* bytes; no honest answer comes near */
#define TOKEN_SZ 512
#define PATIENCE_S 120L /* a reload may have large CRLs to read */

struct answer {
    char *text; /* owns */
    size_t len;
};

static size_t take(char *data, size_t one, size_t sz, void *ctx)
{
    struct answer *a = ctx;
    char *more = a->len + sz <= ANSWER_MAX ? realloc(a->text, a->len + sz + 1) : NULL;

    (void)one;
    if (!more)
        return 0;
    a->text = more;
    memcpy(more + a->len, data, sz);
    a->len += sz;
    more[a->len] = '\0';
    return sz;
}

static bool is_url(const char *target)
{
    return strncmp(target, "http://", 7) == 0 || strncmp(target, "https://", 8) == 0;
}

/* add_token puts the first word of the file into a header field; false, and a message, when there
 * is none. */
static bool add_token(const char *file, struct curl_slist **headers)
{
    char token[TOKEN_SZ] = "", line[TOKEN_SZ + 32];
    FILE *f = fopen(file, "re");
    bool has_one = f && fscanf(f, "%511s", token) == 1;

    if (!has_one)
        fprintf(stderr, "lockgatectl: %s: %s\n", file, f ? "no token in it" : strerror(errno));
    if (f)
        fclose(f);
    snprintf(line, sizeof line, "Authorization: Bearer %s", token);
    struct curl_slist *more = has_one ? curl_slist_append(*headers, line) : NULL;
    *headers = more ? more : *headers;
    explicit_bzero(token, sizeof token);
    explicit_bzero(line, sizeof line);
    return more != NULL;
}

static void set_up(CURL *h, const struct ctl *c, const char *method, const char *url,
                   struct answer *a)
{
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_PROXY, ""); /* not what the environment says: it is not for us */
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_TIMEOUT, PATIENCE_S);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, a);
    if (!is_url(c->target))
        curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, c->target);
    if (c->ca)
        curl_easy_setopt(h, CURLOPT_CAINFO, c->ca);
    if (c->cert)
        curl_easy_setopt(h, CURLOPT_SSLCERT, c->cert);
    if (c->key)
        curl_easy_setopt(h, CURLOPT_SSLKEY, c->key);
}

static void say_why(CURL *h, const struct ctl *c, CURLcode rc)
{
    long os_errno = 0;

    curl_easy_getinfo(h, CURLINFO_OS_ERRNO, &os_errno);
    bool is_silent = os_errno == ENOENT || os_errno == ECONNREFUSED;
    if (rc == CURLE_COULDNT_CONNECT && os_errno)
        fprintf(stderr, "lockgatectl: %s: %s%s\n", c->target, strerror((int)os_errno),
                is_silent ? "; is lockgate running?" : "");
    else
        fprintf(stderr, "lockgatectl: %s: %s\n", c->target, curl_easy_strerror(rc));
}

/* perform returns whether there is an answer. */
static bool perform(CURL *h, const struct ctl *c, struct curl_slist **headers, const char *body,
                    long *status)
{
    if (c->token_file && !add_token(c->token_file, headers))
        return false;
    if (body) {
        struct curl_slist *more = curl_slist_append(*headers, "Content-Type: application/json");
        *headers = more ? more : *headers;
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, body);
    }
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, *headers);
    CURLcode rc = curl_easy_perform(h);
    if (rc != CURLE_OK) {
        say_why(h, c, rc);
        return false;
    }
    curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, status);
    return true;
}

char *ctl_fetch(const struct ctl *c, const char *method, const char *path, const json_t *body,
                long *status)
{
    bool is_remote = is_url(c->target);
    struct curl_slist *headers = NULL;
    struct answer a = {0};
    char *url = NULL, *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    CURL *h = curl_easy_init();
    bool has_one = false;

    if (asprintf(&url, "%s%s", is_remote ? c->target : "http://lockgate", path) < 0)
        url = NULL;
    if (h && url && (text || !body)) {
        set_up(h, c, method, url, &a);
        has_one = perform(h, c, &headers, text, status);
    } else {
        fputs("lockgatectl: out of memory\n", stderr);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(h);
    free(url);
    if (text)
        explicit_bzero(text, strlen(text)); /* it may hold a key */
    free(text);
    if (has_one && !a.text)
        a.text = strdup("");
    if (has_one)
        return a.text;
    free(a.text);
    return NULL;
}

static void print_messages(const json_t *answer)
{
    const json_t *messages = json_object_get(answer, "messages");

    for (size_t i = 0; i < json_array_size(messages); i++)
        fprintf(stderr, "%s\n", json_string_value(json_array_get(messages, i)));
}

json_t *ctl_ask(const struct ctl *c, const char *method, const char *path, const json_t *body)
{
    json_error_t why;
    long status = 0;
    char *text = ctl_fetch(c, method, path, body, &status);

    if (!text)
        return NULL;
    json_t *answer = json_loads(text, 0, &why);
    free(text);
    if (answer)
        print_messages(answer);
    else
        fprintf(stderr, "lockgatectl: %s: the answer (HTTP status %ld) is not JSON: %s\n",
                c->target, status, why.text);
    return answer;
}
