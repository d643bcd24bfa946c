/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wire.c: a bad wire between two Ethernet devices: it loses, doubles, reorders and delays frames.
 *
 *   e2e_wire DEVICE DEVICE [loss=PERCENT] [dup=PERCENT] [reorder=PERCENT] [ce=PERCENT] [bleach=1]
 *            [delay=MS] [seed=N]
 *
 * ce marks packets that are ECN-capable as a congested router does; bleach clears their ECN field.
 * It does what tc-netem does (a reordered frame skips the delay), needs no kernel module, and its
 * dice are seeded, so that a run can be had again. Prints "ready" when it carries, and what it did
 * at SIGTERM. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_SZ 2048
#define QUEUE_CNT 16384 /* frames on the way in one direction; more are lost, as on a real wire */

struct frame {
    uint64_t due_ns;
    uint32_t len;
    uint8_t data[FRAME_SZ];
};

struct lane { /* one direction */
    int from, to;
    struct frame *queue; /* in order of due_ns: the delay is the same for all that are queued */
    uint32_t head, tail;
};

static struct {
    double loss, dup, reorder, ce; /* in [0, 1] */
    bool bleach;
    uint64_t delay_ns, seed;
    unsigned long carried, lost, doubled, reordered, overrun, marked;
} wire = {.seed = 1};
static volatile sig_atomic_t is_over;

static void on_term(int sig)
{
    (void)sig;
    is_over = 1;
}

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* dice is true with probability p (splitmix64). */
static bool dice(double p)
{
    uint64_t z = wire.seed += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) / (double)(1ull << 53) < p;
}

static int open_device(const char *name)
{
    struct sockaddr_ll addr = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0), one = 1, room = 8 << 20;

    addr.sll_ifindex = (int)if_nametoindex(name);
    struct packet_mreq promisc = {.mr_ifindex = addr.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
    if (fd < 0 || addr.sll_ifindex == 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) != 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc, sizeof promisc) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0 ||
        bind(fd, (struct sockaddr *)&addr, sizeof addr) != 0) {
        fprintf(stderr, "e2e_wire: %s: %s\n", name, strerror(errno));
        exit(1);
    }
    return fd;
}

static void carry(int fd, const struct frame *f)
{
    if (send(fd, f->data, f->len, 0) == (ssize_t)f->len)
        wire.carried++;
    else
        wire.overrun++;
}

static void enqueue(struct lane *l, const struct frame *f, uint64_t now)
{
    if (l->tail - l->head == QUEUE_CNT) {
        wire.overrun++;
        return;
    }
    struct frame *q = &l->queue[l->tail++ % QUEUE_CNT];
    q->len = f->len;
    q->due_ns = now + wire.delay_ns;
    memcpy(q->data, f->data, f->len);
}

