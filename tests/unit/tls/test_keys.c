/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys, nonces and framing, against the trace of RFC 8448 section 3 and by the rules. */
#include "rec_frame.h"
#include "t.h"

#include <stdlib.h>

/* RFC 8448 section 3: application traffic secrets, what the trace says of their keys, and the
 * records that it shows. */
static const uint8_t client_secret[32] =
    "\x9e\x40\x64\x6c\xe7\x9a\x7f\x9d\xc0\x5a\xf8\x88\x9b\xce\x65\x52\x87\x5a\xfa\x0b\x06\xdf\x00"
    "\x87\xf7\x92\xeb\xb7\xc1\x75\x04\xa5";
static const uint8_t server_secret[32] =
    "\xa1\x1a\xf9\xf0\x55\x31\xf8\x56\xad\x47\x11\x6b\x45\xa9\x50\x32\x82\x04\xb4\xf4\x4b\xfb\x6b"
    "\x3a\x4b\x4f\x1f\x3f\xcb\x63\x16\x43";
static const uint8_t client_key[16] =
    "\x17\x42\x2d\xda\x59\x6e\xd5\xd9\xac\xd8\x90\xe3\xc6\x3f\x50\x51";
static const uint8_t client_iv[12] = "\x5b\x78\x92\x3d\xee\x08\x57\x90\x33\xe5\x23\xd9";
static const uint8_t server_key[16] =
    "\x9f\x02\x28\x3b\x6c\x9c\x07\xef\xc2\x6b\xb9\xf2\xac\x92\xe3\x56";
static const uint8_t server_iv[12] = "\xcf\x78\x2b\x88\xdd\x83\x54\x9a\xad\xf1\xe9\x84";
static const char client_data[] =
    "\x17\x03\x03\x00\x43\xa2\x3f\x70\x54\xb6\x2c\x94\xd0\xaf\xfa\xfe\x82\x28\xba\x55\xcb\xef\xac"
    "\xea\x42\xf9\x14\xaa\x66\xbc\xab\x3f\x2b\x98\x19\xa8\xa5\xb4\x6b\x39\x5b\xd5\x4a\x9a\x20\x44"
    "\x1e\x2b\x62\x97\x4e\x1f\x5a\x62\x92\xa2\x97\x70\x14\xbd\x1e\x3d\xea\xe6\x3a\xee\xbb\x21\x69"
    "\x49\x15\xe4";
static const char client_alert[] = "\x17\x03\x03\x00\x13\xc9\x87\x27\x60\x65\x56\x66\xb7\x4d\x7f"
                                   "\xf1\x15\x3e\xfd\x6d\xb6\xd0\xb0\xe3";
static const char server_data[] =
    "\x17\x03\x03\x00\x43\x2e\x93\x7e\x11\xef\x4a\xc7\x40\xe5\x38\xad\x36\x00\x5f\xc4\xa4\x69\x32"
    "\xfc\x32\x25\xd0\x5f\x82\xaa\x1b\x36\xe3\x0e\xfa\xf9\x7d\x90\xe6\xdf\xfc\x60\x2d\xcb\x50\x1a"
    "\x59\xa8\xfc\xc4\x9c\x4b\xf2\xe5\xf0\xa2\x1c\x00\x47\xc2\xab\xf3\x32\x54\x0d\xd0\x32\xe1\x67"
    "\xc2\x95\x5d";
static const char server_alert[] = "\x17\x03\x03\x00\x13\xb5\x8f\xd6\x71\x66\xeb\xf5\x99\xd2\x47"
                                   "\x20\xcf\xbe\x7e\xfa\x7a\x88\x64\xa9";

static struct lg_aead *engine(void **mem)
{
    struct lg_aead *a = NULL;
    size_t sz = lg_align_up(lg_aead_footprint(2), 64);
    *mem = aligned_alloc(64, sz);
    memset(*mem, 0, sz);
    return lg_is_ok(lg_aead_init(*mem, 2, LG_AEAD_AUTO, &a)) ? a : NULL;
}

static void keys_of(const uint8_t *secret, struct lg_keys *k)
{
    *k = (struct lg_keys){.form = LG_FORM_13, .secret_sz = 32};
    k->aead.alg = LG_AEAD_AES_128_GCM;
    memcpy(k->secret, secret, 32);
    EXPECT_OK(lg_kdf_expand_label(secret, 32, "key", k->aead.raw, 16));
    EXPECT_OK(lg_kdf_expand_label(secret, 32, "iv", k->iv, 12));
}

