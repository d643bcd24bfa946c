/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The key schedule in batches against wolfSSL's, one derivation at a time. */
#include "ifma.h"
#include "kdf_batch.h"
#include "rig.h"
#include "sha512_lanes.h"
#include "t.h"
#include "wolf_priv.h"

#include <openssl/evp.h>
#include <wolfssl/wolfcrypt/kdf.h>

/* wolfSSL's own: these call each other inside the library, behind the linker's replacement. */
static bool wolf_expand(const uint8_t *secret, const char *label, lg_span_t context, uint8_t *out,
                        uint32_t out_sz)
{
    return wc_Tls13_HKDF_Expand_Label(out, out_sz, secret, LG_KDF_SZ, (const byte *)"tls13 ", 6,
                                      (const byte *)label, (word32)strlen(label), context.p,
                                      (word32)context.len, WC_SHA384) == 0;
}

static void fill(uint8_t *p, size_t sz)
{
    for (size_t i = 0; i < sz; i++)
        p[i] = (uint8_t)random();
}

/* expect: what the batch says is what wolfSSL says. */
static void expect(struct lg_kdf *k, const uint8_t *secret, const char *label, lg_span_t context,
                   uint32_t out_sz, uint8_t *out)
{
    uint8_t want[LG_KDF_SZ];
    memset(out, 0, LG_KDF_SZ);
    if (!lg_kdf_expand(k, secret, lg_span_cstr(label), context, out, out_sz))
        t_fail(__FILE__, __LINE__, "no answer: %s", label);
    EXPECT(wolf_expand(secret, label, context, want, out_sz));
    EXPECT_MEM(out, want, out_sz);
}

static bool is_asked_elsewhere(struct lg_kdf *k, const uint8_t *secret, const char *label,
                               lg_span_t context, uint32_t out_sz)
{
    uint8_t out[64];
    return !lg_kdf_expand(k, secret, lg_span_cstr(label), context, out, out_sz);
}

static const lg_span_t none = {(const uint8_t *)"", 0};

static void keys_of(struct lg_kdf *k, const uint8_t *secret)
{
    uint8_t out[LG_KDF_SZ];
    expect(k, secret, "iv", none, 12, out);
    expect(k, secret, "key", none, 32, out);
}

TEST(Kdf, AWholeScheduleIsWolfSslsBitForBit)
{
    struct lg_kdf k = {0};
    uint8_t empty[LG_KDF_SZ], early[LG_KDF_SZ], hs[LG_KDF_SZ], master[LG_KDF_SZ], c[LG_KDF_SZ],
        s[LG_KDF_SZ], derived[LG_KDF_SZ], out[LG_KDF_SZ], zeros[LG_KDF_SZ] = {0},
                                                          context[LG_KDF_SZ];
    if (!lg_cpu_has_ifma())
        T_SKIP("no AVX-512 IFMA here");
    REQUIRE(EVP_Digest("", 0, empty, NULL, EVP_sha384(), NULL) == 1);

    /* The constants of every handshake without a pre-shared key. */
    REQUIRE(lg_kdf_extract_zeros(&k, NULL, early));
    REQUIRE(wc_Tls13_HKDF_Extract(out, NULL, 0, zeros, 0, WC_SHA384) == 0);
    EXPECT_MEM(early, out, LG_KDF_SZ);
    expect(&k, early, "derived", lg_span(empty, LG_KDF_SZ), LG_KDF_SZ, derived);

    for (int i = 0; i < 300 && !t_failed(); i++) {
        fill(hs, sizeof hs);
        fill(context, sizeof context);
        lg_span_t h = lg_span(context, sizeof context);
        expect(&k, hs, i % 2 ? "s hs traffic" : "c hs traffic", h, LG_KDF_SZ, i % 2 ? s : c);
        expect(&k, hs, i % 2 ? "c hs traffic" : "s hs traffic", h, LG_KDF_SZ, i % 2 ? c : s);
        keys_of(&k, c);
        keys_of(&k, s);
        expect(&k, c, "finished", none, LG_KDF_SZ, out);
        expect(&k, s, "finished", none, LG_KDF_SZ, out);
        expect(&k, hs, "derived", lg_span(empty, LG_KDF_SZ), LG_KDF_SZ, derived);
        REQUIRE(lg_kdf_extract_zeros(&k, derived, master));
        REQUIRE(wc_Tls13_HKDF_Extract(out, derived, LG_KDF_SZ, zeros, 0, WC_SHA384) == 0);
        EXPECT_MEM(master, out, LG_KDF_SZ);

        fill(context, sizeof context);
        expect(&k, master, "c ap traffic", h, LG_KDF_SZ, c);
        keys_of(&k, c);
        expect(&k, master, "s ap traffic", h, LG_KDF_SZ, s);
        keys_of(&k, s);
    }
    lg_kdf_forget(&k);
}

TEST(Kdf, AnswersAreForExactlyWhatWasAsked)
{
    struct lg_kdf k = {0};
    uint8_t hs[LG_KDF_SZ], c[LG_KDF_SZ], context[LG_KDF_SZ], out[LG_KDF_SZ];
    if (!lg_cpu_has_ifma())
        T_SKIP("no AVX-512 IFMA here");
    fill(hs, sizeof hs);
    fill(context, sizeof context);
    lg_span_t h = lg_span(context, sizeof context);
    expect(&k, hs, "c hs traffic", h, LG_KDF_SZ, c);
    /* Another context under the same secret is another question. */
    context[47] ^= 1;
    expect(&k, hs, "c hs traffic", h, LG_KDF_SZ, out);
    EXPECT(memcmp(out, c, LG_KDF_SZ) != 0);
    EXPECT(is_asked_elsewhere(&k, c, "key", none, 32)); /* of the batch before */
    EXPECT(is_asked_elsewhere(&k, out, "key", none, 16));
    EXPECT(is_asked_elsewhere(&k, out, "key", h, 32));
    EXPECT(is_asked_elsewhere(&k, out, "ke", none, 32));
    EXPECT(is_asked_elsewhere(&k, out, "traffic upd", none, LG_KDF_SZ));
    EXPECT(is_asked_elsewhere(&k, hs, "derived", h, LG_KDF_SZ));
    EXPECT(is_asked_elsewhere(&k, hs, "res master", h, LG_KDF_SZ));
    EXPECT(is_asked_elsewhere(&k, hs, "c hs traffic", lg_span(context, 32), LG_KDF_SZ));
    EXPECT(!lg_kdf_extract_zeros(&k, c, out));
    /* The secret may be overwritten by what is derived of it. */
    uint8_t want[LG_KDF_SZ];
    EXPECT(wolf_expand(hs, "s ap traffic", h, want, LG_KDF_SZ));
    EXPECT(lg_kdf_expand(&k, hs, lg_span_cstr("s ap traffic"), h, hs, LG_KDF_SZ));
    EXPECT_MEM(hs, want, LG_KDF_SZ);
    lg_kdf_forget(&k);
}

TEST(Kdf, NothingStaysBehindAHandshakeStep)
{
    static const uint8_t zeros[sizeof(struct lg_kdf)];
    struct rig r;
    rig_init(&r, "ecdsa");
    rig_all(&r, TLS1_3_VERSION, NULL, NULL);
    EXPECT(rig_is_open(&r));
    EXPECT_STR(lg_tls_get_info(r.t)->suite, "TLS_AES_256_GCM_SHA384");
    EXPECT_MEM(&r.core->kdf, zeros, sizeof zeros);
    rig_fini(&r);
}
