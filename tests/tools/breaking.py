"""What tests of breaking and healing share: victims, a controller that may die, journals.

    with Victim() as victim, Harness(victim, "stop: { service: victim }") as harness:
        ...
"""
import json
import os
import signal
import socket
import subprocess
import tempfile
import time

from runs import BINARY, HERE, SLOWDOWN, gone, wait_for

HARNESS = os.path.join(os.environ.get("BUILD", "build/debug"), "tests/tools/chaos_harness")
HEALED_WITHIN_S = 2 * SLOWDOWN


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def state_of(pid):
    """'S', 'T' and so on; '' when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def soft_limit(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        return [line.split()[3] for line in file if line.startswith("Max open files")][0]


class Victim:
    """A service with a pidfile, a health check, and a command that starts it again."""

    def __init__(self, *words, restart=True):
        self.directory = tempfile.TemporaryDirectory(prefix="victim-")
        self.pidfile = f"{self.directory.name}/victim.pid"
        self.port = free_port()
        self.words = ["/usr/bin/python3", f"{HERE}/victim.py", self.pidfile, str(self.port), *words]
        self.restart = restart
        self.process = subprocess.Popen(self.words)
        wait_for(lambda: os.path.exists(self.pidfile), 20)
        self.first = self.pid()
        self.limit = soft_limit(self.first)

    def pid(self):
        with open(self.pidfile, encoding="ascii") as file:
            return int(file.read())

    def state(self):
        self.process.poll()  # a zombie of ours is as dead as it gets
        state = state_of(self.pid())
        return "" if state == "Z" else state

    def is_well(self):
        """By looking, not by asking us: it runs, it is not stopped, it may open what it could."""
        return self.state() in ("S", "R") and soft_limit(self.pid()) == self.limit

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return connection.recv(12) == b"HTTP/1.0 200"
        except OSError:
            return False

    def yaml(self):
        start = f", start: {json.dumps(self.words)}" if self.restart else ""
        return (f'    victim: {{ url: "http://127.0.0.1:{self.port}", '
                f'health: "http://127.0.0.1:{self.port}/", pidfile: {self.pidfile}{start} }}\n')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in {self.first, self.pid()}:
            if state_of(pid):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(timeout=20)
        self.directory.cleanup()


class Harness:
    """A controller of a supervisor (tests/tools/chaos_harness.c), with a state directory."""

    def __init__(self, system, faults, *words, state=None, **options):
        self.directory = tempfile.TemporaryDirectory(prefix="chaos-")
        self.state = state or f"{self.directory.name}/state"
        self.history = f"{self.directory.name}/history"
        self.file = f"{self.directory.name}/faults.yaml"
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(f"system:\n  name: test\n  services:\n{system}chaos:\n  faults:\n{faults}")
        self.environment = dict(os.environ, SAGASTORM_STATE=self.state)
        self.process = subprocess.Popen([HARNESS, self.file, *words], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, env=self.environment,
                                        **options)
        self.lines = []

    def next(self):
        line = self.process.stdout.readline()
        if not line:
            return None
        try:
            self.lines.append(json.loads(line))
        except ValueError:
            self.lines.append({"said": line})
        return self.lines[-1]

    def until(self, key, value):
        """The line that says so; None when it ended without."""
        line = self.next()
        while line is not None and line.get(key) != value:
            line = self.next()
        return line

    def finish(self):
        while self.next() is not None:
            pass
        self.process.wait(timeout=60)
        return self.lines[-1] if self.lines else {}

    def states(self, fault=0):
        return [line["state"] for line in self.lines if line.get("fault") == fault]

    def journals(self):
        try:
            return [f"{self.state}/{name}" for name in sorted(os.listdir(self.state))]
        except FileNotFoundError:
            return []

    def supervisor(self):
        return next((line["supervisor"] for line in self.lines if "supervisor" in line), 0)

    def chaos(self, *words):
        return subprocess.run([BINARY, "chaos", *words], env=self.environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                              check=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.stdout.close()
        self.process.wait(timeout=20)
        pid = self.supervisor()
        wait_for(lambda: not pid or gone(pid), 20)
        self.directory.cleanup()


def seconds_until(condition, limit_s):
    """How long that took; None when it did not come true."""
    start = time.monotonic()
    while time.monotonic() - start < limit_s:
        if condition():
            return time.monotonic() - start
        time.sleep(0.005)
    return None
