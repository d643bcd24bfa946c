/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an idle client connection costs, all told. Each object's size is one that its pool hands
 * out; the parts are printed, so that a failure says which has grown. */
#include "proxy_priv.h"
#include "t.h"
#include "tcp_flow.h"
#include "tcp_types.h"
#include "tls_priv.h"

#include <stdio.h>

enum { INDEX = sizeof(uint32_t) }; /* of a pool's stack of free objects */

static size_t part(const char *what, size_t sz)
{
    printf("  %-40s %4zu\n", what, sz);
    return sz;
}

TEST(Memory, AnIdleTlsConnectionTakesAtMost2KiB)
{
    size_t sum = part("TCP connection", lg_align_up(sizeof(struct lg_tcp_conn), 64) + INDEX);
    sum += part("its share of the flow table", lg_tcp_flow_footprint(1u << 16) >> 16);
    sum += part("session", lg_align_up(sizeof(struct lg_session), 64) + INDEX);
    sum += part("TLS connection", lg_align_up(sizeof(struct lg_tls), 64) + INDEX);
    part("  of it keys, both directions", sizeof(struct lg_keys) * 2);
    sum += part("server name in the arena", 32);
    part("sum", sum);
    EXPECT(sum <= 2048);
    /* Raw keys, not expanded ones. */
    EXPECT(sizeof(struct lg_keys) <= 128);
}
