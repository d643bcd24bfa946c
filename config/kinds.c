/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint: control-side */
/* kinds.c: how the general kinds of values are read. Each reader says what it found, what it
 * expected and, where the mistake is a common one, how to write it. */
#include "schema.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS_SZ 160
#define NAME_MAX_LEN 63u

static void put_uint(const struct lg_field *f, void *dst, uint64_t v)
{
    uint8_t v8 = (uint8_t)v;
    uint16_t v16 = (uint16_t)v;
    uint32_t v32 = (uint32_t)v;
    const void *src = f->width == 1   ? (const void *)&v8
                      : f->width == 2 ? (const void *)&v16
                      : f->width == 4 ? (const void *)&v32
                                      : (const void *)&v;
    memcpy(dst, src, f->width);
}

static void put_str(void *dst, const char *s)
{
    memcpy(dst, &s, sizeof s);
}

/* take_digits reads leading decimal digits; false when there is none or they pass 64 bits. */
static bool take_digits(const char **p, uint64_t *out)
{
    uint64_t v = 0;
    const char *s = *p;

    if (!isdigit((unsigned char)*s))
        return false;
    for (; isdigit((unsigned char)*s); s++)
        if (__builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (unsigned)(*s - '0'), &v))
            return false;
    *p = s;
    *out = v;
    return true;
}

/* ---------------------------------------------------------------- text */

static bool read_str(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                     struct lg_node *n, void *dst)
{
    if (!lg_need_scalar(w, path, n, "a text"))
        return false;
    if (n->len < f->min || n->len > f->max) {
        lg_walk_error(w, path, n, "%zu characters long, expected %" PRIu64 " to %" PRIu64, n->len,
                      f->min, f->max);
        return false;
    }
    char *s = lg_keep(w, n->text, n->len);
    put_str(dst, s);
    return s != NULL;
}
const struct lg_kind lg_kind_str = {"text", sizeof(char *), read_str,
                                    "\"type\": [\"string\", \"number\", \"boolean\"]"};

static bool is_name(const struct lg_node *n)
{
    for (size_t i = 0; i < n->len; i++)
        if (!isalnum((unsigned char)n->text[i]) && !strchr("_.-", n->text[i]))
            return false;
    return n->len >= 1 && n->len <= NAME_MAX_LEN;
}

static bool check_name(struct lg_walk *w, const struct lg_path *path, struct lg_node *n)
{
    static const char expected[] = "a name of 1 to 63 letters, digits, '_', '-' or '.'";
    char found[LG_FOUND_SZ];

    if (!lg_need_scalar(w, path, n, expected))
        return false;
    if (is_name(n))
        return true;
    lg_walk_error(w, path, n, "found %s, expected %s", lg_found(n, found), expected);
    return false;
}

static bool read_name(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                      struct lg_node *n, void *dst)
{
    (void)f;
    if (!check_name(w, path, n))
        return false;
    char *s = lg_keep(w, n->text, n->len);
    put_str(dst, s);
    return s != NULL;
}
const struct lg_kind lg_kind_name = {
    "name", sizeof(char *), read_name,
    "\"type\": [\"string\", \"integer\"], \"pattern\": \"^[A-Za-z0-9_.-]{1,63}$\""};

/* A reference is a name too; check.c looks it up in the tree and writes the index. */
static bool read_ref(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                     struct lg_node *n, void *dst)
{
    (void)f;
    (void)dst;
    return check_name(w, path, n);
}
const struct lg_kind lg_kind_ref = {
    "name of a pool", 0, read_ref,
    "\"type\": [\"string\", \"integer\"], \"pattern\": \"^[A-Za-z0-9_.-]{1,63}$\""};

