#!/usr/bin/python3
# compare: verdicts and their exit codes, what is refused and why, and every way it is written
# timeout: 180s
import html.parser
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from runs import BINARY, done, ok, run, write_scenario  # noqa: E402

TOOL = f"{os.environ.get('BUILD', 'build/debug')}/tests/tools/noisy_run"
WORK = tempfile.TemporaryDirectory(prefix="compare-")


def make(name, seed, factor=1.0, seconds=60):
    directory = f"{WORK.name}/{name}"
    subprocess.run([TOOL, directory, str(seed), str(factor), str(seconds)], check=True)
    return directory


def compare(*arguments, **environment):
    return subprocess.run([BINARY, "compare", *arguments], capture_output=True, text=True,
                          env={**os.environ, **environment})


def changed(directory, name, change, file="history/meta.json"):
    copy = f"{WORK.name}/{name}"
    shutil.copytree(directory, copy)
    with open(f"{copy}/{file}") as source:
        text = source.read()
    if file.endswith(".json"):
        value = json.loads(text)
        change(value)
        text = json.dumps(value)
    else:
        text = change(text)
    with open(f"{copy}/{file}", "w") as target:
        target.write(text)
    return copy


def test_verdicts(base, same, slow):
    result = compare(base, same, "--tolerance", "15%")
    ok(result.returncode == 0 and result.stdout.startswith("SAME  "), "equals are the same: 0", result)
    result = compare(base, slow)
    ok(result.returncode == 23 and result.stdout.startswith("REGRESSED  ") and
       re.search(r"order +p95 .* regressed", result.stdout), "a slower run regressed: 23", result)
    result = compare(slow, base)
    ok(result.returncode == 0 and result.stdout.startswith("IMPROVED  "),
       "a faster run improved: 0", result)
    short = make("short", 5, seconds=12)
    other = make("short2", 6, seconds=12)
    result = compare(short, other)
    ok(result.returncode == 0 and result.stdout.startswith("INCONCLUSIVE  ") and
       "can't be ruled out" in result.stdout, "too little is inconclusive: 0", result)
    ok(compare(short, other, "--strict").returncode == 23, "which is 23 for who is strict")
    ok(all(len(line) <= 100 for line in compare(base, slow).stdout.splitlines()[3:]),
       "the table is narrow")


def test_written(base, slow):
    page, data = f"{WORK.name}/shift.html", f"{WORK.name}/compare.json"
    compare(base, slow, "--html", page, "--json", data)
    with open(data) as file:
        value = json.load(file)
    rows = {(row["request"], row["metric"]): row for row in value["rows"]}
    row = rows[("order", "p95")]
    ok(value["schema"] == "sagastorm/compare/1" and value["verdict"] == "regressed" and
       len(rows) == 10 and row["low"] < 0.2 < row["high"] and row["p_regressed"] < 0.05,
       "compare.json has the rows, with the true change in their intervals", row)
    ok(len(value["shifts"]) == 2 and len(value["shifts"][0]["points"]) == 13,
       "and how each distribution moved")
    with open(page) as file:
        text = file.read()
    ok(text.count("<svg") == 4 and "<script" not in text and "http://www" not in text and
       len(text) < 200000, "the page has a plot per request, and needs neither scripts nor a network")
    markdown = compare(base, slow, "--markdown").stdout
    ok(markdown.startswith("## \u274c REGRESSED `noisy`") and "| **regressed** |" in markdown,
       "Markdown for a pull request", markdown)
    ok(compare(base, slow, "--json", "/nonexistent/x").returncode != 0 and
       "cannot" in compare(base, slow, "--json", "/nonexistent/x").stderr,
       "what can't be written is said")


def test_several(base, slow):
    equals = [make(f"a{i}", 20 + i, seconds=20) for i in range(3)]
    slower = [make(f"b{i}", 30 + i, 1.3, seconds=20) for i in range(3)]
    result = compare("--base", *equals, "--new", *slower)
    ok(result.returncode == 23 and "exact permutation test of 3 and 3 runs, in 20 ways" in
       result.stdout, "three runs a side are told apart by an exact test", result)
    result = compare("--base", *equals[:2], "--new", *slower[:2])
    ok(result.returncode == 0 and "it takes three runs a side" in result.stdout,
       "two a side are too few, which is said", result)
    for arguments in ([base], [base, slow, slow], ["--base", base], [base, slow, "--base", base]):
        result = compare(*arguments)
        ok(result.returncode == 2 and "compare" in result.stderr, f"{len(arguments)} words are no "
           "comparison", result)


def set_in(*path_and_value):
    *path, last, value = path_and_value

    def change(meta):
        for key in path:
            meta = meta[key]
        meta[last] = value
    return change


