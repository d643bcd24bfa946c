# SPDX-License-Identifier: GPL-2.0-or-later
"""The matrix: what is measured, in which unit, and by which load."""
from generators import Outcome
from peers import SITES


class Scenario:
    """One row. run(context) returns (value, operations, Outcome).

    kind   "rate" of the load is set and something else measured, "max": as much as goes, "memory"
    better more or less
    needs  what a contender must be able to do (Peer.cannot)
    bound  name of the bound it is held against (bounds.py); None: there is no simple one
    quick  part of the quick form; native: there also with the offloads of a veth
    """

    def __init__(self, name, title, unit, run, kind="max", better="more", needs=(), bound=None,
                 quick=True, native=False, op="operation"):
        self.name, self.title, self.unit, self.run = name, title, unit, run
        self.kind, self.better, self.needs, self.bound = kind, better, needs, bound
        self.quick, self.native, self.op = quick, native, op


class Context:
    """What a scenario may use: the generator, seconds, and this contender's values of this run."""

    def __init__(self, generator, seconds):
        self.generator, self.seconds = generator, seconds
        self.values = {}


def _rate(outcome):
    return outcome.rate(), outcome.ops, outcome


def _p99(outcome):
    return outcome.p99_us, outcome.ops, outcome


def _handshakes(site, resume=False):
    return lambda c: _rate(c.generator.handshakes(SITES[site], c.seconds, resume=resume))


def _keepalive(c):
    return _rate(c.generator.requests(SITES["ecdsa"], c.seconds, 64))


def _download(c):
    return _rate(c.generator.download(SITES["ecdsa"], c.seconds, 8))


def _upload(c):
    return _rate(c.generator.upload(SITES["ecdsa"], c.seconds, 8))


def _latency(c):
    top = c.values.get("keepalive-1k")
    if not top:
        return None, 0, Outcome(0, 1, 1, "its rate of keepalive-1k is not known")
    return _p99(c.generator.latency(SITES["ecdsa"], c.seconds, top / 2, 32))


def _storm(c):
    return _p99(c.generator.storm(SITES["ecdsa"], c.seconds))


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
    Scenario("keepalive-1k", "GET of 1 KiB, 64 connections kept", "1/s", _keepalive, native=True,
             op="request"),
    Scenario("download-1m", "GET of 1 MiB, 8 connections", "MiB/s", _download, bound="bulk",
             native=True, op="MiB"),
    Scenario("upload-1m", "PUT of 1 MiB, 8 connections", "MiB/s", _upload, bound="bulk",
             native=True, op="MiB"),
    Scenario("latency-half", "p99 of a 1 KiB GET at half of its own most requests a second", "us",
             _latency, kind="rate", better="less", op="request"),
    Scenario("storm-p99", "p99 of established connections during a handshake storm", "us",
             _storm, kind="rate", better="less", op="request", quick=False),
)
