/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Transfers over bad links and narrow ones, between two stacks (sim.h). */
#include "sim.h"
#include "t.h"
#include "tcp_priv.h"

#include <stdio.h>

TEST(TcpSim, CarriesBothWaysOverACleanLink)
{
    struct sim_cfg cfg = {
        .name = "clean", .bytes = {3000000, 2000000}, .link = {.delay_ns = LG_US(100)}};
    sim_run(&cfg, 1);
}

TEST(TcpSim, SurvivesLoss)
{
    struct sim_cfg cfg = {.name = "loss 1%",
                          .bytes = {2000000, 2000000},
                          .link = {.delay_ns = LG_MS(1), .loss_pm = 10}};
    EXPECT(sim_seeds(&cfg, 4) < LG_SEC(8));
    cfg = (struct sim_cfg){.name = "loss 20%",
                           .bytes = {100000, 100000},
                           .link = {.delay_ns = LG_MS(1), .loss_pm = 200}};
    sim_seeds(&cfg, 10);
}

TEST(TcpSim, SlowsDownByMarksWithoutLosingAnything)
{
    struct sim_cfg cfg = {.name = "marks 2%",
                          .bytes = {1000000, 1000000},
                          .ecn = true,
                          .link = {.delay_ns = LG_MS(1), .mark_pm = 20}};
    EXPECT(sim_seeds(&cfg, 3) < LG_SEC(4));
    cfg.name = "everything is marked";
    cfg.link.mark_pm = 1000;
    EXPECT(sim_seeds(&cfg, 1) < LG_SEC(8));
    cfg.name = "bleached";
    cfg.link.bleach = true;
    sim_seeds(&cfg, 1);
    cfg.name = "marks and losses";
    cfg.link = (struct link_cfg){.delay_ns = LG_MS(1), .mark_pm = 20, .loss_pm = 20, .dup_pm = 20};
    sim_seeds(&cfg, 4);
}

/* through moves bytes through a bottleneck; returns how long it took. */
static lg_ns_t through(bool pacing, double mbps, lg_ns_t delay_ns, lg_ns_t queue_ns, uint32_t bytes)
{
    struct sim_cfg cfg = {
        .name = pacing ? "paced" : "not paced",
        .pacing = pacing,
        .buf_sz = 8u << 20,
        .bytes = {bytes, 0},
        .link = {.delay_ns = delay_ns, .byte_ns = 8000 / mbps, .queue_ns = queue_ns}};
    return sim_run(&cfg, 1);
}

/* Buffers of a tenth of a round trip, as those of fast switches: bursts do not fit, paced windows
 * do. Where buffers are deep it does no harm. */
TEST(TcpPace, FillsABottleneckThatHasAlmostNoBuffer)
{
    lg_ns_t burst_ns = through(false, 50, LG_MS(25), LG_US(4800), 4u << 20);
    lg_ns_t paced_ns = through(true, 50, LG_MS(25), LG_US(4800), 4u << 20);
    EXPECT(paced_ns < burst_ns / 4 * 3);
    burst_ns = through(false, 1000, LG_MS(5), LG_MS(1), 16u << 20);
    paced_ns = through(true, 1000, LG_MS(5), LG_MS(1), 16u << 20);
    EXPECT(paced_ns < burst_ns / 4 * 3);
    burst_ns = through(false, 50, LG_MS(25), LG_MS(25), 4u << 20);
    paced_ns = through(true, 50, LG_MS(25), LG_MS(25), 4u << 20);
    EXPECT(paced_ns < burst_ns / 10 * 11);
}

TEST(TcpPace, CarriesTheSameBytesOverBadLinks)
{
    for (unsigned seed = 1; seed <= 12 && !t_failed(); seed++) {
        uint64_t x = seed * 0x9e3779b97f4a7c15ull;
        struct sim_cfg cfg = {.name = "paced, bad link",
                              .bytes = {(uint32_t)(x >> 8) % 300000, (uint32_t)(x >> 24) % 300000},
                              .pacing = true,
                              .no_sack = (x >> 56) % 4 == 0,
                              .pool_cnt = (x >> 50) % 4 == 0 ? 40 : 0,
                              .link = {.delay_ns = LG_MS(1u << (x >> 12) % 6),
                                       .loss_pm = (unsigned)(x >> 16) % 60,
                                       .dup_pm = (unsigned)(x >> 20) % 100,
                                       .reorder_pm = (unsigned)(x >> 28) % 200}};
        sim_run(&cfg, seed);
    }
}

/* A long fat path: what is sent at once must grow from 256 KiB to 5 MB on both ends, or it stays
 * almost empty. */
