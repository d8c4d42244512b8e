#!/usr/bin/python3
# the JSON Schema agrees with the parser: it takes what ships, and refuses what check refuses
import copy
import glob
import json
import os
import subprocess
import sys

BINARY = os.environ.get("SAGASTORM", os.path.abspath("build/debug/sagastorm"))
count = failures = 0


def ok(good, name, said=""):
    global count, failures
    count += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}")
    if not good:
        print("".join(f"# {line}\n" for line in str(said).splitlines()[:20]), end="")


try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"1..0 # SKIP {missing}")
    sys.exit(0)


class Loader(yaml.SafeLoader):
    """As editors read YAML: `on`, `yes` and dates are strings, and ${...} needs no quotes."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules
            if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def sagastorm(*arguments, **options):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=50,
                          **options)


printed = sagastorm("schema")
schema = json.loads(printed.stdout)
ok(printed.returncode == 0, "schema prints JSON")
ok(schema["$schema"] == "http://json-schema.org/draft-07/schema#", "of draft-07")
jsonschema.Draft7Validator.check_schema(schema)
ok(True, "which is itself valid")
validator = jsonschema.Draft7Validator(schema)


def first_error(document):
    error = jsonschema.exceptions.best_match(validator.iter_errors(document))
    return f"{list(error.absolute_path)}: {error.message}" if error else None


for path in sorted(glob.glob("scenarios/**/*.yaml", recursive=True)):
    with open(path) as file:
        text = file.read()
    ok(first_error(yaml.load(text, Loader)) is None, f"takes {path}",
       first_error(yaml.load(text, Loader)))
    ok("# yaml-language-server: $schema=" in text.split("\n")[0], f"{path} tells editors of it")
    told = text.split("$schema=")[1].split()[0]
    told = os.path.normpath(os.path.join(os.path.dirname(path), told))
    ok(told == "docs/scenario.schema.json", "as a path that exists", told)

good = {"target": "http://h", "load": {"p": {"rate": "5/s", "for": "5s"}},
        "journeys": {"a": [{"get": "/"}]}}
ok(first_error(good) is None, "takes a small scenario", first_error(good))


def changed(path, value):
    document = copy.deepcopy(good)
    place = document
    for key in path[:-1]:
        place = place.setdefault(key, {})
    place[path[-1]] = value
    return document


def parser_takes(document):
    text = json.dumps(document)
    path = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"schema-{os.getpid()}.yaml")
    with open(path, "w") as file:
        file.write(text)
    said = sagastorm("check", path)
    os.unlink(path)
    return said.returncode == 0, said.stderr


BOTH_REFUSE = [
    (["targte"], "http://h"), (["seed"], -1), (["seed"], [1]), (["http"], {"timeout": 5}),
    (["http"], {"timeout": "5 s"}), (["http"], {"version": 3}), (["http"], {"verify": "maybe"}),
    (["http"], {"redirects": 99}), (["http"], {"max-body": "1 MB"}),
    (["http"], {"keepalive": True}),
    (["generator"], {"workers": -1}), (["generator"], {"dropped-limit": "5 percent"}),
    (["generator"], {"transport": "raw"}), (["load"], "5/s"), (["load", "p"], "5/s"),
    (["load", "p", "rate"], "5"), (["load", "p", "rate"], "5/s to 6"), (["load", "p", "fro"], "5s"),
    (["load", "p", "arrivals"], "random"), (["load", "p", "measure"], "perhaps"),
    (["load", "q"], {"steps": {"from": "1/s", "to": "2/s", "by": "1/s"}}),
    (["load", "q"], {"spike": {"base": "1/s", "peak": "9/s"}}), (["data"], {"d": {"cvs": "x"}}),
    (["data"], ["d"]), (["mix"], [1]), (["vars"], {"a": [1]}), (["journeys", "a"], "x"),
    (["journeys", "a"], [{"gte": "/"}]), (["journeys", "a"], [{"get": "/", "expct": {}}]),
    (["use"], {"a": 1}),
]
for path, value in BOTH_REFUSE:
    document = changed(path, value)
    taken, said = parser_takes(document)
    ok(first_error(document) is not None and not taken,
       f"schema and parser refuse {'.'.join(path)}: {json.dumps(value)}",
       f"schema: {first_error(document)}\nparser: {'takes it' if taken else said}")

BOTH_TAKE = [
    (["seed"], 5), (["http"], {"timeout": "1m30s", "version": 1.1, "verify": "off"}),
    (["http"], {"version": "2", "verify": False, "max-body": 65536}),
    (["http"], {"from": "127.0.0.1"}), (["generator"], {"dropped-limit": 0.05, "cpu-limit": "90%"}),
    (["load", "p", "rate"], "0.5/s to 300/m"), (["load", "p", "measure"], True),
    (["load", "q"], {"users": 5, "for": "1s"}), (["load", "q"], {"users": "5 to 9", "for": "1s"}),
    (["load", "q"], {"pause": "1s"}), (["mix"], {"a": 5}), (["mix"], {"a": "50%"}),
    (["data"], {"d": {"rows": [1, "x"], "pick": "unique"}}),
    (["data"], {"d": {"rows": [{"a": 1}, {"a": True}]}}), (["use"], []), (["about"], "x"),
    (["journeys", "a"], {"steps": [{"get": "/"}]}),
]
for path, value in BOTH_TAKE:
    document = changed(path, value)
    taken, said = parser_takes(document)
    ok(first_error(document) is None and taken,
       f"schema and parser take {'.'.join(path)}: {json.dumps(value)}",
       f"schema: {first_error(document)}\nparser: {said}")

with open("docs/scenario.schema.json") as file:
    ok(file.read() == printed.stdout, "docs/scenario.schema.json is current",
       "sagastorm schema > docs/scenario.schema.json")
with open("docs/scenario-reference.md") as file:
    kept = file.read().split("\n\n", 2)[2]
ok(kept == sagastorm("help", "scenario").stdout, "docs/scenario-reference.md is current",
   "see its first lines")

print(f"1..{count}")
sys.exit(1 if failures else 0)
