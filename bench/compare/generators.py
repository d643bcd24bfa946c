# SPDX-License-Identifier: GPL-2.0-or-later
"""Load generators on the kernel's sockets. KernelTools and blast.Blast have the same methods: each runs
one load against one site for some seconds and returns an Outcome. The client's namespace and the
others' CPUs are theirs.

    handshakes   full or resumed, with or without client certificate     bench-handshakes
    closed_loop  requests as fast as the answers come                    wrk
    open_loop    requests at a fixed rate, each one's latency            h2load
"""
import json
import os
import re
import subprocess

import series
from rig import PROXY_IP, RigError


class Outcome:
    """What a generator saw: operations completed, in how many seconds, what failed.

    generator_busy in [0,1]: by its own account; None: it has none, and its CPU tells."""

    def __init__(self, ops, seconds, errors=0, first_error="", p99_us=None, generator_busy=None):
        self.ops, self.seconds = ops, seconds
        self.errors, self.first_error = errors, first_error
        self.p99_us, self.generator_busy = p99_us, generator_busy

    def rate(self):
        return self.ops / self.seconds if self.seconds else 0.0


def handshake_argv(rig, site, connections, seconds, resume=False, idle=False, names=0):
    """names: so many server names in turn, n0.shop.example and on; 0: shop.example."""
    argv = [rig.bin + "/bench/bench-handshakes", "-c", connections, "-d", seconds, "-v", site.version,
            "-N", names]
    if site.mutual:
        argv += ["-C", rig.path("pki/alice.pem"), "-K", rig.path("pki/alice.key")]
    if resume:
        argv.append("-r")
    if idle:
        argv.append("-i")
    return argv + [PROXY_IP, site.port]


def parse_handshakes(text, resume):
    r = json.loads(text)
    if resume and r["errors"] == 0 and r["resumed"] < r["handshakes"]:
        return Outcome(r["resumed"], r["seconds"], 1, "%d of %d handshakes were full ones" %
                       (r["handshakes"] - r["resumed"], r["handshakes"]))
    return Outcome(r["handshakes"], r["seconds"], r["errors"], r["first_error"])


def handshakes(rig, site, seconds, connections=32, resume=False, names=0):
    r = rig.run_in("client", handshake_argv(rig, site, connections, seconds, resume, names=names),
                   cpus=rig.other_cpus)
    try:
        return parse_handshakes(r.stdout, resume)
    except (ValueError, KeyError):
        return Outcome(0, seconds, 1, "bench-handshakes: %s" % (r.stderr or r.stdout).strip())


def start_storm(rig, site, seconds, connections=32):
    """Handshakes beside something else; end_storm gives their outcome."""
    argv = rig.argv_in("client", handshake_argv(rig, site, connections, seconds), rig.other_cpus)
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def end_storm(storm):
    return parse_handshakes(storm.communicate()[0], False)


class IdleConnections:
    """Connections that are opened and then left alone, until end()."""

    def __init__(self, rig, site, count, patience):
        argv = rig.argv_in("client", handshake_argv(rig, site, count, patience, idle=True),
                           rig.other_cpus)
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.outcome = parse_handshakes(self.process.stdout.readline(), False)
        except ValueError:
            self.outcome = Outcome(0, 1, 1, "bench-handshakes could not open them")

    def end(self):
        self.process.stdin.close()
        self.process.wait()


WRK_REPORT = """
done = function(summary, latency, requests)
    local e = summary.errors
    io.write(string.format('@{"ops": %d, "us": %d, "connect": %d, "read": %d, "write": %d, '
        .. '"status": %d, "timeout": %d}\\n', summary.requests, summary.duration,
        e.connect, e.read, e.write, e.status, e.timeout))
end
"""
# The same request each time: one made anew for each (request = function…) is made anew also when
# wrk's first write of it has to be repeated, and then two are mixed.
WRK_UPLOAD = """
wrk.method = "PUT"
wrk.body = string.rep("lockgate", %d)
"""


