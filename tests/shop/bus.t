#!/usr/bin/python3
# events from a giver through the bus to a taker: each once, in order, whoever dies meanwhile
# timeout: 120s
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from open_shop import Client  # noqa: E402
from runs import SLOWDOWN, done, ok  # noqa: E402

LITTLE = os.path.join(os.environ.get("BUILD", "build/debug"), "tests/tools/little_services")


class Services:
    """Bus, giver and taker; each can be killed and started again on its port."""

    def __init__(self, bugs="", edges=(), start=("bus", "giver", "taker")):
        self.bugs, self.processes = bugs, {}
        self.directory = tempfile.TemporaryDirectory(prefix="sagastorm-bus-")
        self.listeners = {name: self.listen() for name in ("bus", "giver", "taker")}
        self.urls = {name: f"http://127.0.0.1:{s.getsockname()[1]}"
                     for name, s in self.listeners.items()}
        self.edges = [f"{a},{b},{self.urls[b]}" for a, b in
                      [("giver", "bus"), ("taker", "bus"), ("bus", "giver"), ("bus", "taker")]]
        self.edges += edges
        for name in start:
            self.start(name)

    @staticmethod
    def listen(port=0):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(256)
        return listener

    def start(self, name):
        fd = self.listeners[name].fileno()
        # Their words go to a file: in the middle of a line of ours they would spoil it.
        with open(f"{self.directory.name}/{name}.said", "ab") as said:
            self.processes[name] = subprocess.Popen(
                [LITTLE, name, str(fd), self.directory.name, self.bugs, *self.edges],
                pass_fds=[fd], stdin=subprocess.DEVNULL, stdout=said, stderr=said)

    def kill(self, name):
        self.processes[name].kill()
        self.processes.pop(name).wait()

    def restart(self, name):
        self.kill(name)
        self.start(name)

    def vanish(self, name):
        """Killed, and its port gone with it: not even the kernel keeps what is sent there."""
        self.kill(name)
        self.listeners[name].close()

    def come_back(self, name):
        self.listeners[name] = self.listen(int(self.urls[name].rsplit(":", 1)[1]))
        self.start(name)

    def ask(self, name, method, path, body=None):
        client = Client(self.urls[name])
        try:
            return client.ask(method, path, body, timeout=20 * SLOWDOWN)
        finally:
            client.close()

    def give(self, to, count=1, **more):
        return self.ask("giver", "POST", "/give", {"to": to, "count": count, **more})

    def taken(self):
        return self.ask("taker", "GET", "/taken").json

    def wait_for(self, condition, seconds=15):
        until = time.monotonic() + seconds * SLOWDOWN
        while time.monotonic() < until:
            if condition():
                return True
            time.sleep(0.02)
        return False

    def wait_taken(self, count, seconds=15):
        self.wait_for(lambda: len(self.taken()) >= count, seconds)
        return self.taken()

    def stats(self):
        return self.ask("bus", "GET", "/internal/stats").json

    def metric(self, name, which):
        lines = self.ask(name, "GET", "/metrics").body.decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(which))

    def dead_letters(self):
        return self.ask("bus", "GET", "/internal/dead-letters").json["items"]

    def close(self):
        """Told to end, they end: whatever a sanitizer found comes out as an exit code."""
        for process in self.processes.values():
            process.terminate()
        codes = [process.wait(10 * SLOWDOWN) for process in self.processes.values()]
        ok(not any(codes), "the services end well", codes)
        for listener in self.listeners.values():
            listener.close()
        self.directory.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def wrong(taken, wanted):
    """What is not as it must be: each aggregate's events once, from 1 on, in order."""
    for aggregate, count in wanted.items():
        numbers = [n for name, n, _ in taken if name == aggregate]
        if numbers != list(range(1, count + 1)):
            return f"{aggregate}: {numbers[:50]}, wanted 1 to {count}"
    extra = len(taken) - sum(wanted.values())
    return f"{extra} too many" if extra else None


def in_parallel(jobs):
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_delivery():
    with Services() as all_:
        wanted = {f"order-{i}": 15 for i in range(20)}

        def giver_of(name):
            return lambda: [all_.give(name, 3) for _ in range(5)]
        in_parallel([giver_of(name) for name in wanted])
        taken = all_.wait_taken(300)
        ok(wrong(taken, wanted) is None, "every event arrives once, in the order of its aggregate",
           wrong(taken, wanted))
        answer = all_.give("order-0", 4, fail=True)
        all_.give("order-0", 1)
        wanted["order-0"] += 1
        taken = all_.wait_taken(301)
        ok(answer.status == 409 and wrong(taken, wanted) is None,
           "what was rolled back is no event, and leaves no gap", wrong(taken, wanted))
        test_stream(all_)
        test_slow(all_)


