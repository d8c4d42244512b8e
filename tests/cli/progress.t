#!/usr/bin/python3
# how a run is doing: one line that stays one on a terminal, plain lines elsewhere, JSON for programs
import fcntl
import json
import os
import pty
import re
import signal
import struct
import sys
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from runs import BINARY, Shop, done, finish, ok, run, start, write_scenario  # noqa: E402


def scenario(shop, name="a-phase-with-quite-a-long-name"):
    return f"""
name: progress
target: {shop.url}
generator: {{ workers: 1, lag-limit: 5s, stall-limit: 5s, cpu-limit: 100%, dropped-limit: 100%,
             drain: 2s, max-users: 60 }}
load: {{ {name}: {{ rate: 200/s, for: 3s }}, last: {{ users: 5, for: 1s }} }}
mix: {{ good: 8, bad: 1, slow: 1 }}
journeys:
  good: [ {{ get: /ok }} ]
  bad: [ {{ get: /status/503 }} ]
  slow: [ {{ get: /slow/5000 }} ]
"""


class Screen:
    """What a terminal shows: rows that are written, wrapped, and rewritten."""

    def __init__(self, columns):
        self.columns, self.rows, self.column, self.wrapped = columns, [""], 0, 0

    def feed(self, text):
        for token in re.findall(r"\x1b\[K|\r\n|\r|\n|\x1b\[[0-9;]*m|.", text):
            if token in ("\r\n", "\n"):
                self.rows.append("")
                self.column = 0
            elif token == "\r":
                self.column = 0
            elif token == "\x1b[K":
                self.rows[-1] = self.rows[-1][:self.column]
            elif not token.startswith("\x1b"):
                self.put(token)

    def put(self, letter):
        if self.column == self.columns:
            self.rows.append("")
            self.column, self.wrapped = 0, self.wrapped + 1
        self.rows[-1] = self.rows[-1][:self.column] + letter + self.rows[-1][self.column + 1:]
        self.column += 1


def on_terminal(text, columns, interrupt_after=None):
    """Runs below a terminal of its own; what came of the screen, and all that was written to it."""
    path = write_scenario(text)
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.environ.update(TERM="xterm", ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", ""))
        os.execv(BINARY, [BINARY, "run", path, "-o", path + ".run", "--progress", "line"])
    began, said, interrupted = time.monotonic(), b"", False
    screen, shown = Screen(columns), []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        said += part
        screen.feed(part.decode())
        shown.append(screen.rows[-1])
        if interrupt_after and not interrupted and time.monotonic() - began > interrupt_after:
            os.write(terminal, b"\x03")
            interrupted = True
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), screen, shown, said.decode()


def test_terminal(shop):
    for columns in (80, 40):
        code, screen, shown, said = on_terminal(scenario(shop), columns)
        lines = [row for row in shown if re.match(r" *\d+/4s  ", row)]
        before = screen.rows[:[i for i, row in enumerate(screen.rows) if "progress" in row][0]]
        ok(code == 0 and len(set(lines)) >= 3 and all(len(row) < columns for row in lines),
           f"at {columns} columns there is a line every second, and it fits", f"{code}\n{said!r}")
        ok([row for row in before if row] == ["phase 'a-phase-with-quite-a-long-name' for 3 s"[:columns],
                                              "phase 'last' for 1 s"] if columns == 80 else
           not any("/4s  " in row for row in before),
           "it is gone when the run is over: nothing of it is left between what stays", before)
    last = [row for row in lines if "draining" in row]
    # A second of draining in which nothing failed has none to show.
    ok(any("errors" in row for row in last) and
       all(re.search(r"draining(  errors|$)", row) for row in last),
       "errors are shown before anything else that may not fit", lines)


def test_interrupted(shop):
    code, screen, _, said = on_terminal(scenario(shop), 80, interrupt_after=1.6)
    rows = "\n".join(screen.rows)
    ok(code == 130 and "stopping: journeys under way may end" in rows and
       not re.search(r"\d+/4s .*stopping:", rows) and "\x1b[K" in said,
       "Ctrl-C at a terminal is acknowledged on a line of its own", rows)


def test_plain(shop):
    result = run(scenario(shop))
    ok("\r" not in result.err and "\x1b" not in result.err + result.out and
       result.err.splitlines() == ["phase 'a-phase-with-quite-a-long-name' for 3 s",
                                   "phase 'last' for 1 s"],
       "where there is no terminal there are plain lines, one per change", result)


def test_json(shop):
    process = start(scenario(shop), "--progress", "json")
    result = finish(process)
    rows = [json.loads(line) for line in result.err.splitlines()]
    sums = [row["ok"] + row["failed"] + row["timed_out"] + row["dropped"] + row["under_way"]
            for row in rows]
    ok(len(rows) >= 4 and sums == [row["scheduled"] for row in rows],
       "JSON progress is a line of JSON per second, and its counts add up", result)
    last = rows[-1]
    ok([last[key] for key in ("scheduled", "ok", "failed", "dropped", "under_way")] ==
       [result.load[key] for key in ("scheduled", "ok", "failed", "dropped")] + [0],
       "the last line agrees with the report", f"{last}\n{result}")
    ok([row["target_rate"] for row in rows[:3]] == [200, 200, 200] and rows[3]["target_users"] == 5,
       "each second has the target of its phase", rows)
    ok(sum(row["second"]["started"] for row in rows) == last["scheduled"],
       "the seconds add up to the whole", rows)


def test_none(shop):
    result = run(scenario(shop), "--progress", "none")
    ok(result.err == "" and "PASS" in result.out, "without progress there is the summary alone", result)


def test_killed_reader(shop):
    """Whoever reads the progress may go away."""
    ours, theirs = os.pipe()
    process = start(scenario(shop), "--progress", "json", stderr=theirs)
    os.close(theirs)
    os.read(ours, 10)
    os.close(ours)
    result = finish(process)
    ok(result.code == 0 and result.load.get("scheduled", 0) > 600,
       "the run goes on when its reader has gone", result)


signal.alarm(120)
with Shop() as moody:
    test_terminal(moody)
    test_interrupted(moody)
    test_plain(moody)
    test_json(moody)
    test_none(moody)
    test_killed_reader(moody)
done()
