/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t_gtest.cc: registers the C tests with googletest and runs them. The only C++ file. */
#include "t.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <unistd.h>

static struct t_case *first_case;

extern "C" void t_register(struct t_case *c)
{
    c->next = first_case;
    first_case = c;
}

extern "C" void t_fail(const char *file, int line, const char *fmt, ...)
{
    char text[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    ADD_FAILURE_AT(file, line) << text;
}

extern "C" bool t_failed(void)
{
    return ::testing::Test::HasFailure();
}

static void skip_now(const char *why)
{
    GTEST_SKIP() << why;
}

extern "C" void t_skip(const char *, int, const char *why)
{
    skip_now(why);
}

extern "C" void t_eq_i64(const char *file, int line, const char *a, const char *b, int64_t va,
                         int64_t vb)
{
    if (va != vb)
        t_fail(file, line, "%s is %lld, expected %s, which is %lld", a, (long long)va, b,
               (long long)vb);
}

extern "C" void t_eq_mem(const char *file, int line, const char *what, const void *a,
                         const void *b, size_t len)
{
    const uint8_t *pa = static_cast<const uint8_t *>(a), *pb = static_cast<const uint8_t *>(b);
    for (size_t i = 0; i < len; i++) {
        if (pa[i] != pb[i]) {
            t_fail(file, line, "%s: byte %zu of %zu is 0x%02x, expected 0x%02x", what, i, len,
                   pa[i], pb[i]);
            return;
        }
    }
}

extern "C" void t_eq_str(const char *file, int line, const char *a, const char *b, const char *va,
                         const char *vb)
{
    if (!va || !vb || strcmp(va, vb) != 0)
        t_fail(file, line, "%s is \"%s\", expected %s, which is \"%s\"", a, va ? va : "(null)", b,
               vb ? vb : "(null)");
}

extern "C" void t_has_str(const char *file, int line, const char *hay, const char *needle)
{
    if (!hay || !strstr(hay, needle))
        t_fail(file, line, "\"%s\" does not contain \"%s\"", hay ? hay : "(null)", needle);
}

namespace
{
class CCase : public ::testing::Test
{
  public:
    explicit CCase(const t_case *c) : c_(c)
    {
    }

  protected:
    void SetUp() override
    {
        if ((c_->needs & T_ROOT) && geteuid() != 0)
            GTEST_SKIP() << "needs root";
        if ((c_->needs & T_SLOW) && getenv("LOCKGATE_TEST_QUICK"))
            GTEST_SKIP() << "slow, and LOCKGATE_TEST_QUICK is set";
    }
    void TestBody() override
    {
        c_->fn();
    }

  private:
    const t_case *c_;
};
} // namespace

int main(int argc, char **argv)
{
    ::testing::InitGoogleTest(&argc, argv);
    /* Constructors registered in reverse; turn the list round so that tests run as written. */
    struct t_case *ordered = nullptr;
    while (first_case) {
        struct t_case *c = first_case;
        first_case = c->next;
        c->next = ordered;
        ordered = c;
    }
    for (struct t_case *c = ordered; c; c = c->next)
        ::testing::RegisterTest(c->suite, c->name, nullptr, nullptr, c->file, c->line,
                                [c]() -> CCase * { return new CCase(c); });
    return RUN_ALL_TESTS();
}
