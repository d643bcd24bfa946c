/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reload_change.c: what is changed while the process runs, without the file: backends, a
 * certificate, who is revoked. Each is a generation of its own, made of the current one's parts. */
#include "reload_priv.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REVOKED_FILE_MAX_SZ (16u << 20)

/* hold_policies: those of the current listeners, each with a reference. NULL: no memory. */
static struct lg_tls_policy **hold_policies(const struct lg_reload *r)
{
    const struct lg_snapshot *s = r->current;
    struct lg_tls_policy **p = calloc(LG_MAX(s->listener_cnt, 1u), sizeof(struct lg_tls_policy *));

    for (uint32_t i = 0; p && i < s->listener_cnt; i++)
        if (s->listeners[i].tls)
            p[i] = lg_tls_policy_hold(s->listeners[i].tls);
    return p;
}

static void give_policies(struct lg_tls_policy **p, uint32_t cnt)
{
    for (uint32_t i = 0; p && i < cnt; i++)
        lg_tls_policy_free(p[i]);
    free(p);
}

static lg_err_t no_memory(struct lg_diag *diag)
{
    lg_diag_error(diag, NULL, 0, NULL, "out of memory");
    return LG_E(NOMEM);
}

/* install_with publishes a configuration with these policies, which it takes with their array. */
static lg_err_t install_with(struct lg_reload *r, struct lg_config *cfg,
                             struct lg_tls_policy **policies, lg_ns_t now_ns, struct lg_diag *diag)
{
    struct lg_snapshot_parts parts = {.revoked = r->revoked, .policies = policies};
    lg_err_t err = lg_reload_install(r, cfg, &parts, now_ns, diag);

    free(policies);
    return err;
}

/* ---------------------------------------------------------------- backends */

/* copy_changes: so that a change that comes to nothing leaves none behind. */
static lg_err_t copy_changes(const struct lg_cfg_changes *from, struct lg_cfg_changes *to)
{
    *to = (struct lg_cfg_changes){.cnt = from->cnt, .room = from->cnt};
    if (from->cnt == 0)
        return LG_OK;
    to->list = malloc(from->cnt * sizeof *to->list);
    LG_CHECK(to->list, LG_E(NOMEM));
    memcpy(to->list, from->list, from->cnt * sizeof *to->list);
    return LG_OK;
}

/* derive makes what the file says, with addresses and with changes; *out is a reference. */
static lg_err_t derive(const struct lg_reload *r, const struct lg_cfg_changes *changes,
                       struct lg_config **out, struct lg_diag *diag)
{
    struct lg_config *named = NULL;

    LG_TRY(lg_reload_resolve(r, r->file_cfg, &named, diag));
    lg_err_t err = lg_config_derive(named, changes, out);
    lg_config_free(named);
    return err;
}

lg_err_t lg_reload_names(struct lg_reload *r, lg_ns_t now_ns, struct lg_diag *diag)
{
    struct lg_config *cfg = NULL;

    *diag = (struct lg_diag){0};
    LG_TRY(derive(r, &r->changes, &cfg, diag));
    struct lg_tls_policy **policies = hold_policies(r);
    if (policies)
        return install_with(r, cfg, policies, now_ns, diag);
    lg_config_free(cfg);
    return no_memory(diag);
}

lg_err_t lg_reload_backend(struct lg_reload *r, enum lg_change_what what, const char *pool,
                           const char *backend, const struct lg_cfg_backend *be, lg_ns_t now_ns,
                           struct lg_diag *diag)
{
    struct lg_cfg_changes next;
    struct lg_config *cfg = NULL;

    *diag = (struct lg_diag){0};
    if (!lg_is_ok(copy_changes(&r->changes, &next)))
        return no_memory(diag);
    lg_err_t err = lg_changes_add(&next, r->current->cfg, what, pool, backend, be, diag);
    if (lg_is_ok(err))
        err = derive(r, &next, &cfg, diag);
    if (lg_is_ok(err)) {
        struct lg_tls_policy **policies = hold_policies(r);
        if (policies)
            err = install_with(r, cfg, policies, now_ns, diag);
        else
            lg_config_free(cfg);
        if (!policies)
            err = LG_E(NOMEM);
    }
    if (!lg_is_ok(err)) {
        if (diag->error_cnt == 0)
            lg_diag_error(diag, NULL, 0, NULL, "%s", lg_err_text(err));
        lg_changes_clear(&next);
        return err;
    }
    lg_changes_clear(&r->changes);
    r->changes = next;
    return LG_OK;
}

/* ---------------------------------------------------------------- a certificate */

static const struct lg_listener *find_listener(const struct lg_snapshot *s, const char *name)
{
    for (uint32_t i = 0; i < s->listener_cnt; i++)
        if (strcmp(s->listeners[i].cfg->name, name) == 0)
            return &s->listeners[i];
    return NULL;
}

lg_err_t lg_reload_put(struct lg_reload *r, const char *listener, lg_span_t cert, lg_span_t key,
                       lg_ns_t now_ns, struct lg_tls_put *what, struct lg_diag *diag)
{
    const struct lg_snapshot *s = r->current;
    const struct lg_listener *l = find_listener(s, listener);
    struct lg_tls_policy *next = NULL;

    *diag = (struct lg_diag){0};
    if (!l || !l->tls) {
        lg_diag_error(diag, NULL, 0, NULL,
                      l ? "listener %s is in clear and shows no certificate"
                        : "there is no listener %s",
                      listener);
        return LG_E(CONFIG);
    }
    LG_TRY(lg_tls_policy_put(s->cfg, l->cfg, l->tls, cert, key, &next, what, diag));
    struct lg_tls_policy **policies = hold_policies(r);
    if (!policies) {
        lg_tls_policy_free(next);
        return no_memory(diag);
    }
    lg_tls_policy_free(policies[l->idx]);
    policies[l->idx] = next;
    LG_TRY(install_with(r, lg_config_hold(s->cfg), policies, now_ns, diag));
    r->put_cnt++;
    return LG_OK;
}

