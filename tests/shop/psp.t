#!/usr/bin/python3
# the payment provider: charges, declines, refunds, keys, lists, webhooks, and what a kill leaves
# timeout: 120s
import http.client
import http.server
import json
import os
import signal
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
refuse_first = {"left": 2}


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        code = 200
        if refuse_first["left"]:
            refuse_first["left"] -= 1
            code = 500
        else:
            events.append(event)
        self.send_response(code)
        self.end_headers()

    def log_message(self, *_):
        pass


hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
threading.Thread(target=hook.serve_forever, daemon=True).start()
psp = Witness("psp", "--ledger", ledger, "--webhook",
              f"http://127.0.0.1:{hook.server_address[1]}/hooks")


def charge(key=None, **changes):
    form = {"amount": 1099, "currency": "usd", "confirm": "true",
            "payment_method": "pm_card_visa", "metadata[order_key]": "k1",
            "metadata[order_id]": "ord_1", **changes}
    return psp.ask("POST", "/v1/payment_intents",
                   {name: value for name, value in form.items() if value is not None}, key)


def refund(key=None, **form):
    return psp.ask("POST", "/v1/refunds", form, key)


def all_of(path, limit=100):
    items, cursor = [], ""
    while True:
        status, page, _ = psp.ask("GET", f"{path}?limit={limit}{cursor}")
        if status != 200:
            raise RuntimeError(page)
        items += page["data"]
        if not page["has_more"]:
            return items
        cursor = f"&starting_after={page['data'][-1]['id']}"


# Charges

status, paid, headers = charge("pi-1")
ok(status == 200 and paid["object"] == "payment_intent" and paid["status"] == "succeeded" and
   paid["amount"] == paid["amount_received"] == 1099 and paid["id"].startswith("pi_"),
   "a good card pays", paid)
ok(paid["metadata"] == {"order_key": "k1", "order_id": "ord_1"}, "metadata comes back", paid)
ok("Idempotent-Replayed" not in headers, "the first answer is no replay", headers)
again = charge("pi-1")
ok(again[0] == 200 and again[1] == paid and again[2]["Idempotent-Replayed"] == "true",
   "the same key and parameters: the same answer", again)
swapped = psp.ask("POST", "/v1/payment_intents", key="pi-1",
                  raw="metadata%5Border_id%5D=ord_1&payment_method=pm_card_visa&confirm=true&"
                      "currency=usd&amount=1099&metadata[order_key]=k1")
ok(swapped[1] == paid, "also when they come in another order and spelling", swapped)
ok(len(all_of("/v1/payment_intents")) == 1, "and one charge")
status, body, _ = charge("pi-1", amount=1100)
ok(status == 400 and body["error"]["type"] == "idempotency_error",
   "the same key with another amount is an error", body)
status, body, _ = refund("pi-1", payment_intent=paid["id"])
ok(status == 400 and body["error"]["type"] == "idempotency_error",
   "so is the same key at another address", body)
ok(charge()[1]["id"] != charge()[1]["id"], "without a key each request is a charge of its own")

for card, code, decline in (
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None)):
    status, body, _ = charge(f"no-{card}", payment_method=card)
    error = body["error"]
    ok(status == 402 and error["type"] == "card_error" and error["code"] == code and
       error.get("decline_code") == decline and
       error["payment_intent"]["status"] == "requires_payment_method" and
       error["payment_intent"]["amount_received"] == 0, f"{card} is declined", body)
    again = charge(f"no-{card}", payment_method=card)
    ok(again[:2] == (402, body), "and stays declined under its key", again)

for changes, param in (({"amount": None}, "amount"), ({"amount": "-5"}, "amount"),
                       ({"amount": "12.5"}, "amount"), ({"amount": "1e3"}, "amount"),
                       ({"amount": "49"}, "amount"), ({"amount": "100000000"}, "amount"),
                       ({"amount": "99999999999999999999"}, "amount"),
                       ({"amount": "0"}, "amount"), ({"amount": ""}, "amount"),
                       ({"currency": None}, "currency"), ({"currency": "xxx"}, "currency"),
                       ({"confirm": None}, "confirm"), ({"confirm": "false"}, "confirm"),
                       ({"payment_method": None}, "payment_method"),
                       ({"payment_method": "pm_no\u00e9"}, "payment_method"),
                       ({"metadata[k]": "v" * 501}, "metadata")):
    status, body, _ = charge("malformed", **changes)
    ok(status == 400 and body["error"]["param"] == param, f"refused: {changes}"[:60], body)
