/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ifma.h: may the vectorised arithmetic (*_ifma.c) run? It needs the 52-bit multipliers of AVX-512
 * and an operating system that saves the wide registers; both are asked by the compiler's run-time
 * support before main. Without them wolfSSL's own code runs: same results, slower. */
#ifndef LG_IFMA_H
#define LG_IFMA_H

#include "base.h"

/* lg_cpu_has_ifma: can this machine run *_ifma.c? Thread any, pure; a load and a test. */
static inline bool lg_cpu_has_ifma(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512ifma");
}

#endif
