/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON that the control socket answers with. */
#include "report.h"
#include "t.h"

#include <jansson.h>
#include <stdlib.h>

static json_t *load(char *text)
{
    json_t *v = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;

    if (!v)
        t_fail(__FILE__, __LINE__, "not JSON: %s", text ? text : "(null)");
    else if (strchr(text, '\n'))
        t_fail(__FILE__, __LINE__, "more than a line: %s", text);
    free(text);
    return v;
}

static int64_t num(const json_t *obj, const char *name)
{
    const json_t *v = json_object_get(obj, name);

    if (!json_is_integer(v))
        t_fail(__FILE__, __LINE__, "no number %s", name);
    return json_integer_value(v);
}

TEST(Report, GivesEveryCounterOfEveryWorkerAndTheSums)
{
    static struct lg_stats stats[2];
    struct lg_core_report workers[2] = {{.stats = &stats[0], .snapshot_gen = 4, .tsc_hz = 2000},
                                        {.stats = &stats[1], .snapshot_gen = 5, .tsc_hz = 2000}};
    uint16_t cpus[] = {3, 9};
    struct lg_report report = {.generation = 5,
                               .retired_cnt = 1,
                               .uptime_s = 77,
                               .worker_cnt = 2,
                               .workers = workers,
                               .cpus = cpus};

    for (int id = 0; id < LG_STAT_CNT; id++) {
        stats[0].v[id] = (uint64_t)id;
        stats[1].v[id] = 1000;
    }
    workers[0].proxy.sessions = 3;
    workers[1].proxy.sessions = 4;
    workers[1].tls_arena_used = 1u << 20;
    json_t *v = load(lg_report_stats(&report));
    T_STOP_IF_FAILED();
    json_t *totals = json_object_get(v, "totals");
    json_t *second = json_array_get(json_object_get(v, "workers"), 1);
    EXPECT(json_is_true(json_object_get(v, "ok")));
    EXPECT(json_is_false(json_object_get(v, "draining")));
    EXPECT_EQ(num(v, "generation"), 5);
    EXPECT_EQ(num(v, "retired"), 1);
    EXPECT_EQ(num(v, "tsc_hz"), 2000);
    EXPECT_EQ(num(v, "uptime_s"), 77);
    for (int id = 0; id < LG_STAT_CNT; id++) {
        EXPECT_EQ(num(totals, lg_stat_name((enum lg_stat)id)), id + 1000);
        EXPECT_EQ(num(second, lg_stat_name((enum lg_stat)id)), 1000);
    }
    EXPECT_EQ(num(totals, "proxy_sessions"), 7);
    EXPECT_EQ(num(second, "proxy_sessions"), 4);
    EXPECT_EQ(num(second, "tls_arena_used"), 1 << 20);
    EXPECT_EQ(num(second, "cpu"), 9);
    EXPECT_EQ(num(second, "snapshot_gen"), 5);
    json_decref(v);
}

TEST(Report, NamesThreeVersions)
{
    json_t *v = load(lg_report_version("DPDK 99"));
    T_STOP_IF_FAILED();
    EXPECT_STR(json_string_value(json_object_get(v, "version")), LG_VERSION);
    EXPECT_STR(json_string_value(json_object_get(v, "dpdk")), "DPDK 99");
    EXPECT(strlen(json_string_value(json_object_get(v, "wolfssl"))) > 0);
    json_decref(v);
}

TEST(Report, CarriesTheReasonsOfARefusedReload)
{
    struct lg_diag diag = {0};

    lg_diag_error(&diag, "a.yaml", 3, "global.workers", "odd \"quote\" and \xff\xfe");
    lg_diag_warn(&diag, "a.yaml", 4, NULL, "soon");
    json_t *v = load(lg_report_reload(LG_E(CONFIG), 6, &diag));
    T_STOP_IF_FAILED();
    json_t *messages = json_object_get(v, "messages");
    EXPECT(json_is_false(json_object_get(v, "ok")));
    EXPECT_EQ(num(v, "generation"), 6);
    EXPECT_HAS(json_string_value(json_object_get(v, "error")), "not usable");
    EXPECT_EQ(json_array_size(messages), 2);
    EXPECT_HAS(json_string_value(json_array_get(messages, 0)), "error: a.yaml:3: global.workers");
    EXPECT_HAS(json_string_value(json_array_get(messages, 0)), "\\xff\\xfe");
    EXPECT_STR(json_string_value(json_array_get(messages, 1)), "warning: a.yaml:4: soon");
    json_decref(v);
    v = load(lg_report_reload(LG_OK, 7, &(struct lg_diag){0}));
    T_STOP_IF_FAILED();
    EXPECT(json_is_true(json_object_get(v, "ok")));
    EXPECT(!json_object_get(v, "error"));
    json_decref(v);
}
