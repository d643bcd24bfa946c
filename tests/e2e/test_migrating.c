/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_migrating.c: docs/migrating.md holds: the configurations on that page are run, HAProxy's and
 * nginx's by themselves and their twins by lockgate, and the same curls get the same answers. */
#include "rig_priv.h"

#include <signal.h>
#include <stdlib.h>

/* take writes the nth block of a kind from the page, with addresses and files of this rig.
 * /etc/tls/clients.crl stands for two lists, one of each CA above a client. */
static bool take(const char *kind, int nth, const char *file)
{
    return rig_tool("awk -v kind='```%s' -v nth=%d '$0 == kind {n++; if (n == nth) {on = 1; next}}"
                    " /^```$/ {on = 0} on' $SRC/../../docs/migrating.md |"
                    " sed 's/203.0.113.10/10.91.1.2/g; s/203.0.113.21/10.91.2.10/g;"
                    " s/203.0.113.22/10.91.2.11/g; s|/etc/tls/|'$DIR'/migrate/|g' >$DIR/%s && [ -s "
                    "$DIR/%s ]",
                    kind, nth, file, file) == 0;
}

/* files lays out what the page names. HAProxy wants key and certificate in one file. */
static bool files(void)
{
    return rig_tool("mkdir -p $DIR/migrate && cd $DIR/migrate && cp $DIR/pki/server-ecdsa.key "
                    "site.key &&"
                    " cat $DIR/pki/server-ecdsa.pem site.key >site.pem &&"
                    " cp $DIR/pki/client-ca.pem clients-ca.pem &&"
                    " for f in root inter; do"
                    " openssl crl -in $DIR/pki/client-$f.crl; done >clients.crl") == 0;
}

/* with_kernel gives the kernel lockgate's addresses while another program stands in its place. */
static void with_kernel(const char *verb)
{
    rig_tool(
        "ip -n %s addr %s 10.91.1.2/24 dev lg-front; ip -n %s addr %s 10.91.2.2/24 dev lg-back",
        rig_ns_name(RIG_GATE), verb, rig_ns_name(RIG_GATE), verb);
}

/* ask writes what curl gets into a file: a line for each question. Who of equals answers is not
 * asked. HOST is what the certificate is for. */
static void ask(const char *script, const char *file)
{
    int status = rig_client(
        "ask() { what=$1; shift; printf '%%s: ' \"$what\";"
        " curl -sS --max-time 20 --cacert $PKI/server-root.pem --resolve '*:443:10.91.1.2'"
        " --resolve '*:80:10.91.1.2' --resolve '*:8443:10.91.1.2' \"$@\" 2>/dev/null |"
        " sed 's/from .*/from ORIGIN/' | tr '\\r\\n' '  '; echo \"${PIPESTATUS[0]}\"; }\n"
        "%s",
        script);
    if (status != 0)
        t_fail(__FILE__, __LINE__, "the questions could not be asked: %.1000s", rig_out);
    FILE *f = fopen(rig_path(file), "we");
    if (f) {
        fputs(rig_out, f);
        fclose(f);
    }
}

static const char haproxy_script[] =
    "say='%{http_code} %{redirect_url}'\n"
    "ask hello https://shop.example/hello\n"
    "for i in 1 2 3 4 5 6; do curl -s --cacert $PKI/server-root.pem --resolve '*:443:10.91.1.2'"
    " https://shop.example/hello; done | sort | uniq -c\n" /* weights: four and two */
    "ask sum https://shop.example/1k -o $DIR/got -w '%{http_code} %{size_download}'\n"
    "ask api https://shop.example/hello -H 'Host: api.example.com' -w '%{http_code}'\n"
    "ask ping https://shop.example/ping -w ' %{http_code} %{content_type}'\n"
    "ask redirect 'http://shop.example/x?y=1' -o /dev/null -w \"$say\"\n"
    "ask missing https://shop.example/nothing -o /dev/null -w '%{http_code}'\n"
    "ask alice https://shop.example:8443/hello $(as alice) -w '%{http_code}'\n"
    "ask nobody https://shop.example:8443/hello -w '%{http_code}'\n"
    "ask bob https://shop.example:8443/hello $(as bob) -w '%{http_code}'\n";

