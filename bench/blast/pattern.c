/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pattern.h"

#include <string.h>

/* Written once at boot, read-only afterwards. */
static uint8_t table[BL_PATTERN_PERIOD + BL_PATTERN_PIECE];

void bl_pattern_init(void)
{
    uint64_t x = 0x9e3779b97f4a7c15u; /* xorshift64: any nonzero start */
    for (uint32_t i = 0; i < BL_PATTERN_PERIOD; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        table[i] = (uint8_t)(x >> 32);
    }
    memcpy(table + BL_PATTERN_PERIOD, table, BL_PATTERN_PIECE);
}

const uint8_t *bl_pattern_at(uint64_t off)
{
    return table + off % BL_PATTERN_PERIOD;
}

bool bl_pattern_is(const uint8_t *p, size_t n, uint64_t off)
{
    while (n > 0) {
        size_t piece = LG_MIN(n, (size_t)BL_PATTERN_PIECE);
        if (memcmp(p, bl_pattern_at(off), piece) != 0)
            return false;
        p += piece;
        off += piece;
        n -= piece;
    }
    return true;
}
