/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nud.c: the life of a neighbour, RFC 4861 section 7.3, used for ARP too.
 *
 *            a packet for it                           answered
 *   (none) -----------------> INCOMPLETE ---------------------------> REACHABLE <---+
 *      |                        |  asked 3 times, 1 s apart,           |     |      |
 *      |                        |  no answer: freed, its packets     15..45 s       | answered
 *      | it asked us            |  dropped                          unused  used    |
 *      |                        v                                      v     v      |
 *      +--------------------> STALE <------------------------------- STALE  PROBE --+
 *                               |  a packet for it                           ^  |
 *                               +-----------------> DELAY -------------------+  | asked 3 times by
 *                               |                         5 s                   v unicast: freed
 *                               |  10 min without one: freed
 *
 * DELAY and PROBE still have a MAC and packets go out to it. An answer in DELAY leads to REACHABLE
 * too. There is no hint from TCP that a neighbour still forwards: one small packet each 30 s for a
 * neighbour in use is cheaper than looking one up for each ACK. */
#include "net_priv.h"

#define TRIES 3u
#define RETRY_NS LG_SEC(1)
#define REACHABLE_NS LG_SEC(30) /* half to one and a half of it */
#define DELAY_NS LG_SEC(5)      /* DELAY_FIRST_PROBE_TIME */
#define STALE_NS LG_SEC(600)

static void arm(struct lg_net *net, struct lg_neigh *n, lg_ns_t at_ns)
{
    lg_wheel_start(&net->wheel, &n->timer, at_ns);
}

static void enter(struct lg_net *net, struct lg_neigh *n, enum lg_neigh_state state, lg_ns_t now_ns)
{
    if (n->state == LG_NEIGH_INCOMPLETE)
        net->neigh->incomplete_cnt--;
    if (state == LG_NEIGH_INCOMPLETE)
        net->neigh->incomplete_cnt++;
    n->state = (uint8_t)state;
    n->tries = 0;
    n->changed_ns = now_ns;
}

static void drop_pending(struct lg_net *net, struct lg_neigh *n)
{
    net->neigh->pending_cnt -= n->pending.cnt;
    lg_stat_add(net->stats, LG_STAT_DROP_NEIGH_PENDING, n->pending.cnt);
    lg_bufq_drop_all(&n->pending);
}

static void forget(struct lg_net *net, struct lg_neigh *n)
{
    if (n->state == LG_NEIGH_INCOMPLETE)
        net->neigh->incomplete_cnt--;
    drop_pending(net, n);
    lg_wheel_stop(&net->wheel, &n->timer);
    lg_neigh_free(net->neigh, n);
}

static void solicit(struct lg_net *net, struct lg_neigh *n, lg_ns_t now_ns)
{
    const uint8_t *mac = n->state == LG_NEIGH_PROBE ? n->mac : NULL;

    n->tries++;
    if (lg_ip_is_v4(&n->ip))
        lg_arp_send_request(net, n->port, &n->ip, mac);
    else
        lg_nd_send_ns(net, n->port, &n->ip, mac);
    arm(net, n, lg_ns_add(now_ns, RETRY_NS));
}

static void enter_reachable(struct lg_net *net, struct lg_neigh *n, lg_ns_t now_ns)
{
    /*= https://www.rfc-editor.org/rfc/rfc4861#section-6.3.2
     *# this random variable should be a uniformly distributed random value between
     *# MIN_RANDOM_FACTOR and MAX_RANDOM_FACTOR times BaseReachableTime */
    uint64_t r = lg_siphash(&net->neigh->key, &now_ns, sizeof now_ns) + lg_net_hash(net, &n->ip);

    enter(net, n, LG_NEIGH_REACHABLE, now_ns);
    arm(net, n, now_ns + REACHABLE_NS / 2 + r % REACHABLE_NS);
}

static void enter_stale(struct lg_net *net, struct lg_neigh *n, lg_ns_t now_ns)
{
    enter(net, n, LG_NEIGH_STALE, now_ns);
    arm(net, n, now_ns + STALE_NS);
}

static void enter_probe(struct lg_net *net, struct lg_neigh *n, lg_ns_t now_ns)
{
    enter(net, n, LG_NEIGH_PROBE, now_ns);
    solicit(net, n, now_ns);
}

static struct lg_neigh *make_entry(struct lg_net *net, uint16_t port, const lg_ip_t *ip)
{
    struct lg_neigh *n = lg_neigh_make(net->neigh, port, ip);

    if (!n) {
        struct lg_neigh *victim = lg_neigh_victim(net->neigh);
        if (victim) {
            forget(net, victim);
            n = lg_neigh_make(net->neigh, port, ip);
        }
    }
    if (!n)
        lg_stat_inc(net->stats, LG_STAT_DROP_NEIGH_FULL);
    return n;
}

struct lg_neigh *lg_nud_get(struct lg_net *net, uint16_t port, const lg_ip_t *hop, lg_ns_t now_ns)
{
    struct lg_neigh *n = lg_neigh_find(net->neigh, port, hop);

    if (n)
        return n;
    /* A flood from made-up on-link sources must not fill the table with questions. */
    if (net->neigh->incomplete_cnt >= LG_NEIGH_INCOMPLETE_MAX) {
        lg_stat_inc(net->stats, LG_STAT_DROP_NEIGH_FULL);
        return NULL;
    }
    n = make_entry(net, port, hop);
    if (!n)
        return NULL;
    n->used_ns = now_ns;
    enter(net, n, LG_NEIGH_INCOMPLETE, now_ns);
    solicit(net, n, now_ns);
    return n;
}

