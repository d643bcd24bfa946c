/* SPDX-License-Identifier: GPL-2.0-or-later */
/* err.h: the error type. A struct, so that it cannot be mistaken for a count or a boolean;
 * LG_MUST on the functions, so that it cannot be dropped. The list is err.def. */
#ifndef LG_ERR_H
#define LG_ERR_H

#include "base.h"

enum lg_err_class {
    LG_CLASS_NONE,
    LG_CLASS_PROTO,
    LG_CLASS_AGAIN,
    LG_CLASS_FULL,
    LG_CLASS_CONFIG,
    LG_CLASS_SYS,
    LG_CLASS_BUG
};

enum lg_err_code {
    LG_ERR_OK = 0,
#define X(name, class, text) LG_ERR_##name,
#include "err.def"
#undef X
    LG_ERR_CNT
};

typedef struct {
    int32_t v;
} lg_err_t;

#define LG_OK ((lg_err_t){LG_ERR_OK})
#define LG_E(name) ((lg_err_t){LG_ERR_##name})

static inline bool lg_is_ok(lg_err_t e)
{
    return e.v == LG_ERR_OK;
}

static inline bool lg_err_is(lg_err_t e, enum lg_err_code code)
{
    return e.v == (int32_t)code;
}

/* lg_err_text says the error in words; lg_err_class what to do about it. Thread any, pure. */
const char *lg_err_text(lg_err_t e);
const char *lg_err_name(lg_err_t e);
enum lg_err_class lg_err_class(lg_err_t e);

/* The only macros that leave a function: the call failed, or the condition does not hold. */
#define LG_TRY(call)                                                                               \
    do {                                                                                           \
        lg_err_t lg_try_e_ = (call);                                                               \
        if (LG_UNLIKELY(!lg_is_ok(lg_try_e_)))                                                     \
            return lg_try_e_;                                                                      \
    } while (0)
#define LG_CHECK(cond, err)                                                                        \
    do {                                                                                           \
        if (LG_UNLIKELY(!(cond)))                                                                  \
            return (err);                                                                          \
    } while (0)

#endif
