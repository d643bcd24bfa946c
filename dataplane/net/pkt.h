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

/* A frame to be sent: where its headers end, and which checksum is still open. */
struct lg_tx_meta {
    uint16_t l2_len; /* bytes of Ethernet header */
    uint16_t l3_len; /* bytes of IP header, extension headers included */
    bool is_v6;
    bool tcp_csum; /* the device shall compute the TCP checksum; the field holds the folded sum of
                      the pseudo header. Never set for a port that did not offer it */
};

#endif
