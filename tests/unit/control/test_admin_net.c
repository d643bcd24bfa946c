/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The management address, asked by curl: who is let in by token and certificate, and what a reload
 * changes about it. */
#include "admin.h"
#include "fixture.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOKEN "0123456789abcdef0123"

static struct {
    struct t_dir dir;
    struct lg_config cfg;
    char paths[4][96];
    struct lg_admin *admin;
    atomic_bool stop;
    pthread_t thread;
    char out[8192];
} net;

#define CURL(...) t_run(&net.dir, net.out, sizeof net.out, "curl -sS -m 10 " __VA_ARGS__)

static void get_thing(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    (void)ctx;
    (void)req;
    lg_admin_send_json(out, 200, json_pack("{s:b}", "ok", 1));
}

/* A request that renews the address it has come by. */
static void post_renew(void *ctx, const struct lg_admin_req *req, struct lg_admin_resp *out)
{
    struct lg_diag diag = {0};

    (void)ctx;
    (void)req;
    lg_err_t err = lg_admin_renew(net.admin, &net.cfg, &diag);
    if (lg_is_ok(err))
        lg_admin_send_json(out, 200, json_pack("{s:b}", "ok", 1));
    else
        lg_admin_send_error(out, 409, "%s", diag.msg[0].text);
}

static const struct lg_route routes[] = {{"GET", "/v1/thing", get_thing, 0},
                                         {"POST", "/v1/renew", post_renew, 0}};

static void *serve(void *arg)
{
    struct pollfd p = {.fd = lg_admin_fd(net.admin), .events = POLLIN};

    (void)arg;
    while (!atomic_load(&net.stop)) {
        poll(&p, 1, 10);
        lg_admin_poll(net.admin, LG_SEC(1));
    }
    return NULL;
}

/* free_port: nobody listens on it now, which is all that can be had. */
static uint16_t free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t at_sz = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &at_sz) != 0)
        t_fail(__FILE__, __LINE__, "no free port");
    close(fd);
    return ntohs(at.sin_port);
}

static char *path_of(int i, const char *name)
{
    snprintf(net.paths[i], sizeof net.paths[i], "%s/%s", net.dir.path, name);
    return net.paths[i];
}

static void set_up(void)
{
    uint8_t loopback[4] = {127, 0, 0, 1};

    memset(&net, 0, sizeof net);
    net.dir = t_dir_make();
    net.cfg.file = (char *)(uintptr_t) "lg.yaml";
    net.cfg.admin.on = true;
    net.cfg.admin.addr.ip = lg_ip_v4(loopback);
    net.cfg.admin.addr.port = free_port();
}

static void use_token(const char *token)
{
    t_write(&net.dir, "token", token);
    net.cfg.admin.token_file = path_of(0, "token");
}

/* use_tls makes a CA, a server's and three clients' certificates with openssl. */
static void use_tls(const char *client_ca)
{
    static const char make[] =
        "ca() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 "
        "-subj /CN=$1 -keyout $1.key -out $1.pem; }; "
        "leaf() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=$1 "
        "-keyout $1.key -out $1.csr && openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key "
        "-CAcreateserial -days 9 -extfile <(echo subjectAltName=IP:127.0.0.1; "
        "echo extendedKeyUsage=$3) -out $1.pem; }; "
        "ca ca && ca other && leaf server ca serverAuth && leaf good ca clientAuth && "
        "leaf stranger other clientAuth && leaf wrong-use ca serverAuth";

    if (t_run(&net.dir, net.out, sizeof net.out, "bash -ec '%s'", make) != 0)
        t_fail(__FILE__, __LINE__, "openssl: %s", net.out);
    net.cfg.admin.cert = path_of(1, "server.pem");
    net.cfg.admin.key = path_of(2, "server.key");
    net.cfg.admin.client_ca = client_ca ? path_of(3, client_ca) : NULL;
}

