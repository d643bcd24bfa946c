# SPDX-License-Identifier: GPL-2.0-or-later
"""Many idle connections: are they held, and what does a request cost beside them?

    python3 bench/compare/crowd.py [--mutual] [--runs N] [--seconds S] [--json FILE] [N,...]

N connections in all, over memif (userspace.py): 64 of them make requests, one after the other, the rest
has shaken hands and is idle. So 64 means none is idle. A million want about 2.4 GiB on each side, from
hugepages where so many are free (two each MiB), else from pages of 4 KiB, which costs more cycles:

    echo 3072 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages

--mutual: all show a client certificate, with its names in Lockgate's memory.
"""
import argparse
import json
import subprocess
import sys
import time

import peers
import report
import series
from peers import SITES
from rig import RigError, go_first
from userspace import SOURCES, Lockgate, Place, blast_argv, busy_counts

WORKERS = 64
SIZES = "64,10000,100000,1000000"
BACKS = 512  # backend connections, of which the 64 need one each
RAMP = 50000  # a second: as fast as they go, 256 at a time
PACE = 400  # a second: what is opened slower than that is given up


def memory_mib(count, each):
    """What Lockgate and lockgate-blast want: handshakes, rings and buffers besides."""
    return 448 + count * each // (1 << 20)


def scenario_text(size):
    text = "groups:\n  - {name: work, scenario: request, connections: %d, size: 1KiB, after-ramp: true}\n"
    if size > WORKERS:
        text += "  - {name: crowd, scenario: idle, connections: %d, ramp: %d}\n" % (size - WORKERS, RAMP)
    return text % WORKERS


class Crowd:
    """One size, held once. cycles: of a request; open_s: how long it took until all were open."""

    def __init__(self, place, size, site, seconds):
        self.place, self.size, self.site, self.seconds = place, size, site, seconds
        self.peer = Lockgate(place)
        self.peer.max_connections = size + 100
        self.peer.memory_mib = memory_mib(size, 2100)
        hour = "3600s"
        self.peer.more = {"max_backends": BACKS, "timeouts": "{header: %s, keepalive: %s, idle: %s}"
                          % (hour, hour, hour)}
        self.cycles = self.open_s = self.hs_cycles = None

    def sessions(self):
        return self.peer.ctl.stats()["totals"]["proxy_sessions"]

    def await_open(self, process):
        begun = time.monotonic()
        while self.sessions() < self.size:
            if process.poll() is not None:
                raise RigError("lockgate-blast ended with %d" % process.returncode)
            if time.monotonic() - begun > 30 + self.size / PACE:
                raise RigError("%d of %d connections were open in time" % (self.sessions(), self.size))
            time.sleep(0.05 if self.size < 5000 else 1)
        self.open_s = time.monotonic() - begun

    def measure(self):
        time.sleep(1)
        before = busy_counts(self.peer)
        time.sleep(self.seconds)
        after = busy_counts(self.peer)
        requests = after[2]["requests"] - before[2]["requests"]
        if requests == 0:
            raise RigError("no request was answered beside %d connections" % self.size)
        if self.sessions() < self.size:
            raise RigError("of %d connections %d were left" % (self.size, self.sessions()))
        self.cycles = (after[0] - before[0]) / requests

    def run(self):
        with open(self.place.path("crowd.yaml"), "w", encoding="ascii") as f:
            f.write(scenario_text(self.size))
        self.peer.start()
        log = self.place.path("blast.log")
        words = ["--file", self.place.path("crowd.yaml"), "--source", SOURCES, "--origin-connections",
                 str(2 * BACKS)]
        patience = 60 + self.size / PACE + self.seconds
        argv = blast_argv(self.place, words, self.site, patience, memory_mib(self.size, 1900))
        try:
            with open(log, "w", encoding="utf-8") as f:
                p = subprocess.Popen(argv, stdout=f, stderr=f)
            try:
                self.await_open(p)
                self.measure()
            finally:
                p.terminate()
                p.wait()
        except RigError as e:
            with open(log, encoding="utf-8", errors="replace") as f:
                raise RigError("%s\n%s" % (e, f.read()[-600:])) from e
        finally:
            self.peer.stop()


def row(size, held, base):
    cycles = [c.cycles for c in held]
    return ["{:,}".format(size),
            "%s (%s…%s)" % tuple(report.number(x) for x in (series.median(cycles), min(cycles), max(cycles))),
            "%.2f" % (series.median(cycles) / base),
            "%.0f s" % series.median([c.open_s for c in held]),
            "{:,} and {:,} MiB".format(held[0].peer.memory_mib, memory_mib(size, 1900))]


def run(sizes, site, runs, seconds):
    place = Place()
    held = {n: [] for n in sizes}
    try:
        for _ in range(runs):
            for n in sizes:
                c = Crowd(place, n, site, seconds)
                try:
                    c.run()
                except RigError as e:
                    print("lockgate: error: %s" % e, file=sys.stderr, flush=True)
                    continue
                held[n].append(c)
                print("lockgate:   %9d connections, open in %.0f s: a request %s cycles" %
                      (n, c.open_s, report.number(c.cycles)), file=sys.stderr, flush=True)
    finally:
        place.down()
    return {n: v for n, v in held.items() if v}


def main():
    p = argparse.ArgumentParser(prog="bench/compare/crowd.py")
    p.add_argument("sizes", nargs="?", default=SIZES, help="numbers of connections")
    p.add_argument("--mutual", action="store_true", help="with client certificates")
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--seconds", type=float, default=3)
    p.add_argument("--json")
    args = p.parse_args()
    sizes = [int(n) for n in args.sizes.split(",")]
    go_first()
    try:
        held = run(sizes, SITES["mutual" if args.mutual else "ecdsa"], args.runs, args.seconds)
    except RigError as e:
        sys.exit("bench/crowd: %s" % e)
    if sizes[0] not in held:
        sys.exit("bench/crowd: not even %d connections could be measured" % sizes[0])
    base = series.median([c.cycles for c in held[sizes[0]]])
    print("\n".join(report.table(
        ["connections" + (", mutual" if args.mutual else ""), "busy cycles a request", "against the fewest",
         "open after", "memory: Lockgate and blast"],
        [row(n, v, base) for n, v in held.items()])))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump([{"connections": n, "mutual": args.mutual, "cycles": [c.cycles for c in v],
                        "open_s": [c.open_s for c in v]} for n, v in held.items()], f, indent=1)
    if len(held) < len(sizes):
        sys.exit(1)


if __name__ == "__main__":
    main()
