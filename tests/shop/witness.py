"""witness: starts a witness for a test, kills it, asks it."""
import atexit
import http.client
import json
import os
import re
import signal
import subprocess
import urllib.parse

BINARY = os.environ.get("SAGASTORM", os.path.abspath("build/debug/sagastorm"))
count = failures = 0


def ok(good, name, said=""):
    global count, failures
    count += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}", flush=True)
    if not good:
        print("".join(f"# {line}\n" for line in str(said)[:3000].splitlines()), end="")
    return good


def done():
    print(f"1..{count}")
    raise SystemExit(1 if failures else 0)


class Witness:
    def __init__(self, *arguments):
        self.arguments = [BINARY, "witness", *arguments]
        self.process = None
        atexit.register(self.abandon)
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.arguments, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        ports = [int(port) for port in re.findall(r":(\d+)", line)]
        if not ports:
            raise RuntimeError(f"{line!r} {self.process.stderr.read()}")
        self.port = ports[0]
        self.smtp_port = ports[-1]

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(20)
        self.process.stdout.close()
        said = self.process.stderr.read()
        self.process.stderr.close()
        return code, said

    def abandon(self):
        """A test that breaks off leaves nothing behind."""
        if self.process and self.process.poll() is None:
            self.process.kill()

    def restart(self):
        self.end(signal.SIGKILL)
        self.start()

    def ask(self, method, path, form=None, key=None, raw=None, timeout=20):
        """status, JSON, headers"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if key is not None:
            headers["Idempotency-Key"] = key
        body = raw if raw is not None else urllib.parse.urlencode(form or {})
        try:
            connection.request(method, path, body if method == "POST" else None, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()), answer.headers
        finally:
            connection.close()
