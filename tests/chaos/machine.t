#!/usr/bin/python3
# faults on the machine weigh as much as was asked for, leave a floor, and end with who armed them
# timeout: 120s
import os
import signal
import sys
import time

sys.path.insert(0, "tests/tools")
from fault_steps import *  # noqa: E402

work = isolate()
RECORD = os.path.join(work, "record")
GO = os.path.join(work, "go")


def helpers(token):
    """Pids of what is called like that and lives."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                stat = file.read()
        except OSError:
            continue
        if f"({token})" in stat and stat[stat.rindex(")") + 2] not in "ZX":
            found.append(int(pid))
    return found


def token():
    with open(RECORD) as file:
        return json.load(file)["undo"]["helpers"]


def status(pid, key):
    with open(f"/proc/{pid}/status") as file:
        return next(line.split()[1] for line in file if line.startswith(key + ":"))


def start(fault, lasts="30s"):
    """Armed by a process that stays; its pid, and its helpers."""
    if os.path.exists(RECORD):
        os.unlink(RECORD)
    if os.path.exists(GO):
        os.unlink(GO)
    driver = driving("-", fault, "plan", f"save:{RECORD}", "arm", f"wait:{GO}", "hits", "tell",
                     "heal", "look", lasts=lasts)
    eventually(lambda: os.path.exists(RECORD) and os.path.getsize(RECORD) > 0 and helpers(token()))
    return driver


def finish(driver):
    """It goes on to its end; what its steps said."""
    open(GO, "w").close()
    said, _ = driver.communicate(timeout=60)
    return {line["step"]: line for line in map(json.loads, said.splitlines())}


def burnt_ms(pid):
    words = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) * 1000 // os.sysconf("SC_CLK_TCK")


# Processors
driver = start("cpu: { cores: 2, load: 50%, nice: 19 }")
eventually(lambda: len(helpers(token())) == 2)
burning = helpers(token())
ok(len(burning) == 2, "as many helpers as cores were asked for", burning)
nice = [int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[16]) for pid in burning]
ok(nice == [19, 19], "as nice as was asked for", nice)
ok(all(not any(os.readlink(f"/proc/{pid}/fd/{fd}").startswith("pipe:")
               for fd in os.listdir(f"/proc/{pid}/fd")) for pid in burning),
   "they hold nothing of who started them")
begun = time.monotonic()
time.sleep(1.5)
# So nice that they get nothing while others want the cores.
eventually(lambda: sum(map(burnt_ms, burning)) > 400)
steps = finish(driver)
most = 2 * 0.5 * (time.monotonic() - begun + 1) * 1000
note(f"{steps['hits']['hits']} ms burnt, at most {most:.0f} asked for")
ok(300 <= steps["hits"]["hits"] <= most, "they burn their share", steps)
ok(steps["heal"]["ok"] and steps["look"]["ok"] and not helpers(token()), "healed, they are gone",
   steps)

driver = start("cpu: { cores: 1, load: 20% }")
steps = saved(RECORD, "look", "heal", "look", "heal")
ok([step["ok"] for step in steps["all"]] == [False, True, True, True] and not helpers(token()),
   "any process can heal, from the record, twice", steps)
finish(driver)

driver = start("cpu: { cores: 2, load: 20% }")
eventually(lambda: len(helpers(token())) == 2)
burning = helpers(token())
driver.kill()
driver.wait()
ok(len(burning) == 2 and eventually(lambda: not helpers(token())),
   "when who armed them is killed, they end", helpers(token()))
ok(saved(RECORD, "heal", "look")["look"]["ok"], "and that is seen")

driver = start("cpu: { cores: 1, load: 10% }", lasts="500ms")
ok(len(helpers(token())) == 1 and eventually(lambda: not helpers(token()), 10),
   "nobody heals: they end at their deadline", helpers(token()))
finish(driver)

steps = {"left": []}
for after in (0, 1, 2, 3, 5, 8):
    drive("-", "cpu: { cores: 8, load: 10% }", "plan", f"save:{RECORD}", f"armkill:{after}")
    healed = saved(RECORD, "heal", "look")
    if not healed["look"]["ok"] or helpers(token()):
        steps["left"].append(healed)
ok(not steps["left"], "killed while starting them, and healed: none is left", steps)

# Memory
driver = start("memory: { size: 96MiB }")
holder = helpers(token())[0]
ok(eventually(lambda: int(status(holder, "VmRSS")) >= 96 * 1024), "memory is really held",
   status(holder, "VmRSS"))
with open(f"/proc/{holder}/oom_score_adj") as file:
    ok(file.read().strip() == "1000", "should memory run out, the helper goes first")
steps = finish(driver)
ok(steps["hits"]["hits"] == 96 and steps["look"]["ok"], "96 MiB, and healed", steps)
refused = drive("-", "memory: { size: 64MiB, leave: 100% }", "plan", "arm")
ok(not refused["plan"]["ok"] and "are to stay so" in refused["plan"]["why"] and
   "arm" not in refused, "no memory is taken from below the floor", refused)
with open("/proc/meminfo") as file:
    meminfo = {line.split(":")[0]: int(line.split()[1]) for line in file}
room = 512 * 1024  # KiB above a floor; the rest of what is asked for can't be had
floor = (meminfo["MemAvailable"] - room) / meminfo["MemTotal"]
if floor > 0.02:
    driver = start(f"memory: {{ size: 4GiB, leave: {floor * 100:.4f}% }}")
    time.sleep(1)
    steps = finish(driver)
    note(f"{steps['hits']['hits']} MiB of 4096 MiB were taken, with a floor {room // 1024} MiB below")
    ok(steps["hits"]["hits"] < 2048, "it stops at the floor, however much was asked for", steps)
else:
    skip("it stops at the floor, however much was asked for", "too little memory")
both = drive("-", "memory: { size: 64MiB, of-free: 10% }", "plan")
ok(both["code"] == 2 and "one of the two" in both["stderr"], "a size or a share", both)

# A full disk
DISK = os.path.join(work, "disk")
os.mkdir(DISK)
run("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", DISK)


def free():
    seen = os.statvfs(DISK)
    return seen.f_bavail * seen.f_frsize


def refused_to_write():
    try:
        with open(os.path.join(DISK, "order"), "wb") as file:
            file.write(b"x" * 9 * 1000 * 1000)
        return False
    except OSError:
        return True
    finally:
        os.unlink(os.path.join(DISK, "order"))


system = write("system.yaml", f"""
system:
  name: disks
  services:
    stock: {{ url: "http://127.0.0.1:7001", data: {DISK} }}
    empty: {{ url: "http://127.0.0.1:7002" }}
