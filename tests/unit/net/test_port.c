/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_port.c: packet buffers and ports over DPDK's software devices, and AF_XDP over a veth pair
 * in a network namespace of its own. */
#include "port_rig.h"

#include <rte_launch.h>
#include <rte_lcore.h>

#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ------------------------------------------------------------- buffers */

TEST(PktPool, GivesBufsWithHeadroomAndCountsThem)
{
    NEEDS_EAL();
    struct bench *t = bench_new("vdev:net_null0");
    REQUIRE(bench_open(t));
    struct lg_pktpool *p = lg_ports_pool(t->ps, 0);
    unsigned before = available(t);

    EXPECT_EQ(lg_pktpool_total(p), 8192);
    EXPECT_EQ(lg_pktpool_held(p), 0);
    struct lg_buf *a = lg_buf_take(&p->pool), *b = lg_buf_take(&p->pool);
    REQUIRE(a && b && a != b);
    EXPECT_EQ(lg_buf_headroom(a), LG_BUF_HEADROOM);
    EXPECT(lg_buf_tailroom(a) >= 2048);
    EXPECT_EQ(lg_buf_tailroom(a), p->pool.room);
    EXPECT(a->pool == &p->pool);
    EXPECT_EQ(lg_pktpool_held(p), 2);
    memset(a->data, 0xaa, p->pool.room);
    memset(b->data, 0xbb, p->pool.room);
    EXPECT_EQ(a->data[p->pool.room - 1], 0xaa);
    a->data += 40;
    a->len = 7;
    a->flags = 3;
    lg_buf_give(a);
    lg_buf_give(b);
    EXPECT_EQ(lg_pktpool_held(p), 0);
    EXPECT_EQ(available(t), before);
    a = lg_buf_take(&p->pool);
    EXPECT_EQ(lg_buf_headroom(a), LG_BUF_HEADROOM);
    EXPECT_EQ(a->len, 0);
    EXPECT_EQ(a->flags, 0);
    EXPECT(!a->next);
    lg_buf_give(a);
    bench_free(t);
}

TEST(PktPool, LiesInOnePiece)
{
    NEEDS_EAL();
    struct bench *t = bench_new("vdev:net_null0");
    REQUIRE(bench_open(t));
    EXPECT(lg_pktpool_is_one_piece(lg_ports_pool(t->ps, 0)));
    bench_free(t);
}

TEST(PktPool, RunsEmptyWithoutHarm)
{
    NEEDS_EAL();
    struct bench *t = bench_new("vdev:net_null0");
    REQUIRE(bench_open(t));
    struct lg_bufq q = {0};
    struct lg_buf *b;

    while ((b = lg_buf_take(bufs_of(t, 0))) != NULL)
        lg_bufq_push(&q, b);
    EXPECT_EQ(lg_pktpool_held(lg_ports_pool(t->ps, 0)), q.cnt);
    EXPECT(q.cnt >= 8192 - 1024);
    lg_bufq_drop_all(&q);
    EXPECT_EQ(lg_pktpool_held(lg_ports_pool(t->ps, 0)), 0);
    bench_free(t);
}

static int take_three(void *arg)
{
    struct lg_bufq *q = arg;
    struct lg_bufpool *pool = (struct lg_bufpool *)(void *)q->head;

    *q = (struct lg_bufq){0};
    for (int i = 0; i < 3; i++)
        lg_bufq_push(q, lg_buf_take(pool));
    lg_buf_give(lg_bufq_pop(q));
    return 0;
}

TEST(PktPool, CountsBufsGivenBackByAnotherWorker)
{
    NEEDS_EAL();
    struct bench *t = bench_new("vdev:net_null0");
    REQUIRE(bench_open(t));
    struct lg_pktpool *p = lg_ports_pool(t->ps, 0);
    struct lg_bufq q = {.head = (struct lg_buf *)(void *)&p->pool};

    EXPECT_EQ(p->lcore, OWNER_LCORE);
    rte_eal_remote_launch(take_three, &q, OWNER_LCORE);
    rte_eal_wait_lcore(OWNER_LCORE);
    EXPECT_EQ(p->taken, 3);
    EXPECT_EQ(p->given, 1);
    EXPECT_EQ(lg_pktpool_held(p), 2);
    lg_bufq_drop_all(&q); /* here, on the main lcore */
    EXPECT_EQ(lg_pktpool_held(p), 0);
    EXPECT_EQ(p->given, 1);
    bench_free(t);
}

