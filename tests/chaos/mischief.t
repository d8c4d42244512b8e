#!/usr/bin/python3
# what clumsy and hostile people do to a game day: nobody else is hit, nothing hangs, nothing lies
# timeout: 120s
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from breaking import Harness, Victim  # noqa: E402
from runs import BINARY, SCRATCH, Shop, done, ok, wait_for  # noqa: E402

STOP = "    - { at: 0s, for: 1s, stop: { service: victim } }\n"


def write(name, text):
    path = f"{SCRATCH.name}/{name}"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def arm(text, *words):
    """`chaos arm` on that file; its code and all that it said, as bytes."""
    environment = dict(os.environ, SAGASTORM_STATE=f"{SCRATCH.name}/state")
    done_ = subprocess.run([BINARY, "chaos", "arm", *words, write("day.yaml", text)],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
                           timeout=60, check=False)
    return done_.returncode, done_.stdout


def refused(pidfile, name, why):
    text = (f"system: {{ name: x, services: {{ victim: {{ url: 'http://127.0.0.1:9', "
            f"pidfile: {pidfile} }} }} }}\nchaos:\n  faults:\n{STOP}")
    begin = time.monotonic()
    code, said = arm(text, "--dry-run")
    ok(code == 3 and why in said and time.monotonic() - begin < 20, name, said)


def test_pidfiles():
    pipe = f"{SCRATCH.name}/pipe.pid"
    os.mkfifo(pipe)
    refused(pipe, "a pidfile that is a pipe is refused, not waited for", b"is no file")
    refused("/dev/zero", "nor is a device read to its end", b"is no file")
    for said in ("-5", "0x10", "1_0", "99999999999999999999", "", "12 34"):
        refused(write("bad.pid", said), f"a pidfile with '{said}' names nobody",
                b"holds no process number")
    refused(write("bad.pid", "1"), "nor may the first process be named", b"first one")


