/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses as text and back, and what is refused. */
#include "ip.h"
#include "t.h"

TEST(Ip, ParsesAndPrintsBothFamilies)
{
    static const char *const good[] = {"192.0.2.1", "0.0.0.0", "2001:db8::1", "::", "fe80::1"};
    char buf[LG_IP_STR_SZ];
    for (size_t i = 0; i < LG_ARRAY_CNT(good); i++) {
        lg_ip_t ip;
        EXPECT_OK(lg_ip_parse(lg_span_cstr(good[i]), &ip));
        EXPECT_STR(lg_ip_text(&ip, buf), good[i]);
    }
}

TEST(Ip, RefusesWhatIsNoAddress)
{
    static const char *const bad[] = {
        "",         "1.2.3", "1.2.3.4.5",    "256.1.1.1",
        "1.2.3.4 ", "g::1",  "192.0.2.1/24", "1234567890123456789012345678901234567890123"};
    for (size_t i = 0; i < LG_ARRAY_CNT(bad); i++) {
        lg_ip_t ip;
        EXPECT_ERR(lg_ip_parse(lg_span_cstr(bad[i]), &ip), LG_E(ADDR));
    }
}

TEST(Ip, RefusesEndpointsWithoutAClearPort)
{
    static const char *const bad[] = {"192.0.2.1",       ":443",
                                      "192.0.2.1:",      "192.0.2.1:0",
                                      "192.0.2.1:65536", "2001:db8::1:443",
                                      "[192.0.2.1]:443", "[2001:db8::1]443",
                                      "192.0.2.1:4a"};
    struct lg_endpoint e;
    for (size_t i = 0; i < LG_ARRAY_CNT(bad); i++)
        EXPECT_ERR(lg_endpoint_parse(lg_span_cstr(bad[i]), &e), LG_E(ADDR));
}

TEST(Ip, ParsesEndpoints)
{
    char buf[LG_ENDPOINT_STR_SZ];
    struct lg_endpoint e;
    EXPECT_OK(lg_endpoint_parse(LG_SPAN_STR("[2001:db8::1]:8443"), &e));
    EXPECT_STR(lg_endpoint_text(&e, buf), "[2001:db8::1]:8443");
    EXPECT_OK(lg_endpoint_parse(LG_SPAN_STR("192.0.2.1:443"), &e));
    EXPECT_EQ(e.port, 443);
    EXPECT_STR(lg_endpoint_text(&e, buf), "192.0.2.1:443");
}

static bool has(const char *prefix, const char *ip)
{
    struct lg_prefix p;
    lg_ip_t a;
    return lg_is_ok(lg_prefix_parse(lg_span_cstr(prefix), &p)) &&
           lg_is_ok(lg_ip_parse(lg_span_cstr(ip), &a)) && lg_prefix_has(&p, &a);
}

TEST(Ip, MatchesPrefixesByLeadingBits)
{
    EXPECT(has("10.1.2.3/24", "10.1.2.255"));
    EXPECT(!has("10.1.2.3/24", "10.1.3.0"));
    EXPECT(has("10.1.2.128/25", "10.1.2.129"));
    EXPECT(!has("10.1.2.128/25", "10.1.2.1"));
    EXPECT(has("0.0.0.0/0", "8.8.8.8"));
    EXPECT(!has("0.0.0.0/0", "2001:db8::1"));
    EXPECT(has("2001:db8::/33", "2001:db8:7fff::1"));
    EXPECT(!has("2001:db8::/33", "2001:db8:8000::1"));
    EXPECT(has("::/0", "2001:db8::1"));
    EXPECT(has("10.0.0.1/32", "10.0.0.1"));
}
