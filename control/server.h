/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server.h: the process from its start to its end, after the command line has been read. */
#ifndef LG_SERVER_H
#define LG_SERVER_H

#include "options.h"

/* lg_server_run starts in stages, each undone in reverse when a later one fails, serves until told
 * to stop, and drains. Thread boot, then control: the caller is the only thread when it is called.
 *   Returns  what the process shall exit with */
enum lg_exit lg_server_run(const char *config_file);

#endif
