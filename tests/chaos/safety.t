#!/usr/bin/python3
# each of the ten rules has a test that tries to break it, by the name that docs/chaos-safety.md says
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from runs import done, ok  # noqa: E402

ROW = re.compile(r"^\| (?P<rule>[^|]*)\| `(?P<file>[a-z]+\.t)`: (?P<promise>.*) \|$")


def rows():
    with open("docs/chaos-safety.md", encoding="utf-8") as file:
        return [found.groupdict() for found in map(ROW.match, file.read().split("\n")) if found]


def words(path):
    """The text of a test without its line breaks and quotes, so that a promise may be folded."""
    with open(path, encoding="utf-8") as file:
        return re.sub(r'"\s*f?"|\s+', " ", file.read())


found = rows()
numbers = [int(row["rule"].split(".")[0]) for row in found if row["rule"][:1].isdigit()]
ok(numbers == list(range(1, 11)), "all ten rules are in the list", numbers)
for row in found:
    path = f"tests/chaos/{row['file']}"
    ok(os.path.exists(path) and row["promise"] in words(path),
       f"{row['file']} promises: {row['promise']}", row)
done()
