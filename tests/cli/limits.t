#!/usr/bin/python3
# where the machine has no more to give, a run slows down or ends in words, and never lies about it
import os
import resource
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from runs import BINARY, SCRATCH, SLOWDOWN, Result, Shop, done  # noqa: E402
from runs import ok, run, skip, write_scenario  # noqa: E402

LOOSE = "lag-limit: 9s, stall-limit: 9s, cpu-limit: 100%"


def scenario(shop, load, steps, limits=LOOSE, http="timeout: 3s"):
    return f"""
name: limits
target: {shop.url}
http: {{ {http} }}
generator: {{ workers: 1, max-users: 5000, drain: 4s, {limits} }}
load: {{ go: {{ {load} }} }}
journeys:
  only:
{steps}
"""


def limited(what, soft, hard=None):
    return lambda: resource.setrlimit(what, (soft, soft if hard is None else hard))


def one_line(result):
    return " ".join(result.out.split())


def test_descriptors(shop):
    steps = "    - get: /ok\n    - think: 500ms\n    - get: /ok"
    for limit, users in ((64, 300), (1024, 1500)):
        for kind in ("direct", "curl"):
            result = run(scenario(shop, f"users: {users}, for: 3s", steps), "--transport", kind,
                         preexec_fn=limited(resource.RLIMIT_NOFILE, limit))
            ok(result.code == 0 and result.balances() and not result.errors() and
               result.load["ok"] >= users,
               f"{kind}: {users} visitors, most of them thinking, share {limit} descriptors", result)
    result = run(scenario(shop, "users: 100, for: 2s", "    - get: /slow/100"),
                 preexec_fn=limited(resource.RLIMIT_NOFILE, 40, 4096))
    ok(result.code == 0 and result.load["lag_us"]["max"] < 900000,
       "the soft limit is raised as far as it may be", result)


def test_too_many_connected(shop):
    steps = "    - get: /slow/500"
    for kind in ("direct", "curl"):
        result = run(scenario(shop, "users: 200, for: 3s", steps,
                              "lag-limit: 100ms, stall-limit: 9s"), "--transport", kind,
                     preexec_fn=limited(resource.RLIMIT_NOFILE, 64))
        ok(result.code == 10 and result.balances() and "descriptor" in one_line(result) and
           "ulimit -n" in one_line(result) and "connect" not in result.errors(),
           f"{kind}: more connected visitors than descriptors wait; the run is invalid and says why",
           result)
    result = run(scenario(shop, "rate: 100/s, for: 2s", "    - get: /hang", http="timeout: 30s"),
                 preexec_fn=limited(resource.RLIMIT_NOFILE, 64))
    ok(result.code == 10 and result.balances() and result.load["scheduled"] == 200 and
       "found no descriptor" in one_line(result),
       "when none comes free, what could not be sent is counted, and nothing hangs", result)


def test_ports():
    """In a network of its own, with 30 ports to connect from."""
    with Shop() as probe:
        text = scenario(probe, "rate: 100/s, for: 1s", "    - get: /hang", http="timeout: 1s")
    path, directory = write_scenario(text), f"{SCRATCH.name}/ports"
    script = f"""
ip link set lo up && echo 40000 40029 > /proc/sys/net/ipv4/ip_local_port_range || exit 99
coproc SHOP {{ /usr/bin/python3 tests/tools/moody_shop.py; }}
read port <&${{SHOP[0]}}
{BINARY} run {path} -o {directory} --progress none --target http://127.0.0.1:$port
exit $?
"""
    made = subprocess.run(["unshare", "-rn", "bash", "-c", script], capture_output=True, text=True)
    name = "when local ports run out, the run is invalid and says why"
    if made.returncode == 99 or "unshare" in made.stderr:
        return skip(name, "no network of our own here")
    result = Result(made.returncode, made.stdout, made.stderr, directory)
    ok(result.code == 10 and result.balances() and "local port" in one_line(result) and
       "http: from" in one_line(result), name, result)


def test_dropped(shop):
    for kind in ("direct", "curl"):
        result = run(scenario(shop, "rate: 50/s, for: 2s", "    - get: /slow/3000",
                              "max-users: 10").replace("max-users: 5000, ", ""),
                     "--transport", kind)
        ok(result.code == 10 and result.load.get("dropped") == 90 and result.balances() and
           "found no room" in one_line(result),
           f"{kind}: starts beyond max-users are dropped, and too many of them make a run invalid",
           result)


def test_no_seat(shop):
    """A closed phase begins while the visitors of an open one still fill the worker."""
    text = scenario(shop, "rate: 50/s, for: 1s", "    - get: /slow/1500", "max-users: 50")
    text = text.replace("max-users: 5000, ", "").replace("load: {", "load: { last: { users: 5, for: 3s },")
    text = text.replace("last: { users: 5, for: 3s }, go: { rate: 50/s, for: 1s }",
                        "go: { rate: 50/s, for: 1s }, last: { users: 5, for: 3s }")
    began = time.monotonic()
    result = run(text)
    ok(result.balances() and result.load["dropped"] > 0 and result.load["ok"] > 50 and
       time.monotonic() - began < 10 * SLOWDOWN,
       "visitors who find no room in a closed phase try again, and the run ends", result)


with Shop() as moody:
    test_descriptors(moody)
    test_too_many_connected(moody)
    test_dropped(moody)
    test_no_seat(moody)
test_ports()
done()
