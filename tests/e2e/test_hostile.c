/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_hostile.c: what no honest peer sends: each gets its protocol's own error or silence, and the
 * others' connections go on. */
#include "frames.h"

#include <stdio.h>

/* others_start and others_go_on: 100 MB move while the test does its worst. */
static pid_t others_start(void)
{
    int64_t in = rig_stat("tls_bytes_out");
    pid_t pid = rig_spawn("get 8443 /100m -o \"$DIR/other\" --limit-rate 30M && cmp \"$DIR/other\" "
                          "\"$DIR/www/100m\"");

    for (int i = 0; i < 500 && rig_stat("tls_bytes_out") < in + 100000; i++)
        ;
    return pid;
}

static void others_go_on(pid_t pid)
{
    int status = rig_join(pid, 60);

    if (status != 0)
        t_fail(__FILE__, __LINE__, "another's connection was harmed: %d %.2000s", status, rig_out);
    EXPECT_RUN(0, "get 443 /hello");
    EXPECT(rig_settles());
    EXPECT_EQ(rig_stat("tls_arena_used"), 0);
}

E2E(Hostile, GarbageGetsAnAlertOrAnEnd)
{
    RIG(rig_standard);
    int64_t bad = rig_stat("tls_fail_proto");
    pid_t others = others_start();
    for (int seed = 0; seed < 20; seed++) {
        EXPECT_RUN(0, "py garbage 443 %d 500", seed);
        EXPECT(!strstr(rig_out, "ended timeout"));
    }
    EXPECT(rig_stat("tls_fail_proto") > bad);
    others_go_on(others);
}

E2E(Hostile, BrokenHellosAreEndured)
{
    RIG(rig_standard);
    pid_t others = others_start();
    EXPECT_RUN(0, "PATIENCE=58 py garbage-many 443 %d", rig_is_quick() ? 200 : 1500);
    EXPECT(!strstr(rig_out, "timeout"));
    others_go_on(others);
}

E2E(Hostile, PlainHttpOnTheTlsPortIsToldSo)
{
    RIG(rig_standard);
    static const char *const ports[] = {"443", "8443"};
    int64_t bad = rig_stat("tls_hs_failed");
    for (int i = 0; i < 2; i++) {
        EXPECT_RUN(0, "py plain-http %s", ports[i]);
        EXPECT(!strstr(rig_out, "ended timeout"));
        EXPECT(strstr(rig_out, "answer HTTP/1.1 400") || strstr(rig_out, "alert "));
    }
    EXPECT_STAT("tls_hs_failed", bad + 2);
    EXPECT(rig_settles());
}

E2E(Hostile, HelloInOneByteSegmentsIsServed)
{
    RIG(rig_standard);
    static const char *const ports[] = {"443", "8443"};
    for (int i = 0; i < 2; i++) {
        EXPECT_RUN(0, "py one-byte %s", ports[i]);
        EXPECT_HAS(rig_out, "hello from 10.91.2.10");
    }
}

E2E(Hostile, TruncatedHelloAndRecordsEndTheConnectionOnly)
{
    RIG(rig_standard);
    int64_t closed = rig_stat("tls_hs_failed");
    pid_t others = others_start();
    EXPECT_RUN(0, "py truncated-hello 443");
    EXPECT(!strstr(rig_out, "ended timeout"));
    EXPECT_STAT("tls_hs_failed", closed + 1);
    EXPECT_RUN(0, "py truncated-record 9002 1.3");
    EXPECT(!strstr(rig_out, "ended timeout"));
    EXPECT_RUN(0, "py truncated-record 443 1.2");
    EXPECT(!strstr(rig_out, "ended timeout"));
    others_go_on(others);
}

