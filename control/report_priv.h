/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report_priv.h: adding members to a JSON object, for the files that make reports. In jansson an
 * object that could not be made, or a member that could not be added, shows in the return values;
 * they are gathered: a reply is whole or it is not sent. */
#ifndef LG_REPORT_PRIV_H
#define LG_REPORT_PRIV_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* lg_json_set takes the value's reference, also when it fails. */
static inline bool lg_json_set(json_t *obj, const char *name, json_t *value)
{
    return json_object_set_new(obj, name, value) == 0;
}

static inline bool lg_json_u64(json_t *obj, const char *name, uint64_t v)
{
    return lg_json_set(obj, name, json_integer((json_int_t)v));
}

#endif
