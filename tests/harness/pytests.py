#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the unittest cases of a folder and reports them the way googletest does, so that each counts
as one test (tools/results.py): pytests.py FOLDER [IMPORT_FOLDER…] [--gtest_output=xml:FILE], and
GTEST_FILTER."""
import fnmatch
import os
import sys
import unittest
from xml.sax.saxutils import quoteattr

sys.dont_write_bytecode = True


def cases(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from cases(item)
        else:
            yield item


def name_of(case):
    """Class and test, as in googletest: Series.IgnoresRunsWithErrors."""
    return type(case).__name__, case.id().rpartition(".")[2].replace("test_", "", 1)


def main():
    out = next((a[len("--gtest_output=xml:"):] for a in sys.argv if a.startswith("--gtest_output=xml:")),
               None)
    folders = [a for a in sys.argv[1:] if not a.startswith("--")]
    sys.path[:0] = folders[1:]
    patterns = os.environ.get("GTEST_FILTER", "*").split(":")
    chosen = [c for c in cases(unittest.defaultTestLoader.discover(folders[0]))
              if any(fnmatch.fnmatchcase(".".join(name_of(c)), p) for p in patterns)]
    result = unittest.TextTestRunner(verbosity=1).run(unittest.TestSuite(chosen))
    bad = {id(c): text for c, text in result.failures + result.errors}
    skipped = {id(c) for c, _ in result.skipped}
    if out:
        with open(out, "w", encoding="utf-8") as f:
            f.write('<testsuites tests="%d" failures="%d" name="AllTests">\n<testsuite name="%s" '
                    'tests="%d" failures="%d">\n' % (len(chosen), len(bad), os.path.basename(folders[0]),
                                                     len(chosen), len(bad)))
            for c in chosen:
                cls, name = name_of(c)
                f.write('<testcase name=%s classname=%s status="run" result="%s">%s</testcase>\n'
                        % (quoteattr(name), quoteattr(cls),
                           "skipped" if id(c) in skipped else "completed",
                           "<failure message=%s/>" % quoteattr(bad[id(c)]) if id(c) in bad else ""))
            f.write("</testsuite>\n</testsuites>\n")
    # What is no case's own failure (an import) must fail too.
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
