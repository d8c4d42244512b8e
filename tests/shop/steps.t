#!/usr/bin/python3
# inventory, payment and notification: each step once, undone once, whatever is lost on the way
# timeout: 240s
import json
import os
import random
import re
import signal
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../tools"), HERE]
from flaky import FlakyHttp, FlakySmtp  # noqa: E402
from open_shop import Client, OpenShop  # noqa: E402
from runs import SLOWDOWN, done, ok  # noqa: E402
from witness import Witness  # noqa: E402

SEED = int(os.environ.get("SEED", random.randrange(1 << 30)))
print(f"# SEED={SEED}")


def services(shop):
    """name -> (pid, port)"""
    with open(os.path.join(shop.directory.name, "system.yaml")) as file:
        text = file.read()
    found = {}
    for name, port, pid in re.findall(r"^    (\w+):\n      url: \S+?:(\d+)\n(?:      .*\n)*?"
                                      r"      pid: (\d+)", text, re.M):
        found[name] = (int(pid), int(port))
    return found


def quietly(run, *arguments):
    try:
        return run(*arguments)
    except OSError:
        return None


class Inside:
    """Asks a service itself, as its neighbours do, and does not give up while it is restarted."""

    def __init__(self, shop, name, user="usr_1"):
        self.url = f"http://127.0.0.1:{services(shop)[name][1]}"
        self.headers = {"X-User": user, "X-Role": "admin"}
        self.local = threading.local()

    def ask(self, method, path, body=None, key=None):
        if not hasattr(self.local, "client"):
            self.local.client = Client(self.url)
        headers = {**self.headers, **({"Idempotency-Key": key} if key else {})}
        return self.local.client.ask(method, path, body, headers=headers)

    def post(self, path, **body):
        return self.ask("POST", path, body)

    def insist(self, path, good=lambda answer: answer.status < 500, **body):
        for _ in range(300):
            try:
                answer = self.post(path, **body)
                if good(answer):
                    return answer
            except OSError:
                pass
            time.sleep(0.05)
        raise RuntimeError(f"{path} {body}: no end")

    def items(self, path):
        for _ in range(100):
            try:
                return self.ask("GET", path).json["items"]
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"{path}: no end")


def kill(shop, name):
    before = services(shop)[name][0]
    os.kill(before, signal.SIGKILL)
    until = time.monotonic() + 10
    while services(shop).get(name, (before, 0))[0] == before and time.monotonic() < until:
        time.sleep(0.02)


def in_crowd(count, run):
    crew = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for one in crew:
        one.start()
    for one in crew:
        one.join()


# Inventory


def stock(inventory, sku=None):
    items = {item["sku"]: item for item in inventory.items("/api/inventory?limit=1000")}
    return items[sku] if sku else items


def adds_up(inventory):
    return [item for item in stock(inventory).values()
            if item["initial"] + item["restocked"] !=
            item["available"] + item["reserved"] + item["sold"] or
            min(item["available"], item["reserved"], item["sold"]) < 0]


def movements(inventory, order):
    return [(m["kind"], m["sku"], m["qty"])
            for m in inventory.items(f"/api/inventory/movements?order={order}")]


def reserve(inventory, order, **items):
    return inventory.post("/internal/reserve", order_id=order,
                          items=[{"sku": sku.replace("_", "-"), "qty": qty}
                                 for sku, qty in items.items()])


def release(inventory, order, key="key"):
    return inventory.ask("POST", "/internal/release", {"order_id": order}, key=key)


def counts(item):
    return item["available"], item["reserved"], item["sold"]


