# SPDX-License-Identifier: GPL-2.0-or-later
"""How Lockgate's cost grows: with workers, connections, certificates and client CAs.

Lockgate alone, by what its threads and its devices' receive threads ran for an operation, by Lockgate's own
count of operations, while a load is under way: so no rival and no full CPU is needed, other work on the
machine disturbs little, and opening connections does not count where it is not what is measured.

    python3 bench/compare/growth.py [--only NAME,...] [--rounds N] [--seconds S] [--json FILE]

The sizes of an axis are measured in turn, a whole round each time, and the medians are printed, each
against the smallest size.
"""
import argparse
import json
import os
import subprocess
import sys
import threading
import time

import account
import generators as gen
import peers
import report
import series
from peers import SITES
from rig import ROOT, Rig, RigError, go_first


def say(text):
    print("lockgate: %s" % text, file=sys.stderr, flush=True)


def openssl(*argv):
    subprocess.run(("openssl",) + argv, check=True, capture_output=True)


def make_certificates(rig, count):
    """n0.shop.example to n(count-1), self-signed, of one key: loading is what is measured, not trust."""
    key = rig.path("pki", "many.key")
    if not os.path.exists(key):
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    names = []
    for i in range(count):
        name = "many-%d" % i
        pem = rig.path("pki", name + ".pem")
        if not os.path.exists(pem):
            host = "n%d.shop.example" % i
            openssl("req", "-x509", "-new", "-key", key, "-subj", "/CN=" + host, "-days", "30",
                    "-addext", "subjectAltName=DNS:" + host, "-addext",
                    "keyUsage=critical,digitalSignature", "-addext",
                    "basicConstraints=critical,CA:FALSE", "-out", pem)
            os.symlink(key, rig.path("pki", name + ".key"))
        names.append(name)
    return names


def make_cas(rig, count):
    """A bundle with the right CAs and so many others that the total is count."""
    out = rig.path("pki", "bundle-%d.pem" % count)
    with open(rig.path("pki/client-ca.pem"), encoding="ascii") as f:
        text = f.read()
    have = text.count("BEGIN CERTIFICATE")
    key = rig.path("pki", "ca-filler.key")
    if not os.path.exists(key):
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    for i in range(count - have):
        pem = rig.path("pki", "filler-%d.pem" % i)
        if not os.path.exists(pem):
            openssl("req", "-x509", "-new", "-key", key, "-subj", "/O=Filler/CN=Filler CA %d" % i,
                    "-days", "30", "-addext", "basicConstraints=critical,CA:TRUE", "-addext",
                    "keyUsage=critical,keyCertSign,cRLSign", "-out", pem)
        with open(pem, encoding="ascii") as f:
            text = f.read() + text
    with open(out, "w", encoding="ascii") as f:
        f.write(text)
    return out


class Axis:
    """One direction of growth. options(rig, size) gives Lockgate's, load(rig, size, seconds) an Outcome;
    idle(size): so many connections are opened before and left alone; counter: what an operation is."""

    def __init__(self, name, title, sizes, options, load, counter, idle=lambda size: 0):
        self.name, self.title, self.sizes = name, title, sizes
        self.options, self.load, self.counter, self.idle = options, load, counter, idle


def handshakes(site, many_names=False):
    return lambda rig, size, seconds: gen.handshakes(rig, SITES[site], seconds,
                                                     names=size if many_names else 0)


def requests(most):
    return lambda rig, size, seconds: gen.closed_loop(rig, SITES["ecdsa"], "/1k", seconds,
                                                      min(size, most))


def axes(limit):
    top = min(9000, limit - 100)
    return [
        Axis("certificates", "full handshake, each for another name", (1, 100, 1000, 10000),
             lambda rig, n: {"certs": make_certificates(rig, n), "memory": 1024},
             handshakes("ecdsa", many_names=True), "tls_hs_done"),
        Axis("client-cas", "full mutual handshake", (4, 100, 1000),
             lambda rig, n: {"client_ca": make_cas(rig, n)}, handshakes("mutual"), "tls_hs_done"),
        Axis("connections", "GET of 1 KiB, all connections at work", (10, 100, 1000),
             lambda rig, n: {}, requests(1000), "http_requests"),
        Axis("idle-connections", "GET of 1 KiB on 64 connections beside idle ones",
             (64, 1000, top), lambda rig, n: {}, requests(64), "http_requests",
             idle=lambda n: n - 64),
        Axis("workers", "full handshake, workers and client on the same CPUs", (1, 2),
             lambda rig, n: {"workers": list(range(os.cpu_count() - n, os.cpu_count()))},
             handshakes("ecdsa"), "tls_hs_done"),
    ]


