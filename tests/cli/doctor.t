#!/usr/bin/python3
# doctor says what limits this machine, in words and as JSON, and never fails
import json
import os
import resource
import subprocess
import sys

BINARY = os.environ.get("SAGASTORM", os.path.abspath("build/debug/sagastorm"))
EXPECTED = ["descriptors", "ports", "time-wait", "cores", "busyness", "memory", "huge-pages",
            "clock", "wake-up", "kernel", "libcurl", "libevent", "openssl", "nftables",
            "queues", "containers", "rights"]
count = failures = 0


def ok(good, name, said=""):
    global count, failures
    count += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}")
    if not good:
        print("".join(f"# {line}\n" for line in str(said).splitlines()), end="")


def doctor(*arguments, **options):
    return subprocess.run([BINARY, "doctor", *arguments], capture_output=True, text=True,
                          timeout=50, **options)


plain = doctor()
ok(plain.returncode == 0, "exit code 0", plain.stderr)
ok(all(line.startswith(("ok   ", "warn ", " ")) for line in plain.stdout.splitlines()),
   "each line has a verdict or an advice", plain.stdout)

said = doctor("--json")
found = {check["name"]: check for check in json.loads(said.stdout)["checks"]}
ok(list(found) == EXPECTED, "every check is there, in order", list(found))
ok(all(check["verdict"] in ("ok", "warn") for check in found.values()), "verdicts", found)
ok(all(check["seen"] for check in found.values()), "each says what it saw", found)
ok(all(("advice" in check) == (check["verdict"] == "warn") for check in found.values()),
   "who warns says what to do", found)


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 512))


few = json.loads(doctor("--json", preexec_fn=few_descriptors).stdout)["checks"][0]
ok(few["verdict"] == "warn", "few descriptors are a warning", few)
ok("soft 256, hard 512" in few["seen"], "with both limits", few)
ok("448 connected users" in few["seen"], "and what they mean in users", few)

empty = dict(os.environ, PATH="/nowhere", DOCKER_HOST="unix:///nowhere/engine.sock")
without = {check["name"]: check
           for check in json.loads(doctor("--json", env=empty).stdout)["checks"]}
ok(without["containers"]["verdict"] == "warn" and
   "/nowhere/engine.sock" in without["containers"]["seen"],
   "no container engine where one should be is a warning", without["containers"])
ok(all(found[name]["verdict"] == "ok" or "no fault" in found[name]["advice"]
       for name in ("nftables", "queues", "containers")),
   "what can't be done says which faults that are", found)

cores = os.sched_getaffinity(0)


def one_core():
    os.sched_setaffinity(0, {min(cores)})


one = json.loads(doctor("--json", preexec_fn=one_core).stdout)["checks"][3]
ok("1 allowed" in one["seen"] and one["verdict"] == "warn", "one core is a warning", one)
print(f"1..{count}")
sys.exit(1 if failures else 0)
