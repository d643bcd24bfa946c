# SPDX-License-Identifier: GPL-2.0-or-later
"""The path without the kernel: lockgate-blast == memif == Lockgate == memif == the same blast as origin.

    python3 bench/compare/userspace.py [--runs N] [--seconds S] [--only NAME,...] [--json FILE]
                                        [--profile]

Kernel proxies cannot run here: its numbers never stand beside theirs. What it tells is how far Lockgate
is from the arithmetic it cannot avoid: cycles an operation, of turns that found work, and the bound.
Requests beside idle connections, up to a million: crowd.py (`./dev bench crowd`).
--profile also says in which functions the worker's time goes (perf, by the clock).
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import account
import blast
import bounds
import peers
import report
import series
from peers import SITES
from rig import ROOT, RigError, go_first, wait_until

FRONT, PROXY, BACK, ORIGIN = "10.9.1.1", "10.9.1.2", "10.9.2.2", "10.9.2.1"
MEMORY_MIB = 768
SOURCES = "10.77.0.0/26"  # clients of a crowd (crowd.py): one address has 64,511 ports

SCENARIOS = (  # name, title, site, blast's words, bound, operation
    ("handshake-ecdsa", "full TLS 1.3 handshake, ECDSA P-256, X25519", "ecdsa",
     ["handshake", "--connections", "64"], "handshake-ecdsa"),
    ("handshake-rsa", "full TLS 1.3 handshake, RSA-2048, X25519", "rsa",
     ["handshake", "--connections", "64"], "handshake-rsa"),
    ("handshake-resumed", "resumed TLS 1.3 handshake", "tickets",
     ["resume", "--connections", "64"], "handshake-resumed"),
    ("handshake-mutual", "full TLS 1.3 handshake, client certificate", "mutual",
     ["handshake", "--connections", "64"], "handshake-mutual"),
    ("keepalive-1k", "GET of 1 KiB, 64 connections kept", "ecdsa",
     ["request", "--connections", "64", "--size", "1KiB"], None),
    ("download-1m", "GET of 1 MiB, 8 connections", "ecdsa", ["download", "--connections", "8"], "bulk"),
    ("upload-1m", "PUT of 1 MiB, 8 connections", "ecdsa", ["upload", "--connections", "8"], "bulk"),
)


class Place:
    """A folder with a PKI, two memif sockets and Lockgate; what Peer and Blast want of a rig."""

    def __init__(self):
        self.bin = os.environ.get("LOCKGATE_BIN_DIR", os.path.join(ROOT, "build/release"))
        self.id = "u%d" % os.getpid()
        self.lb_cpu = os.cpu_count() - 1
        self.dir = tempfile.mkdtemp(prefix="lockgate-bench.", dir="/dev/shm")
        subprocess.run([os.path.join(ROOT, "tools/pki.sh"), self.path("pki")], check=True,
                       capture_output=True)

    def path(self, *name):
        return os.path.join(self.dir, *name)

    def down(self):
        subprocess.run(["rm", "-rf", self.dir], check=False)


class Lockgate(peers.Lockgate):
    """On two memif ports, spinning: it has its CPU to itself, and no other does anything for it."""

    max_connections, memory_mib = 4000, MEMORY_MIB
    more = {}  # of self.options

    def start(self):
        self.options = {
            "idle": "poll", "memory": self.memory_mib, "max_connections": self.max_connections,
            "hugepages": peers.has_huge(self.memory_mib), "proxy_ip": PROXY, "origin_ip": ORIGIN,
            "routes": [(SOURCES, FRONT)],
            "ports": [("front", "memif:%s,role=server" % self.rig.path("front.sock"), PROXY),
                      ("back", "memif:%s,role=server" % self.rig.path("back.sock"), BACK)], **self.more}
        with open(self.file("log"), "w", encoding="utf-8") as f:
            self.process = subprocess.Popen(
                ["taskset", "-c", "0-%d" % self.rig.lb_cpu] + self.write_config(), stdout=f, stderr=f)
        if not wait_until(60, lambda: self.process.poll() is not None or self.ctl.stats()):
            self.fail("does not answer")
        if self.process.poll() is not None:
            self.fail("ended with %d" % self.process.returncode)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def blast_argv(place, words, site, seconds, memory_mib=512):
    argv = [blast.binary(place)] + words + [
        "--device", "memif:" + place.path("front.sock"), "--address", FRONT + "/24",
        "--origin", "memif:%s,%s/24:80" % (place.path("back.sock"), ORIGIN),
        "--target", "%s:%d" % (PROXY, site.port), "--sni", "shop.example", "--tls", site.version,
        "--reuse-key-share", "--skip-signature", "--warmup", "1s", "--cpu", "0",
        "--duration", "%dms" % (1000 * seconds), "--memory", "%dMiB" % memory_mib,
        "--file-prefix", "blast" + place.id, "--json", place.path("blast.json")]
    if site.mutual:
        argv += ["--cert", place.path("pki/alice.pem"), "--key", place.path("pki/alice.key")]
    if peers.has_huge(memory_mib) == "false":
        argv.append("--no-huge")
    return argv


def run_blast(place, words, site, seconds):
    """Report of blast."""
    out = place.path("blast.json")
    r = subprocess.run(blast_argv(place, words, site, seconds), check=False, text=True, capture_output=True)
    if not os.path.exists(out):
        raise RigError("lockgate-blast ended with %d: %s" % (r.returncode, r.stderr[-500:]))
    with open(out, encoding="utf-8") as f:
        text = f.read()
    os.unlink(out)
    return blast.parse(text)


class Profile:
    """perf on Lockgate's worker while something runs."""

    def __init__(self, place, pid, seconds):
        self.file = place.path("perf.data")
        self.process = subprocess.Popen(
            ["sh", "-c", "sleep 1.6; exec perf record -q -e cpu-clock -F 1999 -p %d -o %s -- sleep %g" %
             (pid, self.file, max(0.5, seconds - 0.5))], stderr=subprocess.DEVNULL)

    def top(self, count):
        """[(percent, function), ...]; what a library has no names for is one line."""
        self.process.wait()
        r = subprocess.run(["perf", "report", "-i", self.file, "--stdio", "--no-children", "-g", "none",
                            "-F", "overhead,dso,sym"], check=False, text=True, capture_output=True)
        return sum_up(r.stdout)[:count]


