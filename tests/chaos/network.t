#!/usr/bin/python3
# faults on packets hit what they are aimed at and nothing else, and leave nothing behind
# timeout: 120s
import errno
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, "tests/tools")
from fault_steps import *  # noqa: E402

work = isolate()
CONTROL_MARK = 0x5a6a  # chaos/control_mark.h
SYSTEM = write("system.yaml", """
system:
  name: lines
  allow: [10.77.0.0/24, 10.78.0.0/24]
  services:
    front: { url: "http://10.77.0.1:7001", namespace: net-a }
    back: { url: "http://10.77.0.2:7002", namespace: net-b }
    plain: { url: "http://localhost:7003" }
    other: { url: "http://127.0.0.1:7004" }
    proxied: { url: "http://127.0.0.1:7006" }
  edges:
    - { from: front, to: back, url: "http://10.77.0.2:7002" }
    - { from: visitors, to: plain, url: "http://127.0.0.1:7003" }
    - { from: other, to: plain, url: "http://127.0.0.1:7003" }
    - { from: plain, to: proxied, url: "http://127.0.0.1:7006", listen: 127.0.0.1:7005 }
    - { from: visitors, to: front, url: "http://10.77.0.1:7001" }
""")
RECORD = os.path.join(work, "record")
SIZE = 400000


def serve(listener):
    """Says what it is asked to: so many bytes, again and again."""
    def answer(connection):
        try:
            while True:
                asked = connection.recv(100)
                if not asked:
                    break
                connection.sendall(b"x" * int(asked))
        except (OSError, ValueError):
            pass
        connection.close()
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def listen(host, port):
    listener = socket.create_server((host, port), backlog=1000)
    threading.Thread(target=serve, args=(listener,), daemon=True).start()



def listen_inside(netns, host, port):
    """The same in another namespace; a process of its own."""
    import inspect
    code = ("import socket, threading, sys\n" + inspect.getsource(serve) +
            f"listener = socket.create_server(('{host}', {port}), backlog=1000)\n"
            "print('ready', flush=True)\nserve(listener)\n")
    server = subprocess.Popen(["ip", "netns", "exec", netns, sys.executable, "-c", code],
                              stdout=subprocess.PIPE, text=True)
    server.stdout.readline()
    return server


def connect(host, port, mark=0, timeout=0.6):
    connection = socket.socket()
    connection.settimeout(timeout * SLOWDOWN)
    if mark:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
    connection.connect((host, port))
    return connection


def ask(connection, size):
    connection.sendall(str(size).encode())
    got = 0
    while got < size:
        piece = connection.recv(65536)
        if not piece:
            break
        got += len(piece)
    return got


def call(host, port, size=10, mark=0, timeout=0.6):
    """'ok', or what the caller is told."""
    try:
        with connect(host, port, mark, timeout) as connection:
            return "ok" if ask(connection, size) == size else "short"
    except TimeoutError:
        return "timeout"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))


def call_inside(netns, host, port):
    said = run("ip", "netns", "exec", netns, sys.executable, "-c",
               f"import socket\ns = socket.socket()\ns.settimeout({0.6 * SLOWDOWN})\n"
               f"try:\n    s.connect(('{host}', {port}))\n    s.sendall(b'10')\n"
               "    print('ok' if s.recv(10) else 'short')\n"
               "except TimeoutError:\n    print('timeout')\n"
               "except OSError as error:\n    print(error)\n")
    return said.stdout.strip()


def rules(netns=None):
    inside = ["ip", "netns", "exec", netns] if netns else []
    return run(*inside, "nft", "list", "ruleset").stdout


def queues(netns=None):
    inside = ["ip", "netns", "exec", netns] if netns else []
    return run(*inside, "tc", "qdisc", "show").stdout


def world():
    return [rules(), queues()] + [look(netns) for netns in ("net-a", "net-b")
                                  for look in (rules, queues)]


