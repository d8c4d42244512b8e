"""ours: how the bench and the instruction test drive sagastorm.

Load is closed: N users who never think, so that the generator is always the limit and all of its
time is spent on requests.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import time

BINARY = os.environ.get("SAGASTORM_RELEASE", os.path.abspath("build/release/sagastorm"))

PLAIN = """
  visit:
    - repeat:
        times: 100
        do: [ get: {path} ]
"""

# Five requests: log in and keep the token, list and keep a product, look at it, put it into the
# cart, order. Each has two expectations; two save by JSON Pointer.
JOURNEY = """
  visit:
    - repeat:
        times: 20
        do:
          - post: /api/auth/login
            name: login
            json: {{ email: "ada@example.com", password: "secret" }}
            expect: {{ status: 200, that: /token exists }}
            save: {{ token: /token }}
          - get: /api/products
            name: list
            expect: {{ status: 200, that: /items exists }}
            save: {{ sku: /items/0/sku }}
          - get: /api/products/${{sku}}
            name: view
            expect: {{ status: 200, that: /price > 0 }}
          - post: /api/cart/items
            name: cart
            auth: bearer ${{token}}
            json: {{ sku: "${{sku}}", qty: 1 }}
            expect: {{ status: 200, that: /items > 0 }}
          - post: /api/orders
            name: order
            auth: bearer ${{token}}
            json: {{ sku: "${{sku}}" }}
            expect: {{ status: 201, that: /status == CONFIRMED }}
"""


def write_scenario(place, url, phase, journey):
    target, path = re.match(r"(https?://[^/]+)(/.*)", url).groups()
    trust = f"  ca: {os.environ['BENCH_CA']}\n" if url.startswith("https") else ""
    name = os.path.join(place, "bench.yaml")
    with open(name, "w", encoding="utf-8") as file:
        file.write(f"name: bench\ntarget: {target}\nhttp:\n  compression: no\n{trust}"
                   f"generator: {{ workers: 1 }}\n"
                   f"load:\n  all: {{ {phase} }}\nmix: {{ visit: 1 }}\njourneys:"
                   + (JOURNEY if journey else PLAIN).format(path=path))
    return name


def command(scenario, directory, transport):
    return [BINARY, "run", scenario, "-o", directory, "--transport", transport,
            "--progress", "none"]


def report_of(directory):
    with open(os.path.join(directory, "report.json"), encoding="utf-8") as file:
        return json.load(file)


def requests_of(report):
    if report["totals"]["errors"]:
        raise RuntimeError(f"{report['totals']['errors']} requests failed: {report['errors'][:3]}")
    return report["totals"]["count"]


def counted_run(place, url, transport, journey, iterations):
    """(requests, instructions) of one run under callgrind, over all of its processes."""
    directory = os.path.join(place, f"counted-{time.monotonic_ns()}")
    pattern = os.path.join(place, "callgrind.out")
    for old in glob.glob(pattern + "*"):
        os.remove(old)
    scenario = write_scenario(place, url, f"users: 4, iterations: {iterations}, for: 100s",
                              journey)
    done = subprocess.run(["valgrind", "--tool=callgrind", "--trace-children=yes",
                           f"--callgrind-out-file={pattern}.%p"] +
                          command(scenario, directory, transport),
                          capture_output=True, text=True, timeout=120, check=False,
                          stdin=subprocess.DEVNULL)
    if not os.path.exists(os.path.join(directory, "report.json")):
        raise RuntimeError(f"exit {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    total = 0
    for name in glob.glob(pattern + "*"):
        with open(name, encoding="utf-8", errors="replace") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("totals:"))
    requests = requests_of(report_of(directory))
    shutil.rmtree(directory)
    return requests, total


def instructions(place, url, transport, journey=False, short=8, long=48):
    """What one more request costs, so that the start and the end of a run cancel out."""
    few, less = counted_run(place, url, transport, journey, short)
    many, more = counted_run(place, url, transport, journey, long)
    if many <= few:
        raise RuntimeError(f"the longer run made {many} requests, the shorter {few}")
    return (more - less) / (many - few)
