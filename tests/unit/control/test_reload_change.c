/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is changed without the file, what a reload makes of it, and what generations share. The
 * workers are played by the test. */
#include "reload.h"
#include "site.h"
#include "snapshot_build.h"

#include <stdio.h>
#include <stdlib.h>

static struct {
    uint64_t token, ended;
    unsigned renewed_cnt;
    bool refuses; /* what only the file says */
} fake;

static uint64_t publish(void *ctx, const struct lg_snapshot *s)
{
    (void)ctx;
    (void)s;
    return ++fake.token;
}

static bool is_quiet(void *ctx, uint64_t token)
{
    (void)ctx;
    (void)token;
    return true;
}

static void end_generations(void *ctx, uint64_t generation)
{
    (void)ctx;
    fake.ended = generation;
}

static lg_err_t renew(void *ctx, const struct lg_snapshot *next, struct lg_diag *diag)
{
    (void)ctx;
    (void)next;
    fake.renewed_cnt++;
    if (fake.refuses)
        lg_diag_error(diag, NULL, 0, "admin.token_file", "permission denied");
    return fake.refuses ? LG_E(CONFIG) : LG_OK;
}

static const struct lg_reload_ops ops = {
    .publish = publish, .is_quiet = is_quiet, .end = end_generations, .renew = renew};

static struct t_dir start(struct lg_reload *r)
{
    struct t_dir d = t_site_make();
    struct lg_config *cfg = NULL;
    struct lg_snapshot *first = NULL;
    struct lg_diag diag = {0};

    memset(&fake, 0, sizeof fake);
    *r = (struct lg_reload){0};
    EXPECT_OK(lg_tls_global_init());
    EXPECT_OK(lg_config_load(t_path(&d, "lg.yaml"), &cfg, &diag));
    if (cfg)
        EXPECT_OK(lg_snapshot_build(cfg, 2, 1, NULL, &first, &diag));
    if (first)
        lg_reload_init(r, first, NULL, &ops, NULL);
    return d;
}

static void end(struct lg_reload *r, const struct t_dir *d)
{
    lg_reload_fini(r);
    EXPECT_EQ(lg_tls_policies_poll(), 0);
    t_dir_remove(d);
}

static const struct lg_cfg_backend *backend(const struct lg_reload *r, const char *name)
{
    const struct lg_cfg_pool *p = &r->current->cfg->pools[0];

    for (uint32_t i = 0; i < p->backend_cnt; i++)
        if (strcmp(p->backends[i].name, name) == 0)
            return &p->backends[i];
    return NULL;
}

static lg_err_t change(struct lg_reload *r, enum lg_change_what what, const char *pool,
                       const char *name, struct lg_cfg_backend be, struct lg_diag *diag)
{
    return lg_reload_backend(r, what, pool, name, &be, LG_SEC(1), diag);
}

#define BE(...) ((struct lg_cfg_backend){__VA_ARGS__})

TEST(Change, BackendsDrainGetWeightsComeAndGo)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    struct lg_cfg_backend w3 = {.weight = 5, .max_connections = 9};
    T_STOP_IF_FAILED();
    struct lg_tls_policy *tls = r.current->listeners[0].tls;
    const struct lg_seat *seat = r.current->pools[0].bal.seats[1];

    EXPECT_OK(lg_endpoint_parse(LG_SPAN_STR("192.0.2.13:81"), &w3.addr));
    EXPECT_OK(change(&r, LG_CHANGE_DRAIN, "web", "w1", BE(.drain = true), &diag));
    EXPECT(backend(&r, "w1")->drain);
    EXPECT_OK(change(&r, LG_CHANGE_WEIGHT, "web", "w1", BE(.weight = 7), &diag));
    EXPECT(backend(&r, "w1")->drain); /* what was changed before stays */
    EXPECT_EQ(backend(&r, "w1")->weight, 7);
    EXPECT_OK(change(&r, LG_CHANGE_DRAIN, "web", "w1", BE(.drain = false), &diag));
    EXPECT(!backend(&r, "w1")->drain);
    EXPECT_OK(change(&r, LG_CHANGE_ADD, "web", "w3", w3, &diag));
    EXPECT_EQ(backend(&r, "w3")->weight, 5);
    EXPECT_EQ(backend(&r, "w3")->addr.port, 81);
    EXPECT_OK(change(&r, LG_CHANGE_REMOVE, "web", "w1", BE(0), &diag));
    EXPECT(!backend(&r, "w1"));
    EXPECT_EQ(r.current->cfg->pools[0].backend_cnt, 2);
    EXPECT_EQ(r.current->generation, 6);
    EXPECT(r.current->listeners[0].tls == tls);
    EXPECT(r.current->pools[0].bal.seats[0] == seat); /* its counts, its check: all it was */
    /* One that was removed and is added again is what it is added as. */
    EXPECT_OK(change(&r, LG_CHANGE_ADD, "web", "w1", w3, &diag));
    EXPECT_EQ(backend(&r, "w1")->addr.port, 81);
    EXPECT_EQ(r.changes.cnt, 2);
    end(&r, &d);
}

