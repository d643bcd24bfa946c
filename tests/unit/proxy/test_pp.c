/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_pp.c: PROXY protocol headers, read and written. */
#include "pp.h"
#include "t.h"

static struct lg_pp_addrs a;
static size_t used;

static lg_err_t parse(const char *text)
{
    return lg_pp_parse(lg_span_cstr(text), &a, &used);
}

static const char *text_of(const struct lg_endpoint *e)
{
    static char buf[2][LG_ENDPOINT_STR_SZ];
    static int i;
    return lg_endpoint_text(e, buf[i ^= 1]);
}

TEST(Pp, ReadsVersion1)
{
    EXPECT_OK(parse("PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\nGET /"));
    EXPECT(!a.is_local);
    EXPECT_STR(text_of(&a.src), "192.0.2.1:56324");
    EXPECT_STR(text_of(&a.dst), "198.51.100.7:443");
    EXPECT_EQ(used, 45);
    EXPECT_OK(parse("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n"));
    EXPECT_STR(text_of(&a.src), "[2001:db8::1]:1");
    EXPECT_OK(parse("PROXY UNKNOWN\r\n"));
    EXPECT(a.is_local);
    EXPECT_OK(parse("PROXY UNKNOWN ff::1 whatever 7\r\nx"));
    EXPECT(a.is_local);
    EXPECT_EQ(used, 32);
}

TEST(Pp, WaitsForTheWholeOfVersion1)
{
    const char *whole = "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n";
    for (size_t n = 0; n < strlen(whole); n++)
        EXPECT_ERR(lg_pp_parse(lg_span(whole, n), &a, &used), LG_E(AGAIN));
}

TEST(Pp, RefusesWhatIsNoVersion1)
{
    static const char *const bad[] = {
        "\x16\x03\x01\x02",
        "GET / HTTP/1.1\r\n",
        "PROXX",
        "PROXY\r\n",
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
        "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 -2\r\n",
        "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY UNKNOWN 0123456789012345678901234567890123456789012345678901234567890123456789"
        "0123456789012345678901234567890\r\n",
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(bad); i++) {
        lg_err_t e = parse(bad[i]);
        if (!lg_err_is(e, LG_ERR_FORMAT))
            t_fail(__FILE__, __LINE__, "%s: %s", bad[i], lg_err_name(e));
    }
}

#define SIG "\r\n\r\n\0\r\nQUIT\n"

TEST(Pp, ReadsVersion2)
{
    static const char v4[] = SIG "\x21\x11\0\x0f\xc0\0\x02\x01\xc6\x33\x64\x07\xdc\x04\x01\xbb"
                                 "\x04\0\0rest";
    static const char local[] = SIG "\x20\0\0\0";
    static const char dgram[] = SIG "\x21\x12\0\x02xy";
    for (size_t n = 0; n < 16 + 15; n++)
        EXPECT_ERR(lg_pp_parse(lg_span(v4, n), &a, &used), LG_E(AGAIN));
    EXPECT_OK(lg_pp_parse(lg_span(v4, sizeof v4 - 1), &a, &used));
    EXPECT_EQ(used, 31);
    EXPECT_STR(text_of(&a.src), "192.0.2.1:56324");
    EXPECT_STR(text_of(&a.dst), "198.51.100.7:443");
    EXPECT_OK(lg_pp_parse(lg_span(local, 16), &a, &used));
    EXPECT(a.is_local);
    EXPECT_EQ(used, 16);
    EXPECT_OK(lg_pp_parse(lg_span(dgram, 18), &a, &used));
    EXPECT(a.is_local);
}

TEST(Pp, RefusesWhatIsNoVersion2)
{
    static const struct {
        const char *raw;
        size_t len;
        lg_err_t want;
    } bad[] = {
        {SIG "\x11\x11\0\x0c", 16, {LG_ERR_FORMAT}}, /* version 1 in binary */
        {SIG "\x22\x11\0\x0c", 16, {LG_ERR_FORMAT}}, /* no such command */
        {SIG "\x21\x11\0\x0b"
             "01234567890",
         27,
         {LG_ERR_FORMAT}}, /* addresses too short */
        {SIG "\x21\x21\0\x0c"
             "012345678901",
         28,
         {LG_ERR_FORMAT}},
        {SIG "\x21\x11\x10\x01", 16, {LG_ERR_RANGE}},
        {"\r\n\r\n\0\r\nQUIX\n", 12, {LG_ERR_FORMAT}},
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(bad); i++)
        EXPECT_ERR(lg_pp_parse(lg_span(bad[i].raw, bad[i].len), &a, &used), bad[i].want);
}

