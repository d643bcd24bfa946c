/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rig.h: what an end-to-end test stands on: network namespaces (tools/netrig.sh), a PKI
 * (tools/pki.sh --tests), an nginx and origin.py behind, and the real lockgate between, driven by
 * clients that are not ours. Made once per process, at the first test that asks for it; taken away
 * at exit. One thread; every wait has a deadline.
 *
 * Commands run under bash with verbs.sh read in; see there for get, hello, as and py. */
#ifndef E2E_RIG_H
#define E2E_RIG_H

#include "t.h"

#include <sys/types.h>

/* E2E is a TEST that makes network namespaces. */
#define E2E(s, n) TEST_NEEDS(s, n, T_ROOT)

/* RIG begins a test: lockgate runs with these pools and listeners, or the test ends failed. */
#define RIG(body)                                                                                  \
    do {                                                                                           \
        if (!rig_use(body))                                                                        \
            return;                                                                                \
    } while (0)

enum rig_ns { RIG_CLIENT, RIG_GATE, RIG_ORIGIN, RIG_WIRE };

/* -- the network -- */

/* rig_up makes everything but lockgate; false (and a failure) when that was not possible. */
bool rig_up(void);
/* The folder of this run: pki/, www/, configs, logs. */
const char *rig_dir(void);
/* rig_path joins a file name to it; valid until the eighth next call. */
const char *rig_path(const char *name);
bool rig_is_quick(void); /* a sanitizer build, or LOCKGATE_TEST_QUICK */
/* rig_socket is socket() in a namespace; -1 on error. */
int rig_socket(enum rig_ns ns, int domain, int type, int protocol);

/* rig_impair puts a lossy wire (wire.c) in place of the bridge on one side ("front" or "back");
 * how: "loss=1 dup=1 reorder=5 ce=1 delay=3". rig_mend takes it away; true when it had work to do.
 */
bool rig_impair(const char *side, const char *how);
bool rig_mend(const char *side);

/* -- commands -- */

/* What the last rig_client, rig_origin or rig_tool printed, both streams; NUL-terminated. */
extern char rig_out[256 * 1024];

/* rig_client, rig_origin: a command in the namespace. rig_tool: in ours. Each returns the exit
 * status (128 + n when signal n ended it; 124 after 60 s). */
int rig_client(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int rig_origin(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int rig_tool(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* rig_spawn starts a client command; rig_join waits for its end, at most timeout_s, and gives its
 * output in rig_out and its status. */
pid_t rig_spawn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* rig_spawn_gate is rig_spawn in lockgate's namespace: what its control thread can reach. */
pid_t rig_spawn_gate(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* rig_gate_listens waits until somebody listens on this TCP port in lockgate's namespace. */
bool rig_gate_listens(unsigned port);
int rig_join(pid_t pid, unsigned timeout_s);
/* rig_alive: the command has not ended. */
bool rig_alive(pid_t pid);
/* rig_wait waits until a shell condition holds in our namespace. */
bool rig_wait(unsigned timeout_s, const char *condition);

/* -- lockgate -- */

/* The listeners and pools that most tests share: standard.yaml. */
extern const char rig_standard[];

/* rig_use: lockgate runs with `body`, anew only when another one ran; $PKI and the other words of
 * standard.yaml are replaced in it. false and a failure when it does not start. */
bool rig_use(const char *body);
/* rig_start begins lockgate with a whole file of its own; it does not wait. */
pid_t rig_start(const char *config_file);
/* rig_config writes a config: global and ports as usual, `global` lines added, then body.
 *   workers  "[1]"; NULL: one, on the last CPU */
const char *rig_config(const char *name, const char *workers, const char *global, const char *body);
/* rig_use_as is rig_use with workers and global lines. */
bool rig_use_as(const char *workers, const char *global, const char *body);
/* rig_stop sends SIGTERM and waits; the exit status, or -1 (and a kill) after timeout_s. */
int rig_stop(unsigned timeout_s);
pid_t rig_gate_pid(void);
/* rig_rewrite replaces the running lockgate's config file; rig_reload asks it to read it and
 * returns whether it did (the answer is in rig_out). */
void rig_rewrite(const char *body);
bool rig_reload(void);

/* rig_ctl runs lockgatectl with these arguments; status and rig_out as of rig_tool. */
#define rig_ctl(fmt, ...) rig_tool("\"$LOCKGATECTL\" -s \"$DIR/gate.sock\" " fmt, ##__VA_ARGS__)
/* rig_stat reads a counter's sum, or -1. rig_becomes waits (5 s) until it has the value;
 * rig_settles waits until no connection is left. */
int64_t rig_stat(const char *name);
bool rig_becomes(const char *name, int64_t want);
bool rig_settles(void);
/* rig_mark remembers the end of lockgate's log; rig_log gives what came since; rig_logged waits (3
 * s) for a text in it. */
void rig_mark(void);
const char *rig_log(void);
bool rig_logged(const char *text);

#define EXPECT_STAT(name, want)                                                                    \
    do {                                                                                           \
        if (!rig_becomes((name), (want)))                                                          \
            t_fail(__FILE__, __LINE__, "counter %s is %lld, expected %lld", (name),                \
                   (long long)rig_stat(name), (long long)(want));                                  \
    } while (0)
#define EXPECT_LOGGED(text)                                                                        \
    do {                                                                                           \
        if (!rig_logged(text))                                                                     \
            t_fail(__FILE__, __LINE__, "not in the log: %s\nlog: %.3000s", (text), rig_log());     \
    } while (0)
/* EXPECT_RUN: a client command ends with the status. */
#define EXPECT_RUN(status, ...)                                                                    \
    do {                                                                                           \
        int rig_status_ = rig_client(__VA_ARGS__);                                                 \
        if (rig_status_ != (status))                                                               \
            t_fail(__FILE__, __LINE__, "status %d, expected %d: %s\n%.3000s", rig_status_,         \
                   (status), rig_command(), rig_out);                                              \
    } while (0)
/* The last command's text. */
const char *rig_command(void);

#endif
