#!/usr/bin/python3
# faults in the proxy are armed, leased and healed by the supervisor like all others
# timeout: 60s
import json
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from breaking import HEALED_WITHIN_S, Harness, Victim, seconds_until  # noqa: E402
from runs import BINARY, done, gone, ok, wait_for  # noqa: E402

SLOW = "    - { at: 0s, for: 30s, latency: { edge: caller -> victim, delay: 700ms } }\n"


def system(victim):
    return (victim.yaml() + '    caller: { url: "http://127.0.0.1:9" }\n'
            f'  edges:\n    - {{ from: caller, to: victim, url: "http://127.0.0.1:{victim.port}" }}\n')


def call(port):
    """How long one took; None when there was no answer."""
    begun = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: victim\r\nConnection: close\r\n\r\n")
            good = b" 200 " in connection.recv(100)
    except OSError:
        return None
    return time.monotonic() - begun if good else None


def test_wire():
    faults = SLOW.replace("30s", "1500ms")
    with Victim() as victim, Harness(system(victim), faults) as harness:
        port = harness.until("edge", "caller -> victim")["port"]
        harness.until("state", "armed")
        slow = call(port)
        last = harness.finish()
        hits = [line["hits"] for line in harness.lines if line.get("state") == "healed"]
        ok(slow is not None and slow >= 0.7 and last.get("healed") == 1 and hits and hits[0] >= 1,
           "a fault on an edge is armed, hits, is counted, is seen to be gone",
           f"{slow} {harness.lines}")


def test_status():
    """What passes over the edges is told while it does."""
    with Victim() as victim, Harness(system(victim), SLOW, "end=2500") as harness:
        port = harness.until("edge", "caller -> victim")["port"]
        harness.until("state", "armed")
        call(port)
        said = subprocess.run([BINARY, "chaos", "status", "--json"], capture_output=True, text=True,
                              env=os.environ | {"SAGASTORM_STATE": harness.state}).stdout
        words = subprocess.run([BINARY, "chaos", "status"], capture_output=True, text=True,
                               env=os.environ | {"SAGASTORM_STATE": harness.state}).stdout
        journals = json.loads(said)
        edges = journals[0]["edges"] if journals else []
        ok(journals and journals[0]["faults"][0]["hits"] >= 1 and edges and
           edges[0]["edge"] == "caller -> victim" and edges[0]["calls"] == 1 and
           edges[0]["bytes_back"] > 0 and "hits so far" in words and "caller -> victim" in words,
           "the status tells what a fault has hit so far, and what passes over its edge",
           said + words)
        harness.finish()


def test_supervisor_dies():
    with Victim() as victim, Harness(system(victim), SLOW, "supervisor@armed",
                                     "end=4000") as harness:
        port = harness.until("edge", "caller -> victim")["port"]
        harness.until("killed", "supervisor")
        wait_for(lambda: gone(harness.supervisor()), 10)
        took = seconds_until(lambda: (call(port) or 9) < 0.6, HEALED_WITHIN_S)
        last = harness.finish()
        ok(took is not None and last.get("died") == 1 and last.get("unproven") == 0,
           "when the supervisor is killed the proxy drops its faults, and passes on",
           f"{took} {harness.lines}")


def test_proxy_dies():
    with Victim() as victim, Harness(system(victim), SLOW, "end=1500") as harness:
        proxy = harness.until("edge", "caller -> victim")["proxy"]
        harness.until("state", "armed")
        os.kill(proxy, signal.SIGKILL)
        last = harness.finish()
        ok(last.get("healed") == 1 and last.get("unproven") == 0,
           "a proxy that died has taken its faults along", harness.lines)


def test_on():
    """The second call is held until its callee stands still: so it is answered afterwards only."""
    faults = ("    - { on: { edge: caller -> victim, call: GET /, nth: 2, hold: yes }, for: 600ms, "
              "stop: { service: victim } }\n")
    with Victim() as victim, Harness(system(victim), faults, "end=3500") as harness:
        port = harness.until("edge", "caller -> victim")["port"]
        harness.next()
        time.sleep(0.5)
        first, second, third = call(port), call(port), call(port)
        last = harness.finish()
        ok(first is not None and first < 0.5 and second is not None and second >= 0.5 and
           third is not None and last.get("healed") == 1,
           "a fault on the second call is armed before that call goes on",
           f"{first} {second} {third} {harness.lines}")


def test_on_every():
    faults = ("    - { on: { edge: caller -> victim, call: GET /, every: 2 }, for: 100ms, "
              "stop: { service: victim } }\n")
    with Victim() as victim, Harness(system(victim), faults, "end=4000") as harness:
        port = harness.until("edge", "caller -> victim")["port"]
        harness.next()
        time.sleep(0.5)
        for _ in range(4):
            call(port)
            time.sleep(0.4)
        last = harness.finish()
        ok(harness.states().count("healed") >= 2 and last.get("unproven") == 0 and
           victim.is_well() and not harness.journals(),
           "with every: it comes again, and is healed each time", harness.lines)


test_wire()
test_status()
test_supervisor_dies()
test_proxy_dies()
test_on()
test_on_every()
done()
