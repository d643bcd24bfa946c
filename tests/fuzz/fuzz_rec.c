/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Target Functions: lg_rec_rx lg_rec_tx lg_rec_shutdown lg_rec_control lg_post_step
 * lg_rec_hdr_check lg_keys_next lg_aead_seal lg_aead_open Input: the first byte chooses form,
 * algorithm and role; then steps, each an operation and a length: bytes from the wire, records
 * sealed right with any content, bytes to send, few buffers, the end. What is sealed right must
 * come out as it was; what goes out must open, in order. */
#include "tls_priv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In place of wolfSSL: its records never serve here, and any function will do for the KDF. */
lg_err_t lg_rec_wolf_rx(struct lg_tls *t, struct lg_bufq *plain, uint32_t max)
{
    (void)t, (void)plain, (void)max;
    abort();
}
lg_err_t lg_rec_wolf_tx(struct lg_tls *t, struct lg_bufq *plain, uint32_t max)
{
    (void)t, (void)plain, (void)max;
    abort();
}
bool lg_rec_wolf_pending(const struct lg_tls *t)
{
    (void)t;
    abort();
}
bool lg_rec_wolf_refuse(struct lg_tls *t, uint8_t alert)
{
    (void)t;
    (void)alert;
    return false;
}

void lg_rec_wolf_shutdown(struct lg_tls *t)
{
    (void)t;
    abort();
}
lg_err_t lg_kdf_expand_label(const uint8_t *secret, uint32_t secret_sz, const char *label,
                             uint8_t *out, uint32_t out_sz)
{
    for (uint32_t i = 0; i < out_sz; i++)
        out[i] = (uint8_t)(secret[i % secret_sz] * 3 + label[0] + i);
    return LG_OK;
}

static struct lg_tls_core core;
static struct lg_aead *peer; /* the other side's */
static struct lg_stats stats;
static struct lg_bufheap heap;

struct run {
    struct lg_tls t;
    struct lg_keys seen; /* the peer's reading keys */
    struct lg_bufq in, plain, out;
    bool ended; /* an alert that ends it has gone out: nothing may follow */
};

static struct lg_aead *engine(uint32_t slots)
{
    size_t sz = lg_align_up(lg_aead_footprint(slots), 64);
    void *mem = aligned_alloc(64, sz);
    struct lg_aead *a;
    memset(mem, 0, sz);
    if (!lg_is_ok(lg_aead_init(mem, slots, LG_AEAD_AUTO, &a)))
        abort();
    return a;
}

static void begin(struct run *r, uint8_t how)
{
    static const struct {
        enum lg_rec_form form;
        enum lg_aead_alg alg;
    } kinds[] = {
        {LG_FORM_13, LG_AEAD_AES_128_GCM},       {LG_FORM_13, LG_AEAD_AES_256_GCM},
        {LG_FORM_13, LG_AEAD_CHACHA20_POLY1305}, {LG_FORM_12_GCM, LG_AEAD_AES_128_GCM},
        {LG_FORM_12_GCM, LG_AEAD_AES_256_GCM},   {LG_FORM_12_CHACHA, LG_AEAD_CHACHA20_POLY1305}};
    static const struct lg_aead_limits low[LG_AEAD_CNT] = {{9, 5000}, {9, 5000}, {9, 5000}};
    struct lg_rec *c = &r->t.rec;
    if (!core.aead) {
        core.aead = engine(2);
        peer = engine(2);
        core.stats = &stats;
        core.pool = &heap.pool;
        core.limits = low;
    }
    lg_bufheap_init(&heap, 4096, how & 0x40 ? 300 : 2048);
    *r = (struct run){.t = {.core = &core, .step = LG_STEP_OPEN}};
    lg_info_init(&r->t.info);
    c->rx.form = (uint8_t)kinds[how % 6].form;
    c->rx.aead.alg = (uint8_t)kinds[how % 6].alg;
    c->rx.secret_sz = c->rx.form == LG_FORM_13 ? 32 : 0;
    c->tx = c->rx;
    c->tx.aead.raw[0] = 1;
    c->is_client = how & 0x80;
    c->taken = true;
    r->seen = c->tx;
}

/* look opens one record of ours at p, which is sz bytes with its header. */
static void look(struct run *r, uint8_t *p, uint32_t sz)
{
    uint32_t front = lg_rec_front_sz((enum lg_rec_form)r->seen.form), body = 0;
    if (r->ended || lg_rec_hdr_check(p, (enum lg_rec_form)r->seen.form, &body) != LG_HDR_OK)
        abort();
    uint32_t ct = sz - front - LG_AEAD_TAG_SZ;
    struct lg_aead_piece piece = {p + front, p + front, ct};
    struct lg_aead_msg m = {.piece = &piece, .piece_cnt = ct > 0};
    uint8_t tag[LG_AEAD_TAG_SZ];
    lg_keys_begin(&r->seen, p, p + LG_REC_HDR_SZ, ct, &m);
    lg_aead_open(peer, &r->seen.aead, &m, tag);
    if (!lg_tag_eq(tag, p + sz - LG_AEAD_TAG_SZ))
        abort();
    lg_keys_used(&r->seen, ct);
    bool is_13 = r->seen.form == LG_FORM_13;
    uint8_t type = is_13 ? p[front + ct - 1] : p[0];
    if (type == LG_REC_ALERT)
        r->ended = p[front] == LG_ALERT_LEVEL_FATAL || p[front + 1] == LG_ALERT_CLOSE_NOTIFY;
    else if (type == LG_REC_HANDSHAKE && !lg_is_ok(lg_keys_next(&r->seen, peer)))
        abort();
}

