/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rig.h: one net on two ports, a wire to put frames on and to read them from, and a clock that
 * stands still until it is moved.
 *
 *   port 0 "front"  02:00:00:00:00:10  192.0.2.1/24, 192.0.2.2/24, 2001:db8::1/64
 *   port 1 "back"   02:00:00:00:01:10  10.0.0.1/8, 10.1.0.1/16, fd00::1/64
 *   routes          0.0.0.0/0 via 192.0.2.254, ::/0 via 2001:db8::fe,
 *                   172.16.0.0/12 via 10.0.0.254
 *
 * Each frame the net sends is checked as it passes: lengths, IPv4 header checksum, TCP or ICMP
 * checksum (by a naive sum, not by the code under test). */
#ifndef RIG_H
#define RIG_H

#include "net.h"
#include "net_priv.h"
#include "t.h"

#define FRAME_MAX 2048

struct frame {
    uint8_t b[FRAME_MAX];
    uint32_t len;
    uint16_t port; /* sent: by this port; received: by this port */
    struct lg_tx_meta meta;
};

struct rig {
    struct lg_config cfg;
    struct lg_cfg_port ports[2];
    struct lg_cfg_route routes[3];
    struct lg_net_cfg net_cfg;
    struct lg_net *net;
    struct lg_bufheap heap;
    struct lg_stats stats;
    lg_ns_t now;
    void *mem;

    struct frame sent[256];
    uint32_t sent_cnt; /* all; the array holds the first 256 */
    struct frame shared[16];
    uint32_t shared_cnt;
    struct lg_tcp_tuple unreach;
    uint32_t unreach_seq, unreach_cnt;
    uint32_t too_big_mtu, too_big_cnt; /* its tuple and seq are put in unreach and unreach_seq */
    uint32_t conflict_cnt;
    lg_ip_t conflict;
    uint8_t conflict_mac[6];
    bool conflict_is_used;
    bool is_elsewhere;   /* answer errors: no such connection here */
    struct lg_buf *kept; /* of the last rig_rx that returned LG_KEEP */
    struct lg_pkt pkt;
};

extern const uint8_t mac_front[6], mac_back[6], mac_peer[6], mac_other[6], mac_bcast[6];

/* A rig that announces nothing (is_quiet). */
struct rig *rig_new(void);
/* rig_restart lays the net anew after net_cfg or cfg were changed. */
void rig_restart(struct rig *r);
/* rig_free checks that no buf is lost. */
void rig_free(struct rig *r);

lg_ip_t ip(const char *text);
enum lg_verdict rig_rx(struct rig *r, const struct frame *f);
void rig_rx_shared(struct rig *r, const struct frame *f);
/* rig_drops: the frame is refused, and exactly this counter says so. */
void rig_drops(struct rig *r, const struct frame *f, enum lg_stat why, const char *what);
/* rig_output sends a TCP segment of hdr 20 bytes and `payload` bytes. */
void rig_output(struct rig *r, const char *src, const char *dst, uint32_t payload);
/* rig_forward moves the clock and polls, step by step, as a loop would. */
void rig_forward(struct rig *r, lg_ns_t ns);
uint64_t rig_stat(const struct rig *r, enum lg_stat id);
struct lg_neigh *rig_neigh(struct rig *r, uint16_t port, const char *addr);

/* -- frames -- */
uint16_t naive_csum(uint32_t start, const uint8_t *p, size_t len); /* host order, complemented */
/* Partial sum of the pseudo header, to be given to naive_csum. */
uint32_t naive_pseudo(const lg_ip_t *src, const lg_ip_t *dst, uint8_t proto, uint32_t len);
void put_eth(struct frame *f, const uint8_t dst[6], const uint8_t src[6], uint16_t type);
/* put_ip appends an IP header of src's family for what will be l4_len bytes. */
void put_ip(struct frame *f, const char *src, const char *dst, uint8_t proto, uint32_t l4_len);
void put_bytes(struct frame *f, const void *p, size_t len);
/* Whole good frames from mac_peer, on port 0 to mac_front. */
struct frame tcp_frame(const char *src, const char *dst, uint32_t payload);
struct frame icmp_frame(const char *src, const char *dst, uint8_t type, uint8_t code,
                        const void *body, size_t len);
struct frame arp_frame(uint16_t op, const uint8_t sender_mac[6], const char *sender_ip,
                       const char *target_ip, const uint8_t eth_dst[6]);
/* mac NULL: without the link-layer address option. */
struct frame ns_frame(const char *src, const char *target, const uint8_t *mac);
struct frame na_frame(const char *src, const char *dst, const char *target, const uint8_t *mac,
                      uint32_t flags);
/* fix_ip4 and fix_l4 compute the checksums anew after a test changed bytes. */
void fix_ip4(struct frame *f);
void fix_l4(struct frame *f);

#define ETH(f) ((struct lg_eth_hdr *)(void *)(f)->b)
#define IP4(f) ((struct lg_ip4_hdr *)(void *)((f)->b + 14))
#define IP6(f) ((struct lg_ip6_hdr *)(void *)((f)->b + 14))
#define ARP(f) ((struct lg_arp_pkt *)(void *)((f)->b + 14))
#define ND(f) ((struct lg_nd_msg *)(void *)((f)->b + 54))

#endif
