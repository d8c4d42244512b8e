#!/usr/bin/python3
# what there is to buy
# timeout: 60s
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from open_shop import OpenShop  # noqa: E402
from runs import done, ok  # noqa: E402


def skus(answer):
    return [item["sku"] for item in answer.json["items"]]


def test_pages(shop):
    answer = shop.ask("GET", "/api/products")
    ok(answer.json["total"] == 137 and answer.json["page"] == 1 and answer.json["limit"] == 20 and
       skus(answer) == [f"SKU-{n}" for n in range(1, 21)], "the first page has twenty", answer)
    pages = [shop.ask("GET", f"/api/products?page={n}&limit=50") for n in (1, 2, 3, 4)]
    ok([sku for page in pages for sku in skus(page)] == [f"SKU-{n}" for n in range(1, 138)] and
       skus(pages[3]) == [], "the pages hold each once, and then nothing",
       [len(skus(page)) for page in pages])
    odd = {"page=0": (1, 20), "page=-1": (1, 20), "limit=0": (1, 1), "limit=101": (1, 100)}
    answers = [shop.ask("GET", f"/api/products?{query}").json for query in odd]
    ok([(a["page"], a["limit"]) for a in answers] == list(odd.values()),
       "pages and limits are kept within bounds", answers)
    bad = ["page=x", "page=", "limit=1e9", "limit=1.5", "category=weapons", "q=" + "x" * 101,
           "page=9223372036854775808", "page=%00", "limit=%zz"]
    answers = [shop.ask("GET", f"/api/products?{query}") for query in bad]
    ok(all(a.status == 400 for a in answers), "bad queries are refused",
       [f"{q} {a.status}" for q, a in zip(bad, answers) if a.status != 400])


def test_search(shop):
    every = shop.ask("GET", "/api/products?limit=100").json["items"] + \
        shop.ask("GET", "/api/products?limit=100&page=2").json["items"]
    answer = shop.ask("GET", "/api/products?category=kitchen&limit=100")
    ok(skus(answer) == [p["sku"] for p in every if p["category"] == "kitchen"] and
       answer.json["total"] == len(answer.json["items"]) > 0, "one category", answer)
    word = every[4]["name"].split()[-1]
    wanted = [p["sku"] for p in every if word.lower() in p["name"].lower()]
    for path in [f"/api/products/search?limit=100&q={word.upper()}",
                 f"/api/products?limit=100&q={word.lower()}"]:
        answer = shop.ask("GET", path)
        ok(skus(answer) == wanted, f"{path} finds by name, whatever the case", answer)
    ok(shop.ask("GET", "/api/products?q=%22%27%3B--").json["total"] == 0, "nothing is found so")


def test_products(shop):
    answer = shop.ask("GET", "/api/products/SKU-17")
    ok(answer.status == 200 and answer.json["sku"] == "SKU-17" and
       answer.json["price_cents"] == 199 + 17 * 37 % 9000, "one product", answer)
    paths = ["SKU-138", "SKU-0", "SKU-017", "SKU--1", "sku-17", "SKU-", "SKU-17x", "SKU-1%00",
             "SKU-99999999999999999999999"]
    answers = [shop.ask("GET", f"/api/products/{path}") for path in paths]
    ok(all(a.status in (400, 404) for a in answers), "what there is not is not found",
       [f"{p} {a.status}" for p, a in zip(paths, answers) if a.status not in (400, 404)])
    answer = shop.ask("GET", "/api/recommendations/SKU-17")
    ok(len(answer.json["items"]) == 4 and "SKU-17" not in skus(answer) and
       len({item["category"] for item in answer.json["items"]}) == 1,
       "with it goes what is of its category", answer)
    ok(shop.ask("GET", "/api/recommendations/SKU-999").status == 404, "with nothing goes nothing")


def test_changes(shop):
    admin, customer = shop.admin(), shop.login()
    path, body = "/api/products/SKU-3", {"price_cents": 4242}
    ok(shop.ask("PUT", path, body).status == 401, "prices are not for everyone")
    ok(shop.ask("PUT", path, body, token=customer).status == 403, "nor for customers")
    answer = shop.ask("PUT", path, body, token=admin)
    ok(answer.status == 200 and answer.json["price_cents"] == 4242, "an admin sets them", answer)
    ok(shop.ask("GET", path).json["price_cents"] == 4242 and
       next(p for p in shop.ask("GET", "/api/products").json["items"]
            if p["sku"] == "SKU-3")["price_cents"] == 4242, "then everyone sees it, everywhere")
    bad = [{"price_cents": 0}, {"price_cents": -1}, {"price_cents": 1.5}, {"price_cents": "5"}, {},
           {"price_cents": None}, [], {"price_cents": 10 ** 12}]
    answers = [shop.ask("PUT", path, body, token=admin) for body in bad]
    ok(all(a.status == 400 for a in answers), "not to what is no price",
       [f"{b} {a.status}" for b, a in zip(bad, answers) if a.status != 400])
    ok(shop.ask("PUT", "/api/products/SKU-999", body, token=admin).status == 404, "of nothing")
    ok(shop.ask("GET", path).json["price_cents"] == 4242, "and nothing came of that")


with OpenShop("--no-limits", "--products", "137") as shop:
    test_pages(shop)
    test_search(shop)
    test_products(shop)
    test_changes(shop)
done()