/* ------------------------------------------------------------- frames through a ring */

TEST(Port, CarriesFramesAndFillsInTheBuf)
{
    NEEDS_EAL();
    struct bench *t = bench_new("vdev:net_ring0");
    REQUIRE(bench_open(t));
    struct lg_buf *b = fill(t, 100, 5), *got[8];

    b->data += 10; /* the frame need not begin where it was taken */
    b->len -= 10;
    lg_port_tx(t->ps, 0, 0, b, NULL, &t->stats);
    EXPECT_EQ(lg_port_rx(t->ps, 0, 0, got, 8, &t->stats), 0); /* waits for the flush */
    lg_port_flush(t->ps, 0, 0, &t->stats);
    REQUIRE_EQ(lg_port_rx(t->ps, 0, 0, got, 8, &t->stats), 1);
    EXPECT_EQ(got[0]->len, 90);
    EXPECT_EQ(got[0]->data[0], 15);
    EXPECT_EQ(got[0]->port, 0);
    EXPECT_EQ(got[0]->flags, 0);
    EXPECT(!got[0]->next);
    EXPECT_EQ(lg_stat_get(&t->stats, LG_STAT_RX_PKTS), 1);
    EXPECT_EQ(lg_stat_get(&t->stats, LG_STAT_RX_BYTES), 90);
    EXPECT_EQ(lg_stat_get(&t->stats, LG_STAT_TX_PKTS), 1);
    EXPECT_EQ(lg_stat_get(&t->stats, LG_STAT_TX_BYTES), 90);
    lg_buf_give(got[0]);
    lg_buf_give(b);
    EXPECT_EQ(lg_pktpool_held(lg_ports_pool(t->ps, 0)), 0);
    bench_free(t);
}

TEST(Port, SendingTakesAReferenceOfItsOwn)
{
    NEEDS_EAL();
    struct bench *t = bench_new("vdev:net_ring0");
    REQUIRE(bench_open(t));
    unsigned before = available(t);
    struct lg_buf *b = fill(t, 60, 0), *got[8];

    EXPECT(!lg_buf_is_shared(b));
    lg_port_tx(t->ps, 0, 0, b, NULL, &t->stats);
    EXPECT(lg_buf_is_shared(b));
    lg_port_flush(t->ps, 0, 0, &t->stats);
    EXPECT(lg_buf_is_shared(b)); /* the ring has it */
    REQUIRE_EQ(lg_port_rx(t->ps, 0, 0, got, 8, &t->stats), 1);
    lg_buf_give(got[0]);
    EXPECT(!lg_buf_is_shared(b)); /* ours alone again: may be sent again */
    lg_port_tx(t->ps, 0, 0, b, NULL, &t->stats);
    lg_buf_give(b); /* before it is even sent */
    EXPECT_EQ(lg_pktpool_held(lg_ports_pool(t->ps, 0)), 0);
    lg_port_flush(t->ps, 0, 0, &t->stats);
    REQUIRE_EQ(lg_port_rx(t->ps, 0, 0, got, 8, &t->stats), 1);
    EXPECT_EQ(got[0]->data[59], 59);
    lg_buf_give(got[0]);
    EXPECT_EQ(available(t), before);
    bench_free(t);
}

