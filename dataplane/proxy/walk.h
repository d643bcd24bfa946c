/* SPDX-License-Identifier: GPL-2.0-or-later */
/* walk.h: going through all sessions of a worker, a few a turn, so that a million of them stop
 * nothing: for what a new snapshot means to those that are there (move.c), and for what the control
 * thread asks (query.c).
 *
 * A walk goes from the newest session to the oldest; one that begins meanwhile is not met, one that
 * ends is stepped over (lg_walk_forget). Costs are in looks: a look is two or three cache lines.
 * Thread: owner core. */
#ifndef LG_WALK_H
#define LG_WALK_H

#include "proxy_priv.h"

/* -- change first, for performance -- */
#define LG_WALK_TURN 128u    /* looks a turn */
#define LG_WALK_LIST_COST 4u /* of writing a row */
#define LG_WALK_KILL_COST                                                                          \
    16u /* of ending a session: a record is sealed, two connections let go                         \
         */

/* lg_walk_forget: s is about to be freed. */
static inline void lg_walk_forget(struct lg_proxy *p, const struct lg_session *s)
{
    if (p->queried.next == s)
        p->queried.next = s->next;
    if (p->queried.resume == s)
        p->queried.resume = s->next;
    if (p->tour.next == s)
        p->tour.next = s->next;
}

/* lg_query_poll, lg_tour_poll take the next few steps. Return the looks that they took. */
unsigned lg_query_poll(struct lg_proxy *p);
unsigned lg_tour_poll(struct lg_proxy *p);
/* lg_tour_begin: all sessions are to be looked at again; when a tour is under way, after it. */
void lg_tour_begin(struct lg_proxy *p);

/* lg_session_is_welcome: its handshake is done under a snapshot that may have been replaced
 * meanwhile; false: it has been ended, as lg_session_kill does. */
bool lg_session_is_welcome(struct lg_session *s);
/* lg_session_move lets a session that relays bytes under an older snapshot go on under the one in
 * use, if that has its listener and its backend; else it stays where it is. */
void lg_session_move(struct lg_session *s);
/* lg_session_kill ends a session now, whatever it does. An open one's client is told by the alert
 * for `reason`, NONE: by close_notify when nothing is under way, else only by the end of the
 * connection. The caller runs it then. */
void lg_session_kill(struct lg_session *s, enum lg_tls_reason reason);

#endif
