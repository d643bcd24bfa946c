# SPDX-License-Identifier: GPL-2.0-or-later
"""Results as JSON and as Markdown."""
import series

PEERS = ("haproxy", "nginx", "hitch")
LIMIT_NOTES = {
    "generator": "the generator was the limit; a lower bound.",
    "neither": "neither CPU was full; a lower bound.",
    "rate": "the generator's CPU was full: its own waiting may be in the value; an upper bound.",
}


class Row:
    """One scenario of one run of the program: a Series for each contender."""

    def __init__(self, scenario, bound_cycles=None):
        self.scenario = scenario
        self.series = {}
        self.bound_cycles = bound_cycles

    def of(self, name):
        return self.series.get(name)

    def value(self, name):
        s = self.of(name)
        return s.median() if s and not s.has_errors() else None

    def why(self, name):
        """Why there is no value."""
        s = self.of(name)
        if s is None:
            return "did not run"
        if s.has_errors():
            return "errors: %s" % s.first_error()
        return s.why or (None if s.good() else "no result")

    def bound(self, hz):
        return hz / self.bound_cycles if self.bound_cycles and hz else None

    def ratio(self, peer):
        return series.comparison(self.scenario, self.of("lockgate"), self.of(peer))

    def cycle_ratio(self, peer):
        """How many of the peer's cycles one of ours replaces; also where the rates do not compare."""
        ours, theirs = self.of("lockgate"), self.of(peer)
        if not ours or not theirs or ours.has_errors() or theirs.has_errors():
            return None
        a, b = ours.cycles(), theirs.cycles()
        return b / a if a and b and self.scenario.kind == "max" else None


def row_json(row, hz):
    s, names = row.scenario, sorted(row.series)
    ratio, spread, why = row.ratio("haproxy")
    bound, ours = row.bound(hz), row.value("lockgate")
    out = {"name": s.name, "title": s.title, "unit": s.unit, "better": s.better,
           "lockgate": ours, "haproxy": row.value("haproxy"), "nginx": row.value("nginx"),
           "hitch": row.value("hitch"), "haproxy_native": row.value("haproxy-native"),
           "nginx_native": row.value("nginx-native"),
           "ratio_haproxy": ratio, "ratio_spread": spread, "no_ratio_because": why,
           "ratio_haproxy_native": row.ratio("haproxy-native")[0],
           "bound": bound, "of_bound": ours / bound if ours and bound else None,
           "runs": max((len(row.series[n].samples) for n in names), default=0),
           "spread": {n: row.series[n].spread() for n in names},
           "mad": {n: series.mad([x.value for x in row.series[n].good()]) for n in names},
           "limited_by": {n: row.series[n].limited_by() for n in names},
           "cycles": {n: row.series[n].cycles() for n in names} if s.kind == "max" else None,
           "cycles_ratio_haproxy": row.cycle_ratio("haproxy"),
           "poll_cycles": row.of("lockgate").poll_cycles() if row.of("lockgate") else None,
           "disturbed": {n: row.series[n].disturbed_cnt() for n in names},
           "missing": {n: row.why(n) for n in names if row.value(n) is None}}
    return out


def number(v):
    """Three figures that count, no more."""
    if v is None:
        return "–"
    if abs(v) >= 1000:
        digits = len(str(int(abs(v))))
        return "{:,}".format(int(round(v, 3 - digits)) if digits > 4 else round(v))
    if abs(v) >= 100:
        return "%.0f" % v
    return "%.1f" % v if abs(v) >= 10 else "%.2f" % v


def cell(row, name, notes):
    v = row.value(name)
    if v is None:
        if row.of(name):
            notes.append("%s, %s: %s." % (row.scenario.name, name, row.why(name)))
        return "–"
    s = row.of(name)
    text = number(v)
    if len(s.good()) > 1:
        text += " (%s…%s)" % tuple(number(x) for x in s.spread())
    if s.limited_by() in ("generator", "neither"):
        text = ("≥ " if row.scenario.better == "more" else "≤ ") + text
        notes.append("%s, %s: %s" % (row.scenario.name, name, LIMIT_NOTES[
            "rate" if row.scenario.kind == "rate" else s.limited_by()]))
    return text


