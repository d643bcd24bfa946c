/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net.h: one worker's IP layer: frames in, TCP segments up; TCP segments down, frames out; ARP,
 * neighbour discovery and ICMP in between. It knows nothing of DPDK, TCP's state or clocks.
 *
 * Standards: RFC 791, 1122 (IPv4 host), 8200 (IPv6), 826, 5227 (ARP), 4861, 4862 (neighbour
 * discovery), 4191, 7527, 792, 4443 (ICMP), 4291 (addresses), 1071, 1624 (checksum), 5927 (ICMP and
 * TCP), 1191, 8201 (path MTU: what routers say goes to TCP). Not spoken: fragments (refused both
 * ways: docs/decisions/0040), VLAN tags, IPv4 options (skipped), source routing, redirects
 * (ignored), prefixes of router advertisements (addresses are configured), MLD, duplicate address
 * detection for IPv4 (a claim by somebody else is told and answered).
 *
 * How a worker uses it, each loop turn:
 *      lg_net_rx        for each frame; what it keeps is a TCP segment
 *      lg_net_output    from TCP, for each segment
 *      lg_net_poll      due probes and expiries of neighbours
 *
 * Addresses: the configured ones of every port, and one IPv6 link-local address a port, made of
 * its MAC (EUI-64). An IP packet is ours when its destination is any of them, whichever port it
 * came by (a link-local one: by its own port). ARP and ND are answered on an address's own port.
 *
 * Neighbours: every worker has a table of its own. The device delivers all ARP and ND to one
 * queue or spreads it, so each message that may teach somebody something is also given to
 * ops->share, and enters the other workers by lg_net_rx_shared. So does an ICMP error about a
 * connection that is not here: it comes from a router, so nothing steers it to the owner.
 *
 * Thread: owner core only, all functions, unless said. */
#ifndef LG_NET_H
#define LG_NET_H

#include "buf.h"
#include "config.h"
#include "ip.h"
#include "ns.h"
#include "pkt.h"
#include "siphash.h"
#include "stat.h"

struct lg_net;

struct lg_net_port {
    uint8_t mac[6];
    bool tx_csum_offload; /* the device computes TCP checksums (lg_tx_meta.tcp_csum) */
    bool trust_rx_csum;   /* frames are accepted without verifying the TCP checksum */
    /* Every address of this prefix is ours too, beside the configured ones: for load generators
     * that are many hosts. Not announced, not chosen as a source. */
    bool has_range;
    struct lg_prefix range;
};

struct lg_net_cfg {
    const struct lg_config *cfg; /* borrows: for the life of the net; ports and routes are read */
    struct lg_net_port ports[LG_MAX_PORTS]; /* [0, cfg->port_cnt) */
    bool is_quiet;           /* ask for and announce nothing at start: another worker does */
    uint8_t nonce[6];        /* the same for all workers: tells our own probes apart; random */
    struct lg_sipkey secret; /* keys the neighbour table; from a random source */
};

/* Every buf given to these is borrowed. Called from within lg_net_* only. */
struct lg_net_ops {
    /* tx sends one frame. b->data is at the Ethernet header. The callee takes its own reference
     * when it keeps the buf past the call, and counts what it drops. */
    void (*tx)(void *ctx, uint16_t port_idx, struct lg_buf *b, const struct lg_tx_meta *meta);
    /* share: b is a whole ARP, ND or ICMP error frame, b->data at the Ethernet header. The callee
     * copies it to the other workers. At most 1000 neighbour messages and 1000 errors a second. */
    void (*share)(void *ctx, struct lg_buf *b);
    /* unreachable: a hard ICMP error quotes a TCP segment that could be ours, t as our end sees
     * it. Nothing but the quoted local address has been verified.
     *   Returns  true: there is such a connection here; false: the message is shared */
    bool (*unreachable)(void *ctx, const struct lg_tcp_tuple *t, uint32_t seq);
    /* too_big: a router says that such a segment does not fit a link of mtu bytes, in [68, 65535].
     * Verified and returned as for unreachable. */
    bool (*too_big)(void *ctx, const struct lg_tcp_tuple *t, uint32_t seq, uint32_t mtu);
    /* conflict: the station mac has an address of ours, too. is_used: we go on with it; else it was
     * found out before we began to use it, and we never shall. At most once in 10 s while used. */
    void (*conflict)(void *ctx, uint16_t port_idx, const lg_ip_t *own, const uint8_t mac[6],
                     bool is_used);
};

