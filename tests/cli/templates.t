#!/usr/bin/python3
# ci/templates: the pipelines are well-formed, and their scripts gate a build for real: the shop is
# opened, bought from, judged; baselines are kept and compared with
# timeout: 240s
import glob
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from runs import BINARY, done, ok  # noqa: E402

ROOT = os.path.abspath(".")
GATE = f"{ROOT}/ci/templates/gate"
# As short as its percentiles allow. The scenario's own gates hold, but for those of latency, which
# a machine with sanitizers and neighbours does not promise.
SHORT = ("--set rate=60/s --set surge=60/s --set steady=12s --set warm=1s --set short=2s "
         "--set fast=30s --set slow=30s")
WORK = tempfile.TemporaryDirectory(prefix="templates-")


def read(name):
    with open(f"{ROOT}/ci/templates/{name}", encoding="utf-8") as file:
        return file.read()


def shell(script, where, program="sh", **environment):
    return subprocess.run([program, "-e", "-c", script], cwd=where, capture_output=True, text=True,
                          env={**os.environ, "HOME": WORK.name, **environment})


def place(name):
    """A checkout: the tree, in which runs and baselines are one's own."""
    directory = f"{WORK.name}/{name}"
    os.makedirs(directory)
    for entry in ("ci", "scenarios"):
        os.symlink(f"{ROOT}/{entry}", f"{directory}/{entry}")
    return directory


def quiet_scenario(directory):
    """The release gate with limits of its generator that hold on a crowded machine."""
    with open(f"{ROOT}/scenarios/release-gate.yaml", encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r"^generator: .*$", "generator: { lag-limit: 20s, stall-limit: 20s, "
                  "cpu-limit: 100%, dropped-limit: 100% }", text, flags=re.M)
    os.remove(f"{directory}/scenarios")
    shutil.copytree(f"{ROOT}/scenarios", f"{directory}/scenarios")
    with open(f"{directory}/scenarios/release-gate.yaml", "w", encoding="utf-8") as file:
        file.write(text)


def left(directory, output="sagastorm-run"):
    return {os.path.basename(path) for path in glob.glob(f"{directory}/{output}/*")}


# The decisions of the gate, with a program that ends as told and notes what it was asked.

STUB = """#!/bin/sh
echo "$@" >>"$STUB_LOG"
case $1 in
run) out=; while [ $# -gt 0 ]; do [ "$1" != -o ] || out=$2; shift; done
	mkdir -p "$out/history"; echo {} >"$out/history/meta.json"
	echo {} >"$out/report.json"; echo x >"$out/scenario.yaml"; echo page >"$out/summary.md"
	exit "$STUB_RUN" ;;
compare) echo compared; exit "$STUB_COMPARE" ;;
esac
"""


def test_decisions():
    stub = f"{WORK.name}/stub"
    with open(stub, "w", encoding="utf-8") as file:
        file.write(STUB)
    os.chmod(stub, os.stat(stub).st_mode | stat.S_IXUSR)
    #        run compare baseline keep  -> code kept
    cases = [(0, 0, False, "yes", 0, True), (0, 0, True, "yes", 0, True),
             (0, 0, True, "no", 0, False), (0, 23, True, "yes", 23, False),
             (20, 0, True, "yes", 20, False), (20, 23, True, "yes", 20, False),
             (0, 2, True, "yes", 0, True), (0, 1, True, "yes", 1, False),
             (21, 0, False, "yes", 21, False), (10, 0, False, "no", 10, False)]
    for number, (run_code, compare_code, has, keep, wanted, kept) in enumerate(cases):
        directory = f"{WORK.name}/case {number}"
        os.makedirs(directory)
        if has:
            os.makedirs(f"{directory}/base line/history")
            with open(f"{directory}/base line/history/meta.json", "w") as file:
                file.write("old")
        result = subprocess.run([GATE, "--set", "a=b c", "x.yaml"], cwd=directory, text=True,
                                capture_output=True,
                                env={**os.environ, "SAGASTORM": stub, "STUB_RUN": str(run_code),
                                     "STUB_COMPARE": str(compare_code), "GATE_OUTPUT": "a run",
                                     "GATE_BASELINE": "base line", "GATE_KEEP": keep,
                                     "STUB_LOG": f"{directory}/log",
                                     "GITHUB_STEP_SUMMARY": f"{directory}/page"})
        meta = f"{directory}/base line/history/meta.json"
        is_kept = os.path.exists(meta) and open(meta).read() == "{}\n"
        log = open(f"{directory}/log").read()
        ok(result.returncode == wanted and is_kept == kept and ("compare" in log) == has and
           open(f"{directory}/page").read().startswith("page"),
           f"a run with {run_code}, compared with {compare_code if has else 'nothing'}, "
           f"keep: {keep}: {wanted}, {'kept' if kept else 'not kept'}", f"{result}\n{log}")
    result = subprocess.run([GATE, "x.yaml"], cwd=WORK.name, capture_output=True, text=True,
                            env={**os.environ, "GATE_OUTPUT": "/"})
    ok(result.returncode == 2, "the root of the file system is no place for a run", result)


