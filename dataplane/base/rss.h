/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rss.h: to which queue a network card's receive-side scaling sends a flow, computed here: Toeplitz
 * hash, then the card's indirection table. Only for keys that repeat a 16-bit word, such as ours:
 * with them a flow's hash depends on nothing but the XOR of its 16-bit words, so that both
 * directions have the same one, and it costs two table look-ups.
 *
 * Thread: any once initialised. */
#ifndef LG_RSS_H
#define LG_RSS_H

#include "base.h"
#include "ip.h"

#define LG_RSS_RETA_MAX 2048u

struct lg_rss {
    uint32_t hash_hi[256], hash_lo[256]; /* of a word's first and second byte */
    uint32_t reta_mask;                  /* entries - 1 */
    bool has_ip4, has_ip6;               /* the card hashes TCP over that family by its ports too */
    uint8_t reta[LG_RSS_RETA_MAX];       /* queue of a hash's low bits */
};

/* lg_toeplitz is the hash as Microsoft defined it, for any key: slow, the measure for the rest.
 *   key_len  at least len + 4, or the last bits of the input meet zeros
 *   Thread   any, pure */
uint32_t lg_toeplitz(const uint8_t *key, size_t key_len, const uint8_t *in, size_t len);

/* lg_rss_is_periodic: is the key one word again and again? */
bool lg_rss_is_periodic(const uint8_t *key, size_t key_len);
/* lg_rss_init fills in the tables of a periodic key; its first word is enough. reta, reta_mask,
 * has_ip4 and has_ip6 are the caller's to set. */
void lg_rss_init(struct lg_rss *r, const uint8_t word[2]);

/* lg_rss_hash of a TCP segment between t's two ends, either way. */
static inline uint32_t lg_rss_hash(const struct lg_rss *r, const struct lg_tcp_tuple *t)
{
    uint32_t skip = lg_ip_is_v4(&t->remote_ip) ? 12 : 0;
    uint32_t x = (uint32_t)t->local_port ^ t->remote_port;

    for (uint32_t i = skip; i < 16; i += 2)
        x ^= (uint32_t)(lg_get_be16(t->local_ip.b + i) ^ lg_get_be16(t->remote_ip.b + i));
    return r->hash_hi[x >> 8 & 0xff] ^ r->hash_lo[x & 0xff];
}

/* lg_rss_covers: does the card spread this flow by what lg_rss_hash looks at? */
static inline bool lg_rss_covers(const struct lg_rss *r, const lg_ip_t *ip)
{
    return lg_ip_is_v4(ip) ? r->has_ip4 : r->has_ip6;
}

static inline uint32_t lg_rss_queue(const struct lg_rss *r, const struct lg_tcp_tuple *t)
{
    return r->reta[lg_rss_hash(r, t) & r->reta_mask];
}

#endif
