/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rec_mb.c: aead.h over Intel ipsec-mb, and nothing else. The library is called directly, record by
 * record: its AES-GCM and ChaCha20-Poly1305 work on one buffer at a time, so collecting records of
 * several connections would gain no lanes (docs/decisions/0010). */
#include "aead.h"

#include "rng.h"

#include <string.h>

#include <intel-ipsec-mb.h>

struct slot {
    struct gcm_key_data key;
    alignas(64) struct lg_aead_key *owner; /* borrows: until forgotten; NULL: free */
    bool used;                             /* since the clock's hand last passed */
};

struct lg_aead {
    IMB_MGR *mgr; /* in the memory given, behind the slots */
    struct slot *slot;
    uint32_t slot_cnt;
    uint32_t slots_used;
    uint32_t hand;
    uint64_t expanded;
    struct gcm_context_data gcm;
    alignas(64) uint8_t flat[LG_AEAD_MAX_SZ]; /* ChaCha20-Poly1305: pieces put together */
};

static size_t slots_sz(uint32_t slot_cnt)
{
    return slot_cnt * sizeof(struct slot);
}

size_t lg_aead_footprint(uint32_t slot_cnt)
{
    return lg_align_up(sizeof(struct lg_aead), 64) + slots_sz(slot_cnt) +
           lg_align_up(imb_get_mb_mgr_size(), 64);
}

static void init_mgr(IMB_MGR *mgr, enum lg_aead_arch arch)
{
    switch (arch) {
    case LG_AEAD_SSE:
        init_mb_mgr_sse(mgr);
        break;
    case LG_AEAD_AVX2:
        init_mb_mgr_avx2(mgr);
        break;
    case LG_AEAD_AVX512:
        init_mb_mgr_avx512(mgr);
        break;
    case LG_AEAD_AUTO:
        init_mb_mgr_auto(mgr, NULL);
        break;
    }
}

lg_err_t lg_aead_init(void *mem, uint32_t slot_cnt, enum lg_aead_arch arch, struct lg_aead **out)
{
    struct lg_aead *a = mem;
    uint8_t *p = (uint8_t *)mem + lg_align_up(sizeof *a, 64);

    LG_CHECK(slot_cnt > 0, LG_E(RANGE));
    a->slot = (struct slot *)(void *)p;
    a->slot_cnt = slot_cnt;
    a->mgr = imb_set_pointers_mb_mgr(p + slots_sz(slot_cnt), 0, 1);
    LG_CHECK(a->mgr, LG_E(SYS));
    init_mgr(a->mgr, arch);
    /* Without AES instructions the library falls back to tables, whose timing tells the key. */
    LG_CHECK(imb_get_errno(a->mgr) == 0 && a->mgr->used_arch >= IMB_ARCH_SSE &&
                 (a->mgr->features & IMB_FEATURE_AESNI) &&
                 (a->mgr->features & IMB_FEATURE_SELF_TEST_PASS),
             LG_E(SYS));
    *out = a;
    return LG_OK;
}

void lg_aead_fini(struct lg_aead *a)
{
    lg_wipe(a->slot, slots_sz(a->slot_cnt));
    lg_wipe(&a->gcm, sizeof a->gcm);
    lg_wipe(a->flat, sizeof a->flat);
    a->slots_used = 0;
}

uint64_t lg_aead_expanded(const struct lg_aead *a)
{
    return a->expanded;
}

uint32_t lg_aead_slots_used(const struct lg_aead *a)
{
    return a->slots_used;
}

void lg_aead_forget(struct lg_aead *a, struct lg_aead_key *k)
{
    struct slot *s = &a->slot[k->slot < a->slot_cnt ? k->slot : 0];
    if (s->owner != k)
        return;
    lg_wipe(s, sizeof *s);
    a->slots_used--;
}

/* expand puts k into the first slot, from the hand on, that is free or was not used of late. */
static struct slot *expand(struct lg_aead *a, struct lg_aead_key *k)
{
    struct slot *s;
    for (;;) {
        s = &a->slot[a->hand];
        k->slot = a->hand;
        a->hand = a->hand + 1 < a->slot_cnt ? a->hand + 1 : 0;
        if (!s->owner || !s->used)
            break;
        s->used = false;
    }
    if (s->owner)
        lg_wipe(&s->key, sizeof s->key);
    else
        a->slots_used++;
    s->owner = k;
    a->expanded++;
    if (k->alg == LG_AEAD_AES_128_GCM)
        IMB_AES128_GCM_PRE(a->mgr, k->raw, &s->key);
    else
        IMB_AES256_GCM_PRE(a->mgr, k->raw, &s->key);
    return s;
}

static const struct gcm_key_data *expanded(struct lg_aead *a, struct lg_aead_key *k)
{
    struct slot *s = &a->slot[k->slot < a->slot_cnt ? k->slot : 0];
    if (LG_UNLIKELY(s->owner != k))
        s = expand(a, k);
    s->used = true;
    return &s->key;
}

/* The functions of one AES key size and direction. */
struct gcm_ops {
    aes_gcm_enc_dec_t whole;
    aes_gcm_init_t init;
    aes_gcm_enc_dec_update_t update;
    aes_gcm_enc_dec_finalize_t finalize;
};

