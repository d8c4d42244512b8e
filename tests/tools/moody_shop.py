#!/usr/bin/python3
"""A shop with moods, for end-to-end tests: what it does depends on the path, and it remembers.

    moody_shop.py [--tls CERT KEY] [--port N]   prints its port, serves until its standard input ends

    /ok, /api/...      200 with a small JSON document
    /status/N          status N
    /slow/MS           200 after MS milliseconds
    /hang              never answers
    /hang-body         a head, half a body, then nothing
    /reset             closes the connection without an answer
    /cut               closes it in the middle of the body
    /garbage           something that is not HTTP
    /big-header        a header of 1 MB
    /endless           a chunked body that never ends (10 GB at most)
    /around            redirects to itself
    /to?URL            redirects to URL
    /login             redirects to /visit, with a session cookie that has seen 41 visits
    /flaky/N           503 for the first N requests with the same Idempotency-Key, then 201
    /lost/N            as flaky, but resets the connection instead
    /visit             a session cookie: counts the visits of whoever sends it back
    /count-to/N/KEY    {"status": "PENDING"} until asked N times, then {"status": "CONFIRMED"}
    /drip              a head, a byte every 100 ms
    /interim           an endless row of 103s
    /cookies           sets 150 cookies of 300 bytes
    /inject            a JSON document and a header with values that would break out of a header
    /deep              a JSON document, 100,000 arrays deep
    /wide              a JSON array of 300,000 elements
    /aaa               100 kB that drive careless regular expressions mad
    /bad-gzip/HOW      cut, corrupt, lying (that is not compressed), twice
    /gzip              a JSON document, compressed
    /bomb              64 MB of zeros, compressed
    /stall             the whole shop stops for a second, once
    /log               what was asked so far, as JSON: path, method, headers, body, time
"""
import asyncio
import functools
import gzip
import json
import ssl
import sys
import time
import zlib

log = []
keys = {}
counts = {}
stalled = False


def head(status, headers=(), length=None):
    lines = [f"HTTP/1.1 {status} Because"]
    lines += [f"{name}: {value}" for name, value in headers]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def reply(status, document, headers=()):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return head(status, [("Content-Type", "application/json"), *headers], len(body)) + body


async def read_request(reader):
    block = await reader.readuntil(b"\r\n\r\n")
    lines = block.decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ")
    headers = {}
    for line in lines[1:]:
        if line:
            name, value = line.split(": ", 1)
            headers[name.lower()] = value
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return method, path, headers, body.decode("utf-8", "replace")


async def endless(writer):
    writer.write(head(200, [("Transfer-Encoding", "chunked")]))
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    for _ in range(160000):
        writer.write(chunk)
        await writer.drain()


@functools.cache
def bomb():
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    packed = [packer.compress(b"\0" * (1 << 20)) for _ in range(64)]
    return b"".join(packed) + packer.flush()


def flaky(key, times):
    keys[key] = keys.get(key, 0) + 1
    return keys[key] <= times


async def drip(writer):
    for byte in head(200, [("X-Slow", "x" * 1000)], 0):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)


async def interim(writer):
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.001)


def badly_packed(how):
    packed = gzip.compress(b'{"packed": true}' + b" " * 5000 + bytes(range(256)))
    if how == "cut":
        packed = packed[:-20]
    elif how == "corrupt":
        packed = packed[:40] + b"\xff\x00\xff" + packed[43:]
    elif how == "lying":
        packed = b'{"packed": false}'
    coding = "gzip, gzip, gzip, gzip, gzip" if how == "twice" else "gzip"
    return reply(200, packed, [("Content-Encoding", coding)])


INJECTION = "a\r\nX-Smuggled: yes\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