TEST(Port, SendsByItselfWhenItsQueueIsFull)
{
    NEEDS_EAL();
    struct bench *t = bench_new("vdev:net_ring0");
    REQUIRE(bench_open(t));
    struct lg_buf *got[64];

    for (uint32_t i = 0; i < LG_PORT_TX_BURST + 3; i++) {
        struct lg_buf *b = fill(t, 64, (uint8_t)i);
        lg_port_tx(t->ps, 0, 0, b, NULL, &t->stats);
        lg_buf_give(b);
    }
    EXPECT_EQ(lg_stat_get(&t->stats, LG_STAT_TX_PKTS), LG_PORT_TX_BURST);
    REQUIRE_EQ(lg_port_rx(t->ps, 0, 0, got, 64, &t->stats), 64);
    for (unsigned i = 0; i < 64; i++) {
        EXPECT_EQ(got[i]->data[0], i);
        lg_buf_give(got[i]);
    }
    lg_port_flush(t->ps, 0, 0, &t->stats);
    REQUIRE_EQ(lg_port_rx(t->ps, 0, 0, got, 64, &t->stats), 3);
    for (unsigned i = 0; i < 3; i++)
        lg_buf_give(got[i]);
    bench_free(t);
}

TEST(Port, CountsFramesTheDeviceDoesNotTakeAndLosesNoBuf)
{
    NEEDS_EAL();
    struct bench *t = bench_new("vdev:net_ring0");
    REQUIRE(bench_open(t));
    unsigned before = available(t);
    struct lg_buf *got[64];
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < 3000; i++) { /* the ring is smaller than that */
        struct lg_buf *b = fill(t, 64, 0);
        lg_port_tx(t->ps, 0, 0, b, NULL, &t->stats);
        lg_buf_give(b);
    }
    lg_port_flush(t->ps, 0, 0, &t->stats);
    uint64_t sent = lg_stat_get(&t->stats, LG_STAT_TX_PKTS);
    uint64_t lost = lg_stat_get(&t->stats, LG_STAT_DROP_TX_RING);
    EXPECT(lost > 0);
    EXPECT_EQ(sent + lost, 3000);
    EXPECT_EQ(lg_stat_get(&t->stats, LG_STAT_TX_BYTES), sent * 64);
    for (unsigned n; (n = lg_port_rx(t->ps, 0, 0, got, 64, &t->stats)) > 0;)
        for (unsigned i = 0; i < n; i++) {
            bytes += got[i]->len;
            lg_buf_give(got[i]);
        }
    EXPECT_EQ(bytes, sent * 64);
    EXPECT_EQ(available(t), before);
    EXPECT_EQ(lg_pktpool_held(lg_ports_pool(t->ps, 0)), 0);
    bench_free(t);
}

TEST(Port, TellsTheDeviceWhatIsLeftToIt)
{
    NEEDS_EAL();
    struct bench *t = bench_new("vdev:net_ring0");
    REQUIRE(bench_open(t));
    struct lg_buf *b = fill(t, 80, 0), *c = fill(t, 80, 0);
    struct lg_tx_meta v4 = {14, 20, false, true}, v6 = {14, 40, true, true},
                      none = {14, 20, false, false};
    struct rte_mbuf *m = lg_mbuf_of(b);

    lg_port_tx(t->ps, 0, 0, b, &v4, &t->stats);
    EXPECT(m->ol_flags == (RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4));
    EXPECT_EQ(m->l2_len, 14);
    EXPECT_EQ(m->l3_len, 20);
    EXPECT_EQ(m->pkt_len, 80);
    EXPECT_EQ(m->data_len, 80);
    lg_port_tx(t->ps, 0, 0, b, &v6, &t->stats);
    EXPECT(m->ol_flags == (RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV6));
    EXPECT_EQ(m->l3_len, 40);
    lg_port_tx(t->ps, 0, 0, b, &none, &t->stats);
    EXPECT(m->ol_flags == 0);
    lg_buf_give(b);
    lg_buf_give(c);
    bench_free(t); /* with frames still waiting */
}

