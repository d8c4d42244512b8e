#!/usr/bin/python3
# who broke what, when, on which target, what it hit, how it was undone: in the history, as text
# timeout: 60s
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from breaking import Harness, Victim  # noqa: E402
from runs import BINARY, done, gone, ok, wait_for  # noqa: E402

FAULTS = """
    - { at: 0s, for: 300ms, stop: { service: victim } }
    - { at: 50ms, kill: { service: nobody } }
"""
NOBODY = '    nobody: { url: "http://127.0.0.1:9", pidfile: /nowhere/nobody.pid }\n'


def trail(harness):
    done_ = subprocess.run([BINARY, "chaos", "trail", harness.history], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    return done_.returncode, done_.stdout


def with_history(victim, *words):
    history = f"{victim.directory.name}/history"
    harness = Harness(victim.yaml() + NOBODY, FAULTS, history, *words)
    harness.history = history
    return harness


def test_whole():
    with Victim() as victim, with_history(victim) as harness:
        harness.finish()
        code, said = trail(harness)
        ok(code == 0 and f"stop process {victim.first} (victim)" in said and
           f"({os.getuid()}), run 'harness', supervisor {harness.supervisor()} on " in said,
           "who did what to which process is in the history", said)
        ok(all(f"fault 0  {state}: " in said for state in
               ("arming", "armed", "healing", "healed")) and "looked, and it is gone" in said,
           "every step of a fault is, and how it was seen to be gone", said)
        ok("fault 1  refused: " in said and "nobody.pid" in said,
           "a fault that was refused is, and why", said)
        ok("1 hits" in said, "what it hit is", said)


def test_healed_later():
    with Victim() as victim, with_history(victim, "both@armed") as harness:
        harness.until("killed", "both")
        wait_for(lambda: gone(harness.supervisor()), 10)
        harness.chaos("heal")
        code, said = trail(harness)
        ok(code == 0 and "not by its supervisor" in said and "healed from the journal" in said,
           "what was healed by someone else later is, too", said)


def test_none():
    with Victim() as victim, with_history(victim, "allow=no", "end=200") as harness:
        harness.finish()
        code, said = trail(harness)
        ok(code == 0 and said == "nothing was broken\n", "a run that broke nothing says so", said)
        harness.history = "/nowhere"
        code, said = trail(harness)
        ok(code == 2 and "/nowhere" in said, "where no history is, that is said", said)


test_whole()
test_healed_later()
test_none()
done()
