/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fetch.c: HTTP requests through libcurl's multi interface. */
#include "fetch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

struct request {
    CURL *easy;
    struct curl_slist *headers; /* owns */
    uint8_t *body;              /* owns: of the response */
    uint32_t sz, max_sz;
    bool is_too_big;
    char error[CURL_ERROR_SIZE];
    lg_fetch_done done;
    void *ctx;
    struct request *next;
};

struct lg_fetch {
    CURLM *multi;
    struct request *all; /* owns: under way */
    uint32_t cnt;
};

lg_err_t lg_fetch_open(struct lg_fetch **out)
{
    struct lg_fetch *f = calloc(1, sizeof *f);

    LG_CHECK(f, LG_E(NOMEM));
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(f);
        return LG_E(NOMEM);
    }
    f->multi = curl_multi_init();
    if (!f->multi) {
        curl_global_cleanup();
        free(f);
        return LG_E(NOMEM);
    }
    *out = f;
    return LG_OK;
}

static size_t take(char *p, size_t one, size_t cnt, void *userdata)
{
    struct request *r = userdata;
    size_t n = one * cnt;

    r->is_too_big = n > r->max_sz - r->sz;
    if (r->is_too_big)
        return 0;
    memcpy(r->body + r->sz, p, n);
    r->sz += (uint32_t)n;
    return n;
}

static void destroy(struct request *r)
{
    if (r->easy)
        curl_easy_cleanup(r->easy);
    curl_slist_free_all(r->headers);
    free(r->body);
    free(r);
}

static struct request *make(const char *type, uint32_t max_sz)
{
    struct request *r = calloc(1, sizeof *r);
    char header[128];

    if (!r)
        return NULL;
    snprintf(header, sizeof header, "Content-Type: %s", type);
    r->max_sz = max_sz;
    r->easy = curl_easy_init();
    r->body = malloc(max_sz);
    r->headers = curl_slist_append(NULL, header);
    if (r->easy && r->body && r->headers)
        return r;
    destroy(r);
    return NULL;
}

static bool set_up(struct request *r, const char *url, lg_span_t body)
{
    CURL *e = r->easy;

    return curl_easy_setopt(e, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           /* Else a name that nobody answers for is waited for when its request has timed out. */
           curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, LG_FETCH_TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_USERAGENT, "lockgate/" LG_VERSION) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_HTTPHEADER, r->headers) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)body.len) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS, body.p) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEDATA, r) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PRIVATE, r) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->error) == CURLE_OK;
}

lg_err_t lg_fetch_post(struct lg_fetch *f, const char *url, const char *type, lg_span_t body,
                       uint32_t max_sz, lg_fetch_done done, void *ctx)
{
    LG_CHECK(f->cnt < LG_FETCH_MAX, LG_E(FULL));
    struct request *r = make(type, max_sz);
    LG_CHECK(r, LG_E(NOMEM));
    if (!set_up(r, url, body) || curl_multi_add_handle(f->multi, r->easy) != CURLM_OK) {
        destroy(r);
        return LG_E(NOMEM);
    }
    r->done = done;
    r->ctx = ctx;
    r->next = f->all;
    f->all = r;
    f->cnt++;
    return LG_OK;
}

/* finish takes one request out of all and tells its owner. why NULL: it went well. */
static void finish(struct lg_fetch *f, struct request *r, const char *why)
{
    struct request **at = &f->all;

    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    f->cnt--;
    curl_multi_remove_handle(f->multi, r->easy);
    r->done(r->ctx, lg_span(r->body, why ? 0 : r->sz), why);
    destroy(r);
}

static void judge(struct lg_fetch *f, struct request *r, CURLcode rc)
{
    char text[64];
    long status = 0;

    if (r->is_too_big) {
        finish(f, r, "the response is too large");
    } else if (rc != CURLE_OK) {
        finish(f, r, r->error[0] ? r->error : curl_easy_strerror(rc));
    } else {
        (void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
        snprintf(text, sizeof text, "the server answered %ld", status);
        finish(f, r, status == 200 ? NULL : text);
    }
}

bool lg_fetch_is_busy(const struct lg_fetch *f)
{
    return f && f->cnt > 0;
}

unsigned lg_fetch_poll(struct lg_fetch *f)
{
    unsigned cnt = 0;
    int left;
    CURLMsg *m;

    if (f->cnt == 0)
        return 0;
    (void)curl_multi_perform(f->multi, &left);
    while ((m = curl_multi_info_read(f->multi, &left)) != NULL) {
        struct request *r = NULL;
        CURLcode rc = m->data.result;
        if (m->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&r);
        judge(f, r, rc);
        cnt++;
    }
    return cnt;
}

void lg_fetch_close(struct lg_fetch *f)
{
    if (!f)
        return;
    while (f->all)
        finish(f, f->all, "shutting down");
    (void)curl_multi_cleanup(f->multi);
    curl_global_cleanup();
    free(f);
}
