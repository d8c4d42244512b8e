#!/usr/bin/python3
"""The clean grid: a shop without a bug, both of its sagas, under every fault that this machine can
do. Nothing may be found wrong; what remains unknown is listed with its reason.

    tests/sagas/grid.py --seeds 10                      all of it (make clean-grid)
    tests/sagas/grid.py --kinds kill,lose-reply --seeds 3 --keep runs/grid
    tests/sagas/grid.py --list                          what would be broken, where

A cell is a kind of fault and a style of saga. Each of its seeds aims the fault elsewhere, in another
strength, and takes a patient shop or one that gives up while the fault lasts. Each run has a network
of its own, so that faults on packets meet nobody else.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BINARY = os.environ.get("SAGASTORM", f"{ROOT}/build/release/sagastorm")
STYLES = ("orchestrated", "choreographed")
NOT_AIMED = "nobody has aimed it yet"
os.environ["PATH"] += ":/usr/sbin:/sbin"

# What carries an order on its way. Who is asked differs between the styles.
EDGES = {
    "orchestrated": ["order -> payment", "payment -> psp", "order -> inventory", "gateway -> order",
                     "bus -> *", "* -> bus", "order -> catalog", "visitors -> gateway"],
    "choreographed": ["bus -> payment", "payment -> psp", "bus -> inventory", "gateway -> order",
                      "bus -> order", "* -> bus", "order -> catalog", "visitors -> gateway"],
}
MAIL = "notification -> mail"
EVERYWHERE = "* -> *"
SERVICES = ["order", "payment", "inventory", "bus", "notification", "gateway", "catalog", "auth"]

# The kinds and how strong they are, in turn. Shares of connections only where there are many.
WIRE = {
    "latency": ["delay: 300ms, jitter: 200ms", "delay: 2500ms, direction: both"],
    "bandwidth": ["rate: 2KiB", "rate: 300"],
    "blackhole": ["", "direction: answers", "direction: requests"],
    "corrupt": ["rate: 0.1%", "rate: 1%"],
    "limit-data": ["bytes: 700", "bytes: 2KiB, direction: answers"],
    "refuse": [""],
    "reset": ["after-bytes: 400", "direction: answers", "after: 300ms"],
    "slice": ["size: 20, variation: 10, gap: 5ms", "size: 1, gap: 1ms"],
    "slow-close": ["delay: 1s", "delay: 5s"],
}
CALL = {
    "abort": ["share: 50%, status: 503", "share: 60%", "caller-gets: hang-up"],
    "delay": ["delay: 500ms, jitter: 400ms", "delay: 2500ms, share: 50%"],
    "duplicate": ["every: 2", "gap: 300ms", "gap: 1500ms, answer: second, share: 50%"],
    "lose-reply": ["share: 50%", "share: 60%, caller-gets: timeout", "status: 502, share: 80%"],
    "replace": ['share: 50%, status: 500, body: "{}"', 'share: 40%, status: 200, body: "{}"',
                "share: 50%, status: 503"],
    "truncate": ["share: 50%, after-share: 50%", "share: 50%, after: 1, caller-gets: hang-up"],
}
PROCESS = {
    "kill": ["back-after: 1s", "back-after: 0s", "back-after: 2500ms"],
    "restart": ["grace: 1s", "grace: 0s"],
    "stop": [""],
    "crash-loop": ["life: 300ms", "life: 20ms"],
    "fd-limit": ["free: 0", "limit: 8"],
}
NETWORK = {
    "partition": ["", "direction: requests", "direction: answers"],
    "reject": ["with: reset", "with: unreachable"],
    "loss": ["share: 20%", "share: 60%"],
    "link-rate": ["rate: 20kB", "rate: 4kB"],
    "netem": ["delay: 50ms, jitter: 20ms", "loss: 20%", "duplicate: 20%"],
}
MACHINE = {
    "cpu": ["cores: 1, load: 80%", "load: 100%, nice: -5"],
    "memory": ["size: 64MiB"],
    "disk-fill": ["leave: 0B", "leave: 200KiB"],
    "disk-latency": ["writers: 2, block: 64KiB"],
}
# A bounce with 5xx is for ever: that customer is not told, and no shop can help it.
WITNESS = {
    "bounce": ["witness: mail, share: 50%", "witness: mail, at: rcpt, status: 421"],
    "decline": ["witness: psp, share: 50%",
                "witness: psp, share: 80%, code: processing_error"],
    "provider-error": ["witness: psp, share: 50%", "witness: psp, share: 50%, when: after",
                       "witness: psp, status: 429", "witness: psp, when: after, of: refunds",
                       "witness: psp, share: 80%, when: after, status: 503, of: charges"],
    "webhooks": ["witness: psp, delay: 1s, jitter: 1s, twice: yes", "witness: psp, reorder: yes",
                 "witness: psp, share: 50%, drop: yes"],
}


# Among themselves the services notice what was altered. To the world outside they would speak TLS,
# which makes of it what reset and truncate do.
OUTSIDE = ["payment -> psp", "visitors -> gateway"]


def edges_of(kind, style):
    """Where to break the lines, one place per seed."""
    edges = list(EDGES[style])
    if kind == "corrupt":
        return [edge for edge in edges if edge not in OUTSIDE]
    if kind not in CALL:
        edges.insert(4, MAIL)
    return edges + [EVERYWHERE]


def on_edges(kind, style, seed, strengths):
    edges = edges_of(kind, style)
    edge = edges[seed % len(edges)]
    strength = strengths[(seed + seed // len(edges)) % len(strengths)]
    if edge == EVERYWHERE and kind in WIRE | CALL:
        kept = [part for part in strength.split(", ") if part and not part.startswith("share:")]
        strength = ", ".join([*kept, "share: 20%"])
    return f'edge: "{edge}"', strength


def on_services(seed, strengths):
    service = SERVICES[seed % len(SERVICES)]
    if seed % 10 == 9:
        service = f"[{', '.join(SERVICES)}]"
    return f"service: {service}", strengths[(seed // 2) % len(strengths)]


def fault_of(kind, style, seed):
    """What is broken by this seed, and where; None for a kind that nobody aimed yet."""
    seed -= 1
    if kind in WIRE or kind in CALL or kind in NETWORK:
        strengths = (WIRE | CALL | NETWORK)[kind]
        aim, strength = on_edges(kind, style, seed, strengths)
    elif kind in PROCESS:
        aim, strength = on_services(seed, PROCESS[kind])
    elif kind in WITNESS:
        aim, strength = "", WITNESS[kind][seed % len(WITNESS[kind])]
    elif kind in MACHINE:
        strengths = MACHINE[kind]
        aim = f"service: {SERVICES[seed % len(SERVICES)]}" if kind.startswith("disk") else ""
        strength = strengths[seed % len(strengths)]
    else:
        return None
    return f"{kind}: {{ {', '.join(part for part in (aim, strength) if part)} }}"


def companion_of(fault):
    """Lines are kept open, so some faults meet nobody unless something ends the lines; or None."""
    edge = re.search(r'edge: "(.*?)"', fault)
    if fault.startswith("refuse") or "with: unreachable" in fault:
        return f'reset: {{ edge: "{edge[1]}" }}'
    if fault.startswith("slow-close"):
        first, last = edge[1].split(" -> ")
        who = next((name for name in (first, last) if name in SERVICES), "payment")
        return f"kill: {{ service: {who} }}"
    return None


def is_harsh(seed):
    """A shop that gives up while things are broken, and customers who do so even sooner."""
    return seed % 2 == 0


def scenario_of(kind, style, seed):
    with open(f"{HERE}/grid.yaml", encoding="utf-8") as file:
        text = file.read().replace("@SCENARIOS@", f"{ROOT}/scenarios")
    if is_harsh(seed):
        for key, value in (("deadline", "1500ms"), ("call-timeout", "400ms"), ("timeout", "700ms")):
            text, found = re.subn(rf"^  {key}: \S+", f"  {key}: {value}", text, flags=re.M)
            assert found == 1, key
    text = text.replace("  saga: orchestrated\n", f"  saga: {style}\n")
    # A kill knows by itself how long it takes; it is one event.
    span = "" if kind in ("kill", "restart") else "      for: 2s\n"
    fault = fault_of(kind, style, seed)
    companion = companion_of(fault)
    text += f"\nseed: {seed}\nchaos:\n  faults:\n    - at: broken + 200ms\n{span}      {fault}\n"
    if companion:
        span = "" if companion.startswith("kill") else "      for: 1s\n      times: 4\n"
        text += f"    - at: broken + 300ms\n{span}      {companion}\n"
    return text


Cell = collections.namedtuple("Cell", "kind style seed")


class Run:
    """What came of one run."""

    def __init__(self, cell, directory, code, said, took_s):
        self.cell, self.directory, self.code, self.said = cell, directory, code, said
        self.took_s = took_s
        path = f"{directory}/run/report.json"
        self.report = {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.report = json.load(file)
        self.sagas = self.report.get("sagas", {}).get("order", {})
        self.invariants = self.sagas.get("invariants", [])
        faults = self.report.get("faults", [])
        self.hits = sum(fault["hits"] for fault in faults if fault["kind"] == cell.kind)
        self.healed = bool(faults) and all(fault["cleaned"] for fault in faults)

    def invalid(self):
        return [each for each in self.invariants if each["verdict"] == "invalid"]

    def unknown(self):
        return [each for each in self.invariants if each["verdict"] == "unknown"]

    def trouble(self):
        """Why this run is not what was wanted; '' when it is."""
        if not self.invariants:
            return "no verdict"
        if self.invalid():
            return "false alarm: " + ", ".join(each["name"] for each in self.invalid())
        if not self.healed:
            return "not healed"
        if self.hits == 0:
            return "met nothing"
        if self.code not in (0, 10):
            return f"exit code {self.code}"
        return ""

    def __str__(self):
        fault = fault_of(*self.cell)
        return f"{self.cell.style}, seed {self.cell.seed}, {fault}"


def command(cell, directory, isolated):
    """The run, in a network of its own; where a disk is filled, that is a small one of its own."""
    words = [BINARY, "run", f"{directory}/scenario.yaml", "-o", f"{directory}/run", "-p", "none"]
    if not isolated:
        return words
    setup = "ip link set lo up"
    if cell.kind == "disk-fill":
        small = f"{directory}/small"
        setup += f" && mkdir {small} && mount -t tmpfs -o size=64m tmpfs {small}"
        words = ["env", f"TMPDIR={small}", *words]
    return ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c",
            f'{setup} && exec "$@"', "sh", *words]


def run_cell(cell, keep, isolated):
    directory = f"{keep}/{cell.kind}-{cell.style}-{cell.seed}"
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    with open(f"{directory}/scenario.yaml", "w", encoding="utf-8") as file:
        file.write(scenario_of(*cell))
    begun = time.monotonic()
    process = subprocess.Popen(command(cell, directory, isolated), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               env=os.environ | {"SAGASTORM_STATE": f"{directory}/state"})
    try:
        said = process.communicate(timeout=150)[0]
    except subprocess.TimeoutExpired:
        process.terminate()
        said = process.communicate()[0] + "\n(took too long, and was ended)"
    run = Run(cell, directory, process.returncode, said, time.monotonic() - begun)
    if not run.trouble():
        shutil.rmtree(directory, ignore_errors=True)
    return run


def can_isolate():
    probe = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True)
    return probe.returncode == 0


def kinds_here(isolated):
    """All kinds by name: None, or why they are left out."""
    asked = subprocess.run([BINARY, "chaos", "kinds", "--json"], capture_output=True, check=True)
    kinds = {}
    for kind in json.loads(asked.stdout):
        why = None
        if not kind["possible"]:
            why = kind["why_not"]
        elif kind["family"] == "container":
            why = "its services are no containers: see tests/chaos/container.t"
        elif not isolated and (kind["family"] == "network" or kind["name"] == "disk-fill"):
            why = "no right to make a network or a mount of its own"
        elif fault_of(kind["name"], STYLES[0], 1) is None:
            why = NOT_AIMED
        kinds[kind["name"]] = why
    return kinds


def reason_of(invariant):
    """Without its numbers, so that the same reason is one reason."""
    return re.sub(r"\d+(\.\d+)?", "N", invariant.get("why") or "no reason given")


def print_table(runs):
    cells = collections.defaultdict(list)
    for run in runs:
        cells[run.cell.kind, run.cell.style].append(run)
    print(f"\n{'fault':16}{'saga':15}{'runs':>5}{'sagas':>7}{'done':>6}{'undone':>8}{'hits':>9}"
          f"{'missed':>8}{'invalid':>9}{'exit codes':>16}  ")
    for (kind, style), of_cell in cells.items():
        codes = collections.Counter(run.code for run in of_cell)
        print(f"{kind:16}{style:15}{len(of_cell):5}"
              f"{sum(run.sagas.get('started', 0) for run in of_cell):7}"
              f"{sum(run.sagas.get('succeeded', 0) for run in of_cell):6}"
              f"{sum(run.sagas.get('compensated', 0) for run in of_cell):8}"
              f"{sum(run.hits for run in of_cell):9}"
              f"{sum(run.hits == 0 for run in of_cell):8}"
              f"{sum(len(run.invalid()) for run in of_cell):9}"
              f"{' '.join(f'{code}:{count}' for code, count in sorted(codes.items())):>16}")


def print_invariants(runs):
    """How much was looked at, and what remained open, why, and under what."""
    checked, valid = collections.Counter(), collections.Counter()
    reasons = collections.defaultdict(lambda: collections.defaultdict(list))
    for run in runs:
        for each in run.invariants:
            checked[each["name"]] += each["checked"]
            valid[each["name"]] += each["verdict"] == "valid"
        for each in run.unknown():
            reasons[each["name"]][reason_of(each)].append(run.cell.kind)
    print(f"\n{'invariant':20}{'checked':>9}{'valid in':>10}  unknown in, because")
    for name, count in checked.items():
        print(f"{name:20}{count:9}{valid[name]:10}")
        for reason, kinds in sorted(reasons[name].items(), key=lambda item: -len(item[1])):
            which = ", ".join(f"{kind} {n}" for kind, n in collections.Counter(kinds).most_common(4))
            print(f"{'':41}{len(kinds):4} {reason}"
                  f"{'' if len(kinds) == len(runs) else f' ({which})'}")


def print_troubles(runs):
    for run in runs:
        if run.trouble():
            print(f"\n{run.trouble()}: {run}\n  {run.directory}, {run.took_s:.0f} s")
            if not run.invariants:
                print("".join(f"    {line}\n" for line in run.said.splitlines()[-12:]), end="")
            for each in run.invalid():
                reason = (each.get("witnesses") or [{}])[0].get("reason")
                print(f"    {each['name']}: {each['violations']} of {each['checked']}: {reason}")


def run_all(cells, jobs, keep, isolated, tell=lambda run: None):
    runs = {}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        started = {pool.submit(run_cell, cell, keep, isolated): cell for cell in cells}
        for future in concurrent.futures.as_completed(started):
            runs[started[future]] = future.result()
            tell(future.result())
    return [runs[cell] for cell in cells]


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seeds", default="10", help="how many, or which: 10, or 3,5,7")
    parser.add_argument("--kinds", help="only these, by name")
    parser.add_argument("--styles", default=",".join(STYLES))
    parser.add_argument("--jobs", type=int, default=2, help="how many runs at once")
    parser.add_argument("--keep", help="where runs that went wrong are kept")
    parser.add_argument("--list", action="store_true", help="only say what would be broken")
    return parser.parse_args()


def cells_of(options, kinds):
    seeds = options.seeds.split(",")
    seeds = ([int(seed) for seed in seeds] if len(seeds) > 1
             else range(1, int(options.seeds) + 1))
    wanted = options.kinds.split(",") if options.kinds else [name for name in kinds
                                                            if not kinds[name]]
    return [Cell(kind, style, seed) for kind in wanted for style in options.styles.split(",")
            for seed in seeds]


def say(run):
    print(f"{run.took_s:5.1f} s  exit {run.code:<3} {run.sagas.get('started', 0):4} sagas "
          f"{run.hits:7} hits  {run}{'  <- ' + run.trouble() if run.trouble() else ''}", flush=True)


def main():
    options = read_arguments()
    isolated = can_isolate()
    kinds = kinds_here(isolated)
    cells = cells_of(options, kinds)
    if options.list:
        for cell in cells:
            print(f"{cell.style:15} seed {cell.seed:<3} {fault_of(*cell)}")
    else:
        keep = os.path.abspath(options.keep or tempfile.mkdtemp(prefix="clean-grid-"))
        begun = time.monotonic()
        runs = run_all(cells, options.jobs, keep, isolated, say)
        print_table(runs)
        print_invariants(runs)
        print_troubles(runs)
        false_alarms = sum(len(run.invalid()) for run in runs)
        print(f"\n{len(runs)} runs, {sum(run.sagas.get('started', 0) for run in runs)} sagas, "
              f"{false_alarms} false alarms, "
              f"{sum(bool(run.trouble()) for run in runs)} runs that are not as they should be, "
              f"{(time.monotonic() - begun) / 60:.1f} min")
    for name, why in kinds.items():
        if why:
            print(f"left out: {name}: {why}")
    if not options.list:
        sys.exit(1 if any(run.trouble() for run in runs) else 0)


if __name__ == "__main__":
    main()
