#!/usr/bin/python3
# regions tell each other their orders and prices, and agree again whatever cut them off
# timeout: 150s
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from open_shop import Client, OpenShop  # noqa: E402
from runs import BINARY, SLOWDOWN, done, ok  # noqa: E402

PATIENCE = 25 * SLOWDOWN


class Regions(OpenShop):
    def __init__(self, names, *arguments):
        self.names = names
        super().__init__("--regions", ",".join(names), "--no-limits", *arguments)
        self.gateways = {name: Client(self.service("gateway", name)["url"]) for name in names}
        self.tokens = {name: self.token(name, "customer-1@shop.example", "password") for name in names}
        self.admins = {name: self.token(name, "admin@shop.example", "admin") for name in names}
        self.number, self.lock = 0, threading.Lock()

    def system(self):
        with open(f"{self.directory.name}/system.yaml") as file:
            return yaml.safe_load(file)["system"]

    def service(self, name, region):
        return self.system()["services"][f"{name}.{region}"]

    def pid(self, name, region):
        """Not there while it is being started again."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            pid = self.service(name, region).get("pid")
            if pid and os.path.exists(f"/proc/{pid}"):
                return pid
            time.sleep(0.02)
        raise RuntimeError(f"{name}.{region} does not come back")

    def token(self, region, email, password):
        answer = self.gateways[region].ask("POST", "/api/auth/login",
                                           {"email": email, "password": password})
        return answer.json["token"]

    def order(self, region, client=None, wait=True):
        with self.lock:
            self.number += 1
            key = f"key-{self.number}"
        return (client or self.gateways[region]).ask(
            "POST", "/api/orders", {"items": [{"sku": "SKU-1", "qty": 1}], "wait": wait},
            token=self.tokens[region], headers={"Idempotency-Key": key})

    def change_price(self, region, sku, cents, client=None):
        return (client or self.gateways[region]).ask(
            "PUT", f"/api/products/{sku}", {"price_cents": cents}, token=self.admins[region])

    def price(self, region, sku):
        return self.gateways[region].ask("GET", f"/api/products/{sku}").json["price_cents"]

    def asked(self, region, path):
        return self.gateways[region].ask("GET", path, token=self.admins[region])

    def digests(self):
        return [self.asked(name, "/api/replica/digest").json for name in self.names]

    def counts(self, region):
        found = self.asked(region, "/api/replica/digest").json["regions"]
        return {name: found[name]["orders"] for name in self.names}

    def agree(self, orders):
        """All say the same, and it is these orders: {region: [ids]}."""
        found = self.digests()
        return (all(digest == found[0] and digest["catalog"] for digest in found) and
                all(found[0]["regions"][name]["orders"] == len(orders[name]) for name in self.names))

    def replica(self, region):
        found, page = {}, 1
        while True:
            items = self.asked(region, f"/api/replica/orders?page={page}&limit=1000").json["items"]
            found.update({item["order_id"]: item for item in items})
            if len(items) < 1000:
                return found
            page += 1


def catalogs(shop):
    return {digest["catalog"] for digest in shop.digests()}


def eventually(condition, seconds=PATIENCE):
    """How long it took; None: it never came true."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if condition():
            return time.monotonic() - began
        time.sleep(0.05)
    return None


def ok_agree(shop, orders, name):
    took = eventually(lambda: shop.agree(orders))
    ok(took is not None, f"{name} (after {took or PATIENCE:.2f} s)",
       f"{ {region: len(ids) for region, ids in orders.items()} } {shop.digests()}"
       f" {[shop.asked(region, '/api/replica/health').json for region in shop.names]}")


