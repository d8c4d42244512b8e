#!/usr/bin/python3
# accounts, logins and tokens; and what one may not do with them
# timeout: 90s
import base64
import json
import os
import sys
import time
import urllib.parse
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from open_shop import OpenShop  # noqa: E402
from runs import done, ok  # noqa: E402


def register(shop, **fields):
    body = {"email": f"{uuid.uuid4()}@shop.example", "password": "long enough"} | fields
    return shop.ask("POST", "/api/auth/register", {k: v for k, v in body.items() if v is not None})


def login(shop, email, password="password"):
    return shop.ask("POST", "/api/auth/login", {"email": email, "password": password})


def refresh(shop, token):
    return shop.ask("POST", "/api/auth/refresh", {"refresh_token": token})


def payload(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_register(shop):
    answer = register(shop, email="New.Person@Shop.Example", name="Nora \"N\" \u00d8")
    ok(answer.status == 201 and answer.json["email"] == "new.person@shop.example" and
       answer.json["id"].startswith("usr"), "whoever registers has an id", answer)
    answer = register(shop, email="new.person@SHOP.example")
    ok(answer.status == 409 and answer.code == "email_taken", "one address is one user", answer)
    answer = login(shop, "NEW.person@shop.example", "long enough")
    ok(answer.status == 200 and answer.json["user"]["name"] == "Nora \"N\" \u00d8",
       "and can log in", answer)
    bad = [{"email": None}, {"password": None}, {"email": "nobody"}, {"email": "@x.y"},
           {"email": "a b@x.y"}, {"email": "a@b@x.y"}, {"email": "a@x"}, {"email": 7},
           {"email": "a" * 300 + "@x.y"}, {"password": "short"}, {"password": "x" * 200},
           {"password": ["long enough"]}, {"name": 5}, {"name": "n" * 200}, {"email": "a\u0000@x.y"}]
    answers = [register(shop, **fields) for fields in bad]
    ok(all(a.status == 400 and a.code for a in answers), "nobody registers with bad fields",
       [f"{f} {a.status}" for f, a in zip(bad, answers) if a.status != 400])


def test_login(shop):
    answer = login(shop, "customer-7@shop.example")
    claims = payload(answer.json["token"])
    ok(answer.status == 200 and answer.json["user"] ==
       {"id": "usr_7", "email": "customer-7@shop.example", "name": "Customer", "role": "customer"},
       "those who were there from the start can log in", answer)
    ok(claims["sub"] == "usr_7" and claims["role"] == "customer" and claims["jti"] and
       claims["exp"] - claims["iat"] == answer.json["expires_in"], "the token says who", claims)
    wrong, nobody = login(shop, "customer-7@shop.example", "no"), login(shop, "no@shop.example")
    ok(wrong.status == nobody.status == 401 and wrong.code == nobody.code == "bad_credentials",
       "a wrong password and nobody are told the same", f"{wrong}\n{nobody}")
    ok(login(shop, "customer-1000@shop.example").status == 200 and
       login(shop, "customer-1001@shop.example").status == 401, "there are a thousand customers")


def test_refresh(shop):
    first = login(shop, "customer-8@shop.example").json
    second = refresh(shop, first["refresh_token"])
    ok(second.status == 200 and second.json["refresh_token"] != first["refresh_token"] and
       second.json["user"]["id"] == "usr_8", "a refresh token gives a new pair", second)
    ok(refresh(shop, first["refresh_token"]).status == 401, "once")
    ok(shop.ask("GET", "/api/auth/me", token=second.json["token"]).status == 200,
       "the new token is good")
    third = refresh(shop, second.json["refresh_token"]).json
    answer = shop.ask("POST", "/api/auth/logout", token=third["token"])
    ok(answer.status == 204 and answer.body == b"", "one can log out", answer)
    ok(refresh(shop, third["refresh_token"]).status == 401, "then no refresh token is good")
    ok(all(refresh(shop, t).status in (400, 401) for t in ["", "x", "' or 1=1 --", 5, None]),
       "nor is anything made up")


def test_users(shop):
    admin, me, other = shop.admin(), shop.login("customer-9@shop.example"), "usr_10"
    answer = shop.ask("GET", "/api/users?page=2&limit=7", token=admin)
    ok(answer.status == 200 and len(answer.json["items"]) == 7 and answer.json["page"] == 2 and
       answer.json["total"] >= 1001, "an admin sees all, page by page", answer)
    ok("password" not in answer.body.decode() and "pbkdf2" not in answer.body.decode(),
       "but no passwords")
    seen, page = set(), 1
    while items := shop.ask("GET", f"/api/users?page={page}&limit=100", token=admin).json["items"]:
        seen |= {item["id"] for item in items}
        page += 1
    ok(len(seen) == answer.json["total"], "the pages hold everyone once", len(seen))
    ok(shop.ask("GET", "/api/users", token=me).status == 403, "a customer does not")
    ok(shop.ask("GET", "/api/users/usr_9", token=me).json["email"] == "customer-9@shop.example",
       "everyone sees themselves")
    answers = [shop.ask(method, f"/api/users/{other}", body, token=me) for method, body in
               [("GET", None), ("PUT", {"name": "x"}), ("DELETE", None)]]
    ok(all(a.status == 403 for a in answers), "but nobody else", "\n".join(map(str, answers)))
    ok(shop.ask("GET", "/api/users/usr_none", token=admin).status == 404, "who is not is not found")
    for query in ["page=x", "page=99999999999999999999", "limit=' or 1=1"]:
        answer = shop.ask("GET", f"/api/users?{urllib.parse.quote(query, safe='=')}", token=admin)
        ok(answer.status == 400, f"{query} is refused", answer)
    answer = shop.ask("GET", "/api/users?limit=100000", token=admin)
    ok(len(answer.json["items"]) == 100, "nobody gets more than a hundred at a time", answer)


def test_changes(shop):
    email = f"{uuid.uuid4()}@shop.example"
    user = register(shop, email=email).json["id"]
    tokens = login(shop, email, "long enough").json
    path, token = f"/api/users/{user}", tokens["token"]
    answer = shop.ask("PUT", path, {"name": "Renamed"}, token=token)
    ok(answer.status == 200 and answer.json["name"] == "Renamed", "one can change one's name", answer)
    answer = shop.ask("PUT", path, {"email": "customer-1@shop.example"}, token=token)
    ok(answer.status == 409, "not to somebody else's address", answer)
    answer = shop.ask("PUT", path, {"role": "admin"}, token=token)
    ok(answer.status == 200 and answer.json["role"] == "customer", "not one's role", answer)
    answer = shop.ask("PUT", path, {"password": "another one"}, token=token)
    ok(answer.status == 200 and login(shop, email, "another one").status == 200 and
       login(shop, email, "long enough").status == 401, "one's password", answer)
    ok(refresh(shop, tokens["refresh_token"]).status == 401,
       "with a new password old refresh tokens are void")
    ok(shop.ask("DELETE", path, token=token).status == 204, "one can go")
    ok(login(shop, email, "another one").status == 401, "and is gone")
    ok(shop.ask("GET", "/api/auth/me", token=token).status == 404,
       "whoever is gone is nobody, though the token is good for a while")


def test_speed(shop):
    began = time.monotonic()
    for n in range(1, 51):
        login(shop, f"customer-{n}@shop.example")
    each = (time.monotonic() - began) / 50
    ok(each < 0.1, "a login does not take long", f"{each * 1000:.1f} ms")


with OpenShop("--no-limits") as shop:
    test_register(shop)
    test_login(shop)
    test_refresh(shop)
    test_users(shop)
    test_changes(shop)
    test_speed(shop)
done()
