#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The clients that no ordinary tool is: they split, cut, flip and hold what OpenSSL made.

    client.py PKI ADDRESS VERB PORT …        see VERBS; the TLS is that of Python's ssl (OpenSSL)

Prints what it saw, one fact a line. Exits 0 when it could do its part, whatever the server did with
it; 1 when it saw a thing that must never be.
"""
import hashlib
import os
import random
import socket
import ssl
import struct
import sys
import time

pki, address = sys.argv[1], sys.argv[2]
ALERTS = {0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 22: "record_overflow",
          40: "handshake_failure", 42: "bad_certificate", 43: "unsupported_certificate",
          44: "certificate_revoked", 45: "certificate_expired", 46: "certificate_unknown",
          47: "illegal_parameter", 48: "unknown_ca", 50: "decode_error", 51: "decrypt_error",
          70: "protocol_version", 71: "insufficient_security", 80: "internal_error",
          100: "no_renegotiation", 112: "unrecognized_name", 116: "certificate_required",
          120: "no_application_protocol"}
REQUEST = b"GET /hello HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n"


def context(version=None, cert=None):
    c = ssl.create_default_context(cafile=pki + "/server-root.pem")
    c.set_ciphers("DEFAULT:@SECLEVEL=0")
    if version:
        v = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
        c.minimum_version = c.maximum_version = v
    if cert and cert != "-":
        c.load_cert_chain("%s/%s.pem" % (pki, cert), "%s/%s.key" % (pki, cert))
    return c


def connect(port, timeout=15.0):
    s = socket.create_connection((address.strip("[]"), int(port)), timeout=timeout)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


class Conn:
    """TLS over memory: what OpenSSL wants sent passes through `change` first."""

    def __init__(self, port, version=None, cert=None, change=None, ctx=None, name="shop.example"):
        self.sock = connect(port)
        self.inb, self.outb = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.change = change or (lambda data: data)
        self.received = b""
        self.tls = (ctx or context(version, cert)).wrap_bio(self.inb, self.outb,
                                                            server_hostname=name)

    def flush(self):
        data = self.outb.read()
        if data:
            data = self.change(data)
            if data:
                self.sock.sendall(data)

    def fill(self):
        data = self.sock.recv(65536)
        self.received += data
        if data:
            self.inb.write(data)
        else:
            self.inb.write_eof()
        return data

    def step(self, call, *args):
        while True:
            try:
                value = call(*args)
                self.flush()
                return value
            except ssl.SSLWantReadError:
                self.flush()
                self.fill()
            except ssl.SSLError:
                self.flush()
                raise

    def handshake(self):
        self.step(self.tls.do_handshake)
        return self

    def send(self, data):
        self.step(self.tls.write, data)

    def recv(self):
        """b"" at close_notify; raises at a cut or an alert."""
        try:
            return self.step(self.tls.read, 65536)
        except ssl.SSLZeroReturnError:
            return b""

    def recv_all(self):
        parts = []
        while part := self.recv():
            parts.append(part)
        return b"".join(parts)

    def end(self):
        """Sends close_notify; the other side may go on."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.flush()


def why(error):
    """The name of the alert that an SSLError tells of."""
    text = str(error)
    reason = getattr(error, "reason", "") or ""
    if "EOF" in reason or "EOF" in text:
        return "eof"
    name = reason.lower()
    for prefix in ("tlsv13_alert_", "tlsv1_alert_", "sslv3_alert_", "tlsv1_"):
        if name.startswith(prefix):
            return name[len(prefix):]
    return name or text


def read_raw(sock):
    """Reads to the end; returns (bytes, how it ended)."""
    data = b""
    try:
        while part := sock.recv(65536):
            data += part
        return data, "end"
    except ConnectionResetError:
        return data, "reset"
    except TimeoutError:
        return data, "timeout"


def plain_alerts(data):
    """Names of the alerts among unencrypted records."""
    names = []
    while len(data) >= 5:
        kind, length = data[0], struct.unpack(">H", data[3:5])[0]
        if kind == 21 and length == 2:
            names.append(ALERTS.get(data[6], str(data[6])))
        elif kind not in (20, 22, 23):
            break
        data = data[5 + length:]
    return " ".join(names) or "none"


def told(port, data, end=False):
    """Sends raw bytes and says what came back."""
    s = connect(port)
    try:
        s.sendall(data)
        if end:
            s.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    back, how = read_raw(s)
    if back[:5] == b"HTTP/":
        print("answer", back.split(b"\r\n")[0].decode())
    print("alert", plain_alerts(back))
    print("ended", how)


def client_hello(version=None):
    c = Conn.__new__(Conn)
    inb, outb = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context(version).wrap_bio(inb, outb, server_hostname="shop.example")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    del c
    return outb.read()


