/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options, the flow table and sequence arithmetic on their own. */
#include "t.h"
#include "tcp_flow.h"
#include "tcp_opt.h"
#include "tcp_seq.h"

#include <stdlib.h>

#define OPT(lit) LG_SPAN_STR(lit)

TEST(TcpOpt, RejectsOptionWithLengthZero)
{
    struct lg_tcp_opts o;
    EXPECT_ERR(lg_tcp_opt_parse(OPT("\x03\x00\x01\x01"), &o), LG_E(TCP_OPT_LEN));
    EXPECT_ERR(lg_tcp_opt_parse(OPT("\x08\x01\x01\x01"), &o), LG_E(TCP_OPT_LEN));
}

TEST(TcpOpt, RejectsOptionPastTheEnd)
{
    struct lg_tcp_opts o;
    EXPECT_ERR(lg_tcp_opt_parse(OPT("\x02\x05\x01\x01"), &o), LG_E(TCP_OPT_LEN));
    EXPECT_ERR(lg_tcp_opt_parse(OPT("\x01\x01\x01\x08"), &o), LG_E(TCP_OPT_LEN));
    EXPECT_ERR(lg_tcp_opt_parse(OPT("\x01\x01\x63\xff"), &o), LG_E(TCP_OPT_LEN));
}

TEST(TcpOpt, SkipsUnknownKindsAndKnownKindsOfWrongLength)
{
    struct lg_tcp_opts o;
    EXPECT_OK(lg_tcp_opt_parse(OPT("\x63\x04xx\x02\x03y\x03\x04zz\x04\x03q\x08\x04pp"
                                   "\x05\x04kk\x02\x04\x05\xb4"),
                               &o));
    EXPECT(o.has_mss);
    EXPECT_EQ(o.mss, 1460);
    EXPECT(!o.has_wscale && !o.has_ts && !o.sack_ok);
    EXPECT_EQ(o.sack_cnt, 0);
}

TEST(TcpOpt, StopsAtEndOfList)
{
    struct lg_tcp_opts o;
    EXPECT_OK(lg_tcp_opt_parse(OPT("\x00\x02\x00\xff"), &o));
    EXPECT(!o.has_mss);
    EXPECT_OK(lg_tcp_opt_parse((lg_span_t){NULL, 0}, &o));
}

TEST(TcpOpt, ReadsWhatItBuilds)
{
    struct lg_tcp_opts in = {.has_mss = true,
                             .mss = 1440,
                             .has_ts = true,
                             .ts_val = 7,
                             .ts_ecr = 0xfffffff0,
                             .has_wscale = true,
                             .wscale = 9,
                             .sack_ok = true};
    uint8_t b[LG_TCP_OPT_MAX];

    for (unsigned mask = 0; mask < 8; mask++) {
        struct lg_tcp_opts want = in, got;
        want.has_ts = mask & 1;
        want.has_wscale = mask & 2;
        want.sack_ok = mask & 4;
        uint32_t n = lg_tcp_opt_build_syn(b, &want);
        REQUIRE(n <= sizeof b && n % 4 == 0);
        EXPECT_OK(lg_tcp_opt_parse((lg_span_t){b, n}, &got));
        EXPECT_EQ(got.mss, 1440);
        EXPECT_EQ(got.has_ts, want.has_ts);
        EXPECT_EQ(got.has_wscale, want.has_wscale);
        EXPECT_EQ(got.sack_ok, want.sack_ok);
        EXPECT_EQ(got.ts_ecr, want.has_ts ? in.ts_ecr : 0);
        EXPECT_EQ(got.wscale, want.has_wscale ? 9 : 0);
    }
}

TEST(TcpOpt, ReadsSackBlocksAndCapsTheScale)
{
    struct lg_tcp_range r[3] = {{10, 20}, {0xfffffff0, 5}, {40, 50}};
    struct lg_tcp_opts o;
    uint8_t b[LG_TCP_OPT_MAX];
    uint32_t n = lg_tcp_opt_build_sack(b, r, 3);

    EXPECT_OK(lg_tcp_opt_parse((lg_span_t){b, n}, &o));
    EXPECT_EQ(o.sack_cnt, 3);
    EXPECT_MEM(o.sack, r, sizeof r);
    EXPECT_OK(lg_tcp_opt_parse(OPT("\x03\x03\xff\x00"), &o));
    EXPECT_EQ(o.wscale, 14);
}

TEST(TcpSeq, ComparesAcrossTheWrap)
{
    EXPECT(lg_seq_lt(0xfffffff0u, 5));
    EXPECT(lg_seq_gt(5, 0xfffffff0u));
    EXPECT(lg_seq_leq(7, 7) && lg_seq_geq(7, 7) && !lg_seq_lt(7, 7));
    EXPECT_EQ(lg_seq_max(0xfffffff0u, 5), 5);
    EXPECT_EQ(lg_seq_min(0xfffffff0u, 5), 0xfffffff0u);
}

TEST(TcpFlow, TakesAsManyAsItWasMadeForWithOneAddressPair)
{
    enum { CNT = 20000 };
    struct lg_tcp_flow f;
    struct lg_sipkey key = {{3, 4}};
    size_t sz = lg_tcp_flow_footprint(CNT);
    void *mem = aligned_alloc(64, sz);
    uint32_t *slot = calloc(CNT, sizeof *slot);

    memset(mem, 0, sz);
    lg_tcp_flow_init(&f, mem, CNT, &key);
    for (uint32_t i = 0; i < CNT; i++) { /* only the port differs, as behind one NAT */
        struct lg_tcp_tuple t = {.local_port = 443, .remote_port = (uint16_t)(i + 1)};
        slot[i] = lg_tcp_flow_insert(&f, lg_tcp_flow_hash(&f, &t), i);
        REQUIRE(slot[i] != LG_TCP_FLOW_NONE);
    }
    for (uint32_t i = 0; i < CNT; i++)
        lg_tcp_flow_remove(&f, slot[i]);
    for (size_t i = 0; i < sz / sizeof(struct lg_tcp_flow_bucket); i++)
        for (unsigned w = 0; w < LG_TCP_FLOW_WAYS; w++)
            REQUIRE_EQ(f.buckets[i].tag[w], 0);
    free(mem);
    free(slot);
}

TEST(TcpFlow, RefusesWhenBothBucketsAreFull)
{
    struct lg_tcp_flow f;
    struct lg_sipkey key = {{3, 4}};
    size_t sz = lg_tcp_flow_footprint(4);
    void *mem = aligned_alloc(64, sz);

    memset(mem, 0, sz);
    lg_tcp_flow_init(&f, mem, 4, &key);
    unsigned taken = 0;
    while (taken < 100 && lg_tcp_flow_insert(&f, 42, taken) != LG_TCP_FLOW_NONE)
        taken++;
    EXPECT(taken == LG_TCP_FLOW_WAYS || taken == 2 * LG_TCP_FLOW_WAYS);
    free(mem);
}
