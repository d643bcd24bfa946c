/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* micro.h: small benchmarks in TSC cycles. Each file of this folder registers a group of them;
 * main.c runs them and prints JSON, which micro.py makes readable and compares.
 *
 * A benchmark is a function that does a number of operations and returns the cycles it took, so
 * that it can leave out what is not its own (a client's half, putting things back). */
#ifndef LG_MICRO_H
#define LG_MICRO_H

#include "base.h"
#include "buf.h"
#include "stat.h"

#include <x86intrin.h>

/* run does cnt operations (cnt >= 1) and returns the cycles spent on what is measured. */
typedef uint64_t (*micro_fn)(void *ctx, uint64_t cnt);

struct micro_opts {
    const char *pki; /* a folder made by tools/pki.sh; NULL: what needs it is left out */
    bool quick;      /* fewer batches */
    bool smoke;      /* each once: that it runs is all that is asked */
};

/* micro_add registers one benchmark; name, bound are kept.
 *   bound  names of others whose sum no implementation can beat, joined by '+'; NULL: none */
void micro_add(const char *group, const char *name, const char *bound, micro_fn run, void *ctx);

/* One a file; called once, before anything runs. They abort with a message when a library fails. */
void micro_add_crypto(const struct micro_opts *o);
void micro_add_records(const struct micro_opts *o);
void micro_add_rec_mb(const struct micro_opts *o);
void micro_add_tcp(const struct micro_opts *o);
void micro_add_net(const struct micro_opts *o);
void micro_add_tls(const struct micro_opts *o);
void micro_add_http(const struct micro_opts *o);
void micro_add_access(const struct micro_opts *o);
void micro_add_memif(const struct micro_opts *o);

/* micro_alloc gives zeroed, cache-line-aligned memory for the life of the program, or ends it. */
void *micro_alloc(size_t sz);
/* micro_require ends the program with a message unless ok. */
void micro_require(bool ok, const char *what);

/* micro_pool is a buffer pool as cheap as a worker's: a stack of buffers, last in first out. */
struct lg_bufpool *micro_pool(uint32_t cnt);

/* rdtscp waits for what came before it, and the fence holds back what follows. */
static inline uint64_t micro_tsc(void)
{
    unsigned aux;
    uint64_t t = __rdtscp(&aux);
    _mm_lfence();
    return t;
}

#endif
