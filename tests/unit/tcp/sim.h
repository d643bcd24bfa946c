/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sim.h: two stacks back to back over a link that delays, loses, reorders, duplicates, marks and
 * squeezes by a seeded random sequence: both byte streams must arrive identical, both ends must
 * end, and every buf, connection, scoreboard and timer must be back. Virtual time. */
#ifndef SIM_H
#define SIM_H

#include "base.h"
#include "ns.h"

struct link_cfg {
    unsigned loss_pm, dup_pm, reorder_pm, corrupt_pm; /* per mille */
    unsigned mark_pm;                                 /* of what is ECT; or: */
    bool bleach;                                      /* the ECN field is cleared */
    lg_ns_t delay_ns;
    /* A bottleneck, each way: it takes so long for a byte, and holds no more than so long. */
    double byte_ns;
    lg_ns_t queue_ns;
};

struct sim_cfg {
    const char *name;
    uint32_t bytes[2]; /* to send: [0] client to server */
    struct link_cfg link;
    uint32_t buf_sz;
    uint16_t mtu;
    lg_ns_t read_every_ns; /* slow reader: one take of 2000 bytes each; 0: at once */
    uint32_t write_sz;     /* bytes a buf written; 0: mss */
    bool no_sack, no_ts;   /* options stripped on the way */
    bool share;            /* the driver keeps every buf for a while */
    bool ecn, pacing;
    uint32_t pool_cnt; /* packet bufs of each end; 0: plenty */
    lg_ns_t limit_ns;  /* virtual time allowed */
};

/* sim_run runs one transfer to its end and checks all of the above; returns the virtual time it
 * took. SIM_VERBOSE in the environment prints a line. */
lg_ns_t sim_run(const struct sim_cfg *cfg, uint64_t seed);
/* sim_seeds runs cfg under the seeds 1 to cnt; returns the longest virtual time. */
lg_ns_t sim_seeds(const struct sim_cfg *cfg, unsigned cnt);

/* Of the last run: how often the server's window grew, frames that did not fit into the bottleneck,
 * and segments that the client sent again. */
extern uint64_t sim_grown, sim_overrun, sim_retrans;

#endif
