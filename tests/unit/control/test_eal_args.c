/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DPDK's command line. */
#include "eal_args.h"
#include "t.h"

#include <stdio.h>

static struct lg_eal_args args; /* large */

/* join makes one text of the arguments, for comparing. */
static const char *join(const struct lg_eal_args *a)
{
    static char text[LG_EAL_TEXT_SZ];
    size_t n = 0;

    text[0] = '\0';
    for (int i = 0; i < a->argc; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? "|" : "", a->argv[i]);
    return text;
}

static const char *split(const char *line)
{
    args.argc = 0;
    args.used = 0;
    EXPECT_OK(lg_eal_args_split(line, &args));
    return join(&args);
}

static cpu_set_t cpus(unsigned cnt)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    for (unsigned i = 0; i < cnt; i++)
        CPU_SET(i, &set);
    return set;
}

static struct lg_config make_cfg(void)
{
    return (struct lg_config){.file = (char *)"lg.yaml",
                              .worker_cnt = 2,
                              .worker_cpus = {2, 3},
                              .control_cpu = -1,
                              .memory_mb = 512,
                              .hugepages = true,
                              .eal_extra = (char *)"",
                              .file_prefix = (char *)"lockgate"};
}

TEST(EalArgs, SplitsAsAShellWould)
{
    EXPECT_STR(split(""), "");
    EXPECT_STR(split("  \t"), "");
    EXPECT_STR(split("-n 4  --vdev=x"), "-n|4|--vdev=x");
    EXPECT_STR(split("--a='b c' d\"e f\"g"), "--a=b c|de fg");
    EXPECT_STR(split("'' \"\""), "|");
    EXPECT_STR(split("a\\ b 'c\\d' \"e\\\"f\\g\""), "a b|c\\d|e\"f\\g");
}

TEST(EalArgs, RefusesAnOpenQuote)
{
    args.argc = 0;
    args.used = 0;
    EXPECT_ERR(lg_eal_args_split("--a='b", &args), LG_E(FORMAT));
    EXPECT_ERR(lg_eal_args_split("--a=\"b\\", &args), LG_E(FORMAT));
    EXPECT_ERR(lg_eal_args_split("b\\", &args), LG_E(FORMAT));
}

TEST(EalArgs, RefusesMoreThanFits)
{
    static char words[2 * LG_EAL_ARGS_MAX + 3], word[LG_EAL_TEXT_SZ + 2];

    for (size_t i = 0; i + 1 < sizeof words; i++)
        words[i] = i % 2 ? ' ' : 'x';
    args.argc = 0;
    args.used = 0;
    EXPECT_ERR(lg_eal_args_split(words, &args), LG_E(FULL));
    memset(word, 'x', sizeof word - 1);
    args.argc = 0;
    args.used = 0;
    EXPECT_ERR(lg_eal_args_split(word, &args), LG_E(FULL));
}

TEST(EalArgs, PinsWorkersAndGivesTheControlThreadTheRest)
{
    struct lg_config cfg = make_cfg();
    cpu_set_t allowed = cpus(6);
    struct lg_diag diag = {0};

    EXPECT_OK(lg_eal_args_build(&cfg, &allowed, false, &args, &diag));
    EXPECT_STR(join(&args), "lockgate|--lcores=0@(0-1,4-5),1@2,2@3|--main-lcore=0|--in-memory|"
                            "--file-prefix=lockgate|-m|512|--no-pci|--iova-mode=va|"
                            "--no-telemetry|--log-level=error");
    EXPECT(args.argv[args.argc] == NULL);
}

TEST(EalArgs, SharesAWorkersCpuWhenThereIsNoOther)
{
    struct lg_config cfg = make_cfg();
    cpu_set_t allowed = cpus(2);
    struct lg_diag diag = {0};

    cfg.worker_cpus[0] = 0;
    cfg.worker_cpus[1] = 1;
    EXPECT_OK(lg_eal_args_build(&cfg, &allowed, false, &args, &diag));
    EXPECT_STR(args.argv[1], "--lcores=0@(0-1),1@0,2@1");
    cfg.control_cpu = 1;
    EXPECT_OK(lg_eal_args_build(&cfg, &allowed, false, &args, &diag));
    EXPECT_STR(args.argv[1], "--lcores=0@(1),1@0,2@1");
}

TEST(EalArgs, WithoutHugepagesAsksForNone)
{
    struct lg_config cfg = make_cfg();
    cpu_set_t allowed = cpus(4);
    struct lg_diag diag = {0};

    cfg.hugepages = false;
    EXPECT_OK(lg_eal_args_build(&cfg, &allowed, true, &args, &diag));
    EXPECT_HAS(join(&args), "|--no-huge|--no-shconf|");
    EXPECT(strstr(join(&args), "--in-memory") == NULL);
    EXPECT(strstr(join(&args), "--log-level") == NULL); /* debug: DPDK may speak */
}

TEST(EalArgs, AllowsOnlyThePciDevicesOfThePorts)
{
    struct lg_config cfg = make_cfg();
    struct lg_cfg_port ports[] = {{.device = (char *)"tap:t0"},
                                  {.device = (char *)"pci:0000:01:00.0"},
                                  {.device = (char *)"pci:0000:01:00.1"}};
    cpu_set_t allowed = cpus(4);
    struct lg_diag diag = {0};

    cfg.ports = ports;
    cfg.port_cnt = 3;
    EXPECT_OK(lg_eal_args_build(&cfg, &allowed, false, &args, &diag));
    EXPECT_HAS(join(&args), "|--allow=0000:01:00.0|--allow=0000:01:00.1|");
    EXPECT(strstr(join(&args), "--no-pci") == NULL);
    EXPECT(strstr(join(&args), "--iova-mode") == NULL);
}

TEST(EalArgs, PutsTheExpertsWordsLast)
{
    struct lg_config cfg = make_cfg();
    cpu_set_t allowed = cpus(4);
    struct lg_diag diag = {0};

    cfg.eal_extra = (char *)"-n 4 --log-level 'pmd.*:debug'";
    EXPECT_OK(lg_eal_args_build(&cfg, &allowed, false, &args, &diag));
    EXPECT_HAS(join(&args), "|--log-level=error|-n|4|--log-level|pmd.*:debug");
    cfg.eal_extra = (char *)"-n '4";
    EXPECT_ERR(lg_eal_args_build(&cfg, &allowed, false, &args, &diag), LG_E(CONFIG));
    EXPECT_HAS(diag.msg[0].text, "lg.yaml: global.eal_extra: a quote or a backslash is left open");
}

TEST(EalArgs, HoldsEveryWorkerThereCanBe)
{
    struct lg_config cfg = make_cfg();
    cpu_set_t allowed;
    struct lg_diag diag = {0};

    CPU_ZERO(&allowed);
    for (unsigned i = 0; i < CPU_SETSIZE; i += 2) /* the longest list */
        CPU_SET(i, &allowed);
    cfg.worker_cnt = LG_MAX_WORKERS;
    for (unsigned i = 0; i < LG_MAX_WORKERS; i++)
        cfg.worker_cpus[i] = (uint16_t)(CPU_SETSIZE - 1 - i);
    EXPECT_OK(lg_eal_args_build(&cfg, &allowed, false, &args, &diag));
    EXPECT_HAS(args.argv[1], ",64@960");
}
