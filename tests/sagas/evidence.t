#!/usr/bin/python3
"""Evidence is read to its end or says that it was not, whatever comes as an answer."""
# timeout: 120s
import glob
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import urllib.parse

sys.path.insert(0, "tests/tools")
from open_shop import OpenShop
from runs import SCRATCH, SLOWDOWN, done, ok, run
from saga_history import NONE, sagas

TOOL = os.path.join(os.environ.get("BUILD", "build/debug"), "tests/tools/evidence")


class System(http.server.BaseHTTPRequestHandler):
    """A system that answers evidence in every wrong way; by-key by the number of the order."""
    protocol_version = "HTTP/1.1"
    keys, asked, logins, posts = [], [], 0, 0

    def log_message(self, *_):
        pass

    def answer(self, body, status=200, headers=()):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/login":
            System.logins += 1
            self.answer({"token": f"t{System.logins}"})
        elif self.path == "/evil-login":
            self.answer({"token": "x\r\nX-Evil: yes"})
        else:
            System.keys.append(self.headers["Idempotency-Key"])
            self.answer({"id": f"o-{len(System.keys) - 1}", "status": "NEW", "total": 5}, 201)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        System.asked.append(self.path)
        if self.headers.get("Authorization") != f"Bearer t{System.logins}" and "/open/" not in url.path:
            self.answer({}, 401)
        elif url.path.startswith("/orders/"):
            self.by_key(System.keys.index(url.path.rsplit("/", 1)[-1]))
        else:
            getattr(self, "get_" + url.path.rsplit("/", 1)[-1])(query)

    def by_key(self, number):
        order = {"id": f"o-{number}", "status": "DONE", "total": 5, "goods": 3, "post": 2}
        if number == 1:
            order["status"] = "PAID"
        elif number == 2:
            self.answer({}, 404)
            return
        elif number == 3:
            self.answer({}, 500)
            return
        elif number == 4:
            self.answer(b"[" * 1000)
            return
        elif number == 5:
            order |= {"status": "FAILED", "undoing": System.asked.count(self.path) < 2}
        elif number == 6:
            order |= {"status": "NO SUCH STATE"}
        elif number == 7:
            order |= {"goods": 4}
        self.answer(order)

    @staticmethod
    def entry(number, **more):
        return {"n": number, "order": f"o-{number}", "kind": "A", "amount": 5,
                "at": "2026-11-20T12:00:00.5Z", **more}

    def get_endless(self, query):
        after = int(query["after"])
        self.answer([self.entry(after + i) for i in range(1, 4)])

    def get_still(self, query):
        self.answer([self.entry(7)])

    def get_round(self, query):
        self.answer([self.entry((int(query["after"]) + 1) % 5)])

    def get_same(self, query):
        self.answer([self.entry(1)])

    def get_words(self, query):
        self.answer(b"<html>not JSON</html>")

    def get_huge(self, query):
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        try:
            for _ in range(40):
                self.wfile.write(b"[" + b" " * (1 << 20))
        except OSError:
            pass

    def get_deep(self, query):
        self.answer(b'[{"a": ' + b"[" * 500 + b"]" * 500 + b"}]")

    def get_broken(self, query):
        self.answer({}, 500)

    def get_elsewhere(self, query):
        self.answer({}, 302, [("Location", "http://192.0.2.1/")])

    def get_slow(self, query):
        threading.Event().wait(1.5)
        self.close_connection = True

    def get_strange(self, query):
        values = ["abc", -5, 1.5e300, 10 ** 30, 1.5, None, [], {}, True, "5\u0000"]
        self.answer([self.entry(0, amount=value) for value in values]
                    + [1, "x", None, []] + [self.entry(0, at="yesterday"), self.entry(0, at=-1)]
                    + [self.entry(0), self.entry(99), self.entry(0, order={"a": 1})])

    def get_good(self, query):
        page = int(query["page"])
        self.answer({"deep": {"list": [self.entry(n) for n in range(page * 3 - 3, page * 3)]}}
                    if page < 4 else {"deep": {"list": []}})

    def get_each(self, query):
        number = int(query["order"][2:])
        self.answer([self.entry(number)] * 2, 404 if number == 1 else 200)

    def get_open(self, query):
        self.answer([self.entry(1)])

    def get_breakers(self, query):
        self.answer([{"name": name, "state": state, "opened": opened} for name, state, opened in
                     (("never", "closed", 0), ("again", "closed", 2), ("now", "open", 1),
                      ("odd", "closed", "often"), ("odder", "ajar", 0))])

    get_pages = get_good


BULK = ["endless?after=${cursor}", "still?after=${cursor}", "round?after=${cursor}",
        "same?page=${page}", "words", "huge", "deep", "broken", "elsewhere", "slow", "strange"]


def source(path, more="", rate="2000/s"):
    cursor = "cursor: /n, " if "cursor" in path else ""
    return (f"      - {{ read: 'GET /e/{path}', {cursor}{more} rate: {rate}, "
            "take: { id: /order, amount: /amount, at: /at, identity: /n } }\n")