def test_refused(base, slow):
    changes = {
        "the load": set_in("phases", 0, "rate_to", 70),
        "the seed": set_in("seed", "2"),
        "the version of sagastorm": set_in("version", "0.0"),
        "the machine: 2 processors": set_in("environment", "cpus", 64),
        "the generator: 1 workers": set_in("workers", 3),
        "the transport": set_in("transport", "curl"),
    }
    for i, (words, change) in enumerate(changes.items()):
        other = changed(slow, f"other{i}", change)
        result = compare(base, other)
        ok(result.returncode == 2 and f"not alike: {words}" in result.stderr and not result.stdout,
           f"refused, and said why: {words}", result)
    other = changed(slow, "text", lambda text: text.replace("50/s", "51/s"), "scenario.yaml")
    result = compare(base, other)
    ok(result.returncode == 2 and "the scenario: 'go: { rate: 50/s }'" in result.stderr,
       "another scenario is refused, with the line that differs", result)
    ok(compare(base, changed(slow, "gates", lambda text: "gates:\n  - p99 < 1s\n" + text,
                             "scenario.yaml")).returncode == 23, "other gates are no other scenario")
    result = compare(base, other, "--force")
    ok(result.returncode == 23 and "! not alike: the scenario" in result.stdout,
       "--force compares them anyway, and says what is not alike", result)
    invalid = changed(slow, "invalid", set_in("validity", {"valid": False, "reasons": ["it <b>lagged"]}),
                      "report.json")
    result = compare(base, invalid)
    ok(result.returncode == 2 and "it <b>lagged" in result.stderr, "an invalid run is refused", result)
    os.unlink(f"{invalid}/report.json")
    ok("build it with 'sagastorm report" in compare(base, invalid).stderr,
       "so is one without a report")
    for nothing in (f"{WORK.name}/nothing", "/dev/null", WORK.name):
        result = compare(base, nothing)
        ok(result.returncode == 2 and "is no run" in result.stderr, "what is no run is none", result)


class Checker(html.parser.HTMLParser):
    seen = ()

    def handle_starttag(self, tag, attrs):
        self.seen += (tag, *(name for name, _ in attrs))


def test_hostile(base, slow):
    names = ["<script>alert(1)</script>|`\"'\x1b[31m\u202e", "::error::x\n##[error]"]
    both = [changed(directory, f"hostile{i}", lambda meta: meta.update(requests=names, name=names[0]))
            for i, directory in enumerate((base, slow))]
    page = f"{WORK.name}/hostile.html"
    result = compare(*both, "--html", page)
    ok(result.returncode == 23 and "\x1b" not in result.stdout and "\u202e" not in result.stdout,
       "hostile names do nothing to a terminal", result)
    checker = Checker()
    with open(page) as file:
        checker.feed(file.read())
    ok("svg" in checker.seen and not {"script", "onload", "iframe"} & set(checker.seen),
       "nor to a page", set(checker.seen))
    quoted = compare(*both, GITHUB_ACTIONS="true").stdout
    ok(quoted.startswith("::stop-commands::") and
       quoted.rstrip().endswith(f"::{quoted.splitlines()[0][17:]}::"), "nor to GitHub", quoted[:200])


SCENARIO = """
name: watched
target: {url}
generator: {{ lag-limit: 5s, stall-limit: 5s, cpu-limit: 100%, dropped-limit: 100%, drain: 3s }}
load: {{ go: {{ rate: 20/s, for: 30s }} }}
journeys: {{ visit: [ {{ get: /ok }} ] }}
gates: [ "errors < 2%" ]
"""


class Slow(http.server.BaseHTTPRequestHandler):
    """A shop that can become slower from one run to the next."""
    delay_s = 0.0
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        time.sleep(self.delay_s)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_baseline(url):
    text = SCENARIO.format(url=url)
    first = run(text)
    ok(first.code == 0, "a first run passes", first)
    Slow.delay_s = 0.3
    second = run(text, "--baseline", first.directory)
    ok(second.code == 23 and "REGRESSED" in second.out and
       all(os.path.exists(f"{second.directory}/compare.{kind}") for kind in ("html", "json", "md")),
       "run --baseline ends with 23 when it became slower, and says by what", second)
    other = f"{WORK.name}/faster"
    shutil.copytree(first.directory, other)
    third = run(text.replace("30s", "3s"), "--baseline", other)
    ok(third.code == 2 and "not alike: the scenario" in third.err and third.report,
       "a baseline that is not alike is an error, after the run was reported", third)
    path = write_scenario(text)
    result = subprocess.run([BINARY, "run", path, "--baseline", WORK.name], capture_output=True,
                            text=True)
    ok(result.returncode == 2 and "meta.json" in result.stderr, "one that is none is known at once",
       result)


BASE, SAME, SLOW = make("base", 1), make("same", 2), make("slow", 3, 1.2)
test_verdicts(BASE, SAME, SLOW)
test_written(BASE, SLOW)
test_several(BASE, SLOW)
test_refused(BASE, SLOW)
test_hostile(BASE, SLOW)
SERVER = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
threading.Thread(target=SERVER.serve_forever, daemon=True).start()
test_baseline(f"http://127.0.0.1:{SERVER.server_port}")
done()
