/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loop.c: the worker's loop: frames, TCP, connections with news, what begins, timers, output. Each
 * step is bounded. Turns that found work are counted as busy, in TSC cycles, over the measured part
 * of the run only. */
#include "blast.h"

#include <rte_pause.h>
#include <rte_prefetch.h>
#include <sys/prctl.h>
#include <time.h>

#define RX_BURST 32u
#define EVENTS_MAX 1024u
#define TIMERS_MAX 512u
#define LATE_MAX                                                                                   \
    2u /* handshakes that go on in one turn, with the arithmetic of one flight each                \
        */
#define RESOLVE_NS LG_SEC(5)
#define LAST_TURNS 64u /* after the last connection: what is queued goes out */

static void rx_frame(struct bl_worker *w, struct lg_buf *b)
{
    struct lg_pkt pkt;
    if (lg_net_rx(w->net, b, &pkt, w->now_ns) != LG_KEEP)
        return;
    if (w->is_raw_only)
        lg_buf_give(b); /* answers to forged frames */
    else
        lg_tcp_rx(w->tcp, b, &pkt.src, &pkt.dst, w->now_ns);
}

static unsigned rx_ports(struct bl_worker *w)
{
    struct lg_buf *bufs[RX_BURST];
    unsigned total = 0;
    for (uint32_t port = 0; port < w->port_cnt; port++) {
        unsigned n = lg_port_rx(w->ports, port, 0, bufs, RX_BURST, &w->stats);
        for (unsigned i = 0; i < n; i++) {
            if (i + 2 < n)
                rte_prefetch0(bufs[i + 2]->data);
            rx_frame(w, bufs[i]);
        }
        total += n;
    }
    return total;
}

/* on_client: a handshake's news waits: its arithmetic would be counted as latency of the requests
 * whose answers are there. */
static void on_client(struct bl_worker *w, struct bl_conn *c, uint32_t events)
{
    if (c->state != BL_CONNECTING && c->state != BL_SHAKING) {
        bl_conn_event(c, events);
        return;
    }
    c->late_events |= events;
    if (!c->queue)
        bl_queue_push(&w->late, c);
}

static unsigned run_late(struct bl_worker *w)
{
    unsigned n = 0;
    for (; n < LATE_MAX && w->late.head; n++) {
        struct bl_conn *c = w->late.head;
        uint32_t events = c->late_events;
        bl_queue_remove(c);
        c->late_events = 0;
        bl_conn_event(c, events);
    }
    return n;
}

static unsigned run_events(struct bl_worker *w)
{
    struct lg_tcp_conn *c;
    uint32_t events;
    unsigned n = 0;
    for (; n < EVENTS_MAX && (c = lg_tcp_ready_pop(w->tcp, &events)) != NULL; n++) {
        if (lg_tcp_is_passive(c))
            bl_origin_event(w->origin, c, events);
        else
            on_client(w, lg_tcp_user(c), events);
    }
    return n;
}

/* resolve finds the next hops of all targets before the clock of the run starts. */
static void resolve(struct bl_worker *w, lg_ns_t since_ns)
{
    bool all = true;
    for (uint32_t i = 0; i < w->group_cnt; i++) {
        uint16_t port;
        uint8_t mac[6];
        const struct bl_group_opts *o = w->groups[i].o;
        if (o->kind != BL_ORIGIN && !lg_net_resolve(w->net, &o->target.ip, w->now_ns, &port, mac))
            all = false;
    }
    if (all) {
        w->phase = BL_RUNNING;
        bl_groups_start(w);
    } else if (lg_ns_since(w->now_ns, since_ns) > RESOLVE_NS) {
        atomic_store(&w->is_unreachable, true);
        w->phase = BL_OVER;
    }
}