/* Puts a frame of two pieces on the ring as a device with small buffers would. */
static void send_chain(struct bench *t, uint16_t first, uint16_t second)
{
    struct rte_mempool *mp = lg_ports_pool(t->ps, 0)->mp;
    struct rte_mbuf *a = rte_pktmbuf_alloc(mp), *b = rte_pktmbuf_alloc(mp);

    memset(rte_pktmbuf_append(a, first), 1, first);
    memset(rte_pktmbuf_append(b, second), 2, second);
    EXPECT_EQ(rte_pktmbuf_chain(a, b), 0);
    EXPECT_EQ(rte_eth_tx_burst(t->ps->port[0].queues[0].eth_id, 0, &a, 1), 1);
}

TEST(Port, MakesOneOfAFrameInPiecesWhenItFits)
{
    NEEDS_EAL();
    struct bench *t = bench_new("vdev:net_ring0");
    REQUIRE(bench_open(t));
    unsigned before = available(t);
    struct lg_buf *got[8];

    send_chain(t, 1000, 500);
    REQUIRE_EQ(lg_port_rx(t->ps, 0, 0, got, 8, &t->stats), 1);
    EXPECT_EQ(got[0]->len, 1500);
    EXPECT_EQ(got[0]->data[999], 1);
    EXPECT_EQ(got[0]->data[1000], 2);
    lg_buf_give(got[0]);
    send_chain(t, 2000, 2000);
    EXPECT_EQ(lg_port_rx(t->ps, 0, 0, got, 8, &t->stats), 0);
    EXPECT_EQ(lg_stat_get(&t->stats, LG_STAT_DROP_ETH), 1);
    EXPECT_EQ(available(t), before);
    EXPECT_EQ(lg_pktpool_held(lg_ports_pool(t->ps, 0)), 0);
    bench_free(t);
}

TEST(Port, GivesEachWorkerItsQueueAndPool)
{
    NEEDS_EAL();
    struct bench *t = bench_new("vdev:net_ring0");
    t->cfg.worker_cnt = 2;
    REQUIRE(bench_open(t));
    struct lg_port_info info;
    struct lg_buf *b = lg_buf_take(bufs_of(t, 1)), *got[8];

    lg_port_get_info(t->ps, 0, &info);
    EXPECT_EQ(info.queue_cnt, 2);
    EXPECT_STR(info.name, "front");
    EXPECT_STR(info.driver, "net_ring");
    EXPECT(!info.has_rss);
    EXPECT(b->pool == bufs_of(t, 1));
    memset(b->data, 9, 70);
    b->len = 70;
    lg_port_tx(t->ps, 0, 1, b, NULL, &t->stats);
    lg_port_flush(t->ps, 0, 1, &t->stats);
    EXPECT_EQ(lg_port_rx(t->ps, 0, 0, got, 8, &t->stats), 0);
    REQUIRE_EQ(lg_port_rx(t->ps, 0, 1, got, 8, &t->stats), 1);
    lg_buf_give(got[0]);
    lg_buf_give(b);
    bench_free(t);
}

TEST(Port, TellsHowACardSpreadsFlows)
{
    NEEDS_EAL();
    struct bench *t = bench_new("vdev:net_null0"); /* it spreads nothing, but keeps key and table */
    struct lg_port_info info;
    uint32_t per_queue[2] = {0};

    t->cfg.worker_cnt = 2;
    t->cfg.packet_buffers = 16384;
    REQUIRE(bench_open(t));
    lg_port_get_info(t->ps, 0, &info);
    EXPECT(info.has_rss);
    REQUIRE(info.rss);
    EXPECT(info.rss->has_ip4);
    EXPECT(info.rss->has_ip6);
    for (uint32_t i = 0; i <= info.rss->reta_mask; i++) {
        REQUIRE(info.rss->reta[i] < 2);
        per_queue[info.rss->reta[i]]++;
    }
    EXPECT_EQ(per_queue[0], per_queue[1]);
    bench_free(t);
    t = bench_new("vdev:net_ring0"); /* says nothing */
    REQUIRE(bench_open(t));
    lg_port_get_info(t->ps, 0, &info);
    EXPECT(!info.rss);
    bench_free(t);
}

