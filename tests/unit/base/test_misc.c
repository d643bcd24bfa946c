/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pools, rings, cursors, SipHash, diagnostics, escaping. */
#include "diag.h"
#include "log.h"
#include "pool.h"
#include "ring.h"
#include "siphash.h"
#include "t.h"
#include <fcntl.h>
#include <unistd.h>

TEST(Pool, GivesEveryObjectOnceAndThenNone)
{
    static alignas(64) uint8_t mem[4096];
    struct lg_pool p;
    void *o[20];

    REQUIRE(lg_pool_footprint(20, 100) <= sizeof mem);
    lg_pool_init(&p, mem, 20, 100);
    for (int i = 0; i < 20; i++) {
        o[i] = lg_pool_take(&p);
        REQUIRE(o[i] != NULL);
        memset(o[i], i, 100);
        EXPECT_EQ(lg_pool_idx(&p, o[i]), i);
    }
    EXPECT(lg_pool_take(&p) == NULL);
    EXPECT_EQ(lg_pool_used(&p), 20);
    for (int i = 0; i < 20; i++) {
        EXPECT_EQ(((uint8_t *)o[i])[99], i);
        lg_pool_give(&p, o[i]);
    }
    EXPECT_EQ(lg_pool_used(&p), 0);
    EXPECT_EQ(p.cnt_free_min, 0);
}

TEST(Ring, KeepsOrderAndRefusesWhenFull)
{
    void *slots[4];
    struct lg_ring r;
    int v[6];

    lg_ring_init(&r, slots, 4);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++)
            EXPECT(lg_ring_push(&r, &v[i]));
        EXPECT(!lg_ring_push(&r, &v[4]));
        for (int i = 0; i < 4; i++)
            EXPECT(lg_ring_pop(&r) == &v[i]);
        EXPECT(lg_ring_pop(&r) == NULL);
    }
}

TEST(Cursor, StaysFailedPastTheEnd)
{
    struct lg_cur c = lg_cur(LG_SPAN_STR("\x00\x02\x05\x01"));
    EXPECT_EQ(lg_cur_be16(&c), 2);
    EXPECT_EQ(lg_cur_vec8(&c).len, 0);
    EXPECT(c.failed);
    EXPECT_EQ(lg_cur_u8(&c), 0);
    EXPECT_EQ(lg_cur_left(&c), 0);
}

/* The vectors of the SipHash paper's reference: key 00..0f, input 00, 00 01, 00 01 02, ... */
TEST(SipHash, MatchesTheReferenceVectors)
{
    const struct lg_sipkey key = {{0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull}};
    uint8_t in[16];
    for (unsigned i = 0; i < 16; i++)
        in[i] = (uint8_t)i;
    EXPECT(lg_siphash(&key, in, 0) == 0x726fdb47dd0e0e31ull);
    EXPECT(lg_siphash(&key, in, 1) == 0x74f839c593dc67fdull);
    EXPECT(lg_siphash(&key, in, 8) == 0x93f5f5799a932462ull);
    EXPECT(lg_siphash(&key, in, 15) == 0xa129ca6149be45e5ull);
}

TEST(Diag, SaysFileLineAndKey)
{
    static struct lg_diag d;
    lg_diag_error(&d, "a.yaml", 7, "listeners[0].mode", "\"%s\" is not one of mutual, one-way",
                  "x");
    lg_diag_warn(&d, NULL, 0, NULL, "careful");
    EXPECT_EQ(d.error_cnt, 1);
    EXPECT_EQ(d.warn_cnt, 1);
    EXPECT_STR(d.msg[0].text, "a.yaml:7: listeners[0].mode: \"x\" is not one of mutual, one-way");
    EXPECT_STR(d.msg[1].text, "careful");
}

TEST(Diag, CountsWhatItCannotKeep)
{
    static struct lg_diag d;
    for (int i = 0; i < LG_DIAG_MAX + 5; i++)
        lg_diag_error(&d, "f", 1, "k", "%d", i);
    EXPECT_EQ(d.error_cnt, LG_DIAG_MAX + 5);
    EXPECT_EQ(d.kept_cnt, LG_DIAG_MAX);
}

TEST(Log, EscapesHostileBytes)
{
    char out[64], tiny[6];
    lg_log_escape(LG_SPAN_STR("a\nb\"\x01\xff"), out, sizeof out);
    EXPECT_STR(out, "a\\x0ab\\x22\\x01\\xff");
    EXPECT_STR(lg_log_escape(LG_SPAN_STR("ab\n\n"), tiny, sizeof tiny), "ab");
}

TEST(Log, DropsAndCountsWhenTheRingIsFull)
{
    static struct lg_logring r;
    static struct lg_stats s;
    lg_logring_init(&r, LG_LOG_INFO);
    for (int i = 0; i < LG_LOGRING_CNT + 3; i++)
        lg_logring_put(&r, &s, LG_LOG_INFO, "line %d", i);
    lg_logring_put(&r, &s, LG_LOG_DEBUG, "not wanted");
    EXPECT_EQ(lg_stat_get(&s, LG_STAT_LOG_DROPPED), 3);
    EXPECT_STR(lg_stat_name(LG_STAT_LOG_DROPPED), "log_dropped");
}

/* with_stderr runs fn while standard error is a pipe; gives its reading end. */
static int with_stderr(void (*fn)(void))
{
    int ends[2], saved = dup(STDERR_FILENO);

    if (saved < 0 || pipe2(ends, O_NONBLOCK) != 0)
        return -1;
    fcntl(ends[1], F_SETFL, 0); /* as a shell makes them: writing waits */
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    fn();
    dup2(saved, STDERR_FILENO);
    close(saved);
    return ends[0];
}

static void flood(void)
{
    for (int i = 0; i < 3000; i++) /* more than any pipe takes */
        lg_log(LG_LOG_ERROR, "line %d", i);
}

TEST(Log, APipeThatNobodyReadsHoldsUpNobody)
{
    static char text[1 << 20];
    int fd = with_stderr(flood); /* would never return */
    size_t len = 0;

    REQUIRE(fd >= 0);
    for (ssize_t n; (n = read(fd, text + len, sizeof text - 1 - len)) > 0; len += (size_t)n)
        ;
    close(fd);
    EXPECT_HAS(text, "line 0\n");
    EXPECT(strstr(text, "line 2999\n") == NULL);
    EXPECT_EQ(text[len - 1], '\n');
    fd = with_stderr(flood);
    REQUIRE(fd >= 0);
    EXPECT(read(fd, text, 200) > 0);
    close(fd);
    EXPECT_HAS(text, "lines before this one were lost");
}
