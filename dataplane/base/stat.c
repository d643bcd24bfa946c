/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stat.c: names and texts of the counters in stat.def. */
#include "stat.h"

#include <ctype.h>
#include <pthread.h>

static char names[LG_STAT_CNT][32];

static const char *const raw_names[LG_STAT_CNT] = {
#define X(name, text) [LG_STAT_##name] = #name,
#include "stat.def"
#undef X
};

static const char *const texts[LG_STAT_CNT] = {
#define X(name, text) [LG_STAT_##name] = text,
#include "stat.def"
#undef X
};

static void lower_all(void)
{
    for (unsigned i = 0; i < LG_STAT_CNT; i++)
        for (unsigned c = 0; raw_names[i][c] && c + 1 < sizeof names[i]; c++)
            names[i][c] = (char)tolower((unsigned char)raw_names[i][c]);
}

const char *lg_stat_name(enum lg_stat id)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, lower_all);
    return names[id];
}

const char *lg_stat_text(enum lg_stat id)
{
    return texts[id];
}
