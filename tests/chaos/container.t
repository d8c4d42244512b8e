#!/usr/bin/python3
# faults on containers, with a real Podman: killed, stopped, paused and unplugged containers come back
# timeout: 180s
import atexit
import os
import random
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, "tests/tools")
from fault_steps import *  # noqa: E402

work = isolate()
ENGINE = os.path.join(work, "engine.sock")
RECORD = os.path.join(work, "record")
IMAGE = "localhost/sagastorm-test:1"
NETWORK = "shopnet"

for needed in ("podman", "runc", "busybox"):
    if not shutil.which(needed):
        skip_all(f"there is no {needed}")
PODMAN = ["podman", "--root", f"{work}/root", "--runroot", f"{work}/run", "--tmpdir",
          f"{work}/tmp", "--network-config-dir", f"{work}/networks", "--storage-driver", "vfs",
          "--cgroup-manager", "cgroupfs", "--events-backend", "none", "--runtime", "runc"]


def podman(*words, check=True):
    said = run(*PODMAN, *words, check=False)
    if check and said.returncode:
        raise RuntimeError(f"podman {' '.join(words)}: {said.stderr}")
    return said


def make_image():
    root = os.path.join(work, "image")
    os.makedirs(os.path.join(root, "bin"))
    shutil.copy(shutil.which("busybox"), os.path.join(root, "bin/busybox"))
    for name in ("sh", "httpd", "sleep"):
        os.symlink("busybox", os.path.join(root, "bin", name))
    with open(os.path.join(root, "index.html"), "w") as file:
        file.write("here\n")
    run("tar", "-C", root, "-cf", f"{work}/image.tar", ".")
    podman("import", f"{work}/image.tar", IMAGE)


def start(name, *words, network="none"):
    podman("run", "-d", "--name", name, "--network", network, "--ulimit", "nofile=1024:1024",
           "--ulimit", "nproc=1000:1000", *words, IMAGE, "/bin/httpd", "-f", "-p", "80")


def inspect(name):
    said = podman("inspect", name, check=False)
    return json.loads(said.stdout)[0] if said.returncode == 0 else {}


def state(name):
    return inspect(name).get("State", {}).get("Status", "none")


def network_of(name):
    found = inspect(name)["NetworkSettings"]["Networks"].get(NETWORK, {})
    return found.get("IPAddress"), sorted(a for a in found.get("Aliases") or []
                                          if not inspect(name)["Id"].startswith(a))


def fetch(address):
    said = run("curl", "-s", "-m", "1", f"http://{address}/index.html", check=False)
    return said.stdout.strip()


@atexit.register
def clean_up():
    podman("rm", "-f", "-t", "0", "-a", check=False)
    engine.send_signal(signal.SIGTERM)
    engine.wait(20)


# Podman keeps there, for all of its roots, which addresses it has given away.
os.makedirs("/run/containers", exist_ok=True)
run("mount", "-t", "tmpfs", "tmpfs", "/run/containers")
engine = subprocess.Popen([*PODMAN, "system", "service", "--time", "0", f"unix://{ENGINE}"],
                          stderr=subprocess.DEVNULL)
try:
    make_image()
    start("payment")
    start("inventory")
except (RuntimeError, subprocess.SubprocessError) as error:
    skip_all("podman can't start a container: " + " ".join(str(error).split())[-200:])
try:
    podman("network", "create", "--subnet", "10.79.0.0/24", NETWORK)
    start("gateway", "--network-alias", "front", network=NETWORK)
    connected = None
except (RuntimeError, subprocess.SubprocessError) as error:
    connected = "podman can't make a network: " + " ".join(str(error).split())[-200:]
eventually(lambda: os.path.exists(ENGINE))
system = write("system.yaml", f"""
system:
  name: contained
  allow: [10.79.0.0/24]
  container-engine: {ENGINE}
  services:
    payment: {{ container: payment }}
    inventory: {{ container: inventory }}
    gateway: {{ container: gateway, url: "http://10.79.0.2:80" }}
    plain: {{ url: "http://127.0.0.1:7001" }}
    pool: {{ instances: [ {{ container: payment }}, {{ container: inventory }} ] }}
""")
possible = drive(system, "container-kill: { service: payment }", "possible")["possible"]
ok(possible["ok"], "the engine of the system file answers", possible)
nowhere = write("nowhere.yaml", """
system:
  name: nowhere
  container-engine: /nowhere/engine.sock
  services:
    payment: { container: payment }
""")
steps = drive(nowhere, "container-kill: { service: payment }", "possible", "plan")
ok(not steps["possible"]["ok"] and "/nowhere/engine.sock" in steps["possible"]["why"] and
   not steps["plan"]["ok"], "without one it says where it looked", steps)


def breaks(fault, name, seen, promise):
    steps = drive(system, fault, "plan", f"save:{RECORD}", "arm", "hits", "kill")
    now = state(name)
    ok(steps["arm"]["ok"] and now in seen and steps["hits"]["hits"] == 1, promise, (now, steps))
    steps = saved(RECORD, "look", "heal", "look", "heal")
    ok([step["ok"] for step in steps["all"]] == [False, True, True, True] and
       state(name) == "running", "and healed by another process, from the record, twice", steps)


