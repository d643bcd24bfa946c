/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core_plan.h: how large the parts of a worker are, and so what one more connection costs. What the
 * sizes do not depend on (secrets, MAC addresses, which worker it is) is filled in by core.c.
 *
 * A worker holds, at a time:
 *   max_connections         sessions with their TLS and the client's TCP connection
 *   lg_config_back_conns    backend connections, in use and kept, with TLS where a pool has it
 *   and beside them         TCP connections that have no user any more: TIME_WAIT (the oldest gives
 *                           way when one is wanted), the end of an orderly close, handshakes */
#ifndef LG_CORE_PLAN_H
#define LG_CORE_PLAN_H

#include "config.h"
#include "net.h"
#include "proxy.h"
#include "tcp.h"
#include "tls.h"

struct lg_core_plan {
    struct lg_net_cfg net;
    struct lg_tcp_cfg tcp;
    struct lg_tls_core_cfg tls;
    struct lg_proxy_cfg proxy;
    size_t net_sz, tcp_sz, tls_sz, proxy_sz; /* multiples of LG_CACHE_PAIR */
    size_t sz;                               /* their sum: one worker, without packet buffers */
};

/* lg_core_plan_make fills in what the sizes depend on, and the sizes. Thread any, pure. */
void lg_core_plan_make(const struct lg_config *cfg, struct lg_core_plan *out);

#endif
