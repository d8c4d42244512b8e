#!/usr/bin/python3
# who may not be hit, who can't be found, who is not allowed: refused before anything happens
# timeout: 60s
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from breaking import Harness, Victim  # noqa: E402
from runs import BINARY, done, ok  # noqa: E402

STOP = "    - { at: 0s, for: 200ms, stop: { service: victim } }\n"


def service(where):
    return f'    victim: {{ url: "http://127.0.0.1:9", {where} }}\n'


def refused(where, name, wanted, faults=STOP):
    with Harness(service(where), faults) as harness:
        last = harness.finish()
        said = " ".join(line.get("text", line.get("said", "")) for line in harness.lines)
        ok(last.get("refused") == 1 and wanted in said and "arming" not in harness.states() and
           not harness.journals(), name, f"{wanted}: {harness.lines}")


def test_ours():
    with tempfile.NamedTemporaryFile("w") as pidfile:
        pidfile.write("1\n")
        pidfile.flush()
        refused(f"pidfile: {pidfile.name}", "the machine's first process is no target", "first one")
    refused(f"pid: {os.getpid()}", "nor is a parent of the harness", "is this harness")
    refused(f"pid: {os.getppid()}", "nor a parent of that", "is this harness")
    witness = subprocess.Popen([BINARY, "witness", "psp"], stdout=subprocess.PIPE)
    witness.stdout.readline()
    refused(f"pid: {witness.pid}", "nor is any other sagastorm", "is a sagastorm")
    witness.kill()
    witness.communicate(timeout=20)


def test_lost():
    refused("pid: 4194303", "one that is not there is not hit", "there is no process")
    refused("pidfile: /nowhere/x.pid", "without its pidfile it is not found", "/nowhere/x.pid")
    refused("command: no-such-process-anywhere", "a command that nobody runs is not found",
            "no process has")
    refused("container: x", "one in a container is left to the kinds for containers",
            "is in a container")


def test_command():
    with Victim() as first, Victim():
        refused("command: tools/victim.py", "a command that two run is refused", "more than one")
        with Harness(service(f"command: {first.pidfile}"), STOP) as harness:
            last = harness.finish()
            ok(last.get("healed") == 1, "a piece of the command line finds its one process",
               harness.lines)


def test_dead_end():
    """Killed, it could never be seen to be there again: so it is not killed."""
    with Victim() as victim:
        refused(f"pid: {victim.first}", "what could not be seen to be back is not killed",
                "could not be seen", "    - { at: 0s, kill: { service: victim } }\n")


def test_share():
    victims = [Victim() for _ in range(4)]
    try:
        where = ", ".join(f"{{ pidfile: {victim.pidfile} }}" for victim in victims)
        system = f'    victim: {{ url: "http://127.0.0.1:9", instances: [{where}] }}\n'
        hit = []
        for share in ("share: 50%", "share: 50%", "share: 100%, most: 1", "share: 1%"):
            faults = f"    - {{ at: 0s, for: 500ms, stop: {{ service: victim, {share} }} }}\n"
            with Harness(system, faults) as harness:
                harness.until("state", "armed")
                hit.append([number for number, victim in enumerate(victims)
                            if victim.state() == "T"])
                harness.finish()
        ok([len(each) for each in hit] == [2, 2, 1, 1],
           "no more instances are hit than share and most say, and at least one", hit)
        ok(hit[0] == hit[1], "the same seed hits the same ones", hit)
        ok(all(victim.is_well() for victim in victims), "all of them are whole again", hit)
    finally:
        for victim in victims:
            victim.__exit__()


def test_allow():
    with Harness('    victim: { url: "http://10.1.2.3:80", pid: 4000000 }\n', STOP) as harness:
        harness.finish()
        ok("10.1.2.3" in str(harness.lines) and "allow" in str(harness.lines) and
           not any("fault" in line for line in harness.lines),
           "a host that is not allowed is refused when the file is read", harness.lines)


test_ours()
test_lost()
test_command()
test_dead_end()
test_share()
test_allow()
done()