def parse_wrk(text):
    m = re.search(r"^@(\{.*\})$", text, re.M)
    if not m:
        return Outcome(0, 1, 1, "wrk: %s" % text.strip()[-200:])
    r = json.loads(m.group(1))
    kinds = ["%d %s" % (r[k], k) for k in ("connect", "read", "write", "status", "timeout") if r[k]]
    return Outcome(r["ops"], r["us"] / 1e6, sum(r[k] for k in ("connect", "read", "write", "status",
                                                               "timeout")), ", ".join(kinds))


def closed_loop(rig, site, path, seconds, connections, upload_bytes=0):
    script = rig.path("wrk-%d.lua" % upload_bytes)
    with open(script, "w", encoding="ascii") as f:
        f.write((WRK_UPLOAD % (upload_bytes // 8) if upload_bytes else "") + WRK_REPORT)
    r = rig.run_in("client", ["wrk", "-t", 1, "-c", connections, "-d", "%ds" % max(1, round(seconds)),
                              "-s", script, "https://%s:%d%s" % (PROXY_IP, site.port, path)],
                   cpus=rig.other_cpus)
    return parse_wrk(r.stdout + r.stderr)


def parse_h2load(log, text):
    """log: lines of start, status, microseconds; text: what h2load printed."""
    latencies, bad = [], 0
    for line in log.splitlines():
        words = line.split("\t")
        if len(words) == 3 and words[1] == "200":
            latencies.append(int(words[2]))
        else:
            bad += 1
    m = re.search(r"finished in ([0-9.]+)(us|ms|s)", text)
    seconds = float(m.group(1)) * {"us": 1e-6, "ms": 1e-3, "s": 1}[m.group(2)] if m else 1
    m = re.search(r"(\d+) failed, (\d+) errored, (\d+) timeout", text)
    bad += sum(int(g) for g in m.groups()) if m else 1
    return Outcome(len(latencies), seconds, bad, "%d requests failed" % bad if bad else "",
                   p99_us=series.percentile(latencies, 0.99))


def open_loop(rig, site, path, seconds, per_second, connections):
    """A request's time begins when its turn has come by the rate, unless its connection is still
    waiting for the one before: with many connections at a low rate each, that is rare. The process
    runs before all others of its CPU, or it would measure its own waiting."""
    log = rig.path("h2load.log")
    if os.path.exists(log):
        os.unlink(log)
    each = max(1, round(per_second / connections))
    r = rig.run_in("client", ["chrt", "-f", "10", "h2load", "--h1", "-t", 1, "-c", connections, "-D",
                              max(1, round(seconds)), "--warm-up-time", 0, "--rps", each,
                              "--log-file", log,
                              "https://%s:%d%s" % (PROXY_IP, site.port, path)],
                   cpus=rig.other_cpus)
    if not os.path.exists(log):
        raise RigError("h2load: %s" % (r.stdout + r.stderr)[-500:])
    with open(log, encoding="ascii") as f:
        return parse_h2load(f.read(), r.stdout)


class KernelTools:
    """The common tools, for what a kernel proxy can do with the offloads of a veth."""

    name = "bench-handshakes, wrk and h2load"

    def __init__(self, rig):
        self.rig = rig
        self.mark = None  # not called: what is measured is the whole run

    def handshakes(self, site, seconds, connections=32, resume=False):
        return handshakes(self.rig, site, seconds, connections, resume)

    def requests(self, site, seconds, connections):
        return closed_loop(self.rig, site, "/1k", seconds, connections)

    def download(self, site, seconds, connections):
        return closed_loop(self.rig, site, "/1m", seconds, connections)

    def upload(self, site, seconds, connections):
        return closed_loop(self.rig, site, "/up/0", seconds, connections, upload_bytes=1 << 20)

    def latency(self, site, seconds, per_second, connections):
        return open_loop(self.rig, site, "/1k", seconds, per_second, connections)

    def storm(self, site, seconds):
        """Latency of 200 requests a second while handshakes are made as fast as they go."""
        storm = start_storm(self.rig, site, seconds + 0.5)
        o = open_loop(self.rig, site, "/1k", seconds, 200, 4)
        beside = end_storm(storm)
        o.errors += beside.errors
        o.first_error = o.first_error or beside.first_error
        return o