with OpenShop("--no-limits", "--products", "5", "--stock", "10") as shop:
    inventory = Inside(shop, "inventory")
    first = reserve(inventory, "a", SKU_1=2, SKU_2=3)
    again = reserve(inventory, "a", SKU_1=2, SKU_2=3)
    ok(first.status == again.status == 200 and first.json == again.json and
       first.json["reserved"] is True, "reserving twice is reserving once", again)
    ok(movements(inventory, "a") == [("RESERVE", "SKU-1", 2), ("RESERVE", "SKU-2", 3)],
       "one movement per item", movements(inventory, "a"))
    ok(reserve(inventory, "a", SKU_1=1).status == 422, "other items of the same order are a mistake")
    short = reserve(inventory, "b", SKU_3=10, SKU_1=9)
    ok(short.status == 409 and short.code == "out_of_stock" and
       short.json["error"]["sku"] == "SKU-1", "there is not enough", short)
    ok(counts(stock(inventory, "SKU-3")) == (10, 0, 0), "all or nothing", stock(inventory, "SKU-3"))
    ok(reserve(inventory, "none", SKU_77=1).code == "out_of_stock", "of what there never was")
    release(inventory, "b")
    ok(movements(inventory, "b") == [] and not adds_up(inventory), "nothing to give back")
    ok(inventory.post("/internal/sell", order_id="a").status == 200 and
       inventory.post("/internal/sell", order_id="a").status == 200, "selling")
    ok(counts(stock(inventory, "SKU-1")) == (8, 0, 2), "once", stock(inventory, "SKU-1"))
    for _ in range(3):
        ok(release(inventory, "a").status == 200, "giving back what was sold")
    ok(counts(stock(inventory, "SKU-1")) == (10, 0, 0) and
       movements(inventory, "a")[-2:] == [("RETURN", "SKU-1", 2), ("RETURN", "SKU-2", 3)],
       "once, too", movements(inventory, "a"))
    ok(reserve(inventory, "a", SKU_1=2, SKU_2=3).code == "cancelled" and
       inventory.post("/internal/sell", order_id="a").status == 409, "and it stays given back")
    ok(release(inventory, "late").status == 200 and
       reserve(inventory, "late", SKU_1=1).code == "cancelled",
       "an undo that comes first is remembered")
    ok(inventory.post("/internal/sell", order_id="nobody").status == 409, "selling nothing")
    for body in ({}, {"order_id": 7, "items": []}, {"order_id": "x"}, {"order_id": "x", "items": []},
                 {"order_id": "x", "items": [{"sku": "SKU-1", "qty": 0}]},
                 {"order_id": "x", "items": [{"sku": "SKU-1", "qty": -1}]},
                 {"order_id": "x", "items": [{"sku": "SKU-1", "qty": 1.5}]},
                 {"order_id": "x", "items": [{"sku": 1, "qty": 1}]},
                 {"order_id": "x", "items": [{"sku": "SKU-1", "qty": 1 << 62}]},
                 {"order_id": "x", "items": {"sku": "SKU-1", "qty": 1}},
                 {"order_id": "x", "items": [[]]}, {"order_id": "x" * 300, "items": []}, [], 7):
        answer = inventory.ask("POST", "/internal/reserve", body)
        ok(answer.status == 400, f"refused: {json.dumps(body)[:60]}", answer)
    ok(inventory.ask("POST", "/internal/release", b"{").status == 400, "no JSON")

    taken = []

    def take_one(number):
        for i in range(5):
            if reserve(inventory, f"crowd-{number}-{i}", SKU_5=1).status == 200:
                taken.append(number)

    in_crowd(12, take_one)
    ok(len(taken) == 10 and counts(stock(inventory, "SKU-5")) == (0, 10, 0),
       "60 who want one of 10: 10 get one", len(taken))
    bought = inventory.ask("POST", "/api/inventory/restock", {"sku": "SKU-5", "qty": 7}, key="r")
    again = inventory.ask("POST", "/api/inventory/restock", {"sku": "SKU-5", "qty": 7}, key="r")
    ok(bought.json == again.json and bought.json["available"] == 7, "restocked once", again)
    ok(not adds_up(inventory), "it adds up", adds_up(inventory))

    dice, orders = random.Random(SEED), [f"storm-{n}" for n in range(60)]
    acknowledged, stop = {"released": set()}, threading.Event()

    def storm(number):
        mine = random.Random(SEED + number)
        while not stop.is_set():
            order = mine.choice(orders)
            sku = f"SKU-{int(order[6:]) % 4 + 1}"
            what = mine.choice(["reserve", "reserve", "sell", "release"])
            body = {"items": [{"sku": sku, "qty": 1 + int(order[6:]) % 3}]} if what == "reserve" else {}
            try:
                answer = inventory.post(f"/internal/{what}", order_id=order, **body)
            except OSError:
                continue
            if what == "release" and answer.status == 200:
                acknowledged["released"].add(order)
            elif what == "release":
                acknowledged["broken"] = str(answer)

    crew = [threading.Thread(target=storm, args=(n,)) for n in range(6)]
    for one in crew:
        one.start()
    for _ in range(4):
        time.sleep(0.3)
        kill(shop, "inventory")
    stop.set()
    for one in crew:
        one.join()
    ok("broken" not in acknowledged, "a release is never refused", acknowledged.get("broken"))
    ok(not adds_up(inventory), "calls in any order and four kills: it adds up", adds_up(inventory))
    wrong, left = [], {}
    for order in orders:
        kinds = [kind for kind, _, _ in movements(inventory, order)]
        if kinds not in ([], ["RESERVE"], ["RESERVE", "SELL"], ["RESERVE", "RELEASE"],
                         ["RESERVE", "SELL", "RETURN"]):
            wrong.append((order, kinds))
        if order in acknowledged["released"] and kinds[-1:] not in ([], ["RELEASE"], ["RETURN"]):
            wrong.append((order, kinds, "released"))
    ok(not wrong, "every order took, sold and gave back at most once, in order", wrong)


