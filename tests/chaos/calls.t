#!/usr/bin/python3
# call faults between the shop and its payment provider: what the ledger has, and what the shop makes of it
# timeout: 120s
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from open_shop import OpenShop  # noqa: E402
from runs import done, ok  # noqa: E402
from shoppers import buy, read, settle  # noqa: E402

TOOLS = os.path.join(os.environ.get("BUILD", "build/debug"), "tests/tools")
SYSTEM = """
system:
  name: shop
  services:
    payment: { url: "http://127.0.0.1:2" }
    psp: { url: "http://127.0.0.1:1" }
  edges:
    - { from: payment, to: psp }
"""
EDGE = "payment -> psp"
CHARGES = f"edge: {EDGE}, call: POST /v1/payment_intents"


class Front:
    """A proxy before the provider."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".yaml")
        self.file.write(SYSTEM)
        self.file.flush()
        self.process = subprocess.Popen([f"{TOOLS}/proxy_front", self.file.name], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = json.loads(self.process.stdout.readline())["port"]
        self.process.stdout.readline()

    def tell(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if not answer["ok"]:
            raise RuntimeError(f"{words}: {answer['why']}")
        return answer

    def arm(self, fault):
        return self.tell(f"arm {fault}")["fault"]

    def hits(self, fault):
        return self.tell(f"hits {fault}")["hits"]

    def heal(self, fault):
        self.tell(f"heal {fault}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()
        self.file.close()


def open_shop(front, *arguments):
    shop = OpenShop("--edge", f"payment->psp=http://127.0.0.1:{front.port}", "--no-limits", *arguments)
    with open(f"{shop.directory.name}/system.yaml") as file:
        lines = file.read().split("psp:\n")[1].splitlines()
    url = next(line.split("url: ")[1] for line in lines if "url: " in line)
    front.tell(f"route {EDGE} = {url.removeprefix('http://')}")
    return shop


def ledger(shop, order, what):
    """The charges or refunds that the provider has made for an order, however often it was asked."""
    found = []
    with open(f"{shop.directory.name}/psp.jsonl") as file:
        for line in file:
            entry = json.loads(line)
            if entry.get("object") == what and entry["metadata"].get("order_id") == order.id and \
                    entry.get("status") == "succeeded":
                found.append(entry)
    return found


def start_order(shop, number):
    order = buy(shop.another_client(shop.login(f"customer-{number}@shop.example")), "SKU-3")
    wait_for(lambda: read(order) == 200)
    return order


def end_of(order):
    return None if settle([order]) else order.state["status"]


def order_one(shop, number):
    order = start_order(shop, number)
    return order, end_of(order)


def is_even(shop, order, status):
    """What was charged was delivered or given back."""
    def balance():
        return len(ledger(shop, order, "payment_intent")) - len(ledger(shop, order, "refund"))
    return status is not None and wait_for(lambda: balance() == (status == "CONFIRMED"))


def wait_for(condition, seconds=10):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    return condition()


def test_sound_shop(front):
    with open_shop(front) as shop:
        fault = front.arm(f"times: 1, lose-reply: {{ {CHARGES} }}")
        order, status = order_one(shop, 1)
        charges = ledger(shop, order, "payment_intent")
        ok(status == "CONFIRMED" and len(charges) == 1,
           "a lost reply: the shop asks again by the same key, and has charged once", (status, charges))
        ok(front.hits(fault) == 1, "and it was hit once", front.hits(fault))
        front.heal(fault)

        fault = front.arm(f"lose-reply: {{ {CHARGES}, status: 502 }}")
        order = start_order(shop, 2)
        ok(wait_for(lambda: front.hits(fault) >= 2), "all replies lost: the shop asks more than once",
           front.hits(fault))
        charges = ledger(shop, order, "payment_intent")
        ok(len(charges) == 1, "the charge is in the ledger, which the shop was never told", charges)
        front.heal(fault)
        status = end_of(order)
        ok(is_even(shop, order, status), "healed, it is delivered or taken back", status)

        fault = front.arm(f"abort: {{ {CHARGES}, status: 503 }}")
        order = start_order(shop, 3)
        ok(wait_for(lambda: front.hits(fault) >= 2), "all calls aborted: the shop asks more than once",
           front.hits(fault))
        ok(not ledger(shop, order, "payment_intent"), "and no charge is in the ledger",
           ledger(shop, order, "payment_intent"))
        front.heal(fault)
        status = end_of(order)
        ok(is_even(shop, order, status), "healed, it is charged and delivered, or neither", status)

        fault = front.arm(f"duplicate: {{ {CHARGES} }}")
        order, status = order_one(shop, 4)
        ok(status == "CONFIRMED" and len(ledger(shop, order, "payment_intent")) == 1,
           "sent twice with one key: charged once", status)
        ok(wait_for(lambda: front.hits(fault) >= 1), "which was hit", front.hits(fault))
        front.heal(fault)


def test_unsound_shop(front):
    with open_shop(front, "--bug", "retry-new-key") as shop:
        order, status = order_one(shop, 1)
        ok(status == "CONFIRMED" and len(ledger(shop, order, "payment_intent")) == 1,
           "a shop that mints a key for each try looks right as long as nothing is lost", status)
        fault = front.arm(f"times: 1, lose-reply: {{ {CHARGES} }}")
        order, status = order_one(shop, 2)
        charges = ledger(shop, order, "payment_intent")
        ok(front.hits(fault) == 1 and len(charges) == 2,
           "one lost reply, and it has charged twice", (status, charges))


with Front() as first:
    test_sound_shop(first)
with Front() as second:
    test_unsound_shop(second)
done()