/* file_problem says why a file cannot be read; NULL when it can. */
static const char *file_problem(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return errno == ENOENT    ? "no such file"
               : errno == EACCES  ? "permission denied on its folder"
               : errno == ENOTDIR ? "a part of the path is not a folder"
                                  : strerror(errno);
    if (S_ISDIR(st.st_mode))
        return "it is a folder";
    if (!S_ISREG(st.st_mode))
        return "not a regular file";
    /* Opened, because access() and its like do not know of capabilities. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == EACCES ? "permission denied" : strerror(errno);
    close(fd);
    return NULL;
}

/* full_path writes the name that stands at a node with its folder; 0: reported. */
static size_t full_path(struct lg_walk *w, const struct lg_path *path, struct lg_node *n,
                        char full[PATH_MAX])
{
    char found[LG_FOUND_SZ];
    int len;

    if (!lg_need_scalar(w, path, n, "a file name"))
        return 0;
    for (size_t i = 0; i < n->len; i++)
        if (iscntrl((unsigned char)n->text[i])) {
            lg_walk_error(w, path, n, "found %s, expected a file name without control characters",
                          lg_found(n, found));
            return 0;
        }
    len = n->text[0] == '/' ? snprintf(full, PATH_MAX, "%s", n->text)
                            : snprintf(full, PATH_MAX, "%s/%s", w->dir, n->text);
    if (n->len == 0 || len < 0 || (size_t)len >= PATH_MAX) {
        lg_walk_error(w, path, n, "%s, expected a file name",
                      n->len == 0 ? "found \"\"" : "the path is too long");
        return 0;
    }
    return (size_t)len;
}

static bool keep_path(struct lg_walk *w, const char *full, size_t len, void *dst)
{
    char *s = lg_keep(w, full, len);
    put_str(dst, s);
    return s != NULL;
}

static bool read_file(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                      struct lg_node *n, void *dst)
{
    char full[PATH_MAX];
    size_t len = full_path(w, path, n, full);

    (void)f;
    const char *problem = len && w->env->checks_files ? file_problem(full) : NULL;
    if (problem)
        lg_walk_error(w, path, n, "cannot read %.200s: %s", full, problem);
    return len && !problem && keep_path(w, full, len, dst);
}
const struct lg_kind lg_kind_file = {"file", sizeof(char *), read_file,
                                     "\"type\": \"string\", \"minLength\": 1"};

/* A file that need not be there. */
static bool read_new_file(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                          struct lg_node *n, void *dst)
{
    char full[PATH_MAX];
    size_t len = full_path(w, path, n, full);

    (void)f;
    return len && keep_path(w, full, len, dst);
}
const struct lg_kind lg_kind_new_file = {"file", sizeof(char *), read_new_file,
                                         "\"type\": \"string\", \"minLength\": 1"};

/* ---------------------------------------------------------------- words */

static const char *join_words(const struct lg_word *words, char buf[WORDS_SZ])
{
    size_t at = 0;

    buf[0] = '\0';
    for (const struct lg_word *v = words; v->word && at < WORDS_SZ; v++) {
        int n = snprintf(buf + at, WORDS_SZ - at, "%s%s", v == words ? "" : ", ", v->word);
        at += (size_t)LG_MAX(n, 0);
    }
    return buf;
}

/* find_word gives the row of what stands at n; NULL after an error. */
static const struct lg_word *find_word(struct lg_walk *w, const struct lg_word *words,
                                       const struct lg_path *path, struct lg_node *n)
{
    char expected[WORDS_SZ + 8] = "one of ", found[LG_FOUND_SZ];
    const char *candidates[16];
    uint32_t cnt = 0;

    join_words(words, expected + strlen(expected));
    if (!lg_need_scalar(w, path, n, expected))
        return NULL;
    for (const struct lg_word *v = words; v->word; v++) {
        if (strcmp(v->word, n->text) == 0)
            return v;
        if (cnt < LG_ARRAY_CNT(candidates))
            candidates[cnt++] = v->word;
    }
    const char *near = lg_nearest(n->text, candidates, cnt);
    lg_found(n, found);
    if (near)
        lg_walk_error(w, path, n, "found %s, expected %s; did you mean \"%s\"?", found, expected,
                      near);
    else
        lg_walk_error(w, path, n, "found %s, expected %s", found, expected);
    return NULL;
}

static bool read_word(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                      struct lg_node *n, void *dst)
{
    const struct lg_word *v = find_word(w, f->words, path, n);
    if (v)
        put_uint(f, dst, v->value);
    return v != NULL;
}
const struct lg_kind lg_kind_word = {"word", 0, read_word};

static bool read_word_str(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                          struct lg_node *n, void *dst)
{
    const struct lg_word *v = find_word(w, f->words, path, n);
    char *s = v ? lg_keep(w, v->word, strlen(v->word)) : NULL;
    put_str(dst, s);
    return s != NULL;
}
const struct lg_kind lg_kind_word_str = {"word", 0, read_word_str};

/* YAML 1.1's other spellings are taken too: people write them. */
static bool read_bool(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                      struct lg_node *n, void *dst)
{
    static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no", "off"};
    char found[LG_FOUND_SZ];

    (void)f;
    if (!lg_need_scalar(w, path, n, "true or false"))
        return false;
    for (size_t i = 0; i < LG_ARRAY_CNT(yes); i++) {
        bool is_yes = strcasecmp(n->text, yes[i]) == 0;
        if (is_yes || strcasecmp(n->text, no[i]) == 0) {
            memcpy(dst, &is_yes, sizeof is_yes);
            return true;
        }
    }
    lg_walk_error(w, path, n, "found %s, expected true or false", lg_found(n, found));
    return false;
}
const struct lg_kind lg_kind_bool = {"true or false", 0, read_bool, "\"type\": \"boolean\""};

/* ---------------------------------------------------------------- numbers with and without unit */

struct unit {
    const char *word;
    uint64_t value;
};

static const struct unit time_units[] = {
    {"h", 3600000000000u}, {"m", 60000000000u}, {"s", 1000000000u}, {"ms", 1000000u}, {"us", 1000u},
};
static const struct unit size_units[] = {{"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10}};

/* unit_text writes v in the largest unit that divides it, as one would in the file. */
static const char *unit_text(const struct unit *units, size_t cnt, uint64_t v, char buf[32])
{
    for (size_t i = 0; v && i < cnt; i++) {
        if (v % units[i].value == 0) {
            snprintf(buf, 32, "%" PRIu64 "%s", v / units[i].value, units[i].word);
            return buf;
        }
    }
    snprintf(buf, 32, "%" PRIu64, v);
    return buf;
}

/* take_unit multiplies by the unit at p, the whole rest of the text; false when it is none. */
static bool take_unit(const struct unit *units, size_t cnt, const char *p, uint64_t *v)
{
    for (size_t i = 0; i < cnt; i++)
        if (strcmp(p, units[i].word) == 0)
            return !__builtin_mul_overflow(*v, units[i].value, v);
    return false;
}

static bool read_uint(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                      struct lg_node *n, void *dst)
{
    char expected[64], found[LG_FOUND_SZ];
    uint64_t v;

    snprintf(expected, sizeof expected, "a whole number from %" PRIu64 " to %" PRIu64, f->min,
             f->max);
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    const char *p = n->text;
    if (!take_digits(&p, &v) || *p || v < f->min || v > f->max) {
        lg_walk_error(w, path, n, "found %s, expected %s", lg_found(n, found), expected);
        return false;
    }
    put_uint(f, dst, v);
    return true;
}
const struct lg_kind lg_kind_uint = {"number", 0, read_uint, "\"type\": \"integer\""};

static bool read_duration(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                          struct lg_node *n, void *dst)
{
    const size_t cnt = LG_ARRAY_CNT(time_units);
    char found[LG_FOUND_SZ], lo[32], hi[32], expected[128];
    uint64_t v;

    snprintf(expected, sizeof expected, "a duration from %s to %s (units: us, ms, s, m, h)",
             unit_text(time_units, cnt, f->min, lo), unit_text(time_units, cnt, f->max, hi));
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    const char *p = n->text;
    bool is_number = take_digits(&p, &v), has_unit = is_number && *p;
    if (has_unit && take_unit(time_units, cnt, p, &v) && v >= f->min && v <= f->max) {
        put_uint(f, dst, v);
        return true;
    }
    lg_found(n, found);
    if (is_number && !has_unit)
        lg_walk_error(w, path, n, "found %s, expected %s; give it a unit, for example %" PRIu64 "s",
                      found, expected, v);
    else
        lg_walk_error(w, path, n, "found %s, expected %s", found, expected);
    return false;
}
const struct lg_kind lg_kind_duration = {
    "duration", 0, read_duration, "\"type\": \"string\", \"pattern\": \"^[0-9]+(us|ms|s|m|h)$\""};

/* size_hint mends the two usual mistakes: MB for MiB, and no unit where megabytes are meant. */
static const char *size_hint(const struct lg_field *f, const char *unit, uint64_t number,
                             char buf[80])
{
    char first = (char)toupper((unsigned char)unit[0]);

    buf[0] = '\0';
    if (first && strchr("KMG", first) && strlen(unit) <= 2)
        snprintf(buf, 80, "; did you mean %" PRIu64 "%ciB?", number, first);
    else if (!first && number < f->min)
        snprintf(buf, 80, "; a number alone is bytes, did you mean %" PRIu64 "%s?", number,
                 f->min >= 1u << 20 ? "MiB" : "KiB");
    return buf;
}

static bool read_size(struct lg_walk *w, const struct lg_field *f, const struct lg_path *path,
                      struct lg_node *n, void *dst)
{
    const size_t cnt = LG_ARRAY_CNT(size_units);
    char found[LG_FOUND_SZ], lo[32], hi[32], expected[128], hint[80];
    uint64_t v = 0, number = 0, scale = f->scale ? f->scale : 1;

    snprintf(expected, sizeof expected, "a size from %s to %s (units: KiB, MiB, GiB)",
             unit_text(size_units, cnt, f->min, lo), unit_text(size_units, cnt, f->max, hi));
    if (!lg_need_scalar(w, path, n, expected))
        return false;
    const char *p = n->text;
    bool is_number = take_digits(&p, &number);
    v = number;
    if (is_number && (!*p || take_unit(size_units, cnt, p, &v)) && v >= f->min && v <= f->max) {
        if (v % scale == 0) {
            put_uint(f, dst, v / scale);
            return true;
        }
        lg_walk_error(w, path, n, "found %s, expected a multiple of %s", lg_found(n, found),
                      unit_text(size_units, cnt, scale, lo));
        return false;
    }
    lg_walk_error(w, path, n, "found %s, expected %s%s", lg_found(n, found), expected,
                  is_number ? size_hint(f, p, number, hint) : "");
    return false;
}
const struct lg_kind lg_kind_size = {
    "size", 0, read_size,
    "\"type\": [\"string\", \"integer\"], \"pattern\": \"^[0-9]+(KiB|MiB|GiB)?$\""};
