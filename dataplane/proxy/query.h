/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query.h: questions of the control thread about a worker's sessions: which are there, and an end
 * to some of them. The worker answers by itself, a few sessions a turn of its loop, into its own
 * memory; nobody reads that before it says that the answer is complete (core.h). */
#ifndef LG_QUERY_H
#define LG_QUERY_H

#include "config.h"
#include "ip.h"
#include "ns.h"
#include "stat.h"

#define LG_QUERY_ROWS 64u /* of one answer */
#define LG_QUERY_NAME_SZ 128
#define LG_QUERY_SUBJECT_SZ 256
#define LG_QUERY_SERIAL_SZ 65 /* hex, lower case, no leading zero byte */

enum lg_query_what { LG_QUERY_LIST, LG_QUERY_KILL };

/* Which sessions are meant: those that every field fits which is set. Names compare whole, the
 * subject by part. */
struct lg_query {
    enum lg_query_what what;
    uint32_t worker; /* LG_QUERY_ALL, or only this one */
    uint64_t id;     /* of one session of that worker; 0: all */
    uint64_t below;  /* LIST: ids below this; UINT64_MAX: from the newest on */
    uint32_t max;    /* LIST: rows; at most LG_QUERY_ROWS */
    bool has_client;
    struct lg_prefix client;
    char listener[LG_QUERY_NAME_SZ];                        /* "": any */
    char pool[LG_QUERY_NAME_SZ], backend[LG_QUERY_NAME_SZ]; /* "": any */
    char serial[LG_QUERY_SERIAL_SZ], subject[LG_QUERY_NAME_SZ];
};
#define LG_QUERY_ALL UINT32_MAX

/* One session, as it was when it was looked at. */
struct lg_query_row {
    uint64_t id, generation;
    lg_ns_t age_ns;
    struct lg_endpoint client, local;
    const char *state; /* static */
    const char *suite; /* static; "" in clear and before there is one */
    uint16_t version;  /* 0: as above */
    enum lg_listener_type type;
    bool is_resumed;
    char listener[LG_QUERY_NAME_SZ], pool[LG_QUERY_NAME_SZ], backend[LG_QUERY_NAME_SZ];
    char sni[LG_QUERY_NAME_SZ], serial[LG_QUERY_SERIAL_SZ], subject[LG_QUERY_SUBJECT_SZ];
};

struct lg_query_answer {
    uint64_t seen;    /* sessions looked at */
    uint64_t matched; /* LIST: rows; KILL: sessions that were ended */
    bool has_more;    /* LIST: there are older ones: ask again, below the last row's id */
    uint32_t row_cnt;
    struct lg_query_row row[LG_QUERY_ROWS];
};

struct lg_proxy;

/* lg_proxy_query begins to answer; lg_proxy_poll goes on with it.
 *   ask, out  borrowed until lg_proxy_is_queried is false; one at a time
 *   Thread    owner */
void lg_proxy_query(struct lg_proxy *p, const struct lg_query *ask, struct lg_query_answer *out);
bool lg_proxy_is_queried(const struct lg_proxy *p);

#endif
