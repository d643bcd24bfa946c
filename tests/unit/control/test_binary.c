/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The built programs from outside: options, what they print, what they exit with. LOCKGATE and
 * LOCKGATECTL are the paths of the programs, from meson. */
#include "admin.h"
#include "lock.h"
#include "options.h"
#include "site.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char out[16384];

#define RUN(d, ...) t_run((d), out, sizeof out, __VA_ARGS__)

TEST(Lockgate, PrintsHelpAndVersion)
{
    struct t_dir d = t_dir_make();

    EXPECT_EQ(RUN(&d, LOCKGATE " --help 2>/dev/null"), LG_EXIT_OK);
    EXPECT_HAS(out, "EXIT STATUS");
    EXPECT_EQ(RUN(&d, LOCKGATE " -V 2>/dev/null"), LG_EXIT_OK);
    EXPECT_HAS(out, "lockgate " LG_VERSION "\nwolfSSL ");
    EXPECT_HAS(out, "\nDPDK ");
    t_dir_remove(&d);
}

TEST(Lockgate, RefusesWhatItDoesNotKnow)
{
    struct t_dir d = t_dir_make();

    EXPECT_EQ(RUN(&d, LOCKGATE " --frobnicate >/dev/null"), LG_EXIT_USAGE);
    EXPECT_STR(out, "lockgate: unknown option: --frobnicate\ntry: lockgate --help\n");
    EXPECT_EQ(RUN(&d, LOCKGATE " stray"), LG_EXIT_USAGE);
    EXPECT_EQ(RUN(&d, LOCKGATE " -c"), LG_EXIT_USAGE);
    t_dir_remove(&d);
}

TEST(Lockgate, LooksAtTheHost)
{
    struct t_dir d = t_site_make();

    int status = RUN(&d, LOCKGATE " --check-host --json -c lg.yaml >host.json");
    EXPECT(status == LG_EXIT_OK || status == LG_EXIT_CONFIG);
    EXPECT_EQ(RUN(&d, "jq -e '.ok == %s and (.items | length > 0)' host.json",
                  status == LG_EXIT_OK ? "true" : "false"),
              0);
    EXPECT_EQ(RUN(&d, LOCKGATE " --check-host -c nowhere.yaml >/dev/null"), LG_EXIT_CONFIG);
    EXPECT_HAS(out, "nowhere.yaml");
    t_dir_remove(&d);
}

TEST(Lockgate, ChecksAGoodFile)
{
    struct t_dir d = t_site_make();

    EXPECT_EQ(RUN(&d, LOCKGATE " -t -c lg.yaml"), LG_EXIT_OK);
    EXPECT_HAS(out, "lg.yaml: configuration is valid\n");
    EXPECT_EQ(RUN(&d, LOCKGATE " -tq -c lg.yaml"), LG_EXIT_OK);
    EXPECT_STR(out, "");
    t_dir_remove(&d);
}

TEST(Lockgate, ChecksABadFileAndSaysEverything)
{
    struct t_dir d = t_site_make();

    t_site_write(&d, "missing", 8443, "  no_such_key: 1\n  memori: 2\n");
    EXPECT_EQ(RUN(&d, LOCKGATE " -t -c lg.yaml >/dev/null"), LG_EXIT_CONFIG);
    EXPECT_HAS(out, "error: lg.yaml:4");
    EXPECT_HAS(out, "no_such_key");
    EXPECT_HAS(out, "lg.yaml:5");
    EXPECT_HAS(out, "memori");
    EXPECT_HAS(out, "lg.yaml: configuration is not valid: ");
    EXPECT_EQ(RUN(&d, LOCKGATE " -t -c nowhere.yaml"), LG_EXIT_CONFIG);
    EXPECT_HAS(out, "nowhere.yaml");
    t_dir_remove(&d);
}

TEST(Lockgate, ChecksKeysAndQuotes)
{
    struct t_dir d = t_site_make();

    EXPECT_EQ(RUN(&d, "cp b.key a.key; " LOCKGATE " -t -c lg.yaml"), LG_EXIT_CONFIG);
    EXPECT_HAS(out, "a.key");
    t_site_write(&d, "b", 8443, "  eal_extra: \"-n '4\"\n");
    EXPECT_EQ(RUN(&d, LOCKGATE " -t -c lg.yaml"), LG_EXIT_CONFIG);
    EXPECT_HAS(out, "global.eal_extra: a quote or a backslash is left open");
    t_dir_remove(&d);
}

/* Without -t, what is wrong with the file is found before anything of the machine is touched. */
TEST(Lockgate, DoesNotStartFromABadFile)
{
    struct t_dir d = t_site_make();

    t_write(&d, "lg.yaml", "global: {workers: [0]}\n");
    EXPECT_EQ(RUN(&d, LOCKGATE " -c lg.yaml"), LG_EXIT_CONFIG);
    EXPECT_HAS(out, "start: configuration failed; nothing is left running");
    t_dir_remove(&d);
}

