/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ticket_wolf.c: opening and sealing tickets on a worker, and wolfSSL's callback for both. See
 * ticket.h for the form, what a ticket is bound to, and why it is opened before wolfSSL sees it. */
#include "ticket.h"

#include "wolf_priv.h"
#include "wolf_rand.h"

#include <time.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/hmac.h>

enum {
    TAG_SZ = 16,
    PLAIN_MAX = LG_TICKET_INNER_SZ + LG_TICKET_ROOM,
};

static const struct lg_ticket_set *keys_of(const struct lg_tls *t)
{
    struct lg_tls_core *core = t->core;
    if (t->policy->ticket_file)
        return t->policy->ticket_file;
    lg_ticket_ring_read(t->policy->ticket_ring, &core->tickets_version, &core->tickets);
    return &core->tickets;
}

static const struct lg_ticket_key *find_key(const struct lg_ticket_set *set, lg_span_t ticket)
{
    for (uint32_t i = 0; ticket.len >= LG_TICKET_FIXED_SZ && i < set->cnt; i++)
        if (memcmp(set->key[i].name, ticket.p, LG_TICKET_NAME_SZ) == 0)
            return &set->key[i];
    return NULL;
}

/* derive makes the key of one ticket: only who knows the secret, under this policy, certificate and
 * name, comes to the same one. */
static bool derive(const struct lg_tls *t, const struct lg_ticket_key *k, const uint8_t *iv,
                   uint8_t out[WC_SHA256_DIGEST_SIZE])
{
    Hmac h;
    const struct lg_tls_policy *p = t->policy;
    const char *sni = t->info.sni;
    bool ok = wc_HmacInit(&h, NULL, INVALID_DEVID) == 0 &&
              wc_HmacSetKey(&h, WC_SHA256, k->secret, sizeof k->secret) == 0 &&
              wc_HmacUpdate(&h, p->id, sizeof p->id) == 0 &&
              wc_HmacUpdate(&h, p->certs[t->cert_idx].id, LG_HASH_SZ) == 0 &&
              wc_HmacUpdate(&h, iv, LG_TICKET_IV_SZ) == 0 &&
              wc_HmacUpdate(&h, (const byte *)sni, (word32)strlen(sni)) == 0 &&
              wc_HmacFinal(&h, out) == 0;
    wc_HmacFree(&h);
    lg_wipe(&h, sizeof h);
    return ok;
}

/* start_aead: aes holds the ticket's own key; the caller ends it by stop_aead in either case. That
 * key serves once, so the nonce may be fixed. */
static const uint8_t nonce[12];

static bool start_aead(const struct lg_tls *t, const struct lg_ticket_key *k, const uint8_t *iv,
                       Aes *aes)
{
    uint8_t key[WC_SHA256_DIGEST_SIZE];
    bool ok = wc_AesInit(aes, NULL, INVALID_DEVID) == 0 && derive(t, k, iv, key) &&
              wc_AesGcmSetKey(aes, key, sizeof key) == 0;
    lg_wipe(key, sizeof key);
    return ok;
}

static void stop_aead(Aes *aes)
{
    wc_AesFree(aes);
    lg_wipe(aes, sizeof *aes);
}

/* ---------------------------------------------------------------- opening */

static struct lg_ticket *make(struct lg_tls *t, lg_span_t der, lg_span_t ident)
{
    lg_ticket_drop(t);
    struct lg_ticket *k = lg_arena_take(&t->core->arena, sizeof *k + der.len + ident.len);
    if (!k)
        return NULL;
    memset(k, 0, sizeof *k);
    k->der_sz = (uint16_t)der.len;
    k->ident_sz = (uint16_t)ident.len;
    if (der.len)
        memcpy(k->der, der.p, der.len);
    if (ident.len)
        memcpy(k->der + der.len, ident.p, ident.len);
    t->ticket = k;
    return k;
}