/* look_out takes what was put out: whole records. */
static void look_out(struct run *r)
{
    static uint8_t rec[LG_REC_HDR_SZ + LG_REC_CIPHER_MAX];
    while (r->out.bytes > 0) {
        lg_bufq_copy_out(&r->out, 0, rec, LG_REC_HDR_SZ);
        uint32_t sz = LG_REC_HDR_SZ + lg_get_be16(rec + 3);
        if (sz > sizeof rec || lg_bufq_read(&r->out, rec, sz) != sz)
            abort();
        look(r, rec, sz);
    }
}

static lg_err_t rx(struct run *r, uint32_t max)
{
    uint32_t before = r->plain.bytes;
    lg_err_t e = LG_OK;
    r->t.in = &r->in;
    r->t.out = &r->out;
    if (r->t.step == LG_STEP_OPEN)
        e = lg_rec_rx(&r->t, &r->plain, max);
    if (r->plain.bytes - before > max || lg_err_is(e, LG_ERR_BUG))
        abort();
    look_out(r);
    return e;
}

/* sealed sends a record of this content as the peer would; what comes out is compared. */
static void sealed(struct run *r, uint8_t type, const uint8_t *p, uint32_t n)
{
    static uint8_t rec[LG_REC_HDR_SZ + LG_REC_CIPHER_MAX + 300], inner[1u << 16], got[1u << 16];
    struct lg_keys k = r->t.rec.rx;
    uint32_t front = lg_rec_front_sz((enum lg_rec_form)k.form), ct = n;
    struct lg_aead_msg m = {.piece_cnt = 1};
    if (r->in.bytes > 0 || r->t.step != LG_STEP_OPEN)
        return;
    memcpy(inner, p, n);
    if (k.form == LG_FORM_13)
        inner[ct++] = type;
    struct lg_aead_piece piece = {inner, rec + front, ct};
    m.piece = &piece;
    m.piece_cnt = ct > 0;
    lg_rec_hdr_build(rec, (enum lg_rec_form)k.form, (enum lg_rec_type)type, n);
    lg_keys_begin(&k, rec, rec + LG_REC_HDR_SZ, ct, &m);
    lg_aead_seal(peer, &k.aead, &m, rec + front + ct);
    lg_aead_forget(peer, &k.aead);
    uint32_t before = r->plain.bytes + r->t.rec.ready.bytes;
    uint32_t max = heap.cnt_max;
    heap.cnt_max = 4096;
    uint32_t sz = front + ct + LG_AEAD_TAG_SZ;
    if (lg_bufq_write(&r->in, &heap.pool, rec, sz, 1 + n % 700) != sz) { /* too many tiny bufs */
        lg_bufq_drop_all(&r->in);
        return;
    }
    heap.cnt_max = max;
    while (lg_err_is(rx(r, 1u << 20), LG_ERR_AGAIN))
        heap.cnt_max = 4096;
    if (type != LG_REC_DATA || r->t.step != LG_STEP_OPEN)
        return;
    uint32_t now = r->plain.bytes;
    if (now - before != n || lg_bufq_copy_out(&r->plain, before, got, n) != n || memcmp(got, p, n))
        abort();
}

static void step(struct run *r, uint8_t op, const uint8_t *p, uint32_t n)
{
    r->t.out = &r->out;
    r->t.seg_sz = 64u + op * 8u;
    r->t.now_ns += LG_SEC(1) / 8 * (op >> 4);
    switch (op % 6) {
    case 0:
        lg_bufq_write(&r->in, &heap.pool, p, n, 1 + op);
        (void)!lg_is_ok(rx(r, op * 16u));
        break;
    case 1:
        sealed(r, LG_REC_DATA, p, n);
        break;
    case 2:
        sealed(r, (uint8_t)(LG_REC_CCS + op / 6 % 4), p, n);
        break;
    case 3:
        lg_bufq_write(&r->plain, &heap.pool, p, n, 1 + op);
        if ((r->t.step == LG_STEP_OPEN || r->t.step == LG_STEP_CLOSED) && !r->t.shut)
            (void)!lg_is_ok(lg_rec_tx(&r->t, &r->plain, op * 200u));
        look_out(r);
        break;
    case 4:
        heap.cnt_max = heap.cnt_out + op / 6 % 8;
        break;
    default:
        heap.cnt_max = 4096;
        if (op < 40 && r->t.step == LG_STEP_OPEN && !r->t.shut) {
            lg_rec_shutdown(&r->t);
            r->t.shut = true;
            look_out(r);
        }
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct run r;
    if (size < 4)
        return 0;
    begin(&r, data[0]);
    for (size_t off = 1; off + 3 <= size;) {
        uint32_t n = (uint32_t)LG_MIN((size_t)lg_get_be16(data + off + 1) % 17000, size - off - 3);
        step(&r, data[off], data + off + 3, n);
        off += 3 + n;
    }
    lg_rec_fini(&r.t);
    lg_aead_forget(peer, &r.seen.aead);
    lg_bufq_drop_all(&r.in);
    lg_bufq_drop_all(&r.plain);
    lg_bufq_drop_all(&r.out);
    if (heap.cnt_out != 0 || lg_aead_slots_used(core.aead) != 0 || lg_aead_slots_used(peer) != 0)
        abort();
    return 0;
}
