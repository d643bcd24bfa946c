# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmarks' own programs run, each once and without measuring: what they are built of changes
under their feet. Under sanitizers, too."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BIN = os.environ.get("LOCKGATE_BIN_DIR", os.path.join(ROOT, "build/release"))


class Smoke(unittest.TestCase):
    def setUp(self):
        self.pki = tempfile.mkdtemp(prefix="lockgate-smoke.")
        subprocess.run([os.path.join(ROOT, "tools/pki.sh"), self.pki], check=True, stdout=subprocess.DEVNULL)

    def tearDown(self):
        shutil.rmtree(self.pki)

    def micro(self, *words):
        # It frees nothing, by design: the leak checker has no say.
        env = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
        return subprocess.run([BIN + "/bench/micro/bench-micro", "--json", "--smoke", "--pki", self.pki] +
                              list(words), check=False, text=True, stdout=subprocess.PIPE, env=env)

    def test_EachMicroBenchmarkRuns(self):
        listed = self.micro("--list").stdout.splitlines()
        r = self.micro()
        self.assertEqual(r.returncode, 0)
        benches = json.loads(r.stdout)["benchmarks"]
        self.assertGreater(len(benches), 40)
        self.assertEqual([b["name"] for b in benches], [line.split()[1] for line in listed])
        for b in benches:
            self.assertGreater(b["least"], 0, b["name"])
