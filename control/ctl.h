/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl.h: the control socket: a unix stream socket, mode 0600, that takes commands of one line and
 * answers each with one line of JSON. It knows the words, not what they do.
 *
 *   client:  stats\n
 *   server:  {"ok":true,...}\n        "ok" is always there; "error" says why it is false
 *
 * A client may send several commands, one after another or at once; they are answered in order,
 * and none is read while an answer waits to be sent, so a client that does not read costs one
 * answer. Bounds: LG_CTL_LINE_SZ bytes a command, LG_CTL_CLIENTS clients, LG_CTL_SLOW_NS to take
 * an answer, LG_CTL_IDLE_NS without a command. Whoever passes a bound is dropped.
 *
 * Nothing here blocks. Thread control. */
#ifndef LG_CTL_H
#define LG_CTL_H

#include "diag.h"
#include "err.h"
#include "ns.h"
#include "span.h"

#define LG_CTL_LINE_SZ 256
#define LG_CTL_CLIENTS 64
#define LG_CTL_SLOW_NS LG_SEC(5)
#define LG_CTL_IDLE_NS LG_SEC(60)

enum lg_ctl_verb { LG_CTL_STATS, LG_CTL_RELOAD, LG_CTL_VERSION, LG_CTL_BACKENDS, LG_CTL_UNKNOWN };

struct lg_ctl;

/* Carries out a command. Returns the answer without its newline, from malloc (the caller frees
 * it), or NULL: the client is dropped. Never called with LG_CTL_UNKNOWN. */
typedef char *lg_ctl_handler(void *ctx, enum lg_ctl_verb verb);

/* lg_ctl_parse reads one line without its newline; blanks around the word are allowed. Pure. */
enum lg_ctl_verb lg_ctl_parse(lg_span_t line);

/* lg_ctl_open makes the socket. One left by a process that is gone is replaced; one that answers,
 * or a file that is no socket, is not.
 *   path     borrowed for the call
 *   handler  and ctx: borrowed until close
 *   Returns  LG_OK; LG_E(SYS) with a message that names path and reason; LG_E(NOMEM) */
LG_MUST lg_err_t lg_ctl_open(const char *path, lg_ctl_handler *handler, void *ctx,
                             struct lg_ctl **out, struct lg_diag *diag);
/* lg_ctl_close drops the clients and removes the socket, if the path still is ours. NULL allowed.
 */
void lg_ctl_close(struct lg_ctl *ctl);

/* lg_ctl_fd is readable when lg_ctl_poll has something to do. */
int lg_ctl_fd(const struct lg_ctl *ctl);
/* lg_ctl_poll serves whoever is ready and drops whoever is late; also to be called now and then
 * when nothing is ready. Returns commands carried out. */
unsigned lg_ctl_poll(struct lg_ctl *ctl, lg_ns_t now_ns);
/* How many clients are connected. */
unsigned lg_ctl_client_cnt(const struct lg_ctl *ctl);

#endif
