/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory a core plans is enough for what it promises, and comes back whole. */
#include "rig.h"

enum { CNT = 64 };

static void move(struct rig *r, struct rig *first)
{
    uint8_t b[8192];
    SSL_do_handshake(r->ssl);
    int n = BIO_read(r->wb, b, sizeof b);
    if (n > 0)
        lg_bufq_write(&r->in, &first->heap.pool, b, (uint32_t)n, 0);
    r->err = lg_tls_rx(r->t, &r->in, &r->plain, 1000, &r->out, r->seg_sz, 0);
    struct lg_buf *buf;
    while ((buf = lg_bufq_pop(&r->out)) != NULL) {
        BIO_write(r->rb, buf->data, (int)buf->len);
        lg_buf_give(buf);
    }
}

static void run(int version, const char *cert, const char *chain)
{
    static struct rig r[CNT];
    struct rig *first = &r[0];
    rig_init(first, "rsa");
    rig_auth(first, LG_AUTH_REQUIRED, "root");
    first->max_conns = first->max_handshakes = CNT;
    REQUIRE(rig_build(first));
    for (int i = 0; i < CNT; i++) {
        if (i)
            r[i] = (struct rig){.seg_sz = first->seg_sz, .alert = -1};
        rig_client(&r[i], version, cert, chain);
        r[i].t = lg_tls_open(first->core, first->policy, 0);
    }
    for (int step = 0; step < 4; step++) /* all of them at the same point at a time */
        for (int i = 0; i < CNT; i++)
            move(&r[i], first);
    for (int i = 0; i < CNT; i++)
        EXPECT_EQ(lg_tls_state(r[i].t), LG_TLS_OPEN);
    EXPECT_EQ(first->core->arena.fail_cnt, 0);
    EXPECT(lg_tls_core_arena_used(first->core) <= (size_t)CNT * LG_TLS_OPEN_MEM_SZ);
    EXPECT(first->core->arena.peak <= (size_t)CNT * (LG_TLS_OPEN_MEM_SZ + LG_TLS_HANDSHAKE_MEM_SZ));
    for (int i = CNT - 1; i > 0; i--)
        rig_close(&r[i]);
    rig_fini(first);
}

TEST(Memory, AsPlannedHoldsAsManyHandshakesAsPlanned)
{
    run(TLS1_3_VERSION, "good2", "inter");
    run(TLS1_2_VERSION, "goodrsa", NULL);
}

TEST(Memory, OfAnOpenConnectionOnlyItsTextsStayInTheArena)
{
    struct rig r;
    rig_init(&r, "ecdsa");
    REQUIRE(rig_build(&r));
    rig_client(&r, TLS1_3_VERSION, NULL, NULL);
    SSL_set_tlsext_host_name(r.ssl, "www.example.com");
    rig_connect(&r);
    EXPECT(rig_is_open(&r));
    EXPECT_STR(lg_tls_get_info(r.t)->sni, "www.example.com");
    EXPECT_EQ(lg_tls_core_arena_used(r.core), 16);
    rig_fini(&r);

    rig_init(&r, "ecdsa");
    rig_auth(&r, LG_AUTH_REQUIRED, "root");
    rig_all(&r, TLS1_3_VERSION, "good", NULL);
    EXPECT(rig_is_open(&r));
    const struct lg_tls_info *i = lg_tls_get_info(r.t);
    size_t texts =
        strlen(i->subject) + strlen(i->issuer) + strlen(i->serial) + strlen(i->cn) + 64 + 5;
    EXPECT_EQ(strlen(i->fingerprint), 64);
    EXPECT(strlen(i->subject) > 0);
    EXPECT(lg_tls_core_arena_used(r.core) >= texts);
    EXPECT(lg_tls_core_arena_used(r.core) < texts + 64);
    rig_fini(&r);
}

TEST(Memory, OfAnOpenConnectionHasRawKeysNotExpandedOnes)
{
    EXPECT(sizeof(struct lg_keys) <= 128);
}
