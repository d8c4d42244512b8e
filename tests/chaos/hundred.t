#!/usr/bin/python3
# the harness is killed again and again, at any moment: healed within two seconds, every time
# timeout: 600s
# SAGASTORM_TRIES=100 makes it a hundred.
import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from breaking import HEALED_WITHIN_S, Harness, Victim, seconds_until, state_of  # noqa: E402
from runs import done, gone, ok, wait_for  # noqa: E402

TRIES = int(os.environ.get("SAGASTORM_TRIES", "15"))
SEED = int(os.environ.get("SAGASTORM_SEED", "42"))
FAULTS = """
    - { at: 20ms, for: 60ms, stop: { service: victim } }
    - { at: 40ms, for: 20s, stop: { service: other } }
    - { at: 50ms, for: 20s, fd-limit: { service: victim, limit: 50 } }
"""


def other_of(other):
    return other.yaml().replace("    victim:", "    other:")


def attempt(victim, other, chance):
    """How long until both were well after the kill; None when they were not in time."""
    with Harness(victim.yaml() + other_of(other), FAULTS, "end=5000") as harness:
        harness.next()
        time.sleep(chance.uniform(0, 0.2))
        broken = state_of(other.pid()) == "T"
        harness.process.send_signal(signal.SIGKILL)
        took = seconds_until(lambda: victim.is_well() and other.is_well() and
                             not harness.journals(), HEALED_WITHIN_S)
        wait_for(lambda: gone(harness.supervisor()), 10)
        well = victim.is_well() and other.is_well()
        return took if well else None, broken


def main():
    chance = random.Random(SEED)
    with Victim() as victim, Victim() as other:
        tries = [attempt(victim, other, chance) for _ in range(TRIES)]
    times = sorted(took for took, _ in tries if took is not None)
    broken = sum(broken for _, broken in tries)
    ok(len(times) == TRIES, f"{len(times)} of {TRIES} kills are healed within two seconds",
       f"{tries}")
    ok(broken > TRIES / 4, f"in {broken} of them something was broken at that moment", f"{tries}")
    if times:
        print(f"# from the kill to whole: median {times[len(times) // 2] * 1000:.0f} ms, "
              f"worst {times[-1] * 1000:.0f} ms")


main()
done()
