/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reload.c: replacing the snapshot in force, and freeing the replaced ones. What is changed without
 * the file is reload_change.c. */
#include "reload_priv.h"

#include "log.h"
#include "snapshot_build.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void lg_reload_init(struct lg_reload *r, struct lg_snapshot *first, struct lg_revoked *revoked,
                    const struct lg_reload_ops *ops, void *ops_ctx)
{
    *r = (struct lg_reload){.ops = ops,
                            .ops_ctx = ops_ctx,
                            .boot_cfg = lg_config_hold(first->cfg),
                            /* What addresses were put into, where there are names. */
                            .file_cfg =
                                lg_config_hold(first->cfg->base ? first->cfg->base : first->cfg),
                            .revoked = revoked,
                            .current = first};
}

void lg_reload_fini(struct lg_reload *r)
{
    while (r->retired) {
        struct lg_retired *one = r->retired;
        r->retired = one->next;
        lg_snapshot_free(one->snapshot);
        free(one);
    }
    lg_snapshot_free(r->current);
    lg_changes_clear(&r->changes);
    lg_revoked_give(r->revoked);
    lg_config_free(r->file_cfg);
    lg_config_free(r->boot_cfg);
    *r = (struct lg_reload){0};
    (void)lg_tls_policies_poll();
}

/* restart_key: config/ knows what the dataplane cannot change; the socket is this folder's. */
static const char *restart_key(const struct lg_config *running, const struct lg_config *next)
{
    const char *key = lg_config_restart_needed(running, next);

    if (!key && strcmp(running->control_socket, next->control_socket) != 0)
        key = "global.control_socket";
    return key;
}

lg_err_t lg_reload_resolve(const struct lg_reload *r, struct lg_config *file,
                           struct lg_config **out, struct lg_diag *diag)
{
    if (r->ops->resolve)
        return r->ops->resolve(r->ops_ctx, file, out, diag);
    *out = lg_config_hold(file);
    return LG_OK;
}

lg_err_t lg_reload_install(struct lg_reload *r, struct lg_config *cfg,
                           const struct lg_snapshot_parts *parts, lg_ns_t now_ns,
                           struct lg_diag *diag)
{
    struct lg_snapshot *next = NULL;
    /* Taken before the publish: after it there is no way back. */
    struct lg_retired *old = calloc(1, sizeof *old);

    lg_err_t err = lg_snapshot_build_of(cfg, r->current->worker_cnt, r->current->generation + 1,
                                        r->current, parts, &next, diag);
    if (lg_is_ok(err) && !old)
        err = LG_E(NOMEM);
    if (lg_is_ok(err) && r->ops->prepare)
        err = r->ops->prepare(r->ops_ctx, next, diag);
    if (lg_is_ok(err) && !parts->policies && r->ops->renew)
        err = r->ops->renew(r->ops_ctx, next, diag);
    if (!lg_is_ok(err)) {
        lg_snapshot_free(next);
        if (diag->error_cnt == 0)
            lg_diag_error(diag, r->boot_cfg->file, 0, NULL, "%s", lg_err_text(err));
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

/* say_forgotten: the file wins, and whoever has changed something by hand shall know. */
static void say_forgotten(const struct lg_reload *r, struct lg_diag *diag)
{
    if (r->changes.cnt)
        lg_diag_warn(diag, r->boot_cfg->file, 0, NULL,
                     "changes of %u backends by lockgatectl are forgotten: the file is in force",
                     r->changes.cnt);
    if (r->put_cnt)
        lg_diag_warn(diag, r->boot_cfg->file, 0, NULL,
                     "%u certificates put by lockgatectl are forgotten: those of the files are in "
                     "force",
                     r->put_cnt);
}

lg_err_t lg_reload_run(struct lg_reload *r, lg_ns_t now_ns, struct lg_diag *diag)
{
    struct lg_config *cfg = NULL;
    struct lg_snapshot_parts parts = {.revoked = NULL};

    *diag = (struct lg_diag){0};
    LG_TRY(lg_config_load(r->boot_cfg->file, &cfg, diag));
    const char *key = restart_key(r->boot_cfg, cfg);
    if (key)
        lg_diag_error(diag, cfg->file, 0, key,
                      "changed, and only a restart can change it; nothing of the file was applied");
    lg_err_t err = key ? LG_E(CONFIG) : lg_reload_revoked(cfg, &parts.revoked, diag);
    if (!lg_is_ok(err)) {
        lg_config_free(cfg);
        return err;
    }
    if (!cfg->revoked_file)
        parts.revoked = lg_revoked_hold(r->revoked);
    else if (lg_revoked_same(parts.revoked, r->revoked)) {
        lg_revoked_give(parts.revoked);
        parts.revoked = lg_revoked_hold(r->revoked);
    }
    struct lg_config *named = NULL;
    if (r->ops->learn)
        err = r->ops->learn(r->ops_ctx, cfg, diag);
    if (lg_is_ok(err))
        err = lg_reload_resolve(r, cfg, &named, diag);
    if (lg_is_ok(err))
        err = lg_reload_install(r, named, &parts, now_ns, diag);
    if (!lg_is_ok(err)) {
        lg_revoked_give(parts.revoked);
        lg_config_free(cfg);
        return err;
    }
    say_forgotten(r, diag);
    if (cfg->revoked_file && !parts.revoked && r->revoked && r->revoked->cnt)
        lg_diag_warn(diag, cfg->revoked_file, 0, NULL,
                     "there is no such file: %u revoked certificates are admitted again",
                     r->revoked->cnt);
    lg_changes_clear(&r->changes);
    r->put_cnt = 0;
    lg_revoked_give(r->revoked);
    r->revoked = parts.revoked;
    lg_config_free(r->file_cfg);
    r->file_cfg = cfg;
    return LG_OK;
}

/* ---------------------------------------------------------------- retired */

static bool is_free(const struct lg_reload *r, const struct lg_retired *one)
{
    return r->ops->is_quiet(r->ops_ctx, one->token) && lg_snapshot_pins(one->snapshot) == 0;
}

static void end_one(struct lg_reload *r, struct lg_retired *one, const char *why)
{
    if (one->is_ended)
        return;
    one->is_ended = true;
    lg_log(LG_LOG_WARN,
           "generation %" PRIu64 " was still held by %" PRIu64 " connections %s: they are closed",
           one->snapshot->generation, lg_snapshot_pins(one->snapshot), why);
    r->ops->end(r->ops_ctx, one->snapshot->generation);
}

unsigned lg_reload_poll(struct lg_reload *r, lg_ns_t now_ns)
{
    unsigned freed_cnt = 0;
    uint32_t nr = 0; /* how many of those that stay are newer than this one */

    for (struct lg_retired **at = &r->retired; *at;) {
        struct lg_retired *one = *at;
        if (!is_free(r, one)) {
            if (lg_ns_since(now_ns, one->since_ns) > r->current->cfg->drain_timeout_ns)
                end_one(r, one, "after drain_timeout");
            else if (nr >= r->current->cfg->max_generations)
                end_one(r, one, "and more than max_generations came after it");
            nr++;
            at = &one->next;
            continue;
        }
        *at = one->next;
        lg_log(LG_LOG_DEBUG, "generation %" PRIu64 " freed", one->snapshot->generation);
        if (r->ops->forget)
            r->ops->forget(r->ops_ctx, one->snapshot);
        lg_snapshot_free(one->snapshot);
        free(one);
        r->retired_cnt--;
        freed_cnt++;
    }
    (void)lg_tls_policies_poll();
    return freed_cnt;
}
