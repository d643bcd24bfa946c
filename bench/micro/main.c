/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* main.c: runs the small benchmarks and prints them as JSON.
 *
 *   bench-micro [--json] [--quick] [--smoke] [--list] [--pki DIR] [--memif] [GROUP or NAME…]
 *
 * Each benchmark is warmed up, its number of operations set so that a batch takes about a
 * millisecond, and then a number of batches is timed. The median of them is the result; the lowest
 * and the median absolute deviation stand beside it. The thread is pinned to the last CPU. */
#include "micro.h"
#include "tls.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BENCH_MAX 128
#define BATCH_MAX 41
#define BATCH_CYCLES 2500000u

static struct bench {
    const char *group, *name, *bound;
    micro_fn run;
    void *ctx;
} benches[BENCH_MAX];
static unsigned bench_cnt;

void micro_add(const char *group, const char *name, const char *bound, micro_fn run, void *ctx)
{
    micro_require(bench_cnt < BENCH_MAX, "too many benchmarks");
    benches[bench_cnt++] = (struct bench){group, name, bound, run, ctx};
}

void micro_require(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench-micro: %s\n", what);
    exit(1);
}

/* From the system, touched when used, in big pages where they can be had, as a worker's is. */
void *micro_alloc(size_t sz)
{
    const size_t huge = 2u << 20;
    void *p;

    if (sz < huge) {
        p = aligned_alloc(LG_CACHE_LINE, lg_align_up(sz, LG_CACHE_LINE));
        micro_require(p != NULL, "out of memory");
        return memset(p, 0, sz);
    }
    p = mmap(NULL, sz + huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    micro_require(p != MAP_FAILED, "out of memory");
    p = (void *)lg_align_up((uintptr_t)p, huge);
    madvise(p, sz, MADV_HUGEPAGE);
    return p;
}

/* ------------------------------------------------------------- the pool */

struct micro_pool {
    struct lg_bufpool pool;
    uint32_t free_cnt;
    struct lg_buf **free;
};

#define POOL_CAP 2176u

static struct lg_buf *pool_take(struct lg_bufpool *pool)
{
    struct micro_pool *p = LG_CONTAINER(pool, struct micro_pool, pool);
    if (p->free_cnt == 0)
        return NULL;
    struct lg_buf *b = p->free[--p->free_cnt];
    b->data = b->base + LG_BUF_HEADROOM;
    b->len = 0;
    b->flags = 0;
    b->next = NULL;
    return b;
}

static void pool_give(struct lg_bufpool *pool, struct lg_buf *b)
{
    struct micro_pool *p = LG_CONTAINER(pool, struct micro_pool, pool);
    p->free[p->free_cnt++] = b;
}

static bool pool_is_shared(const struct lg_buf *b)
{
    (void)b;
    return false;
}

static uint32_t pool_free_cnt(const struct lg_bufpool *pool)
{
    return LG_CONTAINER((struct lg_bufpool *)(uintptr_t)pool, struct micro_pool, pool)->free_cnt;
}

struct lg_bufpool *micro_pool(uint32_t cnt)
{
    static const struct lg_bufpool_ops ops = {pool_take, pool_give, pool_is_shared, pool_free_cnt};
    struct micro_pool *p = micro_alloc(sizeof *p);

    p->pool.ops = &ops;
    p->pool.room = POOL_CAP - LG_BUF_HEADROOM;
    p->free = micro_alloc(cnt * sizeof(struct lg_buf *));
    for (uint32_t i = 0; i < cnt; i++) {
        struct lg_buf *b = micro_alloc(sizeof *b);
        b->base = micro_alloc(POOL_CAP);
        b->cap = POOL_CAP;
        b->pool = &p->pool;
        p->free[p->free_cnt++] = b;
    }
    return &p->pool;
}

/* ------------------------------------------------------------- running */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, unsigned cnt)
{
    qsort(v, cnt, sizeof *v, by_value);
    return cnt % 2 ? v[cnt / 2] : (v[cnt / 2 - 1] + v[cnt / 2]) / 2;
}

