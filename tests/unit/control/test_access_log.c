/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_access_log.c: records become lines, whatever bytes are in them; lines go where they are to
 * go, and a reader that does not read holds up nobody. */
#include "access_log.h"
#include "fixture.h"
#include "t.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---------------------------------------------------------------- a record */

static char *header_names[] = {"user-agent", "referer"};
static struct lg_cfg_backend backend = {.name = "b1"};
static struct lg_cfg_pool pool = {.name = "web", .backend_cnt = 1, .backends = &backend};
static struct lg_cfg_listener listener_cfg = {.name = "site"};
static struct lg_listener listener = {.cfg = &listener_cfg};
static struct lg_config cfg = {.file = "lg.yaml", .pool_cnt = 1, .pools = &pool};
static struct lg_snapshot_worker workers[2];
static struct lg_snapshot snap = {.generation = 7,
                                  .cfg = &cfg,
                                  .worker_cnt = 2,
                                  .listener_cnt = 1,
                                  .listeners = &listener,
                                  .workers = workers};
static const struct lg_log_clock noon = {.wall_us = 1790000000000000u, .mono_ns = LG_SEC(500)};
static _Alignas(64) uint8_t room[LG_ACCESS_REC_SZ];

static struct lg_access_rec *record(enum lg_log_event event)
{
    struct lg_access_rec *rec = (struct lg_access_rec *)(void *)room;
    static const uint8_t ip[4] = {192, 0, 2, 7};

    cfg.log = (struct lg_cfg_log){.format = {.how = LG_LOG_JSON},
                                  .headers = header_names,
                                  .header_cnt = 2,
                                  .to = LG_LOG_TO_FILE,
                                  .buffer = 64,
                                  .path = "",
                                  .facility = 16};
    listener_cfg.log_format = (struct lg_cfg_log_format){0};
    backend.addr = (struct lg_endpoint){lg_ip_v4(ip), 8080};
    *rec = (struct lg_access_rec){.snap = &snap,
                                  .suite = "TLS_X",
                                  .group = "",
                                  .reason = "",
                                  .at_ns = LG_SEC(499),
                                  .client = {lg_ip_v4(ip), 1234},
                                  .local = {lg_ip_v4(ip), 443},
                                  .event = (uint8_t)event,
                                  .who = '-',
                                  .phase = '-',
                                  .alert = 255};
    for (int i = 0; i < LG_AX_CNT; i++)
        rec->time_ns[i] = LG_NS_NEVER;
    rec->time_ns[LG_AX_TOTAL] = LG_US(1500);
    return rec;
}

/* line gives the text without its newline, after checking that there is exactly one. */
static const char *line(const struct lg_access_rec *rec)
{
    static char out[LG_LOG_LINE_MAX + 1];
    size_t len = lg_log_line(rec, 3, &noon, out);

    EXPECT(len > 0 && len <= LG_LOG_LINE_MAX && out[len - 1] == '\n');
    out[len - 1] = '\0';
    EXPECT_EQ(strlen(out), len - 1);
    for (size_t i = 0; i < len - 1; i++)
        if (out[i] < 0x20 || out[i] > 0x7e)
            t_fail(__FILE__, __LINE__, "byte %02x in a line", (uint8_t)out[i]);
    return out;
}

static json_t *json_line(const struct lg_access_rec *rec)
{
    const char *text = line(rec);
    json_t *v = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

    if (!v)
        t_fail(__FILE__, __LINE__, "not JSON: %s", text);
    return v;
}

static const char *str(const json_t *v, const char *key)
{
    const char *s = json_string_value(json_object_get(v, key));

    return s ? s : "(null)";
}

TEST(LogLine, GivesTheEndOnTheWallClock)
{
    json_t *v = json_line(record(LG_LOG_REQUEST));

    EXPECT_STR(str(v, "time"), "2026-09-21T14:13:19.000000Z");
    EXPECT_EQ(json_integer_value(json_object_get(v, "total_us")), 1500);
    EXPECT(json_is_null(json_object_get(v, "connect_us")));
    EXPECT_STR(str(v, "client"), "192.0.2.7:1234");
    EXPECT_STR(str(v, "pool"), "web");
    EXPECT_STR(str(v, "backend"), "b1");
    EXPECT_EQ(json_integer_value(json_object_get(v, "worker")), 3);
    json_decref(v);
}

