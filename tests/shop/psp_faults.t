#!/usr/bin/python3
# what the payment provider does wrong when it is told to
# timeout: 60s
import http.client
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))
from witness import BINARY, Witness, done, ok

directory = tempfile.TemporaryDirectory()
ledger = os.path.join(directory.name, "psp.jsonl")
events = []


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        events.append((time.monotonic(), event["data"]["object"]["metadata"].get("n")))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
threading.Thread(target=hook.serve_forever, daemon=True).start()


def start(*arguments):
    return Witness("psp", "--ledger", ledger, "--webhook",
                   f"http://127.0.0.1:{hook.server_address[1]}/hooks", *arguments)


def control(method, path="", body=None):
    connection = http.client.HTTPConnection("127.0.0.1", psp.port, timeout=20)
    try:
        connection.request(method, f"/witness/faults{path}",
                           None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def only(body):
    control("DELETE")
    status, said = control("PUT", "/only", body)
    if status != 200:
        raise RuntimeError(said)


def charge(key=None, **metadata):
    form = {"amount": 1099, "currency": "usd", "confirm": "true",
            "payment_method": "pm_card_visa"}
    form.update({f"metadata[{name}]": value for name, value in metadata.items()})
    return psp.ask("POST", "/v1/payment_intents", form, key)


def lost(call):
    try:
        call()
    except (http.client.RemoteDisconnected, ConnectionResetError):
        return True
    return False


def charged():
    return psp.ask("GET", "/witness")[1]["charged"]


psp = start()
ok(control("GET") == (200, {"witness": "psp", "faults": []}), "at first it does nothing wrong")

# Declines

only({"decline": {"code": "insufficient_funds"}})
status, body, _ = charge("d-1")
ok(status == 402 and body["error"]["decline_code"] == "insufficient_funds" and
   body["error"]["payment_intent"]["amount_received"] == 0 and charged() == 0,
   "a good card is declined, and nothing is charged", body)
control("DELETE")
again = charge("d-1")
ok(again[0] == 402 and again[2]["Idempotent-Replayed"] == "true",
   "and stays declined under its key when the fault is over", again)
ok(charge("d-2")[0] == 200, "another one pays then")


def pattern(seed):
    only({"decline": {"share": "30%"}, "seed": seed, "stream": "s"})
    return [charge()[0] for _ in range(60)]


first = pattern(7)
ok(first == pattern(7) != pattern(8), "who is hit comes from the seed", first)
ok(5 < first.count(402) < 35, "about that share", first)
seen = control("GET")[1]["faults"][0]
ok(seen["met"] == 60 and 0 < seen["hits"] < 60, "met and hit are counted", seen)

# Errors

before = charged()
only({"error": {"status": 429}})
status, body, _ = charge("e-1")
ok(status == 429 and body["error"]["code"] == "rate_limit", "too many requests", body)
only({"error": {"status": 503, "of": "charges"}})
ok(charge("e-1")[0] == 503 and charged() == before, "an error before has no effect")
control("DELETE")
status, paid, headers = charge("e-1")
ok(status == 200 and "Idempotent-Replayed" not in headers, "and has not used its key", headers)
ok(charged() == before + 1, "which then pays once")

only({"error": {"status": 500, "when": "after"}})
status, body, _ = charge("e-2")
ok(status == 500 and body["error"]["type"] == "api_error" and charged() == before + 2,
   "an error after the charge: it is charged", body)
control("DELETE")
again = charge("e-2")
ok(again[:2] == (500, body) and again[2]["Idempotent-Replayed"] == "true",
   "the same key gets the same error again", again)
psp.restart()
again = charge("e-2")
ok(again[:2] == (500, body) and again[2]["Idempotent-Replayed"] == "true",
   "also after a restart", again)
ok(psp.ask("GET", "/v1/payment_intents?limit=1")[1]["data"][0]["status"] == "succeeded",
   "a list shows that it was charged")
ok(control("GET")[1]["faults"] == [], "a restart ends what it did wrong")

only({"error": {"status": 500, "of": "refunds"}})
ok(charge("e-3")[0] == 200, "errors of refunds are not of charges")
ok(psp.ask("POST", "/v1/refunds", {"payment_intent": paid["id"]}, "r-1")[0] == 500, "but theirs")

# Replies

before = charged()
only({"lose-reply": {}})
ok(lost(lambda: charge("l-1")) and charged() == before + 1, "a lost reply: it is charged")
again = charge("l-1")
ok(again[0] == 200 and again[2]["Idempotent-Replayed"] == "true" and charged() == before + 1,
   "who asks again with the key learns of it", again)

only({"delay": {"delay": "600ms", "when": "before"}})
began = time.monotonic()
late = threading.Thread(target=charge, args=("w-1",))
late.start()
time.sleep(0.2)
early = charged()
late.join()
ok(early == before + 1 and charged() == before + 2 and time.monotonic() - began > 0.55,
   "a delay before: it has no effect until then", (early, before))
only({"delay": {"delay": "600ms"}})
late = threading.Thread(target=charge, args=("w-2",))
late.start()
time.sleep(0.3)
ok(charged() == before + 3 and late.is_alive(), "a delay after: it has, and is answered late")
ok(charge("w-2")[0] == 409, "meanwhile its key is in use")
late.join()

# Webhooks


def told(*numbers, wanted, within=4):
    events.clear()
    for number in numbers:
        charge(n=number)
    until = time.monotonic() + within
    while len(events) < wanted and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.2)
    return [number for _, number in events]