def ratio_cell(row, peer, notes):
    ratio, spread, why = row.ratio(peer)
    if ratio is None:
        if row.of(peer):
            notes.append("%s: no comparison with %s: %s." %
                         (row.scenario.name, peer, why))
        return "–"
    return "%.2f (%.2f…%.2f)" % (ratio, spread[0], spread[1])


def table(head, rows):
    return ["| %s |" % " | ".join(head), "|%s|" % "|".join("---" for _ in head)] + [
        "| %s |" % " | ".join(r) for r in rows]


def wire_table(rows, hz, notes):
    out = []
    for row in rows:
        s = row.scenario
        bound, ours = row.bound(hz), row.value("lockgate")
        out.append(["%s, %s" % (s.title, s.unit), cell(row, "lockgate", notes)] +
                   [cell(row, p, notes) for p in PEERS] +
                   [ratio_cell(row, "haproxy", notes),
                    "%s (%.0f %%)" % (number(bound), 100 * ours / bound) if bound and ours else
                    number(bound)])
    return table(["", "Lockgate", "HAProxy", "nginx", "hitch", "ratio to HAProxy", "bound"], out)


def cycle_table(rows):
    out = []
    for row in rows:
        if row.scenario.kind != "max":
            continue
        cost = [row.of(n).cycles() if row.of(n) and not row.of(n).has_errors() else None
                for n in ("lockgate",) + PEERS]
        poll = row.of("lockgate").poll_cycles() if row.of("lockgate") else None
        ratio = row.cycle_ratio("haproxy")
        out.append([row.scenario.name + ", a " + row.scenario.op] + [number(c) for c in cost] +
                   ["%.2f" % ratio if ratio else "–", number(poll), number(row.bound_cycles)])
    return table(["cycles for", "Lockgate", "HAProxy", "nginx", "hitch", "HAProxy to Lockgate",
                  "Lockgate's own count", "bound"], out)


def native_table(rows, notes):
    out = []
    for row in rows:
        if row.of("haproxy-native"):
            out.append(["%s, %s" % (row.scenario.title, row.scenario.unit),
                        cell(row, "lockgate", []), cell(row, "haproxy-native", notes),
                        cell(row, "nginx-native", notes) if row.of("nginx-native") else "–",
                        ratio_cell(row, "haproxy-native", notes)])
    return table(["", "Lockgate", "HAProxy, native", "nginx, native", "ratio to HAProxy, native"],
                 out) if out else []


def markdown(rows, meta):
    notes = []
    text = ["## %s" % meta["title"], "",
            "%(date)s, commit %(commit)s; %(cpu)s, %(cpus)d CPUs, Linux %(kernel)s." % meta,
            "One thread each on CPU %d; %d runs each in turn, %g s a run; median (least…most). Load "
            "by %s. %s." % (meta["lb_cpu"], meta["runs"], meta["seconds"], meta["generator"],
                            "; ".join(meta["versions"])), ""]
    if meta["warnings"]:
        text += ["**%s**" % w for w in meta["warnings"]] + [""]
    text += ["Frames of 1,514 bytes and no offload for anybody (\"wire\"):", ""]
    text += wire_table(rows, meta["tsc_hz"], notes)
    text += ["", "What one operation costs, in cycles of the proxy's CPU (user, system and "
             "interrupts of that CPU, for all alike; lower is better). This compares also where a "
             "rate does not, since an operation costs a proxy more, not less, when it has less to "
             "do. Lockgate's own count is of turns that found work, and of its devices' receive "
             "threads.", ""]
    text += cycle_table(rows)
    native = native_table(rows, notes)
    if native:
        text += ["", "Kernel proxies with every offload of a veth (64 KB packets without "
                 "checksums), which no network card has in full and Lockgate cannot have here "
                 "(\"native\"); load by the common tools on the kernel's sockets:", ""] + native
    if notes:
        text += [""] + ["- " + n for n in dict.fromkeys(notes)]
    return "\n".join(text) + "\n"
