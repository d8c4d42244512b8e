#!/usr/bin/python3
# journals: a full disk arms nothing, a torn or strange one harms nobody, two healers are harmless
# timeout: 120s
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from breaking import HARNESS, HEALED_WITHIN_S, Harness, Victim, seconds_until  # noqa: E402
from runs import BINARY, done, gone, ok, skip, wait_for  # noqa: E402

STOP = "    - { at: 0s, for: 30s, stop: { service: victim } }\n"
BOOT = open("/proc/sys/kernel/random/boot_id", encoding="ascii").read().strip()


def broken_by_dead(victim, faults=STOP):
    """A harness and a supervisor that are dead, and left a victim that is stopped."""
    harness = Harness(victim.yaml(), faults, "both@armed")
    harness.until("killed", "both")
    wait_for(lambda: gone(harness.supervisor()), 10)
    return harness


def started(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return int(file.read().rpartition(")")[2].split()[19])


def write_journal(directory, pid, start, name="1-1.journal", undo=None):
    """As a supervisor that is long dead would have left it."""
    os.makedirs(directory, mode=0o700, exist_ok=True)
    dead = {"pid": 2, "started": 1, "boot": BOOT}
    undo = undo or {"processes": [{"place": {"service": "x"},
                                   "process": {"pid": pid, "started": start, "boot": BOOT}}]}
    with open(f"{directory}/{name}", "w", encoding="utf-8") as file:
        file.write(json.dumps({"journal": 1, "supervisor": dead, "run": "old", "at": 0}) + "\n")
        file.write(json.dumps({"fault": 0, "name": "stop x", "kind": "stop", "state": "arming",
                               "at": 0, "until": 0, "undo": undo}) + "\n")
    return f"{directory}/{name}"


def heal(state, *words):
    return subprocess.run([BINARY, "chaos", "heal", *words], text=True, timeout=60, check=False,
                          env=dict(os.environ, SAGASTORM_STATE=state), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def test_reused_pid():
    """The number of a process that was stopped belongs to someone else now."""
    with Victim() as victim, tempfile.TemporaryDirectory() as state:
        os.kill(victim.first, signal.SIGSTOP)
        wait_for(lambda: victim.state() == "T")
        path = write_journal(state, victim.first, started(victim.first) - 1)
        result = heal(state)
        ok(victim.state() == "T" and result.returncode == 0 and not os.path.exists(path),
           "a process that got the number later is not touched", result.stdout)
        write_journal(state, victim.first, started(victim.first))
        result = heal(state)
        ok(victim.state() == "S" and result.returncode == 0, "the very one that was meant is",
           result.stdout)


def test_keeper():
    """A keeper that outlived everyone would break things again: it is ended first, if it is one."""
    with Victim() as victim, tempfile.TemporaryDirectory() as state:
        shutil.copy("/bin/sleep", f"{victim.directory.name}/saga-hand")
        helper = subprocess.Popen([f"{victim.directory.name}/saga-hand", "60"])
        path = write_journal(state, victim.first, started(victim.first))
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        lines[1]["keeper"] = {"pid": helper.pid, "started": started(helper.pid), "boot": BOOT}
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))
        result = heal(state)
        ok(result.returncode == 0 and helper.wait(timeout=20) == -signal.SIGKILL,
           "what armed it is ended before it is healed", result.stdout)


def test_torn():
    with Victim() as victim, broken_by_dead(victim) as harness:
        path = harness.journals()[0]
        with open(path, "ab") as file:
            file.write(b'{"fault":7,"name":"never ar')
        result = harness.chaos("heal")
        ok(result.returncode == 0 and victim.is_well() and not os.path.exists(path),
           "a torn last line announces a step that was not taken", result.stdout)


def test_damaged():
    with Victim() as victim, broken_by_dead(victim) as harness:
        path = harness.journals()[0]
        with open(path, "ab") as file:
            file.write(b"\0\xff garbage\n{}\n")
        result = harness.chaos("heal")
        ok(result.returncode == 30 and victim.is_well() and os.path.exists(path) and
           "damaged" in result.stdout,
           "of a damaged one all that can be read is healed, and it is not called whole",
           result.stdout)


