#!/usr/bin/python3
# where nothing can be written, a run says so in words, loses no request, and leaves others' files alone
import os
import resource
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from runs import BINARY, SCRATCH, Result, Shop, done, finish, ok, run, skip, start  # noqa: E402


def scenario(shop, load, steps="    - get: /ok"):
    return f"""
name: disk
target: {shop.url}
http: {{ timeout: 3s }}
generator: {{ workers: 1, drain: 4s, lag-limit: 9s, stall-limit: 9s, cpu-limit: 100% }}
load: {{ go: {{ {load} }} }}
journeys:
  only:
{steps}
"""


def limited(bytes_most):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_most, bytes_most))


def one_line(result):
    return " ".join(result.out.split())


def judged_in_spite(result, name, seen):
    """A run whose history had no room for everything."""
    totals = result.report.get("totals", {})
    ok(result.code == 10 and "records were lost" in one_line(result) and
       0 < totals.get("count", 0) <= seen, name, f"{seen} seen\n{totals}\n{result}")


def test_file_size():
    with Shop() as shop:
        text = scenario(shop, "rate: 1500/s, for: 3s")
        result = run(text, preexec_fn=limited(128 * 1024))
        judged_in_spite(result, "a limit of file sizes costs records, and the run says so",
                        len(shop.log()))
        ok(len(shop.log()) == 4500 and "died" not in result.out, "but no request, and no worker",
           result)
        result = run(text, preexec_fn=limited(1000))
        ok(result.code == 1 and "too large" in result.err.lower(),
           "a limit that leaves no room for a history at all is an error in words", result)


def test_full_disk():
    name = "a full disk costs records, and the run says so"
    disk = f"{SCRATCH.name}/disk"
    os.mkdir(disk)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", disk],
                             capture_output=True)
    if mounted.returncode:
        return skip(name, "only root can make a small disk")
    try:
        with Shop() as shop:
            text = scenario(shop, "rate: 1500/s, for: 3s")
            result = run(text, "-o", f"{disk}/run")
            result = Result(result.code, result.out, result.err, f"{disk}/run")
            judged_in_spite(result, name, len(shop.log()))
            ok(len(shop.log()) == 4500, "but no request", result)
            fill(disk)
            made = subprocess.run([BINARY, "report", f"{disk}/run"], capture_output=True, text=True)
            ok(made.returncode == 10 and "records were lost" in " ".join(made.stdout.split()) and
               "No space left" in made.stderr,
               "when not even a report fits, the summary is shown all the same", made)
            result = run(text, "-o", f"{disk}/other")
            ok(result.code in (1, 2) and "No space left" in result.err,
               "a disk that is full before the run is an error in words", result)
    finally:
        subprocess.run(["umount", disk], check=False)


def fill(disk):
    for report in ("report.json", "histograms"):
        path = f"{disk}/run/{report}"
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    with open(f"{disk}/filler", "wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass


def refused(result, code, part, name):
    ok(result.code == code and part in result.err and result.err.count("\n") <= 2, name, result)


def test_output(shop):
    text = scenario(shop, "rate: 5/s, for: 1s")
    place = f"{SCRATCH.name}/place"
    with open(place, "w") as file:
        file.write("mine")
    refused(run(text, "-o", place), 2, place, "an output directory that is a file is refused")
    ok(open(place).read() == "mine", "and left as it was")
    refused(run(text, "-o", f"{place}/below"), 2, place, "so is one below a file")
    refused(run(text, "-o", "/proc/nowhere/run"), 2, "/proc", "so is one that can't be made")
    first = run(text, "-o", f"{SCRATCH.name}/twice")
    before = sorted(os.listdir(f"{SCRATCH.name}/twice/history"))
    again = run(text, "-o", f"{SCRATCH.name}/twice")
    ok(first.code == 0, "a run is written", first)
    refused(again, 2, "already holds a run", "and not overwritten by the next one")
    ok(sorted(os.listdir(f"{SCRATCH.name}/twice/history")) == before, "nor is anything added to it")


def test_standard_streams(shop):
    text = scenario(shop, "rate: 20/s, for: 1s")
    with open("/dev/full", "w") as full:
        process = start(text, stdout=full)
        result = finish(process)
        ok(result.code == 1 and "cannot write to standard output" in result.err and
           result.load.get("ok") == 20, "a summary that can't be written is exit code 1", result)
        process = start(text, stderr=full)
        result = finish(process)
        ok(result.code == 0 and "PASS" in result.out, "progress that can't be written is not missed",
           result)
    for closed in ((0,), (1,), (2,), (0, 1, 2)):
        process = start(text, preexec_fn=lambda fds=closed: [os.close(fd) for fd in fds])
        result = finish(process)
        report = subprocess.run([BINARY, "report", process.directory], capture_output=True)
        ok(result.code == (1 if 1 in closed else 0) and report.returncode == 0 and
           result.load.get("ok") == 20,
           f"what is closed at the start ({closed}) is not mistaken for a file of ours",
           f"{report}\n{result}")


with Shop() as moody:
    test_output(moody)
    test_standard_streams(moody)
test_file_size()
test_full_disk()
done()