/* What -t finds and what a start finds are the same, and the exit status, too. */
TEST(Lockgate, DoesNotStartWithoutAUsableToken)
{
    struct t_dir d = t_site_make();

    t_site_write(&d, "a", 8443,
                 "  control_socket: \"\"\n"
                 "admin: {address: \"127.0.0.1:9443\", token_file: token}\n");
    t_write(&d, "token", "short");
    EXPECT_EQ(RUN(&d, LOCKGATE " -t -c lg.yaml"), LG_EXIT_CONFIG);
    EXPECT_HAS(out, "admin.token_file");
    EXPECT_EQ(RUN(&d, LOCKGATE " -c lg.yaml"), LG_EXIT_CONFIG);
    EXPECT_HAS(out, "expected one token of 16 to 255 printable characters");
    EXPECT_HAS(out, "start: configuration failed; nothing is left running");
    t_dir_remove(&d);
}

static void write_with_socket(const struct t_dir *d)
{
    char global[160];

    snprintf(global, sizeof global, "  control_socket: %s\n", t_path(d, "ctl"));
    t_site_write(d, "a", 8443, global);
}

TEST(Lockgate, WillNotTakeTheSocketOfAnother)
{
    struct t_dir d = t_site_make();
    struct lg_admin_cfg cfg = {.socket_path = t_path(&d, "ctl")};
    struct lg_admin *admin = NULL;
    struct lg_diag diag = {0};

    write_with_socket(&d);
    EXPECT_OK(lg_admin_open(&cfg, &admin, &diag));
    T_STOP_IF_FAILED();
    EXPECT_EQ(RUN(&d, LOCKGATE " -c lg.yaml"), LG_EXIT_START);
    EXPECT_HAS(out, "another Lockgate is running with");
    lg_admin_close(admin);
    t_dir_remove(&d);
}

TEST_NEEDS(Lockgate, WillNotTakeThePortOfAnother, T_ROOT)
{
    struct t_dir d = t_site_make();
    int fd, holder;

    write_with_socket(&d);
    EXPECT_OK(lg_lock_take("tap:lgtest0", &fd, &holder));
    T_STOP_IF_FAILED();
    EXPECT_EQ(RUN(&d, LOCKGATE " -c lg.yaml"), LG_EXIT_START);
    EXPECT_HAS(out, "lg.yaml:6: ports[0].device: tap:lgtest0 is taken by another Lockgate (pid ");
    EXPECT_EQ(RUN(&d, "test ! -e ctl"), 0); /* undone in reverse: the socket is gone */
    close(fd);
    t_dir_remove(&d);
}

/* ---------------------------------------------------------------- lockgatectl */

static struct {
    struct lg_admin *admin;
    const char *answer; /* to everything but version */
    atomic_bool stop;
    pthread_t thread;
} fake;

static void fake_answer(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *resp)
{
    (void)ctx;
    (void)req;
    lg_admin_send(resp, strstr(fake.answer, "\"ok\":false") ? 409 : 200, LG_ADMIN_JSON,
                  strdup(fake.answer));
}

static void fake_version(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *resp)
{
    (void)ctx;
    (void)req;
    lg_admin_send_json(resp, 200,
                       json_pack("{s:b,s:s,s:s,s:s}", "ok", 1, "version", "7.8", "wolfssl", "5",
                                 "dpdk", "DPDK 9"));
}

static void *fake_main(void *arg)
{
    struct pollfd p = {.fd = lg_admin_fd(fake.admin), .events = POLLIN};

    (void)arg;
    while (!atomic_load(&fake.stop)) {
        poll(&p, 1, 10);
        lg_admin_poll(fake.admin, LG_SEC(1));
    }
    return NULL;
}

static void fake_start(const struct t_dir *d, const char *answer)
{
    static const struct lg_route routes[] = {{"GET", "/v1/stats", fake_answer, 0},
                                             {"GET", "/v1/status", fake_answer, 0},
                                             {"GET", "/v1/backends", fake_answer, 0},
                                             {"POST", "/v1/reload", fake_answer, 0},
                                             {"GET", "/v1/version", fake_version, 0}};
    struct lg_admin_cfg cfg = {
        .socket_path = t_path(d, "ctl"), .routes = routes, .route_cnt = LG_ARRAY_CNT(routes)};
    struct lg_diag diag = {0};

    fake.answer = answer;
    atomic_store(&fake.stop, false);
    EXPECT_OK(lg_admin_open(&cfg, &fake.admin, &diag));
    EXPECT_EQ(pthread_create(&fake.thread, NULL, fake_main, NULL), 0);
}

static void fake_stop(void)
{
    atomic_store(&fake.stop, true);
    pthread_join(fake.thread, NULL);
    lg_admin_close(fake.admin);
}

