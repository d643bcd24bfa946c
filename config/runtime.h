/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime.h: backends changed while the process runs: what differs from the file, and a
 * configuration made of the file's and of that. The file's own is never written to.
 *
 * Changes of one backend add up to one entry, so that there are never more entries than backends.
 * A reload from the file forgets them: the file wins. Thread control. */
#ifndef LG_RUNTIME_H
#define LG_RUNTIME_H

#include "config.h"

#define LG_CHANGE_NAME_SZ 128
#define LG_CHANGES_MAX 4096u
#define LG_WEIGHT_MAX 256u

/* One backend, other than in the file. */
struct lg_cfg_change {
    char pool[LG_CHANGE_NAME_SZ], backend[LG_CHANGE_NAME_SZ];
    bool is_removed;
    bool is_added; /* it is not in the file (or was removed from it): all of `be` holds */
    bool has_drain, has_weight;
    struct lg_cfg_backend be; /* name is not used */
};

struct lg_cfg_changes {
    struct lg_cfg_change *list; /* owns */
    uint32_t cnt, room;
};

enum lg_change_what {
    LG_CHANGE_DRAIN,  /* be.drain */
    LG_CHANGE_WEIGHT, /* be.weight */
    LG_CHANGE_ADD,    /* all of be */
    LG_CHANGE_REMOVE,
};

/* lg_changes_add notes one more change.
 *   now      the configuration in force, which tells what there is to change
 *   Returns  LG_OK; LG_E(CONFIG) with a message: no such pool or backend, one of that name is there
 *            already, the last one of a pool cannot go, no port leads to its address, ...;
 *            LG_E(FULL), LG_E(NOMEM) */
LG_MUST lg_err_t lg_changes_add(struct lg_cfg_changes *c, const struct lg_config *now,
                                enum lg_change_what what, const char *pool, const char *backend,
                                const struct lg_cfg_backend *be, struct lg_diag *diag);
/* lg_changes_clear forgets all and frees. */
void lg_changes_clear(struct lg_cfg_changes *c);

/* lg_config_derive makes a configuration of a file's and changes: the same but for backends.
 *   file     held by the new one; derived from nothing itself
 *   Returns  LG_OK or LG_E(NOMEM) */
LG_MUST lg_err_t lg_config_derive(struct lg_config *file, const struct lg_cfg_changes *c,
                                  struct lg_config **out);

#endif