class Growth:
    def __init__(self, args):
        self.args = args
        self.rig = Rig(os.environ.get("LOCKGATE_BIN_DIR", os.path.join(ROOT, "build/release")))
        self.peer = peers.Lockgate(self.rig)

    def measure(self, axis, size):
        """Cycles of an operation; an error ends the program, for there is nothing to compare."""
        self.peer.options = axis.options(self.rig, size)
        self.rig.queues(len(self.peer.options.get("workers", [0])))
        self.peer.start()
        idle = None
        try:
            if axis.idle(size):
                idle = gen.IdleConnections(self.rig, SITES["ecdsa"], axis.idle(size), 120)
            value = self.while_loaded(axis, size)
            if idle and idle.outcome.errors:
                raise RigError("%s %d: %s" % (axis.name, size, idle.outcome.first_error))
        finally:
            if idle:
                idle.end()
            self.peer.stop()
        say("  %-16s %8d %10s cycles" % (axis.name, size, report.number(value)))
        return value

    def while_loaded(self, axis, size):
        warm_up = 1 + (size / 500 if axis.name == "connections" else 0)
        outcome = []
        load = threading.Thread(target=lambda: outcome.append(
            axis.load(self.rig, size, warm_up + self.args.seconds + 1)))
        load.start()
        time.sleep(warm_up)
        before = self.look(axis)
        time.sleep(self.args.seconds)
        after = self.look(axis)
        load.join()
        if not outcome or outcome[0].errors:
            raise RigError("%s %d: %s" % (axis.name, size,
                                          outcome[0].first_error if outcome else "no load"))
        if after[0] == before[0]:
            raise RigError("%s %d: nothing was done in time" % (axis.name, size))
        return (after[1] - before[1]) / (after[0] - before[0])

    def look(self, axis):
        """(operations, cycles) so far."""
        stats = self.peer.ctl.stats()
        ran = account.run_seconds(self.peer.process.pid) + account.napi_seconds()
        return stats["totals"][axis.counter], ran * stats["tsc_hz"]

    def run(self):
        results = []
        chosen = [a for a in axes(peers.max_connections())
                  if not self.args.only or a.name in self.args.only.split(",")]
        try:
            self.rig.up()
            for axis in chosen:
                values = {n: [] for n in axis.sizes}
                for _ in range(self.args.rounds):
                    for n in axis.sizes:
                        values[n].append(self.measure(axis, n))
                base = series.median(values[axis.sizes[0]])
                results += [{"axis": axis.name, "title": axis.title, "size": n,
                             "cycles": series.median(v), "spread": [min(v), max(v)],
                             "growth": series.median(v) / base} for n, v in values.items()]
        finally:
            self.rig.down()
        return results


def table(results):
    rows = [["%(axis)s, %(title)s" % r, "{:,}".format(r["size"]),
             "%s (%s…%s)" % tuple(report.number(v) for v in [r["cycles"]] + r["spread"]),
             "%.2f" % r["growth"]] for r in results]
    return "\n".join(report.table(["axis", "size", "cycles an operation", "against the smallest"],
                                  rows))


def main():
    p = argparse.ArgumentParser(prog="bench/compare/growth.py")
    p.add_argument("--only", help="axes: " + ", ".join(a.name for a in axes(10000)))
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=2)
    p.add_argument("--json")
    args = p.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench/growth: network namespaces need root")
    go_first()
    try:
        results = Growth(args).run()
    except RigError as e:
        sys.exit("bench/growth: %s" % e)
    print(table(results))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(results, f, indent=1)


if __name__ == "__main__":
    main()