struct result {
    double median, least, mad;
    uint64_t batch;
};

static struct result measure(const struct bench *b, const struct micro_opts *o)
{
    unsigned cnt = o->smoke ? 1 : o->quick ? 11 : BATCH_MAX;
    double v[BATCH_MAX], dev[BATCH_MAX];
    uint64_t batch = 1, cycles;

    while (!o->smoke && (cycles = b->run(b->ctx, batch)) < BATCH_CYCLES / 2 && batch < (1u << 24))
        batch *= 2;
    for (unsigned i = 0; i < cnt; i++)
        v[i] = (double)b->run(b->ctx, batch) / (double)batch;
    struct result r = {.median = median(v, cnt), .batch = batch};
    r.least = v[0]; /* median has sorted them */
    for (unsigned i = 0; i < cnt; i++)
        dev[i] = v[i] > r.median ? v[i] - r.median : r.median - v[i];
    r.mad = median(dev, cnt);
    return r;
}

static double tsc_hz(void)
{
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    uint64_t t0 = micro_tsc();
    usleep(100000);
    uint64_t t1 = micro_tsc();
    clock_gettime(CLOCK_MONOTONIC, &b);
    return (double)(t1 - t0) /
           ((double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9);
}

static bool is_wanted(const struct bench *b, char **names, int cnt)
{
    for (int i = 0; i < cnt; i++)
        if (strcmp(names[i], b->group) == 0 || strcmp(names[i], b->name) == 0)
            return true;
    return cnt == 0;
}

static void run_all(char **names, int name_cnt, bool list, const struct micro_opts *o)
{
    const char *sep = "";
    if (!list)
        printf("{\"tsc_hz\": %.0f, \"benchmarks\": [", tsc_hz());
    for (unsigned i = 0; i < bench_cnt; i++) {
        const struct bench *b = &benches[i];
        if (!is_wanted(b, names, name_cnt))
            continue;
        if (list) {
            printf("%-10s %s\n", b->group, b->name);
            continue;
        }
        struct result r = measure(b, o);
        printf("%s\n{\"group\": \"%s\", \"name\": \"%s\", \"cycles\": %.1f, \"least\": %.1f, "
               "\"mad\": %.1f, \"batch\": %llu, \"bound\": \"%s\"}",
               sep, b->group, b->name, r.median, r.least, r.mad, (unsigned long long)r.batch,
               b->bound ? b->bound : "");
        fflush(stdout);
        sep = ",";
    }
    printf(list ? "" : "\n]}\n");
}

static void pin_to_last(void)
{
    cpu_set_t set;
    long cpu = sysconf(_SC_NPROCESSORS_ONLN) - 1;

    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    sched_setaffinity(0, sizeof set, &set); /* best effort */
}

int main(int argc, char **argv)
{
    struct micro_opts o = {0};
    bool list = false, memif = false;
    int i;

    for (i = 1; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            o.quick = true;
        } else if (strcmp(argv[i], "--smoke") == 0) {
            o.quick = o.smoke = true;
        } else if (strcmp(argv[i], "--list") == 0) {
            list = true;
        } else if (strcmp(argv[i], "--memif") == 0) {
            memif = true;
        } else if (strcmp(argv[i], "--pki") == 0 && i + 1 < argc) {
            o.pki = argv[++i];
        } else if (strcmp(argv[i], "--json") != 0) {
            fprintf(stderr,
                    "usage: %s [--json] [--quick] [--smoke] [--list] [--pki DIR] [--memif] "
                    "[NAME...]\n",
                    argv[0]);
            return 2;
        }
    }
    pin_to_last();
    micro_require(lg_is_ok(lg_tls_global_init()), "wolfSSL does not start");
    micro_add_crypto(&o);
    micro_add_records(&o);
    micro_add_rec_mb(&o);
    micro_add_net(&o);
    micro_add_tcp(&o);
    micro_add_tls(&o);
    micro_add_http(&o);
    micro_add_access(&o);
    if (memif)
        micro_add_memif(&o);
    run_all(argv + i, argc - i, list, &o);
    return 0;
}