def contract(name, login, evidence):
    return f"""
  {name}:
    as: {{ post: {login}, json: {{ user: me }} }}
    read: GET /orders/${{{name}.key}}
    state: /status
    undoing: /undoing
    id: /id
    amount: /total
    adds-up: [/goods, /post]
    settles-within: 1500ms
    moves: {{ NEW: [PAID, FAILED], PAID: [DONE, FAILED] }}
    succeeded: [DONE]
    compensated: [FAILED]
    steps: {{ take: {{ counts: money }}, confirm: {{ pivot: yes }} }}
    evidence:
{evidence}"""


def evidence(text, url, directory, *witnesses, **environment):
    """Once more, in the place of what the run has read itself."""
    for old in glob.glob(f"{directory}/history/evidence*.history"):
        os.remove(old)
    path = f"{SCRATCH.name}/contract.yaml"
    with open(path, "w") as file:
        file.write(text)
    return subprocess.run([TOOL, path, url, f"{directory}/history", *witnesses], text=True,
                          capture_output=True, check=False,
                          env=dict(os.environ, **environment))


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), System)
server.daemon_threads = True
server.block_on_close = False
url = f"http://127.0.0.1:{server.server_port}"
threading.Thread(target=server.serve_forever, daemon=True).start()

good = (source("pages?page=${page}", "each: /deep/list,")
        + source("each?order=${order.id}", rate="500/s"))
text = (f"target: {url}\nload: {{ go: {{ iterations: 8, users: 1 }} }}\n"
        "journeys: { buy: [ { post: /orders, saga: order } ] }\nsagas:")
result = run(text + contract("order", "/login", good))
System.asked = []
breakers = ("      - { read: GET /e/breakers, "
            "breaker: { item: /name, value: /state, amount: /opened } }\n")
text += (contract("order", "/login", "".join(map(source, BULK)) + good + breakers)
         + contract("evil", "/evil-login", source("open/good?page=${page}")))
ok(result.named("POST /orders")["count"] == 8 and len(System.keys) == 8, "eight orders are placed", result)
said = evidence(text, url, result.directory, EVIDENCE_MOST_US=str(int(700000 * SLOWDOWN)),
                EVIDENCE_TIMEOUT_US=str(int(400000 * min(SLOWDOWN, 3))))
found = sagas(f"{result.directory}/history")
ok(said.returncode == 0, "evidence that can't be read ends no reading", said)

# Sources.
WHY = {"endless": "took too long", "still": "cursor goes round", "round": "cursor goes round",
       "same": "the same page again", "words": "no list in the answer",
       "huge": "too large an answer", "deep": "no list in the answer", "broken": "status 500",
       "elsewhere": "status 302", "slow": "timed out|Timeout|timeout"}
for number, path in enumerate(BULK[:-1]):
    name, one = path.split("?")[0], found.source(number)
    ok(one and not one["complete"] and re.search(WHY[name], one["why"]),
       f"{name}: what is not read to its end says so", one)
one = found.source(10)
taken = [e for e in found.effects if e["source"] == 10 and e["snapshot"] == 1]
ok(one["complete"] and one["read"] == 19 and one["strange"] == 16,
   "what is not as the contract says is counted", one)
ok([e["amount"] for e in taken] == [5, 5, 5] and [e["saga"] for e in taken][1:] == [NONE, NONE],
   "and not taken; whose is unknown is nobody's", taken)
one = found.source(11)
taken = [e for e in found.effects if e["source"] == 11 and e["snapshot"] == 2]
ok(one["complete"] and one["read"] == 9 and [e["saga"] for e in taken] == [*range(8), NONE],
   "pages are read until one is empty", (one, taken))
one = found.source(12)
taken = [e for e in found.effects if e["source"] == 12 and e["snapshot"] == 1]
ok(one["complete"] and sorted(e["saga"] for e in taken) == sorted([0, 2, 3, 4, 5, 6, 7] * 2),
   "each saga is asked about, and what is about none is none", (one, taken))
one = found.source(13)
taken = [(r["name"], r["value"]) for r in found.readings if r["source"] == 13 and r["snapshot"] == 1]
ok(one["complete"] and one["read"] == 5 and one["strange"] == 2 and
   taken == [("never", 0), ("again", 1), ("again", 0), ("now", 1), ("now", 1)],
   "a breaker that has closed again was open before", (one, taken))
one = found.source(0, contract=1)
ok(not one["complete"] and one["why"].startswith("login"), "no token becomes two headers", one)
ok("not equal" in said.stdout, "what can't be read is not quiet", said.stdout)

# Outcomes.
last = found.last()
ok(last[0]["event"] == "IS" and last[0]["state"] == 2, "an order that is done is done", last[0])
ok(last[1]["event"] == "IS" and last[1]["state"] == 1, "one that does not settle is shown as it is",
   last[1])
ok(last[2]["event"] == "ABSENT" and len([p for p in System.asked if p.endswith(System.keys[2])]) == 2,
   "one that is absent twice is absent", last[2])
