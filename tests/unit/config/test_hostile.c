/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_hostile.c: texts that nobody would write by accident. They are refused with a message, in
 * bounded time and memory; the sanitizers watch. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

/* parse_bytes reads any bytes; returns whether they were refused with a message. */
static bool parse_bytes(const void *p, size_t len, struct lg_diag *diag)
{
    const struct lg_env env = {.cpu_cnt = 4};
    struct lg_config *cfg = NULL;

    memset(diag, 0, sizeof *diag);
    lg_err_t err = lg_config_parse_on(&env, lg_span(p, len), "lg.yaml", &cfg, diag);
    bool is_refused = lg_err_is(err, LG_ERR_CONFIG) && diag->error_cnt > 0 && !cfg;
    EXPECT(is_refused || (lg_is_ok(err) && cfg && diag->error_cnt == 0));
    lg_config_free(cfg);
    return is_refused;
}

/* expect_refused repeats a piece until the text has `len` bytes, and expects `want` in the first
 * message. */
static void expect_refused(const char *head, const char *piece, size_t len, const char *want)
{
    struct lg_diag *diag = calloc(1, sizeof *diag);
    char *text = malloc(len + 1);

    if (!diag || !text)
        abort();
    size_t at = (size_t)snprintf(text, len + 1, "%s", head);
    for (size_t k = 0; at < len; at++)
        text[at] = piece[k++ % strlen(piece)];
    EXPECT(parse_bytes(text, len, diag));
    EXPECT_HAS(diag->msg[0].text, want);
    free(text);
    free(diag);
}

TEST(ConfigHostile, RefusesDeepNesting)
{
    expect_refused("", "[", 100000, "nested more than 16 levels deep");
    expect_refused("", "{a: ", 100000, "nested more than 16 levels deep");
    expect_refused("", "- ", 100000, "nested more than 16 levels deep");
    expect_refused("", "? ", 100000, "a key must be a single word");
}