def test_stream(all_):
    events, after = [], 0
    while True:
        page = all_.ask("bus", "GET", f"/api/events?after={after}&limit=100").json
        if not page["items"]:
            break
        events, after = events + page["items"], page["next"]
    first = events[0]
    ok(len(events) == 301 and [e["position"] for e in events] == sorted(e["position"] for e in events),
       "the bus shows all events, page by page", f"{len(events)}")
    ok(first["eventType"] == "Given" and first["source"] == "giver" and first["version"] == 1 and
       first["correlationId"] and first["timestamp"].endswith("Z") and first["sequence"] == 1 and
       first["aggregateId"].startswith("order-") and first["data"]["to"] == first["aggregateId"],
       "an envelope has everything", first)
    all_.wait_for(lambda: all_.stats()["pending"] == 0)
    stats = all_.stats()
    taker = stats["subscribers"][0]
    ok(stats["published"] == 301 and stats["pending"] == 0 and taker["delivered"] == 301 and
       taker["types"] == ["Given"], "its books balance", stats)


def test_slow(all_):
    before = len(all_.taken())
    start = time.monotonic()
    all_.give("snail", 2, slow_us=1500000)
    for i in range(10):
        all_.give(f"hare-{i}")
    all_.wait_taken(before + 10)
    hares = time.monotonic() - start
    taken = all_.wait_taken(before + 12)[before:]
    ok(hares < 1.4 * SLOWDOWN and [n for name, n, _ in taken if name == "snail"] == [1, 2],
       "a slow one holds up nobody else, and is taken once", f"{hares:.2f} s: {taken}")


def test_deaths():
    with Services() as all_:
        names = [f"order-{i}" for i in range(10)]
        acknowledged = dict.fromkeys(names, 0)
        unknown = []
        ending = threading.Event()

        def giver_of(name):
            def give():
                while not ending.is_set():
                    try:
                        acknowledged[name] += all_.give(name, 2).status == 200 and 2
                    except Exception:  # it died: whether this was given, nobody knows
                        unknown.append(name)
                        time.sleep(0.05)
            return give

        def killer():
            for victim in ["taker", "bus", "giver", "bus", "taker", "giver", "bus"]:
                time.sleep(0.25)
                all_.restart(victim)
            time.sleep(0.2)
            ending.set()
        in_parallel([giver_of(name) for name in names] + [killer])
        given = sum(acknowledged.values())
        all_.wait_taken(given, 30)
        all_.wait_for(lambda: all_.stats()["pending"] == 0)
        time.sleep(0.3)  # a copy would come now
        taken = all_.taken()
        counts = {name: sum(1 for at, _, _ in taken if at == name) for name in names}
        ok(wrong(taken, counts) is None,
           "though each was killed again and again, all events arrive once and in order",
           wrong(taken, counts))
        ok(all(counts[name] >= acknowledged[name] for name in names) and
           len(taken) - given <= 2 * len(unknown) and given > 100,
           "none that was acknowledged is lost, and none was made up",
           f"taken {len(taken)}, given {given}, unknown {len(unknown)}")


def test_amnesia():
    with Services() as all_:
        all_.give("a", 2)
        all_.wait_taken(2)
        all_.kill("bus")
        for file in os.listdir(all_.directory.name):
            if file.startswith("bus."):
                os.unlink(os.path.join(all_.directory.name, file))
        all_.start("bus")
        all_.give("a", 2)
        ok(wrong(all_.wait_taken(4), {"a": 4}) is None,
           "a bus that lost its memory is told again who wants what", all_.taken())
    with Services(start=("bus", "giver")) as all_:
        all_.give("early", 3)
        all_.wait_for(lambda: all_.stats()["published"] == 3)
        all_.start("taker")
        ok(wrong(all_.wait_taken(3), {"early": 3}) is None,
           "who subscribes late gets what was published before", all_.taken())


def test_poison():
    with Services() as all_:
        start = time.monotonic()
        all_.give("order-1", 1)
        all_.give("order-1", 1, poison=True)
        all_.give("order-1", 2)
        all_.give("order-2", 1, put_off=True)
        all_.give("order-2", 1)
        all_.give("order-3", 2)
        ok(wrong(all_.wait_taken(3), {"order-1": 1, "order-3": 2}) is None,
           "behind an event that fails its aggregate waits, and no other", all_.taken())
        letters = []
        all_.wait_for(lambda: letters.extend(all_.dead_letters()) or letters, 25)
        took = time.monotonic() - start
        taken = all_.wait_taken(5)
        ok([n for name, n, _ in taken if name == "order-1"] == [1, 3, 4] and took > 9 and
           len(letters) == 1 and letters[0]["failed"] == 8 and letters[0]["subscriber"] == "taker"
           and letters[0]["event"]["aggregateId"] == "order-1",
           "after 8 tries, with more and more time between, it is a dead letter; the rest goes on",
           f"{took:.1f} s, {letters}, {taken}")
        ok(not [name for name, _, _ in taken if name == "order-2"],
           "what is put off is no failure, however often", taken)
        all_.ask("taker", "POST", "/mood", {"willing": True})
        path = f"/internal/dead-letters/{letters[0]['id']}/retry"
        answer = all_.ask("bus", "POST", path)
        taken = all_.wait_taken(8)
        ok(answer.status == 200 and
           [n for name, n, _ in taken if name == "order-1"] == [1, 3, 4, 2] and
           [n for name, n, _ in taken if name == "order-2"] == [1, 2] and
           all_.dead_letters() == [] and all_.ask("bus", "POST", path).status == 404,
           "a dead letter can be sent again, once; what was put off comes by itself", taken)


