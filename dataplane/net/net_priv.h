/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net_priv.h: the inside of one worker's IP layer, for net/ and its tests only. */
#ifndef LG_NET_PRIV_H
#define LG_NET_PRIV_H

#include "neigh.h"
#include "net.h"
#include "wire.h"

#define LG_NET_ROOM_ETH 14u
#define LG_NET_TTL 64u
#define LG_NET_DST_CNT 256u /* destinations remembered with their neighbour; a power of two */
#define LG_NET_ANNOUNCE_ROUNDS 3u
#define LG_NET_ROUTERS 4u /* advertised routers remembered */

/* What an address means to us. */
enum lg_addr_kind {
    LG_ADDR_NONE,
    LG_ADDR_OWN,   /* configured: ours on whichever port a packet comes by */
    LG_ADDR_LINK,  /* the link-local address of one port: ours there */
    LG_ADDR_BCAST, /* an on-link IPv4 network's broadcast or zero address: nobody's */
};

/* May an address of ours be used? Only IPv6 ones are ever anything but USABLE. */
enum lg_dad { LG_DAD_USABLE, LG_DAD_TENTATIVE, LG_DAD_TAKEN };

struct lg_net_addr {
    struct lg_prefix prefix; /* ip is the whole address, len the on-link prefix */
    uint16_t port;
    uint8_t kind; /* enum lg_addr_kind */
    uint8_t dad;  /* enum lg_dad */
};

struct lg_net_route {
    struct lg_prefix to;
    lg_ip_t via; /* the gateway; with is_on_link the destination itself */
    uint16_t port;
    bool is_on_link;
};

/* A router that has advertised itself. */
struct lg_router {
    lg_ip_t ip; /* link-local */
    uint16_t port;
    uint8_t rank;    /* higher is preferred */
    bool is_suspect; /* did not answer when it was last asked */
    lg_ns_t until_ns;
};

/* A destination and its next hop's entry; void when gen is not the table's. */
struct lg_net_dst {
    lg_ip_t ip;
    uint32_t neigh_idx;
    uint32_t gen_next; /* the table's gen + 1; 0: empty */
};

/* At most `rate` events a second, `burst` at once. */
struct lg_bucket {
    lg_ns_t at_ns; /* up to where tokens have been given */
    uint32_t tokens;
};

struct lg_net {
    /* -- set at init, then read-only -- */
    struct lg_net_cfg cfg;
    const struct lg_net_ops *ops; /* borrows: for life */
    void *ctx;
    struct lg_bufpool *pool; /* borrows: for life */
    struct lg_stats *stats;  /* borrows: for life */
    lg_ip_t link_local[LG_MAX_PORTS];
    struct lg_net_addr *addrs; /* OWN of all ports first, in the config's order, then LINK, BCAST */
    uint32_t addr_cnt, own_cnt;
    uint16_t *addr_slots; /* hash of addrs: index + 1, 0 empty */
    uint32_t addr_mask;
    struct lg_net_route *routes; /* longest prefix first; on-link before static */
    uint32_t route_cnt;
    struct lg_net_addr ranges[LG_MAX_PORTS]; /* of the ports that have one */
    uint32_t range_cnt;
    uint64_t hash_key[2];

    /* -- hot -- */
    struct lg_neigh_table *neigh;
    struct lg_wheel wheel;
    struct lg_bucket echo, share, share_error;
    lg_ns_t announce_at_ns;
    uint32_t announce_idx, announce_round;
    lg_ns_t dad_at_ns;          /* next step of duplicate address detection */
    bool has_unusable;          /* some address is TENTATIVE or TAKEN */
    uint32_t dad_idx;           /* the next address to be asked for; UINT32_MAX: all have been */
    lg_ns_t conflict_at_ns;     /* not before is a conflict told again */
    lg_ns_t ra_at_ns, rs_at_ns; /* next look at the routers; not before are they asked again */
    uint32_t rs_cnt;
    uint32_t router_cnt;
    struct lg_router routers[LG_NET_ROUTERS];
    struct lg_net_dst dst[LG_NET_DST_CNT];
};

/* One received frame while it is looked at. Lives on the stack. */
struct lg_net_frame {
    struct lg_buf *b;
    struct lg_eth_hdr *eth;
    uint16_t port;
    bool is_shared;   /* came by lg_net_rx_shared: learn, say nothing */
    bool is_fragment; /* IPv6: whole, but with a fragment header */
    uint8_t hops;     /* IPv6 hop limit */
    lg_ip_t src, dst;
    uint8_t *l4; /* behind the IP header(s) */
    uint32_t l4_len;
    lg_ns_t now_ns;
};

static inline enum lg_verdict lg_net_drop(struct lg_net *net, enum lg_stat why)
{
    lg_stat_inc(net->stats, why);
    return LG_DROP;
}