class armed:
    """A fault for as long as the block lasts; healed in another process, from its record."""

    def __init__(self, fault):
        self.fault = fault

    def __enter__(self):
        self.steps = drive(SYSTEM, self.fault, "possible", "plan", f"save:{RECORD}", "arm")
        if not self.steps.get("arm", {}).get("ok"):
            ok(False, f"'{self.fault}' is armed", self.steps)
        return self

    def hits(self):
        return saved(RECORD, "hits")["hits"]["hits"]

    def __exit__(self, *_):
        self.healed = saved(RECORD, "look", "heal", "look", "heal")
        saw = [step["ok"] for step in self.healed["all"]]
        if saw != [False, True, True, True]:
            ok(False, f"'{self.fault}' is seen, then healed, twice", self.healed)


if not drive(SYSTEM, "partition: { service: plain }", "possible")["possible"]["ok"]:
    skip_all(drive(SYSTEM, "partition: { service: plain }", "possible")["possible"]["why"])

# A caller and a callee in namespaces of their own; we reach the callee, too.
for name in ("net-a", "net-b"):
    run("ip", "netns", "add", name)
    run("ip", "-n", name, "link", "set", "lo", "up")
run("ip", "link", "add", "va", "netns", "net-a", "type", "veth", "peer", "name", "vb",
    "netns", "net-b")
run("ip", "link", "add", "vc", "type", "veth", "peer", "name", "vd", "netns", "net-b")
for place, device, address in ((["-n", "net-a"], "va", "10.77.0.1/24"),
                               (["-n", "net-b"], "vb", "10.77.0.2/24"),
                               (["-n", "net-b"], "vd", "10.78.0.2/24"),
                               ([], "vc", "10.78.0.1/24")):
    run("ip", *place, "addr", "add", address, "dev", device)
    run("ip", *place, "link", "set", device, "up")
# What others have there, with the names that we use, too.
run("nft", "-f", "-", input="""
table inet filter {
	counter hits { }
	chain in {
		type filter hook input priority 0;
		tcp dport 9 counter drop
	}
}
table inet sagastorm_of_someone_else {
	chain out {
		type filter hook output priority 0;
	}
}
""".replace("{ }", "{\n}"))
run("ip", "netns", "exec", "net-b", "nft", "add", "table", "inet", "mine")
for port in (7003, 7004, 7005, 7006):
    listen("127.0.0.1", port)
inside = listen_inside("net-b", "0.0.0.0", 7002)
before = world()
ok(call("127.0.0.1", 7003) == "ok" and call("10.78.0.2", 7002) == "ok" and
   call_inside("net-a", "10.77.0.2", 7002) == "ok", "everyone can be reached", world())

# A partition, on the loopback
old = connect("127.0.0.1", 7003, timeout=10)
ask(old, 10)
control = connect("127.0.0.1", 7003, CONTROL_MARK)
with armed("partition: { service: plain }") as fault:
    ok("127.0.0.1" in fault.steps["plan"]["does"] or "localhost" in fault.steps["plan"]["does"],
       "the plan says where", fault.steps)
    ok("everybody" in fault.steps["plan"]["does"], "and who is meant, where callers can't be told "
       "apart", fault.steps)
    ok(call("127.0.0.1", 7003) == "timeout", "a partition lets nobody through")
    old.sendall(b"20")
    ok(not select.select([old], [], [], 0.3)[0], "a connection that exists gets no answer")
    ok(call("127.0.0.1", 7004) == "ok", "another port is left alone")
    ok(call("127.0.0.1", 7003, mark=CONTROL_MARK) == "ok" and ask(control, 10) == 10,
       "the control path is exempt")
    hits = fault.hits()
    ok(hits >= 2, "what was lost is counted", hits)
ok(call("127.0.0.1", 7003) == "ok", "healed: everyone gets through")
ok(select.select([old], [], [], 10 * SLOWDOWN)[0] and len(old.recv(100)) == 20,
   "and the old connection goes on")
ok(world() == before, "rules and queues are what they were", (before, world()))

for direction in ("requests", "answers"):
    with armed(f"partition: {{ service: plain, direction: {direction} }}") as fault:
        ok(call("127.0.0.1", 7003) == "timeout" and fault.hits() > 0,
           f"losing only {direction} is enough")

