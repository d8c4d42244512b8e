#!/usr/bin/python3
# a worker's memory follows how many visitors there are at once, and nothing else
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from runs import BINARY, Shop, done, ok, run, skip  # noqa: E402

# A piece of the history is mapped, and counts: at most so much at a time (lib/history.c).
MAPPED_KIB = 4096


def scenario(shop, load, steps):
    return f"""
name: memory
target: {shop.url}
http: {{ timeout: 5s, max-body: 4MiB }}
generator: {{ workers: 1, max-users: 20000, lag-limit: 5s, stall-limit: 5s, cpu-limit: 100%, drain: 1s }}
load: {{ go: {{ {load} }} }}
journeys:
  only:
{steps}
"""


def memory_kib(result):
    return result.load["generator"]["memory_kib"]


def test_length(shop):
    """All that a run does, again and again: new connections, failures, saved values, cookies."""
    steps = """
    - get: /visit
    - post: /ok
      json: { a: "${fn.uuid}" }
      save: { token: /token }
    - think: 20ms to 100ms
    - get: /api/${token}/${fn.string(20)}
      name: page
    - get: /status/404
      on-fail: continue
    - get: /reset
      on-fail: continue
"""
    sizes = {}
    for seconds in (2, 20):
        result = run(scenario(shop, f"rate: 60/s, for: {seconds}s", steps))
        ok(result.code == 0 and result.balances(), f"a run of {seconds} s passes", result)
        sizes[seconds] = memory_kib(result)
    print(f"# {sizes[2]} KiB after 2 s, {sizes[20]} KiB after 20 s")
    ok(sizes[20] - sizes[2] <= MAPPED_KIB + 512, "a run ten times as long needs the same memory")


def test_visitors(shop):
    steps = ("    - think: 0s to 3s\n    - get: /ok\n      save: { token: /token }\n"
             "    - think: 60s\n    - get: /${token}")
    few = run(scenario(shop, "users: 10, for: 4s", steps))
    many = run(scenario(shop, "users: 4000, for: 4s", steps))
    each = (memory_kib(many) - memory_kib(few)) / 4000
    print(f"# {memory_kib(few)} KiB with 10 visitors, {memory_kib(many)} KiB with 4,000: "
          f"{each:.2f} KiB each")
    ok(many.load["ok"] == 4000 and each < 4, "a visitor who thinks needs less than 4 KiB", many)


def test_large_values(shop):
    """One large answer after the other, by different visitors: what one saved goes with it."""
    steps = "    - get: /wide\n      save: { all: body }\n    - think: 1s\n    - get: /${all}\n      name: x"
    steps = steps.replace("\n    - get: /${all}\n      name: x",
                          "\n    - if: ${all} contains nothing\n      then: [ { get: /ok } ]")
    result = run(scenario(shop, "rate: 20/s, for: 8s", steps))
    ok(result.load["ok"] == 160 and memory_kib(result) < 70 * 1024,
       "large values are given back when their visitor leaves", f"{memory_kib(result)} KiB\n{result}")
    print(f"# {memory_kib(result)} KiB, 160 visitors saved 0.6 MB each")


if "asan" in BINARY:
    skip("memory is as it should be", "sanitizers keep what is freed")
    done()
with Shop() as moody:
    test_length(moody)
    test_visitors(moody)
    test_large_values(moody)
done()
