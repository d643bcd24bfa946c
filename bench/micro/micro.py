#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs bench-micro and prints a table: cycles by stage, beside the bound where there is one.

    bench/micro/micro.py [--quick] [--memif] [--json FILE] [--compare] [--save] [GROUP or NAME ...]

--compare  against the committed baseline of this CPU model (baseline/VENDOR-FAMILY-MODEL.json); says
           what has become slower by more than 10 %. For developers: a machine's mood is not a test.
--save     writes that baseline; of a quiet machine, and in a commit that says why.
--memif    also the rate of a memif, which starts DPDK.

Shown are the median of the batches and the least; compared is the least, which other work on the
machine disturbs least.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SLOWER = 1.10


def cpu_model():
    """VENDOR-FAMILY-MODEL of /proc/cpuinfo: AuthenticAMD-25-17."""
    want = {"vendor_id": "", "cpu family": "", "model": ""}
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        for line in f:
            key, _, value = line.partition(":")
            if key.strip() in want and not want[key.strip()]:
                want[key.strip()] = value.strip()
    return "-".join(want.values())


def baseline_path():
    return os.path.join(HERE, "baseline", cpu_model() + ".json")


def bound_of(bench, by_name, field):
    """Sum of what the benchmark is bound by; None where there is no bound or it was not measured."""
    names = bench["bound"].split("+") if bench["bound"] else []
    if not names or any(n not in by_name for n in names):
        return None
    return sum(by_name[n][field] for n in names)


def table(benches, hz):
    by_name = {b["name"]: b for b in benches}
    out = ["| %-22s | %12s | %12s | %12s | %12s | %8s |" %
           ("", "cycles", "least", "a second", "bound", "of bound"),
           "|%s|" % "|".join(["---"] * 6)]
    for b in benches:
        bound = bound_of(b, by_name, "least")
        out.append("| %-22s | %12s | %12s | %12s | %12s | %8s |" % (
            b["name"], "{:,.0f}".format(b["cycles"]), "{:,.0f}".format(b["least"]),
            "{:,.0f}".format(hz / b["cycles"]), "{:,.0f}".format(bound) if bound else "",
            "%.0f %%" % (100 * bound / b["least"]) if bound else ""))
    return "\n".join(out)


def regressions(benches, baseline):
    """[(name, cycles then, cycles now), ...] of what has become slower."""
    old = {b["name"]: b["least"] for b in baseline}
    return [(b["name"], old[b["name"]], b["least"]) for b in benches
            if b["name"] in old and b["least"] > SLOWER * old[b["name"]]]


def measure(args):
    binary = os.path.join(os.environ.get("LOCKGATE_BIN_DIR", os.path.join(ROOT, "build/release")),
                          "bench/micro/bench-micro")
    pki = tempfile.mkdtemp(prefix="lockgate-micro.")
    try:
        subprocess.run([os.path.join(ROOT, "tools/pki.sh"), pki], check=True, stdout=subprocess.DEVNULL)
        argv = [binary, "--json", "--pki", pki]
        argv += [o for o, on in (("--quick", args.quick), ("--memif", args.memif)) if on]
        r = subprocess.run(argv + args.names, check=False, text=True, stdout=subprocess.PIPE)
        if r.returncode:
            sys.exit("bench/micro: bench-micro ended with %d" % r.returncode)
        return json.loads(r.stdout)
    finally:
        shutil.rmtree(pki)


def main():
    p = argparse.ArgumentParser(prog="bench/micro")
    p.add_argument("--quick", action="store_true")
    p.add_argument("--memif", action="store_true")
    p.add_argument("--json")
    p.add_argument("--compare", action="store_true")
    p.add_argument("--save", action="store_true")
    p.add_argument("names", nargs="*")
    args = p.parse_args()
    result = measure(args)
    benches = result["benchmarks"]
    if not benches:
        sys.exit("bench/micro: no such benchmark; build/release/bench/micro/bench-micro --list")
    print(table(benches, result["tsc_hz"]))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(dict(result, cpu=cpu_model()), f, indent=1)
    if args.compare:
        if not os.path.exists(baseline_path()):
            sys.exit("bench/micro: no baseline of this CPU yet: %s (--save makes it)" %
                     os.path.relpath(baseline_path(), ROOT))
        with open(baseline_path(), encoding="utf-8") as f:
            slower = regressions(benches, json.load(f)["benchmarks"])
        for name, then, now in slower:
            print("slower: %s: %.0f cycles, were %.0f (%+.0f %%)" %
                  (name, now, then, 100 * (now / then - 1)))
        print("%d of %d are slower than the baseline by more than %.0f %%" %
              (len(slower), len(benches), 100 * (SLOWER - 1)))
    if args.save:
        keep = [{k: b[k] for k in ("name", "cycles", "least")} for b in benches]
        with open(baseline_path(), "w", encoding="utf-8") as f:
            f.write('{"cpu": "%s", "benchmarks": [\n' % cpu_model())
            f.write(",\n".join(json.dumps(b) for b in keep) + "\n]}\n")


if __name__ == "__main__":
    main()