void lg_nud_use(struct lg_net *net, struct lg_neigh *n, lg_ns_t now_ns)
{
    n->used_ns = now_ns;
    if (LG_UNLIKELY(n->state == LG_NEIGH_STALE)) {
        enter(net, n, LG_NEIGH_DELAY, now_ns);
        arm(net, n, now_ns + DELAY_NS);
    }
}

void lg_nud_wait(struct lg_net *net, struct lg_neigh *n, const struct lg_buf *b)
{
    struct lg_buf *copy;

    /*= https://www.rfc-editor.org/rfc/rfc4861#section-7.2.2
     *# When a queue overflows, the new arrival SHOULD replace the oldest entry. */
    if (n->pending.cnt >= LG_NEIGH_PENDING_MAX) {
        lg_buf_give(lg_bufq_pop(&n->pending));
        net->neigh->pending_cnt--;
        lg_stat_inc(net->stats, LG_STAT_DROP_NEIGH_PENDING);
    }
    copy = net->neigh->pending_cnt < LG_NEIGH_PENDING_ALL ? lg_buf_take(net->pool) : NULL;
    if (!copy || b->len > lg_buf_tailroom(copy)) {
        lg_buf_give(copy);
        lg_stat_inc(net->stats, LG_STAT_DROP_NEIGH_PENDING);
        return;
    }
    memcpy(copy->data, b->data, b->len);
    copy->len = b->len;
    lg_bufq_push(&n->pending, copy);
    net->neigh->pending_cnt++;
}

static void send_pending(struct lg_net *net, struct lg_neigh *n)
{
    struct lg_buf *b;

    while ((b = lg_bufq_pop(&n->pending)) != NULL) {
        net->neigh->pending_cnt--;
        memcpy(b->data, n->mac, 6);
        lg_out_frame(net, b, n->port);
        lg_buf_give(b);
    }
}

/* The first MAC of an entry. */
static void resolve(struct lg_net *net, struct lg_neigh *n, const uint8_t mac[6], bool is_solicited,
                    lg_ns_t now_ns)
{
    memcpy(n->mac, mac, 6);
    lg_stat_inc(net->stats, LG_STAT_NEIGH_LEARNED);
    if (is_solicited)
        enter_reachable(net, n, now_ns);
    else
        enter_stale(net, n, now_ns);
    send_pending(net, n);
}

/* A MAC nobody asked for: when it is news, it is used but not trusted until it is probed. */
static void update_unasked(struct lg_net *net, struct lg_neigh *n, const uint8_t mac[6],
                           lg_ns_t now_ns)
{
    if (memcmp(n->mac, mac, 6) == 0)
        return;
    memcpy(n->mac, mac, 6);
    enter_stale(net, n, now_ns);
}

void lg_nud_asked(struct lg_net *net, uint16_t port, const lg_ip_t *ip, const uint8_t mac[6],
                  lg_ns_t now_ns)
{
    struct lg_neigh *n = lg_neigh_find(net->neigh, port, ip);

    if (n && n->state != LG_NEIGH_INCOMPLETE) {
        update_unasked(net, n, mac, now_ns);
        return;
    }
    if (!n) {
        if (net->neigh->cnt >= LG_NEIGH_UNASKED_MAX) {
            lg_stat_inc(net->stats, LG_STAT_DROP_NEIGH_FULL);
            return;
        }
        n = make_entry(net, port, ip);
        if (!n)
            return;
        n->used_ns = now_ns;
    }
    resolve(net, n, mac, false, now_ns);
}

void lg_nud_answered(struct lg_net *net, uint16_t port, const struct lg_nud_answer *a,
                     lg_ns_t now_ns)
{
    struct lg_neigh *n = lg_neigh_find(net->neigh, port, &a->ip);

    /*= https://www.rfc-editor.org/rfc/rfc4861#section-7.2.5
     *# If no entry exists, the advertisement SHOULD be silently discarded. */
    if (!n)
        return;
    if (n->state == LG_NEIGH_INCOMPLETE) {
        if (a->has_mac)
            resolve(net, n, a->mac, a->is_solicited, now_ns);
        return;
    }
    bool is_other = a->has_mac && memcmp(n->mac, a->mac, 6) != 0;
    if (is_other && !a->is_override) {
        if (n->state == LG_NEIGH_REACHABLE)
            enter_stale(net, n, now_ns);
        return;
    }
    if (is_other)
        update_unasked(net, n, a->mac, now_ns);
    if (a->is_solicited)
        enter_reachable(net, n, now_ns);
}

void lg_nud_fire(void *ctx, struct lg_timer *t, lg_ns_t now_ns)
{
    struct lg_net *net = ctx;
    struct lg_neigh *n = LG_CONTAINER(t, struct lg_neigh, timer);

    switch ((enum lg_neigh_state)n->state) {
    case LG_NEIGH_INCOMPLETE:
    case LG_NEIGH_PROBE:
        if (n->tries < TRIES) {
            solicit(net, n, now_ns);
            return;
        }
        lg_stat_inc(net->stats, LG_STAT_NEIGH_FAILED);
        lg_ra_unreachable(net, n->port, &n->ip);
        forget(net, n);
        return;
    case LG_NEIGH_REACHABLE:
        if (n->used_ns > n->changed_ns)
            enter_probe(net, n, now_ns);
        else
            enter_stale(net, n, now_ns);
        return;
    case LG_NEIGH_DELAY:
        enter_probe(net, n, now_ns);
        return;
    case LG_NEIGH_STALE:
        lg_stat_inc(net->stats, LG_STAT_NEIGH_EXPIRED);
        forget(net, n);
        return;
    case LG_NEIGH_FREE:
        return;
    }
}

void lg_nud_fini(struct lg_net *net)
{
    for (uint32_t i = 0; i < LG_NEIGH_CNT; i++)
        lg_bufq_drop_all(&net->neigh->n[i].pending);
}
