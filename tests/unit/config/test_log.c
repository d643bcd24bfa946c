/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_log.c: formats of the access log, and the keys of `log`. */
#include "fixture.h"

#include "log_format.h"

#include <stdio.h>
#include <stdlib.h>

/* shown writes the parts as "literal|${name}|{header:x}|". */
static const char *shown(const char *format, struct lg_log_mistake *bad)
{
    static char text[4096];
    struct lg_log_part parts[LG_LOG_PARTS_MAX];
    uint32_t cnt;
    size_t at = 0;

    if (!lg_is_ok(lg_log_format_parse(lg_span_cstr(format), parts, &cnt, bad)))
        return NULL;
    for (uint32_t i = 0; i < cnt; i++) {
        const struct lg_log_part *p = &parts[i];
        if (p->field < LG_LF_CNT)
            at += (size_t)snprintf(text + at, sizeof text - at, "${%s}|",
                                   lg_log_field_name((enum lg_log_field)p->field));
        else
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%.*s|",
                                   p->field == LG_LF_HEADER ? "header " : "", (int)p->text.len,
                                   (const char *)p->text.p);
    }
    return text;
}

TEST(LogFormat, CutsATextIntoItsParts)
{
    struct lg_log_mistake bad;

    EXPECT_STR(shown("a ${client_ip} [${header:User-Agent}]$$${status}", &bad),
               "a |${client_ip}| [|header User-Agent|]|$|${status}|");
    EXPECT_STR(shown("no field at all", &bad), "no field at all|");
    EXPECT_STR(shown("} { {client} $${client}", &bad), "} { {client} |$|{client}|");
}

TEST(LogFormat, SaysWhereAMistakeIs)
{
    static const struct {
        const char *format, *what;
        size_t at;
    } cases[] = {
        {"", "empty", 0},
        {"abc $", "a '$' that begins no ${name}; write $$ for one", 4},
        {"a $client", "a '$' that begins no ${name}; write $$ for one", 2},
        {"${client", "\"${\" without its \"}\"", 0},
        {"x ${}", "no such field", 2},
        {"${Client}", "no such field", 0},
        {"${header:}", "not a name of a header", 0},
        {"${header:a b}", "not a name of a header", 0},
        {"one\ntwo", "a control character; a record is one line", 3},
    };
    struct lg_log_mistake bad;

    for (size_t i = 0; i < LG_ARRAY_CNT(cases); i++) {
        EXPECT(shown(cases[i].format, &bad) == NULL);
        EXPECT_STR(bad.what, cases[i].what);
        EXPECT_EQ(bad.at, cases[i].at);
    }
    char many[LG_LOG_FORMAT_MAX + 2];
    for (size_t i = 0; i < sizeof many - 1; i++)
        many[i] = i < 258 ? '$' : 'x';
    many[sizeof many - 1] = '\0';
    EXPECT(shown(many, &bad) == NULL);
    EXPECT_STR(bad.what, "longer than 2048 bytes");
    many[300] = '\0';
    EXPECT(shown(many, &bad) == NULL);
    EXPECT_STR(bad.what, "more than 128 parts");
}

TEST(LogFormat, KnowsItsOwnNamedOnes)
{
    static const char *const names[] = {"haproxy", "combined"};
    struct lg_log_mistake bad;

    for (size_t i = 0; i < LG_ARRAY_CNT(names); i++)
        for (int e = 0; e < LG_LOG_EVENT_CNT; e++)
            EXPECT(shown(lg_log_format_named(names[i], (enum lg_log_event)e), &bad) != NULL);
    EXPECT(shown(lg_log_format_handshake(), &bad) != NULL);
    EXPECT(lg_log_format_named("json", LG_LOG_REQUEST) == NULL);
}

#define WITH(log) "listeners:\n", "log: " log "\nlisteners:\n"

TEST(ConfigLog, IsOffWithoutItsSection)
{
    struct lg_config *cfg = fx_config("listeners:\n", "listeners:\n", NULL);

    REQUIRE(cfg != NULL);
    EXPECT_EQ(cfg->log.to, LG_LOG_TO_OFF);
    EXPECT_EQ(cfg->listeners[0].log, LG_LOG_ALL);
    lg_config_free(cfg);
}

TEST(ConfigLog, IsReadWithItsDefaults)
{
    struct lg_config *cfg = fx_config(WITH("{to: access.log}"), NULL);

    REQUIRE(cfg != NULL);
    EXPECT_EQ(cfg->log.to, LG_LOG_TO_FILE);
    EXPECT_EQ(cfg->log.path[0], '/');
    EXPECT_HAS(cfg->log.path, "/access.log");
    EXPECT_EQ(cfg->log.format.how, LG_LOG_JSON);
    EXPECT_EQ(cfg->log.error.how, LG_LOG_INHERIT);
    EXPECT_EQ(cfg->log.buffer, 4096);
    EXPECT_EQ(cfg->log.facility, 16);
    EXPECT(!cfg->log.query && !cfg->log.empty);
    EXPECT_EQ(cfg->log.header_cnt, 0);
    EXPECT_EQ(cfg->listeners[0].log_format.how, LG_LOG_INHERIT);
    lg_config_free(cfg);
}