/* opens decrypts one record of 1.3 in place; false: the tag is wrong. */
static bool opens(struct lg_aead *a, struct lg_keys *k, uint8_t *rec, uint32_t sz)
{
    uint32_t ct = sz - 5 - 16;
    struct lg_aead_piece piece = {rec + 5, rec + 5, ct};
    struct lg_aead_msg m = {.piece = &piece, .piece_cnt = 1};
    uint8_t tag[16];
    lg_keys_begin(k, rec, NULL, ct, &m);
    lg_aead_open(a, &k->aead, &m, tag);
    lg_keys_used(k, ct);
    return lg_tag_eq(tag, rec + sz - 16);
}

static void opens_data(struct lg_aead *a, struct lg_keys *k, const char *rec)
{
    uint8_t b[72];
    memcpy(b, rec, sizeof b);
    EXPECT(opens(a, k, b, sizeof b));
    for (uint8_t i = 0; i < 50; i++)
        EXPECT_EQ(b[5 + i], i);
    EXPECT_EQ(b[5 + 50], LG_REC_DATA);
}

static void opens_alert(struct lg_aead *a, struct lg_keys *k, const char *rec)
{
    uint8_t b[24];
    memcpy(b, rec, sizeof b);
    EXPECT(opens(a, k, b, sizeof b));
    EXPECT_MEM(b + 5, "\x01\x00\x15", 3); /* warning, close_notify; alert */
}

TEST(Rfc8448, ApplicationKeysAndRecordsAreThoseOfTheTrace)
{
    void *mem;
    struct lg_aead *a = engine(&mem);
    struct lg_keys c, s;
    REQUIRE(a);
    keys_of(client_secret, &c);
    keys_of(server_secret, &s);
    EXPECT_MEM(c.aead.raw, client_key, 16);
    EXPECT_MEM(c.iv, client_iv, 12);
    EXPECT_MEM(s.aead.raw, server_key, 16);
    EXPECT_MEM(s.iv, server_iv, 12);
    opens_data(a, &c, client_data);
    opens_alert(a, &c, client_alert);
    s.seq = 1; /* the ticket was number 0 */
    opens_data(a, &s, server_data);
    opens_alert(a, &s, server_alert);
    /* The same record is no second one: its number has passed. */
    uint8_t again[72];
    memcpy(again, client_data, sizeof again);
    EXPECT(!opens(a, &c, again, sizeof again));
    free(mem);
}

TEST(Keys, TheNextGenerationIsDerivedAndTheOldOneForgotten)
{
    void *mem;
    struct lg_aead *a = engine(&mem);
    struct lg_keys k;
    uint8_t old_key[16], secret[32], key[16], b[72];
    REQUIRE(a);
    keys_of(client_secret, &k);
    memcpy(old_key, k.aead.raw, 16);
    memcpy(b, client_data, sizeof b);
    EXPECT(opens(a, &k, b, sizeof b));
    EXPECT_EQ(lg_aead_slots_used(a), 1);
    EXPECT_OK(lg_keys_next(&k, a));
    EXPECT_OK(lg_kdf_expand_label(client_secret, 32, "traffic upd", secret, 32));
    EXPECT_OK(lg_kdf_expand_label(secret, 32, "key", key, 16));
    EXPECT_MEM(k.secret, secret, 32);
    EXPECT_MEM(k.aead.raw, key, 16);
    EXPECT_EQ(k.seq, 0);
    EXPECT_EQ(lg_aead_slots_used(a), 0);
    EXPECT(memmem(mem, lg_aead_footprint(2), old_key, 16) == NULL);
    k.form = LG_FORM_12_GCM; /* 1.2 has no next generation */
    EXPECT_ERR(lg_keys_next(&k, a), LG_E(BUG));
    lg_keys_wipe(&k, a);
    EXPECT_MEM(&k, &(struct lg_keys){0}, sizeof k);
    free(mem);
}

TEST(R41, LimitsComeByRecordsIn13AndByBlocksIn12)
{
    static const struct lg_aead_limits low[LG_AEAD_CNT] = {{3, 30}, {3, 30}, {3, 30}};
    struct lg_keys k = {.form = LG_FORM_13};
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(lg_keys_state(&k, low), LG_KEYS_FRESH);
        lg_keys_used(&k, 100);
    }
    EXPECT_EQ(lg_keys_state(&k, low), LG_KEYS_UPDATE_DUE);
    k.seq = UINT64_MAX;
    EXPECT_EQ(lg_keys_state(&k, low), LG_KEYS_WORN);
    k = (struct lg_keys){.form = LG_FORM_12_GCM};
    for (int i = 0; i < 15; i++) {
        EXPECT_EQ(lg_keys_state(&k, low), LG_KEYS_FRESH);
        lg_keys_used(&k, 1);
    }
    EXPECT_EQ(lg_keys_state(&k, low), LG_KEYS_WORN);
    EXPECT(lg_aead_limits[LG_AEAD_AES_128_GCM].records < 23726566);
    EXPECT(lg_aead_limits[LG_AEAD_AES_256_GCM].records < 23726566);
}

