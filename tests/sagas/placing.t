#!/usr/bin/python3
"""What visitors do to a saga is written down as it happens; keys before their first byte."""
import http.server
import os
import signal
import socket
import sys
import threading

sys.path.insert(0, "tests/tools")
from runs import done, finish, ok, run, start, wait_for, children
from saga_history import sagas

CONTRACT = """
sagas:
  order:
    read: GET /orders/${order.key}
    state: /status
    id: /id
    amount: /total
    decimals: 2
    budget: { item: /coupon }
    moves: { NEW: [PAID, FAILED], PAID: [DONE, FAILED] }
    succeeded: [DONE]
    compensated: [FAILED]
    steps: { confirm: { pivot: yes } }
"""


class Orders(http.server.BaseHTTPRequestHandler):
    """Does what the path says: /place/201, /place/reset, /place/flaky, /place/hang."""
    protocol_version = "HTTP/1.1"
    seen, early, directory, lock = [], [], None, threading.Lock()

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        try:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def note(self):
        """That the history has as many keys as came here, at the latest when they come."""
        key = self.headers.get("Idempotency-Key")
        with Orders.lock:
            Orders.seen.append((key, self.path, self.headers.get("X-Correlation-Id")))
            keys = {key for key, _, _ in Orders.seen}
            if Orders.directory:
                minted = len(sagas(f"{Orders.directory}/history", "worker-*").of("MINTED"))
                if minted < len(keys):
                    Orders.early.append(key)
            return sum(1 for other, _, _ in Orders.seen if other == key)

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        times, how = self.note(), self.path.rsplit("/", 1)[-1]
        if how == "reset" or (how == "flaky" and times == 1):
            self.close_connection = True
            return
        if how == "flaky" and times == 2:
            self.answer(503, b"{}")
            return
        if how == "hang":
            threading.Event().wait(1)
            self.close_connection = True
            return
        if how == "made-up":
            self.answer(201, b'{"id": "o-9", "status": "PAID"}', [("X-Sagastorm-Fault", "replace")])
            return
        if how == "twice":
            self.answer(201, b'{"id": "o-%d", "status": "NEW", "total": "19.90"}' % times)
            return
        self.answer(201 if how == "flaky" else int(how),
                    b'{"id": "o-1", "status": "PAID", "total": "19.90", "coupon": "C"}')

    def do_GET(self):
        how = self.path.rsplit("/", 1)[-1]
        if how == "close":
            self.other.close()
        self.answer(404 if how == "gone" else 200, b'{"status": "DONE"}')

    do_DELETE = do_POST


def journeys(steps, load="{ iterations: 1, users: 1 }", more=""):
    return (f"target: http://127.0.0.1:{port}\nload: {{ go: {load} }}\n{more}{CONTRACT}"
            f"journeys:\n  buy:\n{steps}")


def place(how, more=""):
    return f"    - post: /place/{how}\n      saga: order\n      on-fail: continue\n{more}"


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Orders)
server.daemon_threads = True
port = server.server_port
threading.Thread(target=server.serve_forever, daemon=True).start()


def events(text, *arguments):
    Orders.seen, Orders.early, Orders.directory = [], [], None
    result = run(text, *arguments)
    return result, sagas(f"{result.directory}/history", "worker-*")


# What an answer means.
MEANINGS = [("201", "OK"), ("200", "OK"), ("400", "FAIL"), ("404", "FAIL"), ("409", "FAIL"),
            ("422", "FAIL"), ("429", "FAIL"), ("408", "INFO"), ("425", "INFO"), ("500", "INFO"),
            ("502", "INFO"), ("503", "INFO"), ("302", "INFO"), ("reset", "INFO"),
            ("hang", "INFO"), ("made-up", "INFO")]
result, found = events(journeys("".join(
    place(how, "      timeout: 200ms\n") for how, _ in MEANINGS)))
said = [(f["event"], f["status"]) for f in found.of("OK", "FAIL", "INFO")]
ok([event for event, _ in said] == [event for _, event in MEANINGS],
   "an answer is a yes, a certain no, or unknown", (said, result))
ok(len(found.of("MINTED")) == len(found.of("SENT")) == len(MEANINGS)
   and len({f["saga"] for f in found.facts}) == len(MEANINGS), "each saga is another one", found.facts)
first = found.of("OK")[0]
ok((first["amount"], first["state"], first["status"]) == (1990, 1, 201) and first["item"],
   "what the answer says is kept: state, sum and coupon", first)
ok([i["id"] for i in found.ids] == ["o-1", "o-1"], "and what the system calls it", found.ids)
ok(all(key == correlation for key, _, correlation in Orders.seen),
   "the key is the correlation, too", Orders.seen)

# Nobody there.
Orders.other = socket.create_server(("127.0.0.1", 0))
dead = Orders.other.getsockname()[1]
result, found = events(journeys(f"    - get: /close\n"
                                f"    - post: http://127.0.0.1:{dead}/\n      saga: order\n",
                                more=f"http: {{ allow: ['http://127.0.0.1:{dead}'] }}\n"))
