# SPDX-License-Identifier: GPL-2.0-or-later
"""What one CPU could do at most in a scenario if nothing but its arithmetic cost anything, from
bench-micro's figures of the libraries we use, taken on the same machine in the same hour."""
import json
import subprocess

MIB = 1 << 20


def measure(binaries, pki):
    """{name of a micro benchmark: least cycles}; empty when bench-micro is not built."""
    try:
        r = subprocess.run([binaries + "/bench/micro/bench-micro", "--json", "--quick", "--pki", pki,
                            "primitive"], check=False, text=True, capture_output=True)
        return {b["name"]: b["least"] for b in json.loads(r.stdout)["benchmarks"]}
    except (OSError, ValueError, KeyError):
        return {}


def cycles(bound, micro):
    """Least cycles of one operation, None where not known. A MiB is 64 records of 16 KiB."""
    def add(*names):
        return sum(micro[n] for n in names) if all(n in micro for n in names) else None

    exchange = ("x25519-keygen", "x25519-agree")
    # Of a client certificate: CertificateVerify, the leaf's and the intermediate's signature.
    table = {
        "handshake-ecdsa": lambda: add(*exchange, "p256-sign"),
        "handshake-rsa": lambda: add(*exchange, "rsa2048-sign"),
        "handshake-resumed": lambda: add(*exchange),
        "handshake-mutual": lambda: add(*exchange, "p256-sign", *("p256-verify",) * 3),
        "bulk": lambda: add(*("gcm256-seal-16384",) * (MIB // 16384)),
    }
    return table[bound]() if bound else None
