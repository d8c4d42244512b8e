#!/usr/bin/python3
# everything at once, with too few descriptors, and cut off at any moment: the books still balance
import os
import random
import resource
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from runs import SLOWDOWN, Shop, children, done, finish, gone, ok, start, wait_for  # noqa: E402

JOURNEYS = """
name: storm
target: {url}
seed: {seed}
http: {{ timeout: 150ms, max-body: 64KiB, connect-timeout: 100ms }}
generator: {{ workers: 2, max-users: 300, drain: 500ms, lag-limit: 9s, stall-limit: 9s,
             cpu-limit: 100%, dropped-limit: 100% }}
load:
  open: {{ rate: 120/s, for: 1500ms, arrivals: poisson }}
  closed: {{ users: 30, for: 1s }}
  last: {{ iterations: 60, users: 10, for: 2s }}
mix: {{ page: 3, buyer: 3, racer: 1, loser: 3, looper: 1 }}
journeys:
  page:
    - get: /visit
    - together:
        - get: /slow/30
        - {{ get: /status/404, on-fail: continue }}
        - {{ get: /slow/300, on-fail: continue }}
        - get: /gzip
        - {{ get: /cut, on-fail: continue }}
        - get: /to?/visit
    - think: 0s to 50ms
    - get: /login
  buyer:
    - post: /flaky/2
      json: {{ a: "${{fn.uuid}}" }}
      idempotent: yes
      retry: {{ times: 4, on: [5xx, timeout, reset], backoff: 5ms x2 }}
    - post: /lost/1
      json: {{ a: "${{fn.string(3000)}}" }}
      idempotent: yes
      retry: {{ times: 2, on: [reset], backoff: 5ms }}
      on-fail: continue
    - poll: GET /count-to/3/${{fn.int(1,50)}}
      until: /status == CONFIRMED
      every: 10ms
      within: 200ms
      on-fail: continue
  racer:
    - meet: {{ users: 5, within: 300ms }}
    - post: /ok
      json: {{ n: ${{user}} }}
    - meet: {{ users: 5, within: 100ms }}
    - get: /ok
  loser:
    - set: {{ x: nothing }}
    - get: /hang
      on-fail: continue
    - get: /reset
      on-fail: continue
    - get: /garbage
      on-fail: continue
    - get: /around
      on-fail: continue
    - get: /hang-body
      on-fail: continue
    - get: /bomb
      save: {{ x: {{ from: body, optional: yes }} }}
      on-fail: continue
    - if: ${{x}} exists
      then: [ {{ get: /unlikely }} ]
  looper:
    - get: /api/list
      save: {{ list: /items }}
    - for-each: {{ in: "${{list}}", as: item, do: [ {{ get: "/api/item/${{item}}", name: item }} ] }}
    - repeat: {{ times: 20, do: [ {{ get: /ok }}, {{ think: 5ms }} ] }}
"""


def stop(process, rng):
    """Not at all, or once, or twice, at any time: while it starts, in the middle, in the drain."""
    signals = rng.choice([[], [signal.SIGINT], [signal.SIGTERM, signal.SIGINT]])
    for which in signals:
        time.sleep(rng.uniform(0.3, 3))
        if process.poll() is not None:
            break
        process.send_signal(which)


def weather(shop, seed):
    rng = random.Random(seed)
    kind = rng.choice(["direct", "curl"])
    limit = rng.choice([40, 64, 200, 1024])
    process = start(JOURNEYS.format(url=shop.url, seed=seed), "--transport", kind,
                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
    wait_for(lambda: len(children(process.pid)) == 2 or process.poll() is not None)
    workers = children(process.pid)
    began = time.monotonic()
    stop(process, rng)
    result = finish(process, timeout=25)
    ok(result.code in (0, 10, 130, 143) and result.balances() and all(gone(pid) for pid in workers)
       and "died" not in result.out and "Sanitizer" not in result.err and
       time.monotonic() - began < 12 * SLOWDOWN,
       f"seed {seed}: {kind}, {limit} descriptors, "
       f"{result.report.get('interrupted') or 'to the end'}: {result.load.get('scheduled')} starts",
       f"{time.monotonic() - began:.1f} s\n{result}")


with Shop() as moody:
    for number in [int(seed) for seed in sys.argv[1:]] or range(8):
        weather(moody, number)
done()
