#!/usr/bin/python3
# gates decide the exit code: held 0, broken 20, unknown 10; and one may stop a run
# timeout: 120s
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from runs import BINARY, Shop, done, ok, run, write_scenario  # noqa: E402


def scenario(shop, gates, load="go: { rate: 50/s, for: 3s }", path="/ok"):
    return f"""
name: gated
target: {shop.url}
generator: {{ lag-limit: 5s, stall-limit: 5s, cpu-limit: 100%, dropped-limit: 100%, drain: 3s }}
load:
  warmup: {{ rate: 20/s, for: 1s, measure: no }}
  {load}
journeys:
  visit:
    - get: {path}
      name: front page
gates: {json.dumps(gates)}
"""


def verdicts(result):
    return [gate["verdict"] for gate in result.report.get("gates", ())]


def again(result):
    """The exit code and gates of the reports, built once more from the history."""
    process = subprocess.run([BINARY, "report", result.directory], capture_output=True, text=True)
    with open(f"{result.directory}/report.json") as file:
        return process.returncode, json.load(file)["gates"]


def test_pass(shop):
    result = run(scenario(shop, [
        "errors < 2%", "visit.p90 < 20s", "front page.max < 20s in go", "ok >= 150 in go",
        "any 2s of throughput > 1/s", "throughput > 1/s in warmup", "starts == 150",
        {"gate": "dropped == 0", "name": "room for all"}]))
    ok(result.code == 0 and verdicts(result) == ["pass"] * 9, "gates that hold are exit code 0",
       f"{result}\n{result.report.get('gates')}")
    ok("room for all" in result.out, "the summary has a line for each", result.out)
    ok(again(result) == (0, result.report["gates"]),
       "reports built again from the history say the same")


def test_fail(shop):
    result = run(scenario(shop, ["errors == 0", "visit.p50 < 1us", "p99.9 < 1s"]))
    ok(result.code == 20 and verdicts(result) == ["pass", "pass", "fail", "unknown"],
       "one that does not hold is exit code 20", result.report.get("gates"))
    ok("x gate visit.p50 < 1us: it is " in result.out, "the summary begins with it", result.out)


def test_unknown(shop):
    result = run(scenario(shop, ["p99.9 < 1s"]))
    ok(result.code == 10 and verdicts(result) == ["pass", "unknown"],
       "one that too few requests say something about is exit code 10", result)
    ok("it takes 10000" in " ".join(result.out.split()), "and it is said how many it would take",
       result.out)


def test_abort(shop):
    result = run(scenario(shop, ["p99 < 1s", {"gate": "errors < 20%", "abort": True}],
                          "go: { rate: 50/s, for: 60s }", "/status/503"))
    ok(result.code == 20 and result.report["duration_s"] < 40,
       "a gate that may stop a run stops it, and it fails", result)
    ok(result.report["gates"][2]["reason"] == "it stopped the run" and
       result.report["validity"]["valid"], "nothing else is blamed for that", result.report)
    ok("a gate is broken: errors < 20%: it is 100%" in result.err, "it is said while it happens",
       result.err)
    ok(again(result)[0] == 20, "a report built again knows it, too")


def test_check():
    path = write_scenario("""
target: http://127.0.0.1:1
load: { sale: { rate: 5/s, for: 1s } }
journeys: { visit: [ { get: / } ] }
gates:
  - vist.p99 < 1s
  - p99 < 1s in sele
  - eror < 1%
""")
    process = subprocess.run([BINARY, "check", path], capture_output=True, text=True)
    said = process.stdout + process.stderr
    ok(process.returncode == 2 and all(part in said for part in (
        f"{path}:6:5: unknown journey or request 'vist' (did you mean 'visit'?)",
        f"{path}:7:17: unknown phase 'sele' (did you mean 'sale'?)",
        f"{path}:8:5: unknown metric 'eror' (did you mean 'errors'?)")),
       "every mistake in gates is found by check, with its place", said)


with Shop() as shop:
    test_pass(shop)
    test_fail(shop)
    test_unknown(shop)
    test_abort(shop)
test_check()
done()