/* put_ecn writes a field of two bits, and mends IPv4's header checksum (RFC 1624). */
static void put_ecn(struct frame *f, bool is_v6, uint8_t ecn)
{
    uint8_t *ip = f->data + 14;

    if (is_v6) { /* of the traffic class: bits 4 and 5 of the second byte */
        ip[1] = (uint8_t)((ip[1] & ~0x30) | ecn << 4);
        return;
    }
    uint32_t sum = (uint32_t)(~((uint32_t)ip[10] << 8 | ip[11]) & 0xffff);
    sum += (uint32_t)~ip[1] & 0xff; /* the low byte of the first word of 16 bits */
    sum += 0xff00;
    ip[1] = (uint8_t)((ip[1] & ~3) | ecn);
    sum += ip[1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    ip[10] = (uint8_t)(~sum >> 8);
    ip[11] = (uint8_t)~sum;
}

/* touch_ecn does to the ECN field of an IP packet what routers do. */
static void touch_ecn(struct frame *f)
{
    bool is_v4 = f->len >= 34 && f->data[12] == 8 && f->data[13] == 0;
    bool is_v6 = f->len >= 54 && f->data[12] == 0x86 && f->data[13] == 0xdd;

    if (!is_v4 && !is_v6)
        return;
    if ((is_v4 ? f->data[15] & 3 : f->data[15] >> 4 & 3) == 0)
        return;
    if (wire.bleach) {
        put_ecn(f, is_v6, 0);
    } else if (dice(wire.ce)) {
        put_ecn(f, is_v6, 3);
        wire.marked++;
    }
}

static void take_in(struct lane *l)
{
    static struct frame f;

    for (int i = 0; i < 64; i++) {
        ssize_t n = recv(l->from, f.data, sizeof f.data, 0);
        if (n <= 0)
            return;
        f.len = (uint32_t)n;
        uint64_t now = now_ns();
        if (dice(wire.loss)) {
            wire.lost++;
            continue;
        }
        if (wire.ce > 0 || wire.bleach)
            touch_ecn(&f);
        if (dice(wire.dup)) {
            wire.doubled++;
            enqueue(l, &f, now);
        }
        if (dice(wire.reorder)) {
            wire.reordered++;
            carry(l->to, &f);
        } else {
            enqueue(l, &f, now);
        }
    }
}

/* let_out sends what is due; returns how long the next frame has to wait, in ns. */
static uint64_t let_out(struct lane *l)
{
    uint64_t now = now_ns();

    for (; l->head != l->tail; l->head++) {
        const struct frame *f = &l->queue[l->head % QUEUE_CNT];
        if (f->due_ns > now)
            return f->due_ns - now;
        carry(l->to, f);
    }
    return 100 * 1000 * 1000;
}

static void read_options(int argc, char **argv)
{
    for (int i = 3; i < argc; i++) {
        double v;
        if (sscanf(argv[i], "loss=%lf", &v) == 1)
            wire.loss = v / 100;
        else if (sscanf(argv[i], "dup=%lf", &v) == 1)
            wire.dup = v / 100;
        else if (sscanf(argv[i], "reorder=%lf", &v) == 1)
            wire.reorder = v / 100;
        else if (sscanf(argv[i], "ce=%lf", &v) == 1)
            wire.ce = v / 100;
        else if (sscanf(argv[i], "bleach=%lf", &v) == 1)
            wire.bleach = v != 0;
        else if (sscanf(argv[i], "delay=%lf", &v) == 1)
            wire.delay_ns = (uint64_t)(v * 1e6);
        else if (sscanf(argv[i], "seed=%lf", &v) == 1)
            wire.seed = (uint64_t)v;
        else {
            fprintf(stderr, "e2e_wire: what is %s?\n", argv[i]);
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    struct lane lanes[2];

    if (argc < 3) {
        fprintf(stderr, "usage: e2e_wire DEVICE DEVICE [loss=PERCENT] [dup=PERCENT] "
                        "[reorder=PERCENT] [ce=PERCENT] [bleach=1] [delay=MS] [seed=N]\n");
        return 2;
    }
    read_options(argc, argv);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_term}, NULL);
    int a = open_device(argv[1]), b = open_device(argv[2]);
    lanes[0] = (struct lane){.from = a, .to = b, .queue = calloc(QUEUE_CNT, sizeof(struct frame))};
    lanes[1] = (struct lane){.from = b, .to = a, .queue = calloc(QUEUE_CNT, sizeof(struct frame))};
    if (!lanes[0].queue || !lanes[1].queue)
        return 1;
    printf("ready\n");
    fflush(stdout);
    while (!is_over) {
        uint64_t wait_a = let_out(&lanes[0]), wait_b = let_out(&lanes[1]);
        uint64_t wait = wait_a < wait_b ? wait_a : wait_b;
        struct pollfd fds[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
        struct timespec ts = {.tv_nsec = (long)wait};
        if (ppoll(fds, 2, &ts, NULL) > 0) {
            take_in(&lanes[0]);
            take_in(&lanes[1]);
        }
    }
    printf("carried %lu lost %lu doubled %lu reordered %lu marked %lu overrun %lu\n", wire.carried,
           wire.lost, wire.doubled, wire.reordered, wire.marked, wire.overrun);
    free(lanes[0].queue);
    free(lanes[1].queue);
    return 0;
}
