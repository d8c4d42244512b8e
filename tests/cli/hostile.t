#!/usr/bin/python3
# whatever a system answers is a counted failure; the generator stays small, on time and in one piece
import os
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from runs import BINARY, SCRATCH, SLOWDOWN, Shop, done, finish, ok, run, start  # noqa: E402

TRANSPORTS = ("direct", "curl")


def scenario(url, steps, load="rate: 5/s, for: 1s", http="timeout: 2s", rest=""):
    return f"""
name: hostile
target: {url}
http: {{ {http} }}
generator: {{ workers: 1, lag-limit: 5s, stall-limit: 5s, cpu-limit: 100%, drain: 3s }}
load: {{ go: {{ {load} }} }}
journeys:
  only:
{steps}
{rest}
"""


def memory_mib(result):
    """Of a worker; AddressSanitizer keeps what was freed, and is not to be measured."""
    return 0 if "asan" in BINARY else result.load["generator"]["memory_kib"] / 1024


def failures(result):
    found = {}
    for error in result.report.get("errors", ()):
        found.setdefault(error["name"], {})[error["class"]] = error["count"]
    return found


# What is asked for, what more the step says, how it fails, what that promises.
HEADS = [
    ("/drip", "", "timeout", "a head that drips in, a byte at a time, ends at the timeout"),
    ("/interim", "", "protocol", "endless interim answers end at a bound"),
] + [(f"/to?{place}", "", "protocol", f"a redirect to {place} is not followed") for place in (
    "ftp://127.0.0.1/", "javascript:alert(1)", "http://other.example/", "//evil.example",
    "http://127.0.0.1:1/", "file:///etc/passwd", "http://", "http://a@127.0.0.1:x/")]
PACKED = "expect: { that: [ '/packed == true' ] }"
BODIES = [(f"/bad-gzip/{how}", PACKED, "protocol", f"gzip that is {how} is a broken answer")
          for how in ("cut", "corrupt", "lying", "twice")] + [
    ("/bad-gzip/cut/unread", "", None, "which nobody notices who does not look"),
    ("/deep", "save: { x: /0/0/0 }", "expectation", "JSON of any depth is refused"),
    ("/wide", "expect: { that: [ '/300000 == 2' ] }", None, "a wide one is read"),
    ("/ok", "save: { y: /no/such/thing }", "expectation", "a value that is not there is missed"),
]


def test_answers(shop):
    rows = HEADS + BODIES
    steps = "".join(f"    - get: '{path}'\n      name: '{path}'\n      on-fail: continue\n" +
                    (f"      {more}\n" if more else "") for path, more, _, _ in rows)
    text = scenario(shop.url, steps, "users: 2, iterations: 4, for: 20s", "timeout: 500ms")
    for kind in TRANSPORTS:
        result = run(text, "--transport", kind)
        found = failures(result)
        for path, _, failure, name in rows:
            saw = found.get(path, {})
            ok(saw == ({failure: 4} if failure else {}) and
               result.named(path).get("count") == 4, f"{kind}: {name}",
               f"{path}: {saw}\n{result}")
        ok(result.balances() and result.load["ok"] == 4 and
           result.load["lag_us"]["max"] < 300000 * SLOWDOWN,
           f"{kind}: none of them makes the generator late", result)


def test_regex(shop):
    for pattern in ("(a+)+b", "(a|aa)+b", "(.*)*b"):
        text = scenario(shop.url, f"    - get: /aaa\n      save: {{ x: 'regex /{pattern}/' }}\n"
                        "    - get: /no", load="rate: 3/s, for: 1s")
        began = time.monotonic()
        result = run(text)
        took = time.monotonic() - began
        ok(result.errors() == {"expectation": 3} and result.balances() and took < 8 * SLOWDOWN,
           f"the pattern {pattern} gives up in time", f"{took:.2f} s\n{result}")
    text = scenario(shop.url, "    - get: /aaa\n      expect: { that: [ 'body matches /(a+)+b/' ] }",
                    load="rate: 3/s, for: 1s")
    result = run(text)
    ok(result.errors() == {"expectation": 3} and result.balances(), "in expectations, too", result)


def test_streams(shop):
    """As much as the wire carries, for two seconds: looked at or not."""
    for more, failure in (("", "timeout"), ("\n      save: { x: body }", "protocol")):
        for kind in TRANSPORTS:
            text = scenario(shop.url, f"    - get: /endless{more}", load="rate: 2/s, for: 1s",
                            http="timeout: 2s, max-body: 8MiB")
            result = run(text, "--transport", kind)
            ok(result.errors() == {failure: 2} and memory_mib(result) < 64,
               f"{kind}: endless bodies are {failure}s, and do not fill memory",
               f"{memory_mib(result)} MiB\n{result}")


