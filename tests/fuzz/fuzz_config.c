/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_config.c: any bytes as a configuration file. Named files are not looked for, so that a
 * whole config can come out.
 * Target Functions: lg_config_parse (by lg_config_parse_on), lg_config_restart_needed,
 * lg_config_free */
#include "config_priv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lg_diag diag;
    const struct lg_env env = {.cpu_cnt = 4, .checks_files = false};
    struct lg_config *cfg = NULL;

    memset(&diag, 0, sizeof diag);
    lg_err_t err = lg_config_parse_on(&env, lg_span(data, size), "lg.yaml", &cfg, &diag);
    if (lg_is_ok(err) != (cfg != NULL) || lg_is_ok(err) != (diag.error_cnt == 0))
        abort(); /* either a whole config, or none and a message */
    if (cfg && (cfg->worker_cnt == 0 || cfg->port_cnt == 0 || cfg->listener_cnt == 0 ||
                lg_config_restart_needed(cfg, cfg) != NULL))
        abort();
    lg_config_free(cfg);
    return 0;
}
