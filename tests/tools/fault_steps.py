"""fault_steps: tests that walk a fault step by step (tests/tools/fault_driver.c) in namespaces of
their own (network, mounts, processes), so that nothing they do is seen outside.

    from fault_steps import *
    work = isolate()                      # starts this script again, inside
    steps = drive(system, "partition: { service: plain }", "plan", "arm", "hits")
    ok(steps["arm"]["ok"], "it is armed", steps)
    done()
"""
import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("BUILD", "build/debug")
DRIVER = os.path.abspath(os.path.join(BUILD, "tests/tools/fault_driver"))
SLOWDOWN = float(os.environ.get("TEST_SLOWDOWN", "1"))
INSIDE = "SAGASTORM_TEST_INSIDE"
os.environ["PATH"] += ":/usr/sbin:/sbin"

count = failures = 0
work = None


def skip_all(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


def isolate():
    """Everything below runs in fresh namespaces, with loopback up."""
    global work
    if INSIDE not in os.environ:
        # Whatever is still running when the test ends goes with its process namespace.
        unshare = ["unshare", "--net", "--mount", "--propagation", "private", "--pid", "--fork",
                   "--kill-child", "--mount-proc"]
        probe = subprocess.run([*unshare, "true"], capture_output=True, text=True)
        if probe.returncode:
            skip_all("no right to make namespaces: " + probe.stderr.strip())
        os.environ[INSIDE] = "yes"
        os.execvp("unshare", [*unshare, sys.executable, *sys.argv])
    work = tempfile.mkdtemp()
    atexit.register(remove_work)  # last of all: what a test registers later runs before
    os.makedirs("/run/netns", exist_ok=True)
    run("mount", "-t", "tmpfs", "tmpfs", "/run/netns")
    run("ip", "link", "set", "lo", "up")
    return work


def remove_work():
    for line in reversed(open("/proc/mounts").read().splitlines()):
        if line.split()[1].startswith(work):
            run("umount", "-l", line.split()[1], check=False)
    shutil.rmtree(work, ignore_errors=True)


def run(*words, check=True, **options):
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=check,
                          **options)


def ok(good, name, said=""):
    global count, failures
    count += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}", flush=True)
    if not good:
        print("".join(f"# {line}\n" for line in str(said).splitlines()), end="", flush=True)
    return good


def skip(name, why):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {why}", flush=True)


def note(text):
    print(f"# {text}", flush=True)


def done():
    print(f"1..{count}")
    sys.exit(1 if failures else 0)


def write(name, text):
    path = os.path.join(work, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def parse(said):
    """By step; of several that are called the same, the last; all of them in order below 'all'."""
    lines = [json.loads(line) for line in said.stdout.splitlines() if line.startswith("{")]
    steps = {line["step"]: line for line in lines}
    steps["all"] = lines
    steps["stderr"] = "".join(line + "\n" for line in said.stderr.splitlines()
                              if "warning:" not in line)
    steps["code"] = said.returncode
    return steps


def drive(system, fault, *steps, lasts="30s"):
    environment = dict(os.environ, FAULT_FOR=lasts)
    return parse(run(DRIVER, system, fault, *steps, check=False, env=environment))


def saved(record, *steps):
    """Steps from a record that was saved: in a process that knows nothing else."""
    return parse(run(DRIVER, "--from", record, *steps, check=False))


def driving(system, fault, *steps, lasts="30s"):
    """The same, under way; its steps should end in one that waits."""
    return subprocess.Popen([DRIVER, system, fault, *steps], stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.DEVNULL, env=dict(os.environ, FAULT_FOR=lasts))


def eventually(check, within=5.0):
    """Waits until it holds; the last answer."""
    end = time.monotonic() + within * SLOWDOWN
    while time.monotonic() < end:
        if check():
            return True
        time.sleep(0.02)
    return bool(check())
