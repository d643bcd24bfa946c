/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reload.c: replacing the snapshot in force, and freeing the replaced ones. */
#include "reload.h"
#include "log.h"
#include "snapshot_build.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void lg_reload_init(struct lg_reload *r, struct lg_snapshot *first, const struct lg_reload_ops *ops,
                    void *ops_ctx)
{
    *r = (struct lg_reload){
        .ops = ops, .ops_ctx = ops_ctx, .boot_cfg = first->cfg, .current = first};
}

/* destroy frees a snapshot, but never the configuration the process was started with. */
static void destroy(struct lg_reload *r, struct lg_snapshot *s)
{
    if (s && s->cfg == r->boot_cfg)
        s->cfg = NULL;
    lg_snapshot_free(s);
}

void lg_reload_fini(struct lg_reload *r)
{
    while (r->retired) {
        struct lg_retired *one = r->retired;
        r->retired = one->next;
        destroy(r, one->snapshot);
        free(one);
    }
    destroy(r, r->current);
    lg_config_free(r->boot_cfg);
    *r = (struct lg_reload){0};
}

/* restart_key: config/ knows what the dataplane cannot change; the socket is this folder's. */
static const char *restart_key(const struct lg_config *running, const struct lg_config *next)
{
    const char *key = lg_config_restart_needed(running, next);

    if (!key && strcmp(running->control_socket, next->control_socket) != 0)
        key = "global.control_socket";
    return key;
}

/* build_next makes the snapshot that would replace the current one; it changes nothing. */
static lg_err_t build_next(const struct lg_reload *r, struct lg_snapshot **out,
                           struct lg_diag *diag)
{
    struct lg_config *cfg = NULL;

    LG_TRY(lg_config_load(r->boot_cfg->file, &cfg, diag));
    const char *key = restart_key(r->boot_cfg, cfg);
    if (key) {
        lg_diag_error(diag, cfg->file, 0, key,
                      "changed, and only a restart can change it; nothing of the file was applied");
        lg_config_free(cfg);
        return LG_E(CONFIG);
    }
    return lg_snapshot_build(cfg, r->current->worker_cnt, r->current->generation + 1, r->current,
                             out, diag);
}

lg_err_t lg_reload_run(struct lg_reload *r, lg_ns_t now_ns, struct lg_diag *diag)
{
    struct lg_snapshot *next = NULL;
    /* Taken before the publish: after it there is no way back. */
    struct lg_retired *old = calloc(1, sizeof *old);

    *diag = (struct lg_diag){0};
    if (!old) {
        lg_diag_error(diag, r->boot_cfg->file, 0, NULL, "out of memory");
        return LG_E(NOMEM);
    }
    lg_err_t err = build_next(r, &next, diag);
    if (lg_is_ok(err) && r->ops->prepare)
        err = r->ops->prepare(r->ops_ctx, next, diag);
    if (!lg_is_ok(err)) {
        destroy(r, next);
        free(old);
        return err;
    }
    *old = (struct lg_retired){.snapshot = r->current, .since_ns = now_ns, .next = r->retired};
    old->token = r->ops->publish(r->ops_ctx, next);
    r->current = next;
    r->retired = old;
    r->retired_cnt++;
    return LG_OK;
}

static bool is_free(const struct lg_reload *r, const struct lg_retired *one)
{
    return r->ops->is_quiet(r->ops_ctx, one->token) && lg_snapshot_pins(one->snapshot) == 0;
}

static void warn_of(const struct lg_reload *r, struct lg_retired *one, lg_ns_t now_ns)
{
    lg_ns_t held_ns = lg_ns_since(now_ns, one->since_ns);

    if (one->has_warned || held_ns <= r->current->cfg->drain_timeout_ns)
        return;
    one->has_warned = true;
    lg_log(LG_LOG_WARN,
           "generation %" PRIu64 " is still held by %" PRIu64 " connections, %" PRIu64
           " s after it was replaced",
           one->snapshot->generation, lg_snapshot_pins(one->snapshot), held_ns / LG_SEC(1));
}

unsigned lg_reload_poll(struct lg_reload *r, lg_ns_t now_ns)
{
    unsigned freed_cnt = 0;

    for (struct lg_retired **at = &r->retired; *at;) {
        struct lg_retired *one = *at;
        if (!is_free(r, one)) {
            warn_of(r, one, now_ns);
            at = &one->next;
            continue;
        }
        *at = one->next;
        lg_log(LG_LOG_DEBUG, "generation %" PRIu64 " freed", one->snapshot->generation);
        if (r->ops->forget)
            r->ops->forget(r->ops_ctx, one->snapshot);
        destroy(r, one->snapshot);
        free(one);
        r->retired_cnt--;
        freed_cnt++;
    }
    return freed_cnt;
}