TEST(ConfigLog, CapturesTheHeadersThatFormatsName)
{
    struct lg_config *cfg = fx_config(
        WITH("{to: \"syslog:/run/s.sock\", format: combined, headers: [X-Id, Referer],"
             " error_format: 'oops ${reason}', syslog_format: rfc5424, facility: daemon}"),
        NULL);

    REQUIRE(cfg != NULL);
    EXPECT_EQ(cfg->log.to, LG_LOG_TO_SYSLOG);
    EXPECT_STR(cfg->log.path, "/run/s.sock");
    EXPECT_EQ(cfg->log.facility, 3);
    EXPECT_EQ(cfg->log.syslog_format, LG_SYSLOG_RFC5424);
    REQUIRE_EQ(cfg->log.header_cnt, 3);
    EXPECT_STR(cfg->log.headers[0], "x-id");
    EXPECT_STR(cfg->log.headers[1], "referer");
    EXPECT_STR(cfg->log.headers[2], "user-agent");
    const struct lg_log_text *t = &cfg->log.format.text[LG_LOG_REQUEST];
    EXPECT_EQ(t->parts[t->cnt - 2].header, 2);
    EXPECT_EQ(t->parts[t->cnt - 4].header, 1);
    EXPECT_EQ(cfg->log.error.text[LG_LOG_HANDSHAKE].cnt, 2);
    lg_config_free(cfg);
}

TEST(ConfigLog, RefusesMistakesWithFileLineAndKey)
{
    static const struct fx_mistake mistakes[] = {
        {WITH("{format: json}"),
         "lg.yaml:26: log: \"to\" is missing: where the log goes, a file name, stderr, syslog or "
         "syslog:SOCKET"},
        {WITH("{to: \"\"}"),
         "lg.yaml:26: log.to: found \"\", expected a file name, stderr, syslog or syslog:SOCKET"},
        {WITH("{to: \"syslog:here\"}"),
         "lg.yaml:26: log.to: found \"syslog:here\", expected a file name, stderr, syslog or "
         "syslog:SOCKET; SOCKET is an absolute path"},
        {WITH("{to: stderr, format: apache}"),
         "lg.yaml:26: log.format: found \"apache\", expected one of json, haproxy, combined, or a "
         "text with ${name}s"},
        {WITH("{to: stderr, format: 'a ${client_adress}'}"),
         "lg.yaml:26: log.format: at character 3: no such field \"client_adress\""},
        {WITH("{to: stderr, format: 'a ${stats}'}"),
         "lg.yaml:26: log.format: at character 3: no such field \"stats\"; did you mean "
         "${status}?"},
        {WITH("{to: stderr, error_format: '$'}"),
         "lg.yaml:26: log.error_format: at character 1: a '$' that begins no ${name}; write $$ for "
         "one"},
        {WITH("{to: stderr, headers: [Cookie]}"),
         "lg.yaml:26: log.headers[0]: found \"Cookie\", expected a name of a header, such as "
         "user-agent; what proves who somebody is stays out of logs"},
        {WITH("{to: stderr, headers: [a, A]}"), "lg.yaml:26: log.headers: \"a\" is listed twice"},
        {WITH("{to: stderr, format: '${header:Authorization}'}"),
         "lg.yaml:26: log.format: names the header authorization; what proves who somebody is "
         "stays out of logs"},
        {WITH("{to: stderr, headers: [a, b, c, d, e, f, g, h], format: '${header:i}'}"),
         "lg.yaml:26: log.format: more than 8 headers, with those of log.headers"},
        {WITH("{to: stderr, buffer: 10}"),
         "lg.yaml:26: log.buffer: found \"10\", expected a whole number from 64 to 1048576"},
        {"    max_header: 16KiB", "    max_header: 16KiB\n    log: perhaps",
         "lg.yaml:41: listeners[0].log: found \"perhaps\", expected one of all, none, errors"},
        {"    max_header: 16KiB", "    max_header: 16KiB\n    log_format: '${x}'",
         "lg.yaml:41: listeners[0].log_format: at character 1: no such field \"x\""},
    };
    fx_expect_mistakes(mistakes, LG_ARRAY_CNT(mistakes));
}

TEST(ConfigLog, WarnsOfWhatHasNoEffect)
{
    static struct lg_diag diag;

    memset(&diag, 0, sizeof diag);
    struct lg_config *cfg =
        fx_config(WITH("{to: stderr, facility: local1, error_format: '${reason}'}"), &diag);
    EXPECT_EQ(diag.warn_cnt, 2);
    EXPECT_STR(diag.msg[0].text, "lg.yaml:26: log.facility: has no effect: the log does not go to "
                                 "syslog");
    EXPECT_HAS(diag.msg[1].text, "log.error_format: has no effect on JSON");
    lg_config_free(cfg);
}

TEST(ConfigLog, EveryFieldIsInTheManual)
{
    static char text[64 << 10];
    FILE *f = fopen(CONFIG_DIR "/../docs/logging.md", "re");

    REQUIRE(f != NULL);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    for (int i = 0; i < LG_LF_CNT; i++) {
        char row[64];
        snprintf(row, sizeof row, "\n| `%s` |", lg_log_field_name((enum lg_log_field)i));
        EXPECT_HAS(text, row);
    }
}
