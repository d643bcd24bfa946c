#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The origin that does what an nginx does not: slow, broken and cut answers.

    origin.py ADDRESS…       listens on these addresses

  8001  HTTP/1.1; the path says what happens (see PATHS)
  8002  echo; ends its side when the other has
  8003  reads to the end, then says "BYTES MD5" and ends
  8004  says 1,000,000 bytes of 'x', ends its side, reads on; /ended tells how much came
  8005  resets the connection at the first byte
  8006  takes the connection and never reads
  8007  HTTP whose every answer is no HTTP
  8009  nobody listens
"""
import asyncio
import hashlib
import socket
import struct
import sys
import urllib.parse

ended = []  # bytes that 8004 got, of each connection that has ended
held = []  # connections of 8006


async def read_head(reader):
    """Returns the header section, or b"" when the connection ends first."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
        return b""


def headers_of(head):
    found = {}
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        found.setdefault(name.strip().lower().decode("latin-1"), value.strip().decode("latin-1"))
    return found


async def read_exactly(reader, length, md5):
    while length:
        part = await reader.read(min(length, 65536))
        if not part:
            raise ConnectionError("cut")
        md5.update(part)
        length -= len(part)


async def read_body(reader, headers):
    """Returns (bytes, md5, how it was framed)."""
    md5, size = hashlib.md5(), 0
    if "chunked" in headers.get("transfer-encoding", "").lower():
        while True:
            length = int((await reader.readline()).split(b";")[0], 16)
            if length == 0:
                while (await reader.readline()).strip():
                    pass
                return size, md5.hexdigest(), "chunked"
            await read_exactly(reader, length, md5)
            size += length
            await reader.readline()
    if "content-length" in headers:
        size = int(headers["content-length"])
        await read_exactly(reader, size, md5)
        return size, md5.hexdigest(), "length"
    return size, md5.hexdigest(), "none"


def answer(body, status="200 OK", extra=""):
    if isinstance(body, str):
        body = body.encode("latin-1")
    head = "HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n" % (status, len(body), extra)
    return head.encode() + body


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


# Each handler: (request, writer) -> True when the connection may go on.
class Request:
    def __init__(self, method, path, query, head, headers, body):
        self.method, self.path, self.query = method, path, query
        self.head, self.headers, self.body = head, headers, body


async def p_echo(q, w):
    """The request's head as it arrived, and what its body was."""
    w.write(answer(q.head.decode("latin-1") + "BODY %d %s %s\n" % q.body))
    return True


async def p_chunked(q, w):
    """n bytes in chunks of uneven sizes, with a trailer; the md5 is in a header."""
    size = int(q.query.get("n", "100000"))
    data = bytes(i * 7 % 251 for i in range(min(size, 251))) * (size // 251 + 1)
    data = data[:size]
    w.write(("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Md5: %s\r\nTrailer: X-End\r\n\r\n"
             % hashlib.md5(data).hexdigest()).encode())
    at, step = 0, 1
    while at < len(data):
        w.write(chunk(data[at:at + step]))
        at += step
        step = step * 3 % 20011 + 1
        await w.drain()
    w.write(b"0\r\nX-End: yes\r\n\r\n")
    return True


async def p_slow(q, w):
    await asyncio.sleep(float(q.query.get("s", "1")))
    w.write(answer("slow\n"))
    return True


async def p_never(_q, _w):
    await asyncio.sleep(3600)


async def p_cut(_q, w):
    """Says 1,000 bytes and sends 100."""
    w.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"y" * 100)
    return False


async def p_cut_chunked(_q, w):
    w.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"y" * 100))
    return False


async def p_until_close(_q, w):
    w.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"z" * 50000)
    return False


async def p_old(_q, w):
    w.write(b"HTTP/1.0 200 OK\r\n\r\nold\n")
    return False


