/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sticky.h: cookies of ours by which a client comes back to its backend.
 *
 * A cookie's value is a tag: 32 hex digits, a keyed hash (SipHash-2-4, twice, with two keys) of the
 * pool's name and the backend's address. It says nothing to who has not the key, and who has not
 * been given one cannot make one. All clients of a backend have the same one: it is no secret about
 * them.
 *
 * The key is the process's own, random, and goes from snapshot to snapshot; or it comes from a file
 * that several machines share. Of several keys in a file the last but one signs, as in ticket_keys:
 * append one, spread the file, reload. Tags of the others are believed, and replaced.
 *
 * Tags are made when a snapshot is built; a request costs a search among them. */
#ifndef LG_STICKY_H
#define LG_STICKY_H

#include "config.h"
#include "http_head.h"

#define LG_STICKY_KEY_SZ 32u
#define LG_STICKY_TAG_SZ 16u
#define LG_STICKY_KEYS_MAX 4u
#define LG_STICKY_COOKIE_SZ 768u /* of a Set-Cookie's value */

struct lg_sticky_tag {
    uint8_t tag[LG_STICKY_TAG_SZ];
    uint32_t backend_idx;
    bool is_current; /* by the key that signs */
};

/* One pool's. Immutable. */
struct lg_sticky {
    const struct lg_cfg_sticky *cfg; /* borrows: of the snapshot */
    lg_span_t name;                  /* of the cookie */
    uint32_t tag_cnt;
    struct lg_sticky_tag *tags;           /* owns; in the order of the tags */
    uint8_t (*current)[LG_STICKY_TAG_SZ]; /* owns; by backend */
};

/* lg_sticky_build makes a pool's tags.
 *   own_key  LG_STICKY_KEY_SZ bytes: the process's, where the pool names no file
 *   Returns  LG_OK and *out, for lg_sticky_free; LG_E(CONFIG) with a message about the key file;
 *            LG_E(NOMEM)
 *   Thread   control or boot */
LG_MUST lg_err_t lg_sticky_build(const struct lg_config *cfg, const struct lg_cfg_pool *pool,
                                 const uint8_t *own_key, struct lg_sticky **out,
                                 struct lg_diag *diag);
void lg_sticky_free(struct lg_sticky *s); /* NULL allowed */

enum lg_sticky_outcome {
    LG_STICKY_NONE, /* no such cookie */
    LG_STICKY_BAD,  /* only ones that are no tag of this pool */
    LG_STICKY_OLD,  /* a tag, but not by the key that signs now */
    LG_STICKY_CURRENT,
};
/* lg_sticky_find looks for a request's cookie. *idx: on OLD and CURRENT the backend. Thread any. */
enum lg_sticky_outcome lg_sticky_find(const struct lg_sticky *s, const struct lg_http_head *h,
                                      uint32_t *idx);
/* lg_sticky_put writes the value of a Set-Cookie that names a backend. Thread any. */
void lg_sticky_put(const struct lg_sticky *s, uint32_t backend_idx, bool is_tls,
                   struct lg_http_text *out);

#endif