breaks("container-kill: { service: payment }", "payment", ("exited", "stopped"),
       "a container is killed")
breaks("container-stop: { service: payment, grace: 1s }", "payment", ("exited", "stopped"),
       "a container is stopped")
breaks("container-pause: { container: payment }", "payment", ("paused",), "a container is paused")
ok(state("inventory") == "running", "others are left alone")
steps = drive(system, "container-pause: { service: pool, most: 1 }", "plan", f"save:{RECORD}",
              "arm")
paused = [state(name) for name in ("payment", "inventory")]
ok(sorted(paused) == ["paused", "running"], "of two instances, as many as may be", (paused, steps))
saved(RECORD, "heal")

# What it is not done to
steps = drive(system, "container-kill: { service: plain }", "plan")
ok(not steps["plan"]["ok"] and "is in no container" in steps["plan"]["why"],
   "a service that is in no container", steps)
steps = drive(system, "container-kill: { container: nobody }", "plan")
ok(not steps["plan"]["ok"] and "no container 'nobody'" in steps["plan"]["why"],
   "a container that isn't there", steps)
start("passing", "--rm")
steps = drive(system, "container-kill: { container: passing }", "plan")
ok(not steps["plan"]["ok"] and "--rm" in steps["plan"]["why"],
   "one that nothing could start again", steps)
podman("pause", "passing")
steps = drive(system, "container-pause: { container: passing }", "plan")
ok(not steps["plan"]["ok"] and "paused already" in steps["plan"]["why"],
   "one that someone else has paused", steps)
podman("unpause", "passing")

# Another one by the same name, or the same one after a restart
drive(system, "container-pause: { container: passing }", "plan", f"save:{RECORD}", "arm")
podman("unpause", "passing")
podman("rm", "-f", "-t", "0", "passing")
start("passing")
podman("pause", "passing")
steps = saved(RECORD, "heal", "look")
ok(steps["look"]["ok"] and state("passing") == "paused",
   "a container that was made anew is not touched", steps)
podman("unpause", "passing")
drive(system, "container-pause: { container: passing }", "plan", f"save:{RECORD}", "arm")
podman("unpause", "passing")
podman("restart", "-t", "0", "passing")
podman("pause", "passing")
steps = saved(RECORD, "heal", "look")
ok(steps["look"]["ok"] and state("passing") == "paused",
   "nor is one that was started since", steps)
podman("rm", "-f", "-t", "0", "passing")
start("passing")
drive(system, "container-kill: { container: passing }", "plan", f"save:{RECORD}", "arm")
podman("rm", "-f", "passing")
steps = saved(RECORD, "heal", "look")
ok(not steps["heal"]["ok"] and "was removed" in steps["look"]["why"],
   "one that was removed can't be healed, and that is said", steps)
start("passing")
ok(saved(RECORD, "heal", "look")["look"]["ok"], "unless someone put another in its place")

# Killed in the middle
random.seed(2)
left = []
for i in range(6):
    fault = ("container-pause: { service: inventory }",
             "container-kill: { service: inventory }")[i % 2]
    drive(system, fault, "plan", f"save:{RECORD}", f"armkill:{random.randint(0, 200)}")
    steps = saved(RECORD, "heal", "look")
    time.sleep(0.3)
    if not steps["look"]["ok"] or state("inventory") != "running":
        left.append((fault, steps, state("inventory")))
        saved(RECORD, "heal")
drive(system, "container-stop: { service: inventory, grace: 1s }", "plan", f"save:{RECORD}",
      "armkill:300")
steps = saved(RECORD, "heal", "look")
time.sleep(1.5)
if not steps["look"]["ok"] or state("inventory") != "running":
    left.append((steps, state("inventory")))
ok(not left, "killed while the engine is at work, and healed from its record: everything runs",
   left)

# Networks
if connected:
    skip("a container is taken out of its network", connected)
else:
    ok(eventually(lambda: fetch("10.79.0.2") == "here"), "a container in a network answers")
    plugged = network_of("gateway")
    steps = drive(system, "container-disconnect: { service: gateway }", "plan", f"save:{RECORD}",
                  "arm", "hits", "kill")
    ok(steps["hits"]["hits"] == 1 and fetch("10.79.0.2") == "",
       "unplugged, it is out of reach", steps)
    steps = saved(RECORD, "look", "heal", "look", "heal")
    ok([step["ok"] for step in steps["all"]] == [False, True, True, True] and
       eventually(lambda: fetch("10.79.0.2") == "here"), "healed, it answers", steps)
    ok(network_of("gateway") == plugged, "at the same address, with the same names",
       (plugged, network_of("gateway")))
    steps = drive(system, "container-disconnect: { service: payment }", "plan")
    ok(not steps["plan"]["ok"] and "not in any network" in steps["plan"]["why"],
       "one that has no network", steps)
    steps = drive(system, "partition: { service: gateway }", "plan", f"save:{RECORD}", "arm")
    ok(steps["arm"]["ok"] and fetch("10.79.0.2") == "",
       "packets are lost in the container's own namespace", steps)
    steps = saved(RECORD, "heal", "look")
    ok(steps["look"]["ok"] and fetch("10.79.0.2") == "here", "until that is healed", steps)
done()
