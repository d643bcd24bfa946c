/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_path.c: a client behind a router whose next link takes smaller packets than ours: Linux
 * tells us so by ICMP, and every byte arrives all the same. */
#include "rig_priv.h"

/* The client's namespace becomes the router; the far client is on a link of 1300 bytes behind it,
 * and claims by its MSS that 1500 are fine. */
static const char make_far[] =
    "ip netns add $FAR && ip -n $FAR link set lo up &&"
    " ip -n $ROUTER link add tofar type veth peer name far netns $FAR &&"
    " ip netns exec $FAR ethtool -K far tx off tso off gso off gro off >/dev/null &&"
    " ip netns exec $ROUTER ethtool -K tofar tx off tso off gso off gro off >/dev/null &&"
    " ip -n $ROUTER link set tofar mtu 1300 up && ip -n $FAR link set far up &&"
    " ip -n $ROUTER addr add 10.91.9.1/24 dev tofar && ip -n $FAR addr add 10.91.9.2/24 dev far &&"
    " ip -n $ROUTER addr add fd91:9::1/64 dev tofar nodad &&"
    " ip -n $FAR addr add fd91:9::2/64 dev far nodad &&"
    " ip -n $FAR route add default via 10.91.9.1 && ip -n $FAR route add default via fd91:9::1 &&"
    " ip netns exec $ROUTER sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1";

static int far_does(const char *what)
{
    return rig_tool("ROUTER=%s FAR=%s-far; %s", rig_ns_name(RIG_CLIENT), rig_ns_name(RIG_CLIENT),
                    what);
}

static void expect_download(const char *address)
{
    char text[1024];

    snprintf(
        text, sizeof text,
        "ip netns exec $FAR curl -sS --max-time 50 --noproxy '*' --cacert $DIR/pki/server-root.pem"
        " --resolve 'shop.example:9443:%s' -o $DIR/down https://shop.example:9443/1m &&"
        " cmp $DIR/down $DIR/www/1m",
        address);
    if (far_does(text) != 0)
        t_fail(__FILE__, __LINE__, "from %s: %.2000s", address, rig_out);
}

E2E(Path, ClientsBehindASmallerLinkGetEveryByte)
{
    if (!rig_up() || !rig_use("routes:\n"
                              "  - {to: 10.91.9.0/24, via: 10.91.1.1}\n"
                              "  - {to: \"fd91:9::/64\", via: \"fd91:1::1\"}\n"
                              "pools:\n"
                              "  - {name: p, backends: [{name: a, address: \"10.91.2.10:80\"}]}\n"
                              "listeners:\n"
                              "  - {name: l, type: tcp_ssl, $BIND:9443, pool: p, tls: {$CERTS}}\n"))
        return;
    if (far_does(make_far) == 0) {
        expect_download("10.91.1.2");
        EXPECT_STAT("tcp_pmtu_shrunk", 1);
        expect_download("[fd91:1::2]");
        EXPECT_STAT("tcp_pmtu_shrunk", 2);
        expect_download("10.91.1.2"); /* remembered: nothing is lost any more */
        EXPECT_STAT("tcp_pmtu_shrunk", 2);
        EXPECT_EQ(rig_stat("tcp_pmtu_black_hole"), 0);
        EXPECT(rig_settles());
    } else {
        t_fail(__FILE__, __LINE__, "no router: %.2000s", rig_out);
    }
    far_does("ip netns del $FAR; ip netns exec $ROUTER sysctl -qw net.ipv4.ip_forward=0"
             " net.ipv6.conf.all.forwarding=0");
}