""")
was = free()
with open(os.path.join(DISK, "precious"), "w") as file:
    file.write("kept")
steps = drive(system, "disk-fill: { service: stock, leave: 8MB }", "plan", f"save:{RECORD}", "arm",
              "hits", "kill")
ok(steps["arm"]["ok"] and abs(free() - 8e6) < 1e5, "all is taken but what is to be left",
   (free(), steps))
ok(steps["hits"]["hits"] >= 50, "what was taken is counted in MiB", steps)
ok(refused_to_write(), "who writes more gets an error")
steps = saved(RECORD, "look", "heal", "look", "heal")
ok([step["ok"] for step in steps["all"]] == [False, True, True, True] and was - free() < 1e5 and
   os.listdir(DISK) == ["precious"], "healed in another process: the room is back", steps)
steps = drive(system, "disk-fill: { service: stock, size: 10MB }", "plan", "arm")
ok(not steps["plan"]["ok"] and "are to stay so" in steps["plan"]["why"],
   "a disk with less than the floor is left alone", steps)
steps = drive(system, "disk-fill: { service: stock, size: 10MB, leave: 1MB }", "plan",
              f"save:{RECORD}", "arm", "hits")
ok(9 <= steps["hits"]["hits"] <= 10, "or only so much", steps)
name = next(name for name in os.listdir(DISK) if name.startswith(".sagastorm-fill-"))
hidden = free()
run("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", DISK)
open(os.path.join(DISK, name), "w").close()
steps = saved(RECORD, "heal", "look")
ok(not steps["heal"]["ok"] and "another directory" in steps["heal"]["why"] and
   not steps["look"]["ok"] and os.path.exists(os.path.join(DISK, name)),
   "another disk at that place is not touched, and nothing is claimed", steps)
run("umount", DISK)
ok(saved(RECORD, "heal", "look")["look"]["ok"] and free() > hidden, "back at its place, it heals")
steps = drive(system, "disk-fill: { service: empty }", "plan")
ok(not steps["plan"]["ok"] and "has no 'data:'" in steps["plan"]["why"], "a service without data",
   steps)
with open(RECORD) as file:
    record = json.load(file)
for bad in ("precious", "../x", ".sagastorm-fill-/../precious"):
    record["undo"]["file"] = bad
    with open(RECORD, "w") as file:
        json.dump(record, file)
    if saved(RECORD, "heal")["heal"]["ok"]:
        ok(False, f"a record that names the file '{bad}'")
ok(os.listdir(DISK) == ["precious"], "a record with another's file does nothing", os.listdir(DISK))
run("umount", DISK)

# A slow disk
driver = start(f"disk-latency: {{ path: {work}, writers: 3, block: 64KiB }}")
ok(eventually(lambda: len(helpers(token())) == 4), "three write and one measures", helpers(token()))
time.sleep(1)
steps = finish(driver)
note(steps["tell"]["words"])
ok(steps["hits"]["hits"] > 0, "they write", steps)
ok("before that" in steps["tell"]["words"], "what a write takes is measured", steps)
ok(steps["look"]["ok"] and not helpers(token()) and
   not [name for name in os.listdir(work) if "sgst" in name], "no helper and no file is left")
steps = drive("-", "disk-latency: { path: relative }", "plan")
ok(not steps["plan"]["ok"] and "no absolute path" in steps["plan"]["why"], "a relative path", steps)
done()