async def p_drip(_q, w):
    for byte in answer("drop by drop\n"):
        w.write(bytes([byte]))
        await w.drain()
        await asyncio.sleep(0.001)
    return True


async def p_none(_q, w):
    w.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    return True


async def p_unmodified(_q, w):
    w.write(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\nETag: \"a\"\r\n\r\n")
    return True


async def p_early_hints(_q, w):
    w.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer("after hints\n"))
    return True


async def p_hop(_q, w):
    w.write(answer("hop\n", extra="Connection: X-Hop\r\nX-Hop: secret\r\nKeep-Alive: timeout=9\r\n"
                                  "X-Kept: yes\r\n"))
    return True


async def p_status(q, w):
    w.write(answer("status\n", status=q.query.get("is", "404 Not Found")))
    return True


async def p_two_lengths(_q, w):
    w.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde")
    return False


async def p_ended(_q, w):
    w.write(answer("%s\n" % " ".join(map(str, ended))))
    return True


PATHS = {"/echo": p_echo, "/chunked": p_chunked, "/slow": p_slow, "/never": p_never, "/cut": p_cut,
         "/cut-chunked": p_cut_chunked, "/until-close": p_until_close, "/old": p_old,
         "/drip": p_drip, "/none": p_none, "/unmodified": p_unmodified, "/hints": p_early_hints,
         "/hop": p_hop, "/status": p_status, "/two-lengths": p_two_lengths, "/ended": p_ended}


async def http(reader, writer):
    more = True
    while more:
        head = await read_head(reader)
        if not head:
            return
        method, target, _ = head.split(b"\r\n")[0].decode("latin-1").split(" ", 2)
        headers = headers_of(head)
        url = urllib.parse.urlsplit(target)
        if url.path == "/early":  # before the body, which is then thrown away
            writer.write(answer("too early\n", status="413 Payload Too Large",
                                extra="Connection: close\r\n"))
            writer.write_eof()  # and lingers, as RFC 9112 section 9.6 asks
            while await reader.read(65536):
                pass
            return
        if headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await read_body(reader, headers)
        request = Request(method, url.path, dict(urllib.parse.parse_qsl(url.query)), head, headers,
                          body)
        if method == "HEAD":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n")
            more = True
        elif url.path in PATHS:
            more = await PATHS[url.path](request, writer)
        else:
            writer.write(answer("no such path\n", status="404 Not Found"))
        await writer.drain()


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def digest(reader, writer):
    md5, size = hashlib.md5(), 0
    while data := await reader.read(65536):
        md5.update(data)
        size += len(data)
    writer.write(b"%d %s\n" % (size, md5.hexdigest().encode()))
    await writer.drain()


async def speak_first(reader, writer):
    writer.write(b"x" * 1000000)
    await writer.drain()
    writer.write_eof()
    size = 0
    while data := await reader.read(65536):
        size += len(data)
    ended.append(size)


async def reset(reader, writer):
    await reader.read(1)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                               struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hold(reader, writer):
    writer.transport.pause_reading()
    held.append((reader, writer))
    await asyncio.sleep(3600)


async def no_http(reader, writer):
    await read_head(reader)
    writer.write(b"SSH-2.0-not-what-you-think\r\n\r\n")


def guarded(handler):
    async def run(reader, writer):
        try:
            await handler(reader, writer)
            await writer.drain()
        except (ConnectionError, ValueError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
    return run


async def main():
    handlers = {8001: http, 8002: echo, 8003: digest, 8004: speak_first, 8005: reset, 8006: hold,
                8007: no_http}
    for port, handler in handlers.items():
        for address in sys.argv[1:]:
            # A small buffer of its own, so that "never reads" is felt soon.
            extra = {"limit": 4096} if port == 8006 else {"limit": 1 << 20}
            await asyncio.start_server(guarded(handler), address, port, backlog=1024,
                                       **extra)
    print("ready", flush=True)
    await asyncio.sleep(1e9)


asyncio.run(main())
