/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kdf_wolf.c: HKDF-Expand-Label (RFC 8446 7.1) through wolfSSL. */
#include "keys.h"
#include "wolf_priv.h"

#include <wolfssl/wolfcrypt/kdf.h>
#include <wolfssl/wolfcrypt/sha256.h>
#include <wolfssl/wolfcrypt/sha512.h>

lg_err_t lg_kdf_expand_label(const uint8_t *secret, uint32_t secret_sz, const char *label,
                             uint8_t *out, uint32_t out_sz)
{
    static const uint8_t protocol[6] = "tls13 ";
    int hash = secret_sz == WC_SHA384_DIGEST_SIZE ? WC_SHA384 : WC_SHA256;
    int ret = wc_Tls13_HKDF_Expand_Label(out, out_sz, secret, secret_sz, protocol, sizeof protocol,
                                         (const byte *)label, (word32)strlen(label), NULL, 0, hash);
    return ret == 0 ? LG_OK : LG_E(BUG);
}