def test_bad_input():
    with Services() as all_:
        good = {"eventType": "T", "eventId": "e1", "version": 1, "aggregateId": "a", "sequence": 1,
                "timestamp": "", "correlationId": "", "source": "", "data": {}}
        bad = [None, {}, {"events": {}}, {"events": [1]}, {"events": [{}]},
               {"events": [good | {"eventId": ""}]}, {"events": [good | {"eventId": "x" * 64}]},
               {"events": [good | {"sequence": "1"}]}, {"events": [good | {"data": "x" * 600000}]},
               {"events": [good, {}]}, {"events": [good] * 1001}, "not JSON", "[]"]
        statuses = [all_.ask("bus", "POST", "/internal/publish", body).status for body in bad]
        ok(statuses == [400] * len(bad), "a bad batch is refused", statuses)
        bad = [None, {}, {"service": "taker"}, {"service": 1, "types": []},
               {"service": "taker", "types": [1]}, {"service": "taker", "types": ["x"] * 65}]
        statuses = [all_.ask("bus", "POST", "/internal/subscribe", body).status for body in bad]
        statuses.append(all_.ask("bus", "POST", "/internal/subscribe",
                                 {"service": "nobody", "types": ["x"]}).status)
        ok(statuses == [400] * len(bad) + [404], "and a bad subscription", statuses)
        bad = [None, {}, {"events": 1}, {"events": [1]}, {"events": [{"eventId": "x"}]},
               {"events": [good] * 257}]
        statuses = [all_.ask("taker", "POST", "/internal/events", body).status for body in bad]
        ok(statuses == [400] * len(bad), "services refuse what no bus would send", statuses)
        first, again = [all_.ask("bus", "POST", "/internal/publish", {"events": [good, good]}).json
                        for _ in range(2)]
        ok(first["accepted"] == 1 and first["duplicates"] == 1 and again["accepted"] == 0 and
           again["duplicates"] == 2 and all_.stats()["published"] == 1,
           "an event that comes again is known", [first, again])


class Moody(BaseHTTPRequestHandler):
    """Counts, and answers as it is told."""
    protocol_version = "HTTP/1.1"
    status, seen = 200, []

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        Moody.seen.append((self.command, self.path, dict(self.headers)))
        body = b'{"mood": 1}'
        self.send_response(Moody.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_):
        pass


def call(all_, method, path="/x", edge="moody", **more):
    del Moody.seen[:]
    return all_.ask("giver", "POST", "/ask", {"edge": edge, "method": method, "path": path, **more}).json


def test_calls(server):
    edges = [f"giver,moody,http://127.0.0.1:{server.server_port}", "giver,nowhere,http://127.0.0.1:1"]
    with Services(edges=edges, start=("giver",)) as all_:
        Moody.status = 200
        answer = call(all_, "GET", "/a b\r\nX-Evil: 1?q=\u00e9")
        ok(answer == {"result": "answered", "status": 200, "json": {"mood": 1}} and
           Moody.seen[0][1] == "/a%20b%0D%0AX-Evil:%201?q=%C3%A9" and
           "X-Evil" not in Moody.seen[0][2], "a path cannot smuggle in a header", Moody.seen)
        ok("X-Correlation-Id" in Moody.seen[0][2] and "traceparent" in Moody.seen[0][2],
           "a call says what it belongs to", Moody.seen)
        Moody.status = 503
        tries = []
        for method, more in [("GET", {}), ("POST", {"key": "k"}), ("POST", {}), ("PUT", {})]:
            call(all_, method, retries=2, **more)
            tries.append((len(Moody.seen), Moody.seen[0][2].get("Idempotency-Key")))
            Moody.status = 200
            call(all_, "GET")
            Moody.status = 503
        ok(tries == [(3, None), (3, "k"), (1, None), (3, None)],
           "trouble is tried again, within bounds, where that is safe", tries)
        Moody.status = 404
        answer = call(all_, "GET", retries=2)
        ok(answer["status"] == 404 and len(Moody.seen) == 1, "a refusal is an answer", answer)
        test_breaker(all_)
        answer = call(all_, "POST", edge="nowhere", retries=1)
        ok(answer["result"] == "refused" and
           all_.metric("giver", 'shop_call_retries_total{edge="nowhere"}') == 1,
           "what was not sent is safe to try again", answer)
        ok(call(all_, "GET", edge="nobody")["result"] == "refused", "an edge that is not there")