def test_strange():
    with tempfile.TemporaryDirectory() as state:
        for name, content in {"a": b"", "b": b"{", "c": b"[1]\n", "d": b'{"journal": 9}\n'}.items():
            with open(f"{state}/{name}.journal", "wb") as file:
                file.write(content)
            os.utime(f"{state}/{name}.journal", (1, 1))
        os.mkfifo(f"{state}/e.journal")
        os.symlink("/etc/passwd", f"{state}/f.journal")
        result = heal(state)
        ok(result.returncode == 30 and os.path.exists("/etc/passwd") and
           all(f"{name}.journal" in result.stdout for name in "cdef"),
           "what is no journal is told, and left alone", result.stdout)
        ok(not os.path.exists(f"{state}/a.journal") and not os.path.exists(f"{state}/b.journal"),
           "one that was never begun is cleared away", os.listdir(state))


def test_foreign():
    if os.getuid() != 0:
        skip("a journal that others could have written is not believed", "not root")
        return
    with Victim() as victim, tempfile.TemporaryDirectory() as state:
        os.kill(victim.first, signal.SIGSTOP)
        wait_for(lambda: victim.state() == "T")
        path = write_journal(state, victim.first, started(victim.first))
        os.chown(path, 65534, 65534)
        result = heal(state)
        ok(result.returncode == 30 and victim.state() == "T" and "not ours" in result.stdout,
           "a journal that others could have written is not believed", result.stdout)


def test_two_healers():
    what = "    - { at: 0s, kill: { service: victim, back-after: 20s } }\n"
    with Victim() as victim, broken_by_dead(victim, what) as harness:
        healers = [subprocess.Popen([BINARY, "chaos", "heal"], env=harness.environment, text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                   for _ in range(3)]
        said = [healer.communicate(timeout=60)[0] for healer in healers]
        wait_for(victim.answers, 10)
        running = subprocess.run(["pgrep", "-c", "-f", victim.pidfile], stdout=subprocess.PIPE,
                                 text=True, check=False).stdout.strip()
        ok([healer.returncode for healer in healers] == [0, 0, 0] and victim.answers() and
           running == "1" and "".join(said).count("healed: kill") == 1,
           "of three healers at once one heals, and the victim is started once",
           f"{running} {said}")


def test_asked():
    """`chaos heal` while the run goes on: its supervisor does it, and arms nothing any more."""
    faults = STOP + "    - { at: 1s, for: 30s, fd-limit: { service: victim, limit: 50 } }\n"
    with Victim() as victim, Harness(victim.yaml(), faults, "end=2000") as harness:
        harness.until("state", "armed")
        status = harness.chaos("status")
        result = harness.chaos("heal")
        ok(status.returncode == 0 and "armed" in status.stdout and result.returncode == 0 and
           "by its supervisor" in result.stdout and victim.is_well(),
           "a living supervisor heals when it is asked to", f"{status.stdout}{result.stdout}")
        last = harness.finish()
        ok(last.get("healed") == 1 and last.get("never") == 1 and harness.states(1) == [],
           "and then arms nothing any more", harness.lines)


def test_hanging():
    """A supervisor that does not heed is ended; what it broke is healed from its journal."""
    with Victim() as victim, Harness(victim.yaml(), STOP, "end=60000") as harness:
        harness.until("state", "armed")
        os.kill(harness.supervisor(), signal.SIGSTOP)
        harness.process.kill()
        result = harness.chaos("heal")
        ok(result.returncode == 0 and victim.is_well() and gone(harness.supervisor()) and
           not harness.journals(), "a supervisor that hangs keeps nothing broken", result.stdout)


def test_patience():
    """The controller hangs: everything ends in its time all the same."""
    faults = "    - { at: 0s, for: 500ms, stop: { service: victim } }\n"
    with Victim() as victim, Harness(victim.yaml(), faults) as harness:
        harness.until("state", "armed")
        harness.process.send_signal(signal.SIGSTOP)
        took = seconds_until(victim.is_well, 0.5 + HEALED_WITHIN_S)
        harness.process.send_signal(signal.SIGCONT)
        last = harness.finish()
        ok(took is not None and last.get("healed") == 1,
           "a controller that hangs makes no fault last longer", f"{took} {harness.lines}")


def test_signals():
    """What is meant for the run does not end its supervisor, or heal too soon."""
    with Victim() as victim, Harness(victim.yaml(), STOP, "end=1500",
                                     start_new_session=True) as harness:
        harness.until("state", "armed")
        pid = harness.supervisor()
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE):
            os.kill(pid, number)
        time.sleep(0.3)
        ok(not gone(pid) and victim.state() == "T" and os.getsid(pid) == pid,
           "signals for the run, and a terminal that hangs up, do not reach the supervisor",
           harness.lines)
        os.kill(pid, signal.SIGTERM)
        took = seconds_until(victim.is_well, HEALED_WITHIN_S)
        ok(took is not None and not gone(pid),
           "when the machine shuts down (SIGTERM) everything is healed first", f"{took}")
        ok(harness.finish().get("healed") == 1, "and the run is told", harness.lines)


