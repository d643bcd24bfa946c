/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_bytes.c: R38, R41: every byte arrives, once and in order: over a bad wire, through slow
 * readers, at the ends of connections. */
#include "rig.h"

#include <stdio.h>

/* expect_moved: a file down and up through a port, with equal sums. */
static void expect_moved(const char *port, const char *file, const char *more)
{
    EXPECT_RUN(0, "get %s /%s %s -o \"$DIR/down\" && cmp \"$DIR/down\" \"$DIR/www/%s\"", port, file,
               more, file);
    EXPECT_RUN(0,
               "rm -f \"$DIR/www/up/a\"; get %s /up/a -T \"$DIR/www/%s\" %s &&"
               " cmp \"$DIR/www/up/a\" \"$DIR/www/%s\"",
               port, file, more, file);
}

E2E(Bytes, R38_HundredMegabytesBothWaysOverTcpSsl)
{
    RIG(rig_standard);
    expect_moved("8443", "100m", "");
    expect_moved("8443", "1m", "--tls-max 1.2");
    EXPECT(rig_settles());
}

E2E(Bytes, R38_HundredMegabytesBothWaysOverHttps)
{
    RIG(rig_standard);
    expect_moved("443", "100m", "");
    expect_moved("443", "1m", "--tls-max 1.2");
    EXPECT(rig_settles());
}

E2E(Bytes, R41_ClientsSequenceNumbersHoldPast65536Records)
{
    RIG(rig_standard);
    /* One byte a record from the client; what is echoed may come back joined. */
    const char *n = rig_is_quick() ? "20000" : "70000";
    EXPECT_RUN(0, "PATIENCE=55 py many-records 9002 %s", n);
    EXPECT_HAS(rig_out, "same");
}

static void expect_moved_over_bad_wire(const char *how, const char *file)
{
    RIG(rig_standard);
    int64_t retrans = rig_stat("tcp_retrans"), ooo = rig_stat("tcp_ooo"), dup = rig_stat("tcp_dup");
    if (!rig_impair("front", how))
        return;
    expect_moved("8443", file, "");
    expect_moved("443", "1m", "");
    EXPECT(rig_mend("front"));
    /* Lost frames of ours were sent again; the client's came out of order and twice. */
    EXPECT(rig_stat("tcp_retrans") > retrans);
    EXPECT(rig_stat("tcp_ooo") > ooo);
    EXPECT(rig_stat("tcp_dup") > dup);
    EXPECT(rig_settles());
}

E2E(Bytes, SurvivesLossReorderingAndDuplicationInFront)
{
    expect_moved_over_bad_wire("loss=1 reorder=5 dup=1 delay=2", rig_is_quick() ? "1m" : "100m");
}

E2E(Bytes, SurvivesLossReorderingAndDuplicationBehind)
{
    RIG(rig_standard);
    const char *file = rig_is_quick() ? "1m" : "100m";
    int64_t retrans = rig_stat("tcp_retrans"), ooo = rig_stat("tcp_ooo");
    if (!rig_impair("back", "loss=1 reorder=5 dup=1 delay=2 seed=2"))
        return;
    expect_moved("8443", file, "");
    EXPECT(rig_mend("back"));
    EXPECT(rig_stat("tcp_retrans") > retrans);
    EXPECT(rig_stat("tcp_ooo") > ooo);
    EXPECT(rig_settles());
}

E2E(Bytes, HandshakesSurviveAVeryBadWire)
{
    RIG(rig_standard);
    int64_t mutual = rig_stat("tls_hs_mutual");
    if (!rig_impair("front", "loss=10 reorder=20 dup=10 delay=1 seed=3"))
        return;
    EXPECT_RUN(0, "for i in $(seq 8); do get 8444 /hello $(as alice) || exit 1; done");
    EXPECT(rig_mend("front"));
    EXPECT_STAT("tls_hs_mutual", mutual + 8);
}

/* bufs_peak watches how many buffers are used while a command runs. */
static int64_t bufs_peak(pid_t pid, unsigned samples)
{
    int64_t peak = 0;

    while (samples-- && rig_alive(pid)) {
        int64_t now = rig_stat("bufs_used");
        peak = now > peak ? now : peak;
    }
    return peak;
}

static void expect_slow_reader_stops_the_origin(const char *port)
{
    int64_t before = rig_stat("bufs_used");
    /* 1 MB/s where the origin could give a hundred. */
    pid_t slow = rig_spawn("get %s /100m --limit-rate 1000000 --max-time 3 -o /dev/null", port);
    int64_t peak = bufs_peak(slow, 1000000);
    EXPECT_EQ(rig_join(slow, 30), 28); /* curl's --max-time: it was slow indeed */
    /* A connection may hold its send and receive buffers, 256 KiB each and two of them; in frames
     * of 1,448 bytes and with room for what is on the way. */
    if (peak - before > 1500)
        t_fail(__FILE__, __LINE__, "port %s: %lld buffers used, %lld before", port, (long long)peak,
               (long long)before);
    EXPECT(rig_settles());
}

E2E(Bytes, SlowReaderStopsTheOriginAndMemoryStaysBounded)
{
    RIG(rig_standard);
    expect_slow_reader_stops_the_origin("8443");
    expect_slow_reader_stops_the_origin("443");
}

