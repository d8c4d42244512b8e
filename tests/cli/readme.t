#!/usr/bin/python3
# every scenario in README.md passes `check`, every command in it exists, and every link leads somewhere
import os
import re
import subprocess
import sys
import tempfile

BINARY = os.environ.get("SAGASTORM", os.path.abspath("build/debug/sagastorm"))
count = failures = 0


def ok(good, name, said=""):
    global count, failures
    count += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}")
    if not good:
        print("".join(f"# {line}\n" for line in said.splitlines()), end="")


with open("README.md", encoding="utf-8") as file:
    text = file.read()

with tempfile.TemporaryDirectory() as work:
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", text, flags=re.S), 1):
        if "target:" not in block:
            block = "target: http://127.0.0.1:8080\n" + block
        path = os.path.join(work, f"example-{number}.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(block)
        done = subprocess.run([BINARY, "check", path], capture_output=True, text=True, timeout=20,
                              env={**os.environ, "SHOP_PASSWORD": "swordfish"})
        ok(done.returncode == 0, f"example {number} passes the check", done.stderr)

known = subprocess.run([BINARY, "help"], capture_output=True, text=True, timeout=20).stdout
for command in sorted(set(re.findall(r"`?sagastorm ([a-z]+)[\s`]", text))):
    if command in ("replays", "is", "and", "was", "puts", "into", "begin", "completes"):
        continue
    ok(re.search(rf"^  {command} ", known, flags=re.M) is not None,
       f"the command {command} exists", known)

with open("Makefile", encoding="utf-8") as file:
    makefile = file.read()
for goal in sorted(set(re.findall(r"(?:`|^)make ([a-z-]+)", text, flags=re.M))):
    ok(re.search(rf"^[a-z ]*\b{goal}\b[a-z ]*:", makefile, flags=re.M) is not None,
       f"the goal {goal} exists")

# From page to page: links lead somewhere, and whoever starts at the index gets everywhere.
pages = ["README.md", "HACKING.md"] + sorted(f"docs/{name}" for name in os.listdir("docs")
                                             if name.endswith(".md"))
led_to, nowhere = set(), []
for page in pages:
    with open(page, encoding="utf-8") as file:
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", file.read(), flags=re.S)
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose):
        place = os.path.normpath(os.path.join(os.path.dirname(page), link))
        if "://" not in link and not os.path.exists(place):
            nowhere.append(f"{page}: {link}")
        if page == "docs/index.md":
            led_to.add(place)
ok(not nowhere, "every link between the pages leads somewhere", "\n".join(nowhere))
missing = sorted(set(pages) - led_to - {"docs/index.md"})
ok(not missing, "docs/index.md leads to every page", "\n".join(missing))
print(f"1..{count}")
sys.exit(1 if failures else 0)