static void gcm(struct lg_aead *a, const struct gcm_key_data *key, const struct lg_aead_msg *m,
                uint8_t *tag, const struct gcm_ops *o)
{
    if (LG_LIKELY(m->piece_cnt == 1)) {
        o->whole(key, &a->gcm, m->piece[0].dst, m->piece[0].src, m->piece[0].len, m->nonce, m->aad,
                 m->aad_sz, tag, LG_AEAD_TAG_SZ);
        return;
    }
    o->init(key, &a->gcm, m->nonce, m->aad, m->aad_sz);
    for (uint32_t i = 0; i < m->piece_cnt; i++)
        o->update(key, &a->gcm, m->piece[i].dst, m->piece[i].src, m->piece[i].len);
    o->finalize(key, &a->gcm, tag, LG_AEAD_TAG_SZ);
}

static void chacha_job(struct lg_aead *a, const struct lg_aead_key *k, const struct lg_aead_msg *m,
                       const struct lg_aead_piece *p, uint8_t *tag, IMB_CIPHER_DIRECTION dir)
{
    IMB_JOB *j = IMB_GET_NEXT_JOB(a->mgr);
    j->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
    j->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
    j->cipher_direction = dir;
    j->chain_order = dir == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
    j->enc_keys = j->dec_keys = k->raw;
    j->key_len_in_bytes = 32;
    j->iv = m->nonce;
    j->iv_len_in_bytes = LG_AEAD_NONCE_SZ;
    j->u.CHACHA20_POLY1305.aad = m->aad;
    j->u.CHACHA20_POLY1305.aad_len_in_bytes = m->aad_sz;
    j->src = p->src;
    j->dst = p->dst;
    j->cipher_start_src_offset_in_bytes = j->hash_start_src_offset_in_bytes = 0;
    j->msg_len_to_cipher_in_bytes = j->msg_len_to_hash_in_bytes = p->len;
    j->auth_tag_output = tag;
    j->auth_tag_output_len_in_bytes = LG_AEAD_TAG_SZ;
    /* Done when submit returns: this cipher never waits for others. */
    (void)IMB_SUBMIT_JOB_NOCHECK(a->mgr);
}

/* chacha_pieces puts the pieces together and apart again. The library takes pieces, too, but each
 * costs about 80 ns more than its bytes, and a copy of its bytes half of that. */
static void chacha_pieces(struct lg_aead *a, const struct lg_aead_key *k,
                          const struct lg_aead_msg *m, uint8_t *tag, IMB_CIPHER_DIRECTION dir)
{
    struct lg_aead_piece whole = {a->flat, a->flat, 0};
    for (uint32_t i = 0; i < m->piece_cnt; whole.len += m->piece[i++].len)
        memcpy(a->flat + whole.len, m->piece[i].src, m->piece[i].len);
    chacha_job(a, k, m, &whole, tag, dir);
    const uint8_t *from = a->flat;
    for (uint32_t i = 0; i < m->piece_cnt; from += m->piece[i++].len)
        memcpy(m->piece[i].dst, from, m->piece[i].len);
    if (dir == IMB_DIR_DECRYPT) /* nobody has looked at the tag yet */
        lg_wipe(a->flat, whole.len);
}

static void chacha(struct lg_aead *a, const struct lg_aead_key *k, const struct lg_aead_msg *m,
                   uint8_t *tag, IMB_CIPHER_DIRECTION dir)
{
    if (m->piece_cnt == 1)
        chacha_job(a, k, m, &m->piece[0], tag, dir);
    else
        chacha_pieces(a, k, m, tag, dir);
}

void lg_aead_seal(struct lg_aead *a, struct lg_aead_key *k, const struct lg_aead_msg *m,
                  uint8_t tag[LG_AEAD_TAG_SZ])
{
    const IMB_MGR *g = a->mgr;
    if (k->alg == LG_AEAD_CHACHA20_POLY1305) {
        chacha(a, k, m, tag, IMB_DIR_ENCRYPT);
        return;
    }
    struct gcm_ops o128 = {g->gcm128_enc, g->gcm128_init, g->gcm128_enc_update,
                           g->gcm128_enc_finalize};
    struct gcm_ops o256 = {g->gcm256_enc, g->gcm256_init, g->gcm256_enc_update,
                           g->gcm256_enc_finalize};
    gcm(a, expanded(a, k), m, tag, k->alg == LG_AEAD_AES_128_GCM ? &o128 : &o256);
}

void lg_aead_open(struct lg_aead *a, struct lg_aead_key *k, const struct lg_aead_msg *m,
                  uint8_t tag[LG_AEAD_TAG_SZ])
{
    const IMB_MGR *g = a->mgr;
    if (k->alg == LG_AEAD_CHACHA20_POLY1305) {
        chacha(a, k, m, tag, IMB_DIR_DECRYPT);
        return;
    }
    struct gcm_ops o128 = {g->gcm128_dec, g->gcm128_init, g->gcm128_dec_update,
                           g->gcm128_dec_finalize};
    struct gcm_ops o256 = {g->gcm256_dec, g->gcm256_init, g->gcm256_dec_update,
                           g->gcm256_dec_finalize};
    gcm(a, expanded(a, k), m, tag, k->alg == LG_AEAD_AES_128_GCM ? &o128 : &o256);
}
