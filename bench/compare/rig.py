# SPDX-License-Identifier: GPL-2.0-or-later
"""The network of the comparison: three namespaces joined by two veth pairs (tools/netrig.sh), with
offloads and receive work where each contender is treated alike.

    client namespace, others' CPUs     proxy, last CPU               origin, others' CPUs
    front 10.91.1.1            <==>    lg-front   lg-back    <==>    back 10.91.2.10

A veth's receive work would run on the CPU of whoever sent, so each side would pay for the other. It
is brought to where it belongs: the client's and the origin's to the others' CPUs and a kernel
proxy's to its own by receive packet steering (RPS), the XDP program before Lockgate to Lockgate's CPU
by threaded NAPI.

Wire modes. "wire": no offload anywhere, frames of 1,514 bytes for all, as on a network. "native": a
kernel proxy has every offload a veth knows, so that packets of 64 KB without checksums pass; Lockgate
cannot have these, because attaching XDP takes software segmentation from the veth's peer.
"""
import glob
import os
import signal
import subprocess
import sys
import time

import account

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLIENT_IP, PROXY_IP, BACK_IP, ORIGIN_IP = "10.91.1.1", "10.91.1.2", "10.91.2.2", "10.91.2.10"
ORIGIN_IPS = (ORIGIN_IP, "10.91.2.11")


class RigError(Exception):
    """The rig, a proxy or a tool is not as it has to be: the run cannot go on."""


