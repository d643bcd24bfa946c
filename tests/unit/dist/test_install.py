# SPDX-License-Identifier: GPL-2.0-or-later
"""meson install into a folder, and what systemd and logrotate think of what is there."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

BUILD, SOURCE = os.environ["BUILD"], os.environ["SOURCE"]
HAS_SYSTEMD = shutil.which("systemd-analyze") is not None


def run(*argv, **more):
    return subprocess.run(argv, check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60, **more)


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="lockgate-install.")
        cls.done = run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", cls.root)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.root)

    def path(self, name):
        return os.path.join(self.root, "usr/local", name)

    def unit(self):
        """The installed unit, with the programs where they are in this folder."""
        with open(self.path("lib/systemd/system/lockgate.service"), encoding="utf-8") as f:
            text = f.read()
        self.assertIn("ExecStart=/usr/local/sbin/lockgate -c /etc/lockgate.yaml\n", text)
        self.assertIn("ExecReload=/usr/local/bin/lockgatectl -s ", text)
        name = os.path.join(self.root, "lockgate.service")
        with open(name, "w", encoding="utf-8") as f:
            f.write(text.replace("=/usr/local/", "=%s/usr/local/" % self.root))
        return name

    def test_PutsEverythingInItsPlace(self):
        self.assertEqual(self.done.returncode, 0, self.done.stdout)
        for name in ("sbin/lockgate", "bin/lockgatectl", "bin/lockgate-blast"):
            self.assertTrue(os.access(self.path(name), os.X_OK), name)
        for name in ("lib/systemd/system/lockgate.service", "lib/sysusers.d/lockgate.conf",
                     "lib/tmpfiles.d/lockgate.conf", "share/doc/lockgate/README.md",
                     "share/doc/lockgate/examples/logrotate", "share/doc/lockgate/examples/bank.yaml",
                     "share/man/man5/lockgate.yaml.5", "share/man/man8/lockgate.8",
                     "share/lockgate/lockgate.schema.json"):
            self.assertTrue(os.path.isfile(self.path(name)), name)
        self.assertTrue(os.access(self.path("share/doc/lockgate/examples/make-certs.sh"), os.X_OK))

    def test_InstalledProgramsRun(self):
        for name, argument in (("sbin/lockgate", "--version"), ("bin/lockgatectl", "--help"),
                               ("bin/lockgate-blast", "--help")):
            r = run(self.path(name), argument)
            self.assertEqual(r.returncode, 0, r.stdout)

    @unittest.skipUnless(HAS_SYSTEMD, "no systemd-analyze")
    def test_UnitIsVerifiedBySystemd(self):
        r = run("systemd-analyze", "verify", "--man=no", self.unit())
        own = [line for line in r.stdout.splitlines() if "lockgate" in line]
        self.assertEqual((r.returncode, own), (0, []), r.stdout)

    @unittest.skipUnless(HAS_SYSTEMD, "no systemd-analyze")
    def test_UnitIsHardened(self):
        r = run("systemd-analyze", "security", "--offline=true", "--threshold=40", self.unit())
        self.assertEqual(r.returncode, 0, r.stdout)
        score = re.search(r"exposure level for lockgate.service: ([0-9.]+)", r.stdout)
        self.assertLess(float(score.group(1)), 4.0)

    @unittest.skipUnless(shutil.which("systemd-sysusers"), "no systemd-sysusers")
    def test_UserIsUnderstoodBySysusers(self):
        r = run("systemd-sysusers", "--dry-run", self.path("lib/sysusers.d/lockgate.conf"))
        self.assertEqual(r.returncode, 0, r.stdout)

    @unittest.skipUnless(shutil.which("logrotate"), "no logrotate")
    def test_LogrotateRotates(self):
        logs = os.path.join(self.root, "logs")
        os.makedirs(logs, exist_ok=True)
        with open(self.path("share/doc/lockgate/examples/logrotate"), encoding="utf-8") as f:
            text = f.read()
        self.assertIn("systemctl kill --kill-who=main -s USR1 lockgate.service", text)
        text = text.replace("/var/log/lockgate", logs).replace("root lockgate", "root root")
        text = text.replace("lockgate lockgate", "root root")
        text = text.replace("systemctl kill --kill-who=main -s USR1 lockgate.service",
                            "touch %s/signalled" % logs)
        conf = os.path.join(self.root, "logrotate.conf")
        with open(conf, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(conf, 0o644)
        os.chmod(logs, 0o755)
        with open(logs + "/access.log", "w", encoding="utf-8") as f:
            f.write("a line\n")
        r = run("logrotate", "--force", "--state", self.root + "/state", conf)
        self.assertEqual(r.returncode, 0, r.stdout)
        self.assertTrue(os.path.exists(logs + "/signalled"))
        self.assertEqual(os.path.getsize(logs + "/access.log"), 0)


if __name__ == "__main__":
    unittest.main()
