/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_plan.c: what one more connection costs of a worker's memory, all of it that grows. The parts
 * are printed, so that a failure says which has grown. */
#include "core_plan.h"
#include "t.h"

#include <stdio.h>

#define FEW 100000u
#define MANY 1100000u

static struct lg_cfg_listener listener = {.type = LG_LISTENER_HTTPS};
static struct lg_cfg_pool pool;

static struct lg_core_plan plan_of(uint32_t conns, uint32_t backs)
{
    struct lg_config cfg = {.worker_cnt = 1,
                            .max_connections = conns,
                            .max_backend_conns = backs,
                            .listener_cnt = 1,
                            .listeners = &listener,
                            .pool_cnt = 1,
                            .pools = &pool};
    struct lg_core_plan p;

    lg_core_plan_make(&cfg, &p);
    return p;
}

static size_t part(const char *what, size_t few, size_t many)
{
    size_t sz = (many - few) / (MANY - FEW);

    printf("  %-10s %5zu\n", what, sz);
    return sz;
}

/* grown: bytes for one more connection, from FEW to MANY. */
static size_t grown(const struct lg_core_plan *few, const struct lg_core_plan *many)
{
    part("net", few->net_sz, many->net_sz);
    part("TCP", few->tcp_sz, many->tcp_sz);
    part("TLS", few->tls_sz, many->tls_sz);
    part("sessions", few->proxy_sz, many->proxy_sz);
    return part("sum", few->sz, many->sz);
}

TEST(Plan, AnIdleClientConnectionTakesAtMost2KiB)
{
    struct lg_core_plan few = plan_of(FEW, 10000), many = plan_of(MANY, 10000);
    EXPECT(grown(&few, &many) <= 2048);
}

TEST(Plan, AClientWithABackendConnectionTakesAtMost3KiB)
{
    listener.type = LG_LISTENER_TCP_SSL;
    struct lg_core_plan few = plan_of(FEW, 0), many = plan_of(MANY, 0);
    EXPECT(grown(&few, &many) <= 3072);
    EXPECT_EQ(many.proxy.max_backs, MANY);
    listener.type = LG_LISTENER_HTTPS;
}

TEST(Plan, VeryManyHttpsClientsHaveFewerBackendConnections)
{
    EXPECT_EQ(plan_of(20000, 0).proxy.max_backs, 20000);
    EXPECT_EQ(plan_of(200000, 0).proxy.max_backs, 32768);
    EXPECT_EQ(plan_of(1 << 20, 0).proxy.max_backs, 1 << 17);
    EXPECT_EQ(plan_of(1000, 5).proxy.max_backs, 5);
    EXPECT_EQ(plan_of(1000, 5000).proxy.max_backs, 5000);
}

TEST(Plan, TlsToBackendsIsRoomForTheirConnections)
{
    EXPECT_EQ(plan_of(5000, 100).tls.max_conns, 5000);
    pool.tls.on = true;
    EXPECT(plan_of(5000, 100).tls.max_conns >= 5100);
    pool.tls.on = false;
}
