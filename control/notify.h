/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify.h: tells a service manager how far we are, in systemd's notification protocol: one
 * datagram of VAR=VALUE lines to the socket named by $NOTIFY_SOCKET. Without it, nothing is sent.
 * Thread control or boot. */
#ifndef LG_NOTIFY_H
#define LG_NOTIFY_H

#include "base.h"

enum lg_notify { LG_NOTIFY_READY, LG_NOTIFY_RELOADING, LG_NOTIFY_STOPPING };

/* lg_notify sends the state and a line of text ("" for none).
 *   Returns  true when it was sent; false when nobody asked or the socket is not there: never a
 *            reason to stop */
bool lg_notify(enum lg_notify state, const char *status);
/* lg_notify_watchdog sends WATCHDOG=1. Returns as lg_notify does. */
bool lg_notify_watchdog(void);

#endif