E2E(Hostile, RecordsThatLieAreProtocolErrors)
{
    RIG(rig_standard);
    static const struct {
        const char *hex, *alert;
    } lies[] = {
        {"1603010000", NULL},                         /* an empty handshake record */
        {"16030148010100440003", NULL},               /* longer than a record may be: 18,433 */
        {"1503010002022a", NULL},                     /* an alert before anything */
        {"170301000568656c6c6f", NULL},               /* data before anything */
        {"1403010001011403010001011403010001", NULL}, /* change cipher specs */
        {"160301000402000000", NULL},                 /* a ServerHello */
        {"16030100050100ffffff00", NULL},             /* a handshake message of 64 KiB */
    };
    int64_t failed = rig_stat("tls_hs_failed");
    int n = sizeof lies / sizeof lies[0];
    for (int i = 0; i < n; i++)
        EXPECT_RUN(0, "py raw-hex-end 443 %s", lies[i].hex);
    EXPECT_STAT("tls_hs_failed", failed + n);
    EXPECT(rig_settles());
}

E2E(Hostile, MuteClientIsEndedByTheHandshakeTimeout)
{
    RIG(rig_standard);
    int64_t late = rig_stat("tls_fail_timeout");
    double after = 0;
    EXPECT_RUN(0, "py mute 452 10");
    const char *at = strstr(rig_out, "after ");
    EXPECT(at && sscanf(at, "after %lf", &after) == 1 && after > 1.5 && after < 4);
    EXPECT_STAT("tls_fail_timeout", late + 1);
}

static int64_t all_drops(void)
{
    static const char *const names[] = {
        "drop_eth",     "drop_ethertype", "drop_arp",         "drop_ip4_hdr",    "drop_ip4_csum",
        "drop_ip6_hdr", "drop_ip_frag",   "drop_ip_not_ours", "drop_ip_proto",   "drop_l4_csum",
        "drop_icmp",    "drop_nd",        "drop_tcp_hdr",     "drop_tcp_no_conn"};
    int64_t sum = 0;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        sum += rig_stat(names[i]);
    return sum;
}

E2E(Hostile, MalformedFramesOfEveryLayerDisturbNobody)
{
    RIG(rig_standard);
    struct frames f;
    if (!frames_open(&f, 7))
        return;
    pid_t others = others_start();
    int64_t drops = all_drops();
    unsigned sent = 0;
    while (sent < 100000 && rig_alive(others))
        frames_send(&f, sent++ % FRAMES_KINDS);
    frames_close(&f);
    /* Some kinds are cut by the kernel, some are legal by chance; most must have been dropped. */
    for (int i = 0; i < 100 && all_drops() < drops + sent / 2; i++)
        ;
    if (all_drops() < drops + sent / 2)
        t_fail(__FILE__, __LINE__, "%u frames sent, %lld dropped", sent,
               (long long)(all_drops() - drops));
    others_go_on(others);
}

E2E(Hostile, EachKindOfMalformedFrameIsCounted)
{
    RIG(rig_standard);
    static const struct {
        unsigned kind;
        const char *stat;
    } kinds[] = {{0, "drop_ethertype"}, {2, "drop_eth"},      {5, "drop_ip4_hdr"},
                 {8, "drop_ip4_csum"},  {9, "drop_ip_frag"},  {10, "drop_ip_not_ours"},
                 {11, "drop_ip_proto"}, {12, "drop_ip6_hdr"}, {14, "drop_ip6_hdr"},
                 {16, "drop_tcp_hdr"},  {19, "drop_l4_csum"}, {21, "drop_tcp_hdr"}};
    struct frames f;
    if (!frames_open(&f, 11))
        return;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        int64_t before = rig_stat(kinds[i].stat);
        for (int n = 0; n < 10; n++)
            frames_send(&f, kinds[i].kind);
        for (int n = 0; n < 200 && rig_stat(kinds[i].stat) < before + 10; n++)
            ;
        if (rig_stat(kinds[i].stat) < before + 10)
            t_fail(__FILE__, __LINE__, "kind %u: %s rose by %lld only", kinds[i].kind,
                   kinds[i].stat, (long long)(rig_stat(kinds[i].stat) - before));
    }
    frames_close(&f);
    EXPECT_RUN(0, "get 443 /hello");
}

E2E(Hostile, ClosedPortIsRefusedAtOnce)
{
    RIG(rig_standard);
    int64_t n = rig_stat("drop_tcp_no_conn");
    EXPECT_RUN(7, "curl -sS --max-time 5 https://$GATE4:4444/"); /* 28 when it waits in vain */
    EXPECT_STAT("drop_tcp_no_conn", n + 1);
}
