#!/usr/bin/python3
# junit.xml, summary.md, metrics.txt, timeseries.csv and annotations: each as its readers want it,
# also when every name in the run is hostile. Needs libxml2-utils, python3-prometheus-client,
# python3-markdown-it.
# timeout: 120s
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from runs import BINARY, done, ok  # noqa: E402

try:
    from markdown_it import MarkdownIt
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as families
except ImportError as missing:
    print(f"1..0 # SKIP no {missing.name}")
    sys.exit(0)
if not shutil.which("xmllint"):
    print("1..0 # SKIP no xmllint")
    sys.exit(0)

BUILD = os.environ.get("BUILD", "build/debug")
HOSTILE = [
    "<script>alert(1)</script>", "]]><!--", "a|b|c", "`code` ``more``", "\\|`|", "[x](http://evil)",
    "@everyone #1", "::error::gone\n::set-env name=PATH::x", "##[error]x", "\x1b[31mred", "\x01\x08\x7f",
    'say "no", 100%', "=1+1", "back\\slash\\n", "\u202eright", "\ufffe\uffff", "a\u0085b\u2028c",
    "![i](x)", "</testcase>", "&amp;&#x0;", "x" * 5000, "<!-- ", "| --- |", "é" * 400,
]
VERDICTS = {"sagas": {"or<der|`": {
    "started": 10, "succeeded": 7, "compensated": 2, "stuck": 1, "unknown": 0, "violations": 1,
    "verified_goodput": 1.5, "verified": 7, "invariants": [
        {"name": "charge-once", "verdict": "invalid", "checked": 10, "violations": 1, "why": None,
         "witnesses": [{"saga": "a%3A|`<b>", "reason": "2 charges\n::warning::x"}]},
        {"name": "atomic", "verdict": "valid", "checked": 10, "violations": 0, "why": None,
         "witnesses": []},
        {"name": "outbox", "verdict": "unknown", "checked": 0, "violations": 0,
         "why": "nothing was read ]]>", "witnesses": []}]}}}


def report(directory, **environment):
    return subprocess.run([BINARY, "report", directory], capture_output=True, text=True,
                          env={**os.environ, **environment})


def read(directory, name):
    with open(f"{directory}/{name}", newline="", encoding="utf-8") as file:
        return file.read()


def changed(sample, directory, change):
    """The same run, with other words for its numbers: meta.json says what they mean."""
    shutil.copytree(sample, directory)
    path = f"{directory}/history/meta.json"
    with open(path) as file:
        meta = json.load(file)
    change(meta)
    with open(path, "w") as file:
        json.dump(meta, file)
    with open(f"{directory}/history/verdicts.json", "w") as file:
        json.dump(VERDICTS, file)
    return directory


def make_hostile(meta):
    meta["name"] = "<b>|`@all` & \"x\"\n::error::x"
    meta["target"] = "http://x/`|<i>"
    # Never the same name twice, as the engine never writes it; 300 of them.
    meta["requests"] = [HOSTILE[i % len(HOSTILE)][:2000] + str(i) if i != 6 else "::stop\n" + str(i)
                        for i in range(300)]
    meta["journeys"] = [f"{HOSTILE[i % len(HOSTILE)]}{i}" for i in range(len(meta["journeys"]))]
    for i, fault in enumerate(meta.get("faults", [])):
        fault.update(name=HOSTILE[2] + str(i), kind="<kind|>", target="`->`")
    meta["gates"] = [{"gate": f"{HOSTILE[i % len(HOSTILE)]} {i}", "name": HOSTILE[i % len(HOSTILE)]}
                     for i in range(200)] + [{"gate": "errors < 0.001%", "name": "no | errors\n`"}]


def test_junit(directory, what):
    done_ = subprocess.run(["xmllint", "--noout", "--schema", "tests/fixtures/junit.xsd",
                            f"{directory}/junit.xml"], capture_output=True, text=True)
    ok(done_.returncode == 0, f"junit.xml of {what} is valid by the schema", done_.stderr[:2000])
    root = xml.fromstring(read(directory, "junit.xml"))
    sums = [sum(int(suite.get(key)) for suite in root) for key in ("tests", "failures", "errors")]
    seen = [len(root.findall(f".//{tag}")) for tag in ("testcase", "failure", "error")]
    ok(sums == seen == [int(root.get(key)) for key in ("tests", "failures", "errors")],
       f"the counts of junit.xml of {what} are those of its cases", (sums, seen))
    return root


def test_metrics(directory, what):
    text = read(directory, "metrics.txt")
    try:
        found = {family.name: family for family in families(text)}
    except ValueError as problem:
        ok(False, f"metrics.txt of {what} is OpenMetrics", problem)
        return {}
    samples = [(s.name, tuple(sorted(s.labels.items()))) for f in found.values() for s in f.samples]
    ok(len(samples) == len(set(samples)) > 50, f"metrics.txt of {what} is OpenMetrics",
       len(samples))
    return found


def table_rows(tokens):
    """(cells in the head, cells in each row) of each table."""
    tables, cells = [], 0
    for token in tokens:
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            cells = 0
        elif token.type in ("td_open", "th_open"):
            cells += 1
        elif token.type == "tr_close":
            tables[-1].append(cells)
    return tables


