# SPDX-License-Identifier: GPL-2.0-or-later
"""Lockgate and its peers side by side, in turn and in one run, on one machine.

    python3 bench/compare [--full | --smoke] [--runs N] [--seconds S] [--only NAME,...]
                          [--peers NAME,...] [--out DIR] [--json FILE] [--list]

Needs root (network namespaces) and two CPUs. Prints Markdown; --out DIR also gets it, the JSON and
the plots. What is measured and how it is made fair: docs/performance.md.
"""
import argparse
import datetime
import json
import os
import subprocess
import sys
import time

import account
import blast
import bounds
import generators
import memory
import peers
import plot
import report
import scenarios
import series
from rig import ROOT, Rig, RigError, go_first


def say(text):
    print("lockgate: %s" % text, file=sys.stderr, flush=True)


class Sample:
    """One measurement of one contender."""

    def __init__(self, value, ops, outcome, usage=None, kind="max"):
        self.value, self.ops = value, ops
        self.errors = outcome.errors or (1 if value is None else 0)
        self.first_error = outcome.first_error or ("nothing came" if value is None else "")
        self.lb_cycles = usage.lb_cycles if usage else 0
        self.poll_cycles = usage.poll_cycles if usage else None
        self.foreign = usage.foreign if usage else 0
        self.steal = usage.steal if usage else 0
        self.lb_busy = usage.lb_busy if usage else 0
        self.generator_busy = outcome.generator_busy
        if self.generator_busy is None:
            self.generator_busy = usage.generator_busy if usage else 0
        self.limited_by = series.limit_of(self.lb_busy, self.generator_busy, kind)


