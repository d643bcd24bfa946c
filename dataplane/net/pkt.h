/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pkt.h: what net/ tells its neighbours about one frame: the parsed view of a received segment,
 * and what a port must know to send a frame with its device's help. Plain data, no DPDK. */
#ifndef LG_PKT_H
#define LG_PKT_H

#include "base.h"
#include "ip.h"

/* A TCP segment to one of our addresses, as lg_net_rx found it. */
struct lg_pkt {
    lg_ip_t src, dst;
    uint16_t sport, dport; /* host order */
};

/* lg_link_local is the IPv6 link-local address of a port: the MAC with ff:fe in its middle and the
 * universal/local bit turned over (RFC 4291 appendix A). The kernel makes the same one; where the
 * interface is shared with it (is_shared), ours has other bytes there. */
static inline lg_ip_t lg_link_local(const uint8_t mac[6], bool is_shared)
{
    uint8_t mid0 = is_shared ? 'L' : 0xff, mid1 = is_shared ? 'G' : 0xfe;
    lg_ip_t ip = {{0xfe, 0x80, 0, 0, 0, 0, 0, 0, (uint8_t)(mac[0] ^ 2), mac[1], mac[2], mid0, mid1,
                   mac[3], mac[4], mac[5]}};
    return ip;
}

/* A frame to be sent: where its headers end, and which checksum is still open. */
struct lg_tx_meta {
    uint16_t l2_len; /* bytes of Ethernet header */
    uint16_t l3_len; /* bytes of IP header, extension headers included */
    bool is_v6;
    bool tcp_csum; /* the device shall compute the TCP checksum; the field holds the folded sum of
                      the pseudo header. Never set for a port that did not offer it */
};

#endif
