#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""log_check.py FILE COUNT KEY=VALUE...: every line of FILE is a JSON object, and exactly COUNT of them
match; waits for it, at most five seconds. KEY~REGEX matches a part, KEY>NUMBER a larger number, and
KEY=null what is not there. Prints the first match, or what stands in the file."""
import json
import re
import sys
import time


def value(line, key):
    for part in key.split("/"):
        line = line.get(part) if isinstance(line, dict) else None
    return line


def matches(line, term):
    key, op, want = re.fullmatch(r"([\w/-]+)([=~>])(.*)", term, re.S).groups()
    got = value(line, key)
    if op == ">":
        return isinstance(got, int) and not isinstance(got, bool) and got > int(want)
    if op == "~":
        return isinstance(got, str) and re.search(want, got) is not None
    return json.dumps(got) == want or got == want


def read(path):
    with open(path, "rb") as f:
        raw = f.read()
    if raw and not raw.endswith(b"\n"):
        return None  # the last line is being written
    return [json.loads(text.decode("ascii"), parse_constant=lambda c: 1 / 0)
            for text in raw.split(b"\n")[:-1]]


def main():
    path, count, terms = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    end = time.monotonic() + 5
    while True:
        try:
            lines = read(path)
        except FileNotFoundError:
            lines = []
        found = [line for line in lines or [] if all(matches(line, t) for t in terms)]
        if lines is not None and len(found) == count:
            print(json.dumps(found[0]) if found else "none")
            return 0
        if time.monotonic() > end:
            print(f"{len(found)} lines match, expected {count}; the file:")
            for line in lines or []:
                print(json.dumps(line))
            return 1
        time.sleep(0.05)


sys.exit(main())
