#!/usr/bin/python3
# the shop's processes are broken, with a launcher that starts them again, and writes who they are
# timeout: 120s
import os
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from breaking import HEALED_WITHIN_S, seconds_until, state_of  # noqa: E402
from open_shop import OpenShop  # noqa: E402
from runs import BINARY, done, ok, wait_for  # noqa: E402

DAY = """
system: {system}
chaos:
  faults:
    - {{ at: 100ms, kill: {{ service: payment, back-after: 2s }} }}
    - {{ at: 100ms, for: 2s, crash-loop: {{ service: inventory, life: 200ms }} }}
    - {{ at: 100ms, for: 1s, stop: {{ service: catalog }} }}
    - {{ at: 100ms, restart: {{ service: notification, grace: 3s }} }}
"""


def pid_of(system, service):
    with open(system, encoding="utf-8") as file:
        found = re.search(rf"^    {service}:\n(?:      .*\n)*?      pid: (\d+)", file.read(), re.M)
    return int(found[1]) if found else 0


def system_file(shop):
    return f"{shop.directory.name}/system.yaml"


def write_day(shop, scratch, text=DAY):
    path = f"{scratch}/day.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.format(system=system_file(shop)))
    return path


def arm(path, scratch):
    return subprocess.Popen([BINARY, "chaos", "arm", path, "-o", f"{scratch}/out"], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            env=os.environ | {"SAGASTORM_STATE": f"{scratch}/state"})


def test_all(shop, scratch):
    names = ("payment", "inventory", "catalog", "notification")
    before = {name: pid_of(system_file(shop), name) for name in names}
    day = arm(write_day(shop, scratch), scratch)
    down = seconds_until(lambda: not state_of(before["payment"]), 20)
    stopped = seconds_until(lambda: state_of(before["catalog"]) == "T", 20)
    said = day.communicate(timeout=60)[0]
    after = {name: pid_of(system_file(shop), name) for name in names}
    ok(day.returncode == 0 and "4 healed" in said and down is not None and stopped is not None,
       "four faults on the processes of the shop, at once: all are healed", said)
    ok(all(before[name] != after[name] for name in ("payment", "inventory", "notification")) and
       before["catalog"] == after["catalog"], "those that were killed are others now",
       f"{before} {after}")
    ok(all(state_of(pid) == "S" for pid in after.values()) and
       shop.ask("GET", "/api/products").status == 200, "and the shop is open", said)


def test_killed(shop, scratch):
    """The game day is killed while a service stands still."""
    text = ("system: {system}\nchaos:\n  faults:\n"
            "    - {{ at: 0s, for: 60s, stop: {{ service: order }} }}\n")
    victim = pid_of(system_file(shop), "order")
    day = arm(write_day(shop, scratch, text), f"{scratch}/2")
    armed = wait_for(lambda: state_of(victim) == "T", 20)
    day.send_signal(signal.SIGKILL)
    took = seconds_until(lambda: state_of(victim) == "S", HEALED_WITHIN_S)
    said = day.communicate(timeout=60)[0]
    ok(armed and took is not None, "a game day that is killed leaves no service of the shop broken",
       f"{took} {said}")


with OpenShop() as open_shop, tempfile.TemporaryDirectory() as directory:
    test_all(open_shop, directory)
    test_killed(open_shop, directory)
done()
