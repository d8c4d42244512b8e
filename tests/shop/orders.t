#!/usr/bin/python3
# orders of both sagas come out right: money, stock and mail agree with them
# timeout: 170s
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from open_shop import OpenShop  # noqa: E402
from runs import done, ok  # noqa: E402
from shoppers import all_pages, audit, buy, read, settle  # noqa: E402

STYLES = tuple(sys.argv[1:]) or ("orchestrated", "choreographed")


def shopper(shop, number):
    return shop.another_client(shop.login(f"customer-{number}@shop.example"))


def test_one_order(shop, style):
    ada = shopper(shop, 1)
    ada.ask("POST", "/api/cart/items", {"sku": "SKU-3", "qty": 2})
    cart = ada.ask("GET", "/api/cart").json
    answer = ada.ask("POST", "/api/orders", {}, headers={"Idempotency-Key": f"first-{style}"})
    ok(answer.status == 201 and answer.json["status"] == "PENDING" and
       answer.json["total_cents"] == cart["total_cents"] + 499,
       f"{style}: the cart becomes an order, at its prices plus shipping", answer)
    again = ada.ask("POST", "/api/orders", {}, headers={"Idempotency-Key": f"first-{style}"})
    ok(again.status == 201 and again.json["id"] == answer.json["id"],
       f"{style}: the same key is the same order", again)
    other = ada.ask("POST", "/api/orders", {"items": [{"sku": "SKU-4", "qty": 1}]},
                    headers={"Idempotency-Key": f"first-{style}"})
    ok(other.status == 422, f"{style}: the same key for something else is refused", other)
    order = buy(ada, "SKU-5")
    ok(not settle([order]) and order.state["status"] == "CONFIRMED", f"{style}: it is confirmed", order)
    steps = [s["status"] for s in ada.ask("GET", f"/api/orders/{order.id}/history").json["items"]]
    wanted = {"orchestrated": ["PENDING", "INVENTORY_RESERVED", "PAYMENT_PROCESSED", "CONFIRMED"],
              "choreographed": ["PENDING", "PAYMENT_PROCESSED", "INVENTORY_RESERVED", "CONFIRMED"]}
    ok(steps == wanted[style], f"{style}: step by step", steps)
    stranger = shopper(shop, 2)
    answer = stranger.ask("GET", f"/api/orders/{order.id}")
    ok(answer.status in (403, 404), f"{style}: nobody else may read it", answer)
    return [order, first_order(ada, f"first-{style}")]


def first_order(client, key):
    from shoppers import Order
    order = Order(key, client)
    settle([order])
    return order


def test_refusals(shop, style):
    bob = shopper(shop, 3)
    declined = buy(bob, "SKU-6", card="pm_card_chargeDeclined")
    large, short = buy(bob, "SKU-7", qty=99), buy(bob, "SKU-7", qty=99)
    settle([declined, large, short])
    large, short = sorted((large, short), key=lambda order: order.state["status"])
    ok(declined.state["status"] == "FAILED", f"{style}: a declined card is no order", declined)
    ok(large.state["status"] == "CONFIRMED" and short.state["status"] == "FAILED",
       f"{style}: more than there is is no order", f"{large}\n{short}")
    for body, why in (({"items": []}, "no items"),
                      ({"items": [{"sku": "NONE", "qty": 1}]}, "no such product"),
                      ({"items": [{"sku": "SKU-1", "qty": 0}]}, "none of it"),
                      ({"items": [{"sku": "SKU-1", "qty": -1}]}, "less than none"),
                      ({"items": "SKU-1"}, "not a list"), ("{", "not JSON")):
        answer = bob.ask("POST", "/api/orders", body, headers={"Idempotency-Key": f"bad-{why}"})
        ok(400 <= answer.status < 500, f"{style}: refused: {why}", answer)
    answer = bob.ask("POST", "/api/orders", {"items": [{"sku": "SKU-1", "qty": 1}]})
    ok(answer.status == 400, f"{style}: no key, no order", answer)
    return [declined, large, short]


def test_cancel(shop, style):
    eve = shopper(shop, 4)
    late = buy(eve, "SKU-8")
    settle([late])
    answer = eve.ask("DELETE", f"/api/orders/{late.id}")
    ok(answer.status in (200, 202), f"{style}: a confirmed order can be cancelled", answer)
    early = [buy(eve, "SKU-9") for _ in range(5)]
    for order in early:
        read(order)
        answer = eve.ask("DELETE", f"/api/orders/{order.id}")
        ok(answer.status in (200, 202, 409), f"{style}: cancelled at any moment", answer)
    time.sleep(1)
    left = settle([late, *early])
    ok(not left and late.state["status"] == "CANCELLED" and
       all(o.state["status"] == "CANCELLED" for o in early),
       f"{style}: and stays cancelled", [str(o) for o in (late, *early)])
    return [late, *early]


def test_crowd(shop, style):
    """1,000 people want 100 things."""
    clients = [shopper(shop, 10 + n) for n in range(20)]
    orders = []

    def crowd(client):
        orders.extend([buy(client, "SKU-20", tries=3) for _ in range(50)])

    threads = [threading.Thread(target=crowd, args=(c,)) for c in clients]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    placed = time.monotonic() - began
    left = settle(orders, 60)
    sold = sum(o.state["status"] == "CONFIRMED" for o in orders if o.state)
    print(f"# {style}: 1,000 orders placed in {placed:.1f} s, all ended after "
          f"{time.monotonic() - began:.1f} s")
    ok(not left and sold == 100, f"{style}: of 100 things 100 are sold to 1,000 who want one",
       f"{len(left)} open, {sold} sold")
    return orders


def test_style(style):
    with OpenShop("--saga", style, "--no-limits", "--stock", "100", "--products", "30") as shop:
        orders = test_one_order(shop, style) + test_refusals(shop, style)
        cancelled = test_cancel(shop, style)
        orders += test_crowd(shop, style)
        admin = shop.another_client(shop.admin())
        problems = audit(shop, admin, orders + cancelled, mail=False)
        from shoppers import audit_mail
        problems += audit_mail(shop, orders)
        ok(not problems, f"{style}: money, stock and mail agree with the orders", "\n".join(problems))


for style in STYLES:
    test_style(style)
done()