E2E(Bytes, SlowReaderGetsEveryByteInTheEnd)
{
    RIG(rig_standard);
    static const char *const ports[] = {"8443", "443"};
    for (int i = 0; i < 2; i++)
        EXPECT_RUN(0,
                   "get %s /1m --limit-rate 400000 -o \"$DIR/down\" &&"
                   " cmp \"$DIR/down\" \"$DIR/www/1m\"",
                   ports[i]);
}

E2E(Bytes, OriginThatDoesNotReadStopsTheClient)
{
    RIG(rig_standard);
    int64_t before = rig_stat("bufs_used");
    pid_t fast = rig_spawn("get 9006 / -T \"$DIR/www/100m\" --max-time 3 -o /dev/null -w "
                           "'sent %%{size_upload}\\n'");
    int64_t peak = bufs_peak(fast, 1000000);
    EXPECT_EQ(rig_join(fast, 30), 28);
    EXPECT(peak - before < 1500);
    long sent = 0;
    const char *at = strstr(rig_out, "sent ");
    if (!at || sscanf(at, "sent %ld", &sent) != 1 || sent > 20000000)
        t_fail(__FILE__, __LINE__, "the client could send on: %s", rig_out);
    /* The client has gone, but its end stands behind bytes for which there is no room: what ends
     * the session is this listener's idle timeout. */
    EXPECT(rig_settles());
}

E2E(Bytes, R38_RecordsOfEverySizeSplitAndJoined)
{
    RIG(rig_standard);
    static const char *const versions[] = {"1.3", "1.2"};
    for (int i = 0; i < 2; i++) {
        EXPECT_RUN(0, "py sizes 9002 %s", versions[i]);
        EXPECT_HAS(rig_out, "same");
    }
    EXPECT(rig_settles());
}

E2E(Bytes, R38_ClientEndsFirstAndStillHearsTheAnswer)
{
    RIG(rig_standard);
    int64_t resets = rig_stat("tcp_reset_tx");
    static const char *const sizes[] = {"0", "1", "100000", "3000000"};
    for (int i = 0; i < 4; i++) {
        char want[128], sum[64] = "";
        long size = -1;
        EXPECT_RUN(0, "py half-close 9003 %s", sizes[i]);
        const char *sent = strstr(rig_out, "sent ");
        REQUIRE(sent && sscanf(sent, "sent %ld %63s", &size, sum) == 2);
        snprintf(want, sizeof want, "answer %ld %s", size, sum);
        EXPECT_HAS(rig_out, want);
    }
    EXPECT(rig_settles());
    EXPECT_EQ(rig_stat("tcp_reset_tx"), resets);
}

E2E(Bytes, R38_OriginEndsFirstAndStillHearsTheClient)
{
    RIG(rig_standard);
    EXPECT_RUN(0, "py half-open 9004 777000");
    EXPECT_HAS(rig_out, "got 1000000 close_notify");
    EXPECT(rig_settles());
    EXPECT_RUN(0, "get 446 /ended");
    EXPECT_HAS(rig_out, "777000");
}

E2E(Bytes, R38_RecordWithABadTagIsNotPassedOn)
{
    RIG(rig_standard);
    static const char *const versions[] = {"1.3", "1.2"};
    int64_t bad = rig_stat("tls_rec_bad_mac"), in = rig_stat("tls_bytes_in");
    for (int i = 0; i < 2; i++) {
        EXPECT_RUN(0, "py bad-mac 9002 %s", versions[i]);
        EXPECT_HAS(rig_out, "alert bad_record_mac");
        EXPECT(!strstr(rig_out, "plaintext"));
    }
    EXPECT_STAT("tls_rec_bad_mac", bad + 2);
    EXPECT_EQ(rig_stat("tls_bytes_in"), in);
    EXPECT(rig_settles());
}

E2E(Bytes, R38_TruncationIsNotTakenForTheEnd)
{
    RIG(rig_standard);
    /* 9003 says its digest at an orderly end. A stream cut without close_notify is none. */
    EXPECT_RUN(0, "py cut 9003 5000");
    EXPECT(!strstr(rig_out, "answer 5000"));
    EXPECT_RUN(0, "py truncated-record 9003");
    EXPECT(!strstr(rig_out, "plaintext came"));
    EXPECT(rig_settles());
}

E2E(Bytes, ResetByTheOriginReachesTheClient)
{
    RIG(rig_standard);
    EXPECT_RUN(0, "py request 9005");
    EXPECT(!strstr(rig_out,
                   "ended close_notify")); /* a broken stream must not look like a whole one */
    EXPECT(rig_settles());
}

E2E(Bytes, ClientThatVanishesFreesItsBackend)
{
    RIG(rig_standard);
    int64_t resets = rig_stat("tcp_reset_rx");
    pid_t pid = rig_spawn("get 8443 /100m --limit-rate 1000000 -o /dev/null");
    REQUIRE(rig_becomes("proxy_backend_conns", 1));
    EXPECT_RUN(0, "pkill -KILL -g %d curl; true", (int)pid);
    rig_join(pid, 10);
    EXPECT(rig_settles());
    EXPECT_STAT("tcp_reset_rx", resets + 1);
    EXPECT_STAT("proxy_backend_conns", 0);
}
