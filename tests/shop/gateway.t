#!/usr/bin/python3
# the gateway lets in who may come, as often as they may, and hands on what is said as it is said
# timeout: 90s
import base64
import concurrent.futures
import hashlib
import hmac
import json
import os
import socket
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from open_shop import OpenShop  # noqa: E402
from runs import done, ok  # noqa: E402

SERVICES = ["auth", "catalog", "order", "payment", "inventory", "notification", "bus"]


def encode(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def token_of(header, payload, secret=b"wrong"):
    signed = encode(json.dumps(header).encode()) + "." + encode(json.dumps(payload).encode())
    return signed + "." + encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest())


def raw(shop, text):
    """What comes back to bytes that no client library would send."""
    address = urllib.parse.urlsplit(shop.url)
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        connection.sendall(text.encode("latin-1"))
        return connection.recv(65536).decode("latin-1")


def test_routes(shop):
    token = shop.login()
    answer = shop.ask("GET", "/api/nowhere", token=token)
    ok(answer.status == 404 and answer.code == "not_found", "what is nowhere is not found", answer)
    answer = shop.ask("POST", "/internal/prices", {"skus": ["SKU-1"]}, token=token)
    ok(answer.status == 404, "nothing internal is reached from outside", answer)
    tricks = ["/api/products/../../internal/stats", "/api/products/%2e%2e/x", "/api/./products",
              "/api/products/.%2E", "/api/../internal/prices"]
    answers = [shop.ask("GET", path, token=token) for path in tricks]
    ok(all(a.status in (400, 404) for a in answers), "nor by any trick with dots",
       "\n".join(map(str, answers)))
    answer = shop.ask("GET", "/api/productsx")
    ok(answer.status == 404, "a route is whole parts of a path", answer)
    answer = shop.ask("PATCH", "/api/products/SKU-1")
    ok(answer.status == 405 and "GET" in answer.headers["Allow"],
       "methods that nobody serves are refused, with those that are", answer)


def test_tokens(shop):
    now = int(time.time())
    claims = {"sub": "usr_1", "role": "admin", "jti": "j", "iat": now, "exp": now + 1000}
    bad = {
        "none at all": None,
        "no token": "rubbish",
        "one signed with another secret": token_of({"alg": "HS256", "typ": "JWT"}, claims),
        "one without a signature": token_of({"alg": "none"}, claims).rsplit(".", 1)[0] + ".",
        "a very long one": "A" * 20000,
    }
    for name, token in bad.items():
        answer = shop.ask("GET", "/api/cart", token=token)
        ok(answer.status == 401 and answer.headers["WWW-Authenticate"] == "Bearer",
           f"nobody comes in with {name}", answer)
    token = shop.login()
    body = encode(json.dumps(dict(claims, role="admin")).encode())
    forged = ".".join([token.split(".")[0], body, token.split(".")[2]])
    ok(shop.ask("GET", "/api/users", token=forged).status == 401,
       "nor with somebody's signature under another payload")
    answer = shop.ask("GET", "/api/auth/me",
                      headers={"X-User": "usr_admin", "X-Role": "admin"})
    ok(answer.status == 401, "nor by saying who they are in a header", answer)
    answer = shop.ask("GET", "/api/users", token=token, headers={"X-Role": "admin"})
    ok(answer.status == 403, "and nobody becomes an admin so", answer)
    answer = shop.ask("GET", "/api/events", token=token)
    ok(answer.status == 403, "the events are for admins", answer)
    answer = shop.ask("GET", "/api/products", token="rubbish")
    ok(answer.status == 200, "what is public is so with a bad token, too", answer)


def test_headers(shop):
    wanted = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
              "Cache-Control": "no-store"}
    for path in ["/api/products", "/api/nowhere", "/api/cart", "/health/all"]:
        answer = shop.ask("GET", path)
        ok(all(answer.headers[name] == value for name, value in wanted.items()),
           f"{path} ({answer.status}) has security headers", answer)
    answer = shop.ask("GET", "/api/products/SKU-99999", headers={"X-Correlation-Id": "mine-17"})
    ok(answer.headers["X-Correlation-Id"] == "mine-17" and
       answer.json["error"]["correlation_id"] == "mine-17",
       "who asks gets their correlation id back, in errors of the services too", answer)
    ids = {shop.ask("GET", "/api/products/SKU-1").headers["X-Correlation-Id"] for _ in range(5)}
    ok(len(ids) == 5 and None not in ids, "who has none is given one", ids)
    ok(shop.ask("GET", "/api/products").headers["Content-Type"].startswith("application/json"),
       "what it is is passed on")


