#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Adds up the results of meson test runs and prints `N passed, N failed[, N skipped]` last.

    results.py [--filtered] BUILD_DIR…

--filtered says that a run may hold no test, or a program no case, because the user picked some.

Each case of a googletest program counts as one test (from meson-logs/testlog.junit.xml); any other
program counts as one. What a program that crashed or ran out of time did not report is counted as one
failure: testlog.json, which meson writes by itself, is the authority on which programs went wrong.
Exits non-zero when something failed, when nothing ran, or when a run left no log.
"""
import json
import os
import sys
import xml.etree.ElementTree as et

BAD = {"FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS"}


def junit_cases(path):
    """Returns {program: [outcome, …]} of the googletest programs; outcome is (name, result)."""
    found = {}
    if not os.path.exists(path):
        return found
    for suite in et.parse(path).getroot().iter("testsuite"):
        for case in suite.iter("testcase"):
            result = "pass"
            if case.get("status") == "notrun" or case.find("skipped") is not None \
                    or case.get("result") in ("skipped", "suppressed"):
                result = "skip"
            if case.find("failure") is not None or case.find("error") is not None:
                result = "fail"
            name = "%s.%s" % (case.get("classname") or "", case.get("name"))
            found.setdefault(suite.get("name"), []).append((name, result))
    return found


def gtest_programs(build):
    with open(os.path.join(build, "meson-info", "intro-tests.json"), encoding="utf-8") as f:
        return {t["name"] for t in json.load(f) if t.get("protocol") == "gtest"}


def read(build, filtered):
    """Returns (passed, failed, skipped, [names of failures]) of one build directory."""
    logs = os.path.join(build, "meson-logs")
    preset = os.path.basename(build)
    log = os.path.join(logs, "testlog.json")
    if filtered and not os.path.exists(log):
        return 0, 0, 0, []
    gtest = gtest_programs(build)
    with open(log, encoding="utf-8") as f:
        programs = [json.loads(line) for line in f if line.strip()]
    junit = junit_cases(os.path.join(logs, "testlog.junit.xml"))
    passed = failed = skipped = 0
    names = []
    for program in programs:
        # In the log "NAME" or "project:suite / NAME"; in JUnit "project.THAT.GtestSuite".
        name = program["name"].split(" / ")[-1]
        cases = []
        for suite, list_ in junit.items():
            program_part = suite.partition(".")[2].rpartition(".")[0]
            if program_part.split(" / ")[-1] == name:
                cases += list_
        bad = program["result"] in BAD
        if not cases:
            if bad:
                failed += 1
                names.append("%s: %s (%s)" % (preset, name, program["result"].lower()))
            elif program["result"] == "SKIP":
                skipped += 1
            elif name in gtest:
                if not filtered:
                    failed += 1
                    names.append("%s: %s (reported no case)" % (preset, name))
            else:
                passed += 1
            continue
        failures = [n for n, r in cases if r == "fail"]
        passed += sum(r == "pass" for _, r in cases)
        skipped += sum(r == "skip" for _, r in cases)
        failed += len(failures)
        names += ["%s: %s %s" % (preset, name, n) for n in failures]
        if bad and not failures:  # a sanitizer report at exit, a crash after the last case, a timeout
            failed += 1
            names.append("%s: %s (%s)" % (preset, name, program["result"].lower()))
    return passed, failed, skipped, names


def main():
    passed = failed = skipped = 0
    names = []
    filtered = sys.argv[1:2] == ["--filtered"]
    for build in sys.argv[1 + filtered:]:
        try:
            p, f, s, n = read(build, filtered)
        except (OSError, ValueError, et.ParseError) as e:
            p, f, s, n = 0, 1, 0, ["%s: no results (%s)" % (os.path.basename(build), e)]
        passed, failed, skipped, names = passed + p, failed + f, skipped + s, names + n
    for n in names:
        print("FAILED " + n)
    line = "%d passed, %d failed" % (passed, failed)
    if skipped:
        line += ", %d skipped" % skipped
    print(line)
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
