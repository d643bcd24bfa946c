/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line. */
#include "options.h"
#include "t.h"

#define PARSE(...)                                                                                 \
    struct lg_options o;                                                                           \
    char *argv[] = {(char *)"lockgate", __VA_ARGS__, NULL};                                        \
    lg_options_parse((int)LG_ARRAY_CNT(argv) - 1, argv, &o)
#define ARG(s) ((char *)(s))

TEST(Options, RunsTheDefaultFileWithoutArguments)
{
    struct lg_options o;
    char *argv[] = {ARG("lockgate"), NULL};

    lg_options_parse(1, argv, &o);
    EXPECT_EQ(o.mode, LG_MODE_RUN);
    EXPECT_STR(o.config, "/etc/lockgate.yaml");
}

TEST(Options, TakesShortAndLongForms)
{
    {
        PARSE(ARG("-tqc"), ARG("a.yaml"));
        EXPECT_EQ(o.mode, LG_MODE_TEST);
        EXPECT(o.quiet);
        EXPECT_STR(o.config, "a.yaml");
    }
    {
        PARSE(ARG("--config=b.yaml"), ARG("--test"));
        EXPECT_EQ(o.mode, LG_MODE_TEST);
        EXPECT(!o.quiet);
        EXPECT_STR(o.config, "b.yaml");
    }
}

TEST(Options, ChecksTheHostAsTextOrJson)
{
    {
        PARSE(ARG("--check-host"), ARG("-c"), ARG("a.yaml"));
        EXPECT_EQ(o.mode, LG_MODE_CHECK_HOST);
        EXPECT(!o.json);
        EXPECT_STR(o.config, "a.yaml");
    }
    {
        PARSE(ARG("--json"), ARG("--check-host"));
        EXPECT_EQ(o.mode, LG_MODE_CHECK_HOST);
        EXPECT(o.json);
    }
    {
        PARSE(ARG("--json"));
        EXPECT_EQ(o.mode, LG_MODE_USAGE);
        EXPECT_STR(o.error, "this option goes with --check-host: --json");
    }
}

TEST(Options, NamesTheUnknownOption)
{
    {
        PARSE(ARG("-x"));
        EXPECT_EQ(o.mode, LG_MODE_USAGE);
        EXPECT_STR(o.error, "unknown option: -x");
    }
    {
        PARSE(ARG("--colour"));
        EXPECT_EQ(o.mode, LG_MODE_USAGE);
        EXPECT_STR(o.error, "unknown option: --colour");
    }
    {
        PARSE(ARG("-tx"));
        EXPECT_EQ(o.mode, LG_MODE_USAGE);
        EXPECT_STR(o.error, "unknown option: -x");
    }
}

TEST(Options, RefusesAMissingValueAndAStrayArgument)
{
    {
        PARSE(ARG("-c"));
        EXPECT_EQ(o.mode, LG_MODE_USAGE);
        EXPECT_STR(o.error, "this option needs a value: -c");
    }
    {
        PARSE(ARG("--config"));
        EXPECT_EQ(o.mode, LG_MODE_USAGE);
        EXPECT_HAS(o.error, "needs a value");
    }
    {
        PARSE(ARG("-c"), ARG(""));
        EXPECT_EQ(o.mode, LG_MODE_USAGE);
    }
    {
        PARSE(ARG("-t"), ARG("a.yaml"));
        EXPECT_EQ(o.mode, LG_MODE_USAGE);
        EXPECT_STR(o.error, "unexpected argument: a.yaml");
    }
}

TEST(Options, CutsAHostilelyLongArgument)
{
    static char longarg[4096];
    memset(longarg, 'a', sizeof longarg - 1);
    PARSE(longarg);
    EXPECT_EQ(o.mode, LG_MODE_USAGE);
    EXPECT(strlen(o.error) < sizeof o.error);
}

TEST(Options, HelpNamesEverySignalAndStatus)
{
    static const char *const words[] = {"HUP",   "TERM",  "USR1",  "  0  ",       "  1  ",
                                        "  2  ", "  3  ", "  4  ", "-c, --config"};
    for (size_t i = 0; i < LG_ARRAY_CNT(words); i++)
        EXPECT_HAS(lg_options_help(), words[i]);
}
