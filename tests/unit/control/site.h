/* SPDX-License-Identifier: GPL-2.0-or-later */
/* site.h: a configuration with certificates, made on the spot by the openssl command, for tests of
 * what control/ does with one. Nothing of it is ever started. */
#ifndef LG_TEST_CONTROL_SITE_H
#define LG_TEST_CONTROL_SITE_H

#include "fixture.h"

/* t_site_make makes a folder with a.crt, a.key, b.crt, b.key (P-256, self-signed) and lg.yaml. */
struct t_dir t_site_make(void);
/* t_site_write writes lg.yaml: two listeners with certificate `cert` ("a" or "b"), the first on
 * 192.0.2.1 and [2001:db8::1] port 443, the second on 192.0.2.1 and the given port; `global` is
 * inserted as lines under global:. */
void t_site_write(const struct t_dir *d, const char *cert, unsigned port, const char *global);

#endif