class Forwarder:
    """A way to somewhere: a dead port at first, then up, then breaking whatever comes along."""

    def __init__(self):
        self.socket, self.target, self.broken, self.pairs = socket.socket(), None, False, []
        self.socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def open(self, url):
        host, port = re.match(r"http://(.*):(\d+)$", url).groups()
        self.target = (host, int(port))
        self.socket.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near = self.socket.accept()[0]
            except OSError:
                return
            try:
                far = None if self.broken else socket.create_connection(self.target, 5)
            except OSError:
                far = None
            if not far:
                near.close()
                continue
            self.pairs += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        self.broken = True
        for end in self.pairs:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def mend(self):
        self.broken = False


class Shoppers:
    """Somebody in each region who buys all the time, and somebody who changes prices."""

    def __init__(self, shop):
        self.shop, self.stop, self.lock = shop, False, threading.Lock()
        self.orders, self.refused = {name: [] for name in shop.names}, []
        self.threads = [threading.Thread(target=what, args=(name,))
                        for name in shop.names for what in (self.buy, self.price)]
        for thread in self.threads:
            thread.start()

    def buy(self, region):
        client = Client(self.shop.gateways[region].address.geturl())
        while not self.stop:
            answer = self.shop.order(region, client, wait=False)
            with self.lock:
                if answer.status == 201:
                    self.orders[region].append(answer.json["id"])
                else:
                    self.refused.append(answer)
            time.sleep(0.005)

    def price(self, region):
        client = Client(self.shop.gateways[region].address.geturl())
        cents = 1000 * (1 + self.shop.names.index(region))
        while not self.stop:
            cents += 1
            answer = self.shop.change_price(region, f"SKU-{1 + cents % 5}", cents, client)
            if answer.status != 200:
                self.refused.append(answer)
            time.sleep(0.02)

    def end(self):
        self.stop = True
        for thread in self.threads:
            thread.join()
        return self.orders


def test_three():
    began = time.monotonic()
    with Regions(["us", "eu", "asia"]) as shop:
        seconds = round(time.monotonic() - began, 2)
        ok(seconds < 4 * SLOWDOWN, f"three regions are open after {seconds} s", shop.said)
        system = shop.system()
        ok(len(system["services"]) == 3 * 9 + 2, "nine services each, and two for all", system)
        edges = {(edge["from"], edge["to"]) for edge in system["edges"]}
        ok({("order.eu", "payment.eu"), ("payment.asia", "psp"), ("sync.us", "sync.eu"),
            ("sync.eu", "sync.asia"), ("gateway.us", "sync.us")} <= edges,
           "the system file names edges with their regions", edges)
        orders = {name: [shop.order(name).json["id"] for _ in range(4)] for name in shop.names}
        ok(len(set(sum(orders.values(), []))) == 12, "all orders have ids of their own", orders)
        ok_agree(shop, orders, "orders of each region are known in all")
        whole = {id_: {"order_id": id_, "region": name, "status": "CONFIRMED", "sequence": 4}
                 for name in shop.names for id_ in orders[name]}
        ok(eventually(lambda: shop.replica("asia") == whole) is not None, "as they are",
           shop.replica("asia"))
        answer = shop.asked("us", "/api/replica/orders?region=eu&limit=3&page=2")
        ok(answer.json["total"] == 4 and len(answer.json["items"]) == 1 and
           answer.json["items"][0]["order_id"] == sorted(orders["eu"])[3],
           "they are listed by region, in pages", answer)
        check_prices(shop, orders)
        check_access(shop)


