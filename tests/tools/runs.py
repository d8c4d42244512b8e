"""What end-to-end tests of `sagastorm run` share: TAP, a moody shop, scenarios in a scratch folder.

    from runs import Shop, ok, run, done
    with Shop() as shop:
        result = run(shop, "load: ...", "-o", ...)
        ok(result.code == 0, "it passes", result)
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
BINARY = os.environ.get("SAGASTORM", os.path.abspath("build/debug/sagastorm"))
SLOWDOWN = float(os.environ.get("TEST_SLOWDOWN", "1"))
SCRATCH = tempfile.TemporaryDirectory(prefix="sagastorm-")
count = failures = runs = 0


def ok(good, name, said=""):
    global count, failures
    count += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}", flush=True)
    if not good:
        print("".join(f"# {line}\n" for line in str(said).splitlines()[:60]), end="", flush=True)


def skip(name, why):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {why}", flush=True)


def done():
    print(f"1..{count}")
    sys.exit(1 if failures else 0)


class Shop:
    def __init__(self, *arguments):
        self.process = subprocess.Popen(["/usr/bin/python3", f"{HERE}/moody_shop.py", *arguments],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.url = f"{'https' if '--tls' in arguments else 'http'}://127.0.0.1:{self.port}"

    def log(self):
        with urllib.request.urlopen(f"{self.url}/log") as answer:
            return json.load(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=20)


class Result:
    """A finished run: its exit code, what it said, and its report."""

    def __init__(self, code, out, err, directory):
        self.code, self.out, self.err, self.directory = code, out, err, directory
        path = f"{directory}/report.json"
        self.report = json.load(open(path)) if os.path.exists(path) else {}
        self.load = self.report.get("load", {})

    def balances(self):
        load = self.load
        return bool(load) and load["scheduled"] == (load["ok"] + load["failed"] +
                                                    load["timed_out"] + load["dropped"])

    def named(self, name, phase="all"):
        rows = [row for row in self.report.get("requests", ())
                if row["name"] == name and row["phase"] == phase]
        return rows[0] if rows else {}

    def errors(self):
        sums = {}
        for error in self.report.get("errors", ()):
            sums[error["class"]] = sums.get(error["class"], 0) + error["count"]
        return sums

    def __str__(self):
        return f"exit code {self.code}\n{self.out}\n{self.err}\n{json.dumps(self.load, indent=1)}"


def write_scenario(text):
    global runs
    runs += 1
    path = f"{SCRATCH.name}/scenario-{runs}.yaml"
    with open(path, "w") as file:
        file.write(text)
    return path


def start(text, *arguments, **options):
    """Starts a run; finish() it."""
    path = write_scenario(text)
    process = subprocess.Popen([BINARY, "run", path, "-o", f"{SCRATCH.name}/run-{runs}",
                                "--progress", "plain", *arguments], text=True,
                               **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options})
    process.directory = f"{SCRATCH.name}/run-{runs}"
    return process


def finish(process, timeout=60):
    try:
        out, err = process.communicate(timeout=timeout * SLOWDOWN)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        out, err = process.communicate()
        err += "\n(killed by the test: it took too long)"
    return Result(process.returncode, out, err, process.directory)


def wait_for(condition, seconds=10):
    """Polls until it is true; the last answer."""
    until = time.monotonic() + seconds * SLOWDOWN
    while not (good := condition()) and time.monotonic() < until:
        time.sleep(0.02)
    return good


def children(pid):
    """The workers of a run, by their pids."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def gone(pid):
    """Whether the process does nothing any more."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def run(text, *arguments, **options):
    return finish(start(text, *arguments, **options))
