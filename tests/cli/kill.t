#!/usr/bin/python3
# what is killed leaves nothing running and nothing unsaid: the history holds all that was done
import fcntl
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from runs import BINARY, SLOWDOWN, Result, Shop, children, done, finish, gone, ok  # noqa: E402
from runs import start, wait_for  # noqa: E402

SCENARIO = """
name: killed
target: {url}
http: {{ timeout: 20s }}
generator: {{ workers: 2, cpu-limit: 100%, drain: {drain} {limits} }}
load: {{ go: {{ {load} }} }}
journeys:
  only:
{steps}
"""
LOOSE = ", lag-limit: 5s, stall-limit: 5s"


def scenario(shop, load="rate: 100/s, for: 30s", steps="    - get: /slow/50", drain="10s",
             limits=LOOSE):
    return SCENARIO.format(url=shop.url, load=load, steps=steps, drain=drain,
                           limits=limits)


def begin(text, *arguments, after=2.5, **options):
    process = start(text, *arguments, **options)
    wait_for(lambda: len(children(process.pid)) == 2)
    time.sleep(after + 0.2 * (SLOWDOWN - 1))  # the schedule does not slow down, the start does
    return process


def report(directory):
    made = subprocess.run([BINARY, "report", directory], capture_output=True, text=True)
    return Result(made.returncode, made.stdout, made.stderr, directory)


def test_coordinator(transport):
    with Shop() as shop:
        process = begin(scenario(shop), "--transport", transport)
        workers = children(process.pid)
        process.kill()
        killed = time.monotonic()
        wait_for(lambda: all(gone(pid) for pid in workers), 2)
        took = time.monotonic() - killed
        result = finish(process)
        left = [pid for pid in workers if not gone(pid)]
        ok(result.code == -signal.SIGKILL and len(workers) == 2 and not left and took < 2 * SLOWDOWN,
           f"{transport}: when the coordinator is killed its workers end within two seconds",
           f"{took:.3f} s, workers {workers}, left {left}\n{result}")
        seen = len(shop.log())
        time.sleep(0.5)
        ok(len(shop.log()) == seen, "and nothing is sent any more", f"{seen}, {len(shop.log())}")
        result = report(process.directory)
        ok(result.code == 10 and "did not finish" in result.out and result.balances(),
           "a report can be made, which says that the run did not finish", result)
        sums = result.report.get("totals", {})
        ok(seen > 100 and sums["count"] + sums["interrupted"] == seen and sums["interrupted"] < 20,
           "all that the system saw is in it; what was under way is interrupted",
           f"{seen} requests\n{json.dumps(sums, indent=1)}\n{result}")


def test_everyone():
    """The machine's own fault: none of us gets to say a word."""
    with Shop() as shop:
        process = begin(scenario(shop), start_new_session=True)
        os.killpg(process.pid, signal.SIGKILL)
        finish(process)
        result = report(process.directory)
        seen, count = len(shop.log()), result.report["totals"]["count"]
        ok(result.code == 10 and seen > 100 and seen - 20 <= count <= seen,
           "when all are killed at once, all that was done by then is in the report",
           f"the system saw {seen}, {count} are recorded\n{result}")
        again = report(process.directory)
        ok(again.report == result.report, "and making it twice makes the same", again)


def test_worker():
    with Shop() as shop:
        process = begin(scenario(shop, load="rate: 100/s, for: 4s"), after=1.5)
        victim = children(process.pid)[1]
        os.kill(victim, signal.SIGKILL)
        time.sleep(0.5)
        seen = len(shop.log())
        result = finish(process)
        ok(result.code == 10 and "worker 1 died (killed by signal 9)" in
           " ".join(result.out.split()), "a run that lost a worker is invalid, and says which", result)
        ok(len(shop.log()) > seen + 50, "the other one goes on to the end",
           f"{seen}, then {len(shop.log())}\n{result}")
        sums, seen = result.report.get("totals", {}), len(shop.log())
        ok(seen - 20 <= sums.get("count", 0) <= seen, "what the lost one had done is in the report",
           f"the system saw {seen}\n{json.dumps(sums, indent=1)}")


def test_suspended_worker():
    with Shop() as shop:
        load, limits = "rate: 50/s, for: 6s", ", lag-limit: 100ms, stall-limit: 500ms"
        process = begin(scenario(shop, load, limits=limits), after=1.5)
        victim = children(process.pid)[0]
        os.kill(victim, signal.SIGSTOP)
        time.sleep(3)
        os.kill(victim, signal.SIGCONT)
        result = finish(process)
        said = " ".join(result.out.split())
        ok(result.code == 10 and "the generator was late" in said and "a worker stood still for" in
           said, "a worker that was suspended for a while makes the run invalid", result)
        ok(result.balances() and result.load.get("scheduled") == 300 and
           result.load["generator"]["stall_us"] > 2000000 and result.load["lag_us"]["max"] > 2000000,
           "every start is made all the same, late; the lag is told", result)


def test_suspended_run():
    """Ctrl-Z, and fg a while later."""
    with Shop() as shop:
        process = begin(scenario(shop, "rate: 50/s, for: 3s"), after=1, start_new_session=True)
        os.killpg(process.pid, signal.SIGSTOP)
        time.sleep(2.5)
        os.killpg(process.pid, signal.SIGCONT)
        result = finish(process)
        ok(result.balances() and result.load.get("ok") == 150 and
           result.load["lag_us"]["max"] > 1500000 and
           result.load["generator"]["stall_us"] > 1500000,
           "a whole run that was suspended makes up for it, and does not hide it", result)


def test_lost_in_thought():
    """A worker that never comes back must not keep the run from ending."""
    with Shop() as shop:
        process = begin(scenario(shop, drain="1s"), after=1.5)
        victim = children(process.pid)[0]
        os.kill(victim, signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        result = finish(process, timeout=20)
        ok(result.code == 10 and gone(victim) and "worker 0 died" in result.out,
           "a worker that does not answer to the second Ctrl-C is killed", result)


def test_paused_terminal():
    """Whoever reads what we say may stop reading, as a terminal after Ctrl-S."""
    with Shop() as shop:
        ours, theirs = os.pipe()
        fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, 4096)
        os.write(theirs, b"x" * 4000)
        # A write that waits for its reader would make the load seconds late, not milliseconds.
        text = scenario(shop, load="rate: 50/s, for: 3s", steps="    - get: /ok",
                        limits=", lag-limit: 500ms, stall-limit: 1s")
        process = start(text, "--progress", "json", stderr=theirs)
        os.close(theirs)
        time.sleep(5)
        seen = len(shop.log())
        with os.fdopen(ours) as pipe:
            said = pipe.read()[4000:]
        result = finish(process)
        ok(seen == 150 and result.code == 0 and result.load.get("ok") == 150,
           "the load goes on while nobody reads the progress", f"{seen}\n{said}\n{result}")


test_coordinator("direct")
test_coordinator("curl")
test_everyone()
test_worker()
test_suspended_worker()
test_suspended_run()
test_lost_in_thought()
test_paused_terminal()
done()