void lg_ticket_drop(struct lg_tls *t)
{
    if (!t->ticket)
        return;
    lg_wipe(t->ticket, sizeof *t->ticket + t->ticket->der_sz + t->ticket->ident_sz);
    lg_arena_give(&t->core->arena, t->ticket);
    t->ticket = NULL;
}

/* may_resume: is this session good for this hello, now? */
static bool may_resume(const struct lg_tls *t, const struct lg_hello *h, uint16_t version,
                       const struct lg_ticket_tail *s)
{
    const struct lg_tls_policy *p = t->policy;
    int64_t now_s = (int64_t)time(NULL);
    if (s->tls != version || now_s < s->since_s - LG_TICKET_SKEW_S ||
        now_s >= s->since_s + p->ticket_lifetime_s || now_s > s->until_s)
        return false;
    if (s->der.len ? p->client_auth == LG_AUTH_NONE : p->client_auth == LG_AUTH_REQUIRED)
        return false;
    if (version == LG_TLS_13)
        return true;
    /*= https://www.rfc-editor.org/rfc/rfc7627#section-5.3
     *# If a server receives a ClientHello for an abbreviated handshake offering to resume a known
     *# previous session [...] If the original session used the "extended_master_secret" extension
     *# but the new ClientHello does not contain it, the server MUST abort the abbreviated
     *# handshake. */
    return s->has_ems && h->has_ems && lg_hello_has_u16(h->suites, s->suite);
}

static void open_one(struct lg_tls *t, const struct lg_hello *h, uint16_t version,
                     const struct lg_ticket_set *set, const struct lg_ticket_key *k,
                     lg_span_t ticket)
{
    uint8_t plain[PLAIN_MAX];
    struct lg_ticket_tail s;
    Aes aes;
    size_t sz = ticket.len - LG_TICKET_FIXED_SZ;
    const uint8_t *iv = ticket.p + LG_TICKET_NAME_SZ, *enc = ticket.p + LG_TICKET_HEAD_SZ;
    static const uint8_t zero[LG_TICKET_MAC_SZ - TAG_SZ];
    if (sz < LG_TICKET_INNER_SZ || sz > sizeof plain ||
        memcmp(enc + sz + TAG_SZ, zero, sizeof zero) != 0)
        return;
    bool ok = start_aead(t, k, iv, &aes) &&
              wc_AesGcmDecrypt(&aes, plain, enc, (word32)sz, nonce, sizeof nonce, enc + sz, TAG_SZ,
                               k->name, sizeof k->name) == 0;
    stop_aead(&aes);
    if (ok &&
        lg_ticket_tail_parse(lg_span(plain + LG_TICKET_INNER_SZ, sz - LG_TICKET_INNER_SZ), &s) &&
        may_resume(t, h, version, &s) &&
        (t->policy->client_ocsp == LG_CLIENT_OCSP_OFF || !s.der.len || lg_ask_is_good(s.der)) &&
        make(t, s.der, s.ident)) {
        struct lg_ticket *o = t->ticket;
        o->opened = true;
        o->is_old = k != &set->key[set->current];
        o->enc_sz = (uint16_t)sz;
        o->since_s = s.since_s;
        o->until_s = s.until_s;
        memcpy(o->name, ticket.p, sizeof o->name);
        memcpy(o->iv, iv, sizeof o->iv);
        memcpy(o->mac, enc + sz, sizeof o->mac);
        memcpy(o->inner, plain, sizeof o->inner);
    }
    lg_wipe(plain, sizeof plain);
}

/* length_lies: does a ticket of ours say another length than it has? wolfSSL would believe it. */
static bool length_lies(lg_span_t ticket)
{
    return ticket.len < LG_TICKET_FIXED_SZ ||
           lg_get_be16(ticket.p + LG_TICKET_HEAD_SZ - 2) != ticket.len - LG_TICKET_FIXED_SZ;
}

/* look goes through a hello's tickets and opens the first good one.
 *   Returns  false: one of them lies */