static inline bool lg_mac_is_multicast(const uint8_t mac[6])
{
    return mac[0] & 1;
}

/* lg_mac_is_usable: could this be a neighbour's address? */
static inline bool lg_mac_is_usable(const uint8_t mac[6])
{
    static const uint8_t zero[6];
    return !lg_mac_is_multicast(mac) && memcmp(mac, zero, 6) != 0;
}

static inline bool lg_ip_is_link_local(const lg_ip_t *ip)
{
    return ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80;
}

static inline uint32_t lg_net_hash(const struct lg_net *net, const lg_ip_t *ip)
{
    uint64_t w[2];
    memcpy(w, ip->b, 16);
    unsigned __int128 m = (unsigned __int128)(w[0] ^ net->hash_key[0]) * (w[1] ^ net->hash_key[1]);
    return (uint32_t)((uint64_t)m ^ (uint64_t)(m >> 64));
}

/* -- addr.c: our addresses, and the way to others -- */

/* Sizes of what lg_addr_init lays out, in entries. */
uint32_t lg_addr_cnt_max(const struct lg_config *cfg);
uint32_t lg_addr_slot_cnt(const struct lg_config *cfg);
uint32_t lg_addr_route_cnt(const struct lg_config *cfg);
void lg_addr_init(struct lg_net *net);
/* lg_addr_find: what is ip to us? NULL: nothing. */
const struct lg_net_addr *lg_addr_find(const struct lg_net *net, const lg_ip_t *ip);
/* lg_addr_own: the same, but not those of a range, and to be changed. */
struct lg_net_addr *lg_addr_own(struct lg_net *net, const lg_ip_t *ip);
/* lg_addr_on_port: is ip an address of ours on this port (for ARP and ND)? */
bool lg_addr_on_port(const struct lg_net *net, const lg_ip_t *ip, uint16_t port);
/* lg_addr_is_on_link: may a neighbour on this port have this address? */
bool lg_addr_is_on_link(const struct lg_net *net, const lg_ip_t *ip, uint16_t port);
/* lg_addr_for: the address of ours to talk to a neighbour from; false: none of the family. */
bool lg_addr_for(const struct lg_net *net, uint16_t port, const lg_ip_t *hop, lg_ip_t *out);
/* lg_route_find: port and next hop towards dst; false: no route. */
bool lg_route_find(const struct lg_net *net, const lg_ip_t *src, const lg_ip_t *dst, uint16_t *port,
                   lg_ip_t *hop);

/* -- nud.c: the life of a neighbour -- */

/* lg_nud_get gives the entry of a next hop, making one and soliciting when there is none; NULL:
 * counted. */
struct lg_neigh *lg_nud_get(struct lg_net *net, uint16_t port, const lg_ip_t *hop, lg_ns_t now_ns);
/* lg_nud_use: a packet goes out to n, which has a MAC. */
void lg_nud_use(struct lg_net *net, struct lg_neigh *n, lg_ns_t now_ns);
/* lg_nud_asked: the neighbour asked us for ours and told its MAC. */
void lg_nud_asked(struct lg_net *net, uint16_t port, const lg_ip_t *ip, const uint8_t mac[6],
                  lg_ns_t now_ns);
/* What an answer or announcement says beside address and MAC. */
struct lg_nud_answer {
    lg_ip_t ip;
    uint8_t mac[6];
    bool has_mac;
    bool is_solicited; /* to a question of ours */
    bool is_override;  /* replaces what we know */
};
void lg_nud_answered(struct lg_net *net, uint16_t port, const struct lg_nud_answer *a,
                     lg_ns_t now_ns);
/* lg_nud_wait puts a copy of a whole frame in n's queue. */
void lg_nud_wait(struct lg_net *net, struct lg_neigh *n, const struct lg_buf *b);
void lg_nud_fire(void *net, struct lg_timer *t, lg_ns_t now_ns); /* lg_timer_fn */
void lg_nud_fini(struct lg_net *net);

/* -- ip4.c, ip6.c, arp.c, nd.c, icmp.c: each takes a frame further. LG_KEEP: a TCP segment, f->l4
 * and f->l4_len say where. LG_DONE, LG_DROP: looked at, counted; the caller gives the buf back.
 * An answer is built in the frame's own buf. -- */