# Payment


def book(path):
    """order -> ([charged cents], [refunded cents])"""
    orders, of_intent = {}, {}
    with open(path) as file:
        for line in file:
            entry = json.loads(line)
            if entry["object"] == "payment_intent" and entry["amount_received"]:
                order = of_intent[entry["id"]] = entry["metadata"]["order_id"]
                orders.setdefault(order, ([], []))[0].append(entry["amount"])
            elif entry["object"] == "refund":
                orders[of_intent[entry["payment_intent"]]][1].append(entry["amount"])
    return orders


class Money:
    """A shop whose provider is behind a flaky line."""

    def __init__(self, *arguments):
        self.directory = tempfile.TemporaryDirectory(prefix="sagastorm-money-")
        self.ledger = os.path.join(self.directory.name, "psp.jsonl")
        self.psp = Witness("psp", "--ledger", self.ledger)
        self.line = FlakyHttp("127.0.0.1", self.psp.port)
        self.shop = OpenShop("--no-limits", "--products", "5", "--psp", self.line.url,
                             "--breaker-failures", "1000", "--call-timeout", "1s", *arguments)
        self.payment = Inside(self.shop, "payment")

    def charge(self, order, card="pm_card_visa", amount=1598):
        return self.payment.post("/internal/charge", order_id=order, order_key=f"key-{order}",
                                 amount_cents=amount, card=card, user="usr_1")

    def refund(self, order):
        return self.payment.post("/internal/refund", order_id=order)

    def moods(self, *moods):
        start = self.line.count
        self.line.mood = lambda n: moods[n - start] if n - start < len(moods) else moods[-1]

    def of(self, order):
        return book(self.ledger).get(order, ([], []))

    def status(self, order):
        return [p["status"] for p in self.payment.items(f"/api/payments?order={order}")]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shop.close()
        self.line.close()
        self.psp.end()
        self.directory.cleanup()


