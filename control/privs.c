/* SPDX-License-Identifier: GPL-2.0-or-later */
/* privs.c: users, capabilities, core dumps, locked memory. */
#include "privs.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define BIT(cap) ((uint64_t)1 << (cap))

/* What the control thread has kept. Of the process, not of an object: so are capabilities. */
static uint64_t kept;

/* ---------------------------------------------------------------- users */

/* take_number reads a user or group given as a number; -1, which means "no change" to the kernel,
 * is none. */
static bool take_number(const char *s, uint32_t *out)
{
    char *end;

    errno = 0;
    unsigned long v = strtoul(s, &end, 10);
    if (*s < '0' || *s > '9' || *end || errno || v >= UINT32_MAX)
        return false;
    *out = (uint32_t)v;
    return true;
}

static lg_err_t find_group(const struct lg_config *cfg, struct lg_privs *out, struct lg_diag *diag)
{
    const struct group *gr = getgrnam(cfg->group);

    if (gr)
        out->gid = gr->gr_gid;
    else if (!take_number(cfg->group, &out->gid)) {
        lg_diag_error(diag, cfg->file, 0, "global.group",
                      "there is no group \"%s\"; mend: groupadd --system %s", cfg->group,
                      cfg->group);
        return LG_E(CONFIG);
    }
    return LG_OK;
}

lg_err_t lg_privs_find(const struct lg_config *cfg, struct lg_privs *out, struct lg_diag *diag)
{
    *out = (struct lg_privs){.has_user = *cfg->user != '\0'};
    if (!out->has_user)
        return LG_OK;
    const struct passwd *pw = getpwnam(cfg->user);
    if (!pw && take_number(cfg->user, &out->uid))
        pw = getpwuid(out->uid);
    else if (!pw) {
        lg_diag_error(diag, cfg->file, 0, "global.user",
                      "there is no user \"%s\"; mend: useradd --system --no-create-home --shell "
                      "/usr/sbin/nologin %s",
                      cfg->user, cfg->user);
        return LG_E(CONFIG);
    }
    if (pw) {
        out->uid = pw->pw_uid;
        out->gid = pw->pw_gid;
        snprintf(out->name, sizeof out->name, "%s", pw->pw_name);
    } else if (!*cfg->group) {
        lg_diag_error(diag, cfg->file, 0, "global.group",
                      "user %s is a number without an entry in passwd, so its group must be given",
                      cfg->user);
        return LG_E(CONFIG);
    }
    return *cfg->group ? find_group(cfg, out, diag) : LG_OK;
}

/* ---------------------------------------------------------------- capabilities */

static bool is_memlock_endless(void)
{
    struct rlimit lim;

    return getrlimit(RLIMIT_MEMLOCK, &lim) == 0 && lim.rlim_cur == RLIM_INFINITY;
}

uint64_t lg_privs_needed(const struct lg_config *cfg)
{
    uint64_t caps = cfg->keep_file_access ? BIT(CAP_DAC_READ_SEARCH) : 0;

    for (uint32_t i = 0; i < cfg->port_cnt; i++)
        if (strncmp(cfg->ports[i].device, "af_xdp:", 7) == 0 ||
            strncmp(cfg->ports[i].device, "tap:", 4) == 0)
            caps |= BIT(CAP_NET_ADMIN); /* to take the program, or the interface, away again */
    return is_memlock_endless() ? caps : caps | BIT(CAP_IPC_LOCK);
}

/* fill tells libcap-ng the sets of this thread; nothing changes yet. */
static bool fill(uint64_t permitted, uint64_t effective)
{
    capng_clear(CAPNG_SELECT_CAPS);
    for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++) {
        if ((permitted & BIT(cap)) && capng_update(CAPNG_ADD, CAPNG_PERMITTED, cap) != 0)
            return false;
        if ((effective & BIT(cap)) && capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, cap) != 0)
            return false;
    }
    return true;
}

