#!/usr/bin/python3
# a run that starts its shop, breaks it, puts it back, and says what became of every order
# timeout: 240s
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from runs import (BINARY, SCRATCH, SLOWDOWN, done, finish, gone, ok, start,  # noqa: E402
                  wait_for)

SCENARIOS = os.path.abspath("scenarios")
STATE = f"{SCRATCH.name}/state"
ENVIRONMENT = os.environ | {"SAGASTORM_STATE": STATE}

# Tolerant of a slow machine: what is judged here is the system, not the generator.
COMMON = """
use: [{scenarios}/journeys/buyer.yaml, {scenarios}/sagas/order.yaml]
vars: {{ think: 200ms }}
http: {{ timeout: 10s }}
generator: {{ lag-limit: 9s, stall-limit: 9s, cpu-limit: 100%, dropped-limit: 100%,
             drain: 6s }}
system: {{ shop: {{ limits: no, {shop} }} }}
load: {{ sale: {{ rate: "{rate}", for: {seconds}s }} }}
mix: {{ browse: 50, checkout: 40, cancel: 10 }}
chaos: {chaos}
gates: {gates}
"""


def begin(chaos, shop="", gates=("ok > 0",), seconds=6, rate="15/s"):
    text = COMMON.format(scenarios=SCENARIOS, chaos=json.dumps(chaos), shop=shop,
                         gates=json.dumps(list(gates)), seconds=seconds, rate=rate)
    return start(text, env=ENVIRONMENT)


def end(process):
    return finish(process, 90)


def fault(result, name):
    rows = [row for row in result.report.get("faults", ()) if row["name"] == name]
    return rows[0] if rows else {}


def order(result):
    return result.report.get("sagas", {}).get("order", {})


def verdict(result, name):
    rows = [row for row in order(result).get("invariants", ()) if row["name"] == name]
    return rows[0]["verdict"] if rows else None


def descendants(pid):
    """The process and all below it."""
    found = [pid]
    for parent in found:
        try:
            with open(f"/proc/{parent}/task/{parent}/children") as file:
                found += [int(child) for child in file.read().split()]
        except OSError:
            pass
    return found


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "X"


def nothing_broken():
    said = subprocess.run([BINARY, "chaos", "status"], capture_output=True, text=True,
                          env=ENVIRONMENT)
    return "nothing is broken" in said.stdout


LOST = {"at": "sale + 2s", "for": "2s", "name": "lost receipts",
        "lose-reply": {"edge": "payment -> psp", "call": "POST /v1/payment_intents"}}

FAMILIES = {"faults": [
    {"at": "sale + 1s", "for": "3s", "name": "slow provider",
     "latency": {"edge": "payment -> psp", "delay": "100ms"}},
    LOST,
    {"at": "sale + 3s", "for": "500ms", "name": "inventory stands still",
     "stop": {"service": "inventory"}},
    {"at": "sale + 3s", "for": "1s", "name": "busy", "cpu": {"cores": 1, "load": "10%"}},
    {"on": {"edge": "order -> payment", "call": "POST /internal/charge", "nth": 5, "hold": True},
     "name": "payment dies", "kill": {"service": "payment"}},
    {"when": {"saga": "order", "reaches": "CONFIRMED", "nth": 3}, "for": "1s", "name": "mail cut",
     "reset": {"edge": "notification -> mail"}},
]}


def test_families(result):
    names = [row["name"] for row in result.report.get("faults", ())]
    ok(result.code == 0, "faults of four families at once, and no order is wrong",
       f"{result}\n{json.dumps(order(result).get('invariants'))[:3000]}")
    ok(len(names) == 6 and all(fault(result, name)["cleaned"] for name in names),
       "all are proven to be healed", json.dumps(result.report.get("faults"), indent=1))
    ok(fault(result, "lost receipts").get("hits", 0) > 0 and
       fault(result, "payment dies").get("armed_at_s") is not None and
       fault(result, "mail cut").get("armed_at_s") is not None,
       "by the clock, by a call, by a saga: each trigger came true",
       json.dumps(result.report.get("faults"), indent=1))
    sagas = order(result)
    ok(sagas.get("started", 0) > 10 and sagas["started"] ==
       sagas["succeeded"] + sagas["compensated"] + sagas["stuck"] + sagas["unknown"],
       "every order is accounted for", json.dumps(sagas)[:2000])
    ok(verdict(result, "charge-once") == "valid" and verdict(result, "stock-conserved") == "valid"
       and verdict(result, "atomic") == "valid", "money and stock are verified, from evidence",
       json.dumps(sagas.get("invariants"))[:3000])
    with open(f"{result.directory}/audit.txt") as file:
        audit = file.read()
    ok(audit.count("looked, and it is gone") == 6, "the audit trail has it all", audit)