enum lg_verdict lg_ip4_rx(struct lg_net *net, struct lg_net_frame *f);
enum lg_verdict lg_ip6_rx(struct lg_net *net, struct lg_net_frame *f);
enum lg_verdict lg_arp_rx(struct lg_net *net, struct lg_net_frame *f);
enum lg_verdict lg_nd_rx(struct lg_net *net, struct lg_net_frame *f);
enum lg_verdict lg_icmp4_rx(struct lg_net *net, struct lg_net_frame *f);
enum lg_verdict lg_icmp6_rx(struct lg_net *net, struct lg_net_frame *f);
/* lg_ip_tcp_rx: what both families do with a TCP segment. */
enum lg_verdict lg_ip_tcp_rx(struct lg_net *net, const struct lg_net_frame *f);
/* lg_ip_is_martian: a source that cannot be (the unspecified address is judged by the caller). */
bool lg_ip_is_martian(const struct lg_net *net, const lg_ip_t *src);

/* -- arp.c, nd.c: questions and announcements, in fresh bufs -- */
void lg_arp_send_request(struct lg_net *net, uint16_t port, const lg_ip_t *target,
                         const uint8_t *mac_or_null);
void lg_arp_announce(struct lg_net *net, uint16_t port, const lg_ip_t *own);
void lg_nd_send_ns(struct lg_net *net, uint16_t port, const lg_ip_t *target,
                   const uint8_t *mac_or_null);
void lg_nd_announce(struct lg_net *net, uint16_t port, const lg_ip_t *own);

/* lg_nd_send_probe asks whether anybody has an address that shall be ours. */
void lg_nd_send_probe(struct lg_net *net, uint16_t port, const lg_ip_t *own);
void lg_nd_send_rs(struct lg_net *net, uint16_t port, const lg_ip_t *all_routers);
/* lg_nd_find_lla finds a message's link-layer address option of that type, behind `off` bytes.
 *   Returns  false: an option of length zero or past the end, or a MAC that cannot be */
bool lg_nd_find_lla(const struct lg_net_frame *f, uint32_t off, uint8_t type, bool *has_mac,
                    uint8_t mac[6]);

/* -- dad.c: are our addresses ours alone? -- */
void lg_dad_init(struct lg_net *net, lg_ns_t now_ns); /* behind lg_addr_init */
unsigned lg_dad_poll(struct lg_net *net, lg_ns_t now_ns);
enum lg_dad lg_dad_state(const struct lg_net *net, const lg_ip_t *own);
/* lg_dad_claimed: f says that own, an address of ours, is somebody else's. */
void lg_dad_claimed(struct lg_net *net, const struct lg_net_frame *f, const lg_ip_t *own);

/* -- ra.c: routers that advertise themselves -- */
void lg_ra_init(struct lg_net *net, lg_ns_t now_ns);
unsigned lg_ra_poll(struct lg_net *net, lg_ns_t now_ns);
enum lg_verdict lg_ra_rx(struct lg_net *net, struct lg_net_frame *f);
/* lg_ra_route: the way by the best of them; false: there is none. */
bool lg_ra_route(const struct lg_net *net, uint16_t *port, lg_ip_t *hop);
/* lg_ra_unreachable: a neighbour has not answered; if it is a router, others come first. */
void lg_ra_unreachable(struct lg_net *net, uint16_t port, const lg_ip_t *ip);
/* lg_ra_no_router: a neighbour says that it is no router (any more). */
void lg_ra_no_router(struct lg_net *net, uint16_t port, const lg_ip_t *ip);

/* -- out.c: building and sending -- */

/* lg_out_send routes one IP packet: b->data at the transport header, which is complete but for
 * TCP's checksum. data and len come back as they were. */
void lg_out_send(struct lg_net *net, struct lg_buf *b, uint8_t proto, const lg_ip_t *src,
                 const lg_ip_t *dst, lg_ns_t now_ns);
/* lg_out_ip6 and lg_out_eth put a header in front of b->data. */
void lg_out_ip6(struct lg_buf *b, uint8_t proto, uint8_t hops, const lg_ip_t *src,
                const lg_ip_t *dst);
void lg_out_eth(struct lg_net *net, struct lg_buf *b, uint16_t port, const uint8_t dst[6],
                uint16_t type);
/* lg_out_frame sends a complete frame without help of the device; b stays the caller's. */
void lg_out_frame(struct lg_net *net, struct lg_buf *b, uint16_t port);
/* lg_out_fresh takes a buf, or makes a received one (reuse not NULL) empty again. NULL: counted. */
struct lg_buf *lg_out_fresh(struct lg_net *net, struct lg_buf *reuse);

/* -- net.c -- */
void lg_net_share(struct lg_net *net, const struct lg_net_frame *f);
/* lg_net_share_error does so with an ICMP error, from tokens of its own. */
void lg_net_share_error(struct lg_net *net, const struct lg_net_frame *f);
/* lg_bucket_take: is there a token? */
bool lg_bucket_take(struct lg_bucket *bk, uint32_t rate_ps, uint32_t burst, lg_ns_t now_ns);

#endif
