#!/usr/bin/python3
"""What is wrong for good is told while the run goes on, and can stop it; breakers are looked at."""
# timeout: 150s
import http.client
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, "tests/tools")
sys.path.insert(0, "tests/shop")
from runs import SCRATCH, done, finish, ok, run, start
from witness import Witness

SCENARIOS = os.path.abspath("scenarios")


def shop(faults, bug="", seconds=8, gate="", rate=15):
    return f"""
seed: 3
use: [{SCENARIOS}/journeys/buyer.yaml, {SCENARIOS}/sagas/order.yaml]
vars: {{ think: 110ms, patience: 6s, bug: "{bug}" }}
system: {{ shop: {{ bugs: ["${{bug}}"], limits: no, deadline: 5s, breaker-open: 500ms }} }}
http: {{ timeout: 5s }}
generator: {{ lag-limit: 5s, stall-limit: 9s, cpu-limit: 100%, drain: 10s }}
load: {{ day: {{ rate: {rate}/s, for: {seconds}s }} }}
mix: {{ checkout: 1 }}
chaos:
  faults:
{faults}
gates: [ {gate} ]
"""


def told(result):
    return [line for line in (result.out + result.err).splitlines() if line.startswith("saga ")]


def verdicts(result):
    with open(f"{result.directory}/history/verdicts.json", encoding="utf-8") as file:
        return {one["name"]: one for one in json.load(file)["sagas"]["order"]["invariants"]}


# Money that is taken twice stops the run.
LOST = "    - { at: 1s, lose-reply: { edge: payment -> psp, share: 40%, " \
       "call: POST /v1/payment_intents } }"
result = finish(start(shop(LOST, "retry-new-key", 20, '{ gate: "sagas.violations == 0", abort: yes }')),
                100)
ok(any("'charge' happened more often than it may" in line for line in told(result)),
   "a charge that happened twice is told at once", result)
ok(result.code == 21 and "it stopped the run" in result.out and
   result.load.get("scheduled", 999) < 200, "and stops the run, when its gate says so", result)
ok(len(set(told(result))) == len(told(result)) <= 20, "each once, and not too many", told(result))
wrong = verdicts(result)["charge-once"]
keys = {line.split()[2].rstrip(":") for line in told(result)}
ok(wrong["verdict"] == "invalid" and wrong["violations"] >= len(keys) and
   {one["saga"] for one in wrong["witnesses"]} & keys, "the judge says the same", wrong)

# A shop that is right, with a provider and a mail server that are not; and a breaker that opens.
ABORT = "    - { at: 1s, for: 2s, abort: { edge: payment -> psp } }\n" \
        "    - { at: 4s, for: 3s, decline: { witness: psp, share: 30% } }\n" \
        "    - { at: 0s, for: 7s, webhooks: { witness: psp, share: 50%, twice: yes, " \
        "reorder: yes } }\n" \
        "    - { at: 4s, for: 2s, bounce: { witness: mail, share: 30% } }"
result = finish(start(shop(ABORT, gate='{ gate: "sagas.violations == 0", abort: yes }')), 100)
said = verdicts(result)
ok(told(result) == [] and all(one["verdict"] != "invalid" for one in said.values()),
   "declines, meddled webhooks and refused mail do no harm to a shop that is right", result)
hits = {fault["kind"]: fault["hits"] for fault in result.report["faults"]}
ok(all(hits[kind] > 0 for kind in ("decline", "webhooks", "bounce")), "though they were met", hits)
ok(said["breaker"]["verdict"] == "valid" and said["breaker"]["checked"] > 0,
   "a breaker that opened and closed again while it ran was seen", said["breaker"])


# Another system, over TLS, whose provider is a witness of ours.
class Orders(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    provider = None

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def charge(self, key):
        connection = http.client.HTTPConnection("127.0.0.1", Orders.provider, timeout=20)
        connection.request("POST", "/v1/payment_intents", urllib.parse.urlencode({
            "amount": 500, "currency": "usd", "confirm": "true",
            "payment_method": "pm_card_visa", "metadata[order_key]": key}),
            {"Content-Type": "application/x-www-form-urlencoded"})
        connection.getresponse().read()
        connection.close()

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        for _ in range(2):
            self.charge(self.headers["Idempotency-Key"])
        self.answer(201, {"id": "o-1", "status": "DONE", "total": 500})

    def do_GET(self):
        self.answer(200, {"id": "o-1", "status": "DONE", "total": 500})


psp = Witness("psp")
Orders.provider = psp.port
cert, key = f"{SCRATCH.name}/cert.pem", f"{SCRATCH.name}/key.pem"
subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
               check=True, capture_output=True)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Orders)
server.daemon_threads = True
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()


def other(trust):
    return f"""
target: https://127.0.0.1:{server.server_port}
http: {{ {trust} }}
generator: {{ lag-limit: 5s, stall-limit: 9s, cpu-limit: 100% }}
system:
  services:
    shop: {{ url: "https://127.0.0.1:{server.server_port}" }}
    psp: {{ url: "http://127.0.0.1:{psp.port}", health: "http://127.0.0.1:{psp.port}/health" }}
  edges:
    - {{ from: visitors, to: shop, url: "https://127.0.0.1:{server.server_port}", protocol: tls }}
    - {{ from: shop, to: psp, url: "http://127.0.0.1:{psp.port}" }}
load: {{ day: {{ rate: 5/s, for: 3s }} }}
sagas:
  order:
    read: GET /orders/${{order.key}}
    state: /status
    id: /id
    amount: /total
    moves: {{ NEW: [DONE, FAILED] }}
    succeeded: [DONE]
    compensated: [FAILED]
    settles-within: 2s
    steps: {{ charge: {{ undo: refund, counts: money, at-most: 1 }}, confirm: {{ pivot: yes }} }}
    evidence:
      - from: psp
        charge: {{ where: /amount_received > 0, key: /metadata/order_key, identity: /id,
                   amount: /amount_received }}
        refund: {{ where: /object == "refund", key: /metadata/order_key, identity: /id,
                   amount: /amount }}
journeys:
  buy:
    - post: /orders
      saga: order
"""


for trust in (f"ca: {cert}", "verify: no"):
    result = run(other(trust))
    said = verdicts(result)
    ok(any("'charge' happened more often" in line for line in told(result)),
       f"a witness of a system of one's own is asked while the run goes on ({trust[:6]})", result)
    ok(result.code == 21 and said["charge-once"]["violations"] == 15 and
       said["terminal"]["verdict"] == "valid",
       f"and evidence is read over TLS, with what the scenario trusts ({trust[:6]})", result)
psp.end()

# Mistakes.
for gate, why in (("sagas.violations > 3", "at its beginning"),
                  ("sagas.stuck == 0", "only after the run")):
    result = run(shop("    []", gate=f'{{ gate: "{gate}", abort: yes }}'))
    ok(result.code == 2 and ("abort" in result.err), f"{gate} can't abort a run", result)
done()