static uint64_t own_caps(void)
{
    uint64_t caps = 0;

    if (capng_get_caps_process() != 0)
        return 0;
    for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++)
        if (capng_have_capability(CAPNG_PERMITTED, cap))
            caps |= BIT(cap);
    return caps;
}

bool lg_privs_drop_thread(void)
{
    return capng_get_caps_process() == 0 && fill(0, 0) && capng_apply(CAPNG_SELECT_CAPS) == 0;
}

static lg_err_t fail(struct lg_diag *diag, const char *what)
{
    lg_diag_error(diag, NULL, 0, "global.user", "%s: %s", what, strerror(errno));
    return LG_E(SYS);
}

/* become changes user and groups, in every thread (glibc), and keeps this one's capabilities
 * permitted; those of the others go. */
static lg_err_t become(const struct lg_privs *p, struct lg_diag *diag)
{
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
        return fail(diag, "PR_SET_KEEPCAPS");
    if (setresgid(p->gid, p->gid, p->gid) != 0)
        return fail(diag, "setresgid");
    if ((*p->name ? initgroups(p->name, p->gid) : setgroups(0, NULL)) != 0)
        return fail(diag, "setgroups");
    if (setresuid(p->uid, p->uid, p->uid) != 0)
        return fail(diag, "setresuid");
    if (p->uid != 0 && setresuid(0, 0, 0) == 0) {
        lg_diag_error(diag, NULL, 0, "global.user", "root could be had back");
        return LG_E(SYS);
    }
    return LG_OK;
}

lg_err_t lg_privs_drop(const struct lg_config *cfg, const struct lg_privs *p, struct lg_diag *diag)
{
    uint64_t want = lg_privs_needed(cfg) & own_caps();
    bool is_root = geteuid() == 0;

    if (!is_root && p->has_user && p->uid != geteuid()) {
        lg_diag_error(diag, cfg->file, 0, "global.user",
                      "started as uid %u, which cannot become %s; start as root, or leave "
                      "global.user out",
                      geteuid(), cfg->user);
        return LG_E(SYS);
    }
    if (is_root)
        LG_TRY(become(p, diag));
    if (!fill(want, 0) || capng_apply(CAPNG_SELECT_CAPS) != 0)
        return fail(diag, "capset");
    kept = want;
    lg_privs_harden(cfg); /* a change of user makes a process dumpable as the kernel likes */
    return LG_OK;
}

void lg_privs_raise(void)
{
    if (kept && fill(kept, kept))
        (void)capng_apply(CAPNG_SELECT_CAPS);
}

void lg_privs_lower(void)
{
    if (kept && fill(kept, 0))
        (void)capng_apply(CAPNG_SELECT_CAPS);
}

/* ---------------------------------------------------------------- memory */

void lg_privs_harden(const struct lg_config *cfg)
{
    const struct rlimit none = {0, 0};

    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* fails on kernels before 3.5 only */
    if (cfg->core_dumps)
        return;
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* holds for core_pattern's pipes too */
}

void lg_privs_relock_memory(void)
{
    struct lg_diag ignored = {0}; /* said at start */

    if (!is_memlock_endless())
        (void)lg_privs_lock_memory(&ignored);
}

bool lg_privs_lock_memory(struct lg_diag *diag)
{
    struct rlimit lim;
    /* On fault: DPDK reserves address space by the 100 GiB that it never touches. */
    int flags = MCL_CURRENT | MCL_ONFAULT | (is_memlock_endless() ? MCL_FUTURE : 0);

    lg_privs_raise();
    int rc = mlockall(flags);
    int why = errno;
    lg_privs_lower();
    if (rc == 0)
        return true;
    bool has_limit = getrlimit(RLIMIT_MEMLOCK, &lim) == 0 && lim.rlim_cur != RLIM_INFINITY;
    lg_diag_warn(diag, NULL, 0, NULL,
                 "memory with private keys is not locked and may be swapped out: %s%s",
                 strerror(why),
                 has_limit ? "; the limit on locked memory is too small: LimitMEMLOCK=infinity "
                             "(systemd) or ulimit -l unlimited, or CAP_IPC_LOCK"
                           : "");
    return false;
}
