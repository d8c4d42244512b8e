#!/usr/bin/python3
# the live view, in a real terminal: what it shows, its keys, its sizes, its colours
# timeout: 120s
import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from runs import Shop, done, ok, wait_for  # noqa: E402
from terminals import BROKEN, Terminal, live_scenario as scenario  # noqa: E402


def figure(screen, name, line=""):
    found = re.search(rf"^ *{line}.*\b{name} ([\d,]+)", screen, re.M)
    return int(found[1].replace(",", "")) if found else None


def test_shows(shop):
    with Terminal() as terminal:
        terminal.run(scenario(shop, "4s", gates=BROKEN))
        shown = terminal.shows("live   sale, 0:0", "planned 40/s", "http ", "p99", "✗ good.p50 < 1us")
        screen = terminal.screen()
        ok(shown, "it shows the phase, the load, latencies, errors by class and gates", screen)
        ok(all(part in screen for part in ("✓ errors < 50%", "? p99.9 < 1s", "too few yet",
                                           "0:02  phase 'sale'",
                                           "left", "q stop")),
           "a gate holds, is broken, or not known yet; events; keys", screen)
        ok(figure(screen, "sent") >= figure(screen, "done") > 0 and figure(screen, "dropped") == 0,
           "requests that were sent, done, dropped", screen)
        code, said = terminal.ends(), terminal.said()
        ok(code == 20 and terminal.is_clean(), "at its end the terminal is as it was",
           f"{code} {terminal.state()}\n{terminal.modes}\n{terminal.stty()}")
        ok("0:00  phase 'calm'" in said and "FAIL  live" in said and "requests/s" not in said,
           "what happened stays, and the summary; the view itself is gone", said)


def test_keys(shop):
    with Terminal() as terminal:
        terminal.run(scenario(shop))
        terminal.shows("planned 40/s", "sale, 0:0")
        terminal.keys("?")
        ok(terminal.shows("A run that was paused is no measurement", "? back"), "? explains",
           terminal.screen())
        terminal.keys("p")
        paused = terminal.shows("PAUSED in sale", "started 0/s", "p go on")
        dropped = wait_for(lambda: figure(terminal.screen(), "dropped"))
        ok(paused and dropped, "p pauses: nothing starts, and what was due is dropped",
           terminal.screen())
        terminal.keys("p")
        went_on = terminal.shows("going on after the pause", "p pause starts", "started 4")
        ok(went_on and "PAUSED" not in terminal.screen(), "p once more goes on", terminal.screen())
        terminal.keys("q")
        code, report = terminal.ends(), terminal.report()
        ok(report["interrupted"] == "SIGINT" and report["duration_s"] < 60 and terminal.is_clean(),
           "q stops the run gracefully, as Ctrl-C does", terminal.said())
        load = report["load"]
        ok(load["dropped"] > 0 and load["scheduled"] == load["ok"] + load["failed"] +
           load["timed_out"] + load["dropped"], "the books balance over a pause", load)
        ok(code == 10 and any("paused by hand for" in reason
                              for reason in report["validity"]["reasons"]),
           "a run that was paused is no measurement, and the report says so",
           report["validity"])


def test_users(shop):
    """In a closed phase nobody planned starts: seats stay empty, and nothing is dropped."""
    with Terminal() as terminal:
        terminal.run(scenario(shop, load="{ crowd: { users: 3, for: 60s } }"))
        terminal.shows("planned 3 users", "crowd, 0:0")
        terminal.keys("p")
        paused = terminal.shows("PAUSED in crowd", "started 0/s", "requests 0/s")
        done_ = figure(terminal.screen(), "done")
        terminal.keys("p")
        ok(paused and wait_for(lambda: (figure(terminal.screen(), "done") or 0) > done_ + 10),
           "in a phase with users p empties the seats, and fills them again", terminal.screen())
        terminal.keys("C-c")
        code = terminal.ends()
        ok(code == 10 and terminal.report()["load"]["dropped"] == 0, "nothing is dropped there",
           terminal.said())


