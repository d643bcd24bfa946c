/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reloading, and when a replaced snapshot may go. The workers are played by the test. */
#include "reload.h"
#include "site.h"
#include "snapshot_build.h"

#include <stdio.h>

static struct {
    const struct lg_snapshot *published;
    uint64_t token;       /* of the last publish */
    uint64_t quiet_up_to; /* tokens every worker has passed */
    uint64_t ended;       /* generations up to this one */
    bool refuses;         /* what is not in the snapshot */
} fake;

static uint64_t publish(void *ctx, const struct lg_snapshot *s)
{
    (void)ctx;
    fake.published = s;
    return ++fake.token;
}

static bool is_quiet(void *ctx, uint64_t token)
{
    (void)ctx;
    return token <= fake.quiet_up_to;
}

static lg_err_t prepare(void *ctx, struct lg_snapshot *next, struct lg_diag *diag)
{
    (void)ctx;
    (void)next;
    if (fake.refuses)
        lg_diag_error(diag, NULL, 0, "admin", "not now");
    return fake.refuses ? LG_E(SYS) : LG_OK;
}

static void end_generations(void *ctx, uint64_t generation)
{
    (void)ctx;
    fake.ended = generation;
}

static const struct lg_reload_ops ops = {
    .prepare = prepare, .publish = publish, .is_quiet = is_quiet, .end = end_generations};

/* start makes a site and the reload that begins with it; T_STOP_IF_FAILED after it. */
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
    if (diag.error_cnt)
        t_fail(__FILE__, __LINE__, "%s", diag.msg[0].text);
    return d;
}

static void end(struct lg_reload *r, const struct t_dir *d)
{
    lg_reload_fini(r);
    t_dir_remove(d);
}

TEST(Reload, PublishesTheNextGeneration)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    T_STOP_IF_FAILED();

    t_site_write(&d, "b", 9443, "");
    EXPECT_OK(lg_reload_run(&r, LG_SEC(1), &diag));
    EXPECT(fake.published == r.current);
    EXPECT_EQ(r.current->generation, 2);
    EXPECT_EQ(r.current->cfg->listeners[1].binds[0].port, 9443);
    EXPECT_EQ(r.retired_cnt, 1);
    end(&r, &d);
}

TEST(Reload, ABrokenFileChangesNothingAndSaysWhy)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    T_STOP_IF_FAILED();
    const struct lg_snapshot *before = r.current;

    t_site_write(&d, "b", 9443, "  no_such_key: 1\n");
    EXPECT_ERR(lg_reload_run(&r, LG_SEC(1), &diag), LG_E(CONFIG));
    EXPECT_HAS(diag.msg[0].text, "lg.yaml:4");
    EXPECT_HAS(diag.msg[0].text, "no_such_key");
    t_site_write(&d, "missing", 9443, "");
    EXPECT_ERR(lg_reload_run(&r, LG_SEC(2), &diag), LG_E(CONFIG));
    EXPECT_HAS(diag.msg[0].text, "missing.crt");
    t_write(&d, "b.crt", "no certificate");
    t_site_write(&d, "b", 9443, "");
    EXPECT_ERR(lg_reload_run(&r, LG_SEC(3), &diag), LG_E(CONFIG));
    EXPECT_HAS(diag.msg[0].text, "b.crt");
    EXPECT(r.current == before);
    EXPECT_EQ(r.current->generation, 1);
    EXPECT_EQ(r.retired_cnt, 0);
    EXPECT(fake.published == NULL);
    end(&r, &d);
}

TEST(Reload, NamesTheKeyThatNeedsARestart)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    T_STOP_IF_FAILED();

    t_site_write(&d, "a", 8443, "  memory: 1GiB\n");
    EXPECT_ERR(lg_reload_run(&r, LG_SEC(1), &diag), LG_E(CONFIG));
    EXPECT_EQ(diag.error_cnt, 1);
    EXPECT_HAS(diag.msg[0].text, "global.memory: changed, and only a restart can change it");
    t_site_write(&d, "a", 8443, "  control_socket: /tmp/other.sock\n");
    EXPECT_ERR(lg_reload_run(&r, LG_SEC(2), &diag), LG_E(CONFIG));
    EXPECT_HAS(diag.msg[0].text, "global.control_socket: changed, and only a restart");
    EXPECT_EQ(r.current->generation, 1);
    EXPECT(fake.published == NULL);
    end(&r, &d);
}

TEST(Reload, ARefusedFileCanBeMendedAndReloaded)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    T_STOP_IF_FAILED();

    t_write(&d, "lg.yaml", "listeners: [");
    EXPECT_ERR(lg_reload_run(&r, LG_SEC(1), &diag), LG_E(CONFIG));
    t_site_write(&d, "b", 9443, "");
    EXPECT_OK(lg_reload_run(&r, LG_SEC(2), &diag));
    EXPECT_EQ(diag.error_cnt, 0); /* nothing left over from the first try */
    EXPECT_EQ(r.current->generation, 2);
    end(&r, &d);
}

