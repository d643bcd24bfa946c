/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a configuration to a snapshot. */
#include "site.h"
#include "snapshot_build.h"

#include <stdint.h>
#include <stdio.h>

static lg_err_t build(const struct t_dir *d, uint32_t worker_cnt, struct lg_snapshot **out,
                      struct lg_diag *diag)
{
    struct lg_config *cfg = NULL;
    lg_err_t err = lg_config_load(t_path(d, "lg.yaml"), &cfg, diag);

    if (!lg_is_ok(err)) {
        t_fail(__FILE__, __LINE__, "%s", diag->msg[0].text);
        return err;
    }
    return lg_snapshot_build(cfg, worker_cnt, 7, NULL, out, diag);
}

static const struct lg_listener *find(const struct lg_snapshot *s, const char *ip, uint16_t port)
{
    lg_ip_t addr;

    if (!lg_is_ok(lg_ip_parse(lg_span_cstr(ip), &addr)))
        t_fail(__FILE__, __LINE__, "not an address: %s", ip);
    return lg_snapshot_find(s, &addr, port);
}

TEST(Snapshot, FindsEachBoundAddressAndNoOther)
{
    struct t_dir d = t_site_make();
    struct lg_snapshot *s = NULL;
    struct lg_diag diag = {0};

    EXPECT_OK(lg_tls_global_init());
    EXPECT_OK(build(&d, 3, &s, &diag));
    T_STOP_IF_FAILED();
    EXPECT_EQ(s->generation, 7);
    EXPECT_EQ(s->listener_cnt, 2);
    EXPECT(find(s, "192.0.2.1", 443) == &s->listeners[0]);
    EXPECT(find(s, "2001:db8::1", 443) == &s->listeners[0]);
    EXPECT(find(s, "192.0.2.1", 8443) == &s->listeners[1]);
    EXPECT(find(s, "192.0.2.1", 444) == NULL);
    EXPECT(find(s, "192.0.2.2", 443) == NULL);
    EXPECT(find(s, "2001:db8::1", 8443) == NULL);
    EXPECT_STR(s->listeners[1].cfg->name, "two");
    EXPECT(s->listeners[0].tls && s->listeners[1].tls);
    EXPECT(s->bind_mask + 1 >= 2 * 3); /* at most half full */
    EXPECT_EQ((s->bind_mask + 1) & s->bind_mask, 0);
    lg_snapshot_free(s);
    t_dir_remove(&d);
}

TEST(Snapshot, GivesEachWorkerLinesOfItsOwn)
{
    struct t_dir d = t_site_make();
    struct lg_snapshot *s = NULL;
    struct lg_diag diag = {0};

    EXPECT_OK(build(&d, 3, &s, &diag));
    T_STOP_IF_FAILED();
    for (uint32_t k = 0; k < 3; k++) {
        EXPECT_EQ((uintptr_t)&s->workers[k].pins % LG_CACHE_PAIR, 0);
        EXPECT_EQ((uintptr_t)s->workers[k].pools % LG_CACHE_PAIR, 0);
        EXPECT_EQ((uintptr_t)s->workers[k].pools[0].bal.items[0].own % LG_CACHE_PAIR, 0);
    }
    EXPECT_EQ(lg_snapshot_pins(s), 0);
    lg_snapshot_pin(s, 0);
    lg_snapshot_pin(s, 2);
    lg_snapshot_pin(s, 2);
    EXPECT_EQ(lg_snapshot_pins(s), 3);
    lg_snapshot_unpin(s, 2);
    lg_snapshot_unpin(s, 2);
    lg_snapshot_unpin(s, 0);
    EXPECT_EQ(lg_snapshot_pins(s), 0);
    lg_snapshot_free(s);
    t_dir_remove(&d);
}

TEST(Snapshot, TellsOfEveryListenerWithABadCertificate)
{
    struct t_dir d = t_site_make();
    struct lg_snapshot *s = NULL;
    struct lg_diag diag = {0};
    bool one = false, two = false;

    t_write(&d, "a.crt", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n");
    EXPECT_ERR(build(&d, 1, &s, &diag), LG_E(CONFIG));
    EXPECT(s == NULL);
    EXPECT(diag.error_cnt >= 2);
    for (uint32_t i = 0; i < diag.kept_cnt; i++) {
        EXPECT_HAS(diag.msg[i].text, "a.crt");
        one = one || strstr(diag.msg[i].text, "listeners[0]") || strstr(diag.msg[i].text, "one");
        two = two || strstr(diag.msg[i].text, "listeners[1]") || strstr(diag.msg[i].text, "two");
    }
    EXPECT(one && two);
    t_dir_remove(&d);
}

TEST(Snapshot, RefusesAKeyOfAnotherCertificate)
{
    struct t_dir d = t_site_make();
    struct lg_snapshot *s = NULL;
    struct lg_diag diag = {0};
    char out[256];

    EXPECT_EQ(t_run(&d, out, sizeof out, "cp b.key a.key"), 0);
    EXPECT_ERR(build(&d, 1, &s, &diag), LG_E(CONFIG));
    EXPECT_HAS(diag.msg[0].text, "a.key");
    t_dir_remove(&d);
}

TEST(Snapshot, RefusesAnAddressBoundTwice)
{
    struct t_dir d = t_site_make();
    struct lg_config *cfg = NULL;
    struct lg_snapshot *s = NULL;
    struct lg_diag diag = {0};

    EXPECT_OK(lg_config_load(t_path(&d, "lg.yaml"), &cfg, &diag));
    T_STOP_IF_FAILED();
    cfg->listeners[1].binds[0] = cfg->listeners[0].binds[1]; /* what config/ would not let pass */
    EXPECT_ERR(lg_snapshot_build(cfg, 1, 1, NULL, &s, &diag), LG_E(CONFIG));
    EXPECT_HAS(diag.msg[0].text, "listeners[1].bind: [2001:db8::1]:443 is bound by listener "
                                 "\"one\" and again by \"two\"");
    t_dir_remove(&d);
}

TEST(Snapshot, FreesNothingGladly)
{
    lg_snapshot_free(NULL);
}
