# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers out of runs: medians, spreads, ratios, and what a run was limited by.

Pure functions; nothing here touches the machine (see tests/unit/bench/test_compare.py).
"""

# A CPU counts as full from here on; the rest is the kernel's housekeeping and sampling error.
FULL = 0.95
# A generator that is this busy may have been the limit.
GENERATOR_FULL = 0.90
# Somebody else's work, in CPUs, or time stolen by the host, beyond which a run is "disturbed".
DISTURBED = 0.05


def median(values):
    v = sorted(values)
    if not v:
        return None
    mid = len(v) // 2
    return v[mid] if len(v) % 2 else (v[mid - 1] + v[mid]) / 2


def mad(values):
    """Median absolute deviation from the median; None of nothing."""
    m = median(values)
    return None if m is None else median([abs(x - m) for x in values])


def percentile(values, q):
    """The smallest value that at least q of them (0 < q <= 1) do not exceed."""
    v = sorted(values)
    if not v:
        return None
    return v[max(0, -(-int(q * len(v) * 1_000_000) // 1_000_000) - 1)]


def limit_of(lb_busy, generator_busy, kind):
    """What kept a run from more: "server", "generator", "neither", or "rate" where a rate was asked.

    lb_busy, generator_busy in [0,1], of the proxy's CPU and of all others together. A full proxy is
    the server's limit also when the generator was full: more load would not have been served.
    """
    if kind == "rate":
        return "generator" if generator_busy >= GENERATOR_FULL else "rate"
    if kind == "memory":
        return "memory"
    if lb_busy >= FULL:
        return "server"
    return "generator" if generator_busy >= GENERATOR_FULL else "neither"


def worst_limit(limits):
    """One word for several runs: the first of generator, neither, and what else there was."""
    for word in ("generator", "neither"):
        if word in limits:
            return word
    return limits[0] if limits else None


def paired_ratios(ours, theirs, better):
    """[ratio, ...] run by run, above 1 where ours is better; runs that miss a side are left out."""
    pairs = [(a, b) for a, b in zip(ours, theirs) if a is not None and b is not None and a and b]
    return [a / b if better == "more" else b / a for a, b in pairs]


class Series:
    """The samples of one contender in one scenario, one a run; a run may have failed (None)."""

    def __init__(self):
        self.samples = []
        self.why = None  # why there is nothing, or nothing comparable

    def good(self):
        return [s for s in self.samples if s is not None and not s.errors]

    def has_errors(self):
        return any(s is not None and s.errors for s in self.samples)

    def first_error(self):
        return next((s.first_error for s in self.samples if s is not None and s.errors), None)

    def values(self):
        """One value a run, None where it failed, in the order of the runs."""
        return [None if s is None or s.errors else s.value for s in self.samples]

    def median(self):
        return median([s.value for s in self.good()])

    def spread(self):
        v = [s.value for s in self.good()]
        return [min(v), max(v)] if v else None

    def cycles(self):
        """Cycles of the proxy's CPU for one operation: sums over the runs, as ticks are coarse."""
        ops = sum(s.ops for s in self.good())
        return sum(s.lb_cycles for s in self.good()) / ops if ops else None

    def poll_cycles(self):
        polled = [s for s in self.good() if s.poll_cycles is not None]
        ops = sum(s.ops for s in polled)
        return sum(s.poll_cycles for s in polled) / ops if ops else None

    def limited_by(self):
        return worst_limit([s.limited_by for s in self.good()])

    def disturbed_cnt(self):
        return sum(s.foreign > DISTURBED or s.steal > DISTURBED for s in self.good())


def comparison(scenario, ours, theirs):
    """(ratio, [min, max], why not): a ratio only of runs without errors whose limit was the server.

    Where a rate or a memory was set and its effect measured, that is no limit.
    """
    for who, s in (("lockgate", ours), ("the peer", theirs)):
        if s is None or not s.samples or s.why:
            return None, None, "%s: %s" % (who, s.why if s and s.why else "did not run")
        if s.has_errors():
            return None, None, "%s had errors: %s" % (who, s.first_error())
        if s.limited_by() in ("generator", "neither"):
            what = "the generator" if s.limited_by() == "generator" else "neither CPU"
            return None, None, "%s was the limit against %s" % (what, who)
    ratios = paired_ratios(ours.values(), theirs.values(), scenario.better)
    if not ratios:
        return None, None, "no pair of runs"
    return median(ratios), [min(ratios), max(ratios)], None