ok(last[3]["event"] == "UNREADABLE", "one that can't be asked for is unreadable", last[3])
ok(last[4]["event"] in ("IS", "UNREADABLE") and last[4]["state"] == 255, "nonsense is no state",
   last[4])
ok(last[5]["event"] == "IS" and last[5]["value"] == 0 and last[5]["state"] == 3,
   "one that is being undone is waited for", last[5])
ok(last[6]["state"] == 255, "a state that nobody declared is none", last[6])
priced = {f["saga"]: (f["amount"], f["value"]) for f in found.of("PRICED")}
ok(priced[0] == (5, 5) and priced[7] == (5, 6), "sums are added up", priced)
one = found.source(255, snapshot=0)
ok(not one["complete"], "some gave no answer: that is said", one)
server.shutdown()

# The real shop.
SHOP = """
use: [{root}/scenarios/sagas/order.yaml]
target: {url}
load: {{ go: {{ rate: 20/s, for: 2s }} }}
mix: {{ buy: 70, decline: 15, cancel: 15 }}
journeys:
  buy: &buy
    - post: /api/auth/login
      json: {{ email: "customer-${{fn.int(1,900)}}@shop.example", password: password }}
      save: {{ token: /token }}
    - post: /api/orders
      auth: bearer ${{token}}
      json: {{ items: [ {{ sku: "SKU-${{fn.int(1,50)}}", qty: 2 }} ] }}
      saga: {{ places: order, again: 20% }}
  decline:
    - post: /api/auth/login
      json: {{ email: "customer-1@shop.example", password: password }}
      save: {{ token: /token }}
    - post: /api/orders
      auth: bearer ${{token}}
      json: {{ items: [ {{ sku: "SKU-3", qty: 1 }} ], card: pm_card_chargeDeclined }}
      saga: order
  cancel:
    - post: /api/auth/login
      json: {{ email: "customer-2@shop.example", password: password }}
      save: {{ token: /token }}
    - post: /api/orders
      auth: bearer ${{token}}
      json: {{ items: [ {{ sku: "SKU-4", qty: 1 }} ] }}
      saga: order
    - delete: /api/orders/${{order.id}}
      auth: bearer ${{token}}
      saga: {{ cancels: order }}
"""


def charges(found, snapshot=1):
    return {(e["saga"], e["amount"], e["identity"], e["undo"]) for e in found.effects
            if e["step"] == 1 and e["snapshot"] == snapshot}


for style in ("orchestrated", "choreographed"):
    with OpenShop("--saga", style, "--no-limits") as shop:
        scenario = SHOP.format(root=os.getcwd(), url=shop.url)
        result = run(scenario, "--set", f"style={style}")
        ledgers = [f"{shop.directory.name}/{name}.jsonl" for name in ("psp", "mail")]
        said = evidence(scenario, shop.url, result.directory, *ledgers)
        found = sagas(f"{result.directory}/history")
        ok("settled" in said.stdout and "snapshots: equal" in said.stdout,
           f"{style}: orders settle, and the shop comes to rest", f"{result}\n{said}")
        ok(all(s["complete"] and not s["strange"] for s in found.sources) and len(found.sources) > 18,
           f"{style}: everything is read in full, and is as the contract says", found.sources)
        last = found.last()
        minted = {f["saga"] for f in found.of("MINTED")}
        ok(set(last) == minted and all(one["event"] == "IS" for one in last.values()),
           f"{style}: of every order it is known how it ended", last)
        paid = {saga for saga, _, _, undo in charges(found) if not undo}
        done_well = {saga for saga, one in last.items() if one["state"] == 3}
        ok(done_well and done_well <= paid <= minted, f"{style}: who is confirmed has paid",
           (done_well, paid))
        told = {e["saga"] for e in found.effects if e["step"] == 4 and e["outcome"] == 1}
        ok(done_well <= told, f"{style}: and was told", (done_well, told))
        customer = shop.login("customer-999@shop.example")
        paths = ("/api/orders/all", "/api/orders/history", "/api/events/counts",
                 "/api/events/dead-letters")
        codes = [shop.ask("GET", path, token=customer).status for path in paths]
        ok(codes == [403] * 4, f"{style}: the books are for admins", codes)
        order = shop.ask("GET", "/api/orders/all?limit=1", token=shop.admin()).json["items"][0]
        one = shop.ask("GET", f"/api/orders/by-key/{order['key']}", token=customer)
        ok(one.status == 404, f"{style}: a key is its owner's to ask by", one)
        if style == "orchestrated":
            with open(f"{shop.directory.name}/system.yaml") as file:
                psp = re.search(r"psp:.*?url: \"?(http://)?([^\s\",}]+)", file.read(), re.S)
            said = evidence(scenario, shop.url, result.directory,
                            f"http://{psp[2]}" if psp else "", ledgers[1])
            again = sagas(f"{result.directory}/history")
            ok(psp and charges(again) == charges(found),
               "a witness says the same over HTTP as in its ledger", f"{psp}\n{said}")
done()
