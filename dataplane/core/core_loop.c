/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core_loop.c: the poll loop of a worker: one turn is rx -> tcp -> tls and proxy -> tcp output ->
 * tx -> housekeeping, each step bounded. A turn that finds nothing may lead to sleep, when the
 * config allows it. Setting a worker up is core.c. */
#include "core_priv.h"

#include <rte_pause.h>
#include <rte_prefetch.h>
#include <rte_rcu_qsbr.h>
#include <sys/prctl.h>
#include <time.h>

#define EVENTS_PER_TURN 1024 /* connections with news handled before output gets its chance */

/* A frame that belongs to another worker travels whole; its owner parses it again. */
static void hand_over(struct lg_core *core, uint32_t owner, struct lg_buf *b)
{
    if (lg_ring_push(core->to[owner], b)) {
        lg_stat_inc(&core->stats, LG_STAT_HANDOVER_OUT);
        return;
    }
    lg_stat_inc(&core->stats, LG_STAT_DROP_HANDOVER);
    lg_buf_give(b);
}

/* A segment on its way from net to tcp. */
struct rx_seg {
    struct lg_buf *b;
    struct lg_pkt pkt;
};

/* rx_net takes one frame from the wire (handed_over false) or from another worker.
 *   Returns  true: a segment for us, in seg */
static bool rx_net(struct lg_core *core, struct lg_buf *b, bool handed_over, struct rx_seg *seg)
{
    uint8_t *frame = b->data;
    uint32_t frame_len = b->len;

    if (lg_net_rx(core->net, b, &seg->pkt, core->now_ns) != LG_KEEP)
        return false;
    uint32_t owner = lg_core_steer(core, &seg->pkt, b->port);
    if (LG_UNLIKELY(owner != core->idx && !handed_over)) {
        b->data = frame;
        b->len = frame_len;
        b->flags |= LG_BUF_CSUM_GOOD; /* lg_net_rx has just verified it */
        hand_over(core, owner, b);
        return false;
    }
    seg->b = b;
    return true;
}

static void rx_tcp(struct lg_core *core, const struct rx_seg *seg)
{
    lg_tcp_rx(core->tcp, seg->b, &seg->pkt.src, &seg->pkt.dst, core->now_ns);
}

/* Segment i of the burst is of the same flow as the one before it. */
static bool is_same_flow(const struct rx_seg *seg, unsigned i)
{
    _Static_assert(sizeof seg->pkt == 36, "no padding: compared as memory");
    return i > 0 && memcmp(&seg[i].pkt, &seg[i - 1].pkt, sizeof seg->pkt) == 0;
}

/* The segments of a burst, of many connections perhaps: what TCP will read of each is fetched while
 * the others are looked at. With a million connections that halves what finding one costs; one
 * flow's segments, which come in runs, pay for it once a run. */
static void rx_burst(struct lg_core *core, struct rx_seg *seg, unsigned n)
{
    unsigned flow_cnt = 0;
    uint64_t flow[LG_CORE_BURST];

    for (unsigned i = 0; i < n; i++) {
        struct lg_tcp_tuple t = {.local_ip = seg[i].pkt.dst,
                                 .remote_ip = seg[i].pkt.src,
                                 .local_port = seg[i].pkt.dport,
                                 .remote_port = seg[i].pkt.sport};
        if (!is_same_flow(seg, i))
            flow[flow_cnt++] = lg_tcp_prefetch_flow(core->tcp, &t);
    }
    for (unsigned i = 0; i < flow_cnt && flow_cnt > 1; i++)
        lg_tcp_prefetch_conn(core->tcp, flow[i]);
    for (unsigned i = 0; i < n; i++)
        rx_tcp(core, &seg[i]);
}

static unsigned rx_ports(struct lg_core *core)
{
    struct lg_buf *bufs[LG_CORE_BURST];
    struct rx_seg seg[LG_CORE_BURST];
    unsigned total = 0;

    for (uint32_t port = 0; port < core->port_cnt; port++) {
        unsigned n = lg_port_rx(core->ports, port, core->idx, bufs, LG_CORE_BURST, &core->stats);
        unsigned kept = 0;
        for (unsigned i = 0; i < n; i++) {
            if (i + 2 < n)
                rte_prefetch0(bufs[i + 2]->data);
            kept += rx_net(core, bufs[i], false, &seg[kept]);
        }
        rx_burst(core, seg, kept);
        total += n;
    }
    return total;
}

