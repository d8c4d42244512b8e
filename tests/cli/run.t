#!/usr/bin/python3
# a run sends what it promised, counts everything, and says what came of it
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from runs import Shop, done, ok, run, start, finish  # noqa: E402


def one_request(shop, request, load="go: { rate: 20/s, for: 1s }", http="{ timeout: 5s }"):
    """A scenario of one journey with one request."""
    return f"""
name: one
target: {shop.url}
http: {http}
generator: {{ lag-limit: 5s, stall-limit: 5s, cpu-limit: 100%, dropped-limit: 100%, drain: 3s }}
load:
  {load}
journeys:
  only:
{request}
"""


def both(shop, text):
    return [(kind, run(text, "--transport", kind)) for kind in ("direct", "curl")]


def test_identity(shop):
    for kind, result in both(shop, one_request(shop, "    - get: /ok", "go: { rate: 100/s, for: 3s }")):
        ok(result.code == 0, f"{kind}: a good run passes", result)
        ok(result.load.get("scheduled") == 300 and result.load.get("ok") == 300 and result.balances(),
           f"{kind}: every start that was promised is made, and is accounted for", result)
        ok(result.named("GET /ok").get("count") == 300, f"{kind}: every request is reported", result)


def test_server_agrees():
    with Shop() as shop:
        result = run(one_request(shop, "    - get: /ok\n    - post: /ok\n      json: {a: 1}",
                                 "go: { rate: 50/s, for: 2s, arrivals: poisson }"))
        log = shop.log()
        ok(len(log) == 200 and result.code == 0, "the system saw exactly what is reported", result)
        ok([line["body"] for line in log if line["method"] == "POST"] == ['{"a":1}'] * 100,
           "bodies arrive as written", log[:3])


MOODS = [  # path, failure class, outcome
    ("/status/503", "http", "failed"),
    ("/status/404", "http", "failed"),
    ("/hang", "timeout", "timed_out"),
    ("/hang-body", "timeout", "timed_out"),
    ("/reset", "reset", "failed"),
    ("/cut", "reset", "failed"),
    ("/garbage", "protocol", "failed"),
    ("/big-header", "protocol", "failed"),
    ("/around", "protocol", "failed"),
    ("/to?http://example.invalid/", "protocol", "failed"),
]


def test_moods(shop):
    for path, failure, outcome in MOODS:
        text = one_request(shop, f"    - get: {path}", "go: { rate: 5/s, for: 1s }",
                           "{ timeout: 500ms }")
        for kind, result in both(shop, text):
            ok(result.errors() == {failure: 5} and result.load.get(outcome) == 5 and
               result.balances(), f"{kind}: {path} is {failure}, and counted as {outcome}",
               f"{result}\n{result.report.get('errors')}")


def test_endless(shop):
    text = one_request(shop, "    - get: /endless\n      save: { x: body }",
                       "go: { rate: 2/s, for: 1s }", "{ timeout: 20s, max-body: 1MiB }")
    for kind, result in both(shop, text):
        ok(result.errors() == {"protocol": 2}, f"{kind}: a body beyond max-body ends there", result)
    text = one_request(shop, "    - get: /bomb\n      save: { x: body }",
                       "go: { rate: 1/s, for: 1s }", "{ timeout: 20s, max-body: 1MiB }")
    result = run(text)
    ok(result.errors() == {"protocol": 1}, "a compressed bomb ends at max-body", result)


def test_session(shop):
    for kind in ("direct", "curl"):
        result = run(one_request(shop, """
    - get: /visit
    - get: /visit
    - get: /visit
      expect: { that: [ "/visits == 3" ] }
    - get: /gzip
      expect: { that: [ "/items/2 == 3" ] }
""", "go: { rate: 10/s, for: 1s }"), "--transport", kind)
        ok(result.code == 0 and result.load["ok"] == 10,
           f"{kind}: cookies make a session, a new one for every visitor; gzip is decoded", result)


def test_redirects():
    for kind in ("direct", "curl"):
        with Shop() as shop:
            result = run(one_request(shop, """
    - post: /login
      json: { email: a@b.c }
      expect: { that: [ "/visits == 42" ] }
    - post: /to?/flaky/1
      name: retried
      headers: { Idempotency-Key: "k-${user}" }
      retry: { times: 2, on: [5xx], backoff: 10ms }
      redirects: 3
""", "go: { rate: 5/s, for: 1s }"), "--transport", kind)
            seen = [(line["method"], line["path"], "content-type" in line["headers"])
                    for line in shop.log()]
            ok(result.code == 0 and result.load.get("ok") == 5 and
               seen.count(("POST", "/login", True)) == 5 and
               seen.count(("GET", "/visit", False)) == 5,
               f"{kind}: after a login's redirect a GET brings the cookie that came with it",
               f"{seen[:4]}\n{result}")
            ok(seen.count(("POST", "/to?/flaky/1", False)) == 10 and
               seen.count(("GET", "/flaky/1", False)) == 10,
               f"{kind}: a retry starts where the request started, not where it was sent to",
               f"{sorted(seen)}")


