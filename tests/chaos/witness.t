#!/usr/bin/python3
# faults of the witnesses are done by themselves, and end: in time, when who armed them is killed,
# and when the witness is gone
# timeout: 90s
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../tools"))
sys.path.insert(0, os.path.join(HERE, "../shop"))
from runs import wait_for  # noqa: E402
from witness import BINARY, Witness, done, ok  # noqa: E402

scratch = tempfile.TemporaryDirectory()
psp, mail = Witness("psp"), Witness("mail")
ENVIRONMENT = os.environ | {"SAGASTORM_STATE": f"{scratch.name}/state"}
SYSTEM = """
system:
  services:
    psp: {{ url: "http://127.0.0.1:{psp}", health: "http://127.0.0.1:{psp}/health" }}
    mail: {{ url: "http://127.0.0.1:{mail}", health: "http://127.0.0.1:{mail}/health" }}
    other: {{ url: "http://192.0.2.1:80" }}
  edges:
    - {{ from: visitors, to: psp, url: "http://127.0.0.1:{psp}" }}
    - {{ from: visitors, to: mail, url: "http://127.0.0.1:{mail}" }}
    - {{ from: psp, to: other, url: "http://192.0.2.1:80" }}
  allow: [192.0.2.1]
chaos:
  faults:
"""


def write(*faults):
    path = f"{scratch.name}/day.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(SYSTEM.format(psp=psp.port, mail=mail.port))
        file.writelines(f"    - {{ at: 0s, {fault} }}\n" for fault in faults)
    return path


def sagastorm(*words):
    return subprocess.run([BINARY, *words], capture_output=True, text=True, env=ENVIRONMENT,
                          timeout=60)


def arm(*faults):
    return subprocess.Popen([BINARY, "chaos", "arm", write(*faults)], env=ENVIRONMENT, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def armed(witness):
    connection = http.client.HTTPConnection("127.0.0.1", witness.port, timeout=20)
    try:
        connection.request("GET", "/witness/faults")
        return json.loads(connection.getresponse().read())["faults"]
    finally:
        connection.close()


def charge():
    return psp.ask("POST", "/v1/payment_intents", {
        "amount": 1099, "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"})


# In time

day = arm("for: 2s, decline: { witness: psp, code: lost_card }",
          "for: 2s, webhooks: { witness: psp, share: 50%, delay: 1s }",
          "for: 2s, bounce: { witness: mail, status: 550 }")
wait_for(lambda: len(armed(psp)) == 2 and len(armed(mail)) == 1, 15)
status, body, _ = charge()
ok(status == 402 and body["error"]["decline_code"] == "lost_card", "a card is declined", body)
said = day.communicate(timeout=60)[0]
ok(day.returncode == 0 and "3 healed" in said, "all three are healed in their time", said)
ok(armed(psp) == armed(mail) == [] and charge()[0] == 200, "and are gone")
ok("hits: 1" in said, "hits are what the witness counted", said)

# What is planned

plan = sagastorm("chaos", "arm", "--dry-run", write("provider-error: { witness: psp, share: 5% }"))
ok(plan.returncode == 0 and f"http://127.0.0.1:{psp.port}" in plan.stdout and "5%" in plan.stdout
   and armed(psp) == [], "a dry run finds the witness and does nothing", plan)
for fault, why in (("decline: { witness: mail }", "no `sagastorm witness psp`"),
                   ("bounce: { witness: psp }", "no `sagastorm witness mail`"),):
    plan = sagastorm("chaos", "arm", "--dry-run", write(fault))
    ok(why in plan.stdout + plan.stderr, f"the wrong one: {fault}", plan)
for fault, why in (("decline: { share: 10% }", "missing key 'witness'"),
                   ("decline: { witness: psi }", "did you mean 'psp'"),
                   ("decline: { service: psp }", "only at a witness"),
                   ("kill: { witness: psp }", "can't be aimed at 'witness'"),
                   ("decline: { witness: psp, code: broke }", "code"),
                   ("webhooks: { witness: psp }", "does nothing"),
                   ("provider-error: { witness: psp, status: 404 }", "429"),
                   ("provider-error: { witness: psp, status: 429, when: after }", "before"),
                   ("bounce: { witness: mail, status: 250 }", "status")):
    said = sagastorm("chaos", "arm", "--dry-run", write(fault))
    ok(said.returncode == 2 and why in said.stderr and "day.yaml:" in said.stderr,
       f"a mistake: {fault}", said)

# Whatever happens to who armed them

day = arm("for: 60s, provider-error: { witness: psp, when: after }")
wait_for(lambda: armed(psp), 15)
day.send_signal(signal.SIGKILL)
day.communicate(timeout=20)
ok(wait_for(lambda: armed(psp) == [], 15) is not False and armed(psp) == [],
   "killed: it is healed all the same")
wait_for(lambda: "nothing" in sagastorm("chaos", "status").stdout, 15)

# Whatever happens to the witness

day = arm("for: 2s, decline: { witness: psp }")
wait_for(lambda: armed(psp), 15)
psp.end(signal.SIGKILL)
said = day.communicate(timeout=60)[0]
ok(day.returncode == 0 and "1 healed" in said, "a witness that is gone has no faults", said)
said = sagastorm("chaos", "heal")
ok(said.returncode == 0, "and there is nothing to heal", said)
mail.end()
done()
