/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log2hist.c: what is asked of a histogram when it is read. */
#include "log2hist.h"

uint64_t lg_hist_quantile(const struct lg_hist *h, uint32_t permille)
{
    uint64_t cnt = lg_hist_cnt(h), seen = 0;
    uint64_t rank = (cnt * permille + 999) / 1000;

    if (cnt == 0)
        return 0;
    for (uint32_t i = 0; i + 1 < LG_HIST_CNT; i++) {
        seen += h->bucket[i];
        if (seen >= rank && seen > 0)
            return lg_hist_bound(i);
    }
    return lg_hist_bound(LG_HIST_CNT - 2);
}