ok(charge("malformed")[0] == 200, "a malformed request has not used its key")

for raw in ("amount=%", "amount=%zz", "amount=%00", "a=1&a=2", "amount=\xff", "x" * 6000,
            "&".join(f"p{i}=1" for i in range(101)), "amount=%ff", "=&=&", "&&&", ""):
    status, body, _ = psp.ask("POST", "/v1/payment_intents", raw=raw.encode("latin-1"))
    ok(status == 400 and "error" in body, f"hostile body {raw[:12]!r}", body)
ok(charge("k" * 256)[0] == 400, "a key that is too long is refused")
ok(charge(b"\xff\xfe")[0] == 400, "so is one that is no text")
ok(psp.ask("GET", "/v1/nothing%ff")[0] == 404, "an address that is none")
ok(psp.ask("GET", "/v1/payment_intents/pi_none")[0] == 404, "an intent that is none")

# Refunds

status, body, _ = refund("re-0", payment_intent=paid["id"], amount=1100)
ok(status == 400 and "greater than" in body["error"]["message"],
   "more than was charged can't be refunded", body)
ok(refund("re-0", payment_intent=paid["id"], amount=1100)[2]["Idempotent-Replayed"] == "true",
   "an error of the execution is kept under its key")
status, part, _ = refund("re-1", payment_intent=paid["id"], amount=99)
ok(status == 200 and part["object"] == "refund" and part["amount"] == 99, "a part", part)
status, rest, _ = refund("re-2", charge=paid["latest_charge"], **{"metadata[order_key]": "k1"})
ok(status == 200 and rest["amount"] == 1000 and rest["payment_intent"] == paid["id"],
   "the rest, by its charge", rest)
ok(refund("re-2", charge=paid["latest_charge"], **{"metadata[order_key]": "k1"})[1] == rest,
   "once")
status, body, _ = refund("re-3", payment_intent=paid["id"])
ok(status == 400 and body["error"]["code"] == "charge_already_refunded", "and no more", body)
declined = [one for one in all_of("/v1/payment_intents") if one["status"] != "succeeded"][0]
status, body, _ = refund(payment_intent=declined["id"])
ok(status == 400, "what was declined can't be refunded", body)
ok(refund(payment_intent="pi_none")[1]["error"]["code"] == "resource_missing", "nor what is not")
ok(refund()[0] == 400, "nor nothing")
for amount in ("-1", "0", "x", "9" * 30):
    ok(refund(payment_intent=paid["id"], amount=amount)[0] == 400, f"refund of {amount[:5]}")
found = psp.ask("GET", f"/v1/refunds?payment_intent={paid['id']}")[1]
ok([one["id"] for one in found["data"]] == [rest["id"], part["id"]],
   "refunds of an intent, newest first", found)
ok(psp.ask("GET", f"/v1/refunds/{part['id']}")[1] == part, "a refund by its id")
ok(psp.ask("GET", "/v1/refunds?payment_intent=pi_none")[1]["data"] == [], "of none, none")

# Lists

for i in range(25):
    charge(f"list-{i}")
everything = all_of("/v1/payment_intents")
ok(len({one["id"] for one in everything}) == len(everything) >= 25, "all, once")
ok(all_of("/v1/payment_intents", 7) == everything, "in pages of any size")
middle = everything[12]["id"]
before = psp.ask("GET", f"/v1/payment_intents?limit=5&ending_before={middle}")[1]["data"]
ok(before == everything[7:12], "the page before", before)
for query in ("limit=0", "limit=101", "limit=x", "starting_after=pi_none", "limit="):
    ok(psp.ask("GET", f"/v1/payment_intents?{query}")[0] == 400, f"refused: {query}")

# Webhooks

wanted = len(everything) + 2
until = time.monotonic() + 10
while len(events) < wanted and time.monotonic() < until:
    time.sleep(0.05)
kinds = {kind: [e for e in events if e["type"] == kind] for kind in {e["type"] for e in events}}
ok(len(events) == wanted == len({event["id"] for event in events}),
   "every charge, decline and refund is told once, refused deliveries again",
   f"{len(events)} {wanted}")