static struct lg_pp_say say_of(const char *src, const char *dst)
{
    struct lg_pp_say s = {.alpn = "",
                          .authority = "",
                          .version = "",
                          .cipher = "",
                          .group = "",
                          .sig_scheme = "",
                          .cn = ""};
    EXPECT_OK(lg_endpoint_parse(lg_span_cstr(src), &s.addrs.src));
    EXPECT_OK(lg_endpoint_parse(lg_span_cstr(dst), &s.addrs.dst));
    return s;
}

TEST(Pp, WritesVersion1)
{
    uint8_t out[LG_PP_V1_MAX];
    struct lg_pp_say s = say_of("192.0.2.1:56324", "198.51.100.7:443");
    size_t n = lg_pp_build_v1(&s, out);
    EXPECT(lg_span_eq(lg_span(out, n),
                      LG_SPAN_STR("PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n")));
    s = say_of("[2001:db8::1]:5", "198.51.100.7:443");
    n = lg_pp_build_v1(&s, out);
    EXPECT(lg_span_eq(lg_span(out, n),
                      LG_SPAN_STR("PROXY TCP6 2001:db8::1 ::ffff:198.51.100.7 5 443\r\n")));
    s.addrs.is_local = true;
    n = lg_pp_build_v1(&s, out);
    EXPECT(lg_span_eq(lg_span(out, n), LG_SPAN_STR("PROXY UNKNOWN\r\n")));
}

TEST(Pp, R43_WritesVersion2WithWhatTlsKnows)
{
    static const uint8_t want[] = SIG "\x21\x11\0\x59\xc0\0\x02\x01\xc6\x33\x64\x07\xdc\x04\x01\xbb"
                                      "\x01\0\x02h2"
                                      "\x02\0\x09"
                                      "a.example"
                                      "\x20\0\x39\x07\0\0\0\0"
                                      "\x21\0\x07TLSv1.3"
                                      "\x23\0\x0a"
                                      "TLS_AES_XY"
                                      "\x26\0\x06x25519"
                                      "\x22\0\x05"
                                      "alice"
                                      "\x28\0\x09"
                                      "\x30\x07"
                                      "DERDERD";
    static const uint8_t der[] = "\x30\x07"
                                 "DERDERD";
    uint8_t out[LG_PP_OUT_MAX];
    struct lg_pp_say s = say_of("192.0.2.1:56324", "198.51.100.7:443");
    s.has_tls = s.has_cert = true;
    s.alpn = "h2";
    s.authority = "a.example";
    s.version = "TLSv1.3";
    s.cipher = "TLS_AES_XY";
    s.group = "x25519";
    s.cn = "alice";
    s.client_cert = lg_span(der, sizeof der - 1);
    size_t n = lg_pp_build_v2(&s, out);
    EXPECT_EQ(n, sizeof want - 1);
    EXPECT_MEM(out + 16, want + 16, LG_MIN(n, sizeof want - 1) - 16);
    EXPECT_EQ(out[14] << 8 | out[15], (int)n - 16);
    EXPECT_OK(lg_pp_parse(lg_span(out, n), &a, &used)); /* and we can read it */
    EXPECT_EQ(used, n);
}

TEST(Pp, LeavesOutWhatDoesNotFitAndSaysNothingOfAnUnshownCertificate)
{
    static uint8_t der[LG_PP_OUT_MAX];
    uint8_t out[LG_PP_OUT_MAX];
    struct lg_pp_say s = say_of("192.0.2.1:1", "192.0.2.2:2");
    s.has_tls = s.has_cert = true;
    s.client_cert = lg_span(der, sizeof der);
    EXPECT_EQ(lg_pp_build_v2(&s, out), 16 + 12 + 8);
    s.has_cert = false;
    s.cn = "mallory";
    EXPECT_EQ(lg_pp_build_v2(&s, out), 16 + 12 + 8);
    EXPECT_EQ(out[16 + 12 + 3], 1);
    EXPECT_EQ(out[16 + 12 + 7], 1); /* not verified */
}