with Money() as money:
    paid = money.charge("a")
    ok(paid.status == 200 and paid.json["status"] == "CHARGED", "a charge", paid)
    ok(money.charge("a").json == paid.json and money.of("a") == ([1598], []), "happens once")
    ok(money.charge("a", amount=1).status == 422, "another amount is a mistake")
    ok(money.refund("a").json["status"] == "REFUNDED" and
       money.refund("a").json["status"] == "REFUNDED" and money.of("a") == ([1598], [1598]),
       "refunded once, in full")
    ok(money.charge("a").code == "cancelled", "and never charged again")
    no = money.charge("b", "pm_card_chargeDeclined")
    ok(no.status == 402 and no.code == "declined" and money.charge("b").status == 402,
       "declined, for good", no)
    ok(money.refund("b").json["status"] == "NOTHING_TO_REFUND", "nothing to give back")
    no = money.charge("b2", "pm_card_never_heard_of")
    ok(no.status == 402, "a card that is none is declined", no)
    ok(money.refund("c").json["status"] == "NOTHING_TO_REFUND" and
       money.charge("c").code == "cancelled" and money.of("c") == ([], []),
       "a refund that comes first is remembered")
    answers = []
    in_crowd(10, lambda n: answers.append(money.charge("d").status))
    ok(answers == [200] * 10 and money.of("d") == ([1598], []), "ten at once are one", answers)

    money.moods("swallow", "pass")
    ok(money.charge("e").status == 200 and money.of("e") == ([1598], []),
       "a lost answer is asked for again")
    money.moods("swallow")
    lost = money.charge("f")
    ok(lost.status == 503 and lost.headers["Retry-After"] and money.status("f") == ["UNKNOWN"],
       "it is not known, and so is it said", lost)
    ok(money.charge("g").status == 503 and money.refund("g").status == 503, "not to be undone, yet")
    money.moods("pass")
    ok(money.charge("f").status == 200 and money.of("f") == ([1598], []), "then it is, once")
    ok(money.charge("g").code == "cancelled", "who wants it undone has the last word")
    ok(money.refund("g").json["status"] == "REFUNDED" and money.of("g") == ([1598], [1598]),
       "what was not known is found out, and given back", money.of("g"))
    money.charge("h")
    money.moods("swallow")
    ok(money.refund("h").status == 503, "a refund whose answer is lost")
    money.moods("pass")
    ok(money.refund("h").json["status"] == "REFUNDED" and money.of("h") == ([1598], [1598]),
       "is one")
    money.moods("late", "pass")
    ok(money.charge("i").status == 200 and money.of("i") == ([1598], []), "a late answer, too")
    money.moods("cut")
    ok(money.charge("j").status == 503, "a question that is lost")
    money.moods("pass")
    ok(money.charge("j").status == 200 and money.of("j") == ([1598], []), "is asked again")

    money.moods("late")
    slow = threading.Thread(target=lambda: quietly(money.charge, "k"))

    slow.start()
    time.sleep(0.3)
    kill(money.shop, "payment")
    slow.join()
    money.moods("pass")
    ok(money.status("k") == ["UNKNOWN"], "a kill in the middle of a charge leaves the question")
    ok(money.payment.insist("/internal/refund", order_id="k").json["status"] == "REFUNDED" and
       money.of("k") == ([1598], [1598]), "and its answer is found")

    event = {"id": "evt_1", "type": "payment_intent.succeeded",
             "data": {"object": {"id": "pi_forged", "metadata": {"order_id": "l"}}}}
    money.moods("cut")
    money.charge("l")
    ok(money.payment.ask("POST", "/internal/webhooks/psp", event).status == 200 and
       money.status("l") == ["UNKNOWN"] and money.of("l") == ([], []),
       "a webhook is not believed")
    money.moods("pass")
    money.payment.ask("POST", "/internal/webhooks/psp", event)
    ok(money.status("l") == ["UNKNOWN"], "nor heard twice")
    money.payment.ask("POST", "/internal/webhooks/psp", {**event, "id": "evt_2"})
    ok(money.status("l") == ["CHARGED"], "but a reason to ask")
    for body in ({}, {"id": 1, "type": "x"}, {"id": "x", "type": []}, []):
        ok(money.payment.ask("POST", "/internal/webhooks/psp", body).status == 400,
           f"refused: {body}")
    for change in ({"amount_cents": 0}, {"amount_cents": -1}, {"amount_cents": "1"},
                   {"amount_cents": 1.5}, {"card": None}, {"order_id": ""}, {"order_key": 7},
                   {"user": []}):
        body = {"order_id": "x", "order_key": "x", "amount_cents": 100, "card": "pm_card_visa",
                "user": "usr_1", **change}
        ok(money.payment.post("/internal/charge", **body).status == 400, f"refused: {change}")

    plans = {f"storm-{n}": n % 3 for n in range(45)}  # 0: charge; 1: charge and undo; 2: undo

    def live(number):
        mine = random.Random(SEED + number)
        for order, plan in plans.items():
            if hash_of(order) % 5 != number:
                continue
            todo = [["charge"], ["charge", "refund"], ["refund", "charge"]][plan]
            for what in todo:
                for _ in range(mine.randint(1, 3)):
                    quietly(getattr(money, what), order)

    def hash_of(order):
        return int(order[6:])

    chaos = random.Random(SEED)
    money.line.mood = lambda n: chaos.choice(["pass", "pass", "swallow", "cut"])
    killing = threading.Event()

    def killer(_):
        while not killing.wait(0.5):
            kill(money.shop, "payment")
            money.psp.end(signal.SIGKILL)
            money.psp.start()
            money.line.target = ("127.0.0.1", money.psp.port)

    murder = threading.Thread(target=killer, args=(0,))
    murder.start()
    in_crowd(5, live)
    killing.set()
    murder.join()
    money.moods("pass")
    for order, plan in plans.items():
        if plan:
            money.payment.insist("/internal/refund", order_id=order)
        else:
            money.payment.insist("/internal/charge", order_id=order, order_key=f"key-{order}",
                                 amount_cents=1598, card="pm_card_visa", user="usr_1")
    wrong = {order: money.of(order) for order, plan in plans.items()
             if money.of(order) not in [[([1598], [])],
                                        [([], []), ([1598], [1598])],
                                        [([], [])]][plan]}
    ok(not wrong, "lost questions, lost answers, kills on both sides: each order comes out right",
       wrong)
    ok(all(sum(map(len, money.of(order))) in (0, 2) for order, plan in plans.items() if plan),
       "what was undone cost nothing")


# Notification


def mails_of(witness, order):
    return witness.ask("GET", f"/mails?order_id={order}")[1]["items"]


