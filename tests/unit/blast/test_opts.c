/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: what is read, and what is said about what is not. */
#include "opts.h"
#include "t.h"

#include <stdio.h>
#include <stdlib.h>

static struct bl_opts o;
static struct lg_diag diag;

/* parse splits a line at blanks. */
static lg_err_t parse(const char *line)
{
    static char copy[1024];
    char *argv[64] = {"lockgate-blast"}, *save = NULL;
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *t = strtok_r(copy, " ", &save); t; t = strtok_r(NULL, " ", &save))
        argv[argc++] = t;
    memset(&diag, 0, sizeof diag);
    return bl_opts_parse(argc, argv, &o, &diag);
}

static void expect_refused(const char *line, const char *says)
{
    EXPECT_ERR(parse(line), LG_E(CONFIG));
    EXPECT(diag.error_cnt > 0);
    EXPECT_HAS(diag.msg[0].text, says);
    if (t_failed())
        t_fail(__FILE__, __LINE__, "line: %s", line);
}

#define GOOD "--device tap:t0 --address 10.9.1.1/24 --target 10.9.1.2:443 "

TEST(Opts, HaveDefaults)
{
    EXPECT_OK(parse("handshake " GOOD));
    EXPECT_EQ(o.group_cnt, 1);
    EXPECT_EQ(o.groups[0].kind, BL_HANDSHAKE);
    EXPECT_EQ(o.groups[0].connections, 64);
    EXPECT_EQ(o.groups[0].tls, BL_TLS_ANY);
    EXPECT_EQ(o.groups[0].target.port, 443);
    EXPECT(o.groups[0].rate == 0);
    EXPECT_EQ(o.duration_ns, LG_SEC(10));
    EXPECT_EQ(o.warmup_ns, LG_SEC(1));
    EXPECT_EQ(o.max_errors, 0);
    EXPECT(!o.reuse_key_share && !o.skip_signature);
    EXPECT_EQ(o.groups[0].size, 1024);
    EXPECT_OK(parse("download " GOOD));
    EXPECT_EQ(o.groups[0].size, 1 << 20);
}

TEST(Opts, ReadUnitsAndBothForms)
{
    EXPECT_OK(parse("request --rate=2000/s --duration 500ms --warmup 2m --size 4KiB --memory 2GiB "
                    "--tls 1.3 --cpu 1 --no-huge " GOOD));
    EXPECT(o.groups[0].rate == 2000);
    EXPECT_EQ(o.duration_ns, LG_MS(500));
    EXPECT_EQ(o.warmup_ns, LG_SEC(120));
    EXPECT_EQ(o.groups[0].size, 4096);
    EXPECT_EQ(o.memory_sz, 2ull << 30);
    EXPECT_EQ(o.groups[0].tls, BL_TLS_13);
    EXPECT_EQ(o.cpu, 1);
    EXPECT(o.no_huge);
}

TEST(Opts, TakeTheOriginApart)
{
    struct lg_prefix want;
    EXPECT_OK(lg_prefix_parse(LG_SPAN_STR("10.9.2.1/24"), &want));
    EXPECT_OK(parse("request --origin memif:/run/b.sock,role=server,10.9.2.1/24:8080 " GOOD));
    EXPECT_STR(o.origin_device, "memif:/run/b.sock,role=server");
    EXPECT_EQ(o.origin_port, 8080);
    EXPECT(lg_ip_eq(&o.origin_address.ip, &want.ip) && o.origin_address.len == 24);
    EXPECT_OK(parse("origin --origin af_xdp:eth1,fd00::1/64"));
    EXPECT_EQ(o.origin_port, 80);
    expect_refused("request --origin 10.9.2.1/24 " GOOD, "--origin");
    expect_refused("request --origin tap:x,10.9.2.1/24:0 " GOOD, "--origin");
}

TEST(Opts, SayWhatIsWrong)
{
    expect_refused("", "what is to be run?");
    expect_refused("handshakes " GOOD, "\"handshakes\" is no scenario: one of handshake resume");
    expect_refused("handshake --colour blue " GOOD, "no option --colour");
    expect_refused("handshake " GOOD "--rate", "--rate wants a value: --rate N");
    expect_refused("handshake --rate 0 " GOOD, "--rate: \"0\" is not a number a second");
    expect_refused("handshake --duration 10 " GOOD, "--duration: \"10\" is not a time");
    expect_refused("handshake --connections 0 " GOOD, "--connections: \"0\" is not a value from 1");
    expect_refused("handshake --size 1Kb " GOOD, "--size: \"1Kb\" is not a size");
    expect_refused("handshake --tls 1.1 " GOOD, "--tls: \"1.1\" is not one of off 1.2 1.3 1.2-1.3");
    expect_refused("handshake --target 10.9.1.2 --device tap:t --address 10.9.1.1/24",
                   "an address and a port");
    expect_refused("handshake request " GOOD, "\"request\" is not expected here");
    expect_refused("handshake -x " GOOD, "\"-x\" is not expected here");
    expect_refused("handshake --target 10.9.1.2:443 --address 10.9.1.1/24", "--device");
    expect_refused("handshake --target 10.9.1.2:443 --device tap:t", "--address");
    expect_refused("handshake --device tap:t --address 10.9.1.1/24", "--target IP:PORT");
    expect_refused("handshake --device tap:t --address 10.9.1.1/24 --target [fd00::1]:443",
                   "different families");
    expect_refused("handshake --tls off " GOOD, "no handshake with --tls off");
    expect_refused("handshake --cert a.pem " GOOD, "--cert and --key go together");
    expect_refused("handshake --verify a.pem --skip-signature " GOOD, "proves nothing");
    expect_refused("handshake --source 10.9.1.0/24 " GOOD, "lies in --source");
    expect_refused("request --path x " GOOD, "--path begins with /");
    expect_refused("origin", "--origin DEVICE,IP/LEN");
    expect_refused("handshake --file x.yaml " GOOD, "not both");
    expect_refused("--file /nonexistent.yaml " GOOD, "cannot open /nonexistent.yaml");
}

TEST(Opts, HelpAsksForNothingElse)
{
    EXPECT_OK(parse("--help"));
    EXPECT(o.help);
    EXPECT_OK(parse("-V"));
    EXPECT(o.version);
}
