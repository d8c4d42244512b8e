"""A terminal of a test's own, for end-to-end tests of what is drawn on one: tmux, with a shell in it.

    with Terminal(columns=80, rows=24) as terminal:
        terminal.run(live_scenario(shop))
        ok(terminal.shows("planned 40/s"), "the load is shown", terminal.screen())
        terminal.keys("q")
        ok(terminal.ends() == 130 and terminal.is_clean(), "q ends it", terminal.said())
"""
import json
import os
import shlex
import subprocess

from runs import BINARY, SCRATCH, wait_for, write_scenario


class Terminal:
    """A terminal of its own, with a shell in it; a server of its own, so that no other is met."""
    count = 0

    def __init__(self, columns=80, rows=24, **environment):
        Terminal.count += 1
        self.socket = f"{SCRATCH.name}/tmux-{Terminal.count}"
        environment = {**{name: value for name, value in os.environ.items()
                          if name not in ("CI", "NO_COLOR", "TMUX", "LC_ALL", "LC_CTYPE")},
                       "LANG": "C.UTF-8", "PS1": "$ ",
                       "SAGASTORM_STATE": f"{SCRATCH.name}/state", **environment}
        subprocess.run(["tmux", "-S", self.socket, "-f", "/dev/null", "-u", "new-session", "-d",
                        "-x", str(columns), "-y", str(rows), "sh"],
                       check=True, env=environment)
        self.modes = self.stty()

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-S", self.socket, *arguments], capture_output=True,
                              text=True, check=True).stdout

    def stty(self):
        """The modes of the terminal now, asked from outside."""
        tty = self.tmux("display-message", "-p", "#{pane_tty}").strip()
        return subprocess.run(["stty", "-a", "-F", tty], capture_output=True, text=True).stdout

    def state(self):
        """Other screen, cursor, wrapping: as a shell wants them it is 0 1 1."""
        return self.tmux("display-message", "-p",
                         "#{alternate_on} #{cursor_flag} #{wrap_flag}").strip()

    def is_clean(self):
        return wait_for(lambda: self.state() == "0 1 1" and self.stty() == self.modes, 5)

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def run(self, text, *arguments, before="", behind=""):
        path = write_scenario(text)
        self.directory = path + ".run"
        self.pid_file, self.code_file = path + ".pid", path + ".code"
        command = " ".join(map(shlex.quote, [BINARY, "run", path, "-o", self.directory, *arguments]))
        self.keys(f"clear; {before} sh -c 'echo $$ >{self.pid_file}; exec \"$@\"' - {command} "
                  f"{behind}; echo $? >{self.code_file}", "Enter")

    def screen(self, *arguments):
        return self.tmux("capture-pane", "-p", *arguments)

    def shows(self, *parts, seconds=15):
        return wait_for(lambda: all(part in self.screen() for part in parts), seconds)

    def ends(self, seconds=30):
        """The exit code, once the shell has it."""
        wait_for(lambda: os.path.exists(self.code_file) and open(self.code_file).read(), seconds)
        return int(open(self.code_file).read()) if os.path.exists(self.code_file) else None

    def said(self):
        return self.screen("-S", "-200")

    def pid(self):
        wait_for(lambda: os.path.exists(self.pid_file) and open(self.pid_file).read().strip())
        return int(open(self.pid_file).read())

    def report(self):
        with open(f"{self.directory}/report.json") as file:
            return json.load(file)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True)


def live_scenario(shop, length="60s", load=None, gates="", more="", bad="/status/503"):
    return f"""
name: live
{'' if 'system:' in more else f'target: {shop.url}'}
generator: {{ workers: 1, lag-limit: 5s, stall-limit: 5s, cpu-limit: 100%, dropped-limit: 100%,
             drain: 2s }}
load: {load or f"{{ calm: {{ rate: 40/s, for: 2s }}, sale: {{ rate: 40/s, for: {length} }} }}"}
mix: {{ good: 9, bad: 1 }}
journeys:
  good: [ {{ get: /ok }} ]
  bad: [ {{ get: {bad} }} ]
gates: [ "errors < 50%"{gates} ]
{more}"""


BROKEN = ', "good.p50 < 1us", "p99.9 < 1s"'