def test_bodies(shop):
    answer = shop.ask("POST", "/api/auth/login", b"x" * 65537)
    ok(answer.status == 413, "a body over the limit is refused", answer)
    answer = shop.ask("POST", "/api/auth/login", b"x" * 3000000)
    ok(answer.status == 413, "a huge one, too", answer)
    bad = [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"email":1,"password":2}', b"[" * 5000]
    answers = [shop.ask("POST", "/api/auth/login", body) for body in bad]
    ok(all(a.status == 400 and a.code for a in answers), "what is no good JSON is a 400",
       "\n".join(map(str, answers)))
    said = raw(shop, "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                     "Content-Length: 3\r\n\r\n{}")
    ok(said.startswith("HTTP/1.1 400"), "a request with two lengths is refused", said)
    said = raw(shop, "GET /api/products HTTP/1.1\r\nHost: x\r\nX-Correlation-Id: a\x01b\r\n\r\n")
    ok(said.startswith("HTTP/1.1 400"), "and one with control characters", said)


def test_health(shop):
    for name in SERVICES:
        answer = shop.ask("GET", f"/health/{name}")
        ok(answer.status == 200 and answer.json == {"status": "ok", "service": name},
           f"{name} is well", answer)
    answer = shop.ask("GET", "/health/all")
    ok(answer.status == 200 and answer.json["services"] == {name: "ok" for name in SERVICES},
       "all are well", answer)
    ok(shop.ask("GET", "/health").json["status"] == "ok", "and so is the gateway itself")
    ok(shop.ask("GET", "/health/nobody").status == 404, "nobody is not a service")


def count(shop, wanted, ask, connections=4, seconds=1.5):
    """How many of many requests had that status; every connection asks as fast as it can."""
    def hammer(_):
        client, seen, until = shop.another_client(), [], time.monotonic() + seconds
        while time.monotonic() < until:
            seen.append(ask(client))
        client.close()
        return seen
    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        answers = [a for part in pool.map(hammer, range(connections)) for a in part]
    return sum(a.status == wanted for a in answers), answers


def get_product(client):
    return client.ask("GET", "/api/products/SKU-1")


def test_limits():
    with OpenShop("--limit", "40") as shop:
        began = time.monotonic()
        admitted, answers = count(shop, 200, get_product)
        most = 40 * (time.monotonic() - began + 1) + 1
        refused = [a for a in answers if a.status == 429]
        ok(30 <= admitted <= most, "no more come in than the limit lets, from all connections",
           f"{admitted} of {len(answers)}, at most {most:.0f}")
        ok(refused and all(a.code == "rate_limited" and int(a.headers["Retry-After"]) >= 1
                           for a in refused),
           "those who do not are told when to come again", refused and refused[0])
        time.sleep(1.2)
        ok(get_product(shop.client).status == 200, "and then they can")
    with OpenShop("--limit", "40", "--bug", "limiter-per-instance") as shop:
        began = time.monotonic()
        admitted, answers = count(shop, 200, get_product)
        most = 40 * (time.monotonic() - began + 1) + 1
        ok(admitted > most, "a limiter per connection lets more in: the bug can be seen",
           f"{admitted} of {len(answers)}, at most {most:.0f}")


def test_limit_of_logins():
    with OpenShop("--auth-limit", "7") as shop:
        seen = [shop.ask("POST", "/api/auth/login", {"email": "a@b.c", "password": "guess"}).status
                for _ in range(20)]
        ok(seen[:7] == [401] * 7 and set(seen[7:]) == {429}, "passwords can be guessed seldom only",
           seen)
        ok(shop.ask("GET", "/api/products").status == 200, "nobody else suffers from that")


def test_limit_of_users():
    with OpenShop("--limit", "100") as shop:
        token, other = shop.login(), shop.login("customer-2@shop.example")
        seen = [shop.ask("GET", "/api/auth/me", token=token).status for _ in range(40)]
        ok(seen[:10] == [200] * 10 and 429 in seen, "one user gets a tenth of what all get", seen)
        ok(shop.ask("GET", "/api/auth/me", token=other).status == 200,
           "another one is not held back by that")


with OpenShop("--no-limits") as shop:
    test_routes(shop)
    test_tokens(shop)
    test_headers(shop)
    test_bodies(shop)
    test_health(shop)
test_limits()
test_limit_of_logins()
test_limit_of_users()
done()
