#!/usr/bin/python3
"""The kill matrix: every mistake that the reference shop can make, against the invariants.

    tests/sagas/matrix.py                 all of matrix.tsv, and the clean shop under the same
    tests/sagas/matrix.py no-dedupe ...   only these bugs
    tests/sagas/matrix.py --quick --tap   those that run in `make test`

A bug is killed when the invariant that `sagastorm shop --list-bugs` names for it is `invalid` in
report.json; `unknown` kills nothing. And the clean shop has to pass under every scenario that is
used: one in which nothing can be right proves nothing.
"""
import argparse
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "../..")
sys.path.insert(0, os.path.join(HERE, "../tools"))
from saga_history import sagas  # noqa: E402

BINARY = os.environ.get("SAGASTORM", os.path.join(ROOT, "build/debug/sagastorm"))
SLOWDOWN = float(os.environ.get("TEST_SLOWDOWN", "1"))
LONGEST_S = 60 * SLOWDOWN
RESULTS = (0, 10, 20, 21)  # exit codes of a run that came to its end


def read_table(path):
    names = ("bug", "style", "scenario", "sets", "invariant", "when")
    with open(path) as file:
        rows = [line.rstrip("\n").split("\t") for line in file if line.strip() and line[0] != "#"]
    return [dict(zip(names, row)) for row in rows]


def listed_bugs():
    """bug -> the invariant that must catch it"""
    said = subprocess.run([BINARY, "shop", "--list-bugs"], capture_output=True, text=True,
                          check=True, timeout=60).stdout
    return dict(re.findall(r"^(\S+)\n.*\n\tcaught by: (\S+)$", said, re.M))


def run(row, directory):
    """A scenario with a bug. What came of it, as a dictionary; `wrong` says why nothing did."""
    command = [BINARY, "run", os.path.join(ROOT, "scenarios", row["scenario"] + ".yaml"),
               "-o", directory, "--progress", "none",
               "--set", f"style={row['style']}", "--set", f"bug={row['bug']}"]
    for each in row["sets"].split():
        command += ["--set", each] if each != "-" else []
    if row.get("seed"):
        command += ["--seed", str(row["seed"])]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        said, _ = process.communicate(timeout=LONGEST_S + 30)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate()
        return {"wrong": "it does not end", "said": said, "seconds": LONGEST_S}
    result = {"seconds": time.monotonic() - began, "code": process.returncode, "said": said}
    try:
        with open(os.path.join(directory, "report.json")) as file:
            report = json.load(file)
        result["saga"] = report["sagas"]["order"]
        result["faults"] = report["faults"]
        result["by"] = {each["name"]: each for each in result["saga"]["invariants"]}
    except (OSError, ValueError, KeyError) as why:
        result["wrong"] = f"no report: {why!r}"
    if process.returncode not in RESULTS:
        result["wrong"] = f"exit code {process.returncode}: {said.strip().splitlines()[-1:]}"
    elif result["seconds"] > LONGEST_S:
        result["wrong"] = f"it took {result['seconds']:.0f} s"
    return result


def began_at(witness):
    """When the first saga began of which a witness tells; without one, when it was seen."""
    times = [entry["at_s"] for entry in witness["timeline"] if entry["at_s"] is not None]
    return min(times, default=witness["at_s"])


def until_detection(result, invariant, directory):
    """How many sagas had begun when the first one did that is violated."""
    minted = [fact["at_us"] / 1e6 for fact in sagas(os.path.join(directory, "history")).of("MINTED")]
    times = [began_at(witness) for witness in result["by"][invariant]["witnesses"]]
    times = [at for at in times if at is not None]
    return sum(at <= min(times) + 1e-6 for at in minted) if times else len(minted)


def judge(row, result, directory):
    """Adds `killed`, `invalid`, `until`, and `why` for people."""
    if "wrong" in result:
        return {**result, "killed": False, "invalid": [], "why": result["wrong"]}
    invalid = [name for name, each in result["by"].items() if each["verdict"] == "invalid"]
    result = {**result, "invalid": invalid}
    if not row["bug"]:
        return {**result, "killed": bool(invalid), "why": "; ".join(
            f"{name}: {result['by'][name]['witnesses'][0]['reason']}" for name in invalid)}
    named = result["by"][row["invariant"]]
    if named["verdict"] != "invalid":
        said = f"{row['invariant']} is {named['verdict']} ({named['checked']} checked)"
        return {**result, "killed": False, "why": f"{said} {named.get('why') or ''}"}
    return {**result, "killed": True, "why": named["witnesses"][0]["reason"],
            "until": until_detection(result, row["invariant"], directory)}


def try_one(row, keep):
    with tempfile.TemporaryDirectory(prefix="sagastorm-matrix-") as scratch:
        directory = os.path.join(keep, f"{row['bug'] or 'clean'}-{row['style']}-"
                                 f"{row['scenario'].replace('/', '-')}") if keep else scratch + "/run"
        return row, judge(row, run(row, directory), directory)


def clean_rows(rows, quick):
    """The same scenarios, with nothing wrong; the quick ones are the attacks."""
    found = {}
    for row in rows:
        if quick and not row["scenario"].startswith("attacks/"):
            continue
        key = (row["scenario"], row["style"], row["sets"])
        found[key] = {**row, "bug": "", "invariant": "-"}
    return [found[key] for key in sorted(found)]