async def odd_moods(mood, rest, headers, writer):
    """Those that do not end in an ordinary answer. True: the connection is done with."""
    if mood == "hang":
        await asyncio.sleep(60)
    elif mood == "hang-body":
        writer.write(head(200, (), 100) + b"x" * 50)
        await writer.drain()
        await asyncio.sleep(60)
    elif mood == "cut":
        writer.write(head(200, (), 100) + b"x" * 50)
    elif mood == "garbage":
        writer.write(b"\x16\x03\x01 this is not the protocol you are looking for\r\n\r\n")
    elif mood == "big-header":
        writer.write(head(200, [("X-Big", "x" * 1000000)], 0))
    elif mood == "endless":
        await endless(writer)
    elif mood == "drip":
        await drip(writer)
    elif mood == "interim":
        await interim(writer)
    elif mood == "lost" and not flaky(headers.get("idempotency-key"), int(rest[0])):
        return False
    elif mood not in ("reset", "lost"):
        return False
    return True


async def ordinary(mood, rest, path, headers):
    global stalled
    if mood == "status":
        return reply(int(rest[0]), {"status": int(rest[0]), "token": "s3cret-token"})
    if mood == "slow":
        await asyncio.sleep(int(rest[0]) / 1000)
        return reply(200, {"slow": True})
    if mood == "around":
        return reply(302, {}, [("Location", "/around")])
    if mood == "login":
        return reply(302, {}, [("Location", "/visit"), ("Set-Cookie", "visits=41; Path=/")])
    if mood.startswith("to?"):
        return reply(302, {}, [("Location", path.split("?", 1)[1])])
    if mood == "flaky" and flaky(headers.get("idempotency-key"), int(rest[0])):
        return reply(503, {"error": "not now"})
    if mood in ("flaky", "lost"):
        return reply(201, {"id": 7})
    if mood == "visit":
        visits = int(headers.get("cookie", "visits=0").split("visits=")[1].split(";")[0]) + 1
        return reply(200, {"visits": visits}, [("Set-Cookie", f"visits={visits}; Path=/")])
    if mood == "count-to":
        counts[rest[1]] = counts.get(rest[1], 0) + 1
        return reply(200, {"status": "CONFIRMED" if counts[rest[1]] >= int(rest[0]) else "PENDING"})
    if mood == "gzip":
        return reply(200, gzip.compress(b'{"packed": true, "items": [1, 2, 3]}'),
                     [("Content-Encoding", "gzip")])
    if mood == "cookies":
        return reply(200, {}, [("Set-Cookie", f"c{i}={'x' * 300}; Path=/") for i in range(150)])
    if mood == "inject":
        return reply(200, {"value": INJECTION, "path": "/x y\r\nZ: #?"})
    if mood == "deep":
        return reply(200, b"[" * 100000 + b"]" * 100000)
    if mood == "wide":
        return reply(200, b"[" + b"1," * 300000 + b"2]")
    if mood == "aaa":
        return reply(200, b"a" * 100000 + b"!")
    if mood == "bad-gzip":
        return badly_packed(rest[0])
    if mood == "bomb":
        return reply(200, bomb(), [("Content-Encoding", "gzip")])
    if mood == "stall" and not stalled:
        stalled = True
        time.sleep(1)
    if mood == "log":
        return reply(200, log)
    return reply(200, {"token": "t-1", "items": [{"sku": "A", "price": 1.50}, {"sku": "B"}],
                       "path": path})


async def serve(reader, writer):
    try:
        while True:
            method, path, headers, body = await read_request(reader)
            if path != "/log":
                log.append({"method": method, "path": path, "headers": headers, "body": body,
                            "at": time.monotonic()})
            mood, *rest = path.lstrip("/").split("/")
            if await odd_moods(mood, rest, headers, writer):
                break
            answer = await ordinary(mood, rest, path, headers)
            if method == "HEAD":
                answer = answer.split(b"\r\n\r\n")[0] + b"\r\n\r\n"
            writer.write(answer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()


async def main():
    context = None
    if "--tls" in sys.argv:
        at = sys.argv.index("--tls")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[at + 1], sys.argv[at + 2])
    port = int(sys.argv[sys.argv.index("--port") + 1]) if "--port" in sys.argv else 0
    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=1 << 20, backlog=1000,
                                        ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