TEST(TcpWnd, GrowsToFillALongFatPath)
{
    struct sim_cfg cfg = {.name = "100 ms, 400 Mbit/s",
                          .pacing = true,
                          .buf_sz = 16u << 20,
                          .bytes = {24u << 20, 0},
                          .link = {.delay_ns = LG_MS(50), .byte_ns = 20, .queue_ns = LG_MS(100)}};
    lg_ns_t took_ns = sim_run(&cfg, 1);
    EXPECT(took_ns < LG_MS(2200)); /* half a second is what the bits take */
    EXPECT(sim_grown >= 4);        /* to 4 MiB at least */
    cfg.name = "the same, fixed";
    cfg.buf_sz = 256 << 10;
    cfg.bytes[0] = 4u << 20;
    took_ns = sim_run(&cfg, 1);
    EXPECT(took_ns > LG_MS(1600)); /* a window a round trip, however fat the path */
    EXPECT_EQ(sim_grown, 0);
}

TEST(TcpWnd, StaysSmallWhereThatIsEnough)
{
    struct sim_cfg cfg = {.name = "4 Mbit/s",
                          .buf_sz = 16u << 20,
                          .bytes = {3u << 20, 0},
                          .link = {.delay_ns = LG_MS(50), .byte_ns = 2000, .queue_ns = LG_MS(20)}};
    sim_run(&cfg, 1);
    EXPECT_EQ(sim_grown, 0);
    cfg = (struct sim_cfg){.name = "slow reader",
                           .buf_sz = 16u << 20,
                           .bytes = {4u << 20, 0},
                           .read_every_ns = LG_MS(1),
                           .link = {.delay_ns = LG_MS(5)}};
    sim_run(&cfg, 1);
    EXPECT_EQ(sim_grown, 0);
}

/* Slow start through a small buffer: every second segment is lost for a while, which leaves more
 * islands than are remembered. Each loss is repaired once, and nothing is sent in vain. */
TEST(TcpSim, RepairsHundredsOfHolesWithoutWaste)
{
    struct sim_cfg cfg = {.name = "hundreds of holes",
                          .pacing = true,
                          .buf_sz = 16u << 20,
                          .bytes = {8u << 20, 0},
                          .link = {.delay_ns = LG_MS(20), .byte_ns = 40, .queue_ns = LG_MS(10)}};
    sim_run(&cfg, 1);
    EXPECT(sim_overrun > 2 * LG_TCP_SACK_RANGES);
    EXPECT_EQ(sim_retrans, sim_overrun);
}

TEST(TcpSim, SurvivesReordering)
{
    struct sim_cfg cfg = {.name = "reorder 5%",
                          .bytes = {2000000, 2000000},
                          .link = {.delay_ns = LG_MS(1), .reorder_pm = 50}};
    EXPECT(sim_seeds(&cfg, 4) < LG_SEC(4));
    cfg.name = "reorder 50%";
    cfg.link.reorder_pm = 500;
    sim_seeds(&cfg, 3);
}

TEST(TcpSim, SurvivesDuplication)
{
    struct sim_cfg cfg = {.name = "dup 30%",
                          .bytes = {1000000, 1000000},
                          .link = {.delay_ns = LG_MS(1), .dup_pm = 300}};
    sim_seeds(&cfg, 3);
}

TEST(TcpSim, SurvivesEverythingAtOnce)
{
    struct sim_cfg cfg = {
        .name = "netem",
        .bytes = {1000000, 1000000},
        .link = {.delay_ns = LG_MS(2), .loss_pm = 10, .dup_pm = 10, .reorder_pm = 50}};
    EXPECT(sim_seeds(&cfg, 8) < LG_SEC(10));
    cfg.name = "storm";
    cfg.bytes[0] = cfg.bytes[1] = 60000;
    cfg.link =
        (struct link_cfg){.delay_ns = LG_MS(3), .loss_pm = 250, .dup_pm = 250, .reorder_pm = 500};
    sim_seeds(&cfg, 20);
}

/* Any link that is not hopeless: the dice choose how bad it is, too. What is corrupted fails its
 * checksum, as net/ finds out before TCP sees it. */
