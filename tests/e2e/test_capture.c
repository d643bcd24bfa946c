/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_capture.c: what Lockgate and Linux say to each other, read off the wire by programs that are
 * not ours. */
#include "rig_priv.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static pid_t tcpdump;

/* capture writes what passes the client's device, without payload, to "pcap". */
static bool capture(void)
{
    EXPECT_RUN(0, "rm -f $DIR/pcap $DIR/pcap.log");
    tcpdump =
        rig_spawn("exec tcpdump -i front -s 128 -B 16384 -U -w $DIR/pcap tcp 2>$DIR/pcap.log");
    if (rig_wait(10, "grep -q listening $DIR/pcap.log"))
        return true;
    t_fail(__FILE__, __LINE__, "tcpdump did not start");
    return false;
}

/* captured ends the capture once it holds a SYN to a closed port that was sent last. */
static void captured(void)
{
    EXPECT_RUN(7,
               "for i in $(seq 5); do curl -s --noproxy '*' --max-time 2 http://$GATE4:9/; done");
    EXPECT(rig_wait(10, "tcpdump -nr $DIR/pcap 'tcp dst port 9' 2>/dev/null | grep -q ."));
    kill(tcpdump, SIGTERM);
    EXPECT_EQ(rig_join(tcpdump, 10), 0);
    tcpdump = 0;
}

/* seen: how many of the captured packets fit a filter of tcpdump's. */
static long seen(const char *filter)
{
    if (rig_client("tcpdump -nr $DIR/pcap '%s' 2>/dev/null | wc -l", filter) != 0)
        t_fail(__FILE__, __LINE__, "%s: %.1000s", filter, rig_out);
    return strtol(rig_out, NULL, 10);
}

#define FROM_GATE "src host 10.91.1.2 and "
#define FROM_LINUX "src host 10.91.1.1 and "
#define IP_ECN(what) "ip[1] & 3 = " what " and "
#define DATA_SZ "ip[2:2] - ((ip[0] & 15) << 2) - ((tcp[12] & 0xf0) >> 2)"
#define WITH_DATA DATA_SZ " > 0"

static void move_both_ways(void)
{
    EXPECT_RUN(0, "get 9443 /1m -o $DIR/down && cmp $DIR/down $DIR/www/1m &&"
                  " get 9443 /up/ecn -T $DIR/www/1m && cmp $DIR/www/up/ecn $DIR/www/1m");
}

E2E(Ecn, LinuxAndWeAnswerEachOthersMarks)
{
    if (!rig_up() ||
        !rig_use_as(NULL, "  ecn: \"on\"\n",
                    "pools:\n"
                    "  - {name: p, backends: [{name: a, address: \"10.91.2.10:80\"}]}\n"
                    "listeners:\n"
                    "  - {name: l, type: tcp_ssl, $BIND:9443, pool: p, tls: "
                    "{$CERTS}}\n"))
        return;
    EXPECT_RUN(0, "sysctl -qw net.ipv4.tcp_ecn=1");
    if (rig_impair("front", "ce=3 delay=1") && capture()) {
        move_both_ways();
        captured();
        EXPECT_RUN(0, "nstat -az IpExtInCEPkts | grep -q 'IpExtInCEPkts *[1-9]'");
        EXPECT_EQ(rig_stat("tcp_ecn"), 4); /* two of the client's, two of ours to nginx */
        EXPECT(rig_stat("tcp_ecn_ce") > 0);
        EXPECT(rig_stat("tcp_ecn_reduced") > 0);
        EXPECT_EQ(rig_stat("tcp_fast_retrans"), 0); /* marks instead of losses */
        /* A busy machine may have them sent twice. */
        EXPECT(seen(FROM_LINUX "tcp[13] & 0xd2 = 0xc2") >= 2); /* SYN, ECE, CWR */
        EXPECT(seen(FROM_GATE "tcp[13] & 0xd2 = 0x52") >= 2);  /* SYN, ACK, ECE */
        EXPECT(seen(FROM_LINUX IP_ECN("2") WITH_DATA) > 100);
        EXPECT(seen(FROM_GATE IP_ECN("2") WITH_DATA) > 100);
        EXPECT(seen(FROM_GATE IP_ECN("3") WITH_DATA) > 0);
        /* Each tells the other, and each answers. */
        EXPECT(seen(FROM_LINUX "tcp[13] & 0x42 = 0x40") > 0);
        EXPECT(seen(FROM_GATE "tcp[13] & 0x80 = 0x80") > 0);
        EXPECT(seen(FROM_GATE "tcp[13] & 0x42 = 0x40") > 0);
        EXPECT(seen(FROM_LINUX "tcp[13] & 0x82 = 0x80") > 0);
        /* What has no data is never ECN-capable. */
        EXPECT_EQ(seen(FROM_GATE "ip[1] & 3 != 0 and " DATA_SZ " = 0"), 0);
        EXPECT_EQ(seen(FROM_GATE "ip[1] & 3 != 0 and tcp[13] & 2 = 2"), 0);
    }
    if (rig_impair("front", "bleach=1")) { /* a path that clears the field: no marks, no harm */
        int64_t ce = rig_stat("tcp_ecn_ce");
        move_both_ways();
        EXPECT_EQ(rig_stat("tcp_ecn"), 8);
        EXPECT_EQ(rig_stat("tcp_ecn_ce"), ce);
    }
    (void)rig_mend("front");
    EXPECT_RUN(0, "sysctl -qw net.ipv4.tcp_ecn=2");
    EXPECT(rig_settles());
}