class Comparison:
    def __init__(self, args):
        self.args = args
        self.rig = Rig(os.environ.get("LOCKGATE_BIN_DIR", os.path.join(ROOT, "build/release")))
        self.contenders = [p(self.rig) for p in peers.ALL if p.name in args.peers]
        self.scenarios = [s for s in scenarios.ALL if s.name in args.only]
        self.tools = generators.KernelTools(self.rig)
        self.blast = None
        if args.generator != "tools" and blast.is_there(self.rig):
            self.blast = blast.Blast(self.rig)
        self.hz = account.tsc_hz()
        self.warnings = []
        self.rows = {s.name: report.Row(s) for s in self.scenarios}
        if memory.SCENARIO.name in args.only:
            self.rows[memory.SCENARIO.name] = report.Row(memory.SCENARIO)

    def series_of(self, row, name):
        return row.series.setdefault(name, series.Series())

    def look_around(self):
        """Somebody else's work on these CPUs makes every number worthless: look before."""
        before = account.Snapshot([])
        time.sleep(1)
        usage = account.Usage(before, account.Snapshot([]), self.rig.lb_cpu, self.hz)
        if usage.lb_busy > 0.1 or usage.generator_busy > 0.1:
            self.warnings.append("The CPUs were busy before the run (%.0f %% and %.0f %%): do not "
                                 "trust these numbers." %
                                 (100 * usage.lb_busy, 100 * usage.generator_busy))
            say("warning: " + self.warnings[-1])

    def measure_bounds(self):
        micro = bounds.measure(self.rig.bin, self.rig.path("pki"))
        for row in self.rows.values():
            row.bound_cycles = bounds.cycles(row.scenario.bound, micro)

    def measure_one(self, peer, scenario, context):
        own = peer.pids() + self.rig.origin_pids()
        marks = []

        def mark(more=()):
            marks.append(account.Snapshot(own + list(more), peer.ctl))

        mark()
        context.generator.mark = mark
        value, ops, outcome = scenario.run(context)
        mark()
        # A generator with a warm-up has marked the time that counts, and its rate tells how much was
        # done in it; else the whole run counts.
        inner = len(marks) == 4
        usage = account.Usage(*(marks[1:3] if inner else marks), self.rig.lb_cpu, self.hz)
        if inner:
            ops = outcome.rate() * usage.seconds
        sample = Sample(value, ops, outcome, usage, scenario.kind)
        context.values[scenario.name] = value
        say("  %-22s %-15s %10s %-6s proxy %3.0f %%, others %3.0f %%, foreign %.2f%s" %
            (scenario.name, peer.name, report.number(value), scenario.unit, 100 * usage.lb_busy,
             100 * sample.generator_busy, usage.foreign,
             "  ERRORS: %s" % sample.first_error if sample.errors else ""))
        return sample

    def generator_for(self, peer):
        """AF_XDP takes the offloads from a veth's peer: where those are the point, the common tools."""
        return self.tools if peer.offloads or not self.blast else self.blast

    def measure_peer(self, peer):
        todo = []
        for s in self.scenarios:
            if peer.offloads and not (s.native or self.args.full):
                continue
            lacks = next((peer.cannot[n] for n in s.needs if n in peer.cannot), None)
            if lacks:
                self.series_of(self.rows[s.name], peer.name).why = lacks
            else:
                todo.append(s)
        peer.start()
        try:
            if peer.ctl:
                self.hz = peer.ctl.stats()["tsc_hz"]
            context = scenarios.Context(self.generator_for(peer), self.args.seconds)
            for s in todo:
                self.series_of(self.rows[s.name], peer.name).samples.append(
                    self.measure_one(peer, s, context))
        finally:
            peer.stop()

    def give_up(self, peer, error):
        """A contender that did not start, or broke, is not compared; the others go on."""
        say("error: %s" % error)
        for row in self.rows.values():
            self.series_of(row, peer.name).why = str(error).splitlines()[0]

    def measure_memory(self):
        for peer in [p for p in self.contenders if not p.offloads]:
            value, outcome = memory.measure(self.rig, peer, self.args.idle)
            s = Sample(value, self.args.idle, outcome, kind="memory")
            self.series_of(self.rows[memory.SCENARIO.name], peer.name).samples.append(s)
            say("  idle-memory %s: %s bytes %s" % (peer.name, report.number(value), s.first_error))

    def run(self):
        for p in [p for p in self.contenders if p.missing()]:
            for row in self.rows.values():
                self.series_of(row, p.name).why = p.missing()
        self.contenders = [p for p in self.contenders if not p.missing()]
        self.look_around()
        try:
            self.rig.up()
            self.measure_bounds()
            for i in range(self.args.runs):
                say("run %d of %d" % (i + 1, self.args.runs))
                turn = i % len(self.contenders)  # nobody is always first
                for peer in self.contenders[turn:] + self.contenders[:turn]:
                    try:
                        self.measure_peer(peer)
                    except RigError as e:
                        self.give_up(peer, e)
            if memory.SCENARIO.name in self.rows:
                self.measure_memory()
        finally:
            self.rig.down()
        every = [s for r in self.rows.values() for s in r.series.values()]
        disturbed, all_ = (sum(s.disturbed_cnt() for s in every), sum(len(s.samples) for s in every))
        if disturbed:
            self.warnings.append("%d of %d runs were disturbed by other work on these CPUs, or by time "
                                 "stolen by the host." % (disturbed, all_))

    def meta(self):
        def first(argv):
            r = subprocess.run(argv, check=False, text=True, capture_output=True, cwd=ROOT)
            return r.stdout.strip() or "unknown"
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
            cpu = next((l.split(":", 1)[1].strip() for l in f if l.startswith("model name")), "?")
        return {"title": "Lockgate and its peers, one thread each",
                "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
                "commit": first(["git", "describe", "--always", "--dirty", "--exclude", "*"]),
                "cpu": cpu, "cpus": os.cpu_count(), "kernel": os.uname().release,
                "lb_cpu": self.rig.lb_cpu, "runs": self.args.runs, "seconds": self.args.seconds,
                "idle": self.args.idle,
                "generator": (self.blast or self.tools).name,
                "tsc_hz": self.hz, "warnings": self.warnings,
                "versions": [v for v in (p.version() for p in self.contenders if not p.offloads)
                             if v]}

    def write(self):
        rows, meta = list(self.rows.values()), self.meta()
        text = report.markdown(rows, meta)
        data = json.dumps({"meta": meta, "scenarios": [report.row_json(r, self.hz) for r in rows]},
                          indent=1) + "\n"
        files = {"compare.md": text, "compare.json": data,
                 "rates.svg": plot.bars("Rates against HAProxy", "HAProxy = 1, wire mode, longer is "
                                        "better; only where the proxy was the limit",
                                        plot.of_rates(rows)),
                 "cycles.svg": plot.bars("Operations a cycle against HAProxy", "HAProxy = 1, wire "
                                         "mode, longer is better", plot.of_cycles(rows))}
        if self.args.out:
            os.makedirs(self.args.out, exist_ok=True)
            for name, content in files.items():
                with open(os.path.join(self.args.out, name), "w", encoding="utf-8") as f:
                    f.write(content)
        if self.args.json:
            with open(self.args.json, "w", encoding="utf-8") as f:
                f.write(data)
        print(text)