def test_retries():
    for mood, on in (("flaky", "5xx"), ("lost", "reset")):
        for kind in ("direct", "curl"):
            with Shop() as shop:
                result = run(one_request(shop, f"""
    - post: /{mood}/2
      json: {{ n: "${{fn.uuid}}" }}
      idempotent: yes
      retry: {{ times: 3, on: [{on}], backoff: 10ms x2 }}
      expect: {{ status: 201 }}
""", "go: { rate: 10/s, for: 1s }"), "--transport", kind)
                log = shop.log()
                keys = {}
                for line in log:
                    keys.setdefault(line["headers"].get("idempotency-key"), set()).add(line["body"])
                ok(result.code == 0 and result.load.get("ok") == 10 and len(log) == 30,
                   f"{kind}: {mood} requests are sent again until they succeed, no more",
                   f"{len(log)} requests\n{result}")
                ok(len(keys) == 10 and None not in keys and all(len(b) == 1 for b in keys.values()),
                   f"{kind}: retries keep their key and their body", keys)
                ok(result.named(f"POST /{mood}/2").get("count") == 10,
                   f"{kind}: a retried request counts once", result)


def test_poll(shop):
    result = run(one_request(shop, """
    - poll: GET /count-to/3/${user}
      until: /status == CONFIRMED
      every: 20ms
      within: 5s
    - poll: GET /status/200
      until: /status == 999
      every: 20ms
      within: 100ms
      on-fail: continue
""", "go: { rate: 5/s, for: 1s }"))
    ok(result.load.get("ok") == 5 and result.errors() == {"expectation": 5},
       "a poll asks until it is true, or until its time is over", result)


def test_together(shop):
    result = run(one_request(shop, """
    - together:
        - get: /slow/200
        - get: /slow/201
        - get: /slow/202
    - get: /ok
""", "go: { iterations: 5, users: 1, for: 20s }"))
    ok(result.load.get("ok") == 5 and result.report["duration_s"] < 3.5,
       "parts of a page load in parallel", result)


def test_meet():
    with Shop() as shop:
        result = run(one_request(shop, """
    - think: 0s to 500ms
    - meet: { users: 10, within: 5s }
    - post: /ok
      json: {}
"""))
        times = sorted(line["at"] for line in shop.log())
        spread = [times[9] - times[0], times[19] - times[10]] if len(times) == 20 else []
        ok(len(times) == 20 and max(spread) < 0.2 and times[10] - times[9] > 0,
           "users who meet act at the same moment", f"{spread}\n{result}")


def test_closed(shop):
    result = run(one_request(shop, "    - get: /ok\n    - think: 10ms",
                             "go: { users: 7, iterations: 100, for: 20s }"))
    ok(result.load.get("scheduled") == 100 and result.code == 0, "so many iterations, no more", result)
    result = run(one_request(shop, "    - get: /ok\n    - think: 100ms", "go: { users: 10, for: 2s }"))
    ok(150 <= result.load.get("scheduled", 0) <= 210 and result.code == 0,
       "users come again until the phase is over", result)


def test_control_flow():
    with Shop() as shop:
        result = run(one_request(shop, """
    - get: /api/list
      save: { first: /items/0/sku, list: /items }
    - if: ${first} == A
      then:
        - get: /api/then/${first}
      else:
        - get: /api/else
    - repeat: { times: 2, do: [ { get: "/api/turn/${loop}", name: turn } ] }
    - for-each: { in: "${list}", as: item, do: [ { get: /api/each, name: each } ] }
    - set: { place: "x${first}y" }
    - get: /api/set/${place}
""", "go: { users: 1, iterations: 1, for: 10s }"))
        paths = [line["path"] for line in shop.log()]
        ok(paths == ["/api/list", "/api/then/A", "/api/turn/0", "/api/turn/1", "/api/each",
                     "/api/each", "/api/set/xAy"], "conditions and loops run as written",
           f"{paths}\n{result}")


def test_timeouts_are_honest():
    with Shop() as shop:
        result = run(one_request(shop, """
    - get: /stall
      name: once
    - get: /ok
""", "go: { rate: 50/s, for: 3s }", "{ timeout: 10s }"))
        ok(result.load.get("ok") == 150 and result.named("once").get("latency_us", {}).get("p90", 0) > 200000,
           "a system that stops for a second is seen to have stopped by everyone who came then",
           result)


def test_dropped(shop):
    text = one_request(shop, "    - get: /slow/1000", "go: { rate: 20/s, for: 1s }")
    result = run(text.replace("drain: 3s", "drain: 3s, max-users: 5"))
    ok(result.load.get("dropped") == 15 and result.balances(),
       "a start without room is dropped and counted, never late", result)


def test_dead_target():
    result = run("name: dead\ntarget: http://127.0.0.1:1\nload: { go: { rate: 1/s, for: 1s } }\n"
                 "journeys: { only: [ { get: / } ] }\n")
    ok(result.code == 3 and "127.0.0.1:1" in result.err, "a dead target is exit code 3", result)


def test_data_from_endpoint():
    with Shop() as shop:
        text = one_request(shop, "    - get: /api/product/${things.sku}")
        result = run(text + "data:\n  things: { read: GET /api/things, each: /items, pick: sequential }\n")
        paths = sorted({line["path"] for line in shop.log()})
        ok(result.code == 0 and paths == ["/api/product/A", "/api/product/B", "/api/things"],
           "data is read from the system before the load", f"{paths}\n{result}")


with Shop() as shop:
    test_identity(shop)
    test_moods(shop)
    test_endless(shop)
    test_session(shop)
    test_poll(shop)
    test_together(shop)
    test_closed(shop)
    test_dropped(shop)
test_server_agrees()
test_redirects()
test_retries()
test_meet()
test_control_flow()
test_timeouts_are_honest()
test_dead_target()
test_data_from_endpoint()
done()