TEST(R41, NoncesCountOnPast32BitsAndWrapOnlyWhereThatIsRight)
{
    struct lg_keys k = {.form = LG_FORM_13, .seq = 0x1ffffffff};
    struct lg_aead_msg m;
    uint8_t ex[8];
    memset(k.iv, 0xff, sizeof k.iv);
    lg_keys_begin(&k, (const uint8_t *)"\x17\x03\x03\x00\x43", NULL, 0x43, &m);
    EXPECT_MEM(m.nonce, "\xff\xff\xff\xff\xff\xff\xff\xfe\x00\x00\x00\x00", 12);
    EXPECT_EQ(m.aad_sz, 5);
    EXPECT_MEM(m.aad, "\x17\x03\x03\x00\x43", 5);
    k.form = LG_FORM_12_CHACHA;
    lg_keys_begin(&k, (const uint8_t *)"\x17\x03\x03\x00\x53", NULL, 0x43, &m);
    EXPECT_MEM(m.nonce, "\xff\xff\xff\xff\xff\xff\xff\xfe\x00\x00\x00\x00", 12);
    EXPECT_EQ(m.aad_sz, 13);
    EXPECT_MEM(m.aad, "\x00\x00\x00\x01\xff\xff\xff\xff\x17\x03\x03\x00\x43", 13);
    /* The explicit nonce of 1.2 begins anywhere and may wrap: no value comes twice. */
    k = (struct lg_keys){.form = LG_FORM_12_GCM, .seq = 2, .v12.explicit0 = UINT64_MAX};
    lg_keys_explicit(&k, ex);
    EXPECT_MEM(ex, "\x00\x00\x00\x00\x00\x00\x00\x01", 8);
    lg_keys_begin(&k, (const uint8_t *)"\x17\x03\x03\x00\x5b", ex, 0x43, &m);
    EXPECT_MEM(m.nonce, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01", 12);
    EXPECT_MEM(m.aad, "\x00\x00\x00\x00\x00\x00\x00\x02\x17\x03\x03\x00\x43", 13);
}

/* -- framing -- */

static const struct {
    const char *hdr;
    enum lg_rec_form form;
    enum lg_rec_hdr want;
    uint32_t body_sz;
} hdrs[] = {
    {"\x17\x03\x03\x00\x11", LG_FORM_13, LG_HDR_OK, 17},
    {"\x17\x03\x03\x00\x10", LG_FORM_13, LG_HDR_SHORT, 0},
    {"\x17\x03\x03\x00\x00", LG_FORM_13, LG_HDR_SHORT, 0},
    {"\x17\x03\x03\x41\x00", LG_FORM_13, LG_HDR_OK, 16640},
    {"\x17\x03\x03\x41\x01", LG_FORM_13, LG_HDR_LONG, 0},
    {"\x17\x09\x09\x00\x20", LG_FORM_13, LG_HDR_OK, 32}, /* the version is ignored */
    {"\x16\x03\x03\x00\x20", LG_FORM_13, LG_HDR_TYPE, 0},
    {"\x15\x03\x03\x00\x20", LG_FORM_13, LG_HDR_TYPE, 0},
    {"\x14\x03\x03\x00\x01", LG_FORM_13, LG_HDR_TYPE, 0},
    {"\x18\x03\x03\x00\x20", LG_FORM_13, LG_HDR_TYPE, 0},
    {"\x17\x03\x03\x00\x18", LG_FORM_12_GCM, LG_HDR_OK, 24}, /* empty records may be */
    {"\x17\x03\x03\x00\x17", LG_FORM_12_GCM, LG_HDR_SHORT, 0},
    {"\x17\x03\x03\x00\x10", LG_FORM_12_CHACHA, LG_HDR_OK, 16},
    {"\x17\x03\x03\x00\x0f", LG_FORM_12_CHACHA, LG_HDR_SHORT, 0},
    {"\x17\x03\x03\x48\x00", LG_FORM_12_GCM, LG_HDR_OK, 18432},
    {"\x17\x03\x03\x48\x01", LG_FORM_12_GCM, LG_HDR_LONG, 0},
    {"\x17\x03\x01\x00\x20", LG_FORM_12_GCM, LG_HDR_VERSION, 0},
    {"\x15\x03\x03\x00\x20", LG_FORM_12_GCM, LG_HDR_OK, 32},
    {"\x13\x03\x03\x00\x20", LG_FORM_12_GCM, LG_HDR_TYPE, 0},
    {"GET /", LG_FORM_13, LG_HDR_TYPE, 0},
};

TEST(Frame, HeadersAreJudgedByTypeVersionAndLength)
{
    for (size_t i = 0; i < LG_ARRAY_CNT(hdrs); i++) {
        uint32_t sz = 0;
        EXPECT_EQ(lg_rec_hdr_check((const uint8_t *)hdrs[i].hdr, hdrs[i].form, &sz), hdrs[i].want);
        EXPECT_EQ(sz, hdrs[i].body_sz);
        if (t_failed())
            t_fail(__FILE__, __LINE__, "row %zu", i);
        T_STOP_IF_FAILED();
    }
}

static const struct {
    const char *bytes;
    size_t len;
    bool is_client;
    enum lg_post_step want;
} posts[] = {
    {"\x18\x00\x00\x01\x00", 5, false, LG_POST_UPDATE},
    {"\x18\x00\x00\x01\x01", 5, false, LG_POST_UPDATE_ASK},
    {"\x18\x00\x00\x01\x01", 5, true, LG_POST_UPDATE_ASK},
    {"\x18\x00\x00\x01\x02", 5, false, LG_POST_BAD_VALUE},
    {"\x18\x00\x00\x00", 4, false, LG_POST_BAD_LEN},
    {"\x18\x00\x00\x02\x00\x00", 6, false, LG_POST_BAD_LEN},
    {"\x18\x00\x00\x01\x00\x18", 6, false, LG_POST_NOT_LAST},
    {"\x18\x00\x00\x01", 4, false, LG_POST_DONE},
    {"\x18", 1, false, LG_POST_DONE},
    {"\x04\x00\x00\x02\xaa\xbb", 6, false, LG_POST_BAD_TYPE},
    {"\x04\x00\x00\x02\xaa\xbb", 6, true, LG_POST_TICKET},
    {"\x04\x00\x00\x02\xaa", 5, true, LG_POST_DONE},
    {"\x04\x00\x00\x00", 4, true, LG_POST_BAD_LEN},
    {"\x04\x01\x00\x01\x00", 5, true, LG_POST_BAD_LEN},
    {"\x01\x00\x00\x02\x03\x03", 6, false, LG_POST_BAD_TYPE},
    {"\x0b\x00\x00\x04\x00\x00\x00\x00", 8, true, LG_POST_BAD_TYPE},
    {"\x0d\x00\x00\x04\x00\x00\x00\x00", 8, true, LG_POST_BAD_TYPE},
};

TEST(Frame, MessagesAfterTheHandshakeAreReadWhole)
{
    for (size_t i = 0; i < LG_ARRAY_CNT(posts); i++) {
        struct lg_post p = {0};
        size_t off = 0;
        EXPECT_EQ(lg_post_step(&p, lg_span(posts[i].bytes, posts[i].len), &off, posts[i].is_client),
                  posts[i].want);
        EXPECT_EQ(lg_post_is_open(&p) && posts[i].want == LG_POST_DONE,
                  posts[i].want == LG_POST_DONE);
        if (t_failed())
            t_fail(__FILE__, __LINE__, "row %zu", i);
        T_STOP_IF_FAILED();
    }
}

TEST(Frame, MessagesAfterTheHandshakeMayBeCutAtEveryByte)
{
    static const char two[] = "\x04\x00\x00\x03\x01\x02\x03\x18\x00\x00\x01\x01";
    for (size_t at = 1; at < sizeof two - 2; at++) {
        struct lg_post p = {0};
        size_t off = 0;
        uint32_t tickets = 0, updates = 0;
        for (int part = 0; part < 2; part++) {
            lg_span_t s = part ? lg_span(two + at, sizeof two - 1 - at) : lg_span(two, at);
            enum lg_post_step step;
            off = 0;
            do {
                step = lg_post_step(&p, s, &off, true);
                tickets += step == LG_POST_TICKET;
                updates += step == LG_POST_UPDATE_ASK;
            } while (step == LG_POST_TICKET);
            EXPECT(step == (part ? LG_POST_UPDATE_ASK : LG_POST_DONE));
        }
        EXPECT_EQ(tickets, 1);
        EXPECT_EQ(updates, 1);
    }
}
