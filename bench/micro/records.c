/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* records.c: AEAD of TLS records as ipsec-mb does it, called directly, on memory that is in the
 * cache: the least a record can cost. */
#include "micro.h"

#include <intel-ipsec-mb.h>
#include <stdio.h>

static IMB_MGR *mgr;
static struct gcm_key_data key128, key256;
static uint8_t buf[16384 + 64], iv[12], aad[5], tag[16];

struct rec {
    uint32_t sz;
    aes_gcm_enc_dec_t gcm; /* of AES-GCM: size of key, direction */
    const struct gcm_key_data *key;
    char name[32];
};

static const uint32_t sizes[] = {64, 256, 1024, 1400, 4096, 16384};
static struct rec recs[6][LG_ARRAY_CNT(sizes)];

static uint64_t gcm(void *ctx, uint64_t cnt)
{
    const struct rec *r = ctx;
    struct gcm_context_data c;
    uint64_t begin = micro_tsc();
    for (uint64_t i = 0; i < cnt; i++)
        r->gcm(r->key, &c, buf, buf, r->sz, iv, aad, sizeof aad, tag, 16);
    return micro_tsc() - begin;
}

static uint64_t chacha_open(void *ctx, uint64_t cnt)
{
    const struct rec *r = ctx;
    struct chacha20_poly1305_context_data c;
    static const uint8_t key[32];
    uint64_t begin = micro_tsc();
    for (uint64_t i = 0; i < cnt; i++) {
        IMB_CHACHA20_POLY1305_INIT(mgr, key, &c, iv, aad, sizeof aad);
        IMB_CHACHA20_POLY1305_DEC_UPDATE(mgr, key, &c, buf, buf, r->sz);
        IMB_CHACHA20_POLY1305_DEC_FINALIZE(mgr, &c, tag, 16);
    }
    return micro_tsc() - begin;
}

static uint64_t chacha_seal(void *ctx, uint64_t cnt)
{
    const struct rec *r = ctx;
    struct chacha20_poly1305_context_data c;
    static const uint8_t key[32];
    uint64_t begin = micro_tsc();
    for (uint64_t i = 0; i < cnt; i++) {
        IMB_CHACHA20_POLY1305_INIT(mgr, key, &c, iv, aad, sizeof aad);
        IMB_CHACHA20_POLY1305_ENC_UPDATE(mgr, key, &c, buf, buf, r->sz);
        IMB_CHACHA20_POLY1305_ENC_FINALIZE(mgr, &c, tag, 16);
    }
    return micro_tsc() - begin;
}

void micro_add_records(const struct micro_opts *o)
{
    IMB_ARCH arch;
    static const uint8_t raw[32];

    (void)o;
    mgr = alloc_mb_mgr(0);
    micro_require(mgr != NULL, "ipsec-mb: no manager");
    init_mb_mgr_auto(mgr, &arch);
    IMB_AES128_GCM_PRE(mgr, raw, &key128);
    IMB_AES256_GCM_PRE(mgr, raw, &key256);
    const struct {
        const char *name;
        micro_fn run;
        aes_gcm_enc_dec_t gcm;
        const struct gcm_key_data *key;
    } kinds[] = {{"gcm256-seal", gcm, mgr->gcm256_enc, &key256},
                 {"gcm256-open", gcm, mgr->gcm256_dec, &key256},
                 {"gcm128-seal", gcm, mgr->gcm128_enc, &key128},
                 {"gcm128-open", gcm, mgr->gcm128_dec, &key128},
                 {"chacha-seal", chacha_seal, NULL, NULL},
                 {"chacha-open", chacha_open, NULL, NULL}};
    for (unsigned i = 0; i < LG_ARRAY_CNT(kinds); i++) {
        for (unsigned j = 0; j < LG_ARRAY_CNT(sizes); j++) {
            struct rec *r = &recs[i][j];
            r->sz = sizes[j];
            r->gcm = kinds[i].gcm;
            r->key = kinds[i].key;
            snprintf(r->name, sizeof r->name, "%s-%u", kinds[i].name, r->sz);
            micro_add("primitive", r->name, NULL, kinds[i].run, r);
        }
    }
}
