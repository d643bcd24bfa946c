# SPDX-License-Identifier: GPL-2.0-or-later
"""lockgate-blast and Lockgate on the links that need no network card: virtio-user with vhost between
them, and the bench over memif with its idle connections."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BIN = os.environ.get("LOCKGATE_BIN_DIR", os.path.join(ROOT, "build/release"))

CONFIG = """global: {workers: [%(cpu)d], idle: adaptive, memory: 256MiB, hugepages: false, max_connections: 1000,
         control_socket: %(dir)s/ctl.sock, file_prefix: lgv%(pid)d}
ports:
  - {name: front, device: "vdev:net_vhost0,iface=%(dir)s/front.sock,queues=1", addresses: [10.9.1.2/24]}
  - {name: back, device: "vdev:net_vhost1,iface=%(dir)s/back.sock,queues=1", addresses: [10.9.2.2/24]}
pools:
  - {name: web, backends: [{name: blast, address: "10.9.2.1:80"}]}
listeners:
  - name: site
    type: https
    bind: ["10.9.1.2:443"]
    pool: web
    tls: {certificates: [{cert: %(dir)s/pki/server-ecdsa.pem, key: %(dir)s/pki/server-ecdsa.key}]}
"""


@unittest.skipIf(os.geteuid() != 0, "needs root")
class Bench(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="lockgate-bench.")
        subprocess.run([os.path.join(ROOT, "tools/pki.sh"), self.dir + "/pki"], check=True,
                       stdout=subprocess.DEVNULL)

    def tearDown(self):
        shutil.rmtree(self.dir)

    def start_lockgate(self):
        with open(self.dir + "/lg.yaml", "w", encoding="ascii") as f:
            f.write(CONFIG % {"cpu": os.cpu_count() - 1, "dir": self.dir, "pid": os.getpid()})
        p = subprocess.Popen([BIN + "/control/lockgate", "-c", self.dir + "/lg.yaml"])
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and p.poll() is None:
            if os.path.exists(self.dir + "/back.sock") and subprocess.run(
                    [BIN + "/control/lockgatectl", "-s", self.dir + "/ctl.sock", "stats"], check=False,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
                return p
            time.sleep(0.1)
        p.kill()
        self.fail("Lockgate did not start")

    def test_BlastLoadsLockgateOverVirtioUser(self):
        lockgate = self.start_lockgate()
        try:
            out = self.dir + "/blast.json"
            r = subprocess.run(
                [BIN + "/bench/blast/lockgate-blast", "request", "--connections", "4", "--count", "500",
                 "--device", "vdev:net_virtio_user0,path=%s/front.sock,queues=1" % self.dir,
                 "--origin", "vdev:net_virtio_user1,path=%s/back.sock,queues=1,10.9.2.1/24:80" % self.dir,
                 "--address", "10.9.1.1/24", "--target", "10.9.1.2:443", "--no-huge", "--memory", "192MiB",
                 "--idle", "adaptive", "--cpu", "0", "--duration", "60s", "--warmup", "10ms",
                 "--file-prefix", "lgw%d" % os.getpid(), "--json", out], check=False, timeout=120)
            self.assertEqual(r.returncode, 0)
            with open(out, encoding="utf-8") as f:
                report = json.load(f)
            self.assertGreaterEqual(report["ops"], 500)
            self.assertEqual(report["error_cnt"], 0)
            self.assertGreaterEqual(report["origin"]["requests"], 500)
        finally:
            lockgate.terminate()
            lockgate.wait(60)

    def test_ACrowdIsHeldWhileOthersMakeRequests(self):
        out = self.dir + "/crowd.json"
        r = subprocess.run([sys.executable, os.path.join(ROOT, "bench/compare/crowd.py"), "--mutual", "--runs",
                            "1", "--seconds", "0.3", "--json", out, "300"], check=False, timeout=240,
                           env=dict(os.environ, LOCKGATE_BIN_DIR=BIN))
        self.assertEqual(r.returncode, 0)
        with open(out, encoding="utf-8") as f:
            held = json.load(f)
        self.assertEqual([c["connections"] for c in held], [300])
        self.assertGreater(held[0]["cycles"][0], 0)
