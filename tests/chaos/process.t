#!/usr/bin/python3
# kill, stop, restart, crash-loop and fd-limit do to real processes what they say, and undo it
# timeout: 120s
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from breaking import Harness, Victim, soft_limit  # noqa: E402
from runs import done, ok, wait_for  # noqa: E402


def fault(what, duration="for: 1s, "):
    return f"    - {{ at: 0s, {duration}{what} }}\n"


def test_stop():
    with Victim() as victim, Harness(victim.yaml(), fault("stop: { service: victim }")) as harness:
        harness.until("state", "armed")
        stopped = victim.state()
        last = harness.finish()
        ok(stopped == "T" and victim.state() == "S" and victim.pid() == victim.first and
           last.get("healed") == 1, "stop: it stands still, then goes on",
           f"{stopped} {harness.lines}")


def test_stopped_before():
    with Victim() as victim:
        os.kill(victim.first, signal.SIGSTOP)
        wait_for(lambda: victim.state() == "T")
        with Harness(victim.yaml(), fault("stop: { service: victim }")) as harness:
            last = harness.finish()
            ok(last.get("refused") == 1 and victim.state() == "T",
               "stop: one that someone else has stopped is refused, and stays stopped",
               harness.lines)
        os.kill(victim.first, signal.SIGCONT)


def test_kill():
    what = "kill: { service: victim, back-after: 1s }"
    with Victim() as victim, Harness(victim.yaml(), fault(what, "")) as harness:
        harness.until("state", "armed")
        dead, down = victim.state() == "", not victim.answers()
        last = harness.finish()
        ok(dead and down and last.get("healed") == 1 and victim.pid() != victim.first and
           victim.answers(), "kill: it is down for a while, then started again and healthy",
           f"{dead} {down} {harness.lines}")


def test_kept_down():
    """Somebody else starts it again at once, twice; it is down all the same."""
    what = "kill: { service: victim, back-after: 2s }"
    with Victim() as victim, Harness(victim.yaml(), fault(what, "")) as harness:
        harness.until("state", "armed")
        for _ in range(2):
            before = victim.pid()
            helper = subprocess.Popen(victim.words)
            wait_for(lambda: victim.pid() != before, 5)
            wait_for(lambda: helper.poll() is not None, 5)
            last_seen = helper.poll()
            ok(last_seen == -signal.SIGKILL, "kill: what comes back too soon is killed again",
               f"{last_seen} {harness.lines}")
        last = harness.finish()
        hits = [line["hits"] for line in harness.lines if line.get("state") == "healed"]
        ok(last.get("healed") == 1 and hits == [3] and victim.answers(),
           "kill: each of them is counted", harness.lines)


def test_restart(*words):
    kind = "that ignores SIGTERM" if words else "that obeys"
    what = "restart: { service: victim, grace: 500ms }"
    with Victim(*words) as victim, Harness(victim.yaml(), fault(what, "")) as harness:
        last = harness.finish()
        code = victim.process.wait(timeout=20)
        ok(last.get("healed") == 1 and victim.pid() != victim.first and victim.answers() and
           code == (-signal.SIGKILL if words else -signal.SIGTERM),
           f"restart: one {kind} is there again, and another one", f"{code} {harness.lines}")


def launcher(victim):
    """Starts the victim again whenever it dies, as launchers do; until it is killed."""
    text = ("import subprocess, sys\nwhile True:\n"
            f"    subprocess.run({victim.words!r}, check=False)\n")
    return subprocess.Popen(["/usr/bin/python3", "-c", text])


def test_crash_loop():
    with Victim(restart=False) as victim:
        os.kill(victim.first, signal.SIGKILL)
        victim.process.wait(timeout=20)
        first = victim.pid()
        starter = launcher(victim)
        try:
            wait_for(lambda: victim.pid() != first and victim.answers(), 20)
            with Harness(victim.yaml(), fault("crash-loop: { service: victim, life: 300ms }",
                                             "for: 3s, ")) as harness:
                last = harness.finish()
                hits = [line["hits"] for line in harness.lines if line.get("state") == "healed"]
                pid = victim.pid()
                time.sleep(0.6)
                ok(last.get("healed") == 1 and hits and hits[0] >= 2,
                   "crash-loop: each one is killed after its short life", harness.lines)
                ok(victim.pid() == pid and victim.answers(),
                   "crash-loop: afterwards one lives on", harness.lines)
        finally:
            starter.kill()
            starter.wait(timeout=20)


def test_fd_limit():
    with Victim() as victim, Harness(victim.yaml(),
                                     fault("fd-limit: { service: victim, free: 2 }")) as harness:
        harness.until("state", "armed")
        low = int(soft_limit(victim.first))
        connections = [socket.create_connection(("127.0.0.1", victim.port)) for _ in range(6)]
        last = harness.finish()
        opened = len(os.listdir(f"/proc/{victim.first}/fd"))
        for connection in connections:
            connection.close()
        hits = [line["hits"] for line in harness.lines if line.get("state") == "healed"]
        ok(low < 20 and soft_limit(victim.first) == victim.limit and last.get("healed") == 1,
           "fd-limit: it may open only so many, then as many as before", f"{low} {harness.lines}")
        ok(hits and hits[0] >= 1, "fd-limit: that it came to its limit is seen",
           f"{opened} {harness.lines}")


def test_gone():
    """It dies while it is stopped: there is nothing to be undone."""
    with Victim(restart=False) as victim, \
            Harness(victim.yaml(), fault("stop: { service: victim }")) as harness:
        harness.until("state", "armed")
        os.kill(victim.first, signal.SIGKILL)
        victim.process.wait(timeout=20)
        last = harness.finish()
        ok(last.get("healed") == 1, "one that ended in the meantime counts as healed", harness.lines)


def test_not_allowed():
    with Victim() as victim, Harness(victim.yaml(), fault("stop: { service: victim }"),
                                     "allow=no", "end=600") as harness:
        last = harness.finish()
        ok(last.get("never") == 1 and harness.states() == [] and victim.is_well(),
           "what was never allowed is never armed", harness.lines)


def test_when():
    faults = "    - { when: { saga: order, reaches: PAID }, for: 300ms, stop: { service: victim } }\n"
    with Victim() as victim, Harness(victim.yaml(), faults, "trigger=300") as harness:
        line = harness.until("state", "armed")
        stopped = victim.state()
        last = harness.finish()
        ok(line and line["at_us"] >= 300000 and stopped == "T" and last.get("healed") == 1,
           "what waits for a saga is armed when it is told to", harness.lines)


def test_never_back():
    """Nobody starts it again: that can't be proven to be healed."""
    what = "kill: { service: victim, healthy-within: 1s }"
    with Victim(restart=False) as victim, Harness(victim.yaml(), fault(what, "")) as harness:
        last = harness.finish()
        ok(last.get("unproven") == 1 and harness.process.returncode == 30 and
           len(harness.journals()) == 1, "one that does not come back is not called healed",
           harness.lines)
        status = harness.chaos("status")
        ok(status.returncode == 30 and "unproven" in status.stdout, "and the journal keeps it",
           status.stdout)
        helper = subprocess.Popen(victim.words)
        wait_for(victim.answers, 10)
        heal = harness.chaos("heal")
        ok(heal.returncode == 0 and not harness.journals(),
           "until it is there again: then it is found healed", heal.stdout)
        helper.kill()
        helper.wait(timeout=20)


test_stop()
test_stopped_before()
test_kill()
test_kept_down()
test_restart()
test_restart("IGNORE-TERM")
test_crash_loop()
test_fd_limit()
test_gone()
test_not_allowed()
test_when()
test_never_back()
done()
