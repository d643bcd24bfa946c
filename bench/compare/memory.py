# SPDX-License-Identifier: GPL-2.0-or-later
"""What an idle TLS connection costs in memory, client half only: no request has been sent.

A kernel proxy takes memory when it needs it: its proportional set size and the kernel's slab with N
connections, less the same before. Client and proxy are on one machine, so half of the slab's growth,
the sockets of the client, is not counted.

Lockgate lays everything out at start, so there is nothing to see grow. It is charged what it has to be
given: the smallest global.memory with which it starts for 10 N connections, less that for N, divided by
9 N; N is at least 20,000, where what does not depend on it (handshakes, packet buffers) is the same for
both. Backend connections are as many both times: who has sent no request has none. Then N connections
are opened, to see that it holds them.
"""
import account
import generators as gen
from peers import SITES
from rig import RigError
from scenarios import Scenario

SCENARIO = Scenario("idle-memory", "memory for an idle TLS 1.3 connection", "bytes", None,
                    kind="memory", better="less", op="connection", quick=True)
STEP_MIB = 8
PLAN_LEAST = 20000
BACKS = 1000


def measure(rig, peer, count):
    """Returns (bytes a connection, Outcome)."""
    if peer.ctl:
        return _planned(rig, peer, count)
    peer.start()
    try:
        gen.handshakes(rig, SITES["ecdsa"], 1)  # whatever is allocated once, is
        before = account.pss_bytes(peer.pids()), account.slab_bytes()
        idle = gen.IdleConnections(rig, SITES["ecdsa"], count, 120)
        after = account.pss_bytes(peer.pids()), account.slab_bytes()
        idle.end()
    finally:
        peer.stop()
    grown = after[0] - before[0] + (after[1] - before[1]) / 2
    return grown / count, idle.outcome


def _planned(rig, peer, count):
    plan = max(count, PLAN_LEAST)
    few, many = (_least_memory(peer, n) for n in (plan, 10 * plan))
    peer.options = {"max_connections": plan, "max_backends": BACKS, "memory": few, "hugepages": "false"}
    peer.start()
    try:
        idle = gen.IdleConnections(rig, SITES["ecdsa"], count, 120)
        held = peer.ctl.stats()["totals"]["tcp_conns"]
        idle.end()
        if held < count and not idle.outcome.errors:
            idle.outcome.errors, idle.outcome.first_error = 1, "only %d were held" % held
    finally:
        peer.stop()
        peer.options = {}
    return (many - few) * (1 << 20) / (9 * plan), idle.outcome


def _starts(peer, count, mib):
    peer.options = {"max_connections": count, "max_backends": BACKS, "memory": mib,
                    "hugepages": "false"}
    try:
        peer.start()
    except RigError:
        return False
    finally:
        peer.stop()
    return True


def _least_memory(peer, count):
    low, high = 64, 64
    while not _starts(peer, count, high):
        low, high = high, high * 2
        if high > 16384:
            raise RigError("lockgate: does not start for %d connections" % count)
    while high - low > STEP_MIB:
        mid = (low + high) // 2
        if _starts(peer, count, mid):
            high = mid
        else:
            low = mid
    return high
