#!/usr/bin/python3
# a game day: what is broken without a load, on the way that was said, and put back whatever happens
# timeout: 120s
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from runs import BINARY, SCRATCH, SLOWDOWN, Shop, done, ok  # noqa: E402

STATE = os.path.join(SCRATCH.name, "state")
ENVIRONMENT = os.environ | {"SAGASTORM_STATE": STATE}


def sagastorm(*arguments):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60,
                          env=ENVIRONMENT)


def write(name, text):
    path = os.path.join(SCRATCH.name, name)
    with open(path, "w") as file:
        file.write(text)
    return path


class Day:
    """`sagastorm chaos arm`, while it goes on."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([BINARY, "chaos", *arguments], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT)
        self.said = ""

    def until(self, pattern):
        while not re.search(pattern, self.said):
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"it ended without {pattern!r}:\n{self.said}")
            self.said += line
        return re.search(pattern, self.said)

    def end(self, number=None):
        if number:
            self.process.send_signal(number)
        self.said += self.process.stdout.read()
        self.process.wait(40)
        self.process.stdout.close()
        return self.process.returncode


def state_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def becomes(pid, state, seconds):
    until = time.monotonic() + seconds * SLOWDOWN
    while time.monotonic() < until:
        if (state_of(pid) == "T") == (state == "T"):
            return True
        time.sleep(0.02)
    return False


def status(url, timeout=20):
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def system(shop, health="/health", more=""):
    return (f"system:\n  name: day\n{more}  services:\n    web: {{ url: '{shop.url}', "
            f"health: '{shop.url}{health}', pid: {shop.process.pid} }}\n"
            "  edges: [ { from: visitors, to: web } ]\n")


def faults(*items):
    return "chaos: { faults: [ " + ", ".join(items) + " ] }\n"


def test_dry_run(shop):
    day = write("dry.yaml", system(shop) + faults(
        "{ at: 1s, for: 2s, stop: { service: web } }",
        "{ at: 2s, for: 2s, latency: { edge: visitors -> web, delay: 1s } }"))
    said = sagastorm("chaos", "arm", "--dry-run", day)
    ok(said.returncode == 0 and f"stop process {shop.process.pid} (web)" in said.stdout and
       "SIGCONT" in said.stdout, "--dry-run says what would be done to what, and undone", said)
    ok(state_of(shop.process.pid) != "T" and not os.path.exists(STATE), "and does nothing",
       os.listdir(SCRATCH.name))
    day = write("ours.yaml", system(shop).replace(str(shop.process.pid), str(os.getpid())) + faults(
        "{ at: 1s, for: 2s, stop: { service: web } }"))
    said = sagastorm("chaos", "arm", "-n", day)
    ok(said.returncode == 3 and "1 of 1 would be refused" in said.stdout,
       "nor would it hit those who started it", said)
    day = write("far.yaml", system(shop).replace("127.0.0.1", "192.0.2.1") + faults(
        "{ at: 1s, for: 2s, stop: { service: web } }"))
    said = sagastorm("chaos", "arm", "--dry-run", day)
    ok(said.returncode == 2 and "'192.0.2.1' is not allowed" in said.stderr,
       "hosts that are not allowed are refused before anything happens", said)


def test_day(shop):
    day = Day("arm", write("day.yaml", system(shop) + faults(
        "{ at: 100ms, for: 1s, stop: { service: web } }",
        "{ on: { edge: visitors -> web, call: GET /health }, for: 300ms, "
        "abort: { edge: visitors -> web, status: 503 } }",
        "{ at: 1500ms, for: 100ms, reset: { edge: visitors -> web } }")),
        "-o", os.path.join(SCRATCH.name, "out"))
    url = "http://" + day.until(r"visitors -> web at (\S+)")[1]
    day.until("armed +stop web")
    ok(state_of(shop.process.pid) == "T", "a fault takes effect")
    day.until("healed +stop web")
    ok(state_of(shop.process.pid) != "T", "and is gone after its time")
    status(url + "/health")
    day.until("armed +abort")
    ok(status(url + "/health") == 503, "a call starts another one, which calls meet")
    code = day.end()
    ok(code == 0 and "3 healed, 0 refused, 0 failed, 0 never started" in day.said,
       "the day ends when all faults are over", day.said)
    ok(re.search(r"healed +abort.*hits: [1-9]", day.said) and
       re.search(r"healed +reset.*it hit nothing", day.said), "who hit nothing says so", day.said)
    ok(os.path.getsize(os.path.join(SCRATCH.name, "out/history/chaos.history")) > 0,
       "and all of it is written down")


def long_day(shop):
    day = Day("arm", write("long.yaml", system(shop) + faults(
        "{ at: 0s, for: 5m, stop: { service: web } }",
        "{ at: 4m, for: 5m, stop: { service: web } }")))
    day.until("armed +stop web")
    return day


def test_ends(shop):
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        day = long_day(shop)
        ended = day.end(number)
        ok(ended == code and state_of(shop.process.pid) != "T" and "healed   stop web" in day.said,
           f"{number.name} heals everything", f"{ended}\n{day.said}")
    day = long_day(shop)
    shown = sagastorm("chaos", "status")
    ok("stop web" in shown.stdout, "elsewhere it can be seen what is broken", shown)
    day.process.kill()
    ok(becomes(shop.process.pid, "R", 2), "kill -9 heals everything within two seconds")
    day.end()
    day = long_day(shop)
    shown = sagastorm("chaos", "status").stdout
    os.kill(int(re.search(r"its supervisor is process (\d+)", shown)[1]), signal.SIGKILL)
    code = day.end()
    ok(code == 1 and state_of(shop.process.pid) != "T" and "the supervisor died" in day.said,
       "what a dead supervisor left is healed, and the day is over", f"{code}\n{day.said}")
    day = Day("arm", "--for", "1s", write("short.yaml", system(shop) + faults(
        "{ at: 0s, for: 5m, stop: { service: web } }")))
    ok(day.end() == 0 and "1 healed" in day.said and state_of(shop.process.pid) != "T",
       "--for ends it", day.said)
    said = sagastorm("chaos", "heal")
    ok(said.returncode == 0 and "nothing is broken by us" in said.stdout, "nothing is left", said)


def test_sick(shop):
    day = write("sick.yaml", system(shop, health="/status/500") + faults(
        "{ at: 0s, for: 5s, stop: { service: web } }"))
    said = sagastorm("chaos", "arm", day)
    ok(said.returncode == 3 and "a sick system is not attacked" in said.stderr and
       "'web' is not well" in said.stderr, "a sick system is not attacked", said)


def test_proxy(shop):
    control = os.path.join(SCRATCH.name, "proxy.sock")
    path = write("kept.yaml", system(shop, more=f"  control: {control}\n"))
    proxy = Day("proxy", path)
    url = "http://" + proxy.until(r"visitors -> web: (\S+) leads to")[1]
    ok(status(url + "/health") == 200, "a proxy alone passes everything")
    day = Day("arm", write("with.yaml", "system: kept.yaml\n" + faults(
        "{ at: 0s, for: 5m, replace: { edge: visitors -> web, status: 418 } }")))
    day.until("armed +replace")
    ok(status(url + "/health") == 418, "a game day finds it")
    day.process.kill()
    until = time.monotonic() + 2 * SLOWDOWN
    while status(url + "/health") != 200 and time.monotonic() < until:
        time.sleep(0.02)
    ok(status(url + "/health") == 200, "and what it broke is gone when it dies")
    day.end()
    ok(proxy.end(signal.SIGTERM) == 0 and not os.path.exists(control), "SIGTERM ends it")
    said = sagastorm("chaos", "arm", os.path.join(SCRATCH.name, "with.yaml"))
    ok(said.returncode == 3 and control in said.stderr, "one that isn't there is told", said)


def test_mistakes(shop):
    said = sagastorm("chaos", "arm", write("none.yaml", system(shop)))
    ok(said.returncode == 2 and "breaks nothing" in said.stderr, "a file without faults", said)
    said = sagastorm("chaos", "arm", write("shop.yaml", "system: shop\n" + faults(
        "{ at: 0s, stop: { service: order } }")))
    ok(said.returncode == 2 and "started by a run" in said.stderr, "a shop that isn't there", said)
    said = sagastorm("chaos", "arm", write("phase.yaml", system(shop) + faults(
        "{ at: sale + 1s, stop: { service: web } }")))
    ok(said.returncode == 2 and "phase.yaml:6:26: there are no phases here" in said.stderr,
       "phases without a load", said)


with Shop() as moody:
    test_dry_run(moody)
    test_day(moody)
    test_ends(moody)
    test_sick(moody)
    test_proxy(moody)
    test_mistakes(moody)
done()
