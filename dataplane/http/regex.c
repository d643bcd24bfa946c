/* SPDX-License-Identifier: GPL-2.0-or-later */
/* regex.c: the one file that knows PCRE2. */
#include "regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdalign.h>
#include <stdio.h>

/* -- only for a reason -- */
#define STEPS_MAX 20000u       /* of a match: "match limit"; some tenths of a millisecond */
#define FRAMES_SZ (256u << 10) /* memory for what a match may have to come back to */
#define SMALL_SZ 4096u         /* PCRE2's contexts and the groups' offsets */
#define PATTERN_SZ (64u << 10) /* of a compiled pattern */

/* struct lg_regex is PCRE2's pcre2_code, by another name. */

/* The memory of a worker. PCRE2 takes its contexts once, from `small`. While it matches without JIT
 * it keeps its frames in one block, and holds a second one only while it moves into a larger: so
 * two blocks do. With JIT it uses 32 KiB of the worker's stack. */
struct lg_regex_core {
    pcre2_match_context *limits;
    pcre2_match_data *data;
    size_t small_used;
    bool is_taken[2];
    alignas(16) uint8_t small[SMALL_SZ];
    alignas(16) uint8_t frames[2][FRAMES_SZ];
};

/* ---------------------------------------------------------------- compiling */

lg_err_t lg_regex_compile(const char *pattern, struct lg_regex **out, char why[LG_REGEX_WHY_SZ])
{
    const uint32_t options =
        PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY;
    int error;
    size_t at, sz = 0;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &error, &at, NULL);

    why[0] = '\0';
    if (!code) {
        PCRE2_UCHAR text[120];
        LG_CHECK(error != PCRE2_ERROR_NOMEMORY, LG_E(NOMEM));
        pcre2_get_error_message(error, text, sizeof text);
        snprintf(why, LG_REGEX_WHY_SZ, "%s, at character %zu", (const char *)text, at + 1);
        return LG_E(CONFIG);
    }
    if (pcre2_pattern_info(code, PCRE2_INFO_SIZE, &sz) != 0 || sz > PATTERN_SZ) {
        pcre2_code_free(code);
        snprintf(why, LG_REGEX_WHY_SZ, "compiled it is %zu bytes long, at most %u are allowed", sz,
                 PATTERN_SZ);
        return LG_E(CONFIG);
    }
    /* Where memory must not become code (systemd's MemoryDenyWriteExecute) it stays interpreted. */
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    *out = (struct lg_regex *)code;
    return LG_OK;
}

static const pcre2_code *code_of(const struct lg_regex *re)
{
    return (const pcre2_code *)re;
}

void lg_regex_free(struct lg_regex *re)
{
    pcre2_code_free((pcre2_code *)re);
}

uint32_t lg_regex_groups(const struct lg_regex *re)
{
    uint32_t cnt = 0;

    (void)pcre2_pattern_info(code_of(re), PCRE2_INFO_CAPTURECOUNT, &cnt);
    return cnt;
}

/* ---------------------------------------------------------------- memory of a worker */

static void *give_mem(size_t sz, void *ctx)
{
    struct lg_regex_core *c = ctx;

    if (sz <= SMALL_SZ - c->small_used) {
        void *p = c->small + c->small_used;
        c->small_used = lg_align_up(c->small_used + sz, 16);
        return p;
    }
    for (int i = 0; i < 2 && sz <= FRAMES_SZ; i++)
        if (!c->is_taken[i]) {
            c->is_taken[i] = true;
            return c->frames[i];
        }
    return NULL;
}

static void take_back(void *p, void *ctx)
{
    struct lg_regex_core *c = ctx;

    for (int i = 0; i < 2; i++)
        if (p == c->frames[i])
            c->is_taken[i] = false;
}

size_t lg_regex_core_footprint(void)
{
    return lg_align_up(sizeof(struct lg_regex_core), LG_CACHE_LINE);
}

struct lg_regex_core *lg_regex_core_init(void *mem)
{
    struct lg_regex_core *c = mem;
    pcre2_general_context *own = pcre2_general_context_create(give_mem, take_back, c);

    c->limits = own ? pcre2_match_context_create(own) : NULL;
    c->data = own ? pcre2_match_data_create(LG_REGEX_GROUPS, own) : NULL;
    if (!c->limits || !c->data) /* SMALL_SZ is enough for them: a test says so */
        return c;
    pcre2_set_match_limit(c->limits, STEPS_MAX);
    pcre2_set_depth_limit(c->limits, STEPS_MAX);
    pcre2_set_heap_limit(c->limits, FRAMES_SZ >> 10);
    c->small_used = SMALL_SZ; /* what is asked for from now on are frames */
    return c;
}

/* ---------------------------------------------------------------- matching */

enum lg_regex_outcome lg_regex_match(struct lg_regex_core *core, const struct lg_regex *re,
                                     lg_span_t text, lg_span_t *groups)
{
    if (!core->data)
        return LG_REGEX_LIMIT;
    int rc = pcre2_match(code_of(re), text.p, text.len, 0, 0, core->data, core->limits);

    if (rc == PCRE2_ERROR_NOMATCH)
        return LG_REGEX_MISS;
    if (rc < 0)
        return LG_REGEX_LIMIT;
    const size_t *at = pcre2_get_ovector_pointer(core->data);
    /* 0: there are more groups than we look at. */
    uint32_t cnt = rc == 0 ? LG_REGEX_GROUPS : (uint32_t)rc;
    for (uint32_t i = 0; i < LG_REGEX_GROUPS; i++) {
        bool is_set = i < cnt && at[2 * i] != PCRE2_UNSET && at[2 * i] <= at[2 * i + 1];
        groups[i] =
            is_set ? lg_span(text.p + at[2 * i], at[2 * i + 1] - at[2 * i]) : lg_span(NULL, 0);
    }
    return LG_REGEX_HIT;
}
