#!/usr/bin/python3
# the same seed is the same run: the same starts, the same choices, the same bytes on the wire
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from runs import BINARY, SCRATCH, Shop, done, ok, run, write_scenario  # noqa: E402


def scenario(url, workers=1):
    with open(f"{SCRATCH.name}/things.csv", "w") as file:
        file.write("sku,price\n" + "".join(f"S{i},{i}\n" for i in range(50)))
    return f"""
name: seeds
target: {url}
seed: 7
generator: {{ workers: {workers}, lag-limit: 5s, stall-limit: 5s, cpu-limit: 100% }}
data:
  things: {{ csv: things.csv, pick: zipf 1.1 }}
load:
  open: {{ rate: 60/s, for: 2s, arrivals: poisson }}
  closed: {{ users: 1, iterations: 30, for: 20s }}
mix: {{ browse: 3, search: 2, buy: 1 }}
journeys:
  browse:
    - get: /browse/${{things.sku}}/${{fn.int(1,1000000)}}
    - think: exponential 2ms
    - get: /browse/again/${{user}}
  search:
    - get: /search?q=${{fn.choice(a,b,c)}}${{fn.string(5)}}
  buy:
    - post: /buy
      json: {{ sku: "${{things.sku}}", id: "${{fn.uuid}}" }}
      idempotent: yes
"""


def test_picks():
    """Rows of a file, by every way to pick them."""
    for pick in ("sequential", "random", "unique", "zipf 1.5"):
        with Shop() as shop:
            text = scenario(shop.url).replace("zipf 1.1", pick)
            text = text[:text.index("load:")] + """
load: { open: { rate: 50/s, for: 1s } }
journeys:
  only: [ { get: "/${things.sku}" } ]
"""
            result = run(text)
            rows = [line["path"][2:] for line in shop.log()]
        often = {row: rows.count(row) for row in rows}
        good = {"sequential": rows == [str(i) for i in range(50)],
                "unique": len(often) == 50 and rows != [str(i) for i in range(50)],
                "random": 15 < len(often) < 45,
                "zipf 1.5": often.get("0", 0) >= 10}[pick]
        ok(result.code == 0 and len(rows) == 50 and good, f"rows of a file are picked {pick}",
           f"{often}\n{result}")


def digest(path, *arguments):
    shown = subprocess.run([BINARY, "check", "--plan", path, *arguments], capture_output=True,
                           text=True)
    found = re.search(r"digest\W+([0-9a-f]+)", shown.stdout)
    return found.group(1) if found else shown


def test_plan():
    path = write_scenario(scenario("http://127.0.0.1:1"))
    first = digest(path)
    ok(isinstance(first, str) and first == digest(path), "the same seed gives the same plan", first)
    ok(digest(path, "--seed", "7") == first, "whether it is in the file or an option",
       digest(path, "--seed", "7"))
    ok(digest(path, "--seed", "8") != first, "another seed gives another one", first)


def requests(workers, *arguments):
    with Shop() as shop:
        result = run(scenario(shop.url, workers), *arguments)
        lines = [f"{line['method']} {line['path']} {line['headers'].get('idempotency-key')} "
                 f"{line['body']}" for line in shop.log()]
    ok(result.code == 0 and result.balances() and result.load["scheduled"] > 100,
       f"a run with {workers} worker{'s' * (workers > 1)} {' '.join(arguments)}", result)
    return lines


def differences(one, two):
    return f"{len(one)} and {len(two)}: {sorted(set(one) ^ set(two))[:10]}"


def test_runs():
    one, two = requests(1), requests(1)
    ok(sorted(one) == sorted(two), "two runs with the same seed ask for the same, to the last byte",
       differences(one, two))
    first = [line for line in one if "again" not in line]
    again = [line for line in two if "again" not in line]
    swapped = sum(a != b for a, b in zip(first, again))
    ok(swapped <= len(first) * 0.1, "in the same order, but for starts within the same moment",
       f"{swapped} of {len(first)} at another place")
    other = requests(1, "--seed", "8")
    other = [line for line in other if "again" not in line]
    ok(len(set(first) & set(other)) < len(first) / 10, "another seed asks for something else",
       f"{len(set(first) & set(other))} in common")
    opened = [line for line in one if "GET /search" in line]
    shared = requests(2)
    common = sum(line in set(shared) for line in opened)
    ok(common > 0.7 * len(opened), "workers share the plan: the open starts are the same with two",
       f"{common} of {len(opened)}")


test_plan()
test_picks()
test_runs()
done()
