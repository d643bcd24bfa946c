/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ticket.c: the pure part of tickets: the tail's bytes, and taking over the keys. */
#include "ticket.h"

#include "rng.h"

enum { TAIL_VERSION = 1, FLAG_EMS = 1 };

static void put_s(uint8_t *p, int64_t s)
{
    lg_put_be32(p, (uint32_t)((uint64_t)s >> 32));
    lg_put_be32(p + 4, (uint32_t)s);
}

static int64_t get_s(const uint8_t *p)
{
    return (int64_t)((uint64_t)lg_get_be32(p) << 32 | lg_get_be32(p + 4));
}

size_t lg_ticket_tail_build(const struct lg_ticket_tail *tail, uint8_t *out)
{
    out[0] = TAIL_VERSION;
    out[1] = tail->has_ems ? FLAG_EMS : 0;
    lg_put_be16(out + 2, (uint16_t)tail->der.len);
    lg_put_be16(out + 4, tail->suite);
    lg_put_be16(out + 6, tail->tls);
    put_s(out + 8, tail->since_s);
    put_s(out + 16, tail->until_s);
    if (tail->der.len)
        memcpy(out + LG_TICKET_TAIL_SZ, tail->der.p, tail->der.len);
    if (tail->ident.len)
        memcpy(out + LG_TICKET_TAIL_SZ + tail->der.len, tail->ident.p, tail->ident.len);
    return LG_TICKET_TAIL_SZ + tail->der.len + tail->ident.len;
}

bool lg_ticket_tail_parse(lg_span_t in, struct lg_ticket_tail *out)
{
    if (in.len < LG_TICKET_TAIL_SZ || in.p[0] != TAIL_VERSION || (in.p[1] & ~FLAG_EMS))
        return false;
    *out = (struct lg_ticket_tail){
        .has_ems = in.p[1] & FLAG_EMS,
        .suite = lg_get_be16(in.p + 4),
        .tls = lg_get_be16(in.p + 6),
        .since_s = get_s(in.p + 8),
        .until_s = get_s(in.p + 16),
        .der = lg_span(in.p + LG_TICKET_TAIL_SZ, lg_get_be16(in.p + 2)),
    };
    size_t used = LG_TICKET_TAIL_SZ + out->der.len;
    if (in.len < used)
        return false;
    out->ident = lg_span(in.p + used, in.len - used);
    return out->ident.len == 0 || out->der.len > 0; /* an identity is a certificate's */
}

void lg_ticket_ring_read(const struct lg_ticket_ring *r, uint64_t *version,
                         struct lg_ticket_set *out)
{
    uint64_t words[LG_TICKET_RING_WORDS];
    /* Acquire pairs with the release that ended the write: words of that version, or newer ones,
     * are seen; the fence and the second load tell whether any was newer. */
    uint64_t from = atomic_load_explicit(&r->version, memory_order_acquire);
    while (from != *version) {
        for (size_t i = 0; i < LG_TICKET_RING_WORDS; i++)
            words[i] = atomic_load_explicit(&r->word[i], memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire);
        uint64_t to = atomic_load_explicit(&r->version, memory_order_relaxed);
        if (to == from && !(from & 1)) {
            memcpy(out, words, sizeof *out);
            *version = from;
            lg_wipe(words, sizeof words); /* they are keys */
            return;
        }
        from = atomic_load_explicit(&r->version, memory_order_acquire);
    }
}