# ---------------------------------------------------------------- verbs

def v_request(port, version="", cert="-", text=None):
    """A request, or the bytes given (backslashes as in Python); prints the answer or the alert."""
    data = text.encode().decode("unicode_escape").encode("latin-1") if text else REQUEST
    try:
        c = Conn(port, version or None, cert).handshake()
        print("version", c.tls.version(), c.tls.cipher()[0])
        c.send(data)
        while part := c.recv():
            sys.stdout.write(part.decode("latin-1"))
            sys.stdout.flush()
        print("\nended close_notify")
    except ssl.SSLError as e:
        print("\nalert", why(e))
    except (ConnectionResetError, BrokenPipeError):
        print("\nended reset")
    except TimeoutError:
        print("\nended timeout")


def v_slow_request(port, text, gap, count):
    """Sends `text` and then a byte more each `gap` seconds, `count` times at most."""
    c = Conn(port).handshake()
    start = time.monotonic()
    c.send(text.encode().decode("unicode_escape").encode("latin-1"))
    c.sock.settimeout(float(gap))
    got = b""
    for _ in range(int(count)):
        try:
            while part := c.recv():
                got += part
            break
        except TimeoutError:
            try:
                c.send(b"a")
            except (OSError, ssl.SSLError):
                break
        except (OSError, ssl.SSLError):
            break
    print("answer", got.split(b"\r\n")[0].decode("latin-1"))
    print("after %.1f" % (time.monotonic() - start))


def v_one_byte(port):
    """Every byte of the handshake and the request in a segment of its own."""
    c = Conn(port)
    sent = [0]

    def dribble(data):
        for i in range(len(data)):
            c.sock.sendall(data[i:i + 1])
            sent[0] += 1
            if i % 16 == 0:
                time.sleep(0.0005)  # so that the kernel cannot join them
        return b""
    c.change = dribble
    c.handshake()
    c.send(REQUEST)
    body = c.recv_all()
    print("segments", sent[0])
    print(body.decode("latin-1"))


def v_garbage(port, seed, size):
    rng = random.Random(int(seed))
    told(port, bytes(rng.randrange(256) for _ in range(int(size))))


def v_garbage_many(port, count):
    """Many kinds of nonsense; prints how the connections ended."""
    rng = random.Random(1)
    ends = {}
    hello = client_hello()
    for i in range(int(count)):
        data = bytearray(hello)
        kind = i % 4
        if kind == 0:
            data = bytearray(rng.randrange(256) for _ in range(rng.randrange(1, 3000)))
        elif kind == 1:  # a hello with some bytes changed
            for _ in range(rng.randrange(1, 6)):
                data[rng.randrange(len(data))] = rng.randrange(256)
        elif kind == 2:  # lengths that lie
            struct.pack_into(">H", data, 3, rng.randrange(65536))
        else:  # inside: any two bytes as a length
            struct.pack_into(">H", data, rng.randrange(5, len(data) - 2), rng.randrange(65536))
        s = connect(port, 5.0)
        try:
            s.sendall(bytes(data))
            s.shutdown(socket.SHUT_WR)
            _, how = read_raw(s)
        except OSError:
            how = "reset"
        s.close()
        ends[how] = ends.get(how, 0) + 1
    print("ends", sorted(ends.items()))


