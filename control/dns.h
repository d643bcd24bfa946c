/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns.h: the addresses of backends that are given by name, kept up to date by the control thread.
 * c-ares asks, over the kernel's network; nothing here blocks but lg_dns_settle, which waits for
 * first answers with a deadline.
 *
 *        asked         answer: its TTL, in [min_ttl, max_ttl]
 *   NEW --------> ... ---------------------------------------------------> KNOWN --TTL over-->
 * asked \ failure: retry later; what was known stays known, for stale_timeout
 *                   `----------------------------------------------------> NEW, or KNOWN and stale
 *
 * Answers are compared as sets: the same addresses in another order are no change. Thread boot or
 * control. */
#ifndef LG_DNS_H
#define LG_DNS_H

#include "config.h"
#include "names.h"

#include <poll.h>

#define LG_DNS_FDS_MAX 16u

struct lg_dns;

/* What it has done since the start, for operators. */
struct lg_dns_counts {
    uint64_t queries, answers; /* names asked for, and answered with an address or more */
    uint64_t fail_none;        /* answers without an address: no such name, no such record */
    uint64_t fail_timeout;     /* nobody answered */
    uint64_t fail_other;       /* server failure, refused, no server there, nonsense */
    uint64_t changes;          /* of a name's set of addresses */
    uint64_t expired;          /* sets that were given up after stale_timeout */
    uint32_t names;            /* now */
    uint32_t unresolved;       /* of them without an address, now */
    uint32_t stale;            /* of them with one that failed to be confirmed, now */
};

/* lg_dns_now is the clock of all that is here: the kernel's monotonic one. */
lg_ns_t lg_dns_now(void);

/* lg_dns_open: nothing is asked yet. NULL: out of memory, or c-ares does not start. */
struct lg_dns *lg_dns_open(void);
void lg_dns_close(struct lg_dns *d); /* NULL allowed */

/* lg_dns_learn takes names and settings from a configuration that may come into force; names of the
 * one that is are kept.
 *   Returns  LG_OK; LG_E(NOMEM); LG_E(SYS) the settings are not c-ares's, with a message */
LG_MUST lg_err_t lg_dns_learn(struct lg_dns *d, const struct lg_config *cfg, lg_ns_t now_ns,
                              struct lg_diag *diag);
/* lg_dns_use does the same for the one that is in force now, and forgets all other names. */
LG_MUST lg_err_t lg_dns_use(struct lg_dns *d, const struct lg_config *cfg, lg_ns_t now_ns,
                            struct lg_diag *diag);
/* lg_dns_settle waits until every name of the configuration learnt last has been answered or has
 * failed, at most for its start_timeout.
 *   Returns  LG_OK, with a warning for each name without an address; LG_E(CONFIG), the same as
 * errors, when the configuration says `start: required` */
LG_MUST lg_err_t lg_dns_settle(struct lg_dns *d, const struct lg_config *cfg, struct lg_diag *diag);

/* lg_dns_taken: what is known now has been put in force; not so when a reload was refused after
 * it had waited for its names. */
void lg_dns_taken(struct lg_dns *d);

/* lg_dns_fds writes what to poll for; at most LG_DNS_FDS_MAX. */
unsigned lg_dns_fds(struct lg_dns *d, struct pollfd *out);
/* lg_dns_poll asks what is due, reads answers and times out.
 *   Returns  whether a set of addresses has changed since the last call that said so */
bool lg_dns_poll(struct lg_dns *d, lg_ns_t now_ns);

/* lg_dns_find is lg_config_resolve's question (lg_name_find_fn); ctx is the struct lg_dns. */
void lg_dns_find(void *ctx, const char *host, struct lg_name_addrs *out);
void lg_dns_get_counts(const struct lg_dns *d, struct lg_dns_counts *out);

#endif
