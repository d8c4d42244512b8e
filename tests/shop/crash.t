#!/usr/bin/python3
# whatever dies, whenever: every order comes out right in the end
# timeout: 280s
import os
import random
import re
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from open_shop import OpenShop  # noqa: E402
from runs import done, ok  # noqa: E402
from shoppers import audit, buy, settle  # noqa: E402

SERVICES = ("order", "payment", "inventory", "bus", "notification", "psp", "catalog", "gateway",
            "auth", "mail")
CARDS = ("pm_card_visa", "pm_card_visa", "pm_card_visa", "pm_card_chargeDeclined")


def pids(shop):
    """name -> pid, as system.yaml has them."""
    with open(os.path.join(shop.directory.name, "system.yaml")) as file:
        text = file.read()
    return {name: int(pid) for name, pid in
            re.findall(r"^    (\w+):\n(?:      (?!pid).*\n)*      pid: (\d+)", text, re.M)}


def kill_one(shop, service):
    pid = pids(shop).get(service)
    if pid:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def shop_on(client, orders, stop, dice):
    while not stop.is_set():
        orders.append(buy(client, f"SKU-{dice.randint(1, 10)}", dice.randint(1, 2), tries=20,
                          card=dice.choice(CARDS)))
        time.sleep(0.01)


def test_kills(style, seed, services, kills):
    dice = random.Random(seed)
    with OpenShop("--saga", style, "--no-limits", "--products", "10", "--stock", "100000",
                  "--deadline", "15s") as shop:
        clients = [shop.another_client(shop.login(f"customer-{n + 1}@shop.example"))
                   for n in range(6)]
        orders, stop = [], threading.Event()
        threads = [threading.Thread(target=shop_on, args=(c, orders, stop, random.Random(seed + i)))
                   for i, c in enumerate(clients)]
        for thread in threads:
            thread.start()
        for _ in range(kills):
            time.sleep(dice.uniform(0.15, 0.6))
            kill_one(shop, dice.choice(services))
        time.sleep(1)
        stop.set()
        for thread in threads:
            thread.join()
        left = settle(orders, 45)
        ok(not left, f"{style}: {len(orders)} orders end, though {kills} processes were killed",
           "\n".join(map(str, left[:10])))
        admin = shop.another_client(shop.admin())
        problems = audit(shop, admin, orders, mail=False)
        confirmed = sum(o.state["status"] == "CONFIRMED" for o in orders if o.state)
        ok(not problems and confirmed > 10,
           f"{style}: and come out right ({', '.join(services)})",
           f"{confirmed} confirmed\n" + "\n".join(problems[:20]))


seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
print(f"# SEED={seed}")
for style in sys.argv[1:] or ("orchestrated", "choreographed"):
    for service in SERVICES[:4]:
        test_kills(style, seed, (service,), 8)
    test_kills(style, seed, SERVICES, 20)
done()
