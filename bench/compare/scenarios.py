# SPDX-License-Identifier: GPL-2.0-or-later
"""The matrix: what is measured, in which unit, and by which load."""
import generators as gen
from peers import SITES

MIB = 1 << 20


class Scenario:
    """One row. run(context) returns (value, operations, Outcome).

    kind   "rate" of the load is set and something else measured, "max": as much as goes, "memory"
    better more or less
    needs  what a contender must be able to do (Peer.cannot)
    bound  name of the bound it is held against (bounds.py); None: there is no simple one
    """

    def __init__(self, name, title, unit, run, kind="max", better="more", needs=(), bound=None,
                 quick=True, op="operation"):
        self.name, self.title, self.unit, self.run = name, title, unit, run
        self.kind, self.better, self.needs, self.bound = kind, better, needs, bound
        self.quick, self.op = quick, op


class Context:
    """What a scenario may use: rig, peer, seconds, and the values this contender had in this run."""

    def __init__(self, rig, peer, seconds):
        self.rig, self.peer, self.seconds = rig, peer, seconds
        self.values = {}


def _handshakes(site, resume=False):
    def run(c):
        o = gen.handshakes(c.rig, SITES[site], c.seconds, resume=resume)
        return o.rate(), o.ops, o
    return run


def _keepalive(c):
    o = gen.closed_loop(c.rig, SITES["ecdsa"], "/1k", c.seconds, 64)
    return o.rate(), o.ops, o


def _download(c):
    o = gen.closed_loop(c.rig, SITES["ecdsa"], "/1m", c.seconds, 8)
    return o.rate(), o.ops, o


def _upload(c):
    o = gen.closed_loop(c.rig, SITES["ecdsa"], "/up/0", c.seconds, 8, upload_bytes=MIB)
    return o.rate(), o.ops, o


def _latency(c):
    top = c.values.get("keepalive-1k")
    if not top:
        return None, 0, gen.Outcome(0, 1, 1, "its rate of keepalive-1k is not known")
    o = gen.open_loop(c.rig, SITES["ecdsa"], "/1k", c.seconds, top / 2, 32)
    return o.p99_us(), o.ops, o


def _storm(c):
    storm = gen.start_storm(c.rig, SITES["ecdsa"], c.seconds + 0.5)
    o = gen.open_loop(c.rig, SITES["ecdsa"], "/1k", c.seconds, 200, 4)
    beside = gen.end_storm(storm)
    o.errors += beside.errors
    o.first_error = o.first_error or beside.first_error
    return o.p99_us(), o.ops, o


ALL = (
    Scenario("handshake-ecdsa", "full TLS 1.3 handshake, ECDSA P-256, X25519", "1/s",
             _handshakes("ecdsa"), bound="handshake-ecdsa", op="handshake"),
    Scenario("handshake-rsa", "full TLS 1.3 handshake, RSA-2048, X25519", "1/s", _handshakes("rsa"),
             bound="handshake-rsa", op="handshake"),
    Scenario("handshake-resumed", "resumed TLS 1.3 handshake (PSK, X25519)", "1/s",
             _handshakes("tickets", True), bound="handshake-resumed", op="handshake"),
    Scenario("handshake-resumed-12", "resumed TLS 1.2 handshake (ticket)", "1/s",
             _handshakes("tickets12", True), op="handshake", quick=False),
    Scenario("handshake-mutual", "full TLS 1.3 handshake, ECDSA P-256, client certificate", "1/s",
             _handshakes("mutual"), needs=("mutual",), bound="handshake-mutual", op="handshake"),
    Scenario("keepalive-1k", "GET of 1 KiB, 64 connections kept", "1/s", _keepalive, op="request"),
    Scenario("download-1m", "GET of 1 MiB, 8 connections", "MiB/s", _download, bound="bulk", op="MiB"),
    Scenario("upload-1m", "PUT of 1 MiB, 8 connections", "MiB/s", _upload, bound="bulk", op="MiB"),
    Scenario("latency-half", "p99 of a 1 KiB GET at half of its own most requests a second", "us",
             _latency, kind="rate", better="less", op="request"),
    Scenario("storm-p99", "p99 of established connections during a handshake storm", "us",
             _storm, kind="rate", better="less", op="request"),
)