static void start(void)
{
    struct lg_admin_cfg cfg = {
        .socket_path = "", .net = &net.cfg, .routes = routes, .route_cnt = LG_ARRAY_CNT(routes)};
    struct lg_diag diag = {0};

    EXPECT_OK(lg_admin_open(&cfg, &net.admin, &diag));
    if (diag.error_cnt)
        t_fail(__FILE__, __LINE__, "%s", diag.msg[0].text);
    else
        EXPECT_EQ(pthread_create(&net.thread, NULL, serve, NULL), 0);
}

static void end(void)
{
    atomic_store(&net.stop, true);
    pthread_join(net.thread, NULL);
    lg_admin_close(net.admin);
    t_dir_remove(&net.dir);
}

#define PLAIN "http://127.0.0.1:%u/v1/thing"
#define SECURE "--cacert ca.pem https://127.0.0.1:%u/v1/thing"
#define STATUS "-o answer -w '%%{http_code}' "

TEST(AdminNet, AsksForTheToken)
{
    set_up();
    use_token(TOKEN "\n");
    start();
    T_STOP_IF_FAILED();
    unsigned port = net.cfg.admin.addr.port;

    CURL("-i " PLAIN, port);
    EXPECT_HAS(net.out, " 401 Unauthorized");
    EXPECT_HAS(net.out, "WWW-Authenticate: Bearer\r\n");
    EXPECT_HAS(net.out, "{\"ok\":false,\"error\":\"no token, or a wrong one\"}");
    CURL("-H 'Authorization: Bearer " TOKEN "' " PLAIN, port);
    EXPECT_STR(net.out, "{\"ok\":true}\n");
    static const char *const wrong[] = {"Bearer " TOKEN "x", "Bearer 0123456789abcdef012",
                                        "Bearer ",           "Bearer",
                                        "Basic " TOKEN,      TOKEN};
    for (size_t i = 0; i < LG_ARRAY_CNT(wrong); i++) {
        CURL(STATUS "-H 'Authorization: %s' " PLAIN, wrong[i], port);
        EXPECT_STR(net.out, "401");
    }
    /* A stranger does not learn which paths there are, either. */
    CURL(STATUS "http://127.0.0.1:%u/nowhere", port);
    EXPECT_STR(net.out, "401");
    EXPECT_EQ(lg_admin_refused_cnt(net.admin), 8);
    end();
}

TEST(AdminNet, AsksForAClientCertificate)
{
    set_up();
    use_tls("ca.pem");
    start();
    T_STOP_IF_FAILED();
    unsigned port = net.cfg.admin.addr.port;

    CURL("--cert good.pem --key good.key " SECURE, port);
    EXPECT_STR(net.out, "{\"ok\":true}\n");
    CURL(SECURE, port);
    EXPECT_HAS(net.out, "\"error\":\"no client certificate\"");
    CURL("--cert stranger.pem --key stranger.key " SECURE, port);
    EXPECT_HAS(net.out, "\"error\":\"the client certificate is from an unknown CA\"");
    CURL("--cert wrong-use.pem --key wrong-use.key " SECURE, port);
    EXPECT_HAS(net.out, "\"error\":\"the client certificate is not acceptable\"");
    EXPECT(CURL("--tlsv1.1 --tls-max 1.1 " SECURE, port) != 0);
    EXPECT(CURL(PLAIN, port) != 0);
    EXPECT_EQ(t_run(&net.dir, net.out, sizeof net.out,
                    LOCKGATECTL " -s https://127.0.0.1:%u --ca ca.pem --cert good.pem --key "
                                "good.key status",
                    port),
              1);
    EXPECT_HAS(net.out, "there is no /v1/status"); /* let in: only this test has no such path */
    end();
}

TEST(AdminNet, AsksForBothWhenBothAreConfigured)
{
    set_up();
    use_tls("ca.pem");
    use_token(TOKEN);
    start();
    T_STOP_IF_FAILED();
    unsigned port = net.cfg.admin.addr.port;

    CURL("--cert good.pem --key good.key " SECURE, port);
    EXPECT_HAS(net.out, "no token");
    CURL("-H 'Authorization: Bearer " TOKEN "' " SECURE, port);
    EXPECT_HAS(net.out, "no client certificate");
    CURL("-H 'Authorization: Bearer " TOKEN "' --cert good.pem --key good.key " SECURE, port);
    EXPECT_STR(net.out, "{\"ok\":true}\n");
    end();
}

