# SPDX-License-Identifier: GPL-2.0-or-later
"""lockgate-blast as the generator: client and origin in one thread on the others' CPU, AF_XDP on both
veths. It is preferred where frames are those of a wire: it needs less CPU than the common tools, says how
busy it was itself, and checks what comes. Two things make its handshakes cheap, for all contenders alike:
a key share serves for a second, and the server's signature is not checked.
"""
import json
import os
import subprocess
import time

from generators import Outcome
from peers import has_huge
from rig import CLIENT_IP, ORIGIN_IP, PROXY_IP, RigError, wait_until

MEMORY_MIB = 256
WARM_UP = 0.6  # seconds
DEVICES = ("front", "back")


def binary(rig):
    return rig.bin + "/bench/blast/lockgate-blast"


def is_there(rig):
    return os.access(binary(rig), os.X_OK)


def parse(text, group=None):
    """Outcome of a report; of one group of it, if named."""
    r = json.loads(text)
    whole = r
    if group:
        r = next(g for g in r["groups"] if g["name"] == group)
    kinds = ", ".join("%d %s" % (n, kind) for kind, n in sorted(whole["errors"].items()))
    lat = r.get("latency_us") or {}
    return Outcome(r["ops"], whole["duration_s"], whole["error_cnt"], kinds,
                   p99_us=lat.get("p99"), generator_busy=whole["gen_busy"])


class Blast:
    """The same loads as generators.KernelTools."""

    name = "lockgate-blast"

    def __init__(self, rig):
        self.rig = rig
        self.mark = lambda pids: None  # called twice within the measured time

    def argv(self, scenario, seconds, site=None):
        argv = [binary(self.rig)] + scenario
        argv += ["--device", "af_xdp:front", "--address", CLIENT_IP + "/24",
                 "--origin", "af_xdp:back,%s/24:80" % ORIGIN_IP,
                 "--duration", "%gms" % (1000 * seconds), "--warmup", "%gms" % (1000 * WARM_UP),
                 # Spinning, it would take the CPU from its own devices' receive threads.
                 "--cpu", "0", "--idle", "adaptive",
                 "--reuse-key-share", "--skip-signature", "--memory", "%dMiB" % MEMORY_MIB,
                 "--file-prefix", "blast" + self.rig.id, "--json", self.rig.path("blast.json")]
        if has_huge(MEMORY_MIB) == "false":
            argv.append("--no-huge")
        if site:
            argv += ["--target", "%s:%d" % (PROXY_IP, site.port), "--sni", "shop.example", "--tls",
                     site.version]
            if site.mutual:
                argv += ["--cert", self.rig.path("pki/alice.pem"), "--key",
                         self.rig.path("pki/alice.key")]
        return argv

    def run(self, argv, seconds, group=None):
        out = self.rig.path("blast.json")
        if os.path.exists(out):
            os.unlink(out)
        # The origin's device is in another namespace than the client's: it is moved there and back.
        self.rig.move_origin("client")
        try:
            p = subprocess.Popen(self.rig.argv_in("client", argv, self.rig.other_cpus), text=True, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT)
            wait_until(3, lambda: p.poll() is not None or all(
                [self.rig.thread_napi("client", dev, self.rig.other_cpus) for dev in DEVICES]))
            # Within what is measured: the warm-up is over, and the end has not come.
            for pause in (WARM_UP + 0.2, max(0.5, seconds - 0.4)):
                time.sleep(pause)
                self.mark([p.pid])
            text = p.communicate()[0]
        finally:
            self.rig.move_origin("origin")
        if not os.path.exists(out):
            raise RigError("lockgate-blast ended with %d: %s" % (p.returncode, text[-500:]))
        with open(out, encoding="utf-8") as f:
            return parse(f.read(), group)

    def handshakes(self, site, seconds, connections=64, resume=False):
        scenario = ["resume" if resume else "handshake", "--connections", str(connections)]
        return self.run(self.argv(scenario, seconds, site), seconds)

    def requests(self, site, seconds, connections):
        return self.run(self.argv(["request", "--size", "1KiB", "--connections", str(connections)],
                                  seconds, site), seconds)

    def download(self, site, seconds, connections):
        return self.run(self.argv(["download", "--connections", str(connections)], seconds, site),
                        seconds)

    def upload(self, site, seconds, connections):
        return self.run(self.argv(["upload", "--connections", str(connections)], seconds, site),
                        seconds)

    def latency(self, site, seconds, per_second, connections):
        return self.run(self.argv(["request", "--size", "1KiB", "--connections", str(connections),
                                   "--rate", "%d" % per_second], seconds, site), seconds)

    def storm(self, site, seconds):
        """Latency of 200 requests a second while handshakes are made as fast as they go."""
        path = self.rig.path("storm.yaml")
        with open(path, "w", encoding="ascii") as f:
            f.write("groups:\n"
                    "  - {name: established, scenario: request, connections: 4, rate: 200, size: 1KiB}\n"
                    "  - {name: storm, scenario: handshake, connections: 64}\n")
        return self.run(self.argv(["--file", path], seconds, site), seconds, "established")
