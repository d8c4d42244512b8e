#!/usr/bin/python3
# a gateway before a service that misbehaves: what it says of it, and how often it asks
# timeout: 90s
import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from open_shop import OpenShop  # noqa: E402
from runs import done, ok  # noqa: E402

GOOD = (b"HTTP/1.1 201 Created\r\nContent-Type: text/odd\r\nLocation: /api/orders/1\r\n"
        b"X-Secret: inside\r\nContent-Length: 5\r\n\r\n\x00\xff{]\n")


class Upstream:
    """Reads requests and does with each what `manner` says; remembers their heads and bodies."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.manner, self.requests, self.held = "good", [], []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        while request := self.read(connection):
            self.requests.append(request)
            if self.manner == "good":
                connection.sendall(GOOD)
            elif self.manner == "hang":
                self.held.append(connection)
                return
            elif self.manner == "half":
                connection.sendall(GOOD[:-3])
                break
            elif self.manner == "rubbish":
                connection.sendall(b"220 smtp.example ESMTP\r\n")
                break
            else:
                break
        connection.close()

    @staticmethod
    def read(connection):
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return None
            data += more
        head, body = data.split(b"\r\n\r\n", 1)
        length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n")
                       if line.lower().startswith(b"content-length:")), 0)
        while len(body) < length:
            body += connection.recv(65536)
        return head.decode("latin-1"), body

    def asked(self):
        """How many requests there were since this was asked."""
        time.sleep(0.1)
        count = len(self.requests)
        self.requests.clear()
        return count


def open_shop(upstream, *arguments):
    return OpenShop("--no-limits", "--edge", f"gateway->order={upstream.url}", "--call-timeout", "400ms",
                    "--deadline", "400ms", "--breaker-failures", "1000", *arguments)


def test_passing(shop, upstream, token):
    body = bytes(range(256)) * 20
    answer = shop.ask("POST", "/api/orders?a=%20b&c=d", body, token=token,
                      headers={"Idempotency-Key": "key-1", "Content-Type": "text/strange",
                               "X-User": "usr_666", "X-Role": "admin", "X-Correlation-Id": "c-1"})
    head, seen = upstream.requests[-1]
    lines = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:])
    ok(answer.status == 201 and answer.body == b"\x00\xff{]\n" and
       answer.headers["Content-Type"] == "text/odd" and
       answer.headers["Location"] == "/api/orders/1", "what the service says, the client gets", answer)
    ok("X-Secret" not in answer.headers, "but for headers that nobody needs", answer)
    ok(seen == body and head.startswith("POST /api/orders?a=%20b&c=d HTTP/1.1\r\n"),
       "what the client says, the service gets", head)
    ok(lines.get("x-user") == "usr_1" and lines.get("x-role") == "customer" and
       head.lower().count("x-user") == head.lower().count("x-role") == 1,
       "with who it is, by the token and not by the client", head)
    ok(lines.get("idempotency-key") == "key-1" and lines.get("x-correlation-id") == "c-1" and
       lines.get("content-type") == "text/strange" and lines.get("traceparent"),
       "with its key, its ids and the type of its body", head)
    ok("authorization" not in lines, "and without the token", head)
    upstream.asked()


def test_trouble(shop, upstream, token):
    expected = {"hang": (504, "upstream_timeout"), "break": (502, "upstream_broken"),
                "half": (502, "upstream_broken"), "rubbish": (502, "upstream_broken")}
    for manner, (status, code) in expected.items():
        upstream.manner = "good"
        shop.ask("GET", "/api/orders", token=token)  # a connection that is kept
        upstream.asked()
        upstream.manner = manner
        for headers in ({}, {"Idempotency-Key": "k"}):
            answer = shop.ask("POST", "/api/orders", b"{}", token=token, headers=headers)
            count = upstream.asked()
            ok(answer.status == status and answer.code == code,
               f"{manner}: {status}, as it may have happened", answer)
            ok(count == 1, f"{manner}: a POST is sent once{' even with a key' if headers else ''}",
               f"{count} times")
        for method in ("PUT", "DELETE"):
            shop.ask(method, "/api/orders/1", b"{}" if method == "PUT" else None, token=token)
            count = upstream.asked()
            ok(count == 1, f"{manner}: so is a {method}", f"{count} times")
        shop.ask("GET", "/api/orders", token=token)
        count = upstream.asked()
        ok(1 <= count <= 3, f"{manner}: a GET a few times at most", f"{count} times")


def test_nobody():
    taken = socket.socket()  # bound, so that no one else comes to listen there
    taken.bind(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    with taken, OpenShop("--no-limits", "--edge", f"gateway->order=http://127.0.0.1:{port}") as shop:
        token = shop.login()
        answer = shop.ask("POST", "/api/orders", b"{}", token=token)
        ok(answer.status == 503 and answer.code == "upstream_unavailable" and
           int(answer.headers["Retry-After"]) >= 1, "nobody there: 503, and when to come again", answer)
        answer = shop.ask("GET", "/health/order")
        ok(answer.status == 503, "that is told by its health, too", answer)
        ok(shop.ask("GET", "/api/products").status == 200, "the others do not suffer")


def test_bug():
    upstream = Upstream()
    with open_shop(upstream, "--bug", "gateway-replays") as shop:
        token = shop.login()
        upstream.manner = "hang"
        shop.ask("POST", "/api/orders", b"{}", token=token, headers={"Idempotency-Key": "k"})
        keys = [line for head, _ in upstream.requests for line in head.split("\r\n")
                if line.lower().startswith("idempotency-key")]
        ok(len(upstream.requests) == 2 and len(set(keys)) == 2,
           "the bug: it comes twice, as two different ones", upstream.requests)


upstream = Upstream()
with open_shop(upstream) as shop:
    token = shop.login()
    test_passing(shop, upstream, token)
    test_trouble(shop, upstream, token)
test_nobody()
test_bug()
done()