def test_injection():
    for kind in TRANSPORTS:
        with Shop() as shop:
            result = run(scenario(shop.url, """
    - get: /inject
      save: { value: /value }
    - get: /ok/${value}?q=${value}
      headers: { X-Value: "${value}" }
    - post: /ok
      auth: bearer ${value}
      form: { field: "${value}" }
    - post: /ok
      json: { field: "${value}" }
"""), "--transport", kind)
            log = shop.log()
            smuggled = [line for line in log if "smuggled" in line["path"].split("?")[0][:12] or
                        "x-smuggled" in line["headers"]]
            ok(len(log) == 20 and not smuggled and result.errors() == {},
               f"{kind}: saved values with line ends in them stay where they are put",
               f"{smuggled}\n{[line['path'] for line in log[:4]]}\n{log[1:2]}\n{result}")


def test_cookies(shop):
    for kind in TRANSPORTS:
        text = scenario(shop.url, "    - get: /cookies\n" * 20 + "    - get: /ok",
                        load="users: 20, iterations: 200, for: 60s")
        result = run(text, "--transport", kind)
        ok(result.load["ok"] == 200 and memory_mib(result) < 48,
           f"{kind}: a jar has a bottom", f"{memory_mib(result)} MiB\n{result}")


def test_names():
    result = run(scenario("http://no-such-host.invalid", "    - get: /"))
    ok(result.code == 3 and "no-such-host.invalid" in result.err and
       "resolve" in result.err.lower(), "a name that does not exist is exit code 3", result)


def test_killed_shop():
    """It dies in the middle of the run and comes back at the same place."""
    for kind in TRANSPORTS:
        with Shop() as first:
            port = first.port
            process = start(scenario(first.url, "    - get: /ok", load="rate: 50/s, for: 6s",
                                     http="timeout: 1s"), "--transport", kind)
            time.sleep(2.3)
            first.process.kill()
            first.process.wait()
        time.sleep(1.5)
        with Shop("--port", str(port)) as second:
            result = finish(process)
            seen = len(second.log())
        failed = result.load.get("failed", 0)
        ok(result.balances() and result.load["scheduled"] == 300 and result.load["ok"] == 300 - failed
           and 50 <= failed <= 150 and set(result.errors()) <= {"connect", "reset"} and seen > 50,
           f"{kind}: a system that dies and comes back costs what it missed, and no more",
           f"{seen} seen by the second\n{result}")
        ok(result.load["lag_us"]["max"] < 300000 * SLOWDOWN,
           f"{kind}: while it is gone, requests are still sent on time", result)


class Doorman:
    """Forwards so many connections to a port; accepts the others, and never says a word."""

    def __init__(self, port, many):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port, self.many, self.held = port, many, []
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        for number in range(1000):
            visitor, _ = self.listener.accept()
            self.held.append(visitor)
            if number < self.many:
                shop = socket.create_connection(("127.0.0.1", self.port))
                for one, other in ((visitor, shop), (shop, visitor)):
                    threading.Thread(target=self.carry, args=(one, other), daemon=True).start()

    @staticmethod
    def carry(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        other.close()


def make_certificate():
    key, certificate = f"{SCRATCH.name}/tls.key", f"{SCRATCH.name}/tls.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out",
                    certificate], check=True, capture_output=True)
    return certificate, key


def test_silent_tls():
    certificate, key = make_certificate()
    with Shop("--tls", certificate, key) as shop:
        for kind in TRANSPORTS:
            doorman = Doorman(shop.port, 1)
            text = scenario(f"https://127.0.0.1:{doorman.listener.getsockname()[1]}",
                            "    - get: /ok", http=f"ca: {certificate}, connect-timeout: 300ms")
            result = run(text, "--transport", kind)
            ok(result.errors() == {"tls": 5} and result.balances(),
               f"{kind}: who accepts and never shakes hands is a TLS failure",
               f"{result}\n{result.report.get('errors')}")
        doorman = Doorman(shop.port, 0)
        text = scenario(f"https://127.0.0.1:{doorman.listener.getsockname()[1]}", "    - get: /ok",
                        http=f"ca: {certificate}, connect-timeout: 300ms")
        result = run(text)
        ok(result.code == 3, "before the run, it is a target that is not ready", result)


with Shop() as moody:
    test_answers(moody)
    test_regex(moody)
    test_streams(moody)
    test_cookies(moody)
test_injection()
test_names()
test_killed_shop()
test_silent_tls()
done()
