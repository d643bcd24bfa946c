/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUs, hugepages, memory and capabilities, read from a made-up /sys and /proc. */
#include "fixture.h"
#include "machine.h"

#include <stdio.h>

static struct lg_config make_cfg(void)
{
    return (struct lg_config){.file = (char *)"lg.yaml",
                              .worker_cnt = 2,
                              .worker_cpus = {1, 3},
                              .control_cpu = -1,
                              .memory_mb = 512,
                              .hugepages = true};
}

TEST(CpuList, ReadsTheKernelsForm)
{
    cpu_set_t set;
    char text[64];

    EXPECT_OK(lg_cpulist_parse("0-3,8,10-11\n", &set));
    EXPECT_EQ(CPU_COUNT(&set), 7);
    EXPECT(CPU_ISSET(8, &set) && !CPU_ISSET(9, &set));
    EXPECT_STR(lg_cpulist_text(&set, text, sizeof text), "0-3,8,10-11");
    EXPECT_OK(lg_cpulist_parse("\n", &set));
    EXPECT_EQ(CPU_COUNT(&set), 0);
    EXPECT_STR(lg_cpulist_text(&set, text, sizeof text), "");
}

TEST(CpuList, RefusesWhatIsNoList)
{
    cpu_set_t set;

    EXPECT_ERR(lg_cpulist_parse("a", &set), LG_E(FORMAT));
    EXPECT_ERR(lg_cpulist_parse("3-1", &set), LG_E(FORMAT));
    EXPECT_ERR(lg_cpulist_parse("1-", &set), LG_E(FORMAT));
    EXPECT_ERR(lg_cpulist_parse("1 2", &set), LG_E(FORMAT));
    EXPECT_ERR(lg_cpulist_parse("0-1024", &set), LG_E(RANGE));
    EXPECT_ERR(lg_cpulist_parse("99999999999999999999", &set), LG_E(RANGE));
}

TEST(CpuList, CutsATextThatDoesNotFitBetweenTwoRanges)
{
    cpu_set_t set;
    char text[6];

    EXPECT_OK(lg_cpulist_parse("0-3,8,10", &set));
    EXPECT_STR(lg_cpulist_text(&set, text, sizeof text), "0-3,8");
}

TEST(Machine, NamesTheCpuThatDoesNotExist)
{
    struct t_dir d = t_dir_make();
    struct lg_config cfg = make_cfg();
    struct lg_diag diag = {0};

    t_write(&d, "sys/devices/system/cpu/online", "0-3\n");
    EXPECT_OK(lg_machine_check_cpus(d.path, &cfg, &diag));
    t_write(&d, "sys/devices/system/cpu/online", "0-2\n");
    EXPECT_ERR(lg_machine_check_cpus(d.path, &cfg, &diag), LG_E(CONFIG));
    EXPECT_EQ(diag.error_cnt, 1);
    EXPECT_HAS(diag.msg[0].text, "lg.yaml: global.workers: CPU 3 does not exist");
    EXPECT_HAS(diag.msg[0].text, "this machine has 0-2");
    cfg.control_cpu = 77;
    EXPECT_ERR(lg_machine_check_cpus(d.path, &cfg, &diag), LG_E(CONFIG));
    EXPECT_HAS(diag.msg[2].text, "global.control_cpu: CPU 77");
    cfg.worker_cpus[1] = 60000; /* past what a cpu_set_t holds */
    EXPECT_ERR(lg_machine_check_cpus(d.path, &cfg, &diag), LG_E(CONFIG));
    t_dir_remove(&d);
}

static void write_huge(const struct t_dir *d, unsigned kb, const char *total, const char *free_cnt)
{
    char name[128];

    snprintf(name, sizeof name, "sys/kernel/mm/hugepages/hugepages-%ukB/nr_hugepages", kb);
    t_write(d, name, total);
    snprintf(name, sizeof name, "sys/kernel/mm/hugepages/hugepages-%ukB/free_hugepages", kb);
    t_write(d, name, free_cnt);
}