def test_heal(shop):
    with Terminal(columns=100, rows=30) as terminal:
        terminal.run(scenario(shop, gates=', "recovery < 10s"', more=f"""
system:
  services: {{ shop: {{ url: "{shop.url}", health: "{shop.url}/ok" }} }}
  edges: [ {{ from: visitors, to: shop, url: "{shop.url}" }} ]
chaos:
  steady: [ "errors < 90%" ]
  faults:
    - {{ name: slow shop, at: 4s, for: 50s, latency: {{ edge: visitors -> shop, delay: 20ms }} }}
    - {{ name: never, at: 40s, for: 5s, latency: {{ edge: visitors -> shop, delay: 20ms }} }}
"""))
        waits = terminal.shows("○ slow shop", "in 0:0", "○ never", "recovery < 10s", "after the run")
        ok(waits, "a fault that is to come counts down; a gate may be for later", terminal.screen())
        active = terminal.shows("● slow shop", "hits, 0:4", seconds=20)
        ok(active, "an active one has its hits and the time that is left", terminal.screen())
        terminal.keys("!")
        healed = terminal.shows("healing all faults, as asked for", "✓ slow shop", "healed")
        ok(healed, "! heals all faults at once", terminal.screen())
        terminal.keys("q")
        terminal.ends()
        faults = terminal.report()["faults"]
        ok(terminal.report()["duration_s"] < 40 and
           [fault["name"] for fault in faults if fault["armed_at_s"] is not None] == ["slow shop"],
           "and none is armed after that", faults)


def test_sagas(_):
    """The reference shop, and people who buy there."""
    scenarios = os.path.abspath("scenarios")
    with Terminal() as terminal:
        terminal.run(f"""
use: [{scenarios}/journeys/buyer.yaml, {scenarios}/sagas/order.yaml]
vars: {{ think: 100ms }}
generator: {{ lag-limit: 9s, stall-limit: 9s, cpu-limit: 100% }}
system: {{ shop: {{ limits: no }} }}
load: {{ sale: {{ rate: 20/s, for: 60s }} }}
mix: {{ checkout: 1 }}
""")
        shown = wait_for(lambda: (figure(terminal.screen(), "done", "sagas") or 0) > 5, 30)
        ok(shown and "violated 0" in terminal.screen(), "sagas are counted as they end",
           terminal.screen())
        terminal.keys("q")
        ok(terminal.ends(60) == 130 and terminal.report()["sagas"]["order"]["started"] > 5,
           "and judged after the run", terminal.said())


def test_sizes(shop):
    with Terminal() as terminal:
        terminal.run(scenario(shop))
        terminal.shows("planned 40/s", "✓ errors")
        for columns, rows, parts in ((200, 50, ("requests/s\n", "errors/s")),
                                     (40, 10, ("sale, 0:", "errors")), (20, 3, ("too narrow",)),
                                     (132, 43, ("errors/s", "? help")),
                                     (80, 24, ("planned 40/s", "? help"))):
            terminal.tmux("resize-window", "-x", str(columns), "-y", str(rows))
            shown = wait_for(lambda: all(re.search(part.replace("?", r"\?").replace("\n", r"\s"),
                                                   terminal.screen()) for part in parts))
            lines = terminal.screen().splitlines()
            ok(shown and len(lines) <= rows and all(len(line) <= columns for line in lines),
               f"it fits {columns} x {rows}, at once", terminal.screen())
        terminal.keys("q")
        ok(terminal.ends() == 130 and terminal.is_clean(),
           "and nothing of other sizes is left behind", terminal.said())


def colours(escaped):
    return set(re.findall(r"\x1b\[(?:\d+;)*(?:3[0-7]|4[0-7])m", escaped))


def test_colours(shop):
    for name, environment, wanted in (("colours", {}, True), ("none with NO_COLOR",
                                                             {"NO_COLOR": "1"}, False)):
        with Terminal(**environment) as terminal:
            terminal.run(scenario(shop, gates=BROKEN))
            terminal.shows("planned 40/s", "✗ good.p50")
            seen = colours(terminal.screen("-e"))
            ok(bool(seen) == wanted, f"there are {name}", seen)
            terminal.keys("q")
            terminal.ends()


def test_ascii(shop):
    with Terminal(LANG="C") as terminal:
        terminal.run(scenario(shop, gates=BROKEN))
        shown = terminal.shows("planned 40/s", "x good.p50", "+ errors < 50%")
        ok(shown and terminal.screen().isascii(), "without UTF-8 it is drawn in ASCII",
           terminal.screen())
        terminal.keys("q")
        terminal.ends()


signal.alarm(115)
with Shop() as moody:
    for test in (test_shows, test_keys, test_users, test_heal, test_sagas, test_sizes, test_colours,
                 test_ascii):
        test(moody)
done()