TEST(LogLine, EscapesEveryByteAClientMaySend)
{
    struct lg_access_rec *rec = record(LG_LOG_REQUEST);
    char all[256];

    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    for (int i = LG_AT_METHOD; i < LG_AT_HEADER; i++)
        lg_access_text_put(rec, (enum lg_access_text)i, "", 0);
    lg_access_text_put(rec, LG_AT_HEADER, all, sizeof all);
    json_t *v = json_line(rec);
    const json_t *agent = json_object_get(json_object_get(v, "headers"), "user-agent");
    const char *utf8 = json_string_value(agent);
    REQUIRE(utf8 != NULL);
    EXPECT_EQ(json_string_length(agent), 128 + 2 * 128); /* each byte one character */
    EXPECT_EQ(utf8[0], 0);
    EXPECT_MEM(utf8 + 127, "\x7f\xc2\x80", 3);
    json_decref(v);
    /* The same by a format: neither its quotes nor its lines can be broken out of. */
    struct lg_log_part parts[LG_LOG_PARTS_MAX];
    struct lg_log_mistake bad;
    listener_cfg.log_format.how = LG_LOG_TEXT;
    struct lg_log_text *t = &listener_cfg.log_format.text[LG_LOG_REQUEST];
    t->parts = parts;
    EXPECT_OK(
        lg_log_format_parse(LG_SPAN_STR("\"${header:user-agent}\" ${path}"), parts, &t->cnt, &bad));
    const char *text = line(rec);
    EXPECT_HAS(text, "\"\\x00\\x01");
    EXPECT_HAS(text, "!\\x22#");
    EXPECT_HAS(text, "[\\x5c]");
    EXPECT_HAS(text, "\\xff\" -");
}

TEST(LogLine, TheLongestRecordIsAWholeLine)
{
    struct lg_access_rec *rec = record(LG_LOG_REQUEST);
    static char high[4096];

    memset(high, 0xff, sizeof high);
    for (int i = 0; i < LG_AT_CNT; i++)
        lg_access_text_put(rec, (enum lg_access_text)i, high, i < LG_AT_HEADER ? 120 : 4096);
    EXPECT(rec->is_cut);
    json_decref(json_line(rec));
}

TEST(LogLine, TellsOfARefusedClient)
{
    struct lg_access_rec *rec = record(LG_LOG_HANDSHAKE);

    rec->reason = "client certificate revoked";
    rec->who = 'P';
    rec->phase = 'T';
    rec->alert = 44;
    rec->is_refused = rec->is_mutual = true;
    lg_access_text_put(rec, LG_AT_ALPN, "", 0);
    lg_access_text_put(rec, LG_AT_SNI, "a.example", 9);
    lg_access_text_put(rec, LG_AT_SUBJECT, "CN=bob", 6);
    json_t *v = json_line(rec);
    EXPECT_STR(str(v, "verify"), "FAILED");
    EXPECT_STR(str(v, "alert"), "certificate_revoked");
    EXPECT_STR(str(v, "alert_from"), "server");
    EXPECT_STR(str(v, "state"), "PT");
    EXPECT_STR(str(v, "client_subject"), "CN=bob");
    EXPECT(json_object_get(v, "status") == NULL);
    json_decref(v);
}

TEST(LogLine, WritesWhatParsersOfHaproxyAndNginxRead)
{
    struct lg_access_rec *rec = record(LG_LOG_REQUEST);
    struct lg_log_part parts[LG_LOG_PARTS_MAX];
    struct lg_log_mistake bad;
    struct lg_log_text *t = &cfg.log.format.text[LG_LOG_REQUEST];

    cfg.log.format.how = LG_LOG_TEXT;
    t->parts = parts;
    rec->status = 200;
    rec->bytes_out = 321;
    for (int i = 0; i < LG_AT_METHOD; i++)
        lg_access_text_put(rec, (enum lg_access_text)i, "", 0);
    lg_access_text_put(rec, LG_AT_METHOD, "GET", 3);
    lg_access_text_put(rec, LG_AT_HOST, "h", 1);
    lg_access_text_put(rec, LG_AT_PATH, "/p", 2);
    lg_access_text_put(rec, LG_AT_QUERY, "q=1", 3);
    EXPECT_OK(lg_log_format_parse(lg_span_cstr(lg_log_format_named("haproxy", LG_LOG_REQUEST)),
                                  parts, &t->cnt, &bad));
    EXPECT_STR(line(rec),
               "192.0.2.7:1234 [21/Sep/2026:14:13:18.998] site~ web/b1 -1/-1/-1/-1/1 200 "
               "321 - - ---- 0/0/0/0/0 0/0 \"GET /p?q=1 HTTP/1.1\"");
    EXPECT_OK(lg_log_format_parse(lg_span_cstr(lg_log_format_named("combined", LG_LOG_REQUEST)),
                                  parts, &t->cnt, &bad));
    EXPECT_STR(line(rec), "192.0.2.7 - - [21/Sep/2026:14:13:19 +0000] \"GET /p?q=1 HTTP/1.1\" 200 "
                          "321 \"-\" \"-\"");
}

/* ---------------------------------------------------------------- where they go */

