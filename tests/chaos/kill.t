#!/usr/bin/python3
# the harness, its supervisor or both are killed at every transition: what was broken is whole again
# timeout: 120s
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from breaking import HEALED_WITHIN_S, Harness, Victim, seconds_until  # noqa: E402
from runs import done, gone, ok, wait_for  # noqa: E402

FAULTS = """
    - { at: 50ms, for: 700ms, stop: { service: victim } }
    - { at: 50ms, for: 30s, fd-limit: { service: victim, limit: 50 } }
"""
MOMENTS = ["start", "arming", "armed", "healing"]


def killed(whom, moment):
    victim = Victim()
    harness = Harness(victim.yaml(), FAULTS, f"{whom}@{moment}", "end=1500")
    broken = harness.until("killed", whom)
    return victim, harness, broken


def test_harness(moment):
    victim, harness, broken = killed("self", moment)
    with victim, harness:
        took = seconds_until(lambda: victim.is_well() and not harness.journals(), HEALED_WITHIN_S)
        ok(broken and took is not None and wait_for(lambda: gone(harness.process.pid)),
           f"the harness killed at '{moment}': healed within two seconds",
           f"{took} s, state {victim.state()}, journals {harness.journals()}\n{harness.lines}")
        pid = harness.supervisor()
        ok(wait_for(lambda: gone(pid), 10) is not False and gone(pid) and victim.is_well(),
           f"'{moment}': its supervisor ends, and nothing is armed later", harness.lines)


def test_supervisor(moment):
    victim, harness, broken = killed("supervisor", moment)
    with victim, harness:
        took = seconds_until(victim.is_well, HEALED_WITHIN_S)
        last = harness.finish()
        ok(broken and took is not None and last.get("died") == 1 and last.get("unproven") == 0 and
           victim.is_well() and not harness.journals(),
           f"the supervisor killed at '{moment}': the harness heals, and says so",
           f"{took} s, state {victim.state()}\n{harness.lines}")


def test_both(moment):
    victim, harness, broken = killed("both", moment)
    with victim, harness:
        wait_for(lambda: gone(harness.supervisor()), 10)
        status = harness.chaos("status")
        if moment == "armed":
            ok(not victim.is_well(),
               "with both dead it stays broken: so there is something to heal", victim.state())
        heal = harness.chaos("heal")
        ok(broken and heal.returncode == 0 and victim.is_well() and not harness.journals(),
           f"both killed at '{moment}': 'chaos heal' heals from the journal",
           f"{status.stdout}{heal.stdout}{harness.lines}")
        ok(status.returncode == (0 if moment == "start" else 30),
           f"'{moment}': 'chaos status' says beforehand that nobody looks after it", status.stdout)
        again = harness.chaos("heal")
        ok(again.returncode == 0 and "nothing is broken" in again.stdout and victim.is_well(),
           f"'{moment}': healing twice is harmless", again.stdout)


for each in MOMENTS:
    test_harness(each)
for each in MOMENTS:
    test_supervisor(each)
for each in MOMENTS:
    test_both(each)
done()