TEST(Reload, FreesTheOldOneOnlyWhenQuietAndUnpinned)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    T_STOP_IF_FAILED();
    struct lg_snapshot *old = r.current;

    lg_snapshot_pin(old, 0);
    lg_snapshot_pin(old, 1);
    EXPECT_OK(lg_reload_run(&r, LG_SEC(1), &diag));
    EXPECT_EQ(lg_reload_poll(&r, LG_SEC(1)), 0); /* neither */
    lg_snapshot_unpin(old, 0);
    lg_snapshot_unpin(old, 1);
    EXPECT_EQ(lg_reload_poll(&r, LG_SEC(2)), 0); /* no pins, but not quiet: one may still come */
    lg_snapshot_pin(old, 1);
    fake.quiet_up_to = 1;
    EXPECT_EQ(lg_reload_poll(&r, LG_SEC(3)), 0); /* quiet, and one has come */
    EXPECT_EQ(r.retired_cnt, 1);
    lg_snapshot_unpin(old, 1);
    EXPECT_EQ(lg_reload_poll(&r, LG_SEC(4)), 1);
    EXPECT_EQ(r.retired_cnt, 0);
    EXPECT(r.retired == NULL);
    EXPECT_EQ(lg_reload_poll(&r, LG_SEC(5)), 0);
    end(&r, &d);
}

TEST(Reload, FreesGenerationsInAnyOrder)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    T_STOP_IF_FAILED();
    struct lg_snapshot *first = r.current;

    lg_snapshot_pin(first, 0); /* a long connection of the first generation */
    EXPECT_OK(lg_reload_run(&r, LG_SEC(1), &diag));
    struct lg_snapshot *second = r.current;
    lg_snapshot_pin(second, 1);
    EXPECT_OK(lg_reload_run(&r, LG_SEC(2), &diag));
    EXPECT_OK(lg_reload_run(&r, LG_SEC(3), &diag));
    fake.quiet_up_to = fake.token;
    EXPECT_EQ(r.retired_cnt, 3);
    EXPECT_EQ(lg_reload_poll(&r, LG_SEC(4)), 1); /* the third, which nobody used */
    lg_snapshot_unpin(second, 1);
    EXPECT_EQ(lg_reload_poll(&r, LG_SEC(5)), 1);
    EXPECT(r.retired && r.retired->snapshot == first && !r.retired->next);
    lg_snapshot_unpin(first, 0);
    EXPECT_EQ(lg_reload_poll(&r, LG_SEC(6)), 1);
    EXPECT_EQ(r.retired_cnt, 0);
    EXPECT_EQ(r.current->generation, 4);
    end(&r, &d);
}

TEST(Reload, KeepsTheFirstConfigurationForComparing)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    T_STOP_IF_FAILED();

    fake.quiet_up_to = UINT64_MAX;
    EXPECT_OK(lg_reload_run(&r, LG_SEC(1), &diag));
    EXPECT_EQ(lg_reload_poll(&r, LG_SEC(1)), 1); /* the first snapshot is gone, its config not */
    EXPECT_HAS(r.boot_cfg->file, "lg.yaml");
    t_site_write(&d, "a", 8443, "  max_connections: 7\n");
    EXPECT_ERR(lg_reload_run(&r, LG_SEC(2), &diag), LG_E(CONFIG));
    EXPECT_HAS(diag.msg[0].text, "global.max_connections");
    end(&r, &d);
}

TEST(Reload, EndsWhatIsLeftOfAGenerationAfterDrainTimeout)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag;
    T_STOP_IF_FAILED();
    struct lg_snapshot *old = r.current;

    lg_snapshot_pin(old, 0);
    EXPECT_OK(lg_reload_run(&r, LG_SEC(100), &diag));
    fake.quiet_up_to = fake.token;
    lg_reload_poll(&r, LG_SEC(110)); /* drain_timeout is 10 s */
    EXPECT_EQ(fake.ended, 0);
    lg_reload_poll(&r, LG_SEC(110) + 1);
    EXPECT_EQ(fake.ended, 1);
    EXPECT_EQ(r.retired_cnt, 1); /* it is freed when the workers have done so */
    lg_snapshot_unpin(old, 0);
    EXPECT_EQ(lg_reload_poll(&r, LG_SEC(111)), 1);
    end(&r, &d);
}

/* What stands beside the snapshot may refuse it, and then nothing has changed. */
TEST(Reload, IsRefusedByWhatIsNotInTheSnapshot)
{
    struct lg_reload r;
    struct t_dir d = start(&r);
    struct lg_diag diag = {0};
    T_STOP_IF_FAILED();

    fake.refuses = true;
    EXPECT_ERR(lg_reload_run(&r, LG_SEC(1), &diag), LG_E(SYS));
    EXPECT_HAS(diag.msg[0].text, "not now");
    EXPECT_EQ(r.current->generation, 1);
    EXPECT_EQ(fake.token, 0);
    fake.refuses = false;
    EXPECT_OK(lg_reload_run(&r, LG_SEC(1), &diag));
    EXPECT_EQ(r.current->generation, 2);
    end(&r, &d);
}
