#!/usr/bin/python3
# the terminal that the live view takes: given back on every exit, written to sparingly
# timeout: 120s
import fcntl
import glob
import os
import pty
import re
import signal
import struct
import sys
import termios

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from runs import BINARY, SLOWDOWN, Shop, done, gone, ok, wait_for, write_scenario  # noqa: E402
from terminals import Terminal, live_scenario as scenario  # noqa: E402

LINE = re.compile(r"^ *\d+:\d\d  ", re.M)


def leave(shop, what, act, code, more=None):
    with Terminal() as terminal:
        terminal.run(scenario(shop, bad="/slow/60000"))
        terminal.shows("planned 40/s")
        taken = terminal.state() == "1 0 0" and terminal.stty() != terminal.modes
        pid = terminal.pid()
        act(terminal, pid)
        ended = terminal.ends()
        ok(taken and ended in code and terminal.is_clean(),
           f"{what}: the terminal is left as it was",
           f"{taken} {ended}, now {terminal.state()}\n{terminal.stty()}\n{terminal.said()}")
        if more:
            more(terminal)


def test_exits(shop):
    def two_ctrl_c(terminal, _):
        terminal.keys("C-c")
        ok(terminal.shows("stopping", "Ctrl-C stop at once"), "once stops gracefully, and says so",
           terminal.screen())
        terminal.keys("C-c")

    def send(number):
        return lambda _, pid: os.kill(pid, number)

    leave(shop, "Ctrl-C twice", two_ctrl_c, (130,))
    leave(shop, "SIGTERM", send(signal.SIGTERM), (143,))
    leave(shop, "a crash", send(signal.SIGABRT), (134,))
    leave(shop, "kill -9", send(signal.SIGKILL), (137,), lambda terminal: ok(
        wait_for(lambda: not glob.glob(f"/proc/{terminal.pid()}")) and
        typed_is_seen(terminal), "and one can type again", terminal.screen()))


def typed_is_seen(terminal):
    terminal.keys("echo one; echo t''wo", "Enter")
    return terminal.shows("echo one; echo t''wo", "\none\ntwo")


def test_suspended(shop):
    """Ctrl-Z and fg, in a shell that controls jobs."""
    with Terminal() as terminal:
        terminal.keys("set -m", "Enter")
        terminal.run(scenario(shop))
        terminal.shows("planned 40/s")
        pid = terminal.pid()
        terminal.keys("C-z")
        stopped = wait_for(lambda: terminal.state() == "0 1 1")
        modes = terminal.stty()
        ok(stopped and modes == terminal.modes, "Ctrl-Z gives the terminal back",
           f"{terminal.state()}\n{modes}")
        terminal.keys("fg", "Enter")
        ok(terminal.shows("planned 40/s", "events") and terminal.state() == "1 0 0",
           "fg takes it again, and draws all of it", terminal.screen())
        terminal.keys("q")
        ok(wait_for(lambda: gone(pid), 20) and terminal.is_clean(), "and q still stops it",
           terminal.said())


def test_incapable(shop):
    with Terminal() as terminal:
        terminal.run(scenario(shop, "1s"), before="TERM=dumb")
        code, said = terminal.ends(), terminal.said()
        ok(code == 0 and "phase 'sale' for 1 s" in said and not LINE.search(said),
           "with TERM=dumb there are plain lines", said)
    with Terminal(CI="true") as terminal:
        terminal.run(scenario(shop, "1s"))
        ok(terminal.ends() == 0 and not LINE.search(terminal.said()),
           "and so there are in a pipeline that has a terminal", terminal.said())
    with Terminal() as terminal:
        terminal.run(scenario(shop, "1s"), "--progress", "tui", behind="2>&1 | cat")
        wait_for(lambda: terminal.said().count("PASS  live") > 0)
        ok("phase 'sale' for 1 s" in terminal.said() and "planned" not in terminal.said().split(
            "PASS")[0], "and so there are where there is no terminal, even if asked for",
           terminal.said())


def in_terminal(path, rows, columns):
    """Runs in one that we read ourselves, byte by byte, or do not."""
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.environ.update(TERM="xterm", LANG="C.UTF-8", CI="")
        os.execv(BINARY, [BINARY, "run", path, "-o", path + ".run"])
    return pid, terminal


def test_frames(shop):
    """What is written to the terminal, byte by byte."""
    path = write_scenario(scenario(shop, "4s"))
    pid, terminal = in_terminal(path, 40, 100)
    said = b""
    while True:
        try:
            said += os.read(terminal, 65536)
        except OSError:
            break
    os.waitpid(pid, 0)
    os.close(terminal)
    view = said[:said.rindex(b"\x1b[?1049l")].split(b"\x1b[?2026h")[1:]
    sizes = [len(frame) for frame in view]
    ok(4 < len(view) < 6 * 4 * 2 * max(SLOWDOWN, 1), "there are about four frames a second",
       len(view))
    ok(view[0].count(b"\x1b[2J") == 1 and not any(b"\x1b[2J" in frame for frame in view[1:-1]) and
       sorted(sizes)[len(sizes) // 2] < sizes[0] / 3,
       "one clears the screen, the others write what has changed, each at once", sizes)


def test_unread(shop):
    """A terminal whose reader stands still does not hold up the run; one that goes away ends it."""
    path = write_scenario(scenario(shop))
    before = len(shop.log())
    pid, terminal = in_terminal(path, 100, 300)
    asked = wait_for(lambda: len(shop.log()) >= before + 200, 20)
    ok(asked, "a terminal that nobody reads does not hold up the load", len(shop.log()) - before)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    ok(os.waitstatus_to_exitcode(status) == 143 and os.path.exists(f"{path}.run/report.json"),
       "when the terminal goes away the run stops, and has its report", status)


signal.alarm(115)
with Shop() as moody:
    for test in (test_exits, test_suspended, test_incapable, test_frames, test_unread):
        test(moody)
done()
