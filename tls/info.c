/* SPDX-License-Identifier: GPL-2.0-or-later */
/* info.c: the texts of lg_tls_info that each connection has its own of: the name it asked for and
 * its certificate's. They live in the worker's arena, as long as somebody may ask for them, and
 * once a connection is open they take the room that they need and no more. */
#include "tls_priv.h"

void lg_info_init(struct lg_tls_info *i)
{
    i->suite = i->group = i->sig_scheme = i->alpn = i->sni = "";
    i->subject = i->issuer = i->serial = i->fingerprint = i->cn = "";
    i->alert_sent = i->alert_received = LG_TLS_NO_ALERT;
}

static void drop_sni(struct lg_tls *t)
{
    if (*t->info.sni) /* then it is in the arena */
        lg_arena_give(&t->core->arena, (void *)(uintptr_t)t->info.sni);
    t->info.sni = "";
}

bool lg_info_set_sni(struct lg_tls *t, const char *sni)
{
    size_t sz = strlen(sni) + 1;
    if (sz == 1)
        return true;
    drop_sni(t);
    char *text = lg_arena_take(&t->core->arena, sz);
    if (!text)
        return false;
    memcpy(text, sni, sz);
    t->info.sni = text;
    return true;
}

static void drop_cert(struct lg_tls *t)
{
    struct lg_tls_info *i = &t->info;
    if (t->cert_text)
        lg_arena_give(&t->core->arena, t->cert_text);
    t->cert_text = NULL;
    i->subject = i->issuer = i->serial = i->fingerprint = i->cn = "";
}

struct lg_tls_cert_text *lg_info_cert(struct lg_tls *t)
{
    drop_cert(t);
    struct lg_tls_cert_text *c = lg_arena_take(&t->core->arena, sizeof *c);
    if (!c)
        return NULL;
    c->subject[0] = c->issuer[0] = c->serial[0] = c->fingerprint[0] = c->cn[0] = 0;
    t->cert_text = c;
    t->info.subject = c->subject;
    t->info.issuer = c->issuer;
    t->info.serial = c->serial;
    t->info.fingerprint = c->fingerprint;
    t->info.cn = c->cn;
    return c;
}

/* put copies a text to *at, which moves behind it. */
static const char *put(char **at, const char *text)
{
    char *to = *at;
    size_t sz = strlen(text) + 1;
    memcpy(to, text, sz);
    *at += sz;
    return to;
}

void lg_info_settle(struct lg_tls *t)
{
    struct lg_tls_info *i = &t->info;
    if (!i->has_client_cert) {
        drop_cert(t);
        return;
    }
    char *tight =
        lg_arena_take(&t->core->arena, strlen(i->subject) + strlen(i->issuer) + strlen(i->serial) +
                                           strlen(i->fingerprint) + strlen(i->cn) + 5);
    if (!tight)
        return; /* as it is, it is only larger */
    char *at = tight;
    const char *subject = put(&at, i->subject), *issuer = put(&at, i->issuer);
    const char *serial = put(&at, i->serial), *fingerprint = put(&at, i->fingerprint);
    const char *cn = put(&at, i->cn);
    drop_cert(t);
    t->cert_text = tight;
    i->subject = subject;
    i->issuer = issuer;
    i->serial = serial;
    i->fingerprint = fingerprint;
    i->cn = cn;
}

void lg_info_fini(struct lg_tls *t)
{
    drop_cert(t);
    drop_sni(t);
}
