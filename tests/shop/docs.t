#!/usr/bin/python3
# docs/shop.md says of options, bugs and routes what the shop says
# timeout: 30s
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from open_shop import OpenShop  # noqa: E402
from runs import BINARY, done, ok  # noqa: E402

PAGE = open("docs/shop.md").read()


def said(*arguments):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=10).stdout


def block(command):
    """What the page has after "$ command", to the end of its block."""
    found = re.search(r"^\$ " + re.escape(command) + r"\n(.*?)^```", PAGE, re.M | re.S)
    return found[1].rstrip() if found else None


def unfolded(text):
    return " ".join(text.split()) if text else text


def routes():
    """(method, path) of each row of the table of routes, with something for each {name}."""
    for row in re.findall(r"^\| (`(?:GET|POST|PUT|DELETE).*?) \|", PAGE, re.M):
        methods = re.findall(r"\b(GET|POST|PUT|DELETE)\b", row)
        path = re.search(r"(/api/[^`? ]*)", row)
        for method in methods:
            if path:
                yield method, re.sub(r"\{\w+\}", "SKU-1", path[1])


for command in (["shop", "--list-bugs"], ["help", "shop"]):
    text = "sagastorm " + " ".join(command)
    ok(unfolded(block(text)) == unfolded(said(*command)), f"what '{text}' says is there",
       f"{block(text)}\n---\n{said(*command)}")
with OpenShop("--no-limits") as shop:
    admin = shop.admin()
    table = list(routes())
    missing = []
    for method, path in table:
        answer = shop.ask(method, path, token=admin)
        if answer.status in (405, 500) or answer.code == "not_found" and \
                answer.json["error"]["message"] == "there is nothing here":
            missing.append(f"{method} {path}: {answer.status} {answer.body[:200]}")
    ok(len(table) > 30 and not missing, f"all {len(table)} routes lead somewhere", "\n".join(missing))
done()