TEST(Port, CanBeOpenedAgainAfterClose)
{
    NEEDS_EAL();
    for (int i = 0; i < 3; i++) {
        struct bench *t = bench_new("vdev:net_ring0");
        REQUIRE(bench_open(t));
        bench_free(t);
    }
}

/* ------------------------------------------------------------- what cannot be opened */

TEST(PortRefused, NamesTheLineTheKeyAndTheTrouble)
{
    static const struct {
        const char *device, *text;
    } cases[] = {
        {"vdev:net_nonsense0", "no driver for net_nonsense0"},
        {"vdev:,x=1", "expected vdev:NAME"},
        {"memif:relative/path", "absolute path"},
        {"pci:9999:99:00.0", "no PCI device 9999:99:00.0"},
        {"eth0", "expected pci:, af_xdp:, tap:, memif: or vdev:"},
    };

    NEEDS_EAL();
    for (size_t i = 0; i < LG_ARRAY_CNT(cases); i++) {
        struct bench *t = bench_new(cases[i].device);
        expect_refused(t, LG_E(CONFIG), cases[i].text);
        EXPECT_HAS(t->diag.msg[0].text, "lg.yaml:12: ports[0].device: ");
        bench_free(t);
    }
}

TEST(PortRefused, TooFewPacketBuffers)
{
    NEEDS_EAL();
    struct bench *t = bench_new("vdev:net_ring0");

    t->cfg.packet_buffers = 1000;
    expect_refused(t, LG_E(CONFIG), "global.packet_buffers");
    bench_free(t);
}

TEST(PortRefused, MorePacketBuffersThanMemory)
{
    NEEDS_EAL();
    struct bench *t = bench_new("vdev:net_ring0");

    t->cfg.packet_buffers = 1000000;
    expect_refused(t, LG_E(NOMEM), "global.memory");
    bench_free(t);
}

TEST(PortRefused, ClosesThePortsAlreadyOpen)
{
    NEEDS_EAL();
    struct bench *t = bench_new("vdev:net_ring0");

    t->cfg.port_cnt = 2;
    t->ports[1] = t->ports[0];
    t->ports[1].device = "vdev:net_nonsense0";
    expect_refused(t, LG_E(CONFIG), "ports[1].device");
    bench_free(t);
    t = bench_new("vdev:net_ring0");
    EXPECT(bench_open(t));
    bench_free(t);
}

/* ------------------------------------------------------------- AF_XDP over a veth pair */

/* Frames of the test carry this ethertype; the kernel talks on the pair too. */
static void put_head(uint8_t *p, uint32_t seq)
{
    memset(p, 0xff, 6);
    memcpy(p + 6, "\x02\x00\x00\x00\x00\x01\x88\xb5", 8);
    memcpy(p + 14, &seq, 4);
}

static bool is_ours(const uint8_t *p, uint32_t len)
{
    return len >= 60 && p[12] == 0x88 && p[13] == 0xb5;
}

/* The peer sends one frame of len bytes; it is waited for on all queues. */
static void peer_sends(struct bench *t, int fd, uint32_t len, uint32_t seq)
{
    uint8_t frame[4096];
    struct lg_buf *got[32];
    bool is_there = false;

    put_head(frame, seq);
    for (uint32_t i = 18; i < len; i++)
        frame[i] = (uint8_t)(i + seq);
    REQUIRE(send(fd, frame, len, 0) == (ssize_t)len);
    for (double end = now_s() + 5; !is_there && now_s() < end;) {
        for (uint32_t q = 0; q < t->cfg.worker_cnt; q++) {
            unsigned n = lg_port_rx(t->ps, 0, q, got, 32, &t->stats);
            for (unsigned i = 0; i < n; i++) {
                if (is_ours(got[i]->data, got[i]->len)) {
                    is_there = true;
                    EXPECT_EQ(got[i]->len, len);
                    EXPECT_MEM(got[i]->data, frame, LG_MIN(len, got[i]->len));
                    EXPECT(lg_buf_headroom(got[i]) >= LG_BUF_HEADROOM);
                }
                lg_buf_give(got[i]);
            }
        }
    }
    EXPECT(is_there);
}

