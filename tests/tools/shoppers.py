"""People who buy, and an auditor who checks that everything came out right.

    from shoppers import buy, settle, audit
    order = buy(shop, token, "SKU-1", 2)
    settle(shop, [order])               # until it is CONFIRMED, FAILED or CANCELLED
    problems = audit(shop, orders)      # [] when money, stock and mail agree with the orders
"""
import json
import os
import time
import urllib.parse
import urllib.request
import uuid

from runs import SLOWDOWN

FINAL = ("CONFIRMED", "FAILED", "CANCELLED", "PROCESSING", "SHIPPED", "DELIVERED")


class Order:
    def __init__(self, key, client, answer=None):
        self.key, self.client, self.answer = key, client, answer
        self.state = None

    @property
    def id(self):
        return self.state["id"]

    def __str__(self):
        return f"{self.key}: {json.dumps(self.state)}"


def buy(client, sku, qty=1, tries=1, **fields):
    """Places an order; what is unclear is asked again with the same key, `tries` times."""
    key = str(uuid.uuid4())
    order = Order(key, client)
    for _ in range(tries):
        try:
            order.answer = client.ask("POST", "/api/orders",
                                      {"items": [{"sku": sku, "qty": qty}], **fields},
                                      headers={"Idempotency-Key": key})
            if order.answer.status < 500 and order.answer.status not in (409, 429):
                break
        except OSError:
            pass
        time.sleep(0.2)
    return order


def read(order):
    answer = order.client.ask("GET", f"/api/orders/by-key/{order.key}")
    order.state = answer.json if answer.status == 200 else None
    return answer.status


def settle(orders, seconds=30):
    """Those that did not come to an end in time."""
    until = time.monotonic() + seconds * SLOWDOWN
    open_ = list(orders)
    while open_ and time.monotonic() < until:
        still = []
        for order in open_:
            try:
                status = read(order)
            except OSError:
                status = 0
            gone = status == 404 and not (order.answer and order.answer.status == 201)
            if not gone and not (status == 200 and order.state["status"] in FINAL):
                still.append(order)
        open_ = still
        if open_:
            time.sleep(0.2)
    return open_


def all_pages(client, path, **parameters):
    items, page = [], 1
    while True:
        query = urllib.parse.urlencode({**parameters, "page": page, "limit": 100})
        answer = client.ask("GET", f"{path}?{query}")
        items += answer.json["items"]
        if len(items) >= answer.json["total"] or not answer.json["items"]:
            return items
        page += 1


def ledger(shop, name):
    """What a witness wrote down, line by line."""
    path = os.path.join(shop.directory.name, name)
    with open(path) as file:
        return [json.loads(line) for line in file if line.strip()]


def money_by_order(shop):
    """order id -> (charged, refunded), from the provider's own book."""
    intents, refunds = {}, {}
    for line in ledger(shop, "psp.jsonl"):
        if line.get("object") == "payment_intent" and line.get("status") == "succeeded":
            intents[line["id"]] = (line["metadata"]["order_id"], line["amount"])
        elif line.get("object") == "refund":
            refunds[line["id"]] = (line["payment_intent"], line["amount"])
    money = {}
    for order, amount in intents.values():
        charged, refunded = money.get(order, (0, 0))
        money[order] = (charged + amount, refunded)
    for intent, amount in refunds.values():
        order = intents[intent][0]
        charged, refunded = money[order]
        money[order] = (charged, refunded + amount)
    return money


def audit_stock(client, orders):
    problems = []
    sold = {}
    for item in all_pages(client, "/api/inventory"):
        if item["initial"] + item["restocked"] != item["available"] + item["reserved"] + item["sold"]:
            problems.append(f"stock of {item['sku']} does not add up: {item}")
        if min(item["available"], item["reserved"], item["sold"]) < 0:
            problems.append(f"stock below zero: {item}")
        if item["reserved"]:
            problems.append(f"still reserved: {item}")
        if item["sold"]:
            sold[item["sku"]] = item["sold"]
    wanted = {}
    for order in orders:
        if order.state and order.state["status"] not in ("FAILED", "CANCELLED"):
            for item in order.state["items"]:
                wanted[item["sku"]] = wanted.get(item["sku"], 0) + item["qty"]
    if sold != wanted:
        problems.append(f"sold {sold}, ordered {wanted}")
    return problems


def audit_money(shop, orders):
    problems, known = [], set()
    money = money_by_order(shop)
    for order in orders:
        if not order.state:
            continue
        known.add(order.id)
        charged, refunded = money.get(order.id, (0, 0))
        due = 0 if order.state["status"] in ("FAILED", "CANCELLED") else order.state["total_cents"]
        if charged - refunded != due or charged not in (0, order.state["total_cents"]):
            problems.append(f"order {order.state['status']} of {order.state['total_cents']}: charged "
                            f"{charged}, refunded {refunded} ({order.id})")
    problems += [f"money for an order nobody made: {order}" for order in set(money) - known]
    return problems


def audit_mail(shop, orders, wait=10):
    """Every order that ended was told of once, and rightly."""
    until = time.monotonic() + wait * SLOWDOWN
    while True:
        mails = {}
        for line in ledger(shop, "mail.jsonl"):
            mails.setdefault(line.get("order_id"), set()).add(line["message_id"])
        problems = []
        for order in orders:
            if order.state and len(mails.get(order.id, ())) != 1:
                problems.append(f"{len(mails.get(order.id, ()))} mails for {order.state['status']} "
                                f"order {order.id}")
        if not problems or time.monotonic() > until:
            return problems
        time.sleep(0.3)


def audit(shop, client, orders, mail=True):
    problems = audit_stock(client, orders) + audit_money(shop, orders)
    for order in orders:
        if order.answer is not None and order.answer.status == 201 and not order.state:
            problems.append(f"acknowledged and gone: {order.key}")
    return problems + (audit_mail(shop, orders) if mail else [])