def go_first():
    """What is measured and what measures runs before other work on the machine, where we may. This
    process keeps off the proxy's CPU, and cleans up also when it is told to end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with open("/proc/self/autogroup", "w", encoding="ascii") as f:
            f.write("-15")
    except OSError:
        pass
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    except OSError:
        pass
    os.sched_setaffinity(0, range(os.cpu_count() - 1))


def wait_until(seconds, condition):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


class Rig:
    def __init__(self, binaries):
        self.bin = binaries
        self.id = "b%d" % os.getpid()
        self.dir = "/dev/shm/lockgate-bench.%d" % os.getpid()
        cpus = os.cpu_count()
        self.lb_cpu = cpus - 1
        self.other_cpus = "0" if cpus == 2 else "0-%d" % (cpus - 2)
        self.ns = {side: "lg-%s-%s" % (side, self.id) for side in ("client", "gate", "origin")}
        self.origin = None

    # ------------------------------------------------------------ running things

    def argv_in(self, side, argv, cpus=None):
        pin = ["taskset", "-c", str(cpus)] if cpus is not None else []
        return ["ip", "netns", "exec", self.ns[side]] + pin + [str(a) for a in argv]

    def run_in(self, side, argv, **kw):
        return subprocess.run(self.argv_in(side, argv, kw.pop("cpus", None)), check=False, text=True,
                              capture_output=True, **kw)

    def start_in(self, side, argv, log, cpus=None, **kw):
        with open(log, "w", encoding="utf-8") as f:
            return subprocess.Popen(self.argv_in(side, argv, cpus), stdout=f, stderr=f, **kw)

    def shell(self, text):
        """Runs bash with the functions of tools/netrig.sh."""
        head = ". %s/tools/lib.sh; . %s/tools/netrig.sh; net_names %s; " % (ROOT, ROOT, self.id)
        return subprocess.run(["bash", "-c", head + text], check=False, text=True,
                              capture_output=True)

    @staticmethod
    def end(process, patience=10):
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    # ------------------------------------------------------------ up and down

    def up(self):
        os.mkdir(self.dir, 0o755)
        for cmd in ([os.path.join(ROOT, "tools/pki.sh"), self.path("pki")],
                    ["chmod", "-R", "a+rX", self.path("pki")]):
            r = subprocess.run(cmd, check=False, text=True, capture_output=True)
            if r.returncode:
                raise RigError("%s: %s" % (cmd[0], r.stderr))
        r = self.shell("net_up %s && origin_files %s && origin_conf %s 80 >%s" %
                       (self.id, self.dir, self.dir, self.path("origin.conf")))
        if r.returncode:
            raise RigError("the network namespaces could not be made: %s" % r.stderr)
        self.steer()
        os.makedirs(self.path("tmp-body"), exist_ok=True)
        self.origin = self.start_in("origin", ["nginx", "-c", self.path("origin.conf")],
                                    self.path("origin.log"), self.other_cpus)
        url = "http://%s/1k" % ORIGIN_IP
        if not wait_until(10, lambda: self.run_in("origin", ["curl", "-sf", "-o", "/dev/null", url])
                          .returncode == 0):
            raise RigError("the origin does not answer")

    def down(self):
        self.end(self.origin)
        self.shell("net_down %s" % self.id)
        subprocess.run(["rm", "-rf", self.dir], check=False)

    def path(self, *name):
        return os.path.join(self.dir, *name)

    def origin_pids(self):
        return self.tree(self.origin)

    @staticmethod
    def tree(process):
        """The process and its children: nginx and hitch have workers."""
        if process is None:
            return []
        pids = [process.pid]
        for path in glob.glob("/proc/%d/task/*/children" % process.pid):
            with open(path, encoding="ascii") as f:
                pids += [int(w) for w in f.read().split()]
        return pids

    # ------------------------------------------------------------ offloads and steering

    def offloads(self, on):
        word = "on" if on else "off"
        for side, dev in (("client", "front"), ("gate", "lg-front"), ("gate", "lg-back"),
                          ("origin", "back")):
            argv = ["ethtool", "-K", dev]
            for feature in ("tx", "rx", "tso", "gso", "gro"):
                argv += [feature, word]
            self.run_in(side, argv)

    def queues(self, count):
        """Queues of the proxy's devices: one for each of Lockgate's workers."""
        for dev in ("lg-front", "lg-back"):
            self.run_in("gate", ["ethtool", "-L", dev, "rx", count, "tx", count])

    def steer(self):
        proxy = "%x" % (1 << self.lb_cpu)
        others = "%x" % ((1 << self.lb_cpu) - 1)
        for side, dev, mask in (("client", "front", others), ("origin", "back", others),
                                ("gate", "lg-front", proxy), ("gate", "lg-back", proxy)):
            self.run_in(side, ["sh", "-c", "for q in /sys/class/net/%s/queues/rx-*; do echo %s "
                               ">$q/rps_cpus; done" % (dev, mask)])

    def thread_napi(self, side, dev, cpu):
        """Receive work of a device, its XDP program included, is done by a thread on that CPU from
        now on. False: there is no program yet, and so nothing to thread."""
        r = self.run_in(side, ["sh", "-c", "echo 1 >/sys/class/net/%s/threaded" % dev])
        pids = account.kernel_thread_pids(("napi/%s-" % dev,)) if r.returncode == 0 else []
        for pid in pids:
            subprocess.run(["taskset", "-pc", str(cpu), str(pid)], check=False, capture_output=True)
            # At once, as softirq would, and not when the process beside it has used its slice.
            subprocess.run(["chrt", "-f", "-p", "1", str(pid)], check=False, capture_output=True)
        return bool(pids)

    def pin_xdp(self):
        """The receive work of lg-front and lg-back goes to the proxy's CPU."""
        for dev in ("lg-front", "lg-back"):
            if not self.thread_napi("gate", dev, self.lb_cpu):
                raise RigError("the XDP program's work on %s could not be pinned" % dev)

    def move_origin(self, side):
        """The origin's device goes to the client's namespace, where one process can serve both, or
        back to its own."""
        away = "origin" if side == "client" else "client"
        cmds = [["-n", self.ns[away], "link", "set", "back", "netns", self.ns[side]]]
        if side == "origin":
            cmds += [["-n", self.ns[side], "addr", "add", ip + "/24", "dev", "back"]
                     for ip in ORIGIN_IPS]
        cmds.append(["-n", self.ns[side], "link", "set", "back", "up"])
        for cmd in cmds:
            r = subprocess.run(["ip"] + cmd, check=False, text=True, capture_output=True)
            if r.returncode:
                raise RigError("ip %s: %s" % (" ".join(cmd), r.stderr))

    def kernel_address(self, add):
        """The proxy's addresses are the kernel's only while a kernel proxy runs."""
        word = "add" if add else "del"
        for ip, dev in ((PROXY_IP, "lg-front"), (BACK_IP, "lg-back")):
            subprocess.run(["ip", "-n", self.ns["gate"], "addr", word, ip + "/24", "dev", dev],
                           check=False, capture_output=True)