/* -- tshark's opinion -- */

enum { OPINIONS = 8 };

/* opine counts the captured packets that fit each of tshark's filters. */
static bool opine(const char *const *filters, long *counts)
{
    for (size_t i = 0; i < OPINIONS && filters[i]; i++) {
        if (rig_client("set -o pipefail; tshark -n -r $DIR/pcap -Y '%s' 2>$DIR/tshark.log | wc -l",
                       filters[i]) != 0) {
            t_fail(__FILE__, __LINE__, "tshark: %s: %.1000s", filters[i], rig_out);
            return false;
        }
        counts[i] = strtol(rig_out, NULL, 10);
    }
    return true;
}

#define GATE "(ip.src == 10.91.1.2 or ipv6.src == fd91:1::2)"
#define PEER "(ip.dst == 10.91.1.2 or ipv6.dst == fd91:1::2)"
#define ALL_OPTIONS "tcp.options.sack_perm and tcp.options.wscale and tcp.options.timestamp"

E2E(Capture, ACleanLinkShowsNothingMalformedAndNothingSentInVain)
{
    static const char *const filters[] = {
        "_ws.malformed or tcp.option.len.invalid or tcp.bogus_header_length or "
        "tcp.suboption_malformed",
        GATE " and tcp.analysis.retransmission",
        GATE " and (tcp.analysis.ack_lost_segment or tcp.analysis.zero_window_probe)",
        GATE " and tcp.flags.syn == 1 and " ALL_OPTIONS,
        PEER " and tcp.flags.syn == 1 and tcp.dstport != 9",
        GATE " and tcp.len > 1000 and not tcp.options.timestamp",
        NULL};
    long n[OPINIONS] = {0};

    RIG(rig_standard);
    int64_t by_timer = rig_stat("tcp_tlp") + rig_stat("tcp_rto");
    int64_t by_loss = rig_stat("tcp_fast_retrans");
    if (!capture())
        return;
    EXPECT_RUN(0, "for a in $GATE4 $GATE6; do export ADDR=$a;"
                  " get 8443 /1m -o $DIR/down && cmp $DIR/down $DIR/www/1m &&"
                  " get 8443 /up/cap -T $DIR/www/1m && cmp $DIR/www/up/cap $DIR/www/1m &&"
                  " get 443 /hello && get 8443 /hello || exit 1; done");
    captured();
    if (!opine(filters, n))
        return;
    EXPECT_EQ(n[0], 0);
    /* On a machine too busy to answer within two round trips a probe may go out in vain: then our
     * own counters say so. Nothing else may. */
    by_timer = rig_stat("tcp_tlp") + rig_stat("tcp_rto") - by_timer;
    EXPECT(n[1] <= by_timer);
    EXPECT_EQ(rig_stat("tcp_fast_retrans"), by_loss);
    EXPECT_EQ(n[2], 0);
    EXPECT(n[3] >= 8); /* SACK, window scaling and timestamps on every connection */
    EXPECT(n[3] >= n[4]);
    EXPECT_EQ(n[5], 0);
    EXPECT(rig_settles());
}

E2E(Capture, BothSidesReportWhatArrivedBehindAHole)
{
    static const char *const filters[] = {GATE " and tcp.options.sack_le",
                                          PEER " and tcp.options.sack_le", "_ws.malformed", NULL};
    long n[OPINIONS] = {0};

    RIG(rig_standard);
    if (!rig_impair("front", "loss=3 delay=1 seed=5"))
        return;
    if (capture()) {
        EXPECT_RUN(0, "get 8443 /1m -o $DIR/down && cmp $DIR/down $DIR/www/1m &&"
                      " get 8443 /up/cap -T $DIR/www/1m && cmp $DIR/www/up/cap $DIR/www/1m");
        captured();
        if (opine(filters, n)) {
            EXPECT(n[0] > 0);
            EXPECT(n[1] > 0);
            EXPECT_EQ(n[2], 0);
        }
    }
    EXPECT(rig_mend("front"));
    EXPECT(rig_settles());
}
