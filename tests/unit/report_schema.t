#!/bin/sh
# report.json is what docs/report.schema.json says, and the schema is not so loose that it says
# nothing. Needs python3-jsonschema.
set -u
cd "$(dirname "$0")/../.." || exit 1

python=/usr/bin/python3
if ! $python -c 'import jsonschema' 2>/dev/null; then
	echo "1..0 # SKIP no python3-jsonschema"
	exit 0
fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
if ! "${BUILD:-build/debug}/tests/tools/sample_run" "$work/run" 30000 >"$work/summary" 2>&1; then
	echo "not ok 1 - a sample run is reported"
	sed 's/^/# /' "$work/summary"
	echo "1..1"
	exit 1
fi
$python - "$work/run" "$work/summary" <<'PYTHON'
import copy
import glob
import json
import sys

import jsonschema

run, summary = sys.argv[1:]
schema = json.load(open("docs/report.schema.json"))
report = json.load(open(run + "/report.json"))
count = failures = 0


def check(name, good, why=""):
    global count, failures
    count += 1
    failures += not good
    print(("ok" if good else "not ok"), count, "-", name)
    if not good:
        print("#", str(why)[:2000].replace("\n", "\n# "))


def problem(document):
    try:
        jsonschema.validate(document, schema)
    except jsonschema.ValidationError as error:
        return error.message
    return None


def places(node, path=()):
    """Every value in the report but the free environment, as a path."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        if path or key != "environment":
            yield path + (key,)
            if isinstance(value, (dict, list)):
                yield from places(value, path + (key,))


def changed(path, change):
    document = copy.deepcopy(report)
    node = document
    for key in path[:-1]:
        node = node[key]
    change(node, path[-1])
    return document


def replace(value):
    return lambda node, key: node.__setitem__(key, value)


jsonschema.Draft7Validator.check_schema(schema)
check("report.json fits its schema", problem(report) is None, problem(report))
small = dict(report, requests=report["requests"][:2], errors=report["errors"][:2],
             phases=report["phases"][:1])
report = small
keys = [p for p in places(report) if not isinstance(p[-1], int)]
loose = [p for p in keys if problem(changed(p, lambda node, key: node.pop(key))) is None]
check(f"none of {len(keys)} keys may be missing", not loose, loose)
loose = [p for p in keys if problem(changed(p, replace({"no": "such thing"}))) is None]
check("no value may be of another kind", not loose, loose)
numbers = [p for p in keys if p[0] != "gates" and isinstance(
    __import__("functools").reduce(lambda n, k: n[k], p, report), (int, float))]
loose = [p for p in numbers if problem(changed(p, replace(-1))) is None]
check(f"none of {len(numbers)} numbers may be negative", not loose, loose)

load = report["load"]
check("scheduled = ok + failed + timed_out + dropped",
      load["scheduled"] == load["ok"] + load["failed"] + load["timed_out"] + load["dropped"] > 0)
check("each phase has the same identity", all(
    p["scheduled"] == p["ok"] + p["failed"] + p["timed_out"] + p["dropped"] == p["planned"]
    for p in report["phases"]))
names = {r["name"] for r in json.load(open(run + "/report.json"))["requests"]}
check("there is a percentile table per name",
      len(glob.glob(run + "/histograms/*.hgrm")) == len(names))
lines = open(summary, encoding="utf-8").read().splitlines()
lines = [line for line in lines if not line.startswith(("writing:", "reporting:"))]
check("the summary has at most 80 columns and 40 lines",
      0 < len(lines) <= 40 and max(map(len, lines)) <= 80, "\n".join(lines))
print(f"1..{count}")
sys.exit(failures > 0)
PYTHON
