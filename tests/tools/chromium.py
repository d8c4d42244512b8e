"""A headless Chromium, spoken to over a pipe; nothing but Python and Debian's chromium.

    with Chromium() as browser:
        page = browser.open(path, width=360, dark=True)
        page.value("document.title")
        page.picture("shot.png")

What the page itself may do is up to its Content-Security-Policy; what is evaluated from here is not
bound by it.
"""
import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

ANSWER_S = 60


def program():
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Chromium:
    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix="chromium-")
        to_read, self.to = os.pipe()
        self.back, to_write = os.pipe()
        # Numbers that are free on the other side of the fork, whatever the pipes got.
        give_in, give_out = os.dup2(to_read, 100), os.dup2(to_write, 101)

        def at_3_and_4():
            os.dup2(100, 3)
            os.dup2(101, 4)

        self.process = subprocess.Popen(
            [program(), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
             "--disable-background-networking", "--remote-debugging-pipe",
             f"--user-data-dir={self.profile}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=at_3_and_4, pass_fds=(3, 4, 100, 101), start_new_session=True)
        for number in (to_read, to_write, give_in, give_out):
            os.close(number)
        self.number, self.pending, self.events = 0, b"", []
        return self

    def __exit__(self, *_):
        try:
            self.call("Browser.close")
        except (OSError, TimeoutError, RuntimeError):
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.to)
        os.close(self.back)
        shutil.rmtree(self.profile, ignore_errors=True)

    def message(self, until):
        while b"\0" not in self.pending:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.back], [], [], left)[0]:
                raise TimeoutError("chromium does not answer")
            data = os.read(self.back, 1 << 20)
            if not data:
                raise RuntimeError("chromium went away")
            self.pending += data
        one, _, self.pending = self.pending.partition(b"\0")
        return json.loads(one)

    def call(self, method, session=None, **parameters):
        self.number += 1
        order = {"id": self.number, "method": method, "params": parameters}
        if session:
            order["sessionId"] = session
        data = json.dumps(order).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        until = time.monotonic() + ANSWER_S
        while True:
            answer = self.message(until)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, event, session):
        until = time.monotonic() + ANSWER_S
        while True:
            for i, one in enumerate(self.events):
                if one.get("method") == event and one.get("sessionId") == session:
                    return self.events.pop(i)
            self.events.append(self.message(until))

    def open(self, path, width=1280, height=900, dark=False, media=""):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        page.call("Page.enable")
        page.call("Runtime.enable")
        page.call("Log.enable")
        page.call("Network.enable")
        page.look(width, height, dark, media)
        page.call("Page.navigate", url="file://" + os.path.abspath(path))
        self.wait("Page.loadEventFired", session)
        return page


class Page:
    def __init__(self, browser, session):
        self.browser, self.session = browser, session

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def look(self, width, height=900, dark=False, media=""):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", media=media, features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def value(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True,
                           returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"])[:1000])
        return result["result"].get("value")

    def told(self):
        """What the page said on its console, and what was refused to it."""
        self.value("1")
        return [one for one in self.browser.events if one.get("sessionId") == self.session
                and one.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded",
                                          "Runtime.consoleAPICalled")]

    def asked(self):
        """Every address that it wanted."""
        self.value("1")
        return [one["params"]["request"]["url"] for one in self.browser.events
                if one.get("sessionId") == self.session
                and one.get("method") == "Network.requestWillBeSent"]

    def picture(self, path, whole=True):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        with open(path, "wb") as file:
            file.write(base64.b64decode(data["data"]))

    def part(self, path, selector, margin=12):
        """A picture of one element."""
        box = self.value(f"(() => {{ const b = document.querySelector({json.dumps(selector)})"
                         ".getBoundingClientRect(); return [b.x + scrollX, b.y + scrollY, b.width,"
                         " b.height]; })()")
        clip = {"x": max(box[0] - margin, 0), "y": max(box[1] - margin, 0),
                "width": box[2] + 2 * margin, "height": box[3] + 2 * margin, "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                         clip=clip)
        with open(path, "wb") as file:
            file.write(base64.b64decode(data["data"]))

    def pdf(self, path):
        data = self.call("Page.printToPDF", printBackground=False)
        with open(path, "wb") as file:
            file.write(base64.b64decode(data["data"]))