def test_bug(result):
    ok(result.code == 21 and verdict(result, "charge-once") == "invalid",
       "a shop that charges twice when a receipt is lost is exit code 21",
       f"{result}\n{json.dumps(order(result).get('invariants'))[:3000]}")
    ok("charge-once VIOLATED" in result.out, "and the summary says so", result.out)


def test_gate(result):
    ok(result.code == 20, "a gate that fails is exit code 20", result)


def test_sick(result):
    ok(result.code == 22 and fault(result, "lost receipts").get("armed_at_s") is None,
       "a system that is not in its steady state is not attacked: exit code 22",
       f"{result}\n{result.report.get('faults')}")


def test_breach(result):
    ok(result.code == 22 and "breached" in result.err,
       "a breach ends the faults and the run: exit code 22", result)
    ok(result.report.get("duration_s", 99) < 12 and all(
        row["cleaned"] for row in result.report.get("faults", [{"cleaned": False}])),
       "before its time, and healed", f"{result.report.get('duration_s')}")


def test_interrupt(process):
    wait_for(lambda: not nothing_broken(), 30)
    process.send_signal(signal.SIGINT)
    result = end(process)
    ok(result.code == 130 and fault(result, "lost receipts").get("cleaned"),
       "Ctrl-C while a fault is armed: healed, reported, exit code 130",
       f"{result}\n{result.report.get('faults')}")
    ok(order(result).get("started", 0) > 0 and verdict(result, "charge-once") == "valid",
       "and its orders are still asked for", json.dumps(order(result))[:2000])


def test_killed(process):
    wait_for(lambda: not nothing_broken(), 30)
    all_of_it = descendants(process.pid)
    process.send_signal(signal.SIGKILL)
    since = time.monotonic()
    healed = wait_for(nothing_broken, 2)
    ok(healed, f"kill -9 while a fault is armed: healed after {time.monotonic() - since:.1f} s")
    ok(wait_for(lambda: all(gone(pid) for pid in all_of_it), 10),
       "and neither shop nor proxy nor supervisor stay behind",
       [(pid, state_of(pid)) for pid in all_of_it])
    process.communicate()


def test_unproven(result):
    ok(result.code == 30 and not fault(result, "the end of it").get("cleaned", True),
       "what can't be put back is exit code 30", f"{result}\n{result.report.get('faults')}")


# A process that nobody starts again, and whose `start:` does not.
UNPROVEN = """
generator: {{ lag-limit: 9s, stall-limit: 9s, cpu-limit: 100%, dropped-limit: 100% }}
system:
  services: {{ web: {{ url: "{url}" }}, victim: {{ pidfile: "{pidfile}", start: ["true"] }} }}
  edges: [{{ from: visitors, to: web, url: "{url}" }}]
load: {{ go: {{ rate: 20/s, for: 2s }} }}
chaos: {{ faults: [{{ at: 500ms, name: the end of it, kill: {{ service: victim }} }}] }}
journeys: {{ visit: [{{ get: /ok }}] }}
"""


def begin_unproven():
    from runs import Shop
    shop = Shop()
    victim = subprocess.Popen(["sleep", "300"])
    pidfile = f"{SCRATCH.name}/victim.pid"
    with open(pidfile, "w") as file:
        file.write(str(victim.pid))
    return shop, victim, start(UNPROVEN.format(url=shop.url, pidfile=pidfile),
                               env=ENVIRONMENT | {"SAGASTORM_STATE": f"{STATE}-unproven"})


def main():
    families = begin(FAMILIES)
    bug = begin({"faults": [LOST]}, shop="bugs: [retry-new-key]")
    test_families(end(families))
    test_bug(end(bug))
    sick = begin({"steady": ["p50 < 1us"], "faults": [LOST]})
    gate = begin({"faults": [LOST]}, gates=["p50 < 1us"])
    test_sick(end(sick))
    test_gate(end(gate))
    shop, victim, unproven = begin_unproven()
    breach = begin({"steady": ["wait for the order.p90 < 60s", "errors < 10%"],
                    "steady-for": "1s", "abort-on-breach": True,
                    "faults": [{"at": "sale + 3s", "for": "9s",
                                "refuse": {"edge": "gateway -> order"}},
                               {"at": "sale + 3s", "for": "9s",
                                "reset": {"edge": "gateway -> order"}}]}, seconds=12)
    test_unproven(end(unproven))
    test_breach(end(breach))
    victim.wait()
    shop.__exit__()
    test_interrupt(begin({"faults": [LOST]}, seconds=20))
    test_killed(begin({"faults": [LOST, {"at": "sale + 2s", "for": "60s",
                                         "stop": {"service": "payment"}}]}, seconds=20))
    done()


main()
