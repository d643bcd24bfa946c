/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prometheus' text format: names, labels, histograms. What the numbers are is the end-to-end tests'
 * matter, where promtool reads them. */
#include "metrics_priv.h"
#include "sample.h"
#include "t.h"

#include <stdlib.h>

static char *text;
static size_t text_sz;

static FILE *begin(void)
{
    return open_memstream(&text, &text_sz);
}

static void expect_written(FILE *f, const char *want)
{
    fclose(f);
    EXPECT_STR(text, want);
    free(text);
}

TEST(Metrics, EscapesLabels)
{
    char labels[LG_LABELS_SZ], longer[2 * LG_LABELS_SZ];

    EXPECT_STR(lg_labels(labels, "a", "x\\y", "b", "q\"u\n", NULL), "a=\"x\\\\y\",b=\"q\\\"u\\n\"");
    EXPECT_STR(lg_labels(labels, "a", "M\xfcller", NULL), "a=\"M?ller\"");
    memset(longer, '"', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    lg_labels(labels, "a", longer, "b", "never", NULL);
    EXPECT(strlen(labels) < LG_LABELS_SZ);
    EXPECT_EQ(labels[strlen(labels) - 1], '"');
    EXPECT(!strstr(labels, "never"));
}

TEST(Metrics, WritesFamiliesAndSamples)
{
    FILE *f = begin();

    lg_metric_begin(f, "things_total", "counter", "Things.");
    lg_metric_u64(f, "things_total", "", 18446744073709551615ull);
    lg_metric_u64(f, "things_total", "a=\"b\"", 0);
    lg_metric_real(f, "share", "", 0.25);
    expect_written(f, "# HELP lockgate_things_total Things.\n"
                      "# TYPE lockgate_things_total counter\n"
                      "lockgate_things_total 18446744073709551615\n"
                      "lockgate_things_total{a=\"b\"} 0\n"
                      "lockgate_share 0.25\n");
}

TEST(Metrics, WritesHistogramsThatAddUp)
{
    struct lg_hist h = {0};
    FILE *f = begin();

    lg_hist_add(&h, 1000);
    lg_hist_add(&h, 40000);
    lg_hist_add(&h, 1ull << 40);
    lg_metric_hist(f, "x_seconds", "a=\"b\"", &h, 1e9);
    fclose(f);
    EXPECT_HAS(text, "lockgate_x_seconds_bucket{a=\"b\",le=\"3.2768e-05\"} 1\n"
                     "lockgate_x_seconds_bucket{a=\"b\",le=\"6.5536e-05\"} 2\n");
    EXPECT_HAS(text, "lockgate_x_seconds_bucket{a=\"b\",le=\"34.3597384\"} 2\n"
                     "lockgate_x_seconds_bucket{a=\"b\",le=\"+Inf\"} 3\n"
                     "lockgate_x_seconds_sum{a=\"b\"} 1099.51167\n"
                     "lockgate_x_seconds_count{a=\"b\"} 3\n");
    free(text);
}

/* ---------------------------------------------------------------- what is kept between looks */

static struct lg_stats stats;
static struct lg_load load;

static void work(uint64_t busy, uint64_t idle, uint64_t turn)
{
    lg_stat_add(&stats, LG_STAT_LOOP_BUSY_CYCLES, busy);
    lg_stat_add(&stats, LG_STAT_LOOP_IDLE_CYCLES, idle);
    lg_load_turn(&load, turn, 0);
}

TEST(Samples, TellTheLastTenSecondsAndTheHighestMarks)
{
    struct lg_core_report r = {.stats = &stats, .load = &load, .bufs_used = 7, .bufs_total = 100};
    struct lg_samples s;
    struct lg_recent recent;

    memset(&stats, 0, sizeof stats);
    memset(&load, 0, sizeof load);
    REQUIRE(lg_samples_open(&s, 1));
    lg_samples_recent(&s, 0, &recent);
    EXPECT(recent.busy == 0 && recent.turns == 0 && recent.p99 == 0);
    work(1000, 0, 1u << 20); /* all busy, in one long turn */
    lg_samples_tick(&s, &r, LG_SEC(1));
    lg_samples_recent(&s, 0, &recent);
    EXPECT(recent.busy == 1 && recent.turns == 1);
    r.bufs_used = 3;
    for (int i = 2; i <= 12; i++) {
        work(100, 300, 500);
        lg_samples_tick(&s, &r, LG_SEC(i));
        lg_samples_tick(&s, &r, LG_SEC(i) + LG_MS(50)); /* too soon for another one */
    }
    lg_samples_recent(&s, 0, &recent);
    EXPECT_EQ(recent.turns, 10); /* the long one is longer ago */
    EXPECT(recent.busy > 0.2499 && recent.busy < 0.2501);
    EXPECT_EQ(recent.p99, 1024);
    EXPECT_EQ(s.peak[0][LG_SAMPLE_packet_buffers], 7);
    EXPECT_EQ(lg_sample_total(&r, LG_SAMPLE_packet_buffers), 100);
    EXPECT_STR(lg_sample_name(LG_SAMPLE_tls_memory), "tls_memory");
    lg_samples_close(&s);
}
