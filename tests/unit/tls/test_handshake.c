/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handshakes against OpenSSL's client, in memory. */
#include "rig.h"

static void expect_round_trip(struct rig *r)
{
    char buf[64];
    EXPECT_EQ(SSL_write(r->ssl, "ping", 4), 4);
    rig_pump(r);
    EXPECT_EQ(r->plain.bytes, 4);
    EXPECT_OK(lg_tls_tx(r->t, &r->plain, UINT32_MAX, &r->out, r->seg_sz, 0));
    EXPECT_EQ(r->plain.bytes, 0);
    rig_pump(r);
    EXPECT_EQ(SSL_read(r->ssl, buf, sizeof buf), 4);
    EXPECT_MEM(buf, "ping", 4);
}

TEST(Handshake, CompletesWithTls13AndPassesData)
{
    struct rig r;
    rig_init(&r, "ecdsa");
    rig_all(&r, TLS1_3_VERSION, NULL, NULL);
    EXPECT(rig_is_open(&r));
    if (rig_is_open(&r)) {
        expect_round_trip(&r);
        const struct lg_tls_info *i = lg_tls_get_info(r.t);
        EXPECT_EQ(i->version, 0x0304);
        EXPECT_STR(i->suite, "TLS_AES_256_GCM_SHA384");
        EXPECT_STR(i->group, "x25519");
        EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_HS_DONE_13), 1);
        EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_BYTES_IN), 4);
        EXPECT_EQ(lg_stat_get(&r.stats, LG_STAT_TLS_BYTES_OUT), 4);
    }
    rig_fini(&r);
}

TEST(Handshake, CompletesWithTls12AndPassesData)
{
    struct rig r;
    rig_init(&r, "ecdsa");
    rig_all(&r, TLS1_2_VERSION, NULL, NULL);
    EXPECT(rig_is_open(&r));
    if (rig_is_open(&r)) {
        expect_round_trip(&r);
        EXPECT_EQ(lg_tls_get_info(r.t)->version, 0x0303);
        EXPECT_STR(lg_tls_get_info(r.t)->suite, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
        EXPECT_STR(lg_tls_get_info(r.t)->group, "x25519");
    }
    rig_fini(&r);
}
