/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The AEADs against published vectors and OpenSSL, with every instruction set the library has. */
#include "aead.h"
#include "t.h"
#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>

enum { SLOTS = 4, MAX = 20000 };

static const enum lg_aead_arch archs[] = {LG_AEAD_SSE, LG_AEAD_AVX2, LG_AEAD_AVX512, LG_AEAD_AUTO};

/* engine makes one in *mem; NULL: the processor lacks the instructions. */
static struct lg_aead *engine(enum lg_aead_arch arch, uint32_t slots, void **mem)
{
    struct lg_aead *a = NULL;
    size_t sz = lg_align_up(lg_aead_footprint(slots), 64);
    *mem = aligned_alloc(64, sz);
    memset(*mem, 0, sz);
    return lg_is_ok(lg_aead_init(*mem, slots, arch, &a)) ? a : NULL;
}

static uint32_t unhex(const char *s, uint8_t *out)
{
    uint32_t n = 0;
    for (; *s; s += 2, n++) {
        unsigned v;
        sscanf(s, "%2x", &v);
        out[n] = (uint8_t)v;
    }
    return n;
}

/* cut splits len bytes into pieces of pseudo-random sizes; seed 0: one piece. */
static uint32_t cut(struct lg_aead_piece *p, const uint8_t *src, uint8_t *dst, uint32_t len,
                    uint32_t seed)
{
    uint32_t cnt = 0;
    for (uint32_t off = 0; off < len; cnt++) {
        seed = seed * 1103515245 + 12345;
        uint32_t n = seed == 12345 ? len : 1 + (seed >> 8) % (len / 3 + 2);
        n = LG_MIN(n, len - off);
        p[cnt] = (struct lg_aead_piece){src + off, dst + off, n};
        off += n;
    }
    return cnt;
}

static const struct {
    enum lg_aead_alg alg;
    int id;
    bool valid;
    const char *key, *nonce, *aad, *msg, *ct, *tag;
} vectors[] = {
#define X(alg, id, valid, key, nonce, aad, msg, ct, tag)                                           \
    {LG_AEAD_##alg, id, valid, key, nonce, aad, msg, ct, tag},
#include "wycheproof_aead.def"
#undef X
};

/* check_vector holds one vector against the engine, cut by seed. */
static void check_vector(struct lg_aead *a, size_t i, uint32_t seed)
{
    struct lg_aead_key k = {.alg = (uint8_t)vectors[i].alg};
    struct lg_aead_piece piece[2048];
    struct lg_aead_msg m = {.piece = piece};
    static uint8_t msg[1024], ct[1024], out[1024];
    uint8_t want[16], tag[16];

    unhex(vectors[i].key, k.raw);
    unhex(vectors[i].nonce, m.nonce);
    m.aad_sz = unhex(vectors[i].aad, m.aad);
    uint32_t len = unhex(vectors[i].msg, msg);
    REQUIRE_EQ(unhex(vectors[i].ct, ct), len);
    unhex(vectors[i].tag, want);
    m.piece_cnt = cut(piece, ct, out, len, seed);
    lg_aead_open(a, &k, &m, tag);
    EXPECT_EQ(lg_tag_eq(tag, want), vectors[i].valid);
    if (vectors[i].valid) {
        EXPECT_MEM(out, msg, len);
        m.piece_cnt = cut(piece, msg, out, len, seed);
        lg_aead_seal(a, &k, &m, tag);
        EXPECT_MEM(out, ct, len);
        EXPECT_MEM(tag, want, 16);
    }
    lg_aead_forget(a, &k);
    if (t_failed())
        t_fail(__FILE__, __LINE__, "algorithm %d vector %d seed %u", vectors[i].alg, vectors[i].id,
               seed);
}

TEST(Aead, HoldsTheVectorsOfWycheproofWithEveryInstructionSet)
{
    uint32_t archs_run = 0;
    for (size_t arch = 0; arch < LG_ARRAY_CNT(archs); arch++) {
        void *mem;
        struct lg_aead *a = engine(archs[arch], SLOTS, &mem);
        for (size_t i = 0; a && i < LG_ARRAY_CNT(vectors) && !t_failed(); i++)
            for (uint32_t seed = 0; seed < 3; seed++)
                check_vector(a, i, seed);
        archs_run += a != NULL;
        free(mem);
        if (t_failed())
            t_fail(__FILE__, __LINE__, "instruction set %d", archs[arch]);
        T_STOP_IF_FAILED();
    }
    EXPECT(archs_run >= 3); /* SSE and AVX2 are in every processor we support */
}

static void openssl_seal(enum lg_aead_alg alg, const uint8_t *key, const struct lg_aead_msg *m,
                         const uint8_t *src, uint32_t len, uint8_t *dst, uint8_t *tag)
{
    const EVP_CIPHER *const cipher[LG_AEAD_CNT] = {EVP_aes_128_gcm(), EVP_aes_256_gcm(),
                                                   EVP_chacha20_poly1305()};
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n;
    EVP_EncryptInit_ex(c, cipher[alg], NULL, key, m->nonce);
    EVP_EncryptUpdate(c, NULL, &n, m->aad, (int)m->aad_sz);
    EVP_EncryptUpdate(c, dst, &n, src, (int)len);
    EVP_EncryptFinal_ex(c, dst + n, &n);
    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, tag);
    EVP_CIPHER_CTX_free(c);
}