static lg_ns_t cpu_time(void)
{
    struct timespec ts = {0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return LG_SEC((lg_ns_t)ts.tv_sec) + (lg_ns_t)ts.tv_nsec;
}

/* snapshot at the beginning (sign -1) and at the end of the measured part. */
static void snapshot(struct bl_worker *w, int sign)
{
    w->cpu_ns = sign < 0 ? cpu_time() : cpu_time() - w->cpu_ns;
    uint64_t rx = lg_stat_get(&w->stats, LG_STAT_RX_PKTS);
    uint64_t tx = lg_stat_get(&w->stats, LG_STAT_TX_PKTS);
    w->rx_pkts = sign < 0 ? rx : rx - w->rx_pkts;
    w->tx_pkts = sign < 0 ? tx : tx - w->tx_pkts;
}

/* mind_time opens and closes the measured part of the run. */
static void mind_time(struct bl_worker *w)
{
    if (w->phase != BL_RUNNING)
        return;
    if (atomic_load_explicit(&w->stop, memory_order_relaxed)) {
        w->is_interrupted = true;
        w->to_ns = LG_MIN(w->to_ns, w->now_ns);
    }
    bool is_in = w->now_ns >= w->from_ns && w->now_ns < w->to_ns;
    if (is_in && !w->is_measuring)
        snapshot(w, -1);
    if (w->is_measuring && !is_in) {
        snapshot(w, 1);
        w->measured_ns = lg_ns_since(w->now_ns, w->from_ns);
    }
    w->is_measuring = is_in;
    if (w->now_ns < w->to_ns)
        return;
    for (uint32_t i = 0; i < w->group_cnt; i++)
        w->groups[i].open_at_end = w->groups[i].open_cnt;
    w->phase = BL_ENDING;
}

static unsigned turn(struct bl_worker *w)
{
    unsigned work = rx_ports(w);
    work += run_events(w);
    if (w->phase == BL_RUNNING)
        work += bl_groups_poll(w);
    work += lg_wheel_poll(&w->wheel, w->now_ns, TIMERS_MAX, bl_conn_fire, w);
    work += lg_tcp_poll(w->tcp, w->now_ns);
    work += lg_net_poll(w->net, w->now_ns);
    for (uint32_t port = 0; port < w->port_cnt; port++)
        lg_port_flush(w->ports, port, 0, &w->stats);
    return work + run_late(w);
}

static void nap(struct bl_worker *w)
{
    lg_ns_t idle_ns = lg_ns_since(w->now_ns, w->idle_since_ns);
    if (w->o->idle == BL_IDLE_POLL || idle_ns < LG_US(50)) {
        rte_pause();
        return;
    }
    struct timespec ts = {.tv_nsec = idle_ns < LG_MS(5) ? 10000 : 50000};
    nanosleep(&ts, NULL);
}

static void account(struct bl_worker *w, unsigned work, uint64_t tsc)
{
    if (w->is_measuring) {
        w->total_tsc += tsc;
        w->busy_tsc += work ? tsc : 0;
    }
}

int bl_loop(void *worker)
{
    struct bl_worker *w = worker;
    unsigned last = 0;
    uint64_t tsc = rte_rdtsc();
    prctl(PR_SET_TIMERSLACK, 1ul);
    lg_tls_core_attach(w->tls);
    w->now_ns = w->idle_since_ns = lg_clock_ns(&w->clock, tsc);
    lg_ns_t since_ns = w->now_ns, second_ns = w->now_ns;
    while (w->phase != BL_OVER) {
        w->now_ns = lg_clock_ns(&w->clock, tsc);
        if (w->phase == BL_RESOLVING)
            resolve(w, since_ns);
        mind_time(w);
        if (lg_ns_since(w->now_ns, second_ns) >= LG_SEC(1)) {
            second_ns = w->now_ns;
            bl_cheap_tick();
        }
        unsigned work = turn(w);
        if (work)
            w->idle_since_ns = w->now_ns;
        else
            nap(w);
        if (w->phase == BL_ENDING && bl_groups_end(w) && ++last == LAST_TURNS)
            w->phase = BL_OVER;
        uint64_t end = rte_rdtsc();
        account(w, work, end - tsc);
        tsc = end;
    }
    lg_tls_core_attach(NULL);
    return 0;
}
