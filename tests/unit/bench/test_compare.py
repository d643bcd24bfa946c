# SPDX-License-Identifier: GPL-2.0-or-later
"""bench/compare: what it refuses to compare, how it counts, and what it writes."""
import json
import unittest
import xml.etree.ElementTree as et
from types import SimpleNamespace

import account
import blast
import bounds
import generators
import plot
import report
import scenarios
import series


def sample(value, ops=100, limited_by="server", errors=0, first_error="", cycles=1e6, foreign=0.0):
    return SimpleNamespace(value=value, ops=ops, errors=errors, first_error=first_error,
                           limited_by=limited_by, lb_cycles=cycles, poll_cycles=None,
                           foreign=foreign, steal=0.0)


def series_of(*samples):
    s = series.Series()
    s.samples = list(samples)
    return s


SCENARIO = scenarios.Scenario("handshake-ecdsa", "full handshake", "1/s", None, op="handshake")
LESS = scenarios.Scenario("latency", "p99", "us", None, kind="rate", better="less")


def row_of(ours, haproxy, scenario=SCENARIO, bound_cycles=None, **more):
    row = report.Row(scenario, bound_cycles)
    row.series = {"lockgate": ours, "haproxy": haproxy, **more}
    return row


class Series(unittest.TestCase):
    def test_MedianOfEvenAndOdd(self):
        self.assertEqual(series.median([3, 1, 2]), 2)
        self.assertEqual(series.median([4, 1, 2, 3]), 2.5)
        self.assertIsNone(series.median([]))

    def test_MadIsNotMovedByOneOutlier(self):
        self.assertEqual(series.mad([10, 11, 9, 10, 1000]), 1)

    def test_PercentileIsAValueThatWasSeen(self):
        v = list(range(1, 101))
        self.assertEqual(series.percentile(v, 0.99), 99)
        self.assertEqual(series.percentile(v, 1), 100)
        self.assertEqual(series.percentile([7], 0.5), 7)

    def test_FullProxyIsTheLimitEvenWithAFullGenerator(self):
        self.assertEqual(series.limit_of(0.97, 0.99, "max"), "server")

    def test_FullGeneratorBeforeAnIdleProxyIsTheLimit(self):
        self.assertEqual(series.limit_of(0.60, 0.93, "max"), "generator")
        self.assertEqual(series.limit_of(0.50, 0.93, "rate"), "generator")

    def test_NeitherFullIsSaidSo(self):
        self.assertEqual(series.limit_of(0.75, 0.74, "max"), "neither")

    def test_OneRunLimitedByTheGeneratorMakesTheSeriesSo(self):
        s = series_of(sample(1), sample(1, limited_by="generator"), sample(1))
        self.assertEqual(s.limited_by(), "generator")

    def test_CyclesAreSummedOverTheRuns(self):
        s = series_of(sample(1, ops=100, cycles=1000), sample(1, ops=300, cycles=5000))
        self.assertEqual(s.cycles(), 15)

    def test_CountsDisturbedRuns(self):
        self.assertEqual(series_of(sample(1), sample(1, foreign=0.3)).disturbed_cnt(), 1)


class Refusal(unittest.TestCase):
    def test_RatioIsOfPairsOfRuns(self):
        r, spread, why = series.comparison(SCENARIO, series_of(sample(20), sample(40), sample(30)),
                                           series_of(sample(10), sample(10), sample(10)))
        self.assertEqual((r, spread, why), (3, [2, 4], None))

    def test_LessIsBetterTurnsTheRatioRound(self):
        r, _, _ = series.comparison(LESS, series_of(sample(5, limited_by="rate")),
                                    series_of(sample(10, limited_by="rate")))
        self.assertEqual(r, 2)

    def test_RefusesWhenARunHadErrors(self):
        bad = series_of(sample(20), sample(20, errors=3, first_error="connect 111"))
        for ours, theirs in ((bad, series_of(sample(1))), (series_of(sample(1)), bad)):
            r, _, why = series.comparison(SCENARIO, ours, theirs)
            self.assertIsNone(r)
            self.assertIn("connect 111", why)

    def test_RefusesWhenTheGeneratorWasTheLimit(self):
        r, _, why = series.comparison(SCENARIO, series_of(sample(20, limited_by="generator")),
                                      series_of(sample(10)))
        self.assertIsNone(r)
        self.assertIn("generator", why)

    def test_RefusesWhenNeitherCpuWasFull(self):
        r, _, why = series.comparison(SCENARIO, series_of(sample(20, limited_by="neither")),
                                      series_of(sample(10)))
        self.assertIsNone(r)
        self.assertIn("neither", why)

    def test_MissingPeerIsNullWithAReason(self):
        s = series.Series()
        s.why = "hitch is not installed"
        out = report.row_json(row_of(series_of(sample(2)), series_of(sample(1)), hitch=s), 1e9)
        self.assertIsNone(out["hitch"])
        self.assertEqual(out["missing"]["hitch"], "hitch is not installed")