def sum_up(report_text):
    """Lines of perf report (percent, object, [.], function) to [(percent, function), ...]."""
    shares = {}
    for line in report_text.splitlines():
        words = line.split()
        if len(words) < 4 or not words[0].endswith("%"):
            continue
        name = words[1] if words[3].startswith("0x") else " ".join(words[3:])
        shares[name] = shares.get(name, 0) + float(words[0].rstrip("%"))
    return sorted(((v, k) for k, v in shares.items()), reverse=True)


def busy_counts(peer):
    """(cycles of turns that found work, of all turns, operations by kind)."""
    t = peer.ctl.stats()["totals"]
    return (t["loop_busy_cycles"], t["loop_busy_cycles"] + t["loop_idle_cycles"],
            {"1/s": t["tls_hs_done"], "requests": t["http_requests"]})


class Userspace:
    def __init__(self, args):
        self.args = args
        self.rows = {}
        self.bounds = {}
        self.profiles = {}
        self.hz = account.tsc_hz()

    def measure(self, place, scenario):
        name, _, site, words, _ = scenario
        peer = Lockgate(place)
        peer.start()
        try:
            self.hz = peer.ctl.stats()["tsc_hz"]
            profile = Profile(place, peer.process.pid, self.args.seconds) if self.args.profile else None
            before = busy_counts(peer)
            o = run_blast(place, words, SITES[site], self.args.seconds)
            after = busy_counts(peer)
            if profile:
                self.profiles[name] = profile.top(16)
        finally:
            peer.stop()
        kind = "1/s" if words[0] in ("handshake", "resume") else "requests"
        ops = after[2][kind] - before[2][kind]
        cycles = (after[0] - before[0]) / ops if ops else None
        print("lockgate:   %-20s %10s /s %12s cycles, generator %3.0f %%%s" %
              (name, report.number(o.rate()), report.number(cycles), 100 * o.generator_busy,
               "  ERRORS: " + o.first_error if o.errors else ""), file=sys.stderr, flush=True)
        return {"rate": o.rate(), "cycles": cycles, "generator": o.generator_busy,
                "errors": o.first_error if o.errors else ""}

    def run(self):
        place = Place()
        try:
            micro = bounds.measure(place.bin, place.path("pki"))
            chosen = [s for s in SCENARIOS if not self.args.only or s[0] in self.args.only.split(",")]
            for s in chosen:
                self.bounds[s[0]] = bounds.cycles(s[4], micro)
                self.rows[s[0]] = []
            for _ in range(self.args.runs):
                for s in chosen:
                    self.rows[s[0]].append(self.measure(place, s))
        finally:
            place.down()

    def results(self):
        out = []
        for name, title, _, _, _ in [s for s in SCENARIOS if s[0] in self.rows]:
            good = [r for r in self.rows[name] if not r["errors"]]
            bound, cycles = self.bounds[name], series.median([r["cycles"] for r in good])
            busiest = max((r["generator"] for r in good), default=0)
            out.append({
                "name": name, "title": title, "runs": len(self.rows[name]),
                "rate": series.median([r["rate"] for r in good]),
                "cycles": cycles, "spread": [min(r["cycles"] for r in good),
                                             max(r["cycles"] for r in good)] if good else None,
                "bound": bound, "of_bound": bound / cycles if bound and cycles else None,
                "generator_busy": busiest,
                "limited_by": "generator" if busiest > series.GENERATOR_FULL else "server",
                "errors": next((r["errors"] for r in self.rows[name] if r["errors"]), None)})
        return out