TEST(ConfigHostile, RefusesAliasBombs)
{
    expect_refused("a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "#", 64, "anchors (&name)");
    expect_refused("a: &a {<<: *a}\n", "#", 64, "anchors (&name)");
}

TEST(ConfigHostile, RefusesHugeScalars)
{
    expect_refused("global: {eal_extra: \"", "x", 1u << 20, "not valid YAML");
    expect_refused("global:\n  eal_extra: ", "x", 1u << 20,
                   "global.eal_extra: 1048555 characters long, expected 0 to 1024");
    expect_refused("global:\n  idle: ", "x", 1u << 20, "xxx...\", expected one of adaptive");
    expect_refused("global:\n  ? ", "k", 1u << 20, "unknown key \"kkkk");
}

TEST(ConfigHostile, BoundsTheNumberOfValuesAndTheFile)
{
    expect_refused("ports:\n", "- a\n", 6u << 20, "the file holds more than 1048576 values");
    expect_refused("", "#", (16u << 20) + 1, "the file is larger than 16 MiB");
}

TEST(ConfigHostile, CountsFloodsOfMistakesWithoutWritingThemAll)
{
    struct lg_diag *diag = calloc(1, sizeof *diag);
    size_t at = 0, cap = 2u << 20;
    char *text = malloc(cap);

    REQUIRE(diag && text);
    for (unsigned i = 0; at < cap - 32; i++)
        at += (size_t)snprintf(text + at, cap - at, "key%u: 1\n", i);
    EXPECT(parse_bytes(text, at, diag));
    EXPECT_EQ(diag->kept_cnt, LG_DIAG_MAX);
    EXPECT(diag->error_cnt > 100000);
    free(text);
    free(diag);
}

TEST(ConfigHostile, RefusesBytesThatAreNotText)
{
    struct lg_diag *diag = calloc(1, sizeof *diag);
    static const char nul[] = "global:\n  idle: a\0b\n", latin[] = "global:\n  idle: \xff\xfe\n";
    static const char *const texts[] = {"",
                                        " ",
                                        "\n\n",
                                        "# only a comment\n",
                                        "---\n",
                                        "null\n",
                                        "~",
                                        "just a word\n",
                                        "[]\n",
                                        "{}\n",
                                        "\xef\xbb\xbf",
                                        "%YAML 9.9\n---\na: 1\n",
                                        "- \n",
                                        ": \n",
                                        "\"",
                                        "\t"};

    REQUIRE(diag != NULL);
    EXPECT(parse_bytes(nul, sizeof nul - 1, diag));
    EXPECT_HAS(diag->msg[0].text, "lg.yaml:2: not a text file: control characters");
    EXPECT(parse_bytes(latin, sizeof latin - 1, diag));
    EXPECT_HAS(diag->msg[0].text, "lg.yaml:2: not a text file: ");
    EXPECT(parse_bytes(NULL, 0, diag));
    EXPECT_STR(diag->msg[0].text, "lg.yaml: the file is empty");
    for (size_t i = 0; i < LG_ARRAY_CNT(texts); i++)
        EXPECT(parse_bytes(texts[i], strlen(texts[i]), diag));
    free(diag);
}

TEST(ConfigHostile, EscapesWhatItQuotes)
{
    struct lg_diag *diag = calloc(1, sizeof *diag);
    static const char text[] = "global: {idle: \"\\e[31m\\\"\\n\", \"k\\x07\": 1}\n";

    REQUIRE(diag != NULL);
    EXPECT(parse_bytes(text, sizeof text - 1, diag));
    EXPECT_HAS(diag->msg[0].text, "found \"\\x1b[31m\\x22\\x0a\", expected one of");
    EXPECT_HAS(diag->msg[1].text, "unknown key \"k\\x07\"");
    free(diag);
}

/* Every prefix of a good file: it ends in the middle of everything. */
TEST(ConfigHostile, SurvivesEveryTruncation)
{
    struct lg_diag *diag = calloc(1, sizeof *diag);

    REQUIRE(diag != NULL);
    for (size_t len = 0; len < strlen(fx_good); len++) {
        char *copy = malloc(len + 1); /* its end is watched by the sanitizer */
        REQUIRE(copy != NULL);
        memcpy(copy, fx_good, len);
        (void)parse_bytes(copy, len, diag);
        free(copy);
    }
    free(diag);
}

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* mutate changes, drops, doubles or moves a few bytes; returns the new length, at most cap. */
static size_t mutate(char *text, size_t len, size_t cap, uint64_t *seed)
{
    static const char spice[] = "{}[]:,-&*!?|>#%@`'\"\n\t \\0129azA/.~\xff";

    for (uint32_t n = 1 + next_random(seed) % 4; n > 0; n--) {
        size_t at = next_random(seed) % len;
        size_t wanted = 1 + next_random(seed) % 40, span = LG_MIN(wanted, len - at);
        switch (next_random(seed) % 4) {
        case 0:
            text[at] = spice[next_random(seed) % (sizeof spice - 1)];
            break;
        case 1:
            if (span == len)
                break;
            memmove(text + at, text + at + span, len - at - span);
            len -= span;
            break;
        case 2:
            if (len + span > cap)
                break;
            memmove(text + at + span, text + at, len - at);
            len += span;
            break;
        default:
            text[at] = (char)(text[at] ^ (1u << next_random(seed) % 8));
            break;
        }
    }
    return len;
}

TEST(ConfigHostile, SurvivesRandomMutationsOfAGoodFile)
{
    struct lg_diag *diag = calloc(1, sizeof *diag);
    size_t cap = strlen(fx_good) + 256, refused_cnt = 0;
    char *text = malloc(cap);
    uint64_t seed = 20261123;

    REQUIRE(diag && text);
    for (int i = 0; i < 5000; i++) {
        memcpy(text, fx_good, strlen(fx_good));
        refused_cnt += parse_bytes(text, mutate(text, strlen(fx_good), cap, &seed), diag);
    }
    EXPECT(refused_cnt > 1000 && refused_cnt < 5000);
    free(text);
    free(diag);
}
