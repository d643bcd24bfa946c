/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scenario files: what wins, and what is refused with file and line. */
#include "opts.h"
#include "t.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct bl_opts o;
static struct lg_diag diag;
static char path[] = "/tmp/lg_blast_XXXXXX";

static void remove_file(void)
{
    unlink(path);
}

/* load writes text to a file and runs the command line with it. */
static lg_err_t load(const char *text, char *extra)
{
    static bool made;
    if (!made) {
        close(mkstemp(path));
        atexit(remove_file);
        made = true;
    }
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
    char *argv[] = {"lockgate-blast", "--file",    path,          "--device",
                    "tap:t0",         "--address", "10.9.1.1/24", extra};
    memset(&diag, 0, sizeof diag);
    return bl_opts_parse(extra ? 8 : 7, argv, &o, &diag);
}

TEST(Scenario, GroupsInheritAndTheCommandLineWins)
{
    static const char text[] = "target: 10.9.1.2:443\n"
                               "duration: 20s\n"
                               "connections: 7\n"
                               "groups:\n"
                               "  - name: established\n"
                               "    scenario: request\n"
                               "    rate: 2000\n"
                               "  - scenario: handshake\n"
                               "    connections: 256\n"
                               "    target: 10.9.1.2:444\n"
                               "    start: 5s\n"
                               "    stop: 15s\n";
    EXPECT_OK(load(text, NULL));
    EXPECT_EQ(o.group_cnt, 2);
    EXPECT_STR(o.groups[0].name, "established");
    EXPECT_EQ(o.groups[0].kind, BL_REQUEST);
    EXPECT(o.groups[0].rate == 2000);
    EXPECT_EQ(o.groups[0].connections, 7);
    EXPECT_EQ(o.groups[0].target.port, 443);
    EXPECT_STR(o.groups[1].name, "handshake");
    EXPECT(o.groups[1].rate == 0);
    EXPECT_EQ(o.groups[1].connections, 256);
    EXPECT_EQ(o.groups[1].target.port, 444);
    EXPECT_EQ(o.groups[1].start_ns, LG_SEC(5));
    EXPECT_EQ(o.groups[1].stop_ns, LG_SEC(15));
    EXPECT_EQ(o.duration_ns, LG_SEC(20));
    EXPECT_OK(load(text, "--duration=3s"));
    EXPECT_EQ(o.duration_ns, LG_SEC(3));
    EXPECT_OK(load(text, "--connections=9"));
    EXPECT_EQ(o.groups[0].connections, 9);
    EXPECT_EQ(o.groups[1].connections, 256);
}

static void expect_refused(const char *text, const char *line, const char *says)
{
    EXPECT_ERR(load(text, NULL), LG_E(CONFIG));
    EXPECT_HAS(diag.msg[0].text, path);
    EXPECT_HAS(diag.msg[0].text, line);
    EXPECT_HAS(diag.msg[0].text, says);
    if (t_failed())
        t_fail(__FILE__, __LINE__, "%s: %s", text, diag.msg[0].text);
}

TEST(Scenario, SaysWhatIsWrongWithFileAndLine)
{
#define GROUP "groups: [{scenario: handshake, target: 10.9.1.2:443}]\n"
    expect_refused("colour: blue\n" GROUP, ":1:", "colour: there is no such key");
    expect_refused(GROUP "duration: soon\n", ":2:", "\"soon\" is not a time");
    expect_refused(GROUP "duration: [1]\n", ":2:", "expected one value");
    expect_refused(GROUP "help: true\n", ":2:", "cannot stand here");
    expect_refused("groups:\n  - scenario: dance\n    target: 10.9.1.2:443\n",
                   ":2:", "expected handshake");
    expect_refused("groups:\n  - scenario: idle\n    duration: 3s\n", ":3:", "of the whole run");
    expect_refused("groups:\n  - target: 10.9.1.2:443\n", ":2:", "needs a scenario");
    expect_refused("groups: []\n", "", "a list of 1 to 16");
    expect_refused("duration: 3s\n", "", "a list of 1 to 16");
    expect_refused("groups: [1]\n", "", "each group is a mapping");
    expect_refused("[1, 2]\n", "", "expected a mapping");
    expect_refused("a: [\n", "", "");
    EXPECT_ERR(load("groups: [{scenario: handshake}]\n", NULL), LG_E(CONFIG));
    EXPECT_HAS(diag.msg[0].text, "--target");
}

TEST(Scenario, AMistakeIsToldAlsoWhereTheCommandLineWins)
{
    EXPECT_ERR(load(GROUP "duration: soon\n", "--duration=3s"), LG_E(CONFIG));
}