TEST(Change, WhatCannotBeDoneIsSaidAndChangesNothing)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    struct lg_cfg_backend far = {.weight = 1}, ours = {.weight = 1}, near = {.weight = 1};
    T_STOP_IF_FAILED();
    EXPECT_OK(lg_endpoint_parse(LG_SPAN_STR("198.51.100.1:80"), &far.addr));
    EXPECT_OK(lg_endpoint_parse(LG_SPAN_STR("192.0.2.1:80"), &ours.addr));
    EXPECT_OK(lg_endpoint_parse(LG_SPAN_STR("192.0.2.50:80"), &near.addr));
    near.weight = 257;
    const struct {
        enum lg_change_what what;
        const char *pool, *name;
        struct lg_cfg_backend be;
        const char *says;
    } no[] = {
        {LG_CHANGE_DRAIN, "nix", "w1", BE(0), "there is no pool nix"},
        {LG_CHANGE_DRAIN, "web", "w9", BE(0), "w9: there is none of that name"},
        {LG_CHANGE_WEIGHT, "web", "w1", BE(.weight = 1000), "at most 256"},
        {LG_CHANGE_ADD, "web", "w1", ours, "one of that name already"},
        {LG_CHANGE_ADD, "web", "w5", far, "no route leads there"},
        {LG_CHANGE_ADD, "web", "w5", ours, "no backend server's"},
        {LG_CHANGE_ADD, "web", "w5", near, "at most 256"},
        {LG_CHANGE_ADD, "web", "w 5", ours, "without blanks"},
        {LG_CHANGE_ADD, "web", "", ours, "without blanks"},
    };
    for (size_t i = 0; i < LG_ARRAY_CNT(no); i++) {
        EXPECT_ERR(change(&r, no[i].what, no[i].pool, no[i].name, no[i].be, &diag), LG_E(CONFIG));
        EXPECT_HAS(diag.msg[0].text, no[i].says);
    }
    EXPECT_EQ(fake.token, 0);
    EXPECT_OK(change(&r, LG_CHANGE_REMOVE, "web", "w1", BE(0), &diag));
    EXPECT_ERR(change(&r, LG_CHANGE_REMOVE, "web", "w2", BE(0), &diag), LG_E(CONFIG));
    EXPECT_HAS(diag.msg[0].text, "the last one of a pool");
    EXPECT_EQ(r.current->generation, 2);
    end(&r, &d);
}

TEST(Change, TheFileWinsAndSaysSo)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    T_STOP_IF_FAILED();

    EXPECT_OK(change(&r, LG_CHANGE_DRAIN, "web", "w1", BE(.drain = true), &diag));
    EXPECT_OK(lg_reload_run(&r, LG_SEC(2), &diag));
    EXPECT(!backend(&r, "w1")->drain);
    EXPECT_EQ(diag.warn_cnt, 1);
    EXPECT_HAS(diag.msg[0].text, "changes of 1 backends by lockgatectl are forgotten");
    EXPECT_OK(lg_reload_run(&r, LG_SEC(3), &diag));
    EXPECT_EQ(diag.warn_cnt, 0);
    end(&r, &d);
}

