/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host.c: the list of what was found, and its two forms. */
#include "host_priv.h"

#include "check_file.h"
#include "privs.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const verdicts[] = {"ok", "advice", "missing"};

struct lg_host_item *lg_host_add(struct lg_host *h, const char *topic, enum lg_host_verdict verdict,
                                 const char *fmt, ...)
{
    uint32_t idx = LG_MIN(h->item_cnt, LG_HOST_MAX - 1u);
    struct lg_host_item *item = &h->items[idx];
    va_list ap;

    *item = (struct lg_host_item){.topic = topic, .verdict = verdict};
    va_start(ap, fmt);
    vsnprintf(item->found, sizeof item->found, fmt, ap);
    va_end(ap);
    h->item_cnt = idx + 1;
    return item;
}

void lg_host_mend(struct lg_host_item *item, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(item->mend, sizeof item->mend, fmt, ap);
    va_end(ap);
}

void lg_host_kernel_line(struct lg_host_item *item, const char *arguments)
{
    lg_host_mend(item,
                 "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&%s /' /etc/default/grub && update-grub && "
                 "reboot",
                 arguments);
}

uint32_t lg_host_node_of(const struct lg_host *h, unsigned cpu)
{
    uint32_t cnt = lg_sys_count(h->root, "/sys/devices/system/node", "node");
    cpu_set_t set;

    for (uint32_t node = 0; node < cnt; node++)
        if (lg_sys_cpus(&set, h->root, "/sys/devices/system/node/node%u/cpulist", node) &&
            cpu < CPU_SETSIZE && CPU_ISSET(cpu, &set))
            return node;
    return 0;
}

bool lg_host_has_port(const struct lg_host *h, const char *kind)
{
    for (uint32_t i = 0; h->cfg && i < h->cfg->port_cnt; i++)
        if (strncmp(h->cfg->ports[i].device, kind, strlen(kind)) == 0)
            return true;
    return !h->cfg;
}

/* add_errors makes items of what a check of the start has to say. */
static void add_errors(struct lg_host *h, const char *topic, const struct lg_diag *diag)
{
    for (uint32_t i = 0; i < diag->kept_cnt; i++)
        lg_host_add(h, topic, LG_HOST_MISSING, "%s", diag->msg[i].text);
}

static void check_start(struct lg_host *h)
{
    struct lg_diag rights = {0}, user = {0};
    struct lg_privs privs;

    if (lg_is_ok(lg_machine_check_rights(h->root, h->cfg, &rights)))
        lg_host_add(h, "rights", LG_HOST_OK, "this user has what the ports need");
    add_errors(h, "rights", &rights);
    if (lg_is_ok(lg_privs_find(h->cfg, &privs, &user)) && privs.has_user)
        lg_host_add(h, "user", LG_HOST_OK, "%s is uid %u, gid %u", h->cfg->user, privs.uid,
                    privs.gid);
    add_errors(h, "user", &user);
}

void lg_host_check(struct lg_host *h, const char *root, const struct lg_config *cfg)
{
    *h = (struct lg_host){.root = root, .cfg = cfg};
    for (uint32_t i = 0; cfg && i < cfg->worker_cnt; i++)
        if (cfg->worker_cpus[i] < CPU_SETSIZE)
            CPU_SET(cfg->worker_cpus[i], &h->workers);
    lg_host_check_cpu(h);
    lg_host_check_memory(h);
    lg_host_check_devices(h);
    if (cfg)
        check_start(h);
}

enum lg_exit lg_host_exit(const struct lg_host *h)
{
    for (uint32_t i = 0; i < h->item_cnt; i++)
        if (h->items[i].verdict == LG_HOST_MISSING)
            return LG_EXIT_CONFIG;
    return LG_EXIT_OK;
}

void lg_host_print(const struct lg_host *h, FILE *out)
{
    uint32_t cnt[3] = {0};

    for (uint32_t i = 0; i < h->item_cnt; i++) {
        const struct lg_host_item *item = &h->items[i];
        cnt[item->verdict]++;
        fprintf(out, "%-7s  %-11s %s\n", verdicts[item->verdict], item->topic, item->found);
        if (*item->mend)
            fprintf(out, "%21s%s\n", "mend: ", item->mend);
    }
    fprintf(out, "%u ok, %u advice, %u missing\n", cnt[LG_HOST_OK], cnt[LG_HOST_ADVICE],
            cnt[LG_HOST_MISSING]);
}

char *lg_host_json(const struct lg_host *h)
{
    json_t *items = json_array();
    bool good = items != NULL;

    for (uint32_t i = 0; i < h->item_cnt; i++) {
        const struct lg_host_item *item = &h->items[i];
        json_t *one = json_pack("{s:s, s:s, s:s, s:s}", "topic", item->topic, "verdict",
                                verdicts[item->verdict], "found", item->found, "mend", item->mend);
        good = json_array_append_new(items, one) == 0 && good;
    }
    json_t *all = json_pack("{s:b, s:o}", "ok", lg_host_exit(h) == LG_EXIT_OK, "items", items);
    char *text = good && all ? json_dumps(all, JSON_INDENT(2)) : NULL;
    json_decref(all);
    return text;
}

static enum lg_exit put(const struct lg_host *h, bool is_json)
{
    char *text = is_json ? lg_host_json(h) : NULL;

    if (is_json && !text)
        return LG_EXIT_START;
    if (is_json)
        puts(text);
    else
        lg_host_print(h, stdout);
    free(text);
    return fflush(stdout) == 0 ? lg_host_exit(h) : LG_EXIT_START;
}

enum lg_exit lg_host_main(const char *config, bool is_json)
{
    bool is_default = strcmp(config, LG_DEFAULT_CONFIG) == 0;
    struct lg_config *cfg = NULL;
    struct lg_diag diag = {0};
    struct lg_host *h = calloc(1, sizeof *h);
    enum lg_exit rc = LG_EXIT_START;

    if (!h)
        return rc;
    if (is_default && access(config, F_OK) != 0 && errno == ENOENT) {
        fprintf(stderr, "%s is not there: looking at the machine alone\n", config);
    } else if (!lg_is_ok(lg_config_load(config, &cfg, &diag))) {
        for (uint32_t i = 0; i < diag.kept_cnt; i++)
            fprintf(stderr, "error: %s\n", diag.msg[i].text);
        free(h);
        return LG_EXIT_CONFIG;
    }
    lg_host_check(h, "", cfg);
    rc = put(h, is_json);
    lg_config_free(cfg);
    free(h);
    return rc;
}
