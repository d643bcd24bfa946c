# SPDX-License-Identifier: GPL-2.0-or-later
"""bench/micro: bounds and the comparison with a baseline."""
import unittest

import micro

BENCHES = [{"name": "a", "cycles": 110.0, "least": 100.0, "bound": ""},
           {"name": "b", "cycles": 60.0, "least": 50.0, "bound": ""},
           {"name": "whole", "cycles": 330.0, "least": 300.0, "bound": "a+b"}]


class Micro(unittest.TestCase):
    def test_BoundIsTheSumOfItsParts(self):
        by_name = {b["name"]: b for b in BENCHES}
        self.assertEqual(micro.bound_of(BENCHES[2], by_name, "least"), 150)
        self.assertIsNone(micro.bound_of(BENCHES[0], by_name, "least"))

    def test_NoBoundWhereAPartWasNotMeasured(self):
        self.assertIsNone(micro.bound_of(BENCHES[2], {"a": BENCHES[0]}, "least"))

    def test_TableShowsHowMuchOfTheBound(self):
        self.assertIn("50 %", micro.table(BENCHES, 1e9))

    def test_OnlyWhatBecameMuchSlowerIsARegression(self):
        baseline = [{"name": "a", "least": 95.0}, {"name": "b", "least": 40.0},
                    {"name": "gone", "least": 1.0}]
        self.assertEqual(micro.regressions(BENCHES, baseline), [("b", 40.0, 50.0)])