class Told:
    """Says one result after the other, as TAP or as a table."""

    def __init__(self, tap):
        self.tap, self.lock, self.count, self.failed = tap, threading.Lock(), 0, 0

    def tell(self, row, result):
        good = result["killed"] if row["bug"] else not result["why"]
        with self.lock:
            self.count += 1
            self.failed += not good
            if self.tap:
                self.tell_tap(row, result, good)
            else:
                self.tell_line(row, result, good)
            sys.stdout.flush()

    def tell_tap(self, row, result, good):
        what = f"{row['bug']} is caught by {row['invariant']} ({row['style']}, {row['scenario']}" \
            if row["bug"] else f"the clean shop passes ({row['style']}, {row['scenario']}"
        until = f", after {result['until']} sagas" if "until" in result else ""
        print(f"{'ok' if good else 'not ok'} {self.count} - {what}{until})")
        if not good:
            for line in f"{result['why']}\n{result.get('said', '')[-2000:]}".splitlines():
                print(f"# {line}")

    def tell_line(self, row, result, good):
        name = row["bug"] or "(clean)"
        verdict = ("killed" if row["bug"] else "passes") if good else "NOT KILLED" if row["bug"] \
            else "FALSE ALARM"
        minted = result["saga"]["minted"] if "saga" in result else 0
        print(f"{name:24} {row['style'][:6]} {row['scenario']:26} {result['seconds']:5.1f} s "
              f"{minted:5} sagas  {verdict:11} {str(result.get('until', '-')):>5}  {result['why']}")


def print_matrix(rows, results):
    """Bugs by invariants: # the one that has to catch it, + others that do, too."""
    names = sorted({name for result in results for name in result["invalid"]} |
                   {row["invariant"] for row in rows})
    print("\n| bug | sagas until detection | caught by | also |\n| --- | ---: | --- | --- |")
    for row, result in zip(rows, results):
        others = ", ".join(name for name in result["invalid"] if name != row["invariant"])
        caught = row["invariant"] if result["killed"] else f"**not** {row['invariant']}"
        print(f"| {row['bug']} | {result.get('until', '')} | {caught} | {others} |")
    print()
    for at, name in enumerate(names):
        print(f"{' ' * 24} {'|' * at}{name}" if at < len(names) else "")
    for row, result in zip(rows, results):
        cells = "".join(("#" if result["killed"] else "?") if name == row["invariant"] else
                        "+" if name in result["invalid"] else "." for name in names)
        print(f"{row['bug']:24} {cells}")


def print_checked(results):
    """How much each invariant had to look at, when nothing was wrong."""
    checked = {}
    for result in results:
        for name, each in result.get("by", {}).items():
            checked[name] = checked.get(name, 0) + each["checked"]
    print("\nchecked in the clean runs: " +
          ", ".join(f"{name} {count}" for name, count in sorted(checked.items())))


def main():
    options = argparse.ArgumentParser(description="runs the kill matrix")
    options.add_argument("bugs", nargs="*", help="only these")
    options.add_argument("--quick", action="store_true", help="only the quick ones")
    options.add_argument("--tap", action="store_true", help="say it as TAP")
    options.add_argument("--jobs", type=int, default=2, help="so many at once")
    options.add_argument("--seed", type=int, help="another one than the scenarios have")
    options.add_argument("--no-clean", action="store_true", help="leave the clean shop out")
    options.add_argument("--keep", help="keep the runs in this directory")
    options = options.parse_args()
    table = read_table(os.path.join(HERE, "matrix.tsv"))
    rows = [row for row in table if (not options.bugs or row["bug"] in options.bugs) and
            (not options.quick or row["when"] == "quick")]
    for row in rows:
        row["seed"] = options.seed
    unknown = set(options.bugs) - {row["bug"] for row in table}
    listed = listed_bugs()
    if unknown:
        sys.exit(f"matrix.tsv has no {', '.join(sorted(unknown))}")
    wrong = [row["bug"] for row in table if listed.get(row["bug"]) != row["invariant"]]
    missing = sorted(set(listed) - {row["bug"] for row in table})
    told = Told(options.tap)
    cleans = [] if options.no_clean else clean_rows(rows, options.quick)
    results = {}
    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        waiting = [pool.submit(try_one, row, options.keep) for row in rows + cleans]
        for done in concurrent.futures.as_completed(waiting):
            row, result = done.result()
            results[id(row)] = result
            told.tell(row, result)
    if options.tap:
        print(f"{'not ok' if wrong or missing else 'ok'} {told.count + 1} - every bug is in the "
              "table, with the invariant that has to catch it")
        print(f"1..{told.count + 1}")
    else:
        print_matrix(rows, [results[id(row)] for row in rows])
        print_checked([results[id(row)] for row in cleans])
        killed = sum(results[id(row)]["killed"] for row in rows)
        alarms = sum(bool(results[id(row)]["why"]) for row in cleans)
        print(f"\n{killed} of {len(rows)} bugs are killed; {alarms} false alarms in {len(cleans)} "
              "clean runs")
    for name in wrong + missing:
        print(f"# {name}: the table and --list-bugs differ", file=sys.stderr)
    sys.exit(1 if told.failed or wrong or missing else 0)


if __name__ == "__main__":
    main()