/* against_openssl: one message of len bytes, whole and cut, elsewhere and in place. */
static void against_openssl(struct lg_aead *a, struct lg_aead_key *k, uint32_t len, uint32_t seed)
{
    static uint8_t src[MAX], want[MAX], dst[MAX];
    static struct lg_aead_piece piece[MAX];
    struct lg_aead_msg m = {.piece = piece, .aad_sz = seed & 1 ? 5 : 13};
    uint8_t tag[16], want_tag[16];

    for (uint32_t i = 0; i < len; i++)
        src[i] = (uint8_t)(i * seed >> 3);
    for (uint32_t i = 0; i < 12; i++)
        m.nonce[i] = (uint8_t)(seed + i);
    openssl_seal((enum lg_aead_alg)k->alg, k->raw, &m, src, len, want, want_tag);
    m.piece_cnt = cut(piece, src, dst, len, seed % 3);
    lg_aead_seal(a, k, &m, tag);
    EXPECT_MEM(dst, want, len);
    EXPECT_MEM(tag, want_tag, 16);
    m.piece_cnt = cut(piece, dst, dst, len, seed % 5);
    lg_aead_open(a, k, &m, tag);
    EXPECT_MEM(dst, src, len);
    EXPECT_MEM(tag, want_tag, 16);
}

TEST(Aead, AgreesWithOpensslOnRandomSizesAndCuts)
{
    for (size_t arch = 0; arch < LG_ARRAY_CNT(archs); arch++) {
        void *mem;
        struct lg_aead *a = engine(archs[arch], SLOTS, &mem);
        uint32_t seed = 7;
        for (uint8_t alg = 0; a && alg < LG_AEAD_CNT; alg++) {
            struct lg_aead_key k = {.alg = alg, .raw = {alg, 1, 2, 3}};
            for (uint32_t i = 0; i < 400 && !t_failed(); i++) {
                seed = seed * 1103515245 + 12345;
                against_openssl(a, &k, i < 100 ? i : (seed >> 8) % 16385, seed >> 4);
            }
            lg_aead_forget(a, &k);
        }
        free(mem);
        T_STOP_IF_FAILED();
    }
}

TEST(Aead, KeysAreExpandedOnceWhileThereIsRoomAndNeverMixedUpWhenThereIsNone)
{
    enum { KEYS = 3 * SLOTS };
    void *mem;
    struct lg_aead *a = engine(LG_AEAD_AUTO, SLOTS, &mem);
    struct lg_aead_key k[KEYS] = {0};
    REQUIRE(a);
    for (uint8_t i = 0; i < KEYS; i++) {
        k[i].alg = i & 1 ? LG_AEAD_AES_128_GCM : LG_AEAD_AES_256_GCM;
        k[i].raw[5] = i;
    }
    for (uint32_t round = 0; round < 10; round++)
        for (uint32_t i = 0; i < SLOTS; i++)
            against_openssl(a, &k[i], 40, round);
    EXPECT_EQ(lg_aead_expanded(a), SLOTS);
    EXPECT_EQ(lg_aead_slots_used(a), SLOTS);
    for (uint32_t round = 0; round < 200; round++)
        against_openssl(a, &k[round * 7 % KEYS], 40, round);
    EXPECT(lg_aead_expanded(a) > 3 * SLOTS);
    EXPECT_EQ(lg_aead_slots_used(a), SLOTS);
    for (uint32_t i = 0; i < KEYS; i++)
        lg_aead_forget(a, &k[i]);
    EXPECT_EQ(lg_aead_slots_used(a), 0);
    free(mem);
}

TEST(Aead, AForgottenKeyLeavesNothingOfItsExpansion)
{
    void *mem;
    struct lg_aead *a = engine(LG_AEAD_AUTO, 1, &mem);
    struct lg_aead_key k = {.alg = LG_AEAD_AES_128_GCM, .raw = "sixteen byte key"};
    REQUIRE(a);
    against_openssl(a, &k, 100, 3);
    size_t sz = lg_aead_footprint(1);
    /* The first round key of AES is the key. */
    EXPECT(memmem(mem, sz, k.raw, 16) != NULL);
    lg_aead_forget(a, &k);
    EXPECT(memmem(mem, sz, k.raw, 16) == NULL);
    free(mem);
}

TEST(Aead, AChangedBitAnywhereMakesAnotherTag)
{
    void *mem;
    struct lg_aead *a = engine(LG_AEAD_AUTO, SLOTS, &mem);
    REQUIRE(a);
    for (uint8_t alg = 0; alg < LG_AEAD_CNT; alg++) {
        struct lg_aead_key k = {.alg = alg};
        uint8_t msg[90] = {0}, out[90], right[16], tag[16];
        struct lg_aead_piece piece = {msg, out, sizeof msg};
        struct lg_aead_msg m = {.piece = &piece, .piece_cnt = 1, .aad_sz = 5};
        lg_aead_open(a, &k, &m, right);
        for (uint32_t bit = 0; bit < 8 * (sizeof msg + 5); bit++) {
            uint8_t *at = bit < 40 ? &m.aad[bit / 8] : &msg[bit / 8 - 5];
            *at = (uint8_t)(*at ^ 1 << bit % 8);
            lg_aead_open(a, &k, &m, tag);
            EXPECT(!lg_tag_eq(tag, right));
            *at = (uint8_t)(*at ^ 1 << bit % 8);
        }
        lg_aead_forget(a, &k);
    }
    for (uint32_t bit = 0; bit < 128; bit++) {
        uint8_t x[16] = {0}, y[16] = {0};
        EXPECT(lg_tag_eq(x, y));
        y[bit / 8] = (uint8_t)(1 << bit % 8);
        EXPECT(!lg_tag_eq(x, y));
    }
    free(mem);
}
