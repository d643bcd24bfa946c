/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics.c: what Prometheus is told of the process, its workers, TCP and ports. */
#include "metrics_priv.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- the format */

void lg_metric_begin(FILE *f, const char *name, const char *type, const char *help)
{
    fprintf(f, "# HELP lockgate_%s %s\n# TYPE lockgate_%s %s\n", name, help, name, type);
}

static void put_name(FILE *f, const char *name, const char *labels)
{
    fprintf(f, *labels ? "lockgate_%s{%s} " : "lockgate_%s ", name, labels);
}

void lg_metric_u64(FILE *f, const char *name, const char *labels, uint64_t v)
{
    put_name(f, name, labels);
    fprintf(f, "%" PRIu64 "\n", v);
}

void lg_metric_real(FILE *f, const char *name, const char *labels, double v)
{
    put_name(f, name, labels);
    fprintf(f, "%.9g\n", v);
}

void lg_metric_hist(FILE *f, const char *name, const char *labels, const struct lg_hist *h,
                    double unit)
{
    const char *comma = *labels ? "," : "";
    uint64_t cnt = 0;

    for (uint32_t i = 0; i + 1 < LG_HIST_CNT; i++) {
        cnt += h->bucket[i];
        fprintf(f, "lockgate_%s_bucket{%s%sle=\"%.9g\"} %" PRIu64 "\n", name, labels, comma,
                (double)lg_hist_bound(i) / unit, cnt);
    }
    cnt += h->bucket[LG_HIST_CNT - 1];
    fprintf(f, "lockgate_%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, comma, cnt);
    fprintf(f, *labels ? "lockgate_%s_sum{%s} " : "lockgate_%s_sum ", name, labels);
    fprintf(f, "%.9g\n", (double)h->sum / unit);
    fprintf(f, *labels ? "lockgate_%s_count{%s} " : "lockgate_%s_count ", name, labels);
    fprintf(f, "%" PRIu64 "\n", cnt);
}

/* escape: backslash, quote and newline, as the format asks; what does not fit is cut. Names in
 * certificates may be any bytes, and one that is not UTF-8 would spoil the whole page: beyond ASCII
 * each byte becomes a '?'. */
static size_t escape(char *out, size_t room, const char *value)
{
    size_t n = 0;

    for (; *value && n + 3 < room; value++) {
        if (*value == '\\' || *value == '"' || *value == '\n')
            out[n++] = '\\';
        out[n++] = *value == '\n' ? 'n' : (unsigned char)*value >= 0x80 ? '?' : *value;
    }
    out[n] = '\0';
    return n;
}

const char *lg_labels(char out[LG_LABELS_SZ], ...)
{
    size_t len = 0;
    va_list ap;

    out[0] = '\0';
    va_start(ap, out);
    for (const char *name; (name = va_arg(ap, const char *));) {
        const char *value = va_arg(ap, const char *);
        if (LG_LABELS_SZ - len < strlen(name) + 16)
            break;
        len += (size_t)sprintf(out + len, "%s%s=\"", len ? "," : "", name);
        len += escape(out + len, LG_LABELS_SZ - len - 1, value);
        out[len++] = '"';
        out[len] = '\0';
    }
    va_end(ap);
    return out;
}

/* ---------------------------------------------------------------- the process */

static void put_process(FILE *f, const struct lg_report *r)
{
    char labels[LG_LABELS_SZ];

    lg_metric_begin(f, "build_info", "gauge", "Always 1; the labels tell the versions.");
    lg_metric_u64(f, "build_info",
                  lg_labels(labels, "version", LG_VERSION, "wolfssl", LG_WOLFSSL_VERSION, "dpdk",
                            r->dpdk, NULL),
                  1);
    lg_metric_begin(f, "uptime_seconds", "gauge", "Since the start of the process.");
    lg_metric_u64(f, "uptime_seconds", "", r->uptime_s);
    lg_metric_begin(f, "draining", "gauge", "1 while the process is shutting down.");
    lg_metric_u64(f, "draining", "", r->is_draining);
    lg_metric_begin(f, "config_generation", "gauge", "The configuration in force; 1 at start.");
    lg_metric_u64(f, "config_generation", "", r->generation);
    lg_metric_begin(f, "config_generations_held", "gauge",
                    "Replaced configurations that connections still hold.");
    lg_metric_u64(f, "config_generations_held", "", r->retired_cnt);
    lg_metric_begin(f, "admin_refused_total", "counter",
                    "Requests to the management address without its token or client certificate.");
    lg_metric_u64(f, "admin_refused_total", "", r->admin_refused_cnt);
    lg_metric_begin(f, "crl_entries", "gauge", "Serial numbers on all loaded revocation lists.");
    lg_metric_u64(f, "crl_entries", "", r->crls.entries);
    lg_metric_begin(f, "crl_size_bytes", "gauge", "Memory of all loaded revocation lists.");
    lg_metric_u64(f, "crl_size_bytes", "", r->crls.bytes);
}

/* ---------------------------------------------------------------- workers */

static const char *worker_label(char labels[LG_LABELS_SZ], uint32_t k)
{
    char text[16];

    snprintf(text, sizeof text, "%u", k);
    return lg_labels(labels, "worker", text, NULL);
}

static double seconds(const struct lg_core_report *w, uint64_t cycles)
{
    return w->tsc_hz ? (double)cycles / (double)w->tsc_hz : 0;
}

static void put_time(FILE *f, const struct lg_report *r, const char *name, enum lg_stat id,
                     const char *help)
{
    char labels[LG_LABELS_SZ];

    lg_metric_begin(f, name, "counter", help);
    for (uint32_t k = 0; k < r->worker_cnt; k++)
        lg_metric_real(f, name, worker_label(labels, k),
                       seconds(&r->workers[k], lg_stat_get(r->workers[k].stats, id)));
}

static void put_turns(FILE *f, const struct lg_report *r)
{
    static struct lg_load load[LG_MAX_WORKERS]; /* large; the control thread is one */
    char labels[LG_LABELS_SZ];
    struct lg_recent recent;

    for (uint32_t k = 0; k < r->worker_cnt; k++)
        lg_load_read(r->workers[k].load, &load[k]);
    lg_metric_begin(f, "worker_turn_seconds", "histogram",
                    "How long turns of a worker's loop took that found work.");
    for (uint32_t k = 0; k < r->worker_cnt; k++)
        lg_metric_hist(f, "worker_turn_seconds", worker_label(labels, k), &load[k].turns,
                       (double)r->workers[k].tsc_hz * (1u << LG_LOAD_LOG2_UNIT));
    lg_metric_begin(f, "worker_turn_p99_seconds", "gauge",
                    "What 99 of 100 busy turns of the last 10 s did not exceed; a power of two.");
    for (uint32_t k = 0; k < r->worker_cnt; k++) {
        lg_samples_recent(r->samples, k, &recent);
        lg_metric_real(f, "worker_turn_p99_seconds", worker_label(labels, k),
                       seconds(&r->workers[k], recent.p99));
    }
    lg_metric_begin(f, "worker_turn_max_seconds", "gauge",
                    "The longest turn of the last 8 to 17 s.");
    for (uint32_t k = 0; k < r->worker_cnt; k++)
        lg_metric_real(f, "worker_turn_max_seconds", worker_label(labels, k),
                       seconds(&r->workers[k], LG_MAX(load[k].max[0], load[k].max[1])));
    lg_metric_begin(f, "worker_stage_seconds_total", "counter",
                    "Time in each stage of busy turns, from one turn in 32.");
    for (uint32_t k = 0; k < r->worker_cnt; k++)
        for (int i = 0; i < LG_STAGE_CNT; i++) {
            char text[16];
            snprintf(text, sizeof text, "%u", k);
            lg_metric_real(
                f, "worker_stage_seconds_total",
                lg_labels(labels, "worker", text, "stage", lg_stage_name((enum lg_stage)i), NULL),
                seconds(&r->workers[k], load[k].stage[i] * LG_LOAD_SAMPLE));
        }
}

enum which { USED, PEAK, TOTAL };

static void put_pools(FILE *f, const struct lg_report *r, const char *name, enum which which,
                      const char *help)
{
    char labels[LG_LABELS_SZ], text[16];

    lg_metric_begin(f, name, "gauge", help);
    for (uint32_t k = 0; k < r->worker_cnt; k++)
        for (int i = 0; i < LG_SAMPLE_POOL_CNT; i++) {
            enum lg_sample_pool pool = (enum lg_sample_pool)i;
            const struct lg_core_report *w = &r->workers[k];
            uint64_t v = which == USED   ? lg_sample_used(w, pool)
                         : which == PEAK ? r->samples->peak[k][i]
                                         : lg_sample_total(w, pool);
            snprintf(text, sizeof text, "%u", k);
            lg_metric_u64(f, name,
                          lg_labels(labels, "worker", text, "pool", lg_sample_name(pool), NULL), v);
        }
}

static void put_workers(FILE *f, const struct lg_report *r)
{
    put_time(f, r, "worker_busy_seconds_total", LG_STAT_LOOP_BUSY_CYCLES,
             "Time in turns that found work.");
    put_time(f, r, "worker_idle_seconds_total", LG_STAT_LOOP_IDLE_CYCLES,
             "Time in turns that found none, sleep included.");
    put_time(f, r, "worker_handshake_seconds_total", LG_STAT_TLS_HS_CYCLES,
             "Time spent in TLS handshakes that completed.");
    put_turns(f, r);
    put_pools(f, r, "worker_pool_used", USED, "Objects out, or bytes (tls_memory).");
    put_pools(f, r, "worker_pool_peak", PEAK,
              "The most that were out at once, of looks 50 ms apart.");
    put_pools(f, r, "worker_pool_capacity", TOTAL, "Objects there are, or bytes (tls_memory).");
}

/* ---------------------------------------------------------------- counters */

static uint64_t sum_of(const struct lg_report *r, enum lg_stat id)
{
    uint64_t sum = 0;

    for (uint32_t k = 0; k < r->worker_cnt; k++)
        sum += lg_stat_get(r->workers[k].stats, id);
    return sum;
}

static bool is_drop(const char *name)
{
    return strncmp(name, "drop_", 5) == 0;
}

/* has_own_place: what another family tells, in seconds or under a label. */
static bool has_own_place(enum lg_stat id)
{
    return is_drop(lg_stat_name(id)) || id == LG_STAT_LOOP_BUSY_CYCLES ||
           id == LG_STAT_LOOP_IDLE_CYCLES || id == LG_STAT_TLS_HS_CYCLES ||
           id == LG_STAT_TCP_RESET_RX || id == LG_STAT_TCP_RESET_TX || id == LG_STAT_TCP_TIMEOUT;
}

static void put_counters(FILE *f, const struct lg_report *r)
{
    char name[80];

    for (int i = 0; i < LG_STAT_CNT; i++) {
        enum lg_stat id = (enum lg_stat)i;
        if (has_own_place(id))
            continue;
        snprintf(name, sizeof name, "%s_total", lg_stat_name(id));
        lg_metric_begin(f, name, "counter", lg_stat_text(id));
        lg_metric_u64(f, name, "", sum_of(r, id));
    }
}

static void put_drops(FILE *f, const struct lg_report *r)
{
    char labels[LG_LABELS_SZ];

    lg_metric_begin(f, "drops_total", "counter", "Packets and pieces of work dropped, by reason.");
    for (int i = 0; i < LG_STAT_CNT; i++) {
        const char *name = lg_stat_name((enum lg_stat)i);
        if (is_drop(name))
            lg_metric_u64(f, "drops_total", lg_labels(labels, "reason", name + 5, NULL),
                          sum_of(r, (enum lg_stat)i));
    }
}

static void put_tcp(FILE *f, const struct lg_report *r)
{
    struct lg_hist rtt = {0};

    lg_metric_begin(f, "tcp_resets_total", "counter",
                    "Connections that ended otherwise than in order, by cause.");
    lg_metric_u64(f, "tcp_resets_total", "cause=\"received\"", sum_of(r, LG_STAT_TCP_RESET_RX));
    lg_metric_u64(f, "tcp_resets_total", "cause=\"sent\"", sum_of(r, LG_STAT_TCP_RESET_TX));
    lg_metric_u64(f, "tcp_resets_total", "cause=\"timeout\"", sum_of(r, LG_STAT_TCP_TIMEOUT));
    for (uint32_t k = 0; k < r->worker_cnt; k++)
        lg_hist_sum(r->workers[k].rtt_ns, &rtt);
    lg_metric_begin(f, "tcp_rtt_seconds", "histogram",
                    "Smoothed round-trip time of connections when they ended.");
    lg_metric_hist(f, "tcp_rtt_seconds", "", &rtt, 1e9);
}

/* put_gauge writes the sum of one gauge; those of pools are worker_pool_used already. */
static void put_gauge(FILE *f, const char *name, uint64_t v)
{
    char help[96];

    if (strncmp(name, "bufs_", 5) == 0 || strncmp(name, "tls_", 4) == 0)
        return;
    snprintf(help, sizeof help, "Sum over the workers: %s of lockgatectl stats.", name);
    lg_metric_begin(f, name, "gauge", help);
    lg_metric_u64(f, name, "", v);
}

static void put_gauges(FILE *f, const struct lg_report *r)
{
#define X(name, field)                                                                             \
    {                                                                                              \
        uint64_t sum = 0;                                                                          \
        for (uint32_t k = 0; k < r->worker_cnt; k++)                                               \
            sum += r->workers[k].field;                                                            \
        put_gauge(f, #name, sum);                                                                  \
    }
    LG_REPORT_GAUGES(X)
#undef X
}

/* ---------------------------------------------------------------- ports */

static void put_port(FILE *f, const struct lg_report *r, const char *name, const char *help,
                     size_t off)
{
    char labels[LG_LABELS_SZ];

    lg_metric_begin(f, name, "counter", help);
    for (uint32_t i = 0; i < r->port_cnt; i++) {
        uint64_t v;
        memcpy(&v, (const uint8_t *)&r->ports[i].counts + off, sizeof v);
        lg_metric_u64(f, name, lg_labels(labels, "port", r->ports[i].cfg->name, NULL), v);
    }
}

static void put_ports(FILE *f, const struct lg_report *r)
{
    char labels[LG_LABELS_SZ];

#define PORT(name, help, field) put_port(f, r, name, help, offsetof(struct lg_port_counts, field))
    PORT("port_receive_packets_total", "Frames that the device gave.", rx_packets);
    PORT("port_receive_bytes_total", "Bytes that the device gave.", rx_bytes);
    PORT("port_transmit_packets_total", "Frames that the device sent.", tx_packets);
    PORT("port_transmit_bytes_total", "Bytes that the device sent.", tx_bytes);
    PORT("port_receive_missed_total", "Frames that came while the device's ring was full.",
         rx_missed);
    PORT("port_receive_no_buffer_total", "Frames for which there was no packet buffer.", rx_no_buf);
    PORT("port_receive_errors_total", "Frames received in error.", rx_errors);
    PORT("port_transmit_errors_total", "Frames not sent for an error.", tx_errors);
#undef PORT
    lg_metric_begin(f, "port_up", "gauge", "1 when the link is up.");
    for (uint32_t i = 0; i < r->port_cnt; i++)
        lg_metric_u64(f, "port_up", lg_labels(labels, "port", r->ports[i].cfg->name, NULL),
                      r->ports[i].counts.is_up);
}

char *lg_report_metrics(const struct lg_report *r)
{
    char *text = NULL;
    size_t sz = 0;
    FILE *f = open_memstream(&text, &sz);

    if (!f)
        return NULL;
    put_process(f, r);
    lg_metrics_listeners(f, r);
    lg_metrics_certificates(f, r);
    lg_metrics_backends(f, r);
    put_workers(f, r);
    put_ports(f, r);
    put_drops(f, r);
    put_tcp(f, r);
    put_gauges(f, r);
    put_counters(f, r);
    bool is_whole = !ferror(f);
    if (fclose(f) == 0 && is_whole)
        return text;
    free(text);
    return NULL;
}
