/* SPDX-License-Identifier: GPL-2.0-or-later */
/* be.h: byte order as a type. A number in network order is a lg_beNN_t and cannot be added to,
 * compared with or assigned from a host number by accident. Wire structs use these. */
#ifndef LG_BE_H
#define LG_BE_H

#include "base.h"
#include <string.h>

typedef struct {
    uint16_t be;
} lg_be16_t;
typedef struct {
    uint32_t be;
} lg_be32_t;

static inline uint16_t lg_from_be16(lg_be16_t v)
{
    return __builtin_bswap16(v.be);
}
static inline uint32_t lg_from_be32(lg_be32_t v)
{
    return __builtin_bswap32(v.be);
}
static inline lg_be16_t lg_to_be16(uint16_t v)
{
    return (lg_be16_t){__builtin_bswap16(v)};
}
static inline lg_be32_t lg_to_be32(uint32_t v)
{
    return (lg_be32_t){__builtin_bswap32(v)};
}

/* Reads and writes at any alignment. The caller has checked that the bytes are there. */
static inline uint16_t lg_get_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t lg_get_be32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}
static inline void lg_put_be16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void lg_put_be32(uint8_t *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof v);
}

#endif