/* Waits for the next frame of the test at the peer. Returns its length, 0: none came. */
static uint32_t peer_gets(int fd, uint8_t *frame, size_t sz)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    for (double end = now_s() + 5; now_s() < end;) {
        if (poll(&p, 1, 100) <= 0)
            continue;
        ssize_t n = recv(fd, frame, sz, MSG_DONTWAIT);
        if (n > 0 && is_ours(frame, (uint32_t)n))
            return (uint32_t)n;
    }
    return 0;
}

/* narrow_sockets counts this process's AF_XDP sockets that would make the driver spin long before
 * its ring is full; *all gets how many there are. */
static unsigned narrow_sockets(unsigned *all)
{
    unsigned narrow = 0;

    *all = 0;
    for (int fd = 0; fd < 1024; fd++) {
        int domain = 0, room = 0;
        socklen_t len = sizeof domain;
        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0 || domain != AF_XDP)
            continue;
        ++*all;
        narrow += getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, &len) != 0 ||
                  room < (int)(LG_XDP_SND_FRAMES * LG_XDP_FRAME_SZ);
    }
    return narrow;
}

static void veth_body(void)
{
    static const uint32_t sizes[] = {60, 61, 64, 127, 128, 1000, 1513, 1514};
    uint8_t frame[4096];

    if (!make_veth(1))
        return t_fail(__FILE__, __LINE__, "ip link add fails");
    struct bench *t = bench_new("af_xdp:lgn-us");
    REQUIRE(bench_open(t));
    unsigned sockets;
    EXPECT_EQ(narrow_sockets(&sockets), 0);
    EXPECT_EQ(sockets, 1);
    int fd = open_peer();
    REQUIRE(fd >= 0);
    unsigned before = available(t);
    for (uint32_t i = 0; i < LG_ARRAY_CNT(sizes); i++) {
        peer_sends(t, fd, sizes[i], i);
        struct lg_buf *b = fill(t, sizes[i], 0);
        put_head(b->data, 100 + i);
        lg_port_tx(t->ps, 0, 0, b, NULL, &t->stats);
        lg_port_flush(t->ps, 0, 0, &t->stats);
        EXPECT_EQ(peer_gets(fd, frame, sizeof frame), sizes[i]);
        EXPECT_MEM(frame, b->data, sizes[i]);
        /* The driver lets go once it is asked again, which an idle port is now and then. */
        for (double end = now_s() + 5; lg_buf_is_shared(b) && now_s() < end;)
            lg_port_flush(t->ps, 0, 0, &t->stats);
        EXPECT(!lg_buf_is_shared(b));
        lg_buf_give(b);
    }
    /* More frames than the rings have room for, each kept by us until the driver is done. */
    uint32_t want = 6000, got = 0;
    for (uint32_t i = 0; i < want; i++) {
        struct lg_buf *b = fill(t, 60, 0);
        REQUIRE(b);
        put_head(b->data, i);
        lg_port_tx(t->ps, 0, 0, b, NULL, &t->stats);
        lg_buf_give(b);
        if (i % 32 != 31)
            continue;
        lg_port_flush(t->ps, 0, 0, &t->stats);
        while (recv(fd, frame, sizeof frame, MSG_DONTWAIT) > 0)
            got += is_ours(frame, 60);
    }
    lg_port_flush(t->ps, 0, 0, &t->stats);
    while (got < want && peer_gets(fd, frame, sizeof frame) > 0)
        got++;
    EXPECT_EQ(got, want);
    EXPECT_EQ(lg_stat_get(&t->stats, LG_STAT_DROP_TX_RING), 0);
    for (double end = now_s() + 5; available(t) < before && now_s() < end;) {
        struct lg_buf *b = fill(t, 60, 0); /* sending reclaims */
        lg_port_tx(t->ps, 0, 0, b, NULL, &t->stats);
        lg_buf_give(b);
        lg_port_flush(t->ps, 0, 0, &t->stats);
        for (uint32_t i = 0; i < 100; i++)
            lg_port_flush(t->ps, 0, 0, &t->stats);
    }
    EXPECT(available(t) >= before);
    EXPECT_EQ(lg_pktpool_held(lg_ports_pool(t->ps, 0)), 0);
    close(fd);
    bench_free(t);
    EXPECT(system("ip link show lgn-us | grep -q xdp") != 0); /* the program is off again */
}