TEST(Machine, CountsFreeHugepagesNotReservedOnes)
{
    struct t_dir d = t_dir_make();
    struct lg_config cfg = make_cfg();
    struct lg_diag diag = {0};

    write_huge(&d, 2048, "512\n", "256\n");
    EXPECT_OK(lg_machine_check_memory(d.path, &cfg, &diag));
    write_huge(&d, 2048, "512\n", "255\n");
    EXPECT_ERR(lg_machine_check_memory(d.path, &cfg, &diag), LG_E(NOMEM));
    EXPECT_EQ(diag.error_cnt, 1);
    EXPECT_HAS(diag.msg[0].text, "512 MiB need 256 hugepages of 2048 KiB; 255 are free of 512");
    EXPECT_HAS(diag.msg[0].text, "echo 513 | sudo tee "
                                 "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
    EXPECT_HAS(diag.msg[0].text, "hugepages: false");
    t_dir_remove(&d);
}

TEST(Machine, AddsUpHugepagesOfEverySize)
{
    struct t_dir d = t_dir_make();
    struct lg_config cfg = make_cfg();
    struct lg_diag diag = {0};

    cfg.memory_mb = 1025;
    write_huge(&d, 1048576, "1\n", "1\n");
    write_huge(&d, 2048, "0\n", "0\n");
    EXPECT_ERR(lg_machine_check_memory(d.path, &cfg, &diag), LG_E(NOMEM));
    EXPECT_HAS(diag.msg[0].text, "echo 1 | sudo tee"); /* one more of 2 MiB is enough */
    write_huge(&d, 2048, "1\n", "1\n");
    EXPECT_OK(lg_machine_check_memory(d.path, &cfg, &diag));
    t_dir_remove(&d);
}

TEST(Machine, SaysWhenTheKernelHasNoHugepages)
{
    struct t_dir d = t_dir_make();
    struct lg_config cfg = make_cfg();
    struct lg_diag diag = {0};

    EXPECT_ERR(lg_machine_check_memory(d.path, &cfg, &diag), LG_E(NOMEM));
    EXPECT_HAS(diag.msg[0].text, "global.hugepages: this kernel offers no hugepages");
    t_dir_remove(&d);
}

TEST(Machine, WithoutHugepagesAsksForAvailableMemory)
{
    struct t_dir d = t_dir_make();
    struct lg_config cfg = make_cfg();
    struct lg_diag diag = {0};

    cfg.hugepages = false;
    t_write(&d, "proc/meminfo", "MemTotal:  9000000 kB\n\nMemAvailable:     524288 kB\n");
    EXPECT_OK(lg_machine_check_memory(d.path, &cfg, &diag));
    t_write(&d, "proc/meminfo", "MemTotal:  9000000 kB\nMemAvailable:     524287 kB\n");
    EXPECT_ERR(lg_machine_check_memory(d.path, &cfg, &diag), LG_E(NOMEM));
    EXPECT_HAS(diag.msg[0].text, "512 MiB are wanted and 511 MiB are available");
    t_dir_remove(&d);
}

TEST(Machine, NamesTheMissingCapability)
{
    struct t_dir d = t_dir_make();
    struct lg_config cfg = make_cfg();
    struct lg_cfg_port ports[] = {{.line = 7, .device = (char *)"af_xdp:eth0"},
                                  {.line = 9, .device = (char *)"memif:/run/m.sock"}};
    struct lg_diag diag = {0};

    cfg.ports = ports;
    cfg.port_cnt = 2;
    t_write(&d, "proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n");
    EXPECT_OK(lg_machine_check_rights(d.path, &cfg, &diag));
    /* CAP_NET_ADMIN (12), CAP_NET_RAW (13) and CAP_SYS_ADMIN (21). */
    t_write(&d, "proc/self/status", "Name:\tx\nCapEff:\t0000000000203000\n");
    EXPECT_OK(lg_machine_check_rights(d.path, &cfg, &diag));
    t_write(&d, "proc/self/status", "Name:\tx\nCapEff:\t0000000000202000\n");
    EXPECT_ERR(lg_machine_check_rights(d.path, &cfg, &diag), LG_E(SYS));
    EXPECT_EQ(diag.error_cnt, 1);
    EXPECT_HAS(diag.msg[0].text, "lg.yaml:7: ports[0].device: af_xdp:eth0 needs CAP_NET_ADMIN");
    t_dir_remove(&d);
}
