/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frames.h: malformed frames of every layer, made from the seed and put on the wire from the
 * client's namespace. */
#ifndef E2E_FRAMES_H
#define E2E_FRAMES_H

#include "rig.h"

struct frames {
    int fd;
    unsigned ifindex;
    uint64_t dice;
    uint8_t ours[6], theirs[6]; /* Ethernet addresses */
};

/* frames_open makes a raw socket on the client's device and learns lockgate's address from the
 * neighbour table; false (and a failure) when it cannot. */
bool frames_open(struct frames *f, uint64_t seed);
/* frames_send sends one frame of the kind in [0, FRAMES_KINDS). */
#define FRAMES_KINDS 24
void frames_send(struct frames *f, unsigned kind);
void frames_close(struct frames *f);

#endif
