/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_share.c: an AF_XDP port that leaves the kernel what is not for its addresses, over a veth
 * pair whose near end has an address of the kernel's too. */
#include "port_rig.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* From 192.0.2.77 (02::77) to whoever has `dst` on the pair's network; the interface's MAC is said
 * twice, as on any host with two addresses. */
static uint32_t ip_frame(uint8_t *p, const uint8_t mac[6], const char *dst, uint16_t dport)
{
    memcpy(p, mac, 6);
    memcpy(p + 6, "\x02\0\0\0\0\x77\x08\0\x45\0\0\x21\0\0\0\0\x40\x11\0\0\xc0\0\x02\x4d", 24);
    EXPECT_EQ(inet_pton(AF_INET, dst, p + 30), 1);
    uint32_t sum = 0;
    for (int i = 14; i < 34; i += 2)
        sum += lg_get_be16(p + i);
    lg_put_be16(p + 24, (uint16_t) ~(sum + (sum >> 16)));
    lg_put_be16(p + 34, 1234);
    lg_put_be16(p + 36, dport);
    memcpy(p + 38, "\0\x0d\0\0hello\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
    return 60;
}

static uint32_t arp_for(uint8_t *p, const char *target)
{
    memset(p, 0xff, 6);
    memcpy(p + 6,
           "\x02\0\0\0\0\x77\x08\x06\0\x01\x08\0\x06\x04\0\x01\x02\0\0\0\0\x77\xc0\0\x02\x4d", 26);
    memset(p + 32, 0, 28);
    EXPECT_EQ(inet_pton(AF_INET, target, p + 38), 1);
    return 60;
}

/* A solicitation or, with 136, an advertisement to all nodes. Checksums are nobody's concern here.
 */
static uint32_t nd_for(uint8_t *p, uint8_t type, const char *target)
{
    memcpy(p, "\x33\x33\0\0\0\x01\x02\0\0\0\0\x77\x86\xdd\x60\0\0\0\0\x18\x3a\xff", 22);
    EXPECT_EQ(inet_pton(AF_INET6, "fe80::77", p + 22), 1);
    EXPECT_EQ(inet_pton(AF_INET6, "ff02::1", p + 38), 1);
    memset(p + 54, 0, 8);
    p[54] = type;
    EXPECT_EQ(inet_pton(AF_INET6, target, p + 62), 1);
    return 78;
}

/* Is this one of the frames above, or what the kernel itself has to say? */
static bool is_from_77(const uint8_t *p)
{
    return memcmp(p + 6, "\x02\0\0\0\0\x77", 6) == 0;
}

static unsigned rx_77(struct bench *t, double wait_s)
{
    struct lg_buf *got[32];
    unsigned cnt = 0;

    for (double end = now_s() + wait_s; now_s() < end && cnt == 0;) {
        for (uint32_t q = 0; q < t->cfg.worker_cnt; q++) {
            unsigned n = lg_port_rx(t->ps, 0, q, got, 32, &t->stats);
            for (unsigned i = 0; i < n; i++) {
                cnt += is_from_77(got[i]->data);
                lg_buf_give(got[i]);
            }
        }
    }
    return cnt;
}

static bool kernel_gets_hello(int udp)
{
    struct pollfd p = {.fd = udp, .events = POLLIN};
    char text[16] = "";

    return poll(&p, 1, 5000) == 1 && recv(udp, text, sizeof text, 0) == 5 &&
           memcmp(text, "hello", 5) == 0;
}

static struct bench *shared_bench(void)
{
    struct bench *t = bench_new("af_xdp:lgn-us");

    t->ports[0].share = true;
    t->ports[0].address_cnt = 2;
    EXPECT_OK(lg_prefix_parse(lg_span_cstr("192.0.2.1/24"), &t->ports[0].addresses[0]));
    EXPECT_OK(lg_prefix_parse(lg_span_cstr("2001:db8::1/64"), &t->ports[0].addresses[1]));
    return t;
}

static int udp_at(const char *ip, uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    EXPECT_EQ(inet_pton(AF_INET, ip, &at.sin_addr), 1);
    EXPECT_EQ(bind(fd, (struct sockaddr *)(void *)&at, sizeof at), 0);
    return fd;
}

static void expect_split(struct bench *t, int fd, int udp)
{
    uint8_t p[128], mac[6];

    EXPECT(lg_xdp_mac("lgn-us", mac));
    /* The kernel's first: had the port got one of them, it would be there before ours. */
    EXPECT_EQ(send(fd, p, ip_frame(p, mac, "192.0.2.9", 7777), 0), 60);
    EXPECT(kernel_gets_hello(udp));
    EXPECT_EQ(send(fd, p, arp_for(p, "192.0.2.9"), 0), 60);
    EXPECT_EQ(send(fd, p, nd_for(p, 135, "2001:db8::9"), 0), 78);
    EXPECT_EQ(rx_77(t, 0.05), 0);
    EXPECT_EQ(send(fd, p, ip_frame(p, mac, "192.0.2.1", 443), 0), 60);
    EXPECT_EQ(rx_77(t, 5), 1);
    EXPECT_EQ(send(fd, p, arp_for(p, "192.0.2.1"), 0), 60);
    EXPECT_EQ(rx_77(t, 5), 1);
    EXPECT_EQ(send(fd, p, nd_for(p, 135, "2001:db8::1"), 0), 78);
    EXPECT_EQ(rx_77(t, 5), 1);
    EXPECT_EQ(send(fd, p, nd_for(p, 136, "2001:db8::1"), 0), 78);
    EXPECT_EQ(rx_77(t, 5), 1);
}

static void share_body(void)
{
    if (!make_veth(2) || system("ip address add 192.0.2.9/24 dev lgn-us && "
                                "sysctl -qw net.ipv4.conf.all.rp_filter=0 "
                                "net.ipv4.conf.lgn-us.rp_filter=0") != 0)
        return t_fail(__FILE__, __LINE__, "ip fails");
    int fd = open_peer(), udp = udp_at("192.0.2.9", 7777);
    uint8_t p[128], mac[6];
    struct bench *t = shared_bench();
    t->cfg.worker_cnt = 2;
    t->cfg.packet_buffers = 16384;
    if (!bench_open(t))
        return;
    expect_split(t, fd, udp);
    bench_free(t);
    EXPECT(system("ip link show lgn-us | grep -q xdp") != 0);
    EXPECT(lg_xdp_mac("lgn-us", mac));
    EXPECT_EQ(send(fd, p, ip_frame(p, mac, "192.0.2.9", 7777), 0), 60);
    EXPECT(kernel_gets_hello(udp));
    close(udp);
    close(fd);
}

TEST_NEEDS(PortShare, LeavesTheKernelWhatIsNotForOurAddresses, T_ROOT)
{
    NEEDS_EAL();
    run_in_new_netns(share_body);
}

static void leftover_body(void)
{
    if (!make_veth(1) || system("ip address add 192.0.2.9/24 dev lgn-us") != 0)
        return t_fail(__FILE__, __LINE__, "ip fails");
    int fd = open_peer(), udp = udp_at("192.0.2.9", 7777);
    struct bench *t = shared_bench();
    struct lg_ports *ps = calloc(1, sizeof *ps);
    struct lg_port port = {.cfg = &t->ports[0]};

    /* What a Lockgate that was killed leaves: its program, and no socket. */
    ps->cfg = &t->cfg;
    EXPECT_OK(lg_xdp_share(&(struct lg_port_open){ps, &port, &t->diag}, "lgn-us"));
    EXPECT(system("ip link show lgn-us | grep -q xdp") == 0);
    EXPECT_OK(lg_prefix_parse(lg_span_cstr("192.0.2.200/24"), &t->ports[0].addresses[0]));
    if (bench_open(t)) {
        uint8_t p[128], mac[6];
        EXPECT(lg_xdp_mac("lgn-us", mac));
        EXPECT_EQ(send(fd, p, ip_frame(p, mac, "192.0.2.200", 443), 0), 60);
        EXPECT_EQ(rx_77(t, 5), 1); /* by the new program */
    }
    bench_free(t);
    free(ps);
    close(udp);
    close(fd);
}

TEST_NEEDS(PortShare, ReplacesWhatAKilledProcessLeft, T_ROOT)
{
    NEEDS_EAL();
    run_in_new_netns(leftover_body);
}

static void share_refused_body(void)
{
    if (!make_veth(1) || system("ip address add 192.0.2.1/24 dev lgn-us") != 0)
        return t_fail(__FILE__, __LINE__, "ip fails");
    struct bench *t = shared_bench();
    expect_refused(t, LG_E(CONFIG), "address 192.0.2.1 is also the kernel's (interface lgn-us)");
    bench_free(t);
}

TEST_NEEDS(PortShare, RefusesAnAddressThatTheKernelHas, T_ROOT)
{
    NEEDS_EAL();
    run_in_new_netns(share_refused_body);
}