TEST(AdminNet, TakesUpANewTokenAndAddressAndAnswersUnderTheOld)
{
    set_up();
    use_token(TOKEN);
    start();
    T_STOP_IF_FAILED();
    unsigned port = net.cfg.admin.addr.port;

    use_token("another-token-of-20c");
    CURL("-i -X POST -H 'Authorization: Bearer " TOKEN "' http://127.0.0.1:%u/v1/renew", port);
    EXPECT_HAS(net.out, " 200 OK");
    EXPECT_HAS(net.out, "Connection: close");
    CURL(STATUS "-H 'Authorization: Bearer " TOKEN "' " PLAIN, port);
    EXPECT_STR(net.out, "401");
    CURL("-H 'Authorization: Bearer another-token-of-20c' " PLAIN, port);
    EXPECT_STR(net.out, "{\"ok\":true}\n");
    net.cfg.admin.addr.port = free_port();
    CURL(STATUS "-X POST -H 'Authorization: Bearer another-token-of-20c' "
                "http://127.0.0.1:%u/v1/renew",
         port);
    EXPECT_STR(net.out, "200");
    EXPECT(CURL(PLAIN, port) != 0); /* nobody listens there any more */
    CURL("-H 'Authorization: Bearer another-token-of-20c' " PLAIN, net.cfg.admin.addr.port);
    EXPECT_STR(net.out, "{\"ok\":true}\n");
    end();
}

TEST(AdminNet, ARefusedRenewalChangesNothing)
{
    set_up();
    use_token(TOKEN);
    start();
    T_STOP_IF_FAILED();
    unsigned port = net.cfg.admin.addr.port;

    use_token("short");
    CURL("-X POST -H 'Authorization: Bearer " TOKEN "' http://127.0.0.1:%u/v1/renew", port);
    EXPECT_HAS(net.out, "admin.token_file");
    EXPECT_HAS(net.out, "expected one token of 16 to 255 printable characters");
    CURL("-H 'Authorization: Bearer " TOKEN "' " PLAIN, port);
    EXPECT_STR(net.out, "{\"ok\":true}\n");
    end();
}

TEST(AdminNet, SaysWhatIsWrongWithItsFiles)
{
    set_up();
    use_tls("ca.pem");
    struct lg_diag diag = {0};

    EXPECT_OK(lg_admin_check(&net.cfg, &diag));
    net.cfg.admin.key = path_of(2, "good.key");
    EXPECT_ERR(lg_admin_check(&net.cfg, &diag), LG_E(CONFIG));
    EXPECT_HAS(diag.msg[0].text, "admin.tls.cert: ");
    EXPECT_HAS(diag.msg[0].text, "server.pem: The certificate and the given key do not match");
    net.cfg.admin.client_ca = path_of(3, "good.key");
    diag = (struct lg_diag){0};
    EXPECT_ERR(lg_admin_check(&net.cfg, &diag), LG_E(CONFIG));
    EXPECT_HAS(diag.msg[1].text, "admin.tls.client_ca");
    net.cfg.admin.key = path_of(2, "nowhere.key");
    diag = (struct lg_diag){0};
    EXPECT_ERR(lg_admin_check(&net.cfg, &diag), LG_E(CONFIG));
    EXPECT_HAS(diag.msg[0].text, "nowhere.key: No such file or directory");
    use_token("a token with blanks in it");
    diag = (struct lg_diag){0};
    EXPECT_ERR(lg_admin_check(&net.cfg, &diag), LG_E(CONFIG));
    EXPECT_HAS(diag.msg[0].text, "admin.token_file");
    t_dir_remove(&net.dir);
}