with armed("partition: { edge: front -> back }"):
    ok(call_inside("net-a", "10.77.0.2", 7002) == "timeout",
       "an edge is cut in the caller's namespace")
    ok(call("10.78.0.2", 7002) == "ok", "and only there")
    ok(rules() == before[0] and rules("net-b") == before[4], "nobody else has a rule", world())
with armed("partition: { service: back }"):
    ok(call_inside("net-a", "10.77.0.2", 7002) == "timeout" and
       call("10.78.0.2", 7002) == "timeout", "a service is cut off from everyone")
with armed("partition: { edge: plain -> proxied }"):
    ok(call("127.0.0.1", 7005) == "timeout" and call("127.0.0.1", 7006) == "ok",
       "where the proxy stands in, just that edge is cut")
with armed("partition: { service: plain }") as one:
    first = RECORD
    RECORD = os.path.join(work, "second")
    with armed("reject: { service: other }"):
        ok(call("127.0.0.1", 7003) == "timeout" and call("127.0.0.1", 7004) == "ECONNREFUSED",
           "two faults at once are two tables")
    RECORD = first
    ok(call("127.0.0.1", 7003) == "timeout" and call("127.0.0.1", 7004) == "ok",
       "healing one leaves the other")

# Rejections
old = connect("127.0.0.1", 7003)
with armed("reject: { service: plain }") as fault:
    begun = time.monotonic()
    ok(call("127.0.0.1", 7003, timeout=5) == "ECONNREFUSED", "a reset: the connection is refused")
    note(f"told after {(time.monotonic() - begun) * 1000:.1f} ms")
    try:
        told = ask(old, 10)
    except ConnectionResetError:
        told = "reset"
    ok(told == "reset", "an existing connection is reset", told)
    ok(call("127.0.0.1", 7003, mark=CONTROL_MARK) == "ok", "the control path is not")
    ok(fault.hits() >= 2, "both are counted")
old = connect("127.0.0.1", 7003)
with armed("reject: { edge: visitors -> plain, with: unreachable }") as fault:
    told = call("127.0.0.1", 7003, timeout=5)
    ok(told in ("EHOSTUNREACH", "ENETUNREACH", "ECONNREFUSED", "EACCES"), "unreachable: the caller "
       "is told", told)
    note(f"told {told}")
    ok(ask(old, 10) == 10, "an existing connection stays")
old.close()

# Losses: the first packet of a connection arrives at once, or a second later.
with armed("loss: { service: plain, share: 30%, direction: requests }") as fault:
    tries = [socket.socket() for _ in range(400)]
    for one in tries:
        one.setblocking(False)
        one.connect_ex(("127.0.0.1", 7003))
    time.sleep(0.5)
    through = len(select.select([], tries, [], 0)[1])
    for one in tries:
        one.close()
    note(f"{through} of 400 got through at once, wanted 280")
    ok(235 <= through <= 325, "of the packets, the share that was asked for is lost", through)
    ok(fault.hits() >= 400 - through, "and counted", fault.hits())

# A thin line
begun = time.monotonic()
ok(call("127.0.0.1", 7003, SIZE, timeout=10) == "ok", "as it is")
quick = time.monotonic() - begun
possible = drive(SYSTEM, "link-rate: { service: plain, rate: 200kB }", "possible")["possible"]
if possible["ok"]:
    with armed("link-rate: { service: plain, rate: 400kB }") as fault:
        begun = time.monotonic()
        call("127.0.0.1", 7003, SIZE, timeout=20)
        took = time.monotonic() - begun
        begun = time.monotonic()
        call("127.0.0.1", 7004, SIZE, timeout=20)
        beside = time.monotonic() - begun
        note(f"400 kB at 400 kB/s: {took:.2f} s (without: {quick:.3f} s, beside: {beside:.3f} s)")
        ok(0.7 < took < 1.5 * SLOWDOWN, "a line is as thin as asked for", took)
        ok(beside < took / 2, "what goes to another port is as fast as ever", beside)
        ok(fault.hits() > 5, "its packets are counted", fault.hits())
    ok(world() == before, "its queues are gone", world())
    with armed("link-rate: { edge: front -> back, rate: 400kB }") as fault:
        ok("htb" in queues("net-a") and queues() == before[1],
           "between namespaces, the device of the caller is held", queues("net-a"))
    run("tc", "qdisc", "add", "dev", "lo", "root", "handle", "1:", "tbf", "rate", "1gbit",
        "burst", "1mb", "latency", "50ms")
    mine = queues()
    refused = drive(SYSTEM, "link-rate: { service: plain, rate: 400kB }", "plan", "arm")
    ok(not refused["plan"]["ok"] and "already (tbf 1:)" in refused["plan"]["why"] and
       queues() == mine, "someone else's queue is left alone", refused)
    run("tc", "qdisc", "del", "dev", "lo", "root")
