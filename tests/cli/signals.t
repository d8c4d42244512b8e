#!/usr/bin/python3
# whoever stops a run gets a report of what was done, with nothing lost and nobody left behind
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from runs import SLOWDOWN, Shop, children, done, finish, gone, ok, run, start, wait_for  # noqa: E402

LONG = """
name: long
target: {url}
http: {{ timeout: 20s }}
generator: {{ workers: 2, lag-limit: 5s, stall-limit: 5s, cpu-limit: 100%, drain: {drain} }}
load: {{ go: {{ rate: 40/s, for: {length} }} }}
journeys:
  only:
{steps}
"""


def scenario(shop, steps="    - get: /slow/300", drain="15s", length="30s"):
    return LONG.format(url=shop.url, steps=steps, drain=drain, length=length)


def begin(text, after=1.5, **options):
    """A run that has been going for a while: it is over the shop's threshold of having begun."""
    process = start(text, **options)
    wait_for(lambda: len(children(process.pid)) == 2)
    time.sleep(after + 0.2 * (SLOWDOWN - 1))  # the schedule does not slow down, the start does
    return process


def stop(process, *signals, pause=0.3, group=False):
    """Sends the signals, a pause between them; the result has the seconds since the first."""
    workers = children(process.pid)
    sent = time.monotonic()
    for number, which in enumerate(signals):
        time.sleep(pause if number else 0)
        os.killpg(process.pid, which) if group else process.send_signal(which)
    result = finish(process, timeout=30)
    result.took = time.monotonic() - sent
    result.left = [pid for pid in workers if not gone(pid)]
    return result


def describe(result):
    return f"{result.took:.2f} s, left {result.left}\n{result}"


def check(result, code, name):
    ok(result.code == code and result.balances() and not result.left and
       result.report.get("exit_code") == code, name, describe(result))


def test_graceful(shop):
    result = stop(begin(scenario(shop)), signal.SIGINT)
    check(result, 130, "the first Ctrl-C stops the run: exit code 130, a report, the books balance")
    load = result.load
    ok(load.get("ok") == load.get("scheduled") and load.get("ok", 0) >= 40 and
       load.get("interrupted") == 0, "journeys under way come to their end", describe(result))
    ok(0.2 < result.took < 3 * SLOWDOWN, "and no new ones begin", describe(result))
    ok(result.report.get("interrupted") == "SIGINT" and "stopping" in result.err,
       "the report and the screen say that it was stopped", describe(result))


def test_at_once(shop):
    result = stop(begin(scenario(shop, "    - get: /hang")), signal.SIGINT, signal.SIGINT)
    check(result, 130, "the second Ctrl-C ends it at once, with exit code 130 and balanced books")
    ok(result.took < 3 * SLOWDOWN, "long before the time to drain is over", describe(result))
    load = result.load
    ok(load.get("interrupted", 0) > 30 and load.get("timed_out") == 0 and not result.errors(),
       "what was under way is interrupted, which is nobody's failure", describe(result))


def test_other_signals(shop):
    for which, code in ((signal.SIGTERM, 143), (signal.SIGHUP, 143)):
        result = stop(begin(scenario(shop), after=1), which)
        check(result, code, f"{which.name} stops gracefully with exit code {code}")
        ok(result.load.get("ok") == result.load.get("scheduled") and
           result.report.get("interrupted") == which.name,
           f"{which.name}: journeys end, the report names the signal", describe(result))
    result = stop(begin(scenario(shop, "    - get: /hang"), after=1), signal.SIGTERM, signal.SIGTERM)
    check(result, 143, "a second SIGTERM ends it at once")
    ok(result.took < 3 * SLOWDOWN, "without draining", describe(result))


def test_whole_group(shop):
    for which, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)):
        process = begin(scenario(shop), after=1, start_new_session=True)
        result = stop(process, which, group=True)
        check(result, code, f"{which.name} to everyone in the group stops as gracefully")
        ok(result.load.get("ok") == result.load.get("scheduled") and
           "killed" not in result.err, f"{which.name}: workers do not die of it", describe(result))


def test_in_the_drain(shop):
    text = scenario(shop, "    - get: /hang", drain="20s", length="1s")
    result = stop(begin(text, after=2), signal.SIGINT, signal.SIGINT)
    check(result, 130, "Ctrl-C twice during the drain ends it")
    ok(result.took < 3 * SLOWDOWN and result.load.get("interrupted") == 40,
       "at once, with all starts accounted for", describe(result))
    text = scenario(shop, "    - get: /slow/2500", drain="20s", length="1s")
    result = stop(begin(text, after=2), signal.SIGINT)
    check(result, 130, "Ctrl-C once during the drain")
    ok(result.load.get("ok") == 40, "lets what is under way end", describe(result))


def test_while_thinking(shop):
    text = scenario(shop, "    - get: /ok\n    - think: 60s\n    - get: /ok", drain="1s")
    result = stop(begin(text), signal.SIGINT)
    check(result, 130, "visitors who think when the drain is over are let go")
    ok(0.8 < result.took < 4 * SLOWDOWN and result.load.get("failed") == 0,
       "when the drain is over, and that is no failure", describe(result))


def test_before_the_first_start(shop):
    text = scenario(shop).replace("load: {", "load: { nothing: { pause: 20s }, ")
    result = stop(begin(text, after=0.2), signal.SIGINT)
    check(result, 130, "Ctrl-C before the first start: a report of nothing")
    ok(result.load.get("scheduled") == 0 and result.took < 3 * SLOWDOWN,
       "at once, as there is nothing to wait for", describe(result))


def test_before_the_workers():
    """While the target is being asked for its data."""
    with Shop() as shop:
        text = scenario(shop, "    - get: /${things.sku}")
        text += "data: { things: { read: GET /hang, each: /items } }\n"
        process = start(text)
        wait_for(lambda: any(line["path"] == "/hang" for line in shop.log()))
        process.send_signal(signal.SIGINT)
        result = finish(process, timeout=20)
        ok(result.code in (130, -signal.SIGINT) and not os.path.exists(result.directory),
           "Ctrl-C while data is read from the target ends it, and nothing is left half-written",
           result)


def test_nohup(shop):
    text = scenario(shop, "    - get: /ok", length="2s").replace("workers: 2", "workers: 1")
    process = start(text, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    wait_for(lambda: children(process.pid))
    time.sleep(1)
    process.send_signal(signal.SIGHUP)
    result = finish(process)
    ok(result.code == 0 and result.load.get("ok") == 80,
       "a run that was told to ignore SIGHUP, as nohup does, goes on", result)


def test_many(shop):
    """An impatient person: more of them must not cost the report."""
    signals = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP] * 10
    result = stop(begin(scenario(shop, "    - get: /hang")), *signals[:1], *signals, pause=0.01)
    check(result, 130, "the first signal decides, a hail of them changes nothing")


with Shop() as moody:
    test_graceful(moody)
    test_at_once(moody)
    test_other_signals(moody)
    test_whole_group(moody)
    test_in_the_drain(moody)
    test_while_thinking(moody)
    test_before_the_first_start(moody)
    test_nohup(moody)
    test_many(moody)
test_before_the_workers()
done()
