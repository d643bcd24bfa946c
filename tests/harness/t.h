/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t.h: how a test is written in C. TEST(Suite, DoesThis) { ... } registers itself; t_gtest.cc, the
 * only C++ file, hands every registered case to googletest, so filters, lists and XML work.
 * A helper that uses REQUIRE is followed by T_STOP_IF_FAILED() at its caller. */
#ifndef LG_T_H
#define LG_T_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    T_ROOT = 1u << 0, /* needs root: namespaces, hugepages */
    T_SLOW = 1u << 1, /* skipped when LOCKGATE_TEST_QUICK is set */
};

struct t_case {
    const char *suite, *name, *file;
    int line;
    unsigned needs;
    void (*fn)(void);
    struct t_case *next;
};

void t_register(struct t_case *c);
void t_fail(const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool t_failed(void);
void t_skip(const char *file, int line, const char *why);
void t_eq_i64(const char *file, int line, const char *a, const char *b, int64_t va, int64_t vb);
void t_eq_mem(const char *file, int line, const char *what, const void *a, const void *b,
              size_t len);
void t_eq_str(const char *file, int line, const char *a, const char *b, const char *va,
              const char *vb);
void t_has_str(const char *file, int line, const char *hay, const char *needle);

#ifdef __cplusplus
}
#endif

#define TEST_NEEDS(s, n, needs)                                                                    \
    static void s##_##n(void);                                                                     \
    static struct t_case t_##s##_##n = {#s, #n, __FILE__, __LINE__, (needs), s##_##n, NULL};       \
    __attribute__((constructor)) static void t_reg_##s##_##n(void)                                 \
    {                                                                                              \
        t_register(&t_##s##_##n);                                                                  \
    }                                                                                              \
    static void s##_##n(void)
#define TEST(s, n) TEST_NEEDS(s, n, 0)

#define EXPECT(c) ((c) ? (void)0 : t_fail(__FILE__, __LINE__, "not true: %s", #c))
#define REQUIRE(c)                                                                                 \
    do {                                                                                           \
        if (!(c)) {                                                                                \
            t_fail(__FILE__, __LINE__, "not true: %s", #c);                                        \
            return;                                                                                \
        }                                                                                          \
    } while (0)
#define EXPECT_EQ(a, b) t_eq_i64(__FILE__, __LINE__, #a, #b, (int64_t)(a), (int64_t)(b))
#define REQUIRE_EQ(a, b)                                                                           \
    do {                                                                                           \
        EXPECT_EQ(a, b);                                                                           \
        T_STOP_IF_FAILED();                                                                        \
    } while (0)
#define EXPECT_MEM(a, b, len) t_eq_mem(__FILE__, __LINE__, #a " == " #b, (a), (b), (len))
#define EXPECT_STR(a, b) t_eq_str(__FILE__, __LINE__, #a, #b, (a), (b))
/* EXPECT_HAS: the text `hay` contains `needle`. */
#define EXPECT_HAS(hay, needle) t_has_str(__FILE__, __LINE__, (hay), (needle))
/* EXPECT_OK and EXPECT_ERR take an lg_err_t (base/err.h). */
#define EXPECT_OK(call)                                                                            \
    do {                                                                                           \
        lg_err_t t_e_ = (call);                                                                    \
        if (t_e_.v != 0)                                                                           \
            t_fail(__FILE__, __LINE__, "%s: %s", #call, lg_err_name(t_e_));                        \
    } while (0)
#define EXPECT_ERR(call, want)                                                                     \
    do {                                                                                           \
        lg_err_t t_e_ = (call), t_w_ = (want);                                                     \
        if (t_e_.v != t_w_.v)                                                                      \
            t_fail(__FILE__, __LINE__, "%s: %s, expected %s", #call, lg_err_name(t_e_),            \
                   lg_err_name(t_w_));                                                             \
    } while (0)
#define T_STOP_IF_FAILED()                                                                         \
    do {                                                                                           \
        if (t_failed())                                                                            \
            return;                                                                                \
    } while (0)
#define T_SKIP(why)                                                                                \
    do {                                                                                           \
        t_skip(__FILE__, __LINE__, (why));                                                         \
        return;                                                                                    \
    } while (0)

#endif