def with_mail(*arguments):
    """The mails of one order whose first two mails lost their 250."""
    witness = Witness("mail")
    line = FlakySmtp("127.0.0.1", witness.smtp_port)
    with OpenShop("--no-limits", "--products", "5", "--mail", line.address, "--call-timeout", "1s",
                  *arguments) as shop:
        client = shop.another_client(shop.login())
        line.swallow = 2
        order = client.ask("POST", "/api/orders", {"items": [{"sku": "SKU-1", "qty": 1}]},
                           headers={"Idempotency-Key": "k"}).json["id"]
        state, until = None, time.monotonic() + 20 * SLOWDOWN
        while state != "SENT" and time.monotonic() < until:
            time.sleep(0.05)
            items = client.ask("GET", f"/api/notifications?order={order}").json["items"]
            state = items[0]["state"] if items else None
        if "--bug" not in arguments:
            client.ask("DELETE", f"/api/orders/{order}")
            until = time.monotonic() + 20 * SLOWDOWN
            while len(mails_of(witness, order)) < 4 and time.monotonic() < until:
                time.sleep(0.05)
        found = mails_of(witness, order)
    line.close()
    witness.end()
    return order, found


order, mails = with_mail()
ok([m["headers"]["X-Order-Outcome"] for m in mails] == ["CONFIRMED"] * 3 + ["CANCELLED"],
   "a mail whose 250 was lost is sent again; the cancel is told after it", mails)
ok(len({m["message_id"] for m in mails}) == 2 and mails[0]["order_key"] and
   all(m["to"] == ["customer-1@shop.example"] for m in mails),
   "as the same mail, by its Message-Id", [m["message_id"] for m in mails])


# Each of the mistakes shows


order, mails = with_mail("--bug", "mail-every-retry")
ok(len({m["message_id"] for m in mails}) == 3, "mail-every-retry: three mails", mails)

with Money("--bug", "retry-new-key") as money:
    money.moods("swallow", "pass")
    money.charge("a")
    ok(money.of("a") == ([1598, 1598], []), "retry-new-key: charged twice", money.of("a"))

with Money("--bug", "timeout-is-decline") as money:
    money.moods("swallow")
    answer = money.charge("a")
    money.moods("pass")
    ok(answer.status == 402 and money.refund("a").json["status"] == "NOTHING_TO_REFUND" and
       money.of("a") == ([1598], []), "timeout-is-decline: paid for nothing", money.of("a"))

with Money("--bug", "refund-without-shipping") as money:
    money.charge("a")
    money.refund("a")
    ok(money.of("a") == ([1598], [1099]), "refund-without-shipping: not all", money.of("a"))


def with_bug(name, run):
    with OpenShop("--no-limits", "--products", "5", "--stock", "10", "--bug", name) as shop:
        run(shop, Inside(shop, "inventory"))


def undo_twice(_, inventory):
    reserve(inventory, "a", SKU_1=2)
    release(inventory, "a")
    release(inventory, "a")
    ok(counts(stock(inventory, "SKU-1"))[:2] == (12, -2), "undo-not-idempotent: given back twice",
       stock(inventory, "SKU-1"))


def undo_late(_, inventory):
    release(inventory, "a")
    answer = reserve(inventory, "a", SKU_1=2)
    ok(answer.status == 200 and counts(stock(inventory, "SKU-1"))[1] == 2,
       "late-reserve: reserved for an order that is undone", answer)


def undo_nothing(_, inventory):
    reserve(inventory, "a", SKU_1=11)
    release(inventory, "a")
    ok(stock(inventory, "SKU-1")["available"] == 21, "cancel-without-reserve: stock from nothing",
       stock(inventory, "SKU-1"))


def undo_lost(shop, inventory):
    reserve(inventory, "a", SKU_1=2)
    answer = release(inventory, "a")
    os.kill(services(shop)["inventory"][0], signal.SIGKILL)
    now = stock(inventory, "SKU-1")
    ok(answer.status == 200 and counts(now)[1] == 2, "release-lost: said, and not done", now)


def write_stale(_, inventory):
    in_crowd(8, lambda n: reserve(inventory, f"o-{n}", SKU_1=1))
    ok(adds_up(inventory), "stock-read-modify-write: does not add up", stock(inventory, "SKU-1"))


def released_twice(_, inventory):
    reserve(inventory, "a", SKU_1=2)
    release(inventory, "a", key=None)
    release(inventory, "a")
    ok(counts(stock(inventory, "SKU-1"))[:2] == (12, -2), "stock-released-twice: by two who care",
       stock(inventory, "SKU-1"))


for name, run in (("undo-not-idempotent", undo_twice), ("late-reserve", undo_late),
                  ("cancel-without-reserve", undo_nothing), ("release-lost", undo_lost),
                  ("stock-read-modify-write", write_stale),
                  ("stock-released-twice", released_twice)):
    with_bug(name, run)
done()