/* The token of the management address is root's, who we no longer are: no reason to refuse these.
 */
TEST(Change, WhatOnlyTheFileSaysIsNotReadForAChange)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    struct lg_revocation a = {.issuer = {1}, .serial = {2}, .serial_sz = 1};
    T_STOP_IF_FAILED();

    fake.refuses = true;
    EXPECT_OK(change(&r, LG_CHANGE_DRAIN, "web", "w1", BE(.drain = true), &diag));
    EXPECT_OK(lg_reload_revoke(&r, &a, LG_SEC(1), &diag));
    EXPECT_EQ(fake.renewed_cnt, 0);
    EXPECT_ERR(lg_reload_run(&r, LG_SEC(2), &diag), LG_E(CONFIG));
    EXPECT_HAS(diag.msg[0].text, "permission denied");
    EXPECT(backend(&r, "w1")->drain); /* refused as a whole */
    fake.refuses = false;
    EXPECT_OK(lg_reload_run(&r, LG_SEC(3), &diag));
    EXPECT_EQ(fake.renewed_cnt, 2);
    end(&r, &d);
}

TEST(Change, WhoIsAddedAndRemovedLeavesNothingBehind)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    struct lg_cfg_backend w3 = {.weight = 1};
    char name[16];
    T_STOP_IF_FAILED();

    EXPECT_OK(lg_endpoint_parse(LG_SPAN_STR("192.0.2.13:81"), &w3.addr));
    EXPECT_OK(change(&r, LG_CHANGE_REMOVE, "web", "w1", BE(0), &diag));
    for (int i = 0; i < 20; i++) { /* a machine that scales up and down by new names */
        snprintf(name, sizeof name, "auto%d", i);
        EXPECT_OK(change(&r, LG_CHANGE_ADD, "web", name, w3, &diag));
        EXPECT_OK(change(&r, LG_CHANGE_DRAIN, "web", name, BE(.drain = true), &diag));
        EXPECT_OK(change(&r, LG_CHANGE_REMOVE, "web", name, BE(0), &diag));
        EXPECT(!backend(&r, name));
    }
    EXPECT_EQ(r.changes.cnt, 1);
    /* What the file has is remembered as removed, also when one of its name was added meanwhile. */
    EXPECT_OK(change(&r, LG_CHANGE_ADD, "web", "w1", w3, &diag));
    EXPECT_OK(change(&r, LG_CHANGE_REMOVE, "web", "w1", BE(0), &diag));
    EXPECT(!backend(&r, "w1"));
    EXPECT_EQ(r.changes.cnt, 1);
    end(&r, &d);
}

TEST(Change, ARefusedFileLeavesTheChangesInForce)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    T_STOP_IF_FAILED();

    EXPECT_OK(change(&r, LG_CHANGE_DRAIN, "web", "w1", BE(.drain = true), &diag));
    t_site_write(&d, "missing", 8443, "");
    EXPECT_ERR(lg_reload_run(&r, LG_SEC(2), &diag), LG_E(CONFIG));
    EXPECT(backend(&r, "w1")->drain);
    EXPECT_OK(change(&r, LG_CHANGE_WEIGHT, "web", "w1", BE(.weight = 3), &diag));
    EXPECT(backend(&r, "w1")->drain);
    end(&r, &d);
}

TEST(Reload, WhatHasNotChangedIsTheSameObjectInTheNextGeneration)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    T_STOP_IF_FAILED();
    struct lg_tls_policy *one = r.current->listeners[0].tls;

    EXPECT_OK(lg_reload_run(&r, LG_SEC(1), &diag));
    EXPECT(r.current->listeners[0].tls == one);
    t_site_write(&d, "b", 8443, "");
    EXPECT_OK(lg_reload_run(&r, LG_SEC(2), &diag));
    EXPECT(r.current->listeners[0].tls != one);
    end(&r, &d);
}

