/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* cert_store.c: a table of counted things by the hash of their content. */
#include "cert_store.h"

/* Of the process, touched by the control thread only. */
struct lg_store lg_certs, lg_bundles;

static struct lg_stored **bucket(struct lg_store *st, const uint8_t *key)
{
    return &st->bucket[lg_get_be32(key) % LG_STORE_BUCKETS]; /* a hash already */
}

struct lg_stored *lg_store_find(struct lg_store *st, const uint8_t key[LG_HASH_SZ])
{
    struct lg_stored *s = *bucket(st, key);

    while (s && memcmp(s->key, key, LG_HASH_SZ) != 0)
        s = s->next;
    if (s)
        s->ref_cnt++;
    return s;
}

void lg_store_add(struct lg_store *st, struct lg_stored *s)
{
    struct lg_stored **at = bucket(st, s->key);

    s->ref_cnt = 1;
    s->next = *at;
    *at = s;
    st->cnt++;
}

bool lg_store_drop(struct lg_store *st, struct lg_stored *s)
{
    if (--s->ref_cnt > 0)
        return false;
    struct lg_stored **at = bucket(st, s->key);
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    st->cnt--;
    return true;
}

uint64_t lg_store_nr(void)
{
    static uint64_t last;
    return ++last;
}
