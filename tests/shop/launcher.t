#!/usr/bin/python3
# the shop opens fast, stays open, and leaves nothing behind
# timeout: 90s
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from open_shop import OpenShop  # noqa: E402
from runs import BINARY, SLOWDOWN, done, ok, wait_for  # noqa: E402


def children(pid):
    said = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(word) for word in said.stdout.split()]


def alive(pids):
    found = []
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rsplit(")", 1)[1].split()[0] != "Z":
                    found.append(pid)
        except OSError:
            pass
    return found


def all_gone(pids, seconds):
    until = time.monotonic() + seconds * SLOWDOWN
    while alive(pids) and time.monotonic() < until:
        time.sleep(0.05)
    return not alive(pids)


def resident_mib(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            total += int(re.search(r"^Pss:\s+(\d+)", file.read(), re.M)[1])
    return total / 1024


def test_life():
    with OpenShop() as shop:
        pids = children(shop.process.pid)
        seconds = float(re.search(r"after ([0-9.]+) s", shop.said)[1])
        ok(len(pids) == 10, "a process per service, and the two counterparties", pids)
        ok(seconds < 2 * SLOWDOWN, f"open after {seconds} s", shop.said)
        ok(resident_mib(pids) < 200 * SLOWDOWN, f"in {resident_mib(pids):.0f} MiB")
        for service in ("auth", "order", "bus"):
            answer = shop.ask("GET", f"/health/{service}")
            ok(answer.status == 200, f"{service} is healthy", answer)
        os.kill(pids[0], signal.SIGKILL)
        until = time.monotonic() + 5 * SLOWDOWN
        while (len(alive(children(shop.process.pid))) < 10 or
               pids[0] in children(shop.process.pid)) and time.monotonic() < until:
            time.sleep(0.05)
        ok(len(children(shop.process.pid)) == 10, "who dies is started again")
        pids = children(shop.process.pid)
        shop.process.send_signal(signal.SIGTERM)
        ok(shop.process.wait(10 * SLOWDOWN) == 0 and all_gone(pids, 1), "SIGTERM ends them all")
    with OpenShop() as shop:
        pids = children(shop.process.pid)
        shop.process.kill()
        ok(all_gone(pids, 2), "and so does kill -9 of the launcher")


def test_keep():
    with OpenShop("--no-limits") as shop:
        token = shop.login()
        answer = shop.ask("POST", "/api/orders", {"items": [{"sku": "SKU-1", "qty": 1}]}, token=token,
                          headers={"Idempotency-Key": "kept"})
        shop.process.send_signal(signal.SIGTERM)
        shop.process.wait(10 * SLOWDOWN)
        again = OpenShop.__new__(OpenShop)
        again.directory = shop.directory
        again.process = subprocess.Popen([BINARY, "shop", "--directory", shop.directory.name],
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        again.said = ""
        again.url = again.wait_until_open(20 * SLOWDOWN)
        from open_shop import Client
        client = Client(again.url)
        found = client.ask("GET", "/api/orders/by-key/kept", token=token)
        ok(found.status == 200 and found.json["id"] == answer.json["id"],
           "a shop that opens again in the same directory knows its orders", found)
        again.process.send_signal(signal.SIGTERM)
        again.process.wait(10 * SLOWDOWN)


def test_system_file():
    """Where it stands may be full, or gone, for a while."""
    with tempfile.TemporaryDirectory() as directory:
        place = f"{directory}/gone"
        os.mkdir(place)
        with OpenShop("--system", f"{place}/system.yaml") as shop:
            pid = children(shop.process.pid)[0]
            shutil.rmtree(place)
            os.kill(pid, signal.SIGKILL)
            ok(wait_for(lambda: len(alive(children(shop.process.pid))) == 10 and
                        pid not in children(shop.process.pid), 10),
               "a system file that can't be written closes no shop", children(shop.process.pid))
            os.mkdir(place)
            ok(wait_for(lambda: os.path.exists(f"{place}/system.yaml"), 10),
               "and is written when it can be", os.listdir(place))


def test_mistakes():
    for arguments, why in ((["--bug", "no-such-bug"], "no-such-bug"), (["--edge", "order=x"], "order=x"),
                           (["--edge", "order->moon=http://x"], "order->moon"),
                           (["--port", "99999"], "99999"), (["--saga", "soap"], "soap")):
        said = subprocess.run([BINARY, "shop", *arguments], capture_output=True, text=True,
                              timeout=20 * SLOWDOWN)
        ok(said.returncode in (1, 2) and why in said.stderr, f"{' '.join(arguments)} is refused",
           f"{said.returncode} {said.stderr}")
    said = subprocess.run([BINARY, "shop", "--list-bugs"], capture_output=True, text=True)
    ok(said.returncode == 0 and said.stdout.count("\n") >= 30, "there are at least thirty bugs",
       said.stdout)


test_life()
test_keep()
test_system_file()
test_mistakes()
done()