TEST(Reload, EndsTheOldestWhenThereAreTooManyGenerations)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    T_STOP_IF_FAILED();

    t_site_write(&d, "a", 8443, "  max_generations: 2\n");
    struct lg_snapshot *old[4];
    for (int i = 0; i < 4; i++) {
        old[i] = r.current;
        lg_snapshot_pin(old[i], 0);
        EXPECT_OK(lg_reload_run(&r, LG_SEC(1), &diag));
        lg_reload_poll(&r, LG_SEC(1));
        EXPECT_EQ(fake.ended, i < 2 ? 0 : i - 1);
    }
    for (int i = 0; i < 4; i++)
        lg_snapshot_unpin(old[i], 0);
    EXPECT_EQ(lg_reload_poll(&r, LG_SEC(2)), 4);
    end(&r, &d);
}

/* ---------------------------------------------------------------- certificates */

static lg_span_t file(const struct t_dir *d, const char *name)
{
    static char text[2][8192];
    static int i;
    FILE *f = fopen(t_path(d, name), "r");

    i = !i;
    size_t n = f ? fread(text[i], 1, sizeof text[i], f) : 0;
    if (f)
        fclose(f);
    return lg_span(text[i], n);
}

TEST(Change, ACertificateIsPutAndForgottenByTheNextReload)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    struct lg_tls_put what;
    T_STOP_IF_FAILED();
    struct lg_tls_policy *one = r.current->listeners[0].tls, *two = r.current->listeners[1].tls;

    lg_span_t cert = file(&d, "b.crt");
    EXPECT_OK(lg_reload_put(&r, "one", cert, file(&d, "b.key"), LG_SEC(1), &what, &diag));
    EXPECT(!what.has_replaced);
    EXPECT_STR(what.name, "b.example");
    EXPECT(r.current->listeners[0].tls != one);
    EXPECT(r.current->listeners[1].tls == two);
    EXPECT_OK(change(&r, LG_CHANGE_DRAIN, "web", "w1", BE(.drain = true), &diag)); /* keeps it */
    EXPECT(r.current->listeners[0].tls != one);
    cert = file(&d, "b.crt");
    EXPECT_ERR(lg_reload_put(&r, "one", cert, file(&d, "a.key"), LG_SEC(1), &what, &diag),
               LG_E(CONFIG));
    EXPECT_HAS(diag.msg[0].text, "does not belong");
    EXPECT_ERR(lg_reload_put(&r, "three", cert, cert, LG_SEC(1), &what, &diag), LG_E(CONFIG));
    EXPECT_HAS(diag.msg[0].text, "there is no listener three");
    EXPECT_EQ(r.current->generation, 3);
    EXPECT_OK(lg_reload_run(&r, LG_SEC(2), &diag));
    EXPECT_HAS(diag.msg[1].text, "1 certificates put by lockgatectl are forgotten");
    end(&r, &d);
}

/* ---------------------------------------------------------------- R31 */

static bool is_revoked(const struct lg_reload *r, const struct lg_revocation *one)
{
    return lg_revoked_has(r->revoked, lg_issuer_id(one->issuer),
                          lg_span(one->serial, one->serial_sz));
}