class Account(unittest.TestCase):
    BEFORE = account.parse_stat("cpu  9 9 9 9\ncpu0 100 0 50 800 20 10 20 0\n"
                                "cpu1 0 0 0 1000 0 0 0 0\nintr 5\n")
    AFTER = account.parse_stat("cpu  9 9 9 9\ncpu0 130 0 70 840 20 15 25 0\n"
                               "cpu1 10 0 0 1070 10 0 5 5\n")

    def test_InterruptsAreBusyWaitingForDisksIsNot(self):
        busy, steal = account.busy_share(self.BEFORE, self.AFTER, [0])
        self.assertAlmostEqual(busy, 60 / 100)
        self.assertEqual(steal, 0)

    def test_StolenTimeIsSeen(self):
        busy, steal = account.busy_share(self.BEFORE, self.AFTER, [1])
        self.assertAlmostEqual(busy, 15 / 100)
        self.assertAlmostEqual(steal, 5 / 100)

    def test_NoTimeIsNoLoad(self):
        self.assertEqual(account.busy_share(self.BEFORE, self.BEFORE, [0, 1]), (0.0, 0.0))


class Generators(unittest.TestCase):
    def test_ReadsHandshakes(self):
        o = generators.parse_handshakes('{"handshakes": 100, "resumed": 0, "seconds": 2.0, "errors": 0,'
                                        ' "first_error": ""}', False)
        self.assertEqual((o.rate(), o.errors), (50, 0))

    def test_FullHandshakesAreNotTakenForResumedOnes(self):
        o = generators.parse_handshakes('{"handshakes": 100, "resumed": 40, "seconds": 2.0, "errors": 0,'
                                        ' "first_error": ""}', True)
        self.assertEqual(o.errors, 1)
        self.assertIn("60 of 100", o.first_error)

    def test_WrkErrorsAreCountedAndNamed(self):
        o = generators.parse_wrk('Running\n@{"ops": 10, "us": 500000, "connect": 0, "read": 2, "write": '
                                 '0, "status": 1, "timeout": 0}\n')
        self.assertEqual((o.rate(), o.errors, o.first_error), (20, 3, "2 read, 1 status"))

    def test_WrkThatSaysNothingIsAnError(self):
        self.assertEqual(generators.parse_wrk("unable to connect").errors, 1)

    def test_H2loadLatenciesOfGoodAnswersOnly(self):
        o = generators.parse_h2load("1\t200\t50\n2\t200\t70\n3\t502\t9\n",
                                    "finished in 2.00s, 1 req/s\nrequests: 3 total, 1 failed, 0 errored, "
                                    "0 timeout\n")
        self.assertEqual((o.ops, o.p99_us), (2, 70))
        self.assertEqual(o.errors, 2)


    def test_BlastSaysItselfHowBusyItWas(self):
        text = json.dumps({"ops": 10, "duration_s": 2.0, "error_cnt": 3, "gen_busy": 0.5,
                           "errors": {"reset": 2, "http_502": 1}, "latency_us": {"p99": 7.5},
                           "groups": [{"name": "a", "ops": 4, "latency_us": {"p99": 9.0}}]})
        o = blast.parse(text)
        self.assertEqual((o.rate(), o.errors, o.first_error, o.p99_us, o.generator_busy),
                         (5, 3, "1 http_502, 2 reset", 7.5, 0.5))
        self.assertEqual((blast.parse(text, "a").ops, blast.parse(text, "a").p99_us), (4, 9.0))


class Report(unittest.TestCase):
    def test_JsonHasTheFieldsThatWerePromised(self):
        row = row_of(series_of(sample(200)), series_of(sample(100)), bound_cycles=1e6)
        out = json.loads(json.dumps(report.row_json(row, 1e9)))
        for key in ("name", "unit", "lockgate", "haproxy", "nginx", "hitch", "ratio_haproxy", "bound",
                    "of_bound", "runs", "spread", "limited_by"):
            self.assertIn(key, out)
        self.assertEqual((out["ratio_haproxy"], out["bound"], out["of_bound"]), (2, 1000, 0.2))

    def test_MarkdownSaysWhyThereIsNoRatio(self):
        row = row_of(series_of(sample(200, limited_by="generator")), series_of(sample(100)))
        notes = []
        text = "\n".join(report.wire_table([row], 1e9, notes))
        self.assertIn("≥ 200", text)
        self.assertNotIn("2.00", text)
        self.assertTrue(any("no comparison with haproxy" in n for n in notes))

    def test_CyclesCompareWhereTheRateDoesNot(self):
        row = row_of(series_of(sample(200, limited_by="generator", cycles=1e5)),
                     series_of(sample(100, cycles=4e5)))
        self.assertEqual(row.cycle_ratio("haproxy"), 4)

    def test_NoCyclesOfRunsWithErrors(self):
        row = row_of(series_of(sample(200, errors=1)), series_of(sample(100)))
        self.assertIsNone(row.cycle_ratio("haproxy"))

    def test_NumbersAreRoundedToWhatCounts(self):
        self.assertEqual([report.number(v) for v in (None, 0.5, 12.34, 123.4, 1234.5, 123456.7)],
                         ["–", "0.50", "12.3", "123", "1,234", "123,000"])

    def test_SvgIsWellFormed(self):
        row = row_of(series_of(sample(200), sample(220)), series_of(sample(100), sample(100)))
        root = et.fromstring(plot.bars("a < b", "c & d", plot.of_rates([row])))
        self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")

    def test_BoundIsASumOfPrimitives(self):
        micro = {"x25519-keygen": 1, "x25519-agree": 2, "p256-sign": 4}
        self.assertEqual(bounds.cycles("handshake-ecdsa", micro), 7)
        self.assertIsNone(bounds.cycles("handshake-rsa", micro))
        self.assertIsNone(bounds.cycles(None, micro))


if __name__ == "__main__":
    unittest.main()
