/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pick_rr.h: round robin over the backends of one pool. Pure: the only state is the caller's
 * counter (one a pool and worker, in the snapshot's workers[k].rr_next). It knows nothing of
 * health or weights. */
#ifndef LG_PICK_RR_H
#define LG_PICK_RR_H

#include "base.h"

#define LG_PICK_NONE UINT32_MAX

/* lg_pick_rr gives the next backend's index and moves the counter on.
 *   cnt      backends of the pool; 0 gives LG_PICK_NONE
 *   next     the counter; any value (a counter past the end starts over)
 *   Returns  an index in [0,cnt), or LG_PICK_NONE
 *   Thread   owner of the counter
 *   Cost     O(1) */
uint32_t lg_pick_rr(uint32_t cnt, uint32_t *next);
/* lg_pick_rr_except does the same but never gives `avoid` (a backend that has just failed).
 *   Returns  an index in [0,cnt) other than avoid, or LG_PICK_NONE when there is no other */
uint32_t lg_pick_rr_except(uint32_t cnt, uint32_t *next, uint32_t avoid);

#endif
