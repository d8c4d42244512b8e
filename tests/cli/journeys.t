#!/usr/bin/python3
# every example in docs/journeys.md passes `check` and fits the JSON Schema, and the page is complete
import json
import os
import re
import subprocess
import tempfile

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"1..0 # SKIP {missing}")
    raise SystemExit(0)

BINARY = os.environ.get("SAGASTORM", os.path.abspath("build/debug/sagastorm"))
AROUND = """target: http://127.0.0.1:9
data:
  products: { read: GET /products, each: /items }
  customers: { read: GET /customers }
load:
  only: { rate: 1/s, for: 10s }
"""
count = failures = 0


class Loader(yaml.SafeLoader):
    """As editors read YAML: `on`, `yes` and dates are strings."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules
            if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def ok(good, name, said=""):
    global count, failures
    count += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}")
    if not good:
        print("".join(f"# {line}\n" for line in said.splitlines()), end="")


def run(*arguments):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=20)


def problems(schema, document):
    errors = jsonschema.Draft7Validator(schema).iter_errors(document)
    return "\n".join(f"{list(error.path)}: {error.message}" for error in errors)


schema = json.loads(run("schema").stdout)
with open("docs/journeys.md", encoding="utf-8") as file:
    page = file.read()

with tempfile.TemporaryDirectory() as work:
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page, flags=re.S), 1):
        names = re.findall(r"^  ([a-z]+):", block, flags=re.M)
        text = AROUND + "mix: { " + ", ".join(f"{name}: 1" for name in names) + " }\n" + block
        path = os.path.join(work, f"example-{number}.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        done = run("check", path)
        said = done.stdout + done.stderr
        ok(done.returncode == 0 and "warning" not in said, f"{names}: passes the check", said)
        # Plain YAML does not know that nothing between the braces of ${...} is YAML.
        plain = re.sub(r"(?<![\"\w/])\$\{fn\.[^}]*\}", "5", text)
        plain = re.sub(r"(?<![\"\w/])\$\{[a-z_]+\}", "x", plain)
        wrong = problems(schema, yaml.load(plain, Loader))
        ok(not wrong, f"{names}: fits the schema", wrong)
    broken = yaml.load(AROUND + "journeys: { a: [ { get: /, expct: 200 } ] }", Loader)
    ok(problems(schema, broken), "the schema sees a misspelt key of a step")

kinds = re.findall(r'^\t\{ "([a-z-]+)", step_', open("loadgen/journey_read.c").read(), flags=re.M)
ok(len(kinds) > 15, "the steps are known", str(kinds))
for kind in kinds:
    ok(re.search(rf"`{kind}`|\b{kind}:", page), f"the page tells of '{kind}'")
functions = re.findall(r'\.name = "([a-z_]+)"', open("lib/template_functions.c").read())
for function in functions:
    ok(f"fn.{function}" in page, f"the page tells of 'fn.{function}'")

print(f"1..{count}")
raise SystemExit(1 if failures else 0)
