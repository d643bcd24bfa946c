/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kdf_hook_wolf.c: puts kdf_batch.c before wolfSSL's key schedule: the linker's --wrap
 * (meson.build) leads its calls here, and what the batch does not know goes on to wolfSSL's own
 * functions. Only workers have a batch, and only on a CPU that can. See docs/decisions/0051. */
#include "ifma.h"
#include "kdf_batch.h"
#include "wolf_priv.h"

#include <wolfssl/wolfcrypt/kdf.h>

int __real_wc_Tls13_HKDF_Expand_Label_ex(byte *okm, word32 okm_sz, const byte *prk, word32 prk_sz,
                                         const byte *protocol, word32 protocol_sz,
                                         const byte *label, word32 label_sz, const byte *info,
                                         word32 info_sz, int digest, void *heap, int dev);
int __wrap_wc_Tls13_HKDF_Expand_Label_ex(byte *okm, word32 okm_sz, const byte *prk, word32 prk_sz,
                                         const byte *protocol, word32 protocol_sz,
                                         const byte *label, word32 label_sz, const byte *info,
                                         word32 info_sz, int digest, void *heap, int dev);
int __real_wc_Tls13_HKDF_Extract_ex(byte *prk, const byte *salt, word32 salt_sz, byte *ikm,
                                    word32 ikm_sz, int digest, void *heap, int dev);
int __wrap_wc_Tls13_HKDF_Extract_ex(byte *prk, const byte *salt, word32 salt_sz, byte *ikm,
                                    word32 ikm_sz, int digest, void *heap, int dev);

static struct lg_kdf *batch(int digest)
{
    struct lg_tls_core *core = lg_wolf_core();
    return digest == WC_SHA384 && core && lg_cpu_has_ifma() ? &core->kdf : NULL;
}

int __wrap_wc_Tls13_HKDF_Expand_Label_ex(byte *okm, word32 okm_sz, const byte *prk, word32 prk_sz,
                                         const byte *protocol, word32 protocol_sz,
                                         const byte *label, word32 label_sz, const byte *info,
                                         word32 info_sz, int digest, void *heap, int dev)
{
    struct lg_kdf *k = batch(digest);
    if (k && prk_sz == LG_KDF_SZ && protocol_sz == 6 && memcmp(protocol, "tls13 ", 6) == 0 &&
        lg_kdf_expand(k, prk, lg_span(label, label_sz), lg_span(info, info_sz), okm, okm_sz))
        return 0;
    return __real_wc_Tls13_HKDF_Expand_Label_ex(okm, okm_sz, prk, prk_sz, protocol, protocol_sz,
                                                label, label_sz, info, info_sz, digest, heap, dev);
}

int __wrap_wc_Tls13_HKDF_Extract_ex(byte *prk, const byte *salt, word32 salt_sz, byte *ikm,
                                    word32 ikm_sz, int digest, void *heap, int dev)
{
    struct lg_kdf *k = batch(digest);
    if (k && ikm_sz == 0 && (!salt || salt_sz == LG_KDF_SZ)) {
        uint8_t out[LG_KDF_SZ];
        bool found = lg_kdf_extract_zeros(k, salt, out);
        if (found) {
            memset(ikm, 0, LG_KDF_SZ); /* as wolfSSL does; it may be prk */
            memcpy(prk, out, sizeof out);
        }
        lg_wipe(out, sizeof out);
        if (found)
            return 0;
    }
    return __real_wc_Tls13_HKDF_Extract_ex(prk, salt, salt_sz, ikm, ikm_sz, digest, heap, dev);
}