def table(results):
    rows = []
    for r in results:
        if r["cycles"] is None:
            rows.append([r["title"], "–", "–", "–", "–", "errors: %s" % r["errors"]])
            continue
        rows.append([r["title"],
                     ("≥ " if r["limited_by"] == "generator" else "") + report.number(r["rate"]),
                     "%s (%s…%s)" % tuple(report.number(v) for v in [r["cycles"]] + r["spread"]),
                     report.number(r["bound"]),
                     "%.0f %%" % (100 * r["of_bound"]) if r["of_bound"] else "–",
                     "%.0f %%" % (100 * r["generator_busy"])])
    return "\n".join(report.table(["over memif, without the kernel", "a second",
                                   "busy cycles an operation", "bound", "of bound",
                                   "generator busy"], rows))


def main():
    p = argparse.ArgumentParser(prog="bench/compare/userspace.py")
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--seconds", type=float, default=2)
    p.add_argument("--only", help="scenarios: " + ", ".join(s[0] for s in SCENARIOS))
    p.add_argument("--json")
    p.add_argument("--profile", action="store_true")
    args = p.parse_args()
    if peers.has_huge(MEMORY_MIB) == "false":
        sys.exit("bench/userspace: %d MiB of free hugepages are needed; ./dev setup" % MEMORY_MIB)
    go_first()
    u = Userspace(args)
    try:
        u.run()
    except RigError as e:
        sys.exit("bench/userspace: %s" % e)
    print(table(u.results()))
    for name, top in u.profiles.items():
        print("\n%s: %s" % (name, ", ".join("%s %.1f %%" % (f, share) for share, f in top)))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({"tsc_hz": u.hz, "scenarios": u.results()}, f, indent=1)


if __name__ == "__main__":
    main()