def test_breaker(all_):
    def state():
        return all_.metric("giver", 'shop_breaker_state{edge="moody"}')
    Moody.status = 500
    results = [call(all_, "POST")["result"] for _ in range(8)]
    ok(results == ["answered"] * 5 + ["open"] * 3 and state() == 1 and Moody.seen == [],
       "after 5 failures in a row the breaker opens, and nothing gets through", results)
    time.sleep(0.55)
    results = [call(all_, "POST")["result"] for _ in range(2)]
    ok(results == ["answered", "open"], "after a while it tries one, and opens again", results)
    time.sleep(0.55)
    Moody.status = 200
    results = [call(all_, "POST")["result"] for _ in range(3)]
    moves = [all_.metric("giver", f'shop_breaker_transitions_total{{edge="moody",to="{to}"}}')
             for to in ("open", "half-open", "closed")]
    ok(results == ["answered"] * 3 and state() == 0 and moves == [2, 2, 1],
       "and closes when that one is good", f"{results} {moves}")


def test_call_bugs(server):
    edges = [f"giver,moody,http://127.0.0.1:{server.server_port}"]
    with Services("breaker-stuck", edges, start=("giver",)) as all_:
        Moody.status = 500
        for _ in range(5):
            call(all_, "POST")
        Moody.status = 200
        time.sleep(1)
        ok(call(all_, "POST")["result"] == "open", "bug breaker-stuck: it stays open")
    with Services("unbounded-retries", edges, start=("giver",)) as all_:
        Moody.status = 503
        threading.Timer(0.5, lambda: setattr(Moody, "status", 200)).start()
        answer = call(all_, "GET", retries=2)
        ok(answer["status"] == 200 and len(Moody.seen) > 5,
           "bug unbounded-retries: no end of tries", f"{answer} after {len(Moody.seen)} tries")


def test_event_bugs():
    for bug, wanted in (("", [1, 2, 3]), ("dual-write", [1, 3]), ("outbox-early-delete", [1, 3])):
        with Services(bug) as all_:
            all_.give("a", 1)
            all_.wait_taken(1)
            all_.vanish("bus")
            all_.give("a", 1)
            time.sleep(0.3)
            all_.come_back("bus")
            all_.give("a", 1)
            numbers = [n for _, n, _ in all_.wait_taken(len(wanted))]
            ok(numbers == wanted, f"bug {bug or 'none'}: the bus was away for a while", numbers)
    with Services("dual-write") as all_:
        all_.give("a", 1, fail=True)
        ok(len(all_.wait_taken(1)) == 1, "bug dual-write: an event without its change")
    with Services("relay-reorders") as all_:
        all_.give("a", 5)
        numbers = [n for _, n, _ in all_.wait_taken(5)]
        ok(numbers == [5, 4, 3, 2, 1], "bug relay-reorders: the newest comes first", numbers)
    with Services("ack-first") as all_:
        all_.give("a", 1, poison=True)
        all_.wait_for(lambda: [at["delivered"] for at in all_.stats()["subscribers"]] == [1])
        all_.give("a", 1)
        numbers = [n for _, n, _ in all_.wait_taken(1)]
        ok(numbers == [2], "bug ack-first: what failed is lost", numbers)
    for bug, copies in (("", 1), ("no-dedupe", 3)):
        with Services(bug) as all_:
            all_.give("a", 1)
            all_.wait_taken(1)
            event = all_.ask("bus", "GET", "/api/events").json["items"]
            for _ in range(2):
                all_.ask("taker", "POST", "/internal/events", {"events": event})
            ok(len(all_.taken()) == copies, f"bug {bug or 'none'}: {copies} of one", all_.taken())


def test_poison_dropped():
    with Services("poison-dropped") as all_:
        all_.give("a", 1, poison=True)
        all_.give("a", 1)
        ok(len(all_.wait_taken(1, 25)) == 1 and all_.dead_letters() == [],
           "bug poison-dropped: it is gone, and nobody knows")


moody = ThreadingHTTPServer(("127.0.0.1", 0), Moody)
threading.Thread(target=moody.serve_forever, daemon=True).start()
in_parallel([test_poison, test_poison_dropped,
             lambda: (test_delivery(), test_amnesia(), test_bad_input(), test_calls(moody),
                      test_call_bugs(moody))])
test_deaths()
test_event_bugs()
moody.shutdown()
done()
