/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* rec_mb.c: the record engine alone, from lg_tls_tx and lg_tls_rx down to the AEAD, over bufs of a
 * segment's size as TCP has them: taking and giving bufs, headers, nonces, tags and counters are in
 * it. Its bound is the library's bare call on as many bytes (records.c, the same run). */
#include "micro.h"
#include "tls_priv.h"

#include <stdio.h>

#define SEG 1448u
#define BATCH 8u /* records between two puttings back: they stay in the second-level cache */

static const uint32_t sizes[] = {64, 256, 1400, 4096, 16384};
static const struct {
    const char *name;
    enum lg_aead_alg alg;
} algs[] = {{"gcm128", LG_AEAD_AES_128_GCM},
            {"gcm256", LG_AEAD_AES_256_GCM},
            {"chacha", LG_AEAD_CHACHA20_POLY1305}};

struct engine {
    enum lg_aead_alg alg;
    uint32_t sz;
    char seal[40], open[40], bound_seal[40], bound_open[40];
};

static struct engine engines[LG_ARRAY_CNT(algs) * LG_ARRAY_CNT(sizes)];
static struct lg_tls_core *core;
static struct lg_bufpool *pool;
static struct lg_stats stats;

/* conn makes an open connection with fixed keys, the same in both directions. */
static struct lg_tls *conn(const struct engine *e)
{
    static struct lg_policy_pins pins;
    static struct lg_tls_policy nobody = {.worker_cnt = 1, .pins = &pins};
    struct lg_tls *t = lg_tls_new(core, &nobody);
    micro_require(t != NULL, "no TLS connection");
    t->step = LG_STEP_OPEN;
    t->rec.taken = true;
    t->rec.rx = (struct lg_keys){.form = LG_FORM_13, .secret_sz = 32, .aead = {.raw = {1}}};
    t->rec.rx.aead.alg = (uint8_t)e->alg;
    t->rec.tx = t->rec.rx;
    return t;
}

static void put_plain(struct lg_bufq *q, const struct engine *e)
{
    static const uint8_t data[16384];
    micro_require(lg_bufq_write(q, pool, data, e->sz, SEG) == e->sz, "no bufs");
}

static uint64_t seal(void *ctx, uint64_t cnt)
{
    const struct engine *e = ctx;
    struct lg_tls *t = conn(e);
    uint64_t cycles = 0;
    for (uint64_t done = 0; done < cnt;) {
        struct lg_bufq plain[BATCH] = {0}, out[BATCH] = {0};
        uint32_t n = (uint32_t)LG_MIN(cnt - done, (uint64_t)BATCH);
        for (uint32_t i = 0; i < n; i++)
            put_plain(&plain[i], e);
        t->rec.tx_run_sz = LG_REC_BULK_BYTES; /* one record each */
        uint64_t begin = micro_tsc();
        for (uint32_t i = 0; i < n; i++)
            micro_require(lg_is_ok(lg_tls_tx(t, &plain[i], UINT32_MAX, &out[i], SEG, 0)), "tx");
        cycles += micro_tsc() - begin;
        for (uint32_t i = 0; i < n; i++)
            lg_bufq_drop_all(&out[i]);
        done += n;
    }
    lg_tls_close(t);
    return cycles;
}

/* put_records makes n records for the connection, as a peer with its keys would. */
static void put_records(struct lg_tls *t, const struct engine *e, struct lg_bufq *in, uint32_t n)
{
    t->rec.tx.seq = t->rec.rx.seq;
    for (uint32_t i = 0; i < n; i++) {
        struct lg_bufq plain = {0};
        put_plain(&plain, e);
        t->rec.tx_run_sz = LG_REC_BULK_BYTES;
        micro_require(lg_is_ok(lg_tls_tx(t, &plain, UINT32_MAX, &in[i], SEG, 0)), "tx");
    }
}

static uint64_t open_(void *ctx, uint64_t cnt)
{
    const struct engine *e = ctx;
    struct lg_tls *t = conn(e);
    uint64_t cycles = 0;
    for (uint64_t done = 0; done < cnt;) {
        struct lg_bufq in[BATCH] = {0}, plain[BATCH] = {0}, out = {0};
        uint32_t n = (uint32_t)LG_MIN(cnt - done, (uint64_t)BATCH);
        put_records(t, e, in, n);
        uint64_t begin = micro_tsc();
        for (uint32_t i = 0; i < n; i++)
            micro_require(lg_is_ok(lg_tls_rx(t, &in[i], &plain[i], 1u << 20, &out, SEG, 0)), "rx");
        cycles += micro_tsc() - begin;
        for (uint32_t i = 0; i < n; i++) {
            micro_require(plain[i].bytes == e->sz, "a record did not come whole");
            lg_bufq_drop_all(&plain[i]);
        }
        done += n;
    }
    lg_tls_close(t);
    return cycles;
}

static void make_core(void)
{
    const struct lg_tls_core_cfg cfg = {.max_conns = 4, .max_handshakes = 1};
    pool = micro_pool(1024);
    void *mem = micro_alloc(lg_tls_core_footprint(&cfg));
    micro_require(lg_is_ok(lg_tls_core_init(mem, &cfg, pool, &stats, &core)), "no TLS core");
}

void micro_add_rec_mb(const struct micro_opts *o)
{
    (void)o;
    make_core();
    for (unsigned a = 0; a < LG_ARRAY_CNT(algs); a++)
        for (unsigned s = 0; s < LG_ARRAY_CNT(sizes); s++) {
            struct engine *e = &engines[a * LG_ARRAY_CNT(sizes) + s];
            const char *n = algs[a].name;
            *e = (struct engine){.alg = algs[a].alg, .sz = sizes[s]};
            snprintf(e->seal, sizeof e->seal, "engine-%s-seal-%u", n, e->sz);
            snprintf(e->open, sizeof e->open, "engine-%s-open-%u", n, e->sz);
            snprintf(e->bound_seal, sizeof e->bound_seal, "%s-seal-%u", n, e->sz);
            snprintf(e->bound_open, sizeof e->bound_open, "%s-open-%u", n, e->sz);
            micro_add("engine", e->seal, e->bound_seal, seal, e);
            micro_add("engine", e->open, e->bound_open, open_, e);
        }
}