def parse_args(argv):
    names = [s.name for s in scenarios.ALL] + [memory.SCENARIO.name]
    quick = [s.name for s in scenarios.ALL if s.quick] + [memory.SCENARIO.name]
    p = argparse.ArgumentParser(prog="bench/compare", description="Lockgate beside its peers")
    p.add_argument("--full", action="store_true", help="all scenarios, 7 runs of 5 s")
    p.add_argument("--smoke", action="store_true", help="only to see that it works")
    p.add_argument("--runs", type=int)
    p.add_argument("--seconds", type=float)
    p.add_argument("--idle", type=int, help="idle connections; fewer where the limit of open files does not allow so many")
    p.add_argument("--only", help="scenarios: " + ", ".join(names))
    p.add_argument("--peers", help="contenders: " + ", ".join(c.name for c in peers.ALL))
    p.add_argument("--generator", choices=("blast", "tools"), default="blast",
                   help="of wire mode: lockgate-blast, or the common tools")
    p.add_argument("--out", help="folder for Markdown, JSON and plots")
    p.add_argument("--json", help="file for the JSON")
    p.add_argument("--list", action="store_true", help="print the scenarios and end")
    a = p.parse_args(argv)
    if a.list:
        for s in scenarios.ALL + (memory.SCENARIO,):
            print("%-22s %s, %s" % (s.name, s.title, s.unit))
        sys.exit(0)
    a.runs = a.runs or (7 if a.full else 1 if a.smoke else 5)
    a.seconds = a.seconds or (5 if a.full else 1)
    a.idle = min(a.idle or (10000 if a.full else 4000), peers.max_connections() - 100)
    a.only = a.only.split(",") if a.only else (names if a.full else ["handshake-ecdsa"] if a.smoke
                                               else quick)
    all_ = [c.name for c in peers.ALL]
    a.peers = a.peers.split(",") if a.peers else (["lockgate", "haproxy"] if a.smoke else
                                                  all_ if a.full else all_[:-1])
    for given, known in ((a.only, names), (a.peers, all_)):
        for name in given:
            if name not in known:
                p.error("no such name: %s" % name)
    return a


def main():
    args = parse_args(sys.argv[1:])
    if os.geteuid() != 0:
        sys.exit("bench/compare: network namespaces need root")
    if os.cpu_count() < 2:
        sys.exit("bench/compare: one CPU for the proxy and one for the rest are needed")
    go_first()
    c = Comparison(args)
    try:
        c.run()
    except RigError as e:
        sys.exit("bench/compare: %s" % e)
    c.write()


if __name__ == "__main__":
    main()
