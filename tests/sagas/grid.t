#!/usr/bin/python3
"""The clean shop under a sample of the faults: nothing is found wrong (all of it: make clean-grid)."""
# timeout: 150s
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
# The shop's and the judge's own tests run with sanitizers; here it is about what they say.
os.environ["SAGASTORM"] = os.environ.get("SAGASTORM_RELEASE") or os.environ.get("SAGASTORM", "")
import grid  # noqa: E402
from runs import SCRATCH, done, ok, skip  # noqa: E402

SAMPLE = [
    ("lose-reply", "orchestrated", 2),   # of the provider, to a shop that soon gives up
    ("lose-reply", "orchestrated", 5),   # of who is told by the bus, which waits beyond the load
    ("duplicate", "choreographed", 1),
    ("delay", "choreographed", 2),
    ("kill", "orchestrated", 1),
    ("kill", "choreographed", 2),
    ("crash-loop", "orchestrated", 4),
    ("partition", "orchestrated", 1),
    ("blackhole", "choreographed", 4),
    ("reset", "choreographed", 5),
    ("provider-error", "orchestrated", 2),   # errors that its keys keep
    ("disk-fill", "choreographed", 1),
    ("corrupt", "orchestrated", 1),
]


def said(run):
    return "\n".join([run.trouble(), *run.said.splitlines()[-20:],
                      *(f"{each['name']}: {each['witnesses'][:1]}" for each in run.invalid())])


def test_every_kind_is_aimed(kinds):
    left_out = [name for name, why in kinds.items() if why == grid.NOT_AIMED]
    ok(not left_out, "every kind of fault is in the grid, but for those that can't be", left_out)


def test_sample(kinds, isolated):
    for name, style, seed in SAMPLE:
        if kinds[name]:
            skip(f"{name}, {style}", kinds[name])
    cells = [grid.Cell(*each) for each in SAMPLE if not kinds[each[0]]]
    checked = {}
    for run in grid.run_all(cells, 2, SCRATCH.name, isolated):
        ok(not run.trouble(), f"a clean shop stays clean: {run}", said(run))
        for each in run.invariants:
            checked[each["name"]] = checked.get(each["name"], 0) + each["checked"]
    idle = {name for name, count in checked.items() if not count}
    ok(idle <= {"breaker", "rate-limited", "regions-converge"},
       "all invariants were tried but those for which it takes more than this shop", idle)


ISOLATED = grid.can_isolate()
KINDS = grid.kinds_here(ISOLATED)
test_every_kind_is_aimed(KINDS)
test_sample(KINDS, ISOLATED)
done()
