#!/usr/bin/python3
"""bench.py: paired, interleaved runs, and a table of ratios to wrk. bench.sh calls it.

CPU is user and system time of the generator and of all its processes, as the kernel counts it for
who waits for them. Requests are what each generator says it completed.
"""
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(__file__))
import ours  # noqa: E402

SECONDS = float(os.environ.get("BENCH_SECONDS", "2"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
PLACE = os.environ["BENCH_PLACE"]
HTTP = os.environ["BENCH_HTTP"]
HTTPS = os.environ["BENCH_HTTPS"]
CORE = os.environ["BENCH_CORE"]
HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = SECONDS * 4 + 30  # of one run, whatever happens


class Figures:
    def __init__(self, requests, cpu_s, wall_s, memory_kib):
        self.requests = requests
        self.cpu_us = cpu_s * 1e6 / requests if requests else float("nan")
        self.rate = requests / wall_s
        self.memory_mib = memory_kib / 1024
        self.report_us = None  # what of cpu_us was reading the history and writing the report


def measured(command, environment=None):
    """(output, rusage, wall seconds) of a command pinned to the generator's core."""
    started = time.monotonic()
    process = subprocess.Popen(["taskset", "-c", CORE] + command, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                               env={**os.environ, **(environment or {})},
                               start_new_session=True)
    alarm = threading.Timer(LIMIT, lambda: os.killpg(process.pid, signal.SIGKILL))
    alarm.start()
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    alarm.cancel()
    if process.returncode not in (0, 10, 20):  # ours may judge the run, that is its right
        raise RuntimeError(f"{' '.join(command)}: exit {process.returncode}\n{output[-2000:]}")
    return output, usage, time.monotonic() - started


def number_in(pattern, output):
    match = re.search(pattern, output)
    if not match:
        raise RuntimeError(f"no {pattern!r} in:\n{output[-2000:]}")
    return float(match.group(1).replace(",", ""))


def seconds_of(url, connections):
    """Two thousand handshakes take a while before the first request."""
    return SECONDS + 4 if url.startswith("https") and connections > 1000 else SECONDS


def outside(command, pattern, seconds):
    output, usage, _ = measured(command)
    return Figures(number_in(pattern, output), usage.ru_utime + usage.ru_stime, seconds,
                   usage.ru_maxrss)


def run_wrk(url, connections):
    return outside(["wrk", "-t1", f"-c{connections}", f"-d{seconds_of(url, connections):g}s", url],
                   r"(\d+) requests in", seconds_of(url, connections))


def run_h2load(url, connections):
    return outside(["h2load", "--h1", "-t1", f"-c{connections}",
                    f"-D{seconds_of(url, connections):g}", url],
                   r"requests: \d+ total, \d+ started, (\d+) done",
                   seconds_of(url, connections))


def run_hey(url, connections):
    output, usage, _ = measured(["hey", "-cpus", "1", "-z", f"{SECONDS:g}s", "-c",
                                 str(connections), url])
    requests = sum(int(n) for n in re.findall(r"\[200\]\s+(\d+) responses", output))
    if not requests:
        raise RuntimeError("hey: " + output[-2000:])
    return Figures(requests, usage.ru_utime + usage.ru_stime, SECONDS, usage.ru_maxrss)


def run_locust(url, connections, journey=False):
    """Its CPU is read inside, from the first request on: its start alone takes a second."""
    host, path = re.match(r"(https?://[^/]+)(/.*)", url).groups()
    output, usage, _ = measured(
        ["locust", "--headless", "--only-summary", "-f", os.path.join(HERE, "locustfile.py"),
         "-u", str(connections), "-r", str(connections), "-t", f"{max(2, round(SECONDS))}s",
         "-H", host, "Journey" if journey else "Plain"],
        {"BENCH_PATH": path})
    requests = number_in(r"bench: requests (\d+)", output)
    return Figures(requests, number_in(r"bench: cpu ([\d.]+)", output),
                   number_in(r"bench: wall ([\d.]+)", output), usage.ru_maxrss)


def run_ours(transport, url, connections, journey=False):
    directory = os.path.join(PLACE, f"ours-{time.monotonic_ns()}")
    scenario = ours.write_scenario(
        PLACE, url, f"users: {connections}, for: {seconds_of(url, connections):g}s", journey)
    output, usage, _ = measured(ours.command(scenario, directory, transport))
    report = ours.report_of(directory)
    if not ours.requests_of(report):
        raise RuntimeError("ours: nothing was done:\n" + output[-2000:])
    figures = Figures(ours.requests_of(report), usage.ru_utime + usage.ru_stime,
                      report["duration_s"], usage.ru_maxrss)
    _, again, _ = measured([ours.BINARY, "report", directory])
    figures.report_us = (again.ru_utime + again.ru_stime) * 1e6 / figures.requests
    shutil.rmtree(directory)
    return figures


OURS = {
    "sagastorm direct": lambda url, n: run_ours("direct", url, n),
    "sagastorm curl": lambda url, n: run_ours("curl", url, n),
}
PEERS = {"wrk": run_wrk, "h2load": run_h2load, "hey": run_hey}
LOCUST = {"locust": run_locust}
JOURNEY = {
    "sagastorm direct": lambda url, n: run_ours("direct", url, n, journey=True),
    "sagastorm curl": lambda url, n: run_ours("curl", url, n, journey=True),
    "locust": lambda url, n: run_locust(url, n, journey=True),
}

# name: generators, URL, connections, rounds
CASES = {
    "small-64": ({**OURS, **PEERS, **LOCUST}, HTTP + "/small.txt", 64, ROUNDS),
    "small-2048": ({**OURS, **PEERS}, HTTP + "/small.txt", 2048, ROUNDS),
    "json-64": ({**OURS, **PEERS}, HTTP + "/page.json", 64, ROUNDS),
    "tls-64": ({**OURS, **PEERS}, HTTPS + "/small.txt", 64, ROUNDS),
    "tls-2048": ({**OURS, "wrk": run_wrk}, HTTPS + "/small.txt", 2048, 1),
    "journey": (JOURNEY, HTTP + "/", 64, ROUNDS),
}


def show_row(name, costs, reference, rest=""):
    median = statistics.median(costs)
    ratio = f"{median / reference:9.2f}" if reference else f"{'':>9}"
    print(f"  {name:18} {min(costs):7.2f} / {median:6.2f} {ratio} {rest}")


def show(name, results, base):
    print(f"\n{name}")
    print(f"  {'generator':18} {'us/request':>16} {'x ' + base:>9} {'requests/s':>11} "
          f"{'memory':>9}")
    print(f"  {'':18} {'min / median':>16} {'median':>9} {'median':>11} {'largest':>9}")
    reference = statistics.median(f.cpu_us for f in results[base]) if results.get(base) else None
    for generator, figures in results.items():
        if not figures:
            print(f"  {generator:18} {'failed':>16}")
            continue
        show_row(generator, [f.cpu_us for f in figures], reference,
                 f"{statistics.median(f.rate for f in figures):11,.0f} "
                 f"{max(f.memory_mib for f in figures):5.0f} MiB")
        if figures[0].report_us is not None:
            show_row("  without report", [f.cpu_us - f.report_us for f in figures], reference)
    sys.stdout.flush()


def run_case(name):
    generators, url, connections, rounds = CASES[name]
    results = {generator: [] for generator in generators}
    for turn in range(rounds):
        for generator, run in generators.items():
            if generator == "locust" and turn > 0:
                continue
            try:
                results[generator].append(run(url, connections))
            except (RuntimeError, OSError) as error:
                print(f"bench: {name}: {generator}: {error}", file=sys.stderr)
    show(name, results, "sagastorm direct" if name == "journey" else "wrk")


def show_instructions():
    print("\ninstructions per request (callgrind, difference of two run lengths)")
    print(f"  {'':13} {'':7} {'workers':>9} {'with the report':>16}")
    for name, path, journey in (("plain GET", "/small.txt", False), ("journey step", "/", True)):
        for transport in ("direct", "curl"):
            try:
                workers, everything = ours.instructions(PLACE, HTTP + path, transport, journey)
                print(f"  {name:13} {transport:7} {workers:9,.0f} {everything:16,.0f}")
            except RuntimeError as error:
                print(f"bench: instructions: {error}", file=sys.stderr)
            sys.stdout.flush()


def raise_descriptors():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main():
    raise_descriptors()
    wanted = sys.argv[1:] or list(CASES) + ["instructions"]
    print(f"{SECONDS:g} s a run, {ROUNDS} rounds, generators in turn on core {CORE}; "
          "CPU is user and system time of the generator")
    for name in wanted:
        if name == "instructions":
            show_instructions()
        else:
            run_case(name)


if __name__ == "__main__":
    main()