def test_gitlab():
    job = yaml.safe_load(read("gitlab-ci.yml"))["sagastorm"]
    ok(job["artifacts"]["reports"]["junit"] == "sagastorm-run/junit.xml" and
       job["artifacts"]["when"] == "always" and
       all(isinstance(line, str) for line in job["script"] + job["before_script"]),
       "the GitLab job keeps its reports also when it fails")
    directory = place("gitlab")
    quiet_scenario(directory)
    variables = {**job["variables"], "SAGASTORM": BINARY, "GATE_OPTIONS": SHORT}
    first = shell("\n".join(job["script"]), directory, GATE_KEEP="yes", **variables)
    ok(first.returncode == 0 and "kept as the baseline" in first.stdout,
       "the GitLab script passes a good build, and keeps it", first)
    ok({"junit.xml", "summary.md", "report.html", "report.json"} <= left(directory),
       "its artifacts are there", left(directory))
    second = shell("\n".join(job["script"]), directory, GATE_KEEP="no", **variables,
                   GATE_TOLERANCE="100%")
    ok(second.returncode in (0, 23) and {"compare.md", "compare.html"} <= left(directory),
       "the next build is compared with it", second)


def test_jenkins():
    text = read("Jenkinsfile")
    scripts = re.findall(r"'''(.*?)'''", text, flags=re.S)
    ok(len(scripts) == 2 and text.count("{") == text.count("}") and "junit" in text and
       "archiveArtifacts" in text, "the Jenkinsfile has two scripts, and keeps its reports")
    directory = place("jenkins")
    quiet_scenario(directory)
    settings = dict(re.findall(r"(GATE_(?:SCENARIO|OUTPUT)) = '([^']*)'", text))
    result = shell(scripts[1], directory, SAGASTORM=BINARY, GATE_KEEP="yes",
                   GATE_OPTIONS=SHORT.replace("fast=30s", "fast=1us"),
                   GATE_BASELINE=f"{WORK.name}/kept/gate", **settings)
    ok(result.returncode == 20 and not os.path.exists(f"{WORK.name}/kept/gate") and
       "junit.xml" in left(directory), "the Jenkins script fails a build whose gate fails: 20", result)


def test_github():
    workflow = yaml.safe_load(read("github-workflow.yml"))
    action = yaml.safe_load(read("github-action/action.yml"))
    steps = workflow["jobs"]["gate"]["steps"]
    used = [step for step in steps if "github-action" in step.get("uses", "")]
    ok(len(used) == 1 and set(used[0]["with"]) <= set(action["inputs"]),
       "the workflow gives the action what it knows", used)
    scripts = [step["run"] for step in action["runs"]["steps"] + steps if "run" in step]
    ok(scripts and not any("${{" in script for script in scripts),
       "no expression is read as shell", scripts)
    gate = next(step for step in action["runs"]["steps"] if step.get("id") == "gate")
    directory = place("github")
    quiet_scenario(directory)
    values = {key: value.get("default", "") for key, value in action["inputs"].items()}
    values.update(scenario="scenarios/release-gate.yaml", options=SHORT, keep="yes", sagastorm=BINARY)
    environment = {key: re.sub(r"\$\{\{ inputs\.([a-z]+) \}\}", lambda found: values[found[1]], value)
                   for key, value in gate["env"].items()}
    environment["GATE_ACTION"] = f"{ROOT}/ci/templates/github-action"
    # A mistake that only shows where orders are followed: fast, without an error, and wrong.
    environment["GATE_OPTIONS"] += f" --set bug={BUG}"
    result = shell(gate["run"], directory, "bash", GITHUB_ACTIONS="true",
                   GITHUB_OUTPUT=f"{directory}/output", GITHUB_STEP_SUMMARY=f"{directory}/page",
                   **environment)
    with open(f"{directory}/output") as file:
        output = file.read()
    with open(f"{directory}/page") as file:
        page = file.read()
    ok(result.returncode == 21 and output == "code=21\n",
       "the action stops a build that charges what it did not show: 21", result)
    ok("FAIL" in page.splitlines()[0] and "::error title=a saga invariant was violated::" in
       result.stdout, "its page and its annotations say so", page[:1000])
    ok(not os.path.exists(f"{directory}/{values['baseline']}"), "it is no baseline")
    with open(f"{directory}/{values['output']}/report.json") as file:
        ok(json.load(file)["exit_code"] == 21, "report.json agrees")


BUG = "float-money"
test_decisions()
test_gitlab()
test_jenkins()
test_github()
done()
