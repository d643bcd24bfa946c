# SPDX-License-Identifier: GPL-2.0-or-later
"""What a handshake storm does to those who are connected already, over memif (userspace.py).

    python3 bench/compare/storm.py [--runs N] [--seconds S] [--rate N] [--budget TIME] [--json FILE]

32 connections make N requests a second together (2,000), each at its time, whatever became of the one
before; then the same again while 256 others make handshakes as fast as they go, one-way and mutual. The
storm's cost is the difference of the p99s, run by run. lockgate-blast does its own handshakes last in a
turn and at most two of them, so that what it adds itself stays below a quarter of a millisecond; that
share is in the numbers.
"""
import argparse
import json
import os
import subprocess
import sys

import report
import series
from peers import SITES
from rig import RigError, go_first
from userspace import Lockgate, Place, blast_argv

STORMS = (("none", None), ("one-way", "ecdsa"), ("RSA-2048", "rsa"), ("mutual", "mutual"))


def scenario_text(place, storm, rate):
    text = ("groups:\n  - {name: established, scenario: request, connections: 32, rate: %d, size: 1KiB}\n"
            % rate)
    if storm:
        site = SITES[storm]
        text += "  - {name: storm, scenario: handshake, connections: 256, target: \"10.9.1.2:%d\"" % site.port
        if site.mutual:
            text += ", cert: %s, key: %s" % (place.path("pki/alice.pem"), place.path("pki/alice.key"))
        text += "}\n"
    return text


class Run:
    """One run: p50, p99 and p99.9 of the established (us), handshakes a second."""

    def __init__(self, place, storm, args):
        with open(place.path("storm.yaml"), "w", encoding="ascii") as f:
            f.write(scenario_text(place, storm, args.rate))
        peer = Lockgate(place)
        if args.budget:
            peer.more = {"handshake_budget": args.budget}
        peer.start()
        try:
            r = subprocess.run(blast_argv(place, ["--file", place.path("storm.yaml")], SITES["ecdsa"],
                                          args.seconds), check=False, text=True, capture_output=True)
        finally:
            peer.stop()
        out = place.path("blast.json")
        if not os.path.exists(out):
            raise RigError("lockgate-blast ended with %d: %s" % (r.returncode, r.stderr[-500:]))
        with open(out, encoding="utf-8") as f:
            whole = json.load(f)
        os.unlink(out)
        if whole["error_cnt"]:
            raise RigError("errors: %s" % whole["errors"])
        groups = {g["name"]: g for g in whole["groups"]}
        lat = groups["established"]["latency_us"]
        self.p50, self.p99, self.p999 = lat["p50"], lat["p99"], lat["p999"]
        self.handshakes = groups["storm"]["ops_per_s"] if storm else 0
        self.shared = whole["gen_cpu_shared"]


def measure(args):
    place = Place()
    runs = {name: [] for name, _ in STORMS}
    try:
        for _ in range(args.runs):
            for name, site in STORMS:
                r = Run(place, site, args)
                runs[name].append(r)
                print("lockgate:   storm %-9s p50 %6.0f p99 %6.0f p99.9 %6.0f us, %6.0f handshakes a second%s" %
                      (name, r.p50, r.p99, r.p999, r.handshakes, ", CPU shared" if r.shared else ""),
                      file=sys.stderr, flush=True)
    finally:
        place.down()
    return runs


def table(runs):
    def cell(values):
        return "%s (%s…%s)" % tuple(report.number(x) for x in (series.median(values), min(values), max(values)))
    rows = []
    for name, v in runs.items():
        more = [a.p99 - b.p99 for a, b in zip(v, runs["none"])]
        rows.append([name, report.number(series.median([r.handshakes for r in v])), cell([r.p50 for r in v]),
                     cell([r.p99 for r in v]), cell([r.p999 for r in v]),
                     cell(more) if name != "none" else "–"])
    return "\n".join(report.table(["storm", "handshakes a second", "p50, us", "p99, us", "p99.9, us",
                                   "p99 more by, us"], rows))


def main():
    p = argparse.ArgumentParser(prog="bench/compare/storm.py")
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--seconds", type=float, default=4)
    p.add_argument("--rate", type=int, default=2000)
    p.add_argument("--budget", help="handshake_budget; default Lockgate's")
    p.add_argument("--json")
    args = p.parse_args()
    go_first()
    try:
        runs = measure(args)
    except RigError as e:
        sys.exit("bench/storm: %s" % e)
    print(table(runs))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({name: [vars(r) for r in v] for name, v in runs.items()}, f, indent=1)


if __name__ == "__main__":
    main()
