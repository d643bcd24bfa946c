/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report_priv.h: adding members to a JSON object, for the files that make reports. In jansson an
 * object that could not be made, or a member that could not be added, shows in the return values;
 * they are gathered: a reply is whole or it is not sent. */
#ifndef LG_REPORT_PRIV_H
#define LG_REPORT_PRIV_H

#include "snapshot.h"

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

/* lg_json_time: seconds since 1970 as "2026-11-26T09:00:00Z"; INT64_MAX: null. lg_json_text: a text
 * that may not be UTF-8, which JSON is. lg_json_ends adds "not_after" and "days_left". */
json_t *lg_json_time(int64_t s);
json_t *lg_json_text(const char *text);
bool lg_json_ends(json_t *obj, int64_t not_after_s, int64_t now_s);
/* lg_json_done gives obj when all was added, else drops it and gives NULL. */
static inline json_t *lg_json_done(json_t *obj, bool good)
{
    if (good)
        return obj;
    json_decref(obj);
    return NULL;
}
/* lg_json_answer begins {"ok":true,"generation":N} for an answer whose list is added by name. */
json_t *lg_json_answer(uint64_t generation);

/* What a backend is doing, over all workers; report_backends.c. */
struct lg_backend_sums {
    uint64_t active, picked, failed, ejected;
    uint64_t responses[6];
    struct lg_hist connect_ns, response_ns;
};
void lg_backend_sum(const struct lg_seat *seat, lg_ns_t now_ns, struct lg_backend_sums *out);
/* lg_backend_state: in one word, what keeps it from work, or "up". */
const char *lg_backend_state(const struct lg_bal_pool *p, uint32_t idx,
                             const struct lg_backend_sums *sums);
/* lg_meter_sum adds up the parts of a listener's meter. */
void lg_meter_sum(const struct lg_meter *m, struct lg_meter_part *out);

#endif
