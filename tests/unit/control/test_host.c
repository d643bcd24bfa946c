/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --check-host on made-up machines: a good one, and the same with one thing wrong. */
#include "fixture.h"
#include "host.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GOOD_FLAGS                                                                                 \
    "processor\t: 0\nvendor_id\t: GenuineIntel\n"                                                  \
    "flags\t\t: fpu fma movbe bmi2 avx2 aes pclmulqdq vaes vpclmulqdq avx512f avx512vl "           \
    "avx512ifma constant_tsc nonstop_tsc\nbugs\t\t:\n"

static const struct {
    const char *name, *text;
} good_files[] = {
    {"proc/cpuinfo", GOOD_FLAGS},
    {"proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\nCpus_allowed_list:\t0-7\n"},
    {"proc/self/limits", "Max locked memory         8192                 8192         bytes\n"},
    {"proc/net/protocols", "protocol  size\nXDP       1088\n"},
    {"proc/sys/net/core/bpf_jit_enable", "1\n"},
    {"proc/812/comm", "systemd\n"},
    {"sys/devices/system/cpu/online", "0-7\n"},
    {"sys/devices/system/cpu/isolated", "2-5\n"},
    {"sys/devices/system/cpu/nohz_full", "2-5\n"},
    {"sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "performance\n"},
    {"sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "performance\n"},
    {"sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "2,6\n"},
    {"sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"},
    {"sys/devices/system/node/node0/cpulist", "0-3\n"},
    {"sys/devices/system/node/node1/cpulist", "4-7\n"},
    {"sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages", "300\n"},
    {"sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "256\n"},
    {"sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages", "0\n"},
    {"sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "0\n"},
    {"sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "300\n"},
    {"sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "256\n"},
    {"sys/kernel/iommu_groups/7/type", "DMA\n"},
    {"sys/bus/pci/devices/0000:01:00.0/numa_node", "0\n"},
    {"sys/class/net/eth1/flags", "0x1003\n"},
    {"sys/class/net/eth1/queues/rx-0/x", ""},
    {"sys/class/net/eth1/queues/rx-1/x", ""},
    {"sys/class/net/eth1/device/numa_node", "0\n"},
    {"dev/net/tun", ""},
};

static struct lg_cfg_port ports[] = {{.line = 7, .device = (char *)"pci:01:00.0,x=1"},
                                     {.line = 9, .device = (char *)"af_xdp:eth1"},
                                     {.line = 11, .device = (char *)"tap:lg0"}};
static struct lg_host host;

static struct lg_config make_cfg(void)
{
    return (struct lg_config){.file = (char *)"lg.yaml",
                              .worker_cnt = 2,
                              .worker_cpus = {2, 3},
                              .control_cpu = -1,
                              .memory_mb = 512,
                              .hugepages = true,
                              .user = (char *)"nobody",
                              .group = (char *)"",
                              .ports = ports,
                              .port_cnt = 3};
}

static void bind_driver(const struct t_dir *d, const char *driver)
{
    char out[256];
    EXPECT_EQ(t_run(d, out, sizeof out,
                    "ln -sfn ../../../bus/pci/drivers/%s sys/bus/pci/devices/0000:01:00.0/driver",
                    driver),
              0);
}

/* make_good writes one file of the good machine, or (NULL) all. */
static void make_good(const struct t_dir *d, const char *name)
{
    for (size_t i = 0; i < LG_ARRAY_CNT(good_files); i++)
        if (!name || strcmp(name, good_files[i].name) == 0)
            t_write(d, good_files[i].name, good_files[i].text);
}

static struct t_dir make_machine(void)
{
    struct t_dir d = t_dir_make();

    make_good(&d, NULL);
    bind_driver(&d, "vfio-pci");
    return d;
}

/* check looks at the machine; returns how many items are not ok. */
static uint32_t check(const struct t_dir *d, const struct lg_config *cfg)
{
    uint32_t bad = 0;

    lg_host_check(&host, d->path, cfg);
    for (uint32_t i = 0; i < host.item_cnt; i++)
        bad += host.items[i].verdict != LG_HOST_OK;
    return bad;
}

TEST(Host, FindsNothingMissingOnAGoodMachine)
{
    struct t_dir d = make_machine();
    struct lg_config cfg = make_cfg();

    EXPECT_EQ(check(&d, &cfg), 0);
    EXPECT(host.item_cnt > 10);
    EXPECT_EQ(lg_host_exit(&host), LG_EXIT_OK);
    t_dir_remove(&d);
}

static const struct {
    const char *file, *text; /* of the good machine, replaced; NULL text: removed */
    const char *topic;
    enum lg_host_verdict verdict;
    const char *found, *mend;
} faults[] = {
    {"proc/cpuinfo",
     "x\nflags\t: fma movbe bmi2 avx2 vaes vpclmulqdq avx512f avx512vl avx512ifma "
     "constant_tsc nonstop_tsc\n",
     "cpu", LG_HOST_MISSING, "no aes, pclmulqdq", ""},
    {"proc/cpuinfo",
     "x\nflags\t: hypervisor fma movbe bmi2 avx2 aes pclmulqdq avx512f avx512vl "
     "avx512ifma vpclmulqdq constant_tsc nonstop_tsc\n",
     "cpu", LG_HOST_ADVICE, "no vaes: ", "host-passthrough"},
    {"proc/cpuinfo",
     "x\nflags\t: fma movbe bmi2 avx2 aes pclmulqdq avx512f avx512vl vaes "
     "vpclmulqdq constant_tsc nonstop_tsc\n",
     "cpu", LG_HOST_ADVICE, "no avx512ifma: RSA", ""},
    {"sys/devices/system/cpu/online", "0-2\n", "cpu", LG_HOST_MISSING, "CPU 3 does not exist", ""},
    {"proc/self/status", "CapEff:\t000001ffffffffff\nCpus_allowed_list:\t0-2\n", "cpu",
     LG_HOST_MISSING, "CPU 3 is kept from this process", "AllowedCPUs=2-3"},
    {"sys/devices/system/cpu/isolated", "\n", "isolation", LG_HOST_ADVICE,
     "CPU 2-3:", "isolcpus=2-3 /' /etc/default/grub"},
    {"sys/devices/system/cpu/nohz_full", "2\n", "isolation", LG_HOST_ADVICE,
     "CPU 3:", "nohz_full=2-3"},
    {"sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "powersave\n", "governor",
     LG_HOST_ADVICE, "CPU 3 does not run", "cpupower -c 3 frequency-set -g performance"},
    {"sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "2-3\n", "siblings",
     LG_HOST_ADVICE, "CPU 2 and 3 share one core", ""},
    {"proc/812/comm", "irqbalance\n", "irqbalance", LG_HOST_ADVICE, "irqbalance runs",
     "IRQBALANCE_BANNED_CPULIST=2-3"},
    {"sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n", "clock",
     LG_HOST_ADVICE, "hpet", ""},
    {"sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "255\n",
     "hugepages", LG_HOST_MISSING, "510 MiB are free on node 0, 512 MiB are needed",
     "echo 301 >/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages"},
    {"sys/kernel/iommu_groups", NULL, "iommu", LG_HOST_MISSING, "IOMMU is off",
     "intel_iommu=on iommu=pt /' /etc/default/grub && update-grub && reboot"},
    {"sys/bus/pci/devices/0000:01:00.0/numa_node", "1\n", "numa", LG_HOST_ADVICE,
     "0000:01:00.0 is on node 1", "take CPUs of 4-7"},
    {"sys/class/net/eth1/device/numa_node", "1\n", "numa", LG_HOST_ADVICE, "eth1 is on node 1",
     "4-7"},
    {"sys/bus/pci/devices/0000:01:00.0", NULL, "driver", LG_HOST_MISSING, "no PCI device 0000:01",
     "lspci -D"},
    {"sys/class/net/eth1", NULL, "interface", LG_HOST_MISSING, "no interface eth1", "ip -br link"},
    {"sys/class/net/eth1/flags", "0x1002\n", "interface", LG_HOST_MISSING, "eth1 is down",
     "ip link set eth1 up"},
    {"sys/class/net/eth1/queues/rx-1", NULL, "interface", LG_HOST_MISSING, "1 receive queues",
     "ethtool -L eth1 combined 2"},
    {"proc/net/protocols", "protocol  size\nTCP 1\n", "af_xdp", LG_HOST_MISSING, "no AF_XDP", ""},
    {"proc/sys/net/core/bpf_jit_enable", "0\n", "af_xdp", LG_HOST_ADVICE, "interpreted",
     "sysctl -w net.core.bpf_jit_enable=1"},
    {"dev/net/tun", NULL, "tap", LG_HOST_MISSING, "/dev/net/tun", "modprobe tun"},
};

static bool has_item(size_t f)
{
    for (uint32_t i = 0; i < host.item_cnt; i++) {
        const struct lg_host_item *item = &host.items[i];
        if (strcmp(item->topic, faults[f].topic) == 0 && item->verdict == faults[f].verdict &&
            strstr(item->found, faults[f].found) && strstr(item->mend, faults[f].mend) &&
            !*faults[f].mend == !*item->mend)
            return true;
    }
    return false;
}

TEST(Host, FindsEachFaultAloneAndTellsTheCommandThatMendsIt)
{
    struct lg_config cfg = make_cfg();
    struct t_dir d = make_machine();

    for (size_t f = 0; f < LG_ARRAY_CNT(faults); f++) {
        if (faults[f].text)
            t_write(&d, faults[f].file, faults[f].text);
        else
            EXPECT_EQ(rename(t_path(&d, faults[f].file), t_path(&d, "away")), 0);
        uint32_t bad = check(&d, &cfg);
        if (bad != 1 || !has_item(f)) {
            t_fail(__FILE__, __LINE__, "%s: %u items are not ok, expected one", faults[f].file,
                   bad);
            lg_host_print(&host, stderr);
        }
        EXPECT_EQ(lg_host_exit(&host),
                  faults[f].verdict == LG_HOST_MISSING ? LG_EXIT_CONFIG : LG_EXIT_OK);
        if (!faults[f].text)
            EXPECT_EQ(rename(t_path(&d, "away"), t_path(&d, faults[f].file)), 0);
        else
            make_good(&d, faults[f].file);
    }
    t_dir_remove(&d);
}

TEST(Host, KnowsDriversThatStayWithTheKernel)
{
    struct t_dir d = make_machine();
    struct lg_config cfg = make_cfg();

    bind_driver(&d, "mlx5_core");
    EXPECT_EQ(check(&d, &cfg), 0);
    bind_driver(&d, "ixgbe");
    EXPECT_EQ(check(&d, &cfg), 1);
    EXPECT_EQ(lg_host_exit(&host), LG_EXIT_CONFIG);
    bool found = false;
    for (uint32_t i = 0; i < host.item_cnt; i++)
        found |= strstr(host.items[i].found, "0000:01:00.0 is bound to ixgbe") &&
                 strcmp(host.items[i].mend, "modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci "
                                            "0000:01:00.0") == 0;
    EXPECT(found);
    t_dir_remove(&d);
}

TEST(Host, SharesHugepagesOutAmongTheWorkersNodes)
{
    struct t_dir d = make_machine();
    struct lg_config cfg = make_cfg();

    cfg.worker_cpus[1] = 5; /* node 1, which has none */
    cfg.port_cnt = 0;
    lg_host_check(&host, d.path, &cfg);
    uint32_t seen = 0;
    for (uint32_t i = 0; i < host.item_cnt; i++) {
        if (strcmp(host.items[i].topic, "hugepages") != 0)
            continue;
        seen++;
        EXPECT_HAS(host.items[i].found, "256 MiB are needed");
        EXPECT_EQ(host.items[i].verdict,
                  strstr(host.items[i].found, "node 0") ? LG_HOST_OK : LG_HOST_MISSING);
        if (host.items[i].verdict == LG_HOST_MISSING)
            EXPECT_HAS(host.items[i].mend, "echo 128 >/sys/devices/system/node/node1/");
    }
    EXPECT_EQ(seen, 2);
    t_dir_remove(&d);
}

TEST(Host, PinnedMemoryNeedsTheLimitOrTheRight)
{
    struct t_dir d = make_machine();
    struct lg_config cfg = make_cfg();

    t_write(&d, "proc/self/status", "CapEff:\t000000c000203000\nCpus_allowed_list:\t0-7\n");
    EXPECT_EQ(check(&d, &cfg), 1);
    EXPECT_EQ(lg_host_exit(&host), LG_EXIT_CONFIG); /* vfio */
    cfg.port_cnt = 0;
    EXPECT_EQ(check(&d, &cfg), 1);
    EXPECT_EQ(lg_host_exit(&host), LG_EXIT_OK); /* swapped keys only */
    t_write(&d, "proc/self/limits", "Max locked memory   unlimited   unlimited   bytes\n");
    EXPECT_EQ(check(&d, &cfg), 0);
    t_dir_remove(&d);
}

TEST(Host, GivesTheSameAsJson)
{
    struct t_dir d = make_machine();
    struct lg_config cfg = make_cfg();
    json_error_t why;

    t_write(&d, "sys/class/net/eth1/flags", "0x1002\n");
    lg_host_check(&host, d.path, &cfg);
    char *text = lg_host_json(&host);
    REQUIRE(text != NULL);
    json_t *all = json_loads(text, 0, &why);
    REQUIRE(all != NULL);
    EXPECT(json_is_false(json_object_get(all, "ok")));
    json_t *items = json_object_get(all, "items"), *one;
    EXPECT_EQ(json_array_size(items), host.item_cnt);
    size_t i, missing = 0;
    json_array_foreach(items, i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "verdict")), "missing") != 0)
            continue;
        missing++;
        EXPECT_STR(json_string_value(json_object_get(one, "topic")), "interface");
        EXPECT_STR(json_string_value(json_object_get(one, "mend")), "ip link set eth1 up");
    }
    EXPECT_EQ(missing, 1);
    json_decref(all);
    free(text);
    t_dir_remove(&d);
}

TEST(Host, SaysNothingOfWhatCannotBeRead)
{
    struct t_dir d = t_dir_make();

    /* A machine of which nothing is known, and no configuration: hugepages are the kernel's to
     * have. */
    EXPECT_EQ(check(&d, NULL), 2);
    EXPECT_STR(host.items[0].topic, "hugepages");
    EXPECT_STR(host.items[1].topic, "iommu");
    t_dir_remove(&d);
}