def check_prices(shop, orders):
    shop.change_price("eu", "SKU-7", 4711)
    took = eventually(lambda: all(shop.price(name, "SKU-7") == 4711 for name in shop.names))
    ok(took is not None, f"a price that changes in one region changes in all (after {took} s)",
       [shop.price(name, "SKU-7") for name in shop.names])
    for round_ in range(5):
        threads = [threading.Thread(target=shop.change_price, args=(name, "SKU-9", 5000 + 10 * round_ + i))
                   for i, name in enumerate(shop.names)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    ok_agree(shop, orders, "prices changed everywhere at once become the same everywhere")
    prices = {shop.price(name, "SKU-9") for name in shop.names}
    ok(len(prices) == 1 and prices <= {5040, 5041, 5042}, "which is one of the last", prices)
    shop.change_price("us", "SKU-9", 6000)
    ok_agree(shop, orders, "and the next change of it, too, is everywhere")
    ok(shop.price("asia", "SKU-9") == 6000, "as it was made")
    told = {name: [event["data"]["price_cents"]
                   for event in shop.asked(name, "/api/events?limit=1000").json["items"]
                   if event["eventType"] == "ProductChanged"] for name in shop.names}
    ok(len(told["us"]) == 6 and len(told["eu"]) == 6 and len(told["asia"]) == 5,
       "what came from elsewhere is announced nowhere", told)


def check_access(shop):
    answers = [shop.gateways["us"].ask("GET", "/api/replica/orders", token=token)
               for token in (None, shop.tokens["us"])]
    ok([answer.status for answer in answers] == [401, 403], "replicas are shown to admins only",
       answers[0])
    sync = Client(shop.service("sync", "us")["url"])
    ok(sync.ask("GET", "/api/replica/digest").json == shop.digests()[0], "and on the sync's own port")
    item = {"kind": "order", "id": "ord_1", "version": 1, "value": "PENDING"}
    good = {"from": "eu", "epoch": "epo_1", "after": 0, "last": 1, "items": [item]}
    bad = [{}, [], {**good, "items": [1]}, {**good, "last": -1}, {**good, "items": None},
           {**good, "items": [{**item, "kind": "cat"}]}, {**good, "items": [{**item, "id": "../x"}]},
           {**good, "items": [{**item, "kind": "price", "value": "-5"}]},
           {**good, "items": [{**item, "version": "1"}]}, {**good, "items": [item] * 501}]
    statuses = [sync.ask("POST", "/internal/sync", body).status for body in bad]
    ok(set(statuses) == {400}, "what is no batch is refused", statuses)
    statuses = [sync.ask("POST", "/internal/sync", {**good, "from": name}).status
                for name in ("us", "mars")]
    ok(statuses == [404, 404], "and so is one from nowhere", statuses)
    answer = sync.ask("POST", "/internal/sync", {**good, "after": 5, "last": 6})
    ok(answer.json == {"position": 0}, "after a gap it is told where to go on", answer)
    ok("ord_1" not in shop.replica("us"), "nothing of it is kept")


def truth(shop, region):
    """What the order service itself says."""
    found, page = {}, 1
    while True:
        answer = shop.gateways[region].ask("GET", f"/api/orders?page={page}&limit=100",
                                           token=shop.tokens[region])
        found.update({item["id"]: item["status"] for item in answer.json["items"]})
        if len(answer.json["items"]) < 100:
            return found
        page += 1


def copies(shop, where, region):
    return {id_: item["status"] for id_, item in shop.replica(where).items()
            if item["region"] == region}


def test_deaths():
    with Regions(["us", "eu"]) as shop:
        shoppers = Shoppers(shop)
        stopped = shop.pid("sync", "us")
        os.kill(stopped, signal.SIGSTOP)
        for who, region in (("sync", "eu"), ("bus", "us"), ("sync", "eu"), ("bus", "eu"),
                            ("sync", "eu")):
            time.sleep(0.5)
            os.kill(shop.pid(who, region), signal.SIGKILL)
        behind = shop.counts("eu")["us"] < len(shoppers.orders["us"])
        ok(behind, "a region whose sync is stopped is not heard of", shop.counts("eu"))
        os.kill(stopped, signal.SIGCONT)
        for who, region in (("sync", "us"), ("bus", "us"), ("sync", "eu"), ("catalog", "eu")):
            time.sleep(0.4)
            os.kill(shop.pid(who, region), signal.SIGKILL)
        orders = shoppers_end(shoppers)
        ok_agree(shop, orders, "after the deaths of syncs and buses under load all regions agree")
        for name in shop.names:
            real = truth(shop, name)
            for where in shop.names:
                ok(eventually(lambda: copies(shop, where, name) == real) is not None,
                   f"the copies of {name} in {where} are its {len(real)} orders",
                   set(copies(shop, where, name).items()) ^ set(real.items()))
            ok(set(real) == set(orders[name]), "which are those that were placed")


def shoppers_end(shoppers):
    orders = shoppers.end()
    gone = [answer for answer in shoppers.refused if answer.status not in (502, 503, 504)]
    ok(not gone and all(len(ids) > 20 for ids in orders.values()), "meanwhile both regions sold",
       f"{gone[:1]} { {name: len(ids) for name, ids in orders.items()} }")
    # What was placed is being carried out.
    shop = shoppers.shop
    eventually(lambda: all(status in ("CONFIRMED", "FAILED") for name in shop.names
                           for status in truth(shop, name).values()))
    return orders


def health(shop, region):
    answer = shop.asked(region, "/api/replica/health")
    return answer.json["status"], {name: (peer["reachable"], peer["behind"])
                                   for name, peer in answer.json["regions"].items()}


def ok_health(shop, region, check, name):
    ok(eventually(lambda: check(*health(shop, region))) is not None, name, health(shop, region))


def test_cut():
    there, back = Forwarder(), Forwarder()
    with Regions(["us", "eu"], "--edge", f"sync.us->sync.eu={there.url}", "--edge",
                 f"sync.eu->sync.us={back.url}", "--edge",
                 "gateway.us->notification=http://127.0.0.1:1") as shop:
        statuses = [shop.gateways[name].ask("GET", "/health/notification").status for name in shop.names]
        ok(statuses == [503, 200], "an edge of one region leads elsewhere only there", statuses)
        orders = {name: [shop.order(name).json["id"] for _ in range(5)] for name in shop.names}
        shop.change_price("us", "SKU-4", 1234)
        shop.change_price("eu", "SKU-4", 4321)
        ok_health(shop, "us", lambda status, peers: status == "cut_off" and peers["eu"] == (False, 6),
                  "behind a dead port another region is cut off, and so much behind")
        answer = Client(shop.service("sync", "eu")["url"]).ask("GET", "/health")
        ok(answer.status == 200 and answer.json["status"] == "cut_off",
           "so says the sync's own health, too", answer)
        ok(shop.counts("us")["eu"] == 0 and shop.price("us", "SKU-4") == 1234, "nothing gets through")
        there.open(shop.service("sync", "eu")["url"])
        ok_health(shop, "us", lambda status, peers: (status, peers["eu"]) == ("ok", (True, 0)),
                  "one way is open again")
        ok(shop.counts("eu")["us"] == 5 and shop.counts("us")["eu"] == 0 and
           shop.price("us", "SKU-4") == 1234 and shop.price("eu", "SKU-4") == 4321,
           "one knows all, the other its own", shop.digests())
        back.open(shop.service("sync", "us")["url"])
        ok_agree(shop, orders, "both ways are open again: they agree")
        ok(shop.price("us", "SKU-4") == 4321, "on the last price")
        check_second_cut(shop, (there, back), orders)


def check_second_cut(shop, ways, orders):
    for way in ways:
        way.cut()
    for _ in range(5):
        for name in shop.names:
            orders[name].append(shop.order(name).json["id"])
    shop.change_price("us", "SKU-4", 777)
    ok_health(shop, "eu", lambda status, peers: status == "cut_off" and peers["us"] == (False, 5),
              "cut off again while all goes on")
    ok(not shop.agree(orders), "they differ")
    for way in ways:
        way.mend()
    ok_agree(shop, orders, "and agree when they are let")
    ok(shop.price("eu", "SKU-4") == 777, "also on what was changed meanwhile")
    ok_health(shop, "eu", lambda status, peers: (status, peers["us"]) == ("ok", (True, 0)),
              "health says so")


def lose_database(shop, service, region):
    pid = shop.pid(service, region)
    os.kill(pid, signal.SIGSTOP)
    for name in os.listdir(f"{shop.directory.name}/{region}"):
        if name.startswith(f"{region}-{service}.db"):
            os.unlink(f"{shop.directory.name}/{region}/{name}")
    os.kill(pid, signal.SIGKILL)


def test_losses():
    way = Forwarder()
    with Regions(["us", "eu"], "--edge", f"sync.eu->catalog={way.url}") as shop:
        orders = {"us": [shop.order("us").json["id"] for _ in range(5)], "eu": []}
        ok_health(shop, "us", lambda status, peers: peers["eu"] == (True, 0), "all is well")
        shop.change_price("us", "SKU-8", 888)
        ok_health(shop, "us", lambda status, peers: peers["eu"] == (False, 1),
                  "a price that can't be brought to the catalog is not acknowledged")
        way.open(shop.service("catalog", "eu")["url"])
        ok_agree(shop, orders, "it comes again until it can")
        ok(shop.price("eu", "SKU-8") == 888, "then it is there")
        before = copies(shop, "eu", "us")
        lose_database(shop, "sync", "eu")
        ok(eventually(lambda: shop.asked("eu", "/api/replica/health").status == 200 and
                      copies(shop, "eu", "us") == before) is not None,
           "who has lost all that came from others gets it again", before)


def test_bug():
    """Without the rule each ends with what it heard last: the other's."""
    there, back = Forwarder(), Forwarder()
    with Regions(["us", "eu"], "--bug", "arrival-wins", "--edge", f"sync.us->sync.eu={there.url}",
                 "--edge", f"sync.eu->sync.us={back.url}") as shop:
        shop.change_price("us", "SKU-4", 1234)
        shop.change_price("eu", "SKU-4", 4321)
        for name in shop.names:
            ok_health(shop, name, lambda status, peers: all(peer == (False, 1) for peer in peers.values()),
                      f"{name} has something to tell")
        for name, way, other in (("us", there, "eu"), ("eu", back, "us")):
            way.open(shop.service("sync", other)["url"])
            ok_health(shop, name, lambda status, peers: status == "ok" and
                      all(peer == (True, 0) for peer in peers.values()), f"{name} has told all")
        prices = [shop.price(name, "SKU-4") for name in shop.names]
        ok(prices == [4321, 1234] and len(catalogs(shop)) == 2,
           "with the bug arrival-wins two prices are swapped, and the digests tell", prices)


def test_mistakes():
    for arguments, why in ((["--regions", "us,us"], "'us' is there twice"),
                           (["--regions", "us,../eu"], "'../eu' is no name"),
                           (["--regions", "us,eu", "--edge", "order.mars->payment=http://x"], "order.mars"),
                           (["--regions", "us,eu", "--edge", "sync.us->sync.us=http://x"], "sync.us"),
                           (["--edge", "gateway->sync=http://x"], "gateway->sync")):
        said = subprocess.run([BINARY, "shop", *arguments], capture_output=True, text=True,
                              timeout=20 * SLOWDOWN)
        ok(said.returncode in (1, 2, 3) and why in said.stderr, f"{' '.join(arguments)} is refused",
           f"{said.returncode} {said.stderr}")
    with OpenShop("--regions", "us") as shop:
        answers = [shop.ask("GET", "/api/replica/digest", token=shop.admin()),
                   shop.ask("GET", "/health/sync")]
        ok([answer.status for answer in answers] == [404, 404], "one region has nobody to tell",
           answers[0])
        said = shop.ask("GET", "/health/all")
        ok(said.status == 200 and "sync" not in said.json["services"], "and is well", said)


test_three()
test_deaths()
test_cut()
test_losses()
test_bug()
test_mistakes()
done()