def v_plain_http(port):
    told(port, b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")


def v_raw_hex(port, text):
    told(port, bytes.fromhex(text))


def v_raw_hex_end(port, text):
    told(port, bytes.fromhex(text), end=True)


def v_truncated_hello(port):
    """Half a ClientHello, then the end."""
    hello = client_hello()
    told(port, hello[:len(hello) // 2], end=True)


def v_truncated_record(port, version=""):
    """An open connection that ends in the middle of a record."""
    c = Conn(port, version or None).handshake()
    c.change = lambda data: data[:len(data) // 2]
    c.send(b"A" * 5000)
    c.sock.shutdown(socket.SHUT_WR)
    data, how = read_raw(c.sock)
    c.inb.write(data)
    c.inb.write_eof()
    try:
        c.tls.read(65536)
        print("plaintext came")
    except ssl.SSLError as e:
        print("alert", why(e))
    print("ended", how)


def v_bad_mac(port, version=""):
    """A record with a flipped bit in it; must be answered by bad_record_mac and nothing else."""
    c = Conn(port, version or None).handshake()

    def flip(data):
        data = bytearray(data)
        data[-3] ^= 4
        return bytes(data)
    c.change = flip
    c.send(b"B" * 1000)
    c.change = lambda data: b""
    try:
        got = c.recv_all()
        print("plaintext", len(got))
    except ssl.SSLError as e:
        print("alert", why(e))
    except ConnectionResetError:
        print("ended reset")


def v_cut(port, size):
    """Sends and ends TCP without close_notify: the truncation of RFC 5246 and 8446."""
    c = Conn(port).handshake()
    c.send(b"C" * int(size))
    c.sock.shutdown(socket.SHUT_WR)
    data, how = read_raw(c.sock)
    c.inb.write(data)
    c.inb.write_eof()
    try:
        print("answer", c.tls.read(65536).decode("latin-1"))
    except ssl.SSLError as e:
        print("alert", why(e))
    print("ended", how)


def v_sizes(port, version=""):
    """Records of all sorts of sizes through an echo, split and joined at odd places."""
    rng = random.Random(3)
    c = Conn(port, version or None)
    held = []

    def rejoin(data):
        held.append(data)
        return b""
    c.handshake()
    sizes = [1, 2, 3, 15, 16, 17, 255, 256, 1000, 1023, 1024, 1447, 1448, 1449, 4095, 4096, 8191,
             16383, 16384] + [rng.randrange(1, 16385) for _ in range(60)]
    data = rng.randbytes(sum(sizes))
    c.change = rejoin
    at = 0
    for size in sizes:
        c.tls.write(data[at:at + size])
        c.flush()
        at += size
    wire = b"".join(held)
    c.change = lambda d: d
    at, got = 0, b""
    c.sock.settimeout(0.0)
    while len(got) < len(data):
        step = rng.choice([1, 4, 5, 6, 700, 1400, 5000, 17000, 40000])
        try:
            at += c.sock.send(wire[at:at + step]) if at < len(wire) else 0
        except BlockingIOError:
            pass
        try:
            c.sock.settimeout(0.0 if at < len(wire) else 15.0)
            got += c.recv()
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
    c.sock.settimeout(15.0)
    c.end()
    c.recv_all()
    print("records", len(sizes), "bytes", len(data))
    print("same" if got == data else "DIFFERENT")
    return got == data


def v_many_records(port, count):
    """One byte a record, there and back."""
    c = Conn(port).handshake()
    total, sent, got = int(count), 0, b""
    end = time.monotonic() + 50
    while len(got) < total and time.monotonic() < end:
        for _ in range(min(500, total - sent)):
            c.tls.write(bytes([sent % 251]))
            sent += 1
        c.sock.settimeout(15.0)
        c.flush()
        while len(got) < sent:
            got += c.recv()
    print("records", sent)
    same = got == bytes(i % 251 for i in range(total))
    print("same" if same else "DIFFERENT")
    return same


def v_half_close(port, size):
    """Sends `size` bytes, close_notify and FIN, then reads what the other side has to say."""
    c = Conn(port).handshake()
    data = os.urandom(int(size))
    for at in range(0, len(data), 16384):
        c.send(data[at:at + 16384])
    c.end()
    c.sock.shutdown(socket.SHUT_WR)
    print("sent", len(data), hashlib.md5(data).hexdigest())
    print("answer", c.recv_all().decode("latin-1").strip())


def v_half_open(port, size):
    """Reads to the server's close_notify, then sends `size` bytes more."""
    c = Conn(port).handshake()
    got = c.recv_all()
    print("got", len(got), "close_notify")
    for _ in range(int(size) // 1000):
        c.tls.write(b"w" * 1000)
        c.flush()
    c.end()
    c.sock.shutdown(socket.SHUT_WR)
    print("ended", read_raw(c.sock)[1])


def server_hello_random(sock):
    data = b""
    while len(data) < 43:
        part = sock.recv(4096)
        if not part:
            return None
        data += part
    return data[11:43]


def v_randoms(port, count, version=""):
    """Server randoms of many connections: all different; the downgrade sentinel under 1.2."""
    hello = client_hello(version or None)
    seen = []
    for _ in range(int(count)):
        s = connect(port)
        s.sendall(hello)
        seen.append(server_hello_random(s))
        s.close()
    print("randoms", len(seen), "different", len({r[:24] for r in seen if r}))
    print("sentinel", sum(bool(r) and r[24:] == b"DOWNGRD\x01" for r in seen))


def rewrite_handshake(kind, change):
    """Returns a `change` for Conn that rewrites the TLS 1.2 handshake message of one kind, while
    the client's flight is not encrypted yet."""
    def filter_(data):
        out, at, encrypted = b"", 0, False
        while at + 5 <= len(data):
            length = struct.unpack(">H", data[at + 3:at + 5])[0]
            head, body = data[at:at + 5], data[at + 5:at + 5 + length]
            at += 5 + length
            if head[0] == 20:
                encrypted = True
            if head[0] == 22 and not encrypted and body and body[0] == kind:
                body = change(body)
                head = head[:3] + struct.pack(">H", len(body))
            out += head + body
        return out
    return filter_


def changed_flight(port, cert, kind, change):
    c = Conn(port, "1.2", cert, change=rewrite_handshake(kind, change))
    try:
        c.handshake()
        c.send(REQUEST)
        print("admitted", len(c.recv_all()))
    except ssl.SSLError as e:
        print("alert", why(e))
    except (ConnectionResetError, BrokenPipeError):
        print("ended reset")


def v_garbage_cert(port):
    """A Certificate message whose first certificate is no DER."""
    changed_flight(port, "alice", 11, lambda m: m[:10] + bytes(0xA5 for _ in m[10:60]) + m[60:])


def v_lying_cert_length(port):
    """A Certificate message whose inner length passes its end."""
    changed_flight(port, "alice", 11, lambda m: m[:4] + b"\xff\xff\xff" + m[7:])


def v_bad_verify(port):
    """A CertificateVerify with one bit flipped."""
    changed_flight(port, "alice", 15, lambda m: m[:-1] + bytes([m[-1] ^ 1]))


def echoed(conns, word):
    """Sends a word of its own on each connection; true when each hears just that."""
    for i, c in enumerate(conns):
        c.send(b"%s %d\n" % (word, i))
    for i, c in enumerate(conns):
        want, got = b"%s %d\n" % (word, i), b""
        while len(got) < len(want):
            part = c.recv()
            if not part:
                break
            got += part
        if got != want:
            print("WRONG", i, got)
            return False
    return True


def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.02)


def v_hold(port, count, until, version="", cert="-"):
    """Opens connections to an echo and holds them until a file appears; all must still work."""
    ctx = context(version or None, cert)
    conns = [Conn(port, ctx=ctx).handshake() for _ in range(int(count))]
    if not echoed(conns, b"hold"):
        return False
    print("holding", len(conns), flush=True)
    wait_for(until)
    if not echoed(conns, b"again"):
        return False
    for c in conns:
        c.end()
        c.recv_all()
    print("released", len(conns))
    return True


def v_watch(port, cert="-", version=""):
    """Opens a connection, says so, and says nothing more until it is ended; prints how."""
    c = Conn(port, version or None, cert).handshake()
    c.sock.settimeout(30)
    print("open", flush=True)
    try:
        c.recv_all()
        print("ended close_notify")
    except ssl.SSLError as e:
        print("ended", why(e))
    except ConnectionResetError:
        print("ended reset")
    except TimeoutError:
        print("ended timeout")


def v_watch_http(port):
    """A request over a persistent connection, then silence; prints how that was ended."""
    c = Conn(port).handshake()
    c.sock.settimeout(30)
    c.send(REQUEST.replace(b"close", b"keep-alive"))
    got = b""
    while b"hello from" not in got:
        got += c.recv()
    print("answered", flush=True)
    try:
        c.recv_all()
        print("ended close_notify")
    except ssl.SSLError as e:
        print("ended", why(e))
    except ConnectionResetError:
        print("ended reset")


def v_press(port, count):
    """Opens connections and keeps them, until `count` or the fifth that is refused."""
    ctx, kept, refused = context(), [], 0
    while len(kept) < int(count) and refused < 5:
        try:
            c = Conn.__new__(Conn)
            c.sock = connect(port, 1.0)
            c.inb, c.outb, c.received = ssl.MemoryBIO(), ssl.MemoryBIO(), b""
            c.change = lambda data: data
            c.tls = ctx.wrap_bio(c.inb, c.outb, server_hostname="shop.example")
            kept.append(c.handshake())
        except (OSError, ssl.SSLError):
            refused += 1
    print("served", len(kept), "refused", refused)


def v_requests_until(port, stop_file, cert="-"):
    """New connections with one request each, one after another, until a file appears."""
    done = failed = 0
    ctx = context(None, cert)
    first = ""
    while not os.path.exists(stop_file):
        try:
            c = Conn(port, ctx=ctx).handshake()
            c.send(REQUEST)
            body = c.recv_all()
            if b"200 OK" not in body or b"hello from" not in body:
                raise ValueError("answer %r" % body[:80])
            c.sock.close()
            done += 1
        except (OSError, ValueError) as e:
            failed += 1
            first = first or repr(e)
    print("done", done, "failed", failed, first)


def v_mute(port, seconds):
    """Connects and says nothing; tells how long it was endured."""
    s = connect(port, float(seconds))
    start = time.monotonic()
    _, how = read_raw(s)
    print("ended", how, "after %.1f" % (time.monotonic() - start))


VERBS = {name[2:].replace("_", "-"): call for name, call in list(globals().items())
         if name.startswith("v_")}
if __name__ == "__main__":
    sys.exit(0 if VERBS[sys.argv[3]](*sys.argv[4:]) is not False else 1)
