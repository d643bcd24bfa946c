/* SPDX-License-Identifier: GPL-2.0-or-later */
/* staple_wolf.c: puts the stapled OCSP answer into wolfSSL's handshake. wolfSSL's own way to a
 * staple parses our certificate in each handshake, takes the lock of a certificate manager, and
 * asks the network from where we stand. So it is left switched off, and the linker's --wrap
 * (meson.build) leads three of its calls here, where the ready bytes are put in:
 *
 *   TLS 1.3   the answer is an extension of our certificate's entry
 *   TLS 1.2   an empty extension in ServerHello, then the message CertificateStatus
 *
 * Only for a server's handshake at work on this worker's core, and for a client that asked.
 * docs/decisions/0069. RFC 6066 8, 8446 4.4.2.1 */
#include "staple.h"
#include "wolf_priv.h"

#include <time.h>

enum { HS_SERVER_HELLO = 2, HS_CERTIFICATE = 11, HS_CERTIFICATE_STATUS = 22 };
enum { EXT_STATUS_REQUEST = 5, STATUS_OCSP = 1 };
#define LIST_SZ 2u   /* length of all extensions */
#define EXT_SZ 4u    /* type and length */
#define STATUS_SZ 4u /* type of status, length of the answer */

int __real_TLSX_GetResponseSize(WOLFSSL *ssl, byte msg, word16 *sz);
int __wrap_TLSX_GetResponseSize(WOLFSSL *ssl, byte msg, word16 *sz);
int __real_TLSX_WriteResponse(WOLFSSL *ssl, byte *out, byte msg, word16 *off);
int __wrap_TLSX_WriteResponse(WOLFSSL *ssl, byte *out, byte msg, word16 *off);
int __real_SendCertificateStatus(WOLFSSL *ssl);
int __wrap_SendCertificateStatus(WOLFSSL *ssl);

/* asking: the connection at work, when its client wants a staple; NULL otherwise. */
static struct lg_tls *asking(const WOLFSSL *ssl)
{
    struct lg_tls_core *core = lg_wolf_core();
    struct lg_tls *t = core ? core->at_work : NULL;
    return t && t->ssl == ssl && t->wants_staple ? t : NULL;
}

static const struct lg_staple *find(const struct lg_tls *t)
{
    return lg_staple_get(t->policy->certs[t->cert_idx].staple, (int64_t)time(NULL)); /* vDSO */
}

static void put_be24(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 16);
    lg_put_be16(p + 1, (uint16_t)v);
}

int __wrap_TLSX_GetResponseSize(WOLFSSL *ssl, byte msg, word16 *sz)
{
    word16 before = *sz;
    int ret = __real_TLSX_GetResponseSize(ssl, msg, sz);
    struct lg_tls *t = asking(ssl);
    if (ret != 0 || !t)
        return ret;
    if (msg == HS_CERTIFICATE) {
        /* Asked again when a flight is sent in pieces: the answer is in wolfSSL's hands then, and
         * of the size it had. */
        const struct lg_staple *one = t->core->staple = t->staple_sz ? NULL : find(t);
        if (one)
            t->staple_sz = (uint16_t)one->sz;
        else if (t->staple_sz == 0)
            lg_stat_inc(t->core->stats, LG_STAT_TLS_STAPLE_MISSING);
        if (t->staple_sz)
            *sz = (word16)(*sz + EXT_SZ + STATUS_SZ + t->staple_sz);
    } else if (msg == HS_SERVER_HELLO && wolfSSL_version(ssl) == TLS1_2_VERSION) {
        t->has_status = !wolfSSL_session_reused(ssl) && *sz > before && find(t) != NULL;
        if (t->has_status)
            *sz = (word16)(*sz + EXT_SZ);
        else if (!wolfSSL_session_reused(ssl))
            lg_stat_inc(t->core->stats, LG_STAT_TLS_STAPLE_MISSING);
    }
    return ret;
}

/* put_ext writes the head of an extension behind those that are there, and counts it. */
static uint8_t *put_ext(uint8_t *list, uint32_t sz)
{
    uint32_t have = lg_get_be16(list);
    uint8_t *p = list + LIST_SZ + have;
    lg_put_be16(list, (uint16_t)(have + EXT_SZ + sz));
    lg_put_be16(p, EXT_STATUS_REQUEST);
    lg_put_be16(p + 2, (uint16_t)sz);
    return p + EXT_SZ;
}

int __wrap_TLSX_WriteResponse(WOLFSSL *ssl, byte *out, byte msg, word16 *off)
{
    int ret = __real_TLSX_WriteResponse(ssl, out, msg, off);
    struct lg_tls *t = asking(ssl);
    if (ret != 0 || !t || !off)
        return ret;
    if (msg == HS_CERTIFICATE && t->staple_sz) {
        const struct lg_staple *one = t->core->staple;
        if (!one)
            return BAD_STATE_E;
        uint8_t *p = put_ext(out, STATUS_SZ + one->sz);
        p[0] = STATUS_OCSP;
        put_be24(p + 1, one->sz);
        memcpy(p + STATUS_SZ, one->der, one->sz);
        *off = (word16)(*off + EXT_SZ + STATUS_SZ + one->sz);
        lg_stat_inc(t->core->stats, LG_STAT_TLS_STAPLED);
    } else if (msg == HS_SERVER_HELLO && t->has_status) {
        (void)put_ext(out, 0);
        *off = (word16)(*off + EXT_SZ);
    }
    return ret;
}

/* The message stands alone in its record, in clear, and in the transcript. Nothing of wolfSSL's is
 * waiting to be sent: it has sent Certificate before it comes here. */
int __wrap_SendCertificateStatus(WOLFSSL *ssl)
{
    struct lg_tls *t = asking(ssl);
    const struct lg_staple *one = t && t->has_status ? find(t) : NULL;
    if (!t)
        return __real_SendCertificateStatus(ssl);
    if (!one)
        return 0; /* RFC 6066 8: the server MAY then send none */
    uint8_t head[LG_REC_HDR_SZ + 8] = {LG_REC_HANDSHAKE, 3, 3};
    uint8_t *msg = head + LG_REC_HDR_SZ;
    lg_put_be16(head + 3, (uint16_t)(8 + one->sz));
    msg[0] = HS_CERTIFICATE_STATUS;
    put_be24(msg + 1, STATUS_SZ + one->sz);
    msg[4] = STATUS_OCSP;
    put_be24(msg + 5, one->sz);
    int ret = HashRaw(ssl, msg, 8);
    if (ret == 0)
        ret = HashRaw(ssl, one->der, (int)one->sz);
    if (ret != 0)
        return ret;
    /* Without buffers this newest of handshakes is shed. */
    if (lg_bufq_write(t->out, t->core->pool, head, sizeof head, t->seg_sz) != sizeof head ||
        lg_bufq_write(t->out, t->core->pool, one->der, one->sz, t->seg_sz) != one->sz)
        return MEMORY_E;
    lg_stat_inc(t->core->stats, LG_STAT_TLS_STAPLED);
    return 0;
}