TEST(LockgateCtl, PrintsSingleNumbersOnePerLine)
{
    struct t_dir d = t_dir_make();

    fake_start(&d, "{\"ok\":true,\"generation\":4,\"draining\":false,"
                   "\"totals\":{\"tls_hs_done\":12345678901,\"tcp_conns\":2},\"workers\":[]}");
    EXPECT_EQ(RUN(&d, LOCKGATECTL " -s ctl stats tls_hs_done"), 0);
    EXPECT_STR(out, "12345678901\n");
    EXPECT_EQ(RUN(&d, LOCKGATECTL " -s ctl stats tcp_conns generation draining"), 0);
    EXPECT_STR(out, "2\n4\n0\n");
    EXPECT_EQ(RUN(&d, LOCKGATECTL " -s ctl stats nonsense"), 1);
    EXPECT_STR(out, "lockgatectl: no such number: nonsense\n");
    EXPECT_EQ(RUN(&d, LOCKGATECTL " -s ctl stats"), 0);
    EXPECT_HAS(out, "\"tls_hs_done\": 12345678901");
    EXPECT_EQ(RUN(&d, LOCKGATECTL " -s ctl version"), 0);
    EXPECT_STR(out, "lockgate 7.8\nwolfSSL 5\nDPDK 9\n");
    fake_stop();
    t_dir_remove(&d);
}

TEST(LockgateCtl, PrintsWhatAReloadSays)
{
    struct t_dir d = t_dir_make();

    fake_start(&d, "{\"ok\":true,\"generation\":4,\"messages\":[\"warning: soon\"]}");
    EXPECT_EQ(RUN(&d, LOCKGATECTL " -s ctl reload 2>/dev/null"), 0);
    EXPECT_STR(out, "generation 4 active\n");
    fake_stop();
    fake_start(&d, "{\"ok\":false,\"generation\":4,\"error\":\"no good\",\"messages\":[\"error: "
                   "a.yaml:3: x\"]}");
    EXPECT_EQ(RUN(&d, LOCKGATECTL " -s ctl reload"), 1);
    EXPECT_STR(out, "error: a.yaml:3: x\nlockgatectl: reload: no good\n");
    fake_stop();
    t_dir_remove(&d);
}

TEST(LockgateCtl, ShowsTablesToPeopleAndJsonToPrograms)
{
    struct t_dir d = t_dir_make();

    fake_start(&d, "{\"ok\":true,\"pools\":[{\"name\":\"web\",\"backends\":[{\"name\":\"w1\","
                   "\"address\":\"192.0.2.10:80\",\"state\":\"up\",\"weight\":12,"
                   "\"connections\":3,\"picked\":4,\"failed\":5,\"check\":{\"result\":\"ok\","
                   "\"ago_ms\":7,\"took_us\":8}},{\"name\":\"w2\",\"check\":null}]}]}");
    EXPECT_EQ(RUN(&d, LOCKGATECTL " -s ctl backends"), 0);
    EXPECT_HAS(out,
               "POOL  BACKEND  ADDRESS        STATE  WEIGHT  CONNS  PICKED  FAILED  LAST CHECK\n"
               "web   w1       192.0.2.10:80  up         12      3       4       5  "
               "ok, 7 ms ago, took 8 us\n"
               "web   w2");
    EXPECT_EQ(RUN(&d, LOCKGATECTL " backends --json -s ctl | jq -c '.pools[0].backends[1].name'"),
              0);
    EXPECT_STR(out, "\"w2\"\n");
    fake_stop();
    t_dir_remove(&d);
}

TEST(LockgateCtl, SaysWhenNobodyAnswers)
{
    struct t_dir d = t_dir_make();

    EXPECT_EQ(RUN(&d, LOCKGATECTL " -s nowhere stats"), 1);
    EXPECT_HAS(out, "nowhere: No such file or directory; is lockgate running?");
    fake_start(&d, "this is not JSON");
    EXPECT_EQ(RUN(&d, LOCKGATECTL " -s ctl stats"), 1);
    EXPECT_HAS(out, "the answer (HTTP status 200) is not JSON");
    fake_stop();
    t_dir_remove(&d);
}

TEST(LockgateCtl, RefusesWhatItDoesNotKnow)
{
    struct t_dir d = t_dir_make();

    EXPECT_EQ(RUN(&d, LOCKGATECTL " -x"), 2);
    EXPECT_EQ(RUN(&d, LOCKGATECTL), 2);
    EXPECT_EQ(RUN(&d, LOCKGATECTL " stop"), 2);
    EXPECT_STR(out, "lockgatectl: unknown command: stop\ntry: lockgatectl --help\n");
    EXPECT_EQ(RUN(&d, LOCKGATECTL " reload now"), 2);
    EXPECT_EQ(RUN(&d, LOCKGATECTL " --help"), 0);
    EXPECT_EQ(RUN(&d, LOCKGATECTL " --version"), 0);
    EXPECT_STR(out, "lockgatectl " LG_VERSION "\n");
    t_dir_remove(&d);
}