TEST(R31, ARevocationIsInTheFileAndComesBackFromThere)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    struct lg_revocation a, b;
    char out[1024];
    T_STOP_IF_FAILED();

    EXPECT_OK(lg_tls_revocation_of(file(&d, "a.crt"), lg_span(NULL, 0), &a));
    EXPECT_OK(lg_tls_revocation_of(file(&d, "a.crt"), LG_SPAN_STR("0b:ad"), &b));
    /* Without a file it stays as long as the process does. */
    EXPECT_OK(lg_reload_revoke(&r, &a, LG_SEC(1), &diag));
    EXPECT_OK(lg_reload_run(&r, LG_SEC(1), &diag));
    EXPECT(is_revoked(&r, &a));
    /* With one, the file is what counts. */
    t_site_write(&d, "a", 8443, "  revoked_file: revoked.txt\n");
    EXPECT_OK(lg_reload_run(&r, LG_SEC(2), &diag));
    EXPECT(!is_revoked(&r, &a));
    EXPECT_OK(lg_reload_revoke(&r, &b, LG_SEC(3), &diag));
    EXPECT_EQ(diag.warn_cnt, 0);
    EXPECT_OK(lg_reload_run(&r, LG_SEC(4), &diag));
    EXPECT(is_revoked(&r, &b));
    EXPECT_EQ(t_run(&d, out, sizeof out, "grep -c ' 0bad # 20' revoked.txt"), 0);
    t_write(&d, "revoked.txt", "# nobody\n");
    EXPECT_OK(lg_reload_run(&r, LG_SEC(5), &diag));
    EXPECT(!is_revoked(&r, &b));
    uint64_t generation = r.current->generation;
    t_write(&d, "revoked.txt", "# fine\nnonsense\n");
    EXPECT_ERR(lg_reload_run(&r, LG_SEC(6), &diag), LG_E(CONFIG));
    EXPECT_HAS(diag.msg[0].text, "revoked.txt:2");
    EXPECT_EQ(r.current->generation, generation);
    end(&r, &d);
}

TEST(R31, ARevocationIsALineOfItsOwnAfterALineWithoutAnEnd)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    struct lg_revocation a;
    T_STOP_IF_FAILED();

    EXPECT_OK(lg_tls_revocation_of(file(&d, "a.crt"), LG_SPAN_STR("0b:ad"), &a));
    t_site_write(&d, "a", 8443, "  revoked_file: revoked.txt\n");
    t_write(&d, "revoked.txt", "# by hand");
    EXPECT_OK(lg_reload_run(&r, LG_SEC(1), &diag));
    EXPECT_OK(lg_reload_revoke(&r, &a, LG_SEC(2), &diag));
    EXPECT_OK(lg_reload_run(&r, LG_SEC(3), &diag));
    EXPECT(is_revoked(&r, &a));
    end(&r, &d);
}

TEST(R31, AFileThatIsGoneIsSaid)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    struct lg_revocation a;
    char out[256];
    T_STOP_IF_FAILED();

    EXPECT_OK(lg_tls_revocation_of(file(&d, "a.crt"), LG_SPAN_STR("0b:ad"), &a));
    t_site_write(&d, "a", 8443, "  revoked_file: revoked.txt\n");
    EXPECT_OK(lg_reload_run(&r, LG_SEC(1), &diag));
    EXPECT_EQ(diag.warn_cnt, 0); /* none yet: nobody is revoked */
    EXPECT_OK(lg_reload_revoke(&r, &a, LG_SEC(2), &diag));
    EXPECT_EQ(t_run(&d, out, sizeof out, "rm revoked.txt"), 0);
    EXPECT_OK(lg_reload_run(&r, LG_SEC(3), &diag));
    EXPECT_EQ(diag.warn_cnt, 1);
    EXPECT_HAS(diag.msg[0].text, "revoked.txt");
    EXPECT_HAS(diag.msg[0].text, "1 revoked certificates are admitted again");
    end(&r, &d);
}

TEST(R31, AFileThatCannotBeWrittenDoesNotKeepARevocationFromBeingInForce)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    struct lg_revocation a;
    T_STOP_IF_FAILED();

    EXPECT_OK(lg_tls_revocation_of(file(&d, "a.crt"), lg_span(NULL, 0), &a));
    t_site_write(&d, "a", 8443, "  revoked_file: no/such/folder.txt\n");
    EXPECT_OK(lg_reload_run(&r, LG_SEC(1), &diag));
    EXPECT_OK(lg_reload_revoke(&r, &a, LG_SEC(2), &diag));
    EXPECT_EQ(diag.warn_cnt, 1);
    EXPECT_HAS(diag.msg[0].text, "until the next reload only");
    EXPECT(is_revoked(&r, &a));
    end(&r, &d);
}
