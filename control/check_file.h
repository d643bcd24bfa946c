/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check_file.h: is a configuration usable? The work of `lockgate -t`. Starts nothing. Thread boot.
 */
#ifndef LG_CHECK_FILE_H
#define LG_CHECK_FILE_H

#include "config.h"
#include "options.h"

/* lg_check_load is lg_config_load, and a look at what only control/ understands (eal_extra). */
LG_MUST lg_err_t lg_check_load(const char *path, struct lg_config **out, struct lg_diag *diag);

/* lg_check_file loads the file and everything it names, prints each message to standard error and,
 * unless quiet, "FILE: configuration is valid" to standard output. CPUs that this machine does not
 * have are only warned of: the file may be for another one.
 *   Returns  LG_EXIT_OK, LG_EXIT_CONFIG, or LG_EXIT_START when the TLS library does not start */
enum lg_exit lg_check_file(const char *path, bool is_quiet);

#endif