static bool look(struct lg_tls *t, const struct lg_hello *h, uint16_t version, bool may_open)
{
    const struct lg_ticket_set *set = keys_of(t);
    struct lg_cur psks = lg_cur(h->psks);
    bool is_13 = version == LG_TLS_13;
    uint32_t tries = 0;
    lg_span_t one = h->ticket;
    while (is_13 ? lg_hello_next_psk(&psks, &one) : one.len > 0) {
        const struct lg_ticket_key *k = find_key(set, one);
        if (k && length_lies(one))
            return false;
        if (k && may_open && !t->ticket && tries++ < LG_TICKET_TRY_MAX)
            open_one(t, h, version, set, k, one);
        if (!is_13)
            break;
    }
    return true;
}

void lg_ticket_look(struct lg_tls *t, const struct lg_hello *h, int cert_idx, uint16_t version)
{
    t->cert_idx = (int16_t)cert_idx;
    t->has_ems = h->has_ems;
    if (!t->policy->has_tickets)
        return;
    bool may_open = version == LG_TLS_13 ? h->has_psk_dhe : h->has_ems;
    if (!look(t, h, version, may_open))
        lg_ticket_drop(t); /* none of them, then */
}

bool lg_ticket_again(struct lg_tls *t, const struct lg_hello *h)
{
    return !t->policy->has_tickets || look(t, h, LG_TLS_13, false);
}

void lg_ticket_configure(const struct lg_tls *t)
{
    if (t->policy->has_tickets && !t->has_ems)
        wolfSSL_NoTicketTLSv12(t->ssl); /* RFC 7627 5.4 advises against such sessions */
}

bool lg_ticket_is_alien(const struct lg_tls *t, const struct lg_hello *h)
{
    return t->policy->has_tickets && h->ticket.len > LG_TICKET_FIXED_SZ + PLAIN_MAX;
}

/* ---------------------------------------------------------------- during the handshake */

void lg_ticket_hold(struct lg_tls *t, lg_span_t der, int64_t until_s)
{
    if (!t->policy->has_tickets)
        return;
    lg_span_t ident = t->ident ? lg_span(t->ident->bytes, t->ident->sz) : lg_span(NULL, 0);
    /* A ticket has no room for the chain: who must be passed on with it comes whole each time. */
    bool has_chain = t->kept && t->kept->chain_sz > 0;
    if (!has_chain && der.len + ident.len <= LG_TICKET_DER_MAX && make(t, der, ident)) {
        t->ticket->until_s = until_s;
        return;
    }
    lg_ticket_drop(t);
    t->has_dud = true; /* a ticket could not carry who the client is */
    wolfSSL_no_ticket_TLSv13(t->ssl);
}

/* dud makes a ticket that opens nothing. RFC 5077 3.3 would have an empty one, when ServerHello has
 * promised a ticket that cannot be given; wolfSSL knows no such thing. */
static int dud(uint8_t *name, uint8_t *iv, uint8_t *mac, uint8_t *buf, int *out_sz)
{
    *out_sz = LG_TICKET_INNER_SZ;
    bool ok = lg_wolf_rand(name, LG_TICKET_NAME_SZ) == 0 &&
              lg_wolf_rand(iv, LG_TICKET_IV_SZ) == 0 && lg_wolf_rand(mac, LG_TICKET_MAC_SZ) == 0 &&
              lg_wolf_rand(buf, LG_TICKET_INNER_SZ) == 0;
    return ok ? WOLFSSL_TICKET_RET_OK : WOLFSSL_TICKET_RET_FATAL;
}