static unsigned rx_handover(struct lg_core *core)
{
    struct rx_seg seg;
    unsigned total = 0;

    for (uint32_t from = 0; from < core->core_cnt; from++) {
        struct lg_buf *b;
        if (from == core->idx)
            continue;
        for (unsigned n = 0; n < LG_CORE_BURST; n++, total++) {
            b = lg_ring_pop(core->from[from]);
            if (!b)
                break;
            lg_stat_inc(&core->stats, LG_STAT_HANDOVER_IN);
            if (b->flags & LG_BUF_FOR_ALL)
                lg_net_rx_shared(core->net, b, core->now_ns);
            else if (rx_net(core, b, true, &seg))
                rx_tcp(core, &seg);
        }
    }
    return total;
}

static unsigned run_events(struct lg_core *core)
{
    struct lg_tcp_conn *c;
    uint32_t events;
    unsigned n = 0;

    while (n < EVENTS_PER_TURN && (c = lg_tcp_ready_pop(core->tcp, &events)) != NULL) {
        lg_proxy_event(core->proxy, c, events, core->now_ns);
        n++;
    }
    return n;
}

/* take_question begins to answer, or says that it has. */
static void take_question(struct lg_core *core, uint64_t seq)
{
    const struct lg_query *ask = &core->shared->ask;

    core->ask_seq = seq;
    if (ask->worker == LG_QUERY_ALL || ask->worker == core->idx) {
        lg_proxy_query(core->proxy, ask, &core->answer);
        return;
    }
    core->answer.seen = core->answer.matched = 0;
    core->answer.row_cnt = 0;
    core->answer.has_more = false;
}

/* say_answered tells the control thread that the answer may be read. */
static void say_answered(struct lg_core *core)
{
    if (LG_LIKELY(core->ask_seq ==
                  atomic_load_explicit(&core->answered_seq, memory_order_relaxed)) ||
        lg_proxy_is_queried(core->proxy))
        return;
    atomic_store_explicit(&core->answered_seq, core->ask_seq, memory_order_release);
}

/* take_orders picks up what the control thread has published. */
static void take_orders(struct lg_core *core)
{
    /* Pairs with the release in lg_cores_publish: the snapshot's content is visible. */
    const struct lg_snapshot *s =
        atomic_load_explicit(&core->shared->snapshot, memory_order_acquire);
    /* By generation, not by address: a freed snapshot's memory may hold the next one. */
    if (LG_UNLIKELY(s->generation != core->generation)) {
        core->generation = s->generation;
        lg_proxy_set_snapshot(core->proxy, s, core->now_ns);
        atomic_store_explicit(&core->snapshot_gen, s->generation, memory_order_relaxed);
    }
    uint64_t end = atomic_load_explicit(&core->shared->end_generation, memory_order_relaxed);
    if (LG_UNLIKELY(end != core->end_generation)) {
        core->end_generation = end;
        lg_proxy_end(core->proxy, end, core->now_ns);
    }
    /* Pairs with the release in lg_cores_query: the question is there. */
    uint64_t ask_seq = atomic_load_explicit(&core->shared->ask_seq, memory_order_acquire);
    if (LG_UNLIKELY(ask_seq != core->ask_seq))
        take_question(core, ask_seq);
    lg_ns_t drain_ns = atomic_load_explicit(&core->shared->drain_ns, memory_order_relaxed);
    if (LG_UNLIKELY(drain_ns != LG_NS_NEVER && !core->draining)) {
        core->draining = true;
        lg_proxy_drain(core->proxy, drain_ns, core->now_ns);
    }
}

/* How long may the worker sleep? Not past the next deadline; longer the longer nothing came, so
 * that a busy worker never sleeps and an idle one costs little. */
static lg_ns_t idle_nap(struct lg_core *core)
{
    lg_ns_t idle_ns = lg_ns_since(core->now_ns, core->idle.since_ns);
    lg_ns_t nap_ns = idle_ns < LG_US(50)    ? 0
                     : idle_ns < LG_MS(5)   ? LG_US(10)
                     : idle_ns < LG_MS(200) ? LG_US(50)
                                            : LG_US(250);
    if (nap_ns == 0) /* a pause between two bursts: looking for deadlines would cost more */
        return 0;
    lg_ns_t next_ns = lg_tcp_next(core->tcp);
    next_ns = LG_MIN(next_ns, lg_proxy_next(core->proxy));
    next_ns = LG_MIN(next_ns, lg_net_next(core->net));
    return LG_MIN(nap_ns, lg_ns_since(next_ns, core->now_ns));
}