TEST_NEEDS(PortXdp, CarriesFramesOverAVethPair, T_ROOT)
{
    NEEDS_EAL();
    run_in_new_netns(veth_body);
}

static void queues_body(void)
{
    if (!make_veth(2))
        return t_fail(__FILE__, __LINE__, "ip link add fails");
    struct bench *t = bench_new("af_xdp:lgn-us");
    t->cfg.worker_cnt = 2;
    t->cfg.packet_buffers = 16384;
    REQUIRE(bench_open(t));
    int fd = open_peer();
    REQUIRE(fd >= 0);
    for (uint32_t i = 0; i < 16; i++)
        peer_sends(t, fd, 100, i);
    struct lg_port_info info;
    lg_port_get_info(t->ps, 0, &info);
    EXPECT(!info.has_rss);
    close(fd);
    bench_free(t);
}

TEST_NEEDS(PortXdp, GivesEachWorkerAQueueOfAVeth, T_ROOT)
{
    NEEDS_EAL();
    run_in_new_netns(queues_body);
}

static void refused_body(void)
{
    static const struct {
        const char *prepare, *device, *text;
        uint16_t mtu;
        uint32_t workers;
    } cases[] = {
        {"true", "af_xdp:lgn-none", "no interface lgn-none", 1500, 1},
        {"true", "af_xdp:a-name-that-is-too-long", "1 to 15 bytes", 1500, 1},
        {"ip link set lgn-us down", "af_xdp:lgn-us", "is down: ip link set lgn-us up", 1500, 1},
        {"ip link set lgn-us up", "af_xdp:lgn-us", "numrxqueues 2", 1500, 2},
        {"true", "af_xdp:lgn-us", "mtu", 3500, 1},
    };

    if (!make_veth(1))
        return t_fail(__FILE__, __LINE__, "ip link add fails");
    for (size_t i = 0; i < LG_ARRAY_CNT(cases); i++) {
        struct bench *t = bench_new(cases[i].device);
        EXPECT_EQ(system(cases[i].prepare), 0);
        t->ports[0].mtu = cases[i].mtu;
        t->cfg.worker_cnt = cases[i].workers;
        t->cfg.packet_buffers = 8192 * cases[i].workers;
        expect_refused(t, LG_E(CONFIG), cases[i].text);
        bench_free(t);
    }
}

TEST_NEEDS(PortXdp, SaysWhatIsWrongWithAnInterface, T_ROOT)
{
    NEEDS_EAL();
    run_in_new_netns(refused_body);
}

static void taken_body(void)
{
    if (!make_veth(1))
        return t_fail(__FILE__, __LINE__, "ip link add fails");
    struct bench *t = bench_new("af_xdp:lgn-us");
    struct sockaddr_un name = {.sun_family = AF_UNIX}; /* as another Lockgate says it is there */
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int len = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "lockgate.af_xdp.%u",
                       if_nametoindex("lgn-us"));

    REQUIRE(bind(fd, (struct sockaddr *)(void *)&name,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) == 0);
    expect_refused(t, LG_E(CONFIG), "taken by another Lockgate");
    bench_free(t);
    close(fd);
    t = bench_new("af_xdp:lgn-us");
    t->cfg.port_cnt = 2; /* the same interface twice */
    t->ports[1] = t->ports[0];
    expect_refused(t, LG_E(CONFIG), "ports[1].device: interface lgn-us is taken");
    bench_free(t);
}

TEST_NEEDS(PortXdp, RefusesAnInterfaceThatIsTaken, T_ROOT)
{
    NEEDS_EAL();
    run_in_new_netns(taken_body);
}