ok([f["event"] for f in found.of("OK", "FAIL", "INFO")] == ["FAIL"],
   "without a connection nothing was sent", f"{found.facts}\n{result}")

# Retries keep the key.
result, found = events(journeys(
    "    - post: /place/flaky\n      saga: order\n"
    "      retry: { times: 3, on: [reset, 5xx], backoff: 10ms }\n", "{ iterations: 5, users: 5 }"))
counts = [sum(1 for other, _, _ in Orders.seen if other == key)
          for key in {key for key, _, _ in Orders.seen}]
ok(counts == [3] * 5, "retries keep their key", Orders.seen)
ok(sorted(f["attempt"] for f in found.of("SENT")) == sorted([0, 1, 2] * 5)
   and len(found.of("INFO")) == 10 and len(found.of("OK")) == 5,
   "and each attempt is a fact of its own", found.facts)

# Afterwards.
result, found = events(journeys(
    "    - post: /place/201\n      saga: { places: order, shown: 19.90, again: yes }\n"
    "    - post: /place/422\n      saga: { misuses: order }\n      expect: { status: 422 }\n"
    "    - get: /orders/${order.id}\n      saga: { reads: order }\n"
    "    - get: /orders/gone\n      saga: { reads: order }\n      on-fail: continue\n"
    "    - delete: /place/202\n      saga: { cancels: order }\n"
    "    - delete: /place/409\n      saga: { cancels: order }\n      on-fail: continue\n"))
said = [f["event"] for f in found.facts]
ok(said == ["MINTED", "SENT", "OK", "AGAIN", "MISUSED", "SAW", "MISSED", "CANCEL_SENT",
            "CANCEL_OK", "CANCEL_SENT", "CANCEL_NO"], "what was done to it, in order", said)
ok(found.of("MINTED")[0]["amount"] == 1990, "what the visitor was shown", found.facts[0])
ok(found.of("AGAIN")[0]["value"] == 1, "the same answer to the same request", found.facts)
ok(found.of("MISUSED")[0]["value"] == 1, "another body was refused", found.facts)
ok(found.of("SAW")[0]["state"] == 2, "the state that was read", found.facts)
result, found = events(journeys("    - post: /place/twice\n      saga: { places: order, again: yes }\n"
                                "    - post: /place/201\n      saga: { misuses: order }\n"))
ok(found.of("AGAIN")[0]["value"] == 0, "another answer to the same request is seen", found.facts)
ok(found.of("MISUSED")[0]["value"] == 0, "so is another body that was taken", found.facts)

result, found = events(journeys(
    "    - post: /place/201\n      saga: order\n"
    "    - post: /place/made-up\n      saga: { misuses: order }\n"
    "    - delete: /place/made-up\n      saga: { cancels: order }\n"))
ok([f["event"] for f in found.facts][3:] == ["CANCEL_SENT", "CANCEL_INFO"],
   "what the harness's own proxy answers is nobody's word", found.facts)

# Two tabs.
result, found = events(journeys(
    "    - together:\n        - { post: /place/201, saga: order }\n"
    "        - { post: /place/201, saga: order }\n"))
ok(len(found.of("MINTED")) == 1 and len(found.of("SENT")) == 2
   and len({key for key, _, _ in Orders.seen}) == 1, "two tabs race with one key", found.facts)

# Before the first byte; and whatever becomes of the worker.
Orders.seen, Orders.early = [], []
process = start(journeys("    - post: /place/201\n      saga: order\n", "{ rate: 100/s, for: 20s }",
                         "generator: { workers: 1 }\n"))
Orders.directory = process.directory
ok(wait_for(lambda: len(Orders.seen) > 40, 15), "orders come in", Orders.seen[:3])
worker = children(process.pid)
for pid in worker:
    os.kill(pid, signal.SIGKILL)
finish(process)
found = sagas(f"{process.directory}/history", "worker-*")
ok(not Orders.early, "a key is in the history before the server sees it", Orders.early[:3])
ok(len(found.of("MINTED")) >= len({key for key, _, _ in Orders.seen}) > 40,
   "a worker that is killed loses no key", (len(found.of("MINTED")), len(Orders.seen)))

# The same seed.
plans = []
for _ in range(2):
    result, found = events(journeys(
        "    - post: /place-${fn.int(1,1000000)}/201\n      saga: order\n", "{ rate: 50/s, for: 1s }",
        "seed: 7\n"))
    plans.append(([path for _, path, _ in Orders.seen], {key for key, _, _ in Orders.seen}))
ok(sorted(plans[0][0]) == sorted(plans[1][0]) and len(plans[0][1]) == 50,
   "the same seed gives the same requests", plans[0][0][:3])
ok(not plans[0][1] & plans[1][1], "and other keys: nothing looks like a repetition", plans[0][1])
done()
