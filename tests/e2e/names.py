#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A name server for the tests: names.py ADDRESS PORT ZONE. ZONE is read anew for each query; a line is

    NAME TTL ADDRESS…        what the name has; AAAA for those with a colon
    NAME nx|servfail|silent  no such name; a failure; no answer at all

A name that is not there does not exist. Prints "ready" when it listens."""
import ipaddress
import socket
import struct
import sys

A, AAAA = 1, 28


def zone(path):
    with open(path, encoding="utf-8") as f:
        return {words[0]: words[1:] for words in map(str.split, f) if words}


def question(packet):
    """Name, type and where the question ends."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("ascii"))
        at += 1 + packet[at]
    return ".".join(labels).lower(), struct.unpack_from(">H", packet, at + 1)[0], at + 5


def answer(packet, path):
    name, kind, end = question(packet)
    what = zone(path).get(name, ["nx"])
    if what == ["silent"]:
        return None
    rcode = {"nx": 3, "servfail": 2}.get(what[0], 0)
    records = b""
    count = 0
    for text in what[1:] if rcode == 0 else []:
        ip = ipaddress.ip_address(text)
        if (kind == A) != (ip.version == 4) or kind not in (A, AAAA):
            continue
        records += struct.pack(">HHHIH", 0xc00c, kind, 1, int(what[0]), len(ip.packed)) + ip.packed
        count += 1
    head = packet[:2] + struct.pack(">HHHHH", 0x8400 | rcode, 1, count, 0, 0)
    return head + packet[12:end] + records


def main():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((sys.argv[1], int(sys.argv[2])))
    print("ready", flush=True)
    while True:
        packet, peer = s.recvfrom(2048)
        out = answer(packet, sys.argv[3])
        if out:
            s.sendto(out, peer)


if __name__ == "__main__":
    main()