def in_small_disk(script):
    """Runs it with $SAGASTORM_STATE on a file system of 64 KiB; None when that can't be had."""
    mount = 'mount -t tmpfs -o size=64k,mode=700 none "$SAGASTORM_STATE" || exit 77\n'
    with tempfile.TemporaryDirectory() as state:
        done_ = subprocess.run(["unshare", "--mount", "--map-root-user", "sh", "-c",
                                mount + script], text=True, timeout=60, check=False,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               env=dict(os.environ, SAGASTORM_STATE=state))
    return None if done_.returncode == 77 or "unshare failed" in done_.stdout else done_.stdout


def faults_file(victim, faults):
    file = tempfile.NamedTemporaryFile("w", suffix=".yaml")
    file.write(f"system:\n  name: test\n  services:\n{victim.yaml()}chaos:\n  faults:\n{faults}")
    file.flush()
    return file


def test_full_disk():
    name = "on a full disk nothing is armed"
    fill = 'dd if=/dev/zero of="$SAGASTORM_STATE/fill" bs=4096 2>/dev/null\n'
    with Victim() as victim, faults_file(victim, STOP) as file:
        said = in_small_disk(f"{fill} {HARNESS} {file.name}; echo ended; ls $SAGASTORM_STATE")
        if said is None:
            skip(name, "no file system of one's own")
            return
        ok("armed" not in said and "ended" in said and "No space left" in said and
           victim.is_well(), name, said)


def test_filling_disk():
    """It fills up while a fault is armed: the room to say that it was healed is there."""
    name = "a disk that fills up keeps nothing from being healed"
    faults = ("    - { at: 0s, for: 1s, stop: { service: victim } }\n"
              "    - { at: 1500ms, for: 1s, fd-limit: { service: victim, limit: 50 } }\n")
    fill = 'dd if=/dev/zero of="$SAGASTORM_STATE/fill" bs=512 2>/dev/null\n'
    with Victim() as victim, faults_file(victim, faults) as file:
        said = in_small_disk(f"{HARNESS} {file.name} & sleep 0.5; {fill} wait; "
                             "rm $SAGASTORM_STATE/fill; echo left: $(ls $SAGASTORM_STATE)")
        if said is None:
            skip(name, "no file system of one's own")
            return
        ok('"state":"healed"' in said and said.rstrip().endswith("left:") and victim.is_well(), name, said)


def test_file_limit():
    with Victim() as victim, faults_file(victim, STOP) as file, \
            tempfile.TemporaryDirectory() as state:
        result = subprocess.run(["sh", "-c", f"ulimit -f 0; {HARNESS} {file.name} 2>&1 | cat"],
                                stdout=subprocess.PIPE, text=True, timeout=60, check=False,
                                env=dict(os.environ, SAGASTORM_STATE=f"{state}/state"))
        ok("armed" not in result.stdout and "too large" in result.stdout.lower() and
           victim.is_well(), "where no file may grow nothing is armed", result.stdout)


for test in (test_reused_pid, test_keeper, test_torn, test_damaged, test_strange, test_foreign,
             test_two_healers, test_asked, test_hanging, test_patience, test_signals,
             test_full_disk, test_filling_disk, test_file_limit):
    test()
done()