static void idle(struct lg_core *core)
{
    if (core->idle.empty_turns++ == 0)
        core->idle.since_ns = core->now_ns;
    lg_ns_t nap_ns = core->cfg->idle == LG_IDLE_POLL ? 0 : idle_nap(core);
    if (nap_ns == 0) {
        rte_pause();
        return;
    }
    struct timespec ts = {.tv_sec = 0, .tv_nsec = (long)nap_ns};
    nanosleep(&ts, NULL);
}

/* mark notes the end of a stage in a sampled turn. */
static inline void mark(struct lg_stamps *s, uint32_t stage)
{
    if (LG_UNLIKELY(s != NULL))
        s->at[stage + 1] = rte_rdtsc();
}

/* turn runs everything once; returns how much there was to do.
 *   s        written: when each stage ended; NULL: this turn is not sampled */
static unsigned turn(struct lg_core *core, struct lg_stamps *s)
{
    unsigned work = 0;

    take_orders(core);
    mark(s, LG_STAGE_ORDERS);
    work += rx_ports(core);
    mark(s, LG_STAGE_RX);
    if (core->core_cnt > 1)
        work += rx_handover(core);
    mark(s, LG_STAGE_HANDOVER);
    work += run_events(core);
    mark(s, LG_STAGE_EVENTS);
    work += lg_proxy_poll(core->proxy, core->now_ns);
    say_answered(core);
    mark(s, LG_STAGE_PROXY);
    work += lg_tcp_poll(core->tcp, core->now_ns);
    mark(s, LG_STAGE_TCP);
    work += lg_net_poll(core->net, core->now_ns);
    mark(s, LG_STAGE_NET);
    for (uint32_t port = 0; port < core->port_cnt; port++)
        lg_port_flush(core->ports, port, core->idx, &core->stats);
    mark(s, LG_STAGE_TX);
    /* What they send leaves with the next turn, which begins at once. */
    work += lg_proxy_shake(core->proxy, core->now_ns);
    mark(s, LG_STAGE_SHAKE);
    return work;
}

/* sampled_turn is a turn whose stages are timed. */
static unsigned sampled_turn(struct lg_core *core, uint64_t tsc)
{
    struct lg_stamps stamps = {.at = {tsc}};
    unsigned work = turn(core, &stamps);

    if (work)
        lg_load_stages(&core->load, &stamps);
    return work;
}

int lg_core_main(void *arg)
{
    struct lg_core *core = arg;
    struct rte_rcu_qsbr *qsv = core->shared->qsv;
    uint64_t last_tsc = rte_rdtsc();
    uint32_t turn_nr = 0;

    prctl(PR_SET_TIMERSLACK, 1ul); /* naps are tens of microseconds */
    lg_tls_core_attach(core->tls);
    rte_rcu_qsbr_thread_register(qsv, core->idx);
    rte_rcu_qsbr_thread_online(qsv, core->idx);
    while (!atomic_load_explicit(&core->shared->stop, memory_order_relaxed)) {
        uint64_t tsc = rte_rdtsc();
        core->now_ns = lg_clock_ns(&core->clock, tsc);
        bool is_sampled = (++turn_nr & (LG_LOAD_SAMPLE - 1)) == 0;
        unsigned work = LG_UNLIKELY(is_sampled) ? sampled_turn(core, tsc) : turn(core, NULL);
        if (work)
            core->idle.empty_turns = 0;
        else
            idle(core);
        /* No pointer into a snapshot is held across turns but by pinned sessions. */
        rte_rcu_qsbr_quiescent(qsv, core->idx);
        uint64_t end_tsc = rte_rdtsc();
        lg_stat_inc(&core->stats, LG_STAT_LOOP_TURNS);
        lg_stat_add(&core->stats, work ? LG_STAT_LOOP_BUSY_CYCLES : LG_STAT_LOOP_IDLE_CYCLES,
                    end_tsc - last_tsc);
        if (work)
            lg_load_turn(&core->load, end_tsc - last_tsc, core->now_ns);
        last_tsc = end_tsc;
    }
    rte_rcu_qsbr_thread_offline(qsv, core->idx);
    rte_rcu_qsbr_thread_unregister(qsv, core->idx);
    return 0;
}