else:
    skip("a line is as thin as asked for", possible["why"])

possible = drive(SYSTEM, "netem: { service: plain, delay: 40ms }", "possible")["possible"]
if possible["ok"]:
    with armed("netem: { service: plain, delay: 40ms }") as fault:
        begun = time.monotonic()
        call("127.0.0.1", 7003, timeout=5)
        took = time.monotonic() - begun
        ok(0.07 < took < 0.5 * SLOWDOWN, "a connection and a call take four delays less one",
           took)
        ok(fault.hits() > 2, "its packets are counted")
else:
    skip("packets are delayed by netem", possible["why"])
    half = drive(SYSTEM, "netem: { service: plain, delay: 40ms }", "plan", "arm", "heal", "look")
    ok(not half["arm"]["ok"] and half["heal"]["ok"] and half["look"]["ok"] and world() == before,
       "without netem, what was armed by half is undone", half)

# Killed in the middle
random.seed(1)
left = []
for i in range(12):
    fault = ("partition: { service: plain }", "link-rate: { service: plain, rate: 1MB }")[i % 2]
    drive(SYSTEM, fault, "plan", f"save:{RECORD}", f"armkill:{random.randint(0, 30)}")
    steps = saved(RECORD, "heal", "look")
    if not steps["heal"]["ok"] or not steps["look"]["ok"]:
        left.append(steps)
ok(not left and eventually(lambda: world() == before),
   "killed while arming, and healed from its record: nothing is left", (left, world()))
dead = drive(SYSTEM, "partition: { service: back }", "plan", f"save:{RECORD}", "arm", "kill")
ok(dead["code"] == -signal.SIGKILL and rules("net-b") != before[4],
   "killed when armed, the fault is still there", dead)
steps = saved(RECORD, "heal", "heal", "look")
ok(steps["look"]["ok"] and world() == before, "until it is healed from its record", steps)

# The same through `sagastorm chaos`: everything of it killed at once, then healed from its journal
day = write("day.yaml", """
system:
  name: day
  services:
    other: { url: "http://127.0.0.1:7004" }
chaos:
  faults:
    - { at: 0s, for: 60s, partition: { service: other } }
    - { at: 0s, for: 60s, link-rate: { service: other, rate: 1MB } }
""")
SAGASTORM = os.environ.get("SAGASTORM", os.path.abspath("build/debug/sagastorm"))
os.environ["SAGASTORM_STATE"] = os.path.join(work, "state")


def of_the_day():
    """All processes of it: the command, its supervisor, their hands."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                if "chaos\0arm" in file.read():
                    found.append(int(pid))
        except OSError:
            continue
    return found


game = subprocess.Popen([SAGASTORM, "chaos", "arm", day], stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL)
ok(eventually(lambda: "htb" in queues() and rules().count("table inet sagastorm_") == 3, 10),
   "a game day arms two faults on packets", world())
for pid in of_the_day():
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
game.wait(10)
ok(world() != before and call("127.0.0.1", 7004) == "timeout",
   "killed with its supervisor, they are still there")
healed = run(SAGASTORM, "chaos", "heal", check=False)
ok(healed.returncode == 0 and world() == before and call("127.0.0.1", 7004) == "ok",
   "until `sagastorm chaos heal`", (healed, world()))

# Namespaces that go
run("ip", "netns", "add", "net-c")
gone = write("gone.yaml", """
system:
  name: gone
  allow: [10.99.0.0/24]
  services:
    lost: { url: "http://10.99.0.1:80", namespace: net-c }
