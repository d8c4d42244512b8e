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
        times: 25
        do: [ get: {path} ]
"""

# Five requests: log in and keep the token, list and keep a product, look at it, put it into the
# cart, order. Each has two expectations; two save by JSON Pointer.
JOURNEY = """
  visit:
    - repeat:
        times: 5
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


def totals_line(name):
    with open(name, encoding="utf-8", errors="replace") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("totals:"))


def counted_run(place, url, transport, journey, iterations):
    """(requests, instructions of the workers, and of all processes) of one run under callgrind."""
    directory = os.path.join(place, f"counted-{time.monotonic_ns()}")
    pattern = os.path.join(place, "callgrind.out")
    for old in glob.glob(pattern + "*"):
        os.remove(old)
    scenario = write_scenario(place, url, f"users: 4, iterations: {iterations}, for: 100s",
                              journey)
    with subprocess.Popen(["valgrind", "--tool=callgrind", "--trace-children=yes",
                           f"--callgrind-out-file={pattern}.%p"] +
                          command(scenario, directory, transport), text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as process:
        output = process.communicate(timeout=120)[0]
    if not os.path.exists(os.path.join(directory, "report.json")):
        raise RuntimeError(f"exit {process.returncode}: {output[-2000:]}")
    counts = {name: totals_line(name) for name in glob.glob(pattern + "*")}
    requests = requests_of(report_of(directory))
    shutil.rmtree(directory)
    everything = sum(counts.values())
    return requests, everything - counts[f"{pattern}.{process.pid}"], everything


def instructions(place, url, transport, journey=False, short=20, long=140):
    """What one more request costs (the workers, everything with the report): the difference of two
    run lengths, so that the start and the end of a run cancel out."""
    few = counted_run(place, url, transport, journey, short)
    many = counted_run(place, url, transport, journey, long)
    if many[0] <= few[0]:
        raise RuntimeError(f"the longer run made {many[0]} requests, the shorter {few[0]}")
    return tuple((b - a) / (many[0] - few[0]) for a, b in zip(few[1:], many[1:]))
