/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a listener would say: questions that are not understood, and the plain answers. What real
 * handshakes say to the same clients is compared in tests/e2e/test_admin.c. */
#include "site.h"
#include "snapshot_build.h"
#include "tls.h"
#include "verdict.h"

#include <stdlib.h>

static struct lg_snapshot *site;
static char why[256];

static struct t_dir begin(void)
{
    struct t_dir d = t_site_make();
    struct lg_config *cfg = NULL;
    struct lg_diag diag = {0};

    site = NULL;
    EXPECT_OK(lg_tls_global_init());
    EXPECT_OK(lg_config_load(t_path(&d, "lg.yaml"), &cfg, &diag));
    if (cfg)
        EXPECT_OK(lg_snapshot_build(cfg, 1, 1, NULL, &site, &diag));
    return d;
}

static void end(const struct t_dir *d)
{
    lg_snapshot_free(site);
    t_dir_remove(d);
}

static json_t *ask(const char *question)
{
    json_t *q = json_loads(question, 0, NULL);
    json_t *answer = lg_verdict(site, q, 1795690000, 0, why);

    json_decref(q);
    return answer;
}

TEST(Verdict, SaysWhatItDoesNotUnderstand)
{
    static const char *const cases[][2] = {
        {"{}", "which listener? "},
        {"{\"listener\":\"nobody\"}", "there is no listener nobody"},
        {"{\"listener\":\"one\",\"sni\":\"a b\"}", "sni: a b is not a host name"},
        {"{\"listener\":\"one\",\"max_version\":\"1.4\"}", "max_version: expected"},
        {"{\"listener\":\"one\",\"alpn\":\"h2\"}", "alpn: expected a list"},
        {"{\"listener\":\"one\",\"alpn\":[7]}", "alpn[0]: expected a name"},
        {"{\"listener\":\"one\",\"certificate\":\"x\"}", "there is no PEM certificate in it"},
        {"{\"listener\":\"one\",\"certificate\":\"-----BEGIN CERTIFICATE-----\\n?\\n-----END "
         "CERTIFICATE-----\\n\"}",
         "the 1. one is damaged"},
        {"{\"listener\":\"two\",\"path\":\"x\"}", "path: expected one that begins with /"},
    };
    struct t_dir d = begin();
    T_STOP_IF_FAILED();

    for (size_t i = 0; i < LG_ARRAY_CNT(cases); i++) {
        EXPECT(!ask(cases[i][0]));
        EXPECT_HAS(why, cases[i][1]);
    }
    end(&d);
}

static void expect_answer(const char *question, const char *member, const char *want)
{
    json_t *answer = ask(question);
    const char *got = json_string_value(json_object_get(answer, member));

    EXPECT_STR(got ? got : why, want);
    json_decref(answer);
}

TEST(Verdict, ChoosesAsAHandshakeDoes)
{
    struct t_dir d = begin();
    T_STOP_IF_FAILED();

    expect_answer("{\"listener\":\"one\",\"sni\":\"A.example.\"}", "verdict", "accepted");
    expect_answer("{\"listener\":\"one\"}", "version", "1.3");
    expect_answer("{\"listener\":\"one\",\"max_version\":\"1.2\"}", "version", "1.2");
    expect_answer("{\"listener\":\"one\",\"max_version\":\"1.1\",\"min_version\":\"1.0\"}", "alert",
                  "protocol_version");
    expect_answer("{\"listener\":\"two\",\"alpn\":[\"h3\"]}", "reason", "alpn");
    expect_answer("{\"listener\":\"two\",\"alpn\":[\"h3\",\"http/1.1\"]}", "alpn", "http/1.1");
    json_t *answer = ask("{\"listener\":\"two\",\"path\":\"/x/../y\"}");
    const json_t *route = json_object_get(answer, "route");
    EXPECT_STR(json_string_value(json_object_get(route, "pool")), "web");
    EXPECT_EQ(json_array_size(json_object_get(route, "backends")), 2);
    json_decref(answer);
    answer = ask("{\"listener\":\"two\",\"path\":\"/%00\"}");
    EXPECT_EQ(json_integer_value(json_object_get(json_object_get(answer, "route"), "status")), 400);
    json_decref(answer);
    end(&d);
}
