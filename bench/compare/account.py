# SPDX-License-Identifier: GPL-2.0-or-later
"""Who used how much of which CPU, and how much memory.

The ruler is the same for all contenders: time of the proxy's CPU that was not idle (user, nice,
system, irq, softirq in /proc/stat), times the TSC's frequency. Nothing else runs on that CPU, and
the work the kernel does for the proxy is made to run there (rig.py), so it holds a kernel proxy's
system calls and softirq, and Lockgate's poll loop with AF_XDP's system calls, the receive threads of
its devices and their softirq. Lockgate naps when it has no work (idle: adaptive), so that its CPU too
is idle when it is; its empty turns are charged to it.

Beside it stands Lockgate's own count, the cycles of turns that found work (loop_busy_cycles), plus
the receive threads. That is the number for pollers that spin. A receive thread that interrupts a turn
is in it twice, so it is an upper bound.

The kernel here may sample by ticks: sums over several runs are compared, not single ones.
"""
import glob
import json
import os
import subprocess
import time

TICK_HZ = os.sysconf("SC_CLK_TCK")
BUSY = (0, 1, 2, 5, 6)  # user, nice, system, irq, softirq


def tsc_hz():
    """About the TSC's frequency; Lockgate's own figure replaces it as soon as it runs."""
    with open("/proc/cpuinfo", encoding="ascii") as f:
        mhz = [float(line.split(":")[1]) for line in f if line.startswith("cpu MHz")]
    return mhz[0] * 1e6


def parse_stat(text):
    """{cpu: [user, nice, system, idle, iowait, irq, softirq, steal]} in ticks."""
    cpus = {}
    for line in text.splitlines():
        words = line.split()
        if words and words[0].startswith("cpu") and words[0] != "cpu":
            cpus[int(words[0][3:])] = [int(w) for w in words[1:9]]
    return cpus


def busy_share(before, after, cpus):
    """(busy, steal) of these CPUs together, each in [0,1]."""
    all_ = busy = steal = 0
    for c in cpus:
        d = [b - a for a, b in zip(before[c], after[c])]
        all_ += sum(d)
        busy += sum(d[i] for i in BUSY)
        steal += d[7]
    return (busy / all_, steal / all_) if all_ else (0.0, 0.0)


def busy_seconds(before, after, cpu):
    return sum(after[cpu][i] - before[cpu][i] for i in BUSY) / TICK_HZ


def process_seconds(pid):
    """User and system seconds of a process, ended and waited-for children included."""
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as f:
            words = f.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(w) for w in words[11:15]) / TICK_HZ


def kernel_thread_pids(prefixes):
    pids = []
    for path in glob.glob("/proc/[0-9]*/comm"):
        try:
            with open(path, encoding="ascii", errors="replace") as f:
                if f.read().startswith(prefixes):
                    pids.append(int(path.split("/")[2]))
        except OSError:
            pass
    return pids


def napi_seconds():
    """Run time of the receive threads of Lockgate's devices, exact where the kernel has schedstat."""
    total = 0.0
    for pid in kernel_thread_pids(("napi/lg-",)):
        try:
            with open("/proc/%d/schedstat" % pid, encoding="ascii") as f:
                total += int(f.read().split()[0]) / 1e9
        except (OSError, ValueError, IndexError):
            total += process_seconds(pid)
    return total


def run_seconds(pid):
    """What all threads of a process have run, exact: time in which others ran instead is not in it."""
    total = 0.0
    for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
        try:
            with open(path, encoding="ascii") as f:
                total += int(f.read().split()[0]) / 1e9
        except (OSError, ValueError, IndexError):
            pass
    return total


def pss_bytes(pids):
    """Proportional set size of processes, hugepages included."""
    total = 0
    for pid in pids:
        with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
            for line in f:
                if line.startswith(("Pss:", "Private_Hugetlb:", "Shared_Hugetlb:")):
                    total += int(line.split()[1]) * 1024
    return total


def slab_bytes():
    """The kernel's own objects: sockets among them."""
    with open("/proc/meminfo", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Slab:")) * 1024


class Lockgatectl:
    def __init__(self, binary, socket):
        self.argv = [binary, "-s", socket, "stats"]

    def stats(self):
        """The whole of `lockgatectl stats`; None when nobody answers."""
        r = subprocess.run(self.argv, capture_output=True, text=True, check=False)
        return json.loads(r.stdout) if r.returncode == 0 else None


class Snapshot:
    """Everything that is read before and after a run."""

    def __init__(self, own_pids, ctl=None):
        self.time = time.monotonic()
        with open("/proc/stat", encoding="ascii") as f:
            self.cpus = parse_stat(f.read())
        # Our own: the proxy, the origin, this program and its ended children, the kernel's threads.
        self.own_seconds = (sum(process_seconds(p) for p in own_pids) + sum(os.times()[:4]) +
                            sum(process_seconds(p) for p in kernel_thread_pids(("napi/", "ksoftirqd/"))))
        self.napi_seconds = napi_seconds() if ctl else 0.0
        self.stats = ctl.stats() if ctl else None


class Usage:
    """What happened between two snapshots."""

    def __init__(self, before, after, lb_cpu, hz):
        others = [c for c in before.cpus if c != lb_cpu]
        self.seconds = after.time - before.time
        self.lb_busy, steal = busy_share(before.cpus, after.cpus, [lb_cpu])
        self.generator_busy, steal_others = busy_share(before.cpus, after.cpus, others)
        self.steal = max(steal, steal_others)
        self.lb_cycles = busy_seconds(before.cpus, after.cpus, lb_cpu) * hz
        # In tasks only: interrupts are nobody's.
        in_tasks = sum(after.cpus[c][i] - before.cpus[c][i] for c in before.cpus for i in (0, 1, 2))
        self.foreign = max(0.0, (in_tasks / TICK_HZ - (after.own_seconds - before.own_seconds)) /
                           max(self.seconds, 0.001))
        self.poll_cycles = None
        if before.stats and after.stats:
            loop = [s["totals"]["loop_busy_cycles"] for s in (before.stats, after.stats)]
            napi = after.napi_seconds - before.napi_seconds
            self.poll_cycles = loop[1] - loop[0] + napi * hz