only({"webhooks": {"twice": True}})
ok(told("a", wanted=2) == ["a", "a"], "a webhook comes twice")
only({"webhooks": {"drop": True}})
ok(told("b", wanted=1, within=0.5) == [], "or never")
only({"webhooks": {"delay": "700ms"}})
began = time.monotonic()
ok(told("c", wanted=1) == ["c"] and events[0][0] - began > 0.65, "or later")
only({"webhooks": {"reorder": True}})
ok(told("d", wanted=1) == ["d"], "one that none follows is told all the same")
only({"webhooks": {"reorder": True, "share": 1}, "for": "200ms"})
charge(n="e")
time.sleep(0.4)
ok(told("f", wanted=2) == ["f", "e"], "or after the next one; and a fault ends by itself", events)
counts = psp.ask("GET", "/witness")[1]["webhooks"]
ok(counts["dropped"] == 1 and counts["repeated"] == 1, "which is counted", counts)

# Mistakes

for body, why in (({"declin": {}}, "did you mean 'decline'"), ({}, "wrong"), ([], "a map"),
                  ({"decline": {"share": 2}}, "share"), ({"decline": {"code": "x"}}, "code"),
                  ({"decline": {}, "delay": {}}, "one at a time"), ({"webhooks": {}}, "nothing"),
                  ({"error": {"status": 450}}, "429"), ({"bounce": {}}, "unknown"),
                  ({"error": {"status": 429, "when": "after"}}, "before"),
                  ({"delay": {"delay": "1y"}}, "delay"), ("x" * 20000, "bytes"),
                  ("\udcff", ""), (None, "")):
    status, said = control("PUT", "/bad", body)
    ok(status == 400 and why in said["error"].get("message", ""), f"refused: {body}"[:60], said)
ok(control("PUT", "/not%20good", {"decline": {}})[0] == 400 and
   control("PUT", "/" + "x" * 101, {"decline": {}})[0] == 400, "a bad name is refused")
ok(control("POST", "", {})[0] == 405 and control("PUT", "", {})[0] == 405, "so is another method")
control("DELETE")
statuses = [control("PUT", f"/{i}", {"decline": {}})[0] for i in range(101)]
ok(statuses[:100] == [200] * 100 and statuses[100] == 400, "a hundred at most")
ok(control("DELETE", "/7")[0] == 200 and control("DELETE", "/7")[0] == 200 and
   len(control("GET")[1]["faults"]) == 99, "taking one away twice is harmless")
code, said = psp.end()
ok(code == 0 and said == "", "it ends in good order", (code, said))

# The command line

psp = start("--fault", "decline: { share: 100%, code: lost_card }")
ok(charge("cli-1")[1]["error"]["decline_code"] == "lost_card", "--fault")
psp.end()
bad = subprocess.run([BINARY, "witness", "psp", "--fault", "decline: { kode: x }"],
                     capture_output=True, text=True, timeout=20)
ok(bad.returncode == 2 and "did you mean 'code'" in bad.stderr and bad.stdout == "",
   "a mistake in it is said before anything else", bad)
hook.shutdown()
done()