def test_summary(directory, what):
    text = read(directory, "summary.md")
    ok(len(text.encode()) < 60000, f"summary.md of {what} is below 60 kB", len(text.encode()))
    tokens = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    kinds = {token.type for token in tokens + inline}
    ok(not kinds & {"html_inline", "html_block", "link_open", "image", "fence", "code_block"},
       f"summary.md of {what} has no markup of anyone else's", kinds)
    tables = table_rows(tokens)
    ok(len(tables) >= 3 and all(len(set(rows)) == 1 for rows in tables),
       f"every row in summary.md of {what} has the cells of its table", tables)
    plain = " ".join(child.content for child in inline if child.type == "text")
    ok("@" not in plain and "evil" not in plain, f"summary.md of {what} mentions nobody", plain[:500])
    return text


def test_csv(directory, what):
    rows = list(csv.DictReader(read(directory, "timeseries.csv").splitlines(keepends=True),
                               strict=True))
    good = all(None not in row and None not in row.values() and row["second"].isdigit()
               for row in rows)
    ok(rows and good, f"timeseries.csv of {what} has the columns of its head", rows[:2])
    return rows


def test_plain(sample):
    ok(report(sample).returncode == 0, "a sample run passes")
    with open(f"{sample}/report.json") as file:
        said = json.load(file)
    root = test_junit(sample, "a good run")
    gates = [case.get("name") for case in root.findall(".//testcase[@classname='gates']")]
    ok(gates == [gate["name"] for gate in said["gates"]], "there is a case for every gate", gates)
    found = test_metrics(sample, "a good run")
    counts = {s.labels["request"]: s.value for s in found["sagastorm_request_latency_seconds"].samples
              if s.name.endswith("_count")}
    wanted = {r["name"]: r["count"] for r in said["requests"] if r["phase"] == "all"}
    ok(counts == wanted, "the counts in metrics.txt are those of report.json", (counts, wanted))
    text = test_summary(sample, "a good run")
    ok(text.startswith("## \u2705 PASS `flash-sale`\n"), "it begins with the verdict", text[:80])
    rows = test_csv(sample, "a good run")
    with open(f"{sample}/report.json") as file:
        total = sum(r["count"] for r in json.load(file)["requests"] if r["phase"] != "all")
    ok(sum(int(row["done"]) for row in rows) == total,
       "timeseries.csv has every request that counts, of all phases", total)
    errors = sum(r["errors"] for r in said["requests"] if r["phase"] != "all")
    ok(sum(int(row["errors"]) for row in rows) == errors, "and every error", errors)


def unescape(message):
    return re.sub("%([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), message)


def test_annotations(directory):
    quiet = report(directory, GITHUB_ACTIONS="")
    ok(not any(line.lstrip().startswith("::") for line in quiet.stdout.splitlines()),
       "without GitHub there are no annotations", quiet.stdout[:300])
    loud = report(directory, GITHUB_ACTIONS="true")
    lines = loud.stdout.splitlines()
    secret = lines[0].removeprefix("::stop-commands::")
    ok(lines[0].startswith("::stop-commands::") and len(secret) == 32 and f"::{secret}::" in lines,
       "the summary is quoted, so that nothing in it is a command", lines[:2])
    after = lines[lines.index(f"::{secret}::") + 1:]
    pattern = re.compile(r"::(error|warning) title=((?:[^%:,]|%[0-9A-F]{2})+)::((?:[^%]|%[0-9A-F]{2})+)")
    ok(after and len(after) <= 10 and all(pattern.fullmatch(line) for line in after),
       "each line after it is an annotation, at most ten, escaped", after)
    ok(any("charge-once" in unescape(line) for line in after), "a violation is one of them", after)


def test_hostile(sample, work):
    directory = changed(sample, f"{work}/hostile", make_hostile)
    result = report(directory)
    ok(result.returncode in (10, 20, 21) and result.stdout, "a hostile run is reported", result)
    root = test_junit(directory, "a hostile run")
    ok([case.get("name") for case in root.findall(".//testcase/failure/..")
        if case.get("classname").startswith("sagas")] == ["charge-once"] and
       len(root.findall(".//testcase/skipped")) >= 1,
       "a violated invariant is a failure, an unknown one is skipped")
    ok(len(root.findall(".//testcase[@classname='gates']/error")) >= 200,
       "a gate that can't be told is an error")
    test_metrics(directory, "a hostile run")
    text = test_summary(directory, "a hostile run")
    ok("(exit code " in text[:600] and "charge-once" in text[:500] and "FAIL" in text[:9],
       "verdict and reasons come first", text[:600])
    test_csv(directory, "a hostile run")
    test_annotations(directory)


with tempfile.TemporaryDirectory() as work:
    made = subprocess.run([f"{BUILD}/tests/tools/sample_run", f"{work}/sample", "30000"],
                          capture_output=True, text=True)
    ok(made.returncode == 0, "a sample run is made", made.stderr)
    test_plain(f"{work}/sample")
    test_hostile(f"{work}/sample", work)
done()
