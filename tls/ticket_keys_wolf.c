/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* ticket_keys_wolf.c: where the keys of tickets come from: random ones that are replaced by and by,
 * or a file that several machines share (R37b). Thread control. */
#include "cert_priv.h"
#include "pem.h"
#include "ticket.h"
#include "wolf_priv.h"
#include "wolf_rand.h"

#include <stdlib.h>

/* Of the process; the control thread writes, workers copy (lg_ticket_ring_read). */
static struct lg_ticket_ring ring;
static struct {
    struct lg_ticket_set set; /* what the ring holds */
    uint32_t period_s;        /* longest lifetime asked for; 0: nobody wants tickets */
    lg_ns_t next_ns;          /* when the sealing key is replaced; 0: not known yet */
} random_keys;

static void publish(const struct lg_ticket_set *set)
{
    uint64_t words[LG_TICKET_RING_WORDS];
    memcpy(words, set, sizeof *set);
    uint64_t v = atomic_load_explicit(&ring.version, memory_order_relaxed);
    atomic_store_explicit(&ring.version, v + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (size_t i = 0; i < LG_TICKET_RING_WORDS; i++)
        atomic_store_explicit(&ring.word[i], words[i], memory_order_relaxed);
    atomic_store_explicit(&ring.version, v + 2, memory_order_release);
    lg_wipe(words, sizeof words);
}

/* rotate: what sealed until now still opens, what was before it does not. */
static bool rotate(void)
{
    struct lg_ticket_set *s = &random_keys.set, next = {0};
    struct lg_ticket_key *k = &next.key[0];
    if (lg_wolf_rand(k->name, sizeof k->name) != 0 ||
        lg_wolf_rand(k->secret, sizeof k->secret) != 0)
        return false;
    next.cnt = 1;
    if (s->cnt)
        next.key[next.cnt++] = s->key[s->current];
    lg_wipe(s, sizeof *s);
    *s = next;
    lg_wipe(&next, sizeof next);
    publish(s);
    return true;
}

const struct lg_ticket_ring *lg_ticket_ring_use(uint32_t lifetime_s)
{
    if (random_keys.set.cnt == 0 && !rotate())
        return NULL;
    random_keys.period_s = LG_MAX(random_keys.period_s, lifetime_s);
    return &ring;
}

void lg_tls_tickets_poll(lg_ns_t now_ns)
{
    if (random_keys.period_s == 0)
        return;
    lg_ns_t due_ns = lg_ns_add(now_ns, LG_SEC(random_keys.period_s));
    if (random_keys.next_ns == 0) {
        random_keys.next_ns = due_ns;
    } else if (now_ns >= random_keys.next_ns && lg_is_ok(lg_wolf_control_begin()) && rotate()) {
        random_keys.next_ns = due_ns;
        lg_log(LG_LOG_DEBUG, "session ticket keys: a new one seals from now on");
    }
}

/* derive makes name and secret of the bytes of one line. */
static bool derive(const uint8_t *in, size_t sz, struct lg_ticket_key *out)
{
    static const char *const labels[] = {"lockgate ticket key name", "lockgate ticket key secret"};
    uint8_t h[2][WC_SHA256_DIGEST_SIZE];
    bool ok = true;
    for (int i = 0; i < 2; i++)
        ok = ok && wc_HKDF(WC_SHA256, in, (word32)sz, NULL, 0, (const byte *)labels[i],
                           (word32)strlen(labels[i]), h[i], sizeof h[i]) == 0;
    memcpy(out->name, h[0], sizeof out->name);
    memcpy(out->secret, h[1], sizeof out->secret);
    lg_wipe(h, sizeof h);
    return ok;
}

static bool key_line(lg_span_t line, struct lg_ticket_set *set)
{
    uint8_t raw[96];
    bool ok = false;
    if (line.len <= 108 && set->cnt < LG_TICKET_KEY_MAX) { /* 80 bytes in base64 */
        size_t sz = lg_pem_decode(line, raw);
        ok = sz >= 32 && sz <= 80 && derive(raw, sz, &set->key[set->cnt]);
    }
    set->cnt += ok;
    lg_wipe(raw, sizeof raw);
    return ok;
}

lg_err_t lg_ticket_keys_parse(lg_span_t text, struct lg_ticket_set *out, unsigned *line)
{
    struct lg_ticket_set set = {0};
    size_t at = 0;
    *line = 0;
    for (unsigned nr = 1; at < text.len; nr++) {
        const uint8_t *end = memchr(text.p + at, '\n', text.len - at);
        size_t len = end ? (size_t)(end - text.p) - at : text.len - at;
        lg_span_t one = lg_span(text.p + at, len);
        at += len + 1;
        while (one.len && (one.p[one.len - 1] == '\r' || one.p[one.len - 1] == ' '))
            one.len--;
        if (one.len == 0 || one.p[0] == '#')
            continue;
        if (!key_line(one, &set)) {
            lg_wipe(&set, sizeof set);
            *line = nr;
            return LG_E(FORMAT);
        }
    }
    LG_CHECK(set.cnt > 0, LG_E(FORMAT));
    set.current = set.cnt > 1 ? set.cnt - 2 : 0;
    *out = set;
    lg_wipe(&set, sizeof set);
    return LG_OK;
}

bool lg_ticket_load(struct lg_where *w, const char *path, struct lg_ticket_set **out)
{
    struct lg_file f;
    unsigned line;
    w->key = "tickets";
    if (!lg_file_read(w, path, 65536, &f))
        return false;
    struct lg_ticket_set *set = calloc(1, sizeof *set);
    lg_err_t e = set ? lg_ticket_keys_parse(lg_span(f.data, f.sz), set, &line) : LG_E(NOMEM);
    lg_file_fini(&f);
    if (lg_is_ok(e)) {
        *out = set;
        return true;
    }
    free(set);
    if (lg_err_is(e, LG_ERR_FORMAT) && line)
        lg_where_error(w,
                       "%s, line %u: a ticket key is 32 to 80 random bytes in base64, at most %d "
                       "of them: openssl rand -base64 48 >> %s",
                       path, line, LG_TICKET_KEY_MAX, path);
    else if (lg_err_is(e, LG_ERR_FORMAT))
        lg_where_error(w, "%s holds no ticket key: openssl rand -base64 48 >> %s", path, path);
    return false;
}
