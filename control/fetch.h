/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fetch.h: HTTP requests of the control thread, over the kernel's sockets, by libcurl. Nothing here
 * waits: requests are begun, and moved on by lg_fetch_poll. What comes is bounded in size and time,
 * and is hostile: callers verify it.
 *
 * Thread control. libcurl's resolver may start a thread for a name. */
#ifndef LG_FETCH_H
#define LG_FETCH_H

#include "base.h"
#include "err.h"
#include "span.h"

struct lg_fetch;

#define LG_FETCH_MAX 64u /* requests at once; more are refused */
#define LG_FETCH_TIMEOUT_MS 10000L

/* What became of a request.
 *   body   of a response 200, whole; borrowed for the call; empty on failure
 *   why    words on failure; NULL on success; borrowed for the call */
typedef void (*lg_fetch_done)(void *ctx, lg_span_t body, const char *why);

/* lg_fetch_open makes the place for requests. LG_E(NOMEM).
 * lg_fetch_close breaks off what is under way: done is called for each. NULL allowed. */
LG_MUST lg_err_t lg_fetch_open(struct lg_fetch **out);
void lg_fetch_close(struct lg_fetch *f);

/* lg_fetch_post begins a POST.
 *   url     http or https; no redirect is followed
 *   type    Content-Type; body: copied
 *   max_sz  a larger response is a failure
 *   Returns LG_OK: done will be called once, from lg_fetch_poll or lg_fetch_close; LG_E(FULL) too
 *           many are under way; LG_E(NOMEM) */
LG_MUST lg_err_t lg_fetch_post(struct lg_fetch *f, const char *url, const char *type,
                               lg_span_t body, uint32_t max_sz, lg_fetch_done done, void *ctx);

/* lg_fetch_poll moves requests on; never blocks. Returns how many ended. */
unsigned lg_fetch_poll(struct lg_fetch *f);
/* lg_fetch_is_busy: something is under way: poll again soon. */
bool lg_fetch_is_busy(const struct lg_fetch *f);

#endif