static struct lg_log_out *open_out(enum lg_log_to to, const char *path)
{
    struct lg_log_out *o = NULL;
    struct lg_diag diag = {0};
    struct lg_cfg_log c = {.to = to, .path = (char *)(uintptr_t)path, .facility = 16};

    EXPECT_OK(lg_log_out_open(&c, "lg.yaml", &o, &diag));
    return o;
}

TEST(LogOut, APipeThatNobodyReadsLosesLinesAndDoesNotWait)
{
    struct t_dir d = t_dir_make();
    const char *path = t_path(&d, "fifo");
    char out[64], text[1024], got[1024];
    uint64_t put = 0;

    REQUIRE_EQ(t_run(&d, out, sizeof out, "mkfifo fifo"), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    struct lg_log_out *o = open_out(LG_LOG_TO_FILE, path);
    REQUIRE(o != NULL);
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\n';
    for (; lg_log_out_counts(o).lost == 0 && put < 10000; put++)
        lg_log_out_put(o, text, sizeof text);
    struct lg_log_out_counts c = lg_log_out_counts(o);
    EXPECT_EQ(c.lost, 1);
    EXPECT(c.written >= 4 && c.written < put);
    /* Read again, it goes on, with whole lines. */
    size_t total = 0;
    for (ssize_t n; (n = read(reader, got, sizeof got)) > 0;
         total += (size_t)n, lg_log_out_flush(o))
        ;
    EXPECT_EQ(total, (put - 1) * sizeof text);
    c = lg_log_out_close(o);
    EXPECT_EQ(c.written, put - 1);
    EXPECT_EQ(c.lost, 1);
    close(reader);
    t_dir_remove(&d);
}

TEST(LogOut, AFullDiskIsCounted)
{
    struct lg_log_out *o = open_out(LG_LOG_TO_FILE, "/dev/full");

    REQUIRE(o != NULL);
    for (int i = 0; i < 3; i++) {
        lg_log_out_put(o, "line\n", 5);
        lg_log_out_flush(o);
    }
    struct lg_log_out_counts c = lg_log_out_close(o);
    EXPECT_EQ(c.lost, 3);
    EXPECT_EQ(c.written, 0);
}

TEST(LogOut, IsReopenedUnderItsName)
{
    struct t_dir d = t_dir_make();
    char out[256];
    struct lg_log_out *o = open_out(LG_LOG_TO_FILE, t_path(&d, "log"));

    REQUIRE(o != NULL);
    lg_log_out_put(o, "one\n", 4);
    EXPECT_EQ(t_run(&d, out, sizeof out, "mv log old"), 0);
    EXPECT(lg_log_out_reopen(o));
    lg_log_out_put(o, "two\n", 4);
    EXPECT_EQ(t_run(&d, out, sizeof out, "mv log log2 && mkdir log"), 0);
    EXPECT(!lg_log_out_reopen(o)); /* and goes on with the one it has */
    lg_log_out_put(o, "three\n", 6);
    EXPECT_EQ(lg_log_out_close(o).written, 3);
    EXPECT_EQ(t_run(&d, out, sizeof out, "cat old; echo -; cat log2; stat -c %%a log2"), 0);
    EXPECT_STR(out, "one\n-\ntwo\nthree\n640\n");
    t_dir_remove(&d);
}

TEST(LogOut, CannotBeOpenedWhereThereIsNoFolder)
{
    struct lg_log_out *o = NULL;
    struct lg_diag diag = {0};
    struct lg_cfg_log c = {.line = 9, .to = LG_LOG_TO_FILE, .path = "/no/such/folder/log"};

    EXPECT_ERR(lg_log_out_open(&c, "lg.yaml", &o, &diag), LG_E(SYS));
    EXPECT_STR(diag.msg[0].text,
               "lg.yaml:9: log.to: cannot open /no/such/folder/log: No such file or directory");
}

static int listen_at(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    unlink(path);
    EXPECT_EQ(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static const char *receive(int fd)
{
    static char text[1024];
    ssize_t n = recv(fd, text, sizeof text - 1, 0);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

TEST(LogOut, SpeaksToSyslogAndFindsItAgain)
{
    struct t_dir d = t_dir_make();
    const char *path = t_path(&d, "syslog");
    int fd = listen_at(path);
    struct lg_log_out *o = open_out(LG_LOG_TO_SYSLOG, path);
    char want[64];

    REQUIRE(o != NULL);
    lg_log_out_put(o, "hello\n", 6);
    snprintf(want, sizeof want, " lockgate[%d]: hello", (int)getpid());
    const char *got = receive(fd);
    EXPECT_EQ(strncmp(got, "<134>", 5), 0); /* local0, info */
    EXPECT_STR(got + 5 + 15, want);         /* "Sep 21 14:13:19" */
    close(fd);
    fd = listen_at(path); /* its daemon has been started anew */
    lg_log_out_put(o, "again\n", 6);
    EXPECT_HAS(receive(fd), "]: again");
    EXPECT_EQ(lg_log_out_counts(o).lost, 0);
    close(fd);
    lg_log_out_put(o, "nobody\n", 7);
    struct lg_log_out_counts c = lg_log_out_close(o);
    EXPECT_EQ(c.lost, 1);
    EXPECT_EQ(c.written, 2);
    t_dir_remove(&d);
}

TEST(LogOut, SpeaksRfc5424)
{
    struct t_dir d = t_dir_make();
    const char *path = t_path(&d, "syslog");
    struct lg_cfg_log c = {.to = LG_LOG_TO_SYSLOG,
                           .path = (char *)(uintptr_t)path,
                           .facility = 3,
                           .syslog_format = LG_SYSLOG_RFC5424};
    struct lg_log_out *o = NULL;
    struct lg_diag diag = {0};
    int fd = listen_at(path);
    char rest[256], year[8];
    int pid;

    EXPECT_OK(lg_log_out_open(&c, "lg.yaml", &o, &diag));
    REQUIRE(o != NULL);
    lg_log_out_put(o, "hello\n", 6);
    const char *got = receive(fd);
    EXPECT_EQ(sscanf(got, "<30>1 %4[0-9]-%*d-%*dT%*d:%*d:%*d.%*dZ %*s lockgate %d %255[^\n]", year,
                     &pid, rest),
              3);
    EXPECT_STR(rest, "access - hello");
    lg_log_out_close(o);
    close(fd);
    t_dir_remove(&d);
}

/* ---------------------------------------------------------------- all of it */

static void put_record(uint32_t worker, const char *path)
{
    struct lg_stats stats = {{0}};
    struct lg_access_rec *from = record(LG_LOG_REQUEST);
    struct lg_access_rec *rec = lg_access_ring_begin(workers[worker].access, &stats);

    REQUIRE(rec != NULL);
    memcpy(rec, from, sizeof *rec);
    for (int i = 0; i < LG_AT_PATH; i++)
        lg_access_text_put(rec, (enum lg_access_text)i, "", 0);
    lg_access_text_put(rec, LG_AT_PATH, path, strlen(path));
    lg_access_ring_put(workers[worker].access, &stats);
}

TEST(AccessLog, DrainsAllWorkersIntoTheOutOfTheLatestConfiguration)
{
    struct t_dir d = t_dir_make();
    struct lg_access_log a = {0};
    struct lg_diag diag = {0};
    char out[65536];

    record(LG_LOG_REQUEST);
    cfg.log.path = (char *)(uintptr_t)t_path(&d, "one");
    EXPECT_OK(lg_access_log_prepare(&a, &snap, &diag));
    REQUIRE(workers[0].access && workers[1].access && workers[0].access != workers[1].access);
    lg_access_log_commit(&a);
    put_record(0, "/a");
    put_record(1, "/b");
    EXPECT_EQ(lg_access_log_drain(&a, &noon), 2);
    EXPECT_EQ(lg_access_log_drain(&a, &noon), 0);
    /* One that cannot be opened changes nothing. */
    cfg.log.path = (char *)(uintptr_t)t_path(&d, "none/x");
    EXPECT_ERR(lg_access_log_prepare(&a, &snap, &diag), LG_E(SYS));
    put_record(0, "/c");
    EXPECT_EQ(lg_access_log_drain(&a, &noon), 1);
    cfg.log.path = (char *)(uintptr_t)t_path(&d, "two");
    EXPECT_OK(lg_access_log_prepare(&a, &snap, &diag));
    lg_access_log_commit(&a);
    put_record(1, "/d");
    EXPECT_EQ(lg_access_log_drain(&a, &noon), 1);
    EXPECT_EQ(lg_access_log_counts(&a).written, 4);
    /* Off: what older sessions still say is read and forgotten. */
    struct lg_access_ring *ring = workers[0].access;
    cfg.log.to = LG_LOG_TO_OFF;
    memset(workers, 0, sizeof workers);
    EXPECT_OK(lg_access_log_prepare(&a, &snap, &diag));
    EXPECT(workers[0].access == NULL);
    lg_access_log_commit(&a);
    workers[0].access = ring;
    put_record(0, "/e");
    EXPECT_EQ(lg_access_log_drain(&a, &noon), 1);
    lg_access_log_close(&a);
    memset(workers, 0, sizeof workers);
    EXPECT_EQ(t_run(&d, out, sizeof out,
                    "grep -o '\"path\":\"[^\"]*' one; echo; "
                    "grep -o '\"path\":\"[^\"]*' two"),
              0);
    EXPECT_STR(out, "\"path\":\"/a\n\"path\":\"/b\n\"path\":\"/c\n\n\"path\":\"/d\n");
    t_dir_remove(&d);
}
