# SPDX-License-Identifier: GPL-2.0-or-later
"""A bar chart as SVG, without any library."""
from xml.sax.saxutils import escape

COLOURS = {"lockgate": "#1f6f54", "haproxy": "#9db4c0", "nginx": "#c2c5bb", "hitch": "#d9b08c"}
WIDTH, LEFT, BAR, GAP, TOP = 860, 250, 13, 16, 64


def bars(title, subtitle, groups):
    """groups: [(label, [(name, value, low, high), ...]), ...]; values are drawn to one scale, a
    line marks 1. Returns the text of an SVG file."""
    top = max([v for _, g in groups for _, _, _, v in g] + [1.0])
    scale = (WIDTH - LEFT - 70) / top
    out, y = [], TOP
    for label, group in groups:
        mid = y + len(group) * BAR / 2 + 4
        out.append('<text x="%d" y="%.1f" text-anchor="end">%s</text>' %
                   (LEFT - 8, mid, escape(label)))
        for name, value, low, high in group:
            out.append('<rect x="%d" y="%.1f" width="%.1f" height="%d" fill="%s"/>' %
                       (LEFT, y, value * scale, BAR - 2, COLOURS.get(name, "#888")))
            if high > low:
                out.append('<path d="M%.1f %.1fH%.1f" stroke="#000" stroke-width="1"/>' %
                           (LEFT + low * scale, y + BAR / 2 - 1, LEFT + high * scale))
            out.append('<text x="%.1f" y="%.1f" font-size="10">%.2f</text>' %
                       (LEFT + max(value, high) * scale + 4, y + BAR - 4, value))
            y += BAR
        y += GAP
    legend = []
    for i, (name, colour) in enumerate(COLOURS.items()):
        x = LEFT + i * 110
        legend.append('<rect x="%d" y="40" width="10" height="10" fill="%s"/>'
                      '<text x="%d" y="49">%s</text>' % (x, colour, x + 14, name))
    one = LEFT + scale
    return "\n".join(
        ['<?xml version="1.0" encoding="UTF-8"?>',
         '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" '
         'font-size="12">' % (WIDTH, y + 10),
         '<rect width="100%" height="100%" fill="#fff"/>',
         '<text x="8" y="20" font-size="15">%s</text>' % escape(title),
         '<text x="8" y="36" font-size="11">%s</text>' % escape(subtitle)] + legend + out +
        ['<path d="M%.1f %dV%d" stroke="#444" stroke-dasharray="3 3"/>' % (one, TOP - 8, y), "</svg>"
         ]) + "\n"


def of_rates(rows):
    """Each contender's value against HAProxy's, above 1 is better, where it is a limit of its own."""
    groups = []
    for row in rows:
        base = row.value("haproxy")
        if not base:
            continue
        group = []
        for name in COLOURS:
            s = row.of(name)
            v = row.value(name)
            if not v or s.limited_by() in ("generator", "neither"):
                continue
            low, high = s.spread()
            more = row.scenario.better == "more"
            q = [x / base if more else base / x for x in (v, low, high) if x]
            group.append((name, q[0], min(q), max(q)))
        if group:
            groups.append((row.scenario.name, group))
    return groups


def of_cycles(rows):
    """Cycles an operation, HAProxy's divided by each one's: above 1 is cheaper."""
    groups = []
    for row in rows:
        if row.scenario.kind != "max" or not row.of("haproxy") or not row.of("haproxy").cycles():
            continue
        base = row.of("haproxy").cycles()
        group = []
        for name in COLOURS:
            s = row.of(name)
            if s and not s.has_errors() and s.cycles():
                q = base / s.cycles()
                group.append((name, q, q, q))
        groups.append((row.scenario.name, group))
    return groups
