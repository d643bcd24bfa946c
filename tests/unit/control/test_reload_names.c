/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses that change without the file: a generation of its own, with the same policies and
 * seats, and with what was changed by hand. */
#include "names.h"
#include "reload.h"
#include "site.h"
#include "snapshot_build.h"

#include <stdlib.h>

static lg_ip_t ips[2];
static uint32_t ip_cnt;

static void find(void *ctx, const char *host, struct lg_name_addrs *out)
{
    (void)ctx;
    (void)host;
    *out = (struct lg_name_addrs){.ips = ips, .cnt = ip_cnt};
}

static lg_err_t resolve(void *ctx, struct lg_config *file, struct lg_config **out,
                        struct lg_diag *diag)
{
    return lg_config_resolve(file, find, ctx, out, diag);
}

static uint64_t publish(void *ctx, const struct lg_snapshot *s)
{
    (void)ctx;
    return s->generation;
}

static bool is_quiet(void *ctx, uint64_t token)
{
    (void)ctx;
    (void)token;
    return true;
}

static const struct lg_reload_ops ops = {
    .publish = publish, .is_quiet = is_quiet, .resolve = resolve};

static const struct lg_cfg_pool *pool_of(const struct lg_reload *r)
{
    return &r->current->cfg->pools[0];
}

TEST(ReloadNames, OtherAddressesAreAGenerationThatReadsNoFile)
{
    struct t_dir d = t_site_make();
    struct lg_config *file = NULL, *cfg = NULL;
    struct lg_snapshot *first = NULL;
    struct lg_reload r = {0};
    struct lg_diag diag = {0};
    char out[256];

    EXPECT_OK(lg_ip_parse(lg_span_cstr("192.0.2.50"), &ips[0]));
    EXPECT_OK(lg_ip_parse(lg_span_cstr("192.0.2.51"), &ips[1]));
    ip_cnt = 1;
    EXPECT_EQ(t_run(&d, out, sizeof out,
                    "sed -i 's/name: w2, address: \"[0-9.]*:/name: w2, address: \"app.example:/'"
                    " lg.yaml && grep -q app.example lg.yaml"),
              0);
    EXPECT_OK(lg_tls_global_init());
    EXPECT_OK(lg_config_load(t_path(&d, "lg.yaml"), &file, &diag));
    T_STOP_IF_FAILED();
    EXPECT_OK(resolve(NULL, file, &cfg, &diag));
    EXPECT_OK(lg_snapshot_build(cfg, 2, 1, NULL, &first, &diag));
    T_STOP_IF_FAILED();
    lg_reload_init(&r, first, NULL, &ops, NULL);
    lg_config_free(file);
    EXPECT_STR(pool_of(&r)->backends[1].name, "w2@192.0.2.50");
    const struct lg_tls_policy *tls = first->listeners[0].tls;
    const struct lg_seat *seat = first->pools[0].bal.seats[1];
    const struct lg_cfg_backend be = {.weight = 9};

    EXPECT_OK(lg_reload_backend(&r, LG_CHANGE_WEIGHT, "web", "w2@192.0.2.50", &be, 1, &diag));
    EXPECT_EQ(t_run(&d, out, sizeof out, "rm lg.yaml *.key"), 0);
    ip_cnt = 2;
    EXPECT_OK(lg_reload_names(&r, LG_SEC(1), &diag));
    EXPECT_EQ(r.current->generation, 3);
    EXPECT_EQ(pool_of(&r)->backend_cnt, 3);
    EXPECT_EQ(pool_of(&r)->backends[1].weight, 9); /* what was changed by hand stays so */
    EXPECT_STR(pool_of(&r)->backends[2].name, "w2@192.0.2.51");
    EXPECT(r.current->listeners[0].tls == tls);
    EXPECT(r.current->pools[0].bal.seats[1] == seat);
    ip_cnt = 0;
    EXPECT_OK(lg_reload_names(&r, LG_SEC(1), &diag));
    EXPECT_STR(pool_of(&r)->backends[1].name, "w2");
    EXPECT(pool_of(&r)->backends[1].drain);
    lg_reload_fini(&r);
    t_dir_remove(&d);
}
