/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_meter.c: what is counted of a listener and a backend, for Prometheus. */
#include "rig.h"

static struct rig r;

#define GET "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"

static const struct lg_meter_part *meter(void)
{
    return &r.lst.meter->part[0];
}

static uint64_t done_of(const char *suite, const char *group, bool is_resumed)
{
    for (uint32_t s = 0; s < LG_METER_SUITES; s++)
        for (uint32_t g = 0; g < LG_METER_GROUPS; g++)
            if (strcmp(lg_meter_suite(s), suite) == 0 && strcmp(lg_meter_group(g), group) == 0)
                return meter()->done[s][g][is_resumed];
    return UINT64_MAX;
}

TEST(Meter, TellsHandshakesRequestsAndConnectionsApart)
{
    rig_init(&r, LG_LISTENER_HTTPS);
    rig_build(&r);
    struct rig_client *c = rig_client_tls(&r);
    EXPECT_EQ(done_of("TLS_AES_256_GCM_SHA384", "x25519", false), 1);
    EXPECT_EQ(lg_hist_cnt(&meter()->handshake_ns), 1);
    EXPECT_EQ(meter()->opened, 1);
    EXPECT_EQ(meter()->closed, 0);

    rig_say(c, GET);
    REQUIRE_EQ(r.back_cnt, 1);
    rig_run(&r, LG_MS(300)); /* the backend thinks */
    rig_back_say(&r, &r.back[0], "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(meter()->responses[4], 1);
    EXPECT_EQ(lg_hist_cnt(&meter()->request_ns), 1);
    EXPECT(meter()->request_ns.sum >= LG_MS(300) && meter()->request_ns.sum < LG_MS(400));
    uint64_t backend_cnt = 0;
    for (uint32_t i = 0; i < r.pools[0].backend_cnt; i++) {
        const struct lg_seat_part *p = &r.snap.pools[0].bal.seats[i]->part[0];
        backend_cnt += p->responses[4];
        EXPECT_EQ(lg_hist_cnt(&p->response_ns), p->responses[4]);
        EXPECT_EQ(lg_hist_cnt(&p->connect_ns), p->responses[4]);
        EXPECT(p->responses[4] == 0 || p->response_ns.sum >= LG_MS(300));
    }
    EXPECT_EQ(backend_cnt, 1);
    rig_drop_all(&r);
    rig_run(&r, LG_SEC(5));
    EXPECT_EQ(meter()->closed, 1);
    rig_fini(&r);
}

/* What is not TLS, what is too slow, and who goes away: each under its own reason. */
TEST(Meter, TellsReasonsOfFailureApart)
{
    rig_init(&r, LG_LISTENER_TCP_SSL);
    rig_build(&r);
    rig_client_raw(rig_client_tcp(&r), "SSH-2.0-OpenSSH_9.2\r\n");
    rig_client_raw(rig_client_tcp(&r), "GET / HTTP/1.1\r\n\r\n");
    rig_client_fin(rig_client_tcp(&r));
    rig_client_tcp(&r); /* says nothing */
    rig_settle(&r);
    EXPECT_EQ(meter()->failed[LG_TLS_R_NOT_TLS], 1);
    EXPECT_EQ(meter()->failed[LG_TLS_R_PLAIN_HTTP], 1);
    EXPECT_EQ(meter()->failed[LG_METER_GONE], 1);
    EXPECT_EQ(meter()->failed[LG_METER_TIMEOUT], 0);
    rig_run(&r, r.listener.handshake_timeout_ns + LG_SEC(1));
    EXPECT_EQ(meter()->failed[LG_METER_TIMEOUT], 1);
    uint64_t all = 0;
    for (uint32_t i = 0; i < LG_METER_REASONS; i++)
        all += meter()->failed[i];
    EXPECT_EQ(all, rig_stat(&r, LG_STAT_TLS_HS_FAILED));
    EXPECT_EQ(lg_hist_cnt(&meter()->handshake_ns), 0);
    rig_fini(&r);
}

TEST(Meter, HasAWordForEverything)
{
    for (uint32_t i = 0; i < LG_METER_REASONS; i++)
        EXPECT(lg_meter_reason(i) && *lg_meter_reason(i));
    for (uint32_t i = 0; i < LG_METER_SUITES; i++)
        EXPECT(*lg_meter_suite(i));
    EXPECT(lg_meter_is_refusal(LG_TLS_R_REVOKED) && !lg_meter_is_refusal(LG_TLS_R_VERSION));
}
