/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wire.h: the headers below TCP as they lie in a frame, at any alignment. For net/ and tests. */
#ifndef LG_WIRE_H
#define LG_WIRE_H

#include "base.h"
#include "be.h"

#define LG_WIRE __attribute__((packed))

enum { LG_ETH_IP4 = 0x0800, LG_ETH_ARP = 0x0806, LG_ETH_IP6 = 0x86dd };
enum { LG_PROTO_ICMP = 1, LG_PROTO_TCP = 6, LG_PROTO_ICMP6 = 58 };

struct LG_WIRE lg_eth_hdr {
    uint8_t dst[6], src[6];
    lg_be16_t type;
};

struct LG_WIRE lg_arp_pkt { /* Ethernet and IPv4 */
    lg_be16_t htype, ptype;
    uint8_t hlen, plen;
    lg_be16_t op;
    uint8_t sender_mac[6], sender_ip[4], target_mac[6], target_ip[4];
};
enum { LG_ARP_REQUEST = 1, LG_ARP_REPLY = 2 };

struct LG_WIRE lg_ip4_hdr {
    uint8_t ver_ihl, tos;
    lg_be16_t len, id, frag;
    uint8_t ttl, proto;
    lg_be16_t csum;
    uint8_t src[4], dst[4];
};
enum { LG_IP4_DF = 0x4000, LG_IP4_MF = 0x2000, LG_IP4_OFF = 0x1fff };

struct LG_WIRE lg_ip6_hdr {
    lg_be32_t ver_flow;
    lg_be16_t len; /* of what follows */
    uint8_t next, hops;
    uint8_t src[16], dst[16];
};
enum { LG_IP6_FRAG_MORE = 1, LG_IP6_FRAG_OFF = 0xfff8 };
enum { LG_IP6_HOPOPTS = 0, LG_IP6_ROUTING = 43, LG_IP6_FRAGMENT = 44, LG_IP6_DSTOPTS = 60 };

struct LG_WIRE lg_icmp_hdr { /* both families */
    uint8_t type, code;
    lg_be16_t csum;
    lg_be32_t
        rest; /* echo: identifier and sequence; NA: flags; unreachable: unused; too big: mtu */
};
enum { LG_ICMP4_ECHO_REPLY = 0, LG_ICMP4_UNREACH = 3, LG_ICMP4_ECHO = 8 };
enum {
    LG_ICMP6_UNREACH = 1,
    LG_ICMP6_TOO_BIG = 2,
    LG_ICMP6_ECHO = 128,
    LG_ICMP6_ECHO_REPLY = 129,
    LG_ICMP6_RS = 133,
    LG_ICMP6_RA = 134,
    LG_ICMP6_NS = 135,
    LG_ICMP6_NA = 136
};

struct LG_WIRE lg_nd_msg { /* NS and NA, without options */
    struct lg_icmp_hdr icmp;
    uint8_t target[16];
};
enum { LG_ND_OPT_SLLA = 1, LG_ND_OPT_TLLA = 2, LG_ND_OPT_NONCE = 14 };
#define LG_RA_SZ 16u /* of a router advertisement, without options */
#define LG_NA_ROUTER 0x80000000u
#define LG_NA_SOLICITED 0x40000000u
#define LG_NA_OVERRIDE 0x20000000u

struct LG_WIRE lg_nd_lla { /* the link-layer address option for Ethernet */
    uint8_t type, len8;    /* len8 in units of 8 bytes: 1 */
    uint8_t mac[6];
};

#define LG_IP6_MTU_MIN 1280u /* RFC 8200 section 5 */
#define LG_TCP_CSUM_OFF 16   /* of the checksum in the TCP header */
#define LG_TCP_HDR_SZ 20     /* without options */

#endif
