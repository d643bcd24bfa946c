/* SPDX-License-Identifier: GPL-2.0-or-later */
/* site.c: see site.h. */
#include "site.h"

#include <stdio.h>

static void make_cert(const struct t_dir *d, const char *name)
{
    char out[1024];

    if (t_run(d, out, sizeof out,
              "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 "
              "-subj '/CN=%s.example' -addext 'subjectAltName=DNS:%s.example' -keyout %s.key "
              "-out %s.crt",
              name, name, name, name) != 0)
        t_fail(__FILE__, __LINE__, "openssl: %s", out);
}

void t_site_write(const struct t_dir *d, const char *cert, unsigned port, const char *global)
{
    char text[4096];

    snprintf(text, sizeof text,
             "global:\n"
             "  workers: [0]\n"
             "  drain_timeout: 10s\n"
             "%s"
             "ports:\n"
             "  - name: p0\n"
             "    device: tap:lgtest0\n"
             "    addresses: [192.0.2.1/24, \"2001:db8::1/64\"]\n"
             "pools:\n"
             "  - name: web\n"
             "    backends:\n"
             "      - {name: w1, address: \"192.0.2.10:80\"}\n"
             "      - {name: w2, address: \"192.0.2.11:80\"}\n"
             "listeners:\n"
             "  - name: one\n"
             "    type: tcp_ssl\n"
             "    bind: [\"192.0.2.1:443\", \"[2001:db8::1]:443\"]\n"
             "    pool: web\n"
             "    tls:\n"
             "      certificates:\n"
             "        - {cert: %s.crt, key: %s.key}\n"
             "  - name: two\n"
             "    type: https\n"
             "    bind: [\"192.0.2.1:%u\"]\n"
             "    pool: web\n"
             "    tls:\n"
             "      certificates:\n"
             "        - {cert: %s.crt, key: %s.key}\n",
             global, cert, cert, port, cert, cert);
    t_write(d, "lg.yaml", text);
}

struct t_dir t_site_make(void)
{
    struct t_dir d = t_dir_make();

    make_cert(&d, "a");
    make_cert(&d, "b");
    t_site_write(&d, "a", 8443, "");
    return d;
}
