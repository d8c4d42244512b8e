#!/usr/bin/python3
# systems and faults in scenarios: what is read, what is refused, and that the shop is as it is known
# timeout: 90s
import glob
import json
import os
import subprocess
import sys

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from open_shop import OpenShop  # noqa: E402
from runs import BINARY, SCRATCH, done, ok  # noqa: E402

REST = """
load: { warm: { rate: 1/s, for: 5s }, sale: { rate: 5/s, for: 20s } }
journeys: { look: [ { get: / } ] }
"""


def sagastorm(*arguments):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60)


def write(name, text):
    path = os.path.join(SCRATCH.name, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    return path


def check(text, *options, name="s.yaml"):
    said = sagastorm("check", *options, write(name, text))
    said.complaints = said.stderr.replace(SCRATCH.name + "/", "")
    return said


def faults(*items):
    return "chaos: { faults: [ " + ", ".join(items) + " ] }\n"


def test_shop():
    said = check("system: shop\n" + REST + faults(
        "{ at: sale + 10s, for: 3s, stop: { service: order } }",
        "{ at: sale end - 5s, latency: { edge: order -> payment, delay: 1s } }"), "--plan")
    ok(said.returncode == 0 and "25 s, 105 starts, 2 faults" in said.stdout,
       "a scenario of the shop needs no target", said)
    ok("at 15.000 s for 3 s: stop order: stop { service: order }\n"
       "at 20.000 s for 5 s: latency order -> payment: latency { edge: order -> payment, delay: 1s }"
       in said.stdout, "the plan has the faults with their times", said.stdout)
    said = check("system: shop\n" + REST + faults(
        "{ at: 1s, stop: { service: payments } }",
        "{ at: 1s, latency: { edge: payment -> order, delay: 1s } }"))
    ok(said.returncode == 2 and "5:47: unknown service 'payments' (did you mean 'payment'?)"
       in said.complaints and "unknown edge 'payment -> order'" in said.complaints,
       "what it does not have is told before it is started", said.complaints)


def test_options():
    said = check("system: { shop: { sage: x, stock: -1, bugs: [no-dedup], regions: [us, us, U] } }"
                 + REST)
    ok(said.complaints == "s.yaml:1:19: unknown key 'sage' (did you mean 'saga'?)\n"
       "s.yaml:1:35: 'stock': '-1' is too little, the least is 0\n"
       "s.yaml:1:71: region 'us' is there twice\n"
       "s.yaml:1:75: 'U' is no name for a region (a-z, 0-9 and -)\n",
       "its options are checked", said.complaints)
    said = check("system: { shop: { bugs: [no-dedup] } }" + REST)
    ok(said.complaints == "s.yaml:1:26: unknown bug 'no-dedup' (did you mean 'no-dedupe'?)\n",
       "and so are its bugs", said.complaints)
    help_ = sagastorm("shop", "--help").stdout
    schema = json.loads(sagastorm("schema").stdout)
    keys = schema["definitions"]["shop"]["properties"]
    said = [key for key in keys if f"--{key} " not in help_ and key not in ("bugs", "limits")]
    ok(not said and "--bug " in help_ and "--no-limits" in help_, "they are those of `shop`", said)
    for key, value in keys.items():
        if "default" in value and key not in ("limits",):
            ok(f"(default: {value['default']})" in " ".join(help_.split()),
               f"'{key}' is by default what it is there", value["default"])


def real(*options):
    with OpenShop("--system", os.path.join(SCRATCH.name, "real.yaml"), *options):
        with open(os.path.join(SCRATCH.name, "real.yaml")) as file:
            text = file.read()
    write("copy.yaml", text)
    return yaml.safe_load(text)["system"], text


def test_known(regions):
    system, text = real(*(["--regions", ",".join(regions)] if regions else []))
    known = f"system: {{ shop: {{ regions: [{', '.join(regions)}] }} }}\n"
    named = [f"{edge['from']} -> {edge['to']}" for edge in system["edges"]]
    said = check(known + REST + faults(
        *(f"{{ at: 1s, name: e{i}, reset: {{ edge: {edge} }} }}" for i, edge in enumerate(named)),
        *(f"{{ at: 1s, stop: {{ service: {name} }} }}" for name in system["services"]),
        *(f"{{ at: 1s, partition: {{ region: {name} }} }}" for name in system.get("regions", {})),
        "{ at: 1s, reset: { edge: \"* -> *\" } }"), "--plan")
    what = f"with {len(regions)} regions" if regions else "without regions"
    ok(said.returncode == 0, f"all that a shop has is known before it runs, {what}", said)
    ok(f": reset {named[0]} and {len(named) - 1} more:" in said.stdout,
       "and nothing else", (named, said.stdout[-300:]))
    said = check("system: copy.yaml\n" + REST + faults("{ at: 1s, stop: { service: psp } }"))
    ok(said.returncode == 0 and said.stderr == "", "what it writes is read, without a doubt",
       said.stderr + text)


def test_files():
    write("systems/a.yaml", "system:\n  services:\n    web: { url: 'http://127.0.0.1:81', "
          "health: 'http://127.0.0.1:81/h', command: web }\n"
          "  edges: [ { from: visitors, to: web } ]\n")
    stop = faults("{ at: 1s, stop: { service: web } }")
    ok(check("system: systems/a.yaml\n" + REST + stop).returncode == 0, "a system may be a file")
    ok(check("use: systems/a.yaml\n" + REST + stop).returncode == 0, "that is used, too")
    write("b/c.yaml", "system: ../systems/a.yaml")
    said = check("use: b/c.yaml\n" + REST + stop)
    ok(said.returncode == 0, "a path is meant from where it stands", said)
    write("d.yaml", "system: shop")
    said = check("use: [b/c.yaml, d.yaml]\n" + REST)
    ok(said.complaints == "d.yaml:1:9: 'system' is there twice (first at b/c.yaml:1:9)\n",
       "there is one system", said.complaints)
    said = check("use: [b/c.yaml]\nsystem: shop\n" + REST + faults("{ at: 1s, kill: { service: psp } }"))
    ok(said.returncode == 0, "but who uses a file may have another one", said)
    said = check("system: systems/none.yaml\n" + REST + stop)
    ok(said.complaints == "s.yaml:1:9: cannot open system 'systems/none.yaml': No such file or "
       "directory\n", "a file that isn't there is one mistake",
       said.complaints)
    said = check("system: shopp\n" + REST)
    ok("unknown system 'shopp' ('shop', or the path of a file)" in said.complaints,
       "so is a name that is none", said.complaints)
    said = check("system: { services: { web: { health: 'http://127.0.0.1:1' } } }\n" + REST)
    ok("missing key 'target'" in said.complaints, "without a way in a target is needed",
       said.complaints)
    said = check("target: http://127.0.0.1:1\n" + REST + faults("{ at: 1s, stop: { service: a } }"))
    ok("no 'system:' says what 'stop' is aimed at" in said.complaints,
       "without a system nothing can be aimed at", said.complaints)


def test_alone():
    said = sagastorm("check", "--strict", *sorted(glob.glob("scenarios/systems/*.yaml")))
    ok(said.returncode == 0 and
       "compose.yaml: ok: system 'compose-shop', 4 services, 5 edges\n" in said.stdout,
       "a system file is checked as what it is", said)
    day = "system: systems/a.yaml\nchaos:\n  faults: [ { at: 90s, stop: { service: web } } ]\n"
    said = check(day, "--plan")
    ok(said.returncode == 0 and "at 90.000 s for 10 min: stop web:" in said.stdout,
       "and so is a game day", said)
    said = check("system: systems/a.yaml\nchaos:\n  faults: [ { at: sale, stop: { service: web } } ]")
    ok("there are no phases here" in said.complaints, "which has no phases", said.complaints)


def test_vars():
    said = check("vars: { who: order, wait: 2s }\nsystem: shop\n" + REST + faults(
        "{ at: 'sale + ${wait}', stop: { service: '${who}' } }"), "--plan", "--set", "who=payment")
    ok("at 7.000 s for 18 s: stop payment: stop { service: payment }" in said.stdout,
       "faults may be said in variables", said)


def test_possible():
    said = check("system: shop\n" + REST + faults(
        "{ at: 1s, netem: { edge: order -> payment, delay: 10ms } }"))
    kinds = json.loads(sagastorm("chaos", "kinds", "--json", "netem").stdout)
    ok(kinds[0]["possible"] == ("warning: 'netem' can't be done here" not in said.complaints),
       "what this machine can't do is said before the run", said.complaints)


def test_kinds():
    listed = sagastorm("chaos", "kinds").stdout
    kinds = json.loads(sagastorm("chaos", "kinds", "--json").stdout)
    ok(len(kinds) > 20 and all(kind["example"] in listed for kind in kinds),
       "every kind is listed with an example", listed)
    with open("docs/faults.md") as file:
        manual = file.read()
    missing = [kind["name"] for kind in kinds if f"`{kind['name']}`" not in manual]
    ok(not missing, "and is in the manual", missing)
    shown = sagastorm("chaos", "kinds", *(kind["name"] for kind in kinds))
    ok(shown.returncode == 0 and all(key in shown.stdout for kind in kinds for key in kind["keys"]),
       "each shows its keys", shown)
    said = sagastorm("chaos", "kinds", "latancy")
    ok(said.returncode == 2 and "did you mean 'latency'?" in said.stderr, "a typo is told", said)


test_shop()
test_options()
test_known([])
test_known(["us", "eu", "asia"])
test_files()
test_alone()
test_vars()
test_possible()
test_kinds()
done()