def test_bystander():
    """Somebody looks at the service's log while it is down."""
    with Victim() as victim:
        system = victim.yaml().replace(f"pidfile: {victim.pidfile}", f"command: {victim.pidfile}")
        what = "    - { at: 0s, kill: { service: victim, back-after: 2s } }\n"
        with Harness(system, what) as harness:
            harness.until("state", "armed")
            bystander = subprocess.Popen(["/usr/bin/tail", "-f", "/dev/null", victim.pidfile],
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            last = harness.finish()
            ok(bystander.poll() is None,
               "who only has a service's command line in its own is not killed for it",
               harness.lines)
            ok(last.get("healed") == 1 and victim.answers(),
               "nor taken for it: the service is started again", harness.lines)
            bystander.kill()
            bystander.wait()


def limit(number, at, time_):
    return f"    - {{ at: {at}, for: {time_}, fd-limit: {{ service: victim, limit: {number} }} }}\n"


def test_limits():
    """The second would take the first one's limit for the process's own, and give that back."""
    faults = limit(40, "0s", "1s") + limit(30, "500ms", "1s")
    with Victim() as victim, Harness(victim.yaml(), faults) as harness:
        last = harness.finish()
        ok(last.get("healed") == 1 and last.get("refused") == 1 and victim.is_well(),
           "two limits on one process don't end in one that stays", harness.lines)
    with Victim() as victim, Harness(victim.yaml(), limit(40, "0s", "2s")) as harness:
        harness.until("state", "armed")
        with Harness(victim.yaml(), limit(30, "0s", "3s"), state=harness.state) as other:
            last = other.finish()
            ok(last.get("refused") == 1, "nor do those of two runs", other.lines)
        harness.finish()
        ok(victim.is_well(), "and it may open what it could before", harness.lines)


def test_hung_supervisor():
    """Its controller goes on, and would for long."""
    with Victim() as victim, Harness(victim.yaml(), STOP, "end=60000") as harness:
        harness.until("state", "armed")
        os.kill(harness.supervisor(), signal.SIGSTOP)
        begin = time.monotonic()
        wait_for(victim.is_well, 30)
        well = victim.is_well()
        line = harness.until("state", "healed")
        ok(well and line, "a supervisor that hangs makes no fault last as long as the run",
           f"{time.monotonic() - begin} {harness.lines}")


def heal_with(descriptors, state):
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

    return subprocess.run([BINARY, "chaos", "heal"], stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, preexec_fn=few, timeout=60, check=False,
                          env=dict(os.environ, SAGASTORM_STATE=state))


def test_few_descriptors():
    """Whoever can't look must not say that it is gone."""
    with Victim() as victim, Harness(victim.yaml(), STOP, "both@armed") as harness:
        harness.finish()
        lied, said = [], ""
        for descriptors in range(5, 20):
            result = heal_with(descriptors, harness.state)
            said += f"{descriptors}: {result.returncode} {result.stdout}"
            if result.returncode == 0 and victim.state() == "T":
                lied.append(descriptors)
            if victim.state() != "T":
                break
        ok(not lied, "with no descriptor to look by, nothing is called healed", said)
        ok(victim.is_well() and not harness.journals(), "with just enough, it is", said)


def test_empty_records():
    """Nobody can look whether nothing is whole."""
    head = {"journal": 1, "supervisor": {"pid": 1 << 30, "started": 1, "boot": "0" * 36}}
    for kind, undo in (("stop", {}), ("kill", {"processes": "x"}), ("fd-limit", {"processes": []}),
                       ("cpu", {}), ("loss", {}), ("disk-fill", {}), ("latency", {})):
        line = {"fault": 0, "kind": kind, "state": "armed", "undo": undo | {"patience_ms": 1}}
        path = write("x.journal", f"{json.dumps(head)}\n{json.dumps(line | {'state': 'arming'})}\n")
        result = subprocess.run([BINARY, "chaos", "heal", path], stdout=subprocess.PIPE, text=True,
                                stderr=subprocess.STDOUT, timeout=60, check=False)
        ok(result.returncode == 30 and os.path.exists(path),
           f"a record of '{kind}' that names nothing is not called healed", result.stdout)


def test_moved_history():
    """Where a run's history was there is something else by now."""
    with tempfile.TemporaryDirectory() as elsewhere:
        head = {"journal": 1, "supervisor": {"pid": 1 << 30, "started": 1, "boot": "0" * 36},
                "history": elsewhere}
        line = {"fault": 0, "kind": "cpu", "state": "arming", "undo": {}}
        path = write("y.journal", f"{json.dumps(head)}\n{json.dumps(line)}\n")
        subprocess.run([BINARY, "chaos", "heal", path], stdout=subprocess.DEVNULL,
                       stderr=subprocess.STDOUT, timeout=60, check=False)
        ok(not os.listdir(elsewhere), "healing writes nothing where no history is",
           os.listdir(elsewhere))


def test_names():
    """What steers a terminal, or pretends to be a line of ours."""
    text = ("system: { name: x, services: { victim: { url: 'http://127.0.0.1:9', "
            'pidfile: "/none\\e[2J\\nhealed: all" } } }\nchaos:\n  faults:\n')
    code, said = arm(text + STOP, "--dry-run")
    ok(code == 3 and b"\x1b" not in said and b"\nhealed" not in said,
       "what a file says steers no terminal", said)
    name = STOP.replace("for: 1s", 'for: 1s, name: "n\\e[2J\\nhealed: all"')
    code, said = arm(text + name, "--dry-run")
    ok(code == 2 and b"day.yaml:4:32: the name of a fault is one line" in said,
       "a name of several lines is a mistake", said)
    code, said = arm('"\\e[2J\\nx": 1\n')
    ok(code == 2 and b"\x1b" not in said and said.count(b"\n") <= 3,
       "nor do the words about its mistakes steer anything", said)


def test_elsewhere():
    """One system is broken, and another one would be judged."""
    path = write("elsewhere.yaml", "journeys: { x: [ { get: / } ] }\nmix: { x: 1 }\n"
                 "load: { a: { rate: 1/s, for: 3s } }\nsystem: shop\n"
                 "chaos: { faults: [ { at: 1s, stop: { service: payment } } ] }\n")
    said = [subprocess.run([BINARY, "check", path, *words], stdout=subprocess.PIPE, text=True,
                           stderr=subprocess.STDOUT, timeout=60, check=False).stdout
            for words in (["--target", "http://192.0.2.1"], ["--target", "http://[::1]:9"], [])]
    ok(["is it the same one" in text for text in said] == [True, False, False],
       "requests that go where nothing may be broken are pointed out", said)


def test_same_directory():
    """Another run has begun there a moment ago, and has not written everything yet."""
    directory = f"{SCRATCH.name}/same"
    os.makedirs(f"{directory}/history")
    with open(f"{directory}/history/engine.history", "wb") as file:
        file.write(b"theirs")
    with Shop() as shop:
        path = write("same.yaml", f"target: {shop.url}\njourneys: {{ x: [ {{ get: / }} ] }}\n"
                     "mix: { x: 1 }\nload: { a: { rate: 5/s, for: 1s } }\n")
        result = subprocess.run([BINARY, "run", path, "-o", directory], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    left = sorted(os.listdir(directory) + os.listdir(f"{directory}/history"))
    ok(result.returncode == 1 and left == ["engine.history", "history"],
       "a directory in which another run has just begun stays as it is", f"{left} {result.stdout}")


test_pidfiles()
test_bystander()
test_limits()
test_hung_supervisor()
test_few_descriptors()
test_empty_records()
test_moved_history()
test_names()
test_elsewhere()
test_same_directory()
done()
