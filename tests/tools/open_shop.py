"""The reference shop, opened for a test: `sagastorm shop` and somebody who asks it things.

    from open_shop import OpenShop
    with OpenShop("--stock", "100") as shop:
        token = shop.login("customer-1@shop.example")
        answer = shop.ask("GET", "/api/cart", token=token)
        ok(answer.status == 200, "there is a cart", answer)
"""
import http.client
import json
import os
import re
import select
import signal
import subprocess
import tempfile
import time
import urllib.parse

from runs import BINARY, SLOWDOWN


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        try:
            self.json = json.loads(body)
        except ValueError:
            self.json = None

    @property
    def code(self):
        """Of an error: "out_of_stock"."""
        error = self.json.get("error") if isinstance(self.json, dict) else None
        return error.get("code") if isinstance(error, dict) else None

    def __str__(self):
        head = "\n".join(f"{name}: {value}" for name, value in self.headers.items())
        return f"{self.status}\n{head}\n\n{self.body[:2000]!r}"


class Client:
    """One connection, kept alive, opened again when it was closed."""

    def __init__(self, url, token=None):
        self.address, self.token, self.connection = urllib.parse.urlsplit(url), token, None

    def ask(self, method, path, body=None, token=None, headers=None, timeout=20):
        data, lines = self.encode(body), dict(headers or {})
        if data is not None:
            lines.setdefault("Content-Type", "application/json")
        if token or self.token:
            lines["Authorization"] = "Bearer " + (token or self.token)
        kept = self.connection is not None
        if not kept:
            self.connection = http.client.HTTPConnection(self.address.hostname, self.address.port,
                                                         timeout=timeout)
        try:
            self.connection.request(method, path, body=data, headers=lines)
            response = self.connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        except (OSError, http.client.HTTPException) as problem:
            self.close()
            if kept and isinstance(problem, (BrokenPipeError, ConnectionResetError)):
                return self.ask(method, path, body, token, headers, timeout)
            raise

    @staticmethod
    def encode(body):
        if body is None or isinstance(body, bytes):
            return body
        return body.encode() if isinstance(body, str) else json.dumps(body).encode()

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class OpenShop:
    def __init__(self, *arguments, patience=20):
        self.directory = tempfile.TemporaryDirectory(prefix="sagastorm-shop-")
        self.process = subprocess.Popen(
            [BINARY, "shop", "--directory", self.directory.name, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.said = ""
        self.url = self.wait_until_open(patience * SLOWDOWN)
        self.client = Client(self.url)

    def wait_until_open(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if select.select([self.process.stdout], [], [], 0.1)[0]:
                bytes_ = os.read(self.process.stdout.fileno(), 65536)
                self.said += bytes_.decode(errors="replace")
                if not bytes_:
                    break
            found = re.search(r"open at (http://\S+)", self.said)
            if found:
                return found[1]
        self.close()
        raise RuntimeError(f"the shop did not open; it said:\n{self.said}")

    def ask(self, *arguments, **options):
        return self.client.ask(*arguments, **options)

    def another_client(self, token=None):
        return Client(self.url, token)

    def login(self, email="customer-1@shop.example", password="password"):
        answer = self.ask("POST", "/api/auth/login", {"email": email, "password": password})
        if answer.status != 200:
            raise RuntimeError(f"cannot log in as {email}: {answer}")
        return answer.json["token"]

    def admin(self):
        return self.login("admin@shop.example", "admin")

    def close(self):
        if getattr(self, "client", None):
            self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10 * SLOWDOWN)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.directory.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
