# SPDX-License-Identifier: GPL-2.0-or-later
"""Manual pages, the JSON Schema and the example configurations, against the programs themselves."""
import copy
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import jsonschema
import yaml

BUILD, SOURCE = os.environ["BUILD"], os.environ["SOURCE"]
LOCKGATE = os.path.join(BUILD, "control/lockgate")
LOCKGATECTL = os.path.join(BUILD, "control/lockgatectl")
PAGES = {"lockgate.8": os.path.join(SOURCE, "docs/man/lockgate.8"),
         "lockgatectl.1": os.path.join(SOURCE, "docs/man/lockgatectl.1"),
         "lockgate.yaml.5": os.path.join(BUILD, "dist/lockgate.yaml.5")}
EXAMPLES = ("cloud", "bank", "relay", "tenants")


def run(*argv, **more):
    return subprocess.run(argv, check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60, **more)


def words_of(page):
    """A page's text as a reader sees it, on one line."""
    return re.sub(r"\s+", " ", run("mandoc", "-Tascii", PAGES[page]).stdout.replace("\b", "\0"))


def plain(page):
    return re.sub(r".\0", "", words_of(page))


class Man(unittest.TestCase):
    def test_PagesHaveNoFaults(self):
        for name, path in PAGES.items():
            r = run("mandoc", "-Tlint", "-W", "warning", path)
            self.assertEqual((r.returncode, r.stdout), (0, ""), name)

    @unittest.skipUnless(shutil.which("man"), "no man")
    def test_GroffHasNoWarnings(self):
        for name, path in PAGES.items():
            r = run("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path,
                    env=dict(os.environ, LC_ALL="C.UTF-8", MANROFFSEQ="", MANWIDTH="80"))
            warnings = [line for line in r.stdout.splitlines() if "warning" in line]
            self.assertEqual((r.returncode, warnings), (0, []), name)

    def test_EveryOptionHasItsPlace(self):
        text = plain("lockgate.8")
        options = set(re.findall(r"--[a-z-]+", run(LOCKGATE, "--help").stdout))
        self.assertGreater(len(options), 5)
        for option in options:
            self.assertIn(option, text)

    def test_EveryCommandHasItsPlace(self):
        text = plain("lockgatectl.1")
        said = run(LOCKGATECTL, "--help").stdout
        commands = re.findall(r"^  ([a-z][a-z-]*)", said.partition("COMMANDS")[2].partition("OPTIONS")[0],
                              re.M)
        self.assertGreater(len(commands), 10)
        for word in commands + re.findall(r"--[a-z-]+", said):
            self.assertIn(word, text)

    def test_EveryKeyHasItsPlace(self):
        text = plain("lockgate.yaml.5")
        with open(os.path.join(SOURCE, "config/schema.md"), encoding="utf-8") as f:
            keys = re.findall(r"^\| `([a-z_]+)` \|", f.read(), re.M)
        self.assertGreater(len(keys), 100)
        for key in keys:
            self.assertRegex(text, r"\b%s\b" % key)


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="lockgate-examples.")
        made = run(os.path.join(SOURCE, "config/examples/make-certs.sh"), cls.dir)
        assert made.returncode == 0, made.stdout
        cls.schema = json.loads(run(LOCKGATE, "--print-schema").stdout)
        cls.judge = jsonschema.Draft202012Validator(cls.schema)
        cls.examples = {}
        for name in EXAMPLES:
            with open(os.path.join(SOURCE, "config/examples", name + ".yaml"), encoding="utf-8") as f:
                text = f.read()
            # The user they name is made by sysusers.d, which has not run here.
            text = text.replace("user: lockgate", "user: root").replace("group: lockgate", "group: root")
            cls.examples[name] = yaml.safe_load(text)
            with open(os.path.join(cls.dir, name + ".yaml"), "w", encoding="utf-8") as f:
                f.write(text)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    def loads(self, name):
        return run(LOCKGATE, "-t", "-c", os.path.join(self.dir, name))

    def test_IsASchemaAndIsTheInstalledOne(self):
        jsonschema.Draft202012Validator.check_schema(self.schema)
        with open(os.path.join(BUILD, "dist/lockgate.schema.json"), encoding="utf-8") as f:
            self.assertEqual(json.load(f), self.schema)

    def test_ExamplesAreGoodForTheProgram(self):
        for name in EXAMPLES:
            r = self.loads(name + ".yaml")
            # Not a word beside: no warning either.
            self.assertEqual(r.stdout, "%s/%s.yaml: configuration is valid\n" % (self.dir, name))

    def test_TwinsOfMigratingAreGood(self):
        with open(os.path.join(SOURCE, "docs/migrating.md"), encoding="utf-8") as f:
            twins = re.findall(r"^```yaml\n(.*?)^```$", f.read(), re.M | re.S)
        self.assertEqual(len(twins), 2)
        files = {"site": "www", "clients-ca": "partners-ca", "clients": "partners-ca"}
        for text in twins:
            for theirs, ours in files.items():
                text = re.sub(r"/etc/tls/%s\.(\w+)" % theirs, r"tls/%s.\1" % ours, text)
            with open(os.path.join(self.dir, "twin.yaml"), "w", encoding="utf-8") as f:
                f.write(text)
            self.assertEqual(self.loads("twin.yaml").returncode, 0, self.loads("twin.yaml").stdout)
            self.assertTrue(self.judge.is_valid(yaml.safe_load(text)))

    def test_ExamplesAreGoodForTheSchema(self):
        for name, config in self.examples.items():
            self.assertEqual([e.message for e in self.judge.iter_errors(config)], [], name)

    def test_TakesWhatTheTestsOfTheProgramTake(self):
        with open(os.path.join(SOURCE, "tests/fuzz/corpus/config/good.yaml"), encoding="utf-8") as f:
            errors = [e.message for e in self.judge.iter_errors(yaml.safe_load(f))]
        self.assertEqual(errors, [])

    def test_TakesListsOfOneAndOtherSpellings(self):
        config = copy.deepcopy(self.examples["cloud"])
        config["listeners"][0]["bind"] = "203.0.113.10:443"
        config["global"].update(workers=[1], control_cpu=0, memory=1 << 30)
        config["listeners"][0]["tls"]["min_version"] = 1.3  # YAML without quotes
        config["routes"] = None
        self.assertEqual([e.message for e in self.judge.iter_errors(config)], [])

    def test_RefusesWhatTheProgramRefuses(self):
        faults = (
            (("global", "colour"), "blue"), (("global", "max_connections"), 0),
            (("global", "max_connections"), "many"), (("global", "idle"), "sometimes"),
            (("global", "memory"), "1 GB"), (("global", "drain_timeout"), 30),
            (("global", "drain_timeout"), "30"), (("global", "hugepages"), "perhaps"),
            (("global", "workers"), []), (("global", "source_ports"), "1024"),
            (("ports",), []), (("ports", 0, "device"), "eth1"),
            (("ports", 0, "addresses"), ["203.0.113.10"]), (("ports", 0, "mac"), "02:00"),
            (("pools", 0, "backends"), {}), (("pools", 0, "balance"), "random"),
            (("pools", 0, "backends", 0, "weight"), 257), (("pools", 0, "name"), "a b"),
            (("pools", 0, "health", "expect"), ["2xx"]),
            (("listeners", 0, "bind"), "203.0.113.10"), (("listeners", 0, "type"), "ftp"),
            (("listeners", 0, "tls", "certificates", 0, "cert"), None),
            (("listeners", 0, "routes", 0, "path"), "api"), (("routes", 0, "to"), "0.0.0.0"),
        )
        for path, value in faults:
            config = copy.deepcopy(self.examples["cloud"])
            at = config
            for key in path[:-1]:
                at = at[key]
            at[path[-1]] = value
            self.assertFalse(self.judge.is_valid(config), (path, value))
            with open(os.path.join(self.dir, "bad.yaml"), "w", encoding="utf-8") as f:
                yaml.safe_dump(config, f)
            self.assertEqual(self.loads("bad.yaml").returncode, 1, (path, value))

    def test_RefusesWhatLacksARequiredKey(self):
        for path in (("ports",), ("listeners",), ("pools", 0, "name"), ("listeners", 0, "type"),
                     ("listeners", 0, "tls", "certificates", 0, "key")):
            config = copy.deepcopy(self.examples["cloud"])
            at = config
            for key in path[:-1]:
                at = at[key]
            del at[path[-1]]
            self.assertFalse(self.judge.is_valid(config), path)


if __name__ == "__main__":
    unittest.main()
