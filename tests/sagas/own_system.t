#!/usr/bin/python3
# a system that somebody else has started, with our witnesses at its side: its file is enough for
# faults, and for what its provider and its mail server know
# timeout: 90s
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from open_shop import OpenShop  # noqa: E402
from runs import SCRATCH, done, finish, ok, start  # noqa: E402

SCENARIOS = os.path.abspath("scenarios")
ENVIRONMENT = os.environ | {"SAGASTORM_STATE": f"{SCRATCH.name}/state"}
SCENARIO = """
use: [{scenarios}/journeys/buyer.yaml, {scenarios}/sagas/order.yaml]
target: {url}
vars: {{ think: 200ms }}
http: {{ timeout: 10s }}
generator: {{ lag-limit: 9s, stall-limit: 9s, cpu-limit: 100%, dropped-limit: 100%, drain: 6s }}
system: {system}
load: {{ sale: {{ rate: 10/s, for: 3s }} }}
mix: {{ browse: 50, checkout: 40, cancel: 10 }}
chaos: {{ faults: [ {{ at: 1s, kill: {{ service: payment }} }} ] }}
"""


def verdict(result, name):
    rows = result.report.get("sagas", {}).get("order", {}).get("invariants", ())
    return next((row["verdict"] for row in rows if row["name"] == name), None)


with OpenShop("--no-limits") as shop:
    text = SCENARIO.format(scenarios=SCENARIOS, url=shop.url,
                           system=f"{shop.directory.name}/system.yaml")
    result = finish(start(text, env=ENVIRONMENT), 60)
    said = f"{result}\n{json.dumps(result.report.get('sagas'))[:3000]}"
    ok(result.code == 0, "a run against it passes", said)
    ok(all(fault["cleaned"] for fault in result.report.get("faults", ())) and
       len(result.report.get("faults", ())) == 1, "a service of it is killed, and comes back", said)
    ok(verdict(result, "charge-once") == verdict(result, "charge-has-order") == "valid",
       "the provider is asked what it charged", said)
    ok(verdict(result, "notify") == "valid", "and the mail server what it was given", said)
done()