/* lg_net_footprint: bytes of 64-byte-aligned zeroed memory one net wants. Thread any, pure. */
size_t lg_net_footprint(const struct lg_net_cfg *cfg);
/* lg_net_init lays a net into mem. cfg is copied (what it points at is borrowed); ops, pool and
 * stats are borrowed for life. Announces our addresses at the first lg_net_poll.
 *   Returns  the net (never fails: memory is planned) */
struct lg_net *lg_net_init(void *mem, const struct lg_net_cfg *cfg, const struct lg_net_ops *ops,
                           void *ctx, struct lg_bufpool *pool, struct lg_stats *stats,
                           lg_ns_t now_ns);
/* lg_net_fini gives every buf back. Thread quiesced. */
void lg_net_fini(struct lg_net *net);

/* lg_net_rx takes one received frame.
 *   b        data at the Ethernet header, len the whole frame; hostile bytes allowed; b->port in
 *            [0, port_cnt), or the frame is dropped
 *   pkt      written when LG_KEEP
 *   Returns  LG_KEEP  a TCP segment to one of our addresses, its checksum good: the caller still
 *                     owns b; data is at the TCP header, len goes to the end of the segment
 *                     (Ethernet padding cut). The bytes before data are as they came, so a caller
 *                     that gives the whole frame to another worker puts data and len back
 *            LG_DONE  consumed: answered, learned or passed on; b is gone
 *            LG_DROP  refused and counted; b is gone */
LG_MUST enum lg_verdict lg_net_rx(struct lg_net *net, struct lg_buf *b, struct lg_pkt *pkt,
                                  lg_ns_t now_ns);
/* lg_net_rx_shared takes a copy of a message which another worker's net gave to ops->share: learns
 * from it what this worker's own table allows, or tells TCP; answers nothing, shares nothing. b is
 * gone afterwards. */
void lg_net_rx_shared(struct lg_net *net, struct lg_buf *b, lg_ns_t now_ns);

/* lg_net_output sends one TCP segment: lg_tcp_ops.output.
 *   b        borrowed; data at the TCP header, its checksum field zero, at least 54 bytes of
 *            headroom; not shared; its ECN field in flags. data and len are afterwards as
 *            they were; the headroom and the checksum field are written
 *   src      one of our addresses (not verified)
 *   dst      decides the route
 * A segment for a neighbour not yet resolved is copied and waits (4 a neighbour at most); one
 * that cannot be sent is counted. */
void lg_net_output(struct lg_net *net, struct lg_buf *b, const lg_ip_t *src, const lg_ip_t *dst,
                   lg_ns_t now_ns);

/* lg_net_poll does what is due: solicits, probes, expires, announces; a bounded step.
 *   Returns  work done (0: idle) */
unsigned lg_net_poll(struct lg_net *net, lg_ns_t now_ns);
/* lg_net_next: a time no later than the next deadline; LG_NS_NEVER when there is none. */
lg_ns_t lg_net_next(const struct lg_net *net);

/* lg_net_source chooses the address of ours to use towards dst: of the port the route leaves by,
 * the one whose prefix holds the next hop (longest first), else the first of dst's family; the
 * link-local one only when dst is link-local.
 *   Returns  true and *src, or false: no route, or no address of that family; *src untouched */
bool lg_net_source(const struct lg_net *net, const lg_ip_t *dst, lg_ip_t *src);
/* lg_net_resolve finds the way to dst for who builds frames himself, asking for the neighbour when
 * it is not known yet.
 *   Returns  true, *port_idx and mac written; false: no route, or no answer yet (call again) */
bool lg_net_resolve(struct lg_net *net, const lg_ip_t *dst, lg_ns_t now_ns, uint16_t *port_idx,
                    uint8_t mac[6]);
/* lg_net_source_nth: the nth address to use towards dst, for when the ports of those before are all
 * in use: lg_net_source's first, then the port's others of the family that are not link-local. */
bool lg_net_source_nth(const struct lg_net *net, const lg_ip_t *dst, uint32_t nth, lg_ip_t *src);
/* lg_net_port_of: the port that an address of ours is configured on; false: none. */
bool lg_net_port_of(const struct lg_net *net, const lg_ip_t *own, uint16_t *port);
/* lg_net_is_local: is ip one of our addresses (link-local ones included)? */
bool lg_net_is_local(const struct lg_net *net, const lg_ip_t *ip);
/* lg_net_neighbour_cnt: neighbours in the table, all states, for operators and tests. */
uint32_t lg_net_neighbour_cnt(const struct lg_net *net);

#endif