""")
drive(gone, "partition: { service: lost }", "plan", f"save:{RECORD}", "arm")
table = rules("net-c").split()[2]
run("ip", "netns", "del", "net-c")
run("ip", "netns", "add", "net-c")
run("ip", "netns", "exec", "net-c", "nft", "add", "table", "inet", table)
steps = saved(RECORD, "heal", "look")
ok(steps["heal"]["ok"] and steps["look"]["ok"], "with its namespace the fault is gone", steps)
ok(table in rules("net-c"), "another namespace of that name is left alone", rules("net-c"))
run("ip", "netns", "del", "net-c")

# Records are not believed
with open(RECORD) as file:
    record = json.load(file)
for name in ("filter", "sagastorm_of_someone_else; flush ruleset", "sagastorm_../x", ""):
    bad = dict(record, undo=dict(record["undo"], table=name))
    with open(RECORD, "w") as file:
        json.dump(bad, file)
    steps = saved(RECORD, "heal", "look")
    if steps["heal"]["ok"] or steps["look"]["ok"]:
        ok(False, f"a record that names the table '{name}'", steps)
ok(world() == before, "a record with someone else's table does nothing", world())

# Refusals
refused = drive(SYSTEM, "partition: { edge: front -> back, port: 70000 }", "plan")
ok(refused["code"] == 2 and "port" in refused["stderr"], "a port that is none", refused)
far = write("far.yaml", """
system:
  name: far
  allow: [nowhere.invalid]
  services:
    far: { url: "http://nowhere.invalid:80" }
""")
refused = drive(far, "partition: { service: far }", "plan", "arm")
ok(not refused["plan"]["ok"] and "nowhere.invalid" in refused["plan"]["why"] and
   "arm" not in refused, "a name without an address", refused)

# Callers that have a cgroup of their own (v2) are told apart.
hierarchy = next((line.split()[1] for line in open("/proc/mounts")
                  if line.split()[2] == "cgroup2"), None)
name = f"sagastorm-test-{os.getpid()}"
try:
    if hierarchy != "/sys/fs/cgroup":
        run("mount", "--bind", hierarchy or "", "/sys/fs/cgroup")
    os.mkdir(f"/sys/fs/cgroup/{name}")
    why = None
except (OSError, subprocess.CalledProcessError) as error:
    why = f"no cgroup of one's own: {error}"
if why:
    skip("a caller in a cgroup of its own is told apart", why)
else:
    caller = subprocess.Popen([sys.executable, "-c", """
import socket, sys
for line in sys.stdin:
    s = socket.socket()
    s.settimeout(0.6)
    try:
        s.connect(("127.0.0.1", 7003))
        s.sendall(b"10")
        print(len(s.recv(10)), flush=True)
    except OSError:
        print("lost", flush=True)
"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with open(f"/sys/fs/cgroup/{name}/cgroup.procs", "w") as file:
        file.write(str(caller.pid))

    def caller_says():
        caller.stdin.write("call\n")
        caller.stdin.flush()
        return caller.stdout.readline().strip()

    SYSTEM = write("cgroup.yaml", f"""
system:
  name: grouped
  services:
    caller: {{ url: "http://127.0.0.1:7009", pid: {caller.pid} }}
    plain: {{ url: "http://127.0.0.1:7003" }}
  edges:
    - {{ from: caller, to: plain, url: "http://127.0.0.1:7003" }}
""")
    with armed("partition: { edge: caller -> plain }") as fault:
        ok(caller_says() == "lost" and call("127.0.0.1", 7003) == "ok",
           "a caller in a cgroup of its own is told apart", fault.steps)
        ok(name in fault.steps["plan"]["does"], "and the plan says so", fault.steps)
    ok(caller_says() == "10", "and gets through again")
    caller.stdin.close()
    caller.wait(10)
    os.rmdir(f"/sys/fs/cgroup/{name}")
ok(world() == before, "in the end everything is as it was", world())
inside.kill()
inside.wait(10)
done()