TEST(TcpSim, DeliversTheSameBytesOverAnyLink)
{
    for (unsigned seed = 1; seed <= 60 && !t_failed(); seed++) {
        uint64_t x = seed * 0x9e3779b97f4a7c15ull;
        struct sim_cfg cfg = {
            .name = "any link",
            .bytes = {(uint32_t)(x >> 8) % 200000, (uint32_t)(x >> 24) % 200000},
            .buf_sz = 8192u << (x >> 40) % 6,
            .mtu = (uint16_t)(576 + (x >> 44) % 925),
            .write_sz = (x >> 54) % 3 == 0 ? 1 + (uint32_t)(x >> 33) % 1900 : 0,
            .no_sack = (x >> 56) % 4 == 0,
            .no_ts = (x >> 58) % 4 == 0,
            .share = (x >> 60) % 4 == 0,
            .link = {.delay_ns = LG_US(50u << (x >> 12) % 10),
                     .loss_pm = (unsigned)(x >> 16) % 100,
                     .dup_pm = (unsigned)(x >> 20) % 200,
                     .reorder_pm = (unsigned)(x >> 28) % 500,
                     .corrupt_pm = (unsigned)(x >> 36) % 100},
        };
        sim_run(&cfg, seed);
        if (t_failed())
            fprintf(stderr, "any link: seed %u\n", seed);
    }
}

TEST(TcpSim, SurvivesWithoutSackAndTimestamps)
{
    struct sim_cfg cfg = {
        .name = "no sack",
        .bytes = {1000000, 1000000},
        .no_sack = true,
        .link = {.delay_ns = LG_MS(1), .loss_pm = 10, .dup_pm = 10, .reorder_pm = 20}};
    EXPECT(sim_seeds(&cfg, 5) < LG_SEC(20));
    cfg.name = "no ts";
    cfg.no_sack = false;
    cfg.no_ts = true;
    EXPECT(sim_seeds(&cfg, 5) < LG_SEC(10));
    cfg.name = "neither";
    cfg.no_sack = true;
    sim_seeds(&cfg, 5);
}

TEST(TcpSim, HoldsBackForASlowReader)
{
    struct sim_cfg cfg = {.name = "slow reader",
                          .bytes = {400000, 300000},
                          .buf_sz = 32768,
                          .read_every_ns = LG_MS(20),
                          .link = {.delay_ns = LG_MS(1)}};
    sim_seeds(&cfg, 1);
    cfg.name = "slow reader, lossy";
    cfg.link =
        (struct link_cfg){.delay_ns = LG_MS(1), .loss_pm = 50, .reorder_pm = 50, .dup_pm = 50};
    sim_seeds(&cfg, 5);
}

TEST(TcpSim, SurvivesZeroWindowsOfTinyBuffers)
{
    struct sim_cfg cfg = {.name = "tiny buffers",
                          .bytes = {50000, 50000},
                          .buf_sz = 4096,
                          .read_every_ns = LG_MS(700),
                          .link = {.delay_ns = LG_MS(1), .loss_pm = 30}};
    sim_seeds(&cfg, 4);
}

TEST(TcpSim, CarriesTinyWritesInFewBufs)
{
    struct sim_cfg cfg = {.name = "tiny writes",
                          .bytes = {30000, 30000},
                          .write_sz = 7,
                          .link = {.delay_ns = LG_MS(1), .loss_pm = 20, .reorder_pm = 50}};
    sim_seeds(&cfg, 3);
}

TEST(TcpSim, CarriesBufsOfOddSizes)
{
    struct sim_cfg cfg = {.name = "bufs of 2000",
                          .bytes = {500000, 500000},
                          .write_sz = 2000,
                          .link = {.delay_ns = LG_MS(1), .loss_pm = 10, .reorder_pm = 20}};
    sim_seeds(&cfg, 3);
    cfg.name = "bufs of 700, mtu 576";
    cfg.write_sz = 700;
    cfg.mtu = 576;
    sim_seeds(&cfg, 3);
}

TEST(TcpSim, CopiesWhatTheDriverStillHolds)
{
    struct sim_cfg cfg = {.name = "shared",
                          .bytes = {1000000, 1000000},
                          .share = true,
                          .link = {.delay_ns = LG_MS(1), .loss_pm = 20, .reorder_pm = 20}};
    sim_seeds(&cfg, 3);
}

TEST(TcpSim, FinishesWhenPacketBufsRunOut)
{
    struct sim_cfg cfg = {.name = "24 bufs",
                          .bytes = {200000, 200000},
                          .pool_cnt = 24,
                          .link = {.delay_ns = LG_MS(1), .loss_pm = 10}};
    sim_seeds(&cfg, 5);
}

TEST_NEEDS(TcpSim, CarriesHundredMegabytesThroughNetem, T_SLOW)
{
    struct sim_cfg cfg = {
        .name = "100 MB",
        .bytes = {100000000, 100000000},
        .link = {.delay_ns = LG_US(500), .loss_pm = 10, .dup_pm = 10, .reorder_pm = 10}};
    lg_ns_t took_ns = sim_run(&cfg, 1);
    EXPECT(took_ns < LG_SEC(60));
}