/* ---------------------------------------------------------------- revoking */

/* read_small reads a file whole; NULL: errno says why. */
static char *read_small(const char *path, size_t *len)
{
    struct stat st;
    FILE *f = fopen(path, "re");
    char *text = NULL;

    if (!f)
        return NULL;
    if (fstat(fileno(f), &st) == 0 && st.st_size <= (off_t)REVOKED_FILE_MAX_SZ)
        text = malloc((size_t)st.st_size + 1);
    else
        errno = EFBIG;
    if (text)
        *len = fread(text, 1, (size_t)st.st_size, f);
    fclose(f);
    return text;
}

lg_err_t lg_reload_revoked(const struct lg_config *cfg, struct lg_revoked **out,
                           struct lg_diag *diag)
{
    const char *path = cfg->revoked_file;
    unsigned line = 0;
    size_t len = 0;

    *out = NULL;
    char *text = path ? read_small(path, &len) : NULL;
    if (!path || (!text && errno == ENOENT))
        return LG_OK;
    if (!text) {
        lg_diag_error(diag, path, 0, NULL, "cannot read the revoked certificates: %s",
                      strerror(errno));
        return LG_E(CONFIG);
    }
    lg_err_t err = lg_revoked_parse(lg_span(text, len), out, &line);
    free(text);
    if (lg_is_ok(err) || lg_err_is(err, LG_ERR_NOMEM))
        return err;
    lg_diag_error(diag, path, line, NULL,
                  lg_err_is(err, LG_ERR_FULL)
                      ? "too many revoked certificates; let the CA issue a revocation list"
                      : "expected the SHA-256 of the issuer's name in hex, a blank, and the serial "
                        "number in hex");
    return LG_E(CONFIG);
}

/* append writes one line to the file, and has it on the disk; false: errno says why, and the file
 * is as it was. */
static bool append(const char *path, const struct lg_revocation *one)
{
    char entry[LG_REVOKED_LINE_SZ], line[LG_REVOKED_LINE_SZ + 64], when[32] = "", last = '\n';
    time_t now = time(NULL);
    struct stat st;
    struct tm tm;
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return false;
    if (gmtime_r(&now, &tm))
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    bool ok = fstat(fd, &st) == 0;
    if (ok && st.st_size > 0)
        ok = pread(fd, &last, 1, st.st_size - 1) == 1;
    /* An editor may have left the last line without its end. */
    int len = snprintf(line, sizeof line, "%s%s # %s\n", last == '\n' ? "" : "\n",
                       lg_revocation_text(one, entry), when);
    if (ok && (write(fd, line, (size_t)len) != len || fsync(fd) != 0)) {
        int full = errno;
        ok = false;
        (void)!ftruncate(fd, st.st_size); /* half a line would have the next reload refused */
        errno = full;
    }
    int why = errno;
    close(fd);
    errno = why;
    return ok;
}

/* refuse_all gives each listener the policy that refuses what is in set. */
static lg_err_t refuse_all(const struct lg_snapshot *s, struct lg_revoked *set,
                           struct lg_tls_policy **policies)
{
    for (uint32_t i = 0; i < s->listener_cnt; i++) {
        struct lg_tls_policy *next;
        if (!policies[i])
            continue;
        LG_TRY(lg_tls_policy_revoked(policies[i], set, &next));
        lg_tls_policy_free(policies[i]);
        policies[i] = next;
    }
    return LG_OK;
}

lg_err_t lg_reload_revoke(struct lg_reload *r, const struct lg_revocation *one, lg_ns_t now_ns,
                          struct lg_diag *diag)
{
    const struct lg_snapshot *s = r->current;
    const char *path = r->file_cfg->revoked_file;
    struct lg_revoked *set = NULL;

    *diag = (struct lg_diag){0};
    lg_err_t err = lg_revoked_with(r->revoked, one, &set);
    struct lg_tls_policy **policies = lg_is_ok(err) ? hold_policies(r) : NULL;
    if (lg_is_ok(err))
        err = policies ? refuse_all(s, set, policies) : LG_E(NOMEM);
    if (lg_is_ok(err)) {
        struct lg_snapshot_parts parts = {.revoked = set, .policies = policies};
        err = lg_reload_install(r, lg_config_hold(s->cfg), &parts, now_ns, diag);
        free(policies);
    } else {
        give_policies(policies, s->listener_cnt);
        lg_diag_error(diag, NULL, 0, NULL, "%s", lg_err_text(err));
    }
    if (!lg_is_ok(err)) {
        lg_revoked_give(set);
        return err;
    }
    bool is_new = set->cnt > (r->revoked ? r->revoked->cnt : 0);
    lg_revoked_give(r->revoked);
    r->revoked = set;
    if (is_new && path && !append(path, one))
        lg_diag_warn(diag, path, 0, NULL,
                     "cannot be written: %s; the certificate is revoked until the next reload only",
                     strerror(errno));
    return LG_OK;
}