static const char nginx_script[] =
    "say='%{http_code} %{redirect_url}'\n"
    "ask hello https://shop.example/hello $(as alice) -w '%{http_code}'\n"
    "ask prefix https://shop.example/v1/hello $(as alice) -w '%{http_code}'\n"
    "ask sum https://shop.example/1k $(as alice) -o /dev/null -w '%{http_code} "
    "%{size_download}'\n"
    "ask ping https://shop.example/ping $(as alice) -w ' %{http_code} %{content_type}'\n"
    "ask old https://shop.example/old $(as alice) -o /dev/null -w \"$say\"\n"
    "ask redirect 'http://shop.example/x?y=1' -o /dev/null -w \"$say\"\n"
    "ask missing https://shop.example/nothing $(as alice) -o /dev/null -w '%{http_code}'\n"
    "rm -f $DIR/www/up/m\n"
    "ask put https://shop.example/up/m $(as alice) -T $DIR/www/1k -o /dev/null -w "
    "'%{http_code}'\n";

/* peer_answers runs one of them in lockgate's place and asks. */
static bool peer_answers(const char *command, const char *script, const char *file)
{
    rig_stop(20);
    with_kernel("add");
    pid_t peer = rig_exec(rig_ns_name(RIG_GATE), command, rig_path("peer.out"), false);
    bool is_up = false;
    for (uint64_t end = rig_now_ms() + 10000; !is_up && rig_now_ms() < end && rig_alive(peer);
         rig_nap()) /* answers, and its health checks have been made */
        is_up = rig_client("curl -sS --max-time 2 -o /dev/null http://10.91.1.2/x &&"
                           " ! get 443 /hello -o /dev/null -w '%%{http_code}' $(as alice) |"
                           " grep -q 503") == 0;
    if (is_up)
        ask(script, file);
    kill(peer, SIGTERM);
    if (rig_reap(peer, 5000) < 0) {
        kill(peer, SIGKILL);
        rig_reap(peer, 5000);
    }
    with_kernel("del");
    if (!is_up) {
        rig_tool("cat $DIR/peer.out");
        t_fail(__FILE__, __LINE__, "it did not start: %s: %.2000s", command, rig_out);
    }
    return is_up;
}

/* twin_answers runs the nth yaml block: its ports and global are this rig's. */
static bool twin_answers(int nth, const char *script, const char *file)
{
    static char body[16384];

    if (!take("yaml", nth, "twin.yaml") ||
        rig_tool("awk '/^[a-z]/ {on = /^(pools|listeners):/} on' $DIR/twin.yaml") != 0)
        return false;
    snprintf(body, sizeof body, "%.16000s", rig_out);
    if (!rig_use(body))
        return false;
    ask(script, file);
    return true;
}

static void expect_same(const char *a, const char *b, int lines)
{
    EXPECT_EQ(rig_tool("[ $(wc -l <$DIR/%s) -ge %d ]", a, lines), 0);
    if (rig_tool("diff $DIR/%s $DIR/%s", a, b) != 0)
        t_fail(__FILE__, __LINE__, "not the same answers:\n%.3000s", rig_out);
}

E2E(Migrating, HaproxysTwinAnswersAsHaproxyDoes)
{
    if (!rig_up())
        return;
    REQUIRE(files() && take("haproxy", 1, "haproxy.cfg"));
    if (!peer_answers("exec haproxy -db -f $DIR/haproxy.cfg", haproxy_script, "theirs") ||
        !twin_answers(1, haproxy_script, "ours"))
        return;
    expect_same("theirs", "ours", 11);
    EXPECT_EQ(rig_tool("grep -q '^redirect: 301 https://shop.example/x?y=1' $DIR/ours"), 0);
    EXPECT_EQ(rig_tool("grep -q '^alice: hello from ORIGIN 200 *0' $DIR/ours"), 0);
}

E2E(Migrating, NginxsTwinAnswersAsNginxDoes)
{
    if (!rig_up())
        return;
    REQUIRE(files() && take("nginx", 1, "site.conf"));
    EXPECT_EQ(rig_tool("cat >$DIR/peer.conf <<EOF\n"
                       "user root; worker_processes 1; daemon off; pid $DIR/peer.pid;\n"
                       "error_log $DIR/peer-error.log; events {}\n"
                       "http { access_log off; client_body_temp_path $DIR/tmp-body2;\n"
                       "proxy_temp_path $DIR/tmp-proxy2; fastcgi_temp_path $DIR/tmp-fcgi2;\n"
                       "uwsgi_temp_path $DIR/tmp-uwsgi2; scgi_temp_path $DIR/tmp-scgi2;\n"
                       "include $DIR/site.conf; }\nEOF"),
              0);
    if (!peer_answers("exec nginx -c $DIR/peer.conf", nginx_script, "theirs") ||
        !twin_answers(2, nginx_script, "ours"))
        return;
    expect_same("theirs", "ours", 8);
    EXPECT_EQ(rig_tool("grep -q '^prefix: hello from ORIGIN 200 *0' $DIR/ours"), 0);
    /* Where they differ, the page says so. */
    EXPECT_RUN(0, "! get 443 /hello");
    EXPECT_HAS(rig_out, "certificate required");
}