ok(len(kinds["payment_intent.payment_failed"]) == 3 and len(kinds["charge.refunded"]) == 2,
   "by its name", {kind: len(list_) for kind, list_ in kinds.items()})
last = max(kinds["charge.refunded"], key=lambda e: e["data"]["object"]["amount_refunded"])
ok(last["data"]["object"]["refunded"] is True and last["data"]["object"]["amount"] == 1099,
   "a full refund says so", last)

# What a kill leaves

before = all_of("/v1/payment_intents"), all_of("/v1/refunds")
psp.restart()
ok((all_of("/v1/payment_intents"), all_of("/v1/refunds")) == before, "a kill loses nothing")
again = charge("pi-1")
ok(again[1] == paid and again[2]["Idempotent-Replayed"] == "true", "keys are kept as well", again)
again = charge("no-pm_card_chargeDeclined", payment_method="pm_card_chargeDeclined")
ok(again[0] == 402 and again[2]["Idempotent-Replayed"] == "true", "with declines", again)
again = refund("re-0", payment_intent=paid["id"], amount=1100)
ok(again[0] == 400 and again[2]["Idempotent-Replayed"] == "true", "and errors", again)
ok(refund("re-4", payment_intent=paid["id"])[1]["error"]["code"] == "charge_already_refunded",
   "what was given back stays given back")
ok(charge("pi-1", amount=1)[0] == 400 and len(all_of("/v1/payment_intents")) == len(before[0]),
   "a key is still bound to its parameters")
code, said = subprocess.run([BINARY, "witness", "psp", "--ledger", ledger],
                            capture_output=True, text=True, timeout=20).returncode, ""
ok(code == 2, "a ledger has one writer", code)

psp.end(signal.SIGKILL)
with open(ledger, "ab") as file:
    file.write(b'{"object":"payment_intent","id":"pi_torn","amou')
psp.start()
ok(len(all_of("/v1/payment_intents")) == len(before[0]), "a torn line at the end is cut off")
charge("after-torn")
psp.restart()
ok(len(all_of("/v1/payment_intents")) == len(before[0]) + 1, "and the next one is whole")
code, said = psp.end()
ok(code == 0 and said == "", "SIGTERM ends it", (code, said))
lines = [json.loads(line) for line in open(ledger)]
ok(sum(line["object"] == "payment_intent" for line in lines) == len(before[0]) + 1 and
   all(line["witness"]["at_us"] for line in lines), "the ledger can be read by others")
with open(ledger, "r+b") as file:
    file.write(b"nonsense")
bad = subprocess.run([BINARY, "witness", "psp", "--ledger", ledger], capture_output=True,
                     text=True, timeout=20)
ok(bad.returncode == 2 and "psp.jsonl:1:" in bad.stderr, "damage is said, with its place", bad)

# A key in use, and kills in the middle of a crowd

os.unlink(ledger)
psp = Witness("psp", "--ledger", ledger, "--latency", "700ms")
answers = []
first = threading.Thread(target=lambda: answers.append(charge("slow")))
first.start()
time.sleep(0.25)
status, body, _ = charge("slow")
ok(status == 409 and body["error"]["code"] == "idempotency_key_in_use", "a key in use", body)
first.join()
ok(answers[0][0] == 200 and charge("slow")[1] == answers[0][1], "answers later")
psp.end()

psp = Witness("psp", "--ledger", ledger)
acknowledged, running = {}, True


def crowd(number):
    i = 0
    while running:
        i += 1
        key = f"crowd-{number}-{i}"
        for _ in range(100):
            try:
                status, body, _ = charge(key, **{"metadata[order_key]": key})
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.02)
                continue
            if status == 200:
                acknowledged[key] = body["id"]
                break
            time.sleep(0.02)


crew = [threading.Thread(target=crowd, args=(number,)) for number in range(8)]
for one in crew:
    one.start()
for _ in range(5):
    time.sleep(0.4)
    psp.restart()
time.sleep(0.4)
running = False
for one in crew:
    one.join()
charged = {}
for one in all_of("/v1/payment_intents"):
    charged.setdefault(one["metadata"]["order_key"], []).append(one["id"])
ok(len(acknowledged) > 50, f"{len(acknowledged)} charges around five kills")
ok(all(charged.get(key) == [id_] for key, id_ in acknowledged.items()),
   "each that was answered is there, once, as it was answered")
psp.end()
hook.shutdown()
done()