/* give hands wolfSSL the session of the one ticket that was opened. */
static int give(const struct lg_tls *t, const uint8_t *name, const uint8_t *iv, const uint8_t *mac,
                uint8_t *buf, int sz, int *out_sz)
{
    const struct lg_ticket *o = t->ticket;
    if (!o || !o->opened || memcmp(o->name, name, sizeof o->name) != 0 ||
        memcmp(o->iv, iv, sizeof o->iv) != 0 || sz != o->enc_sz ||
        memcmp(o->mac, mac, sizeof o->mac) != 0)
        return WOLFSSL_TICKET_RET_REJECT;
    memcpy(buf, o->inner, sizeof o->inner);
    *out_sz = sizeof o->inner;
    bool is_12 = wolfSSL_version(t->ssl) == LG_TLS_12;
    return is_12 && o->is_old ? WOLFSSL_TICKET_RET_CREATE : WOLFSSL_TICKET_RET_OK;
}

static int seal(struct lg_tls *t, uint8_t *name, uint8_t *iv, uint8_t *mac, uint8_t *buf, int sz,
                int *out_sz)
{
    const struct lg_ticket_set *set = keys_of(t);
    const struct lg_ticket *o = t->ticket;
    bool resumed = wolfSSL_session_reused(t->ssl);
    Aes aes;
    struct lg_ticket_tail s = {.has_ems = t->has_ems,
                               .suite = (uint16_t)wolfSSL_get_current_cipher_suite(t->ssl),
                               .tls = (uint16_t)wolfSSL_version(t->ssl),
                               .since_s = (int64_t)time(NULL),
                               .until_s = INT64_MAX};
    if (t->has_dud)
        return dud(name, iv, mac, buf, out_sz);
    if (sz != LG_TICKET_INNER_SZ || *out_sz < PLAIN_MAX || set->cnt == 0)
        return WOLFSSL_TICKET_RET_FATAL;
    if (resumed && o)
        s.since_s = o->since_s;
    if (o && o->opened == resumed && (resumed || t->verified)) {
        s.until_s = o->until_s;
        s.der = lg_span(o->der, o->der_sz);
        s.ident = lg_span(o->der + o->der_sz, o->ident_sz);
    }
    /* The last word, here too: no ticket where the identity that is asked for is not known. */
    if (t->policy->client_auth == LG_AUTH_REQUIRED && s.der.len == 0)
        return WOLFSSL_TICKET_RET_FATAL;
    const struct lg_ticket_key *k = &set->key[set->current];
    size_t plain_sz = LG_TICKET_INNER_SZ + lg_ticket_tail_build(&s, buf + LG_TICKET_INNER_SZ);
    memcpy(name, k->name, sizeof k->name);
    memset(mac, 0, LG_TICKET_MAC_SZ);
    if (lg_wolf_rand(iv, LG_TICKET_IV_SZ) != 0)
        return WOLFSSL_TICKET_RET_FATAL;
    bool ok = start_aead(t, k, iv, &aes) &&
              wc_AesGcmEncrypt(&aes, buf, buf, (word32)plain_sz, nonce, sizeof nonce, mac, TAG_SZ,
                               k->name, sizeof k->name) == 0;
    stop_aead(&aes);
    if (!ok)
        return WOLFSSL_TICKET_RET_FATAL;
    *out_sz = (int)plain_sz;
    return WOLFSSL_TICKET_RET_OK;
}

int lg_ticket_cb(WOLFSSL *ssl, unsigned char *name, unsigned char *iv, unsigned char *mac, int enc,
                 unsigned char *buf, int sz, int *out_sz, void *ctx)
{
    struct lg_tls *t = wolfSSL_GetIOReadCtx(ssl);
    (void)ctx;
    return enc ? seal(t, name, iv, mac, buf, sz, out_sz) : give(t, name, iv, mac, buf, sz, out_sz);
}

bool lg_ticket_resume(struct lg_tls *t)
{
    const struct lg_ticket *o = t->ticket;
    if (!o || !o->opened)
        return false;
    t->verified = o->der_sz > 0;
    lg_span_t der = lg_span(o->der, o->der_sz);
    lg_span_t ident = lg_span(o->der + o->der_sz, o->ident_sz);
    return !t->verified ||
           (lg_auth_describe(t, der) && lg_auth_keep(t, der, NULL, 0) && lg_ident_keep(t, ident));
}
