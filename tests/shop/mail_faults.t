#!/usr/bin/python3
# what the mail server does wrong when it is told to
# timeout: 60s
import http.client
import json
import os
import smtplib
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))
from witness import Witness, done, ok

directory = tempfile.TemporaryDirectory()
ledger = os.path.join(directory.name, "mail.jsonl")
mail = Witness("mail", "--ledger", ledger, "--fault", "bounce: { status: 550 }")


def control(method, path="", body=None):
    connection = http.client.HTTPConnection("127.0.0.1", mail.port, timeout=20)
    try:
        connection.request(method, f"/witness/faults{path}",
                           None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def only(body):
    control("DELETE")
    status, said = control("PUT", "/only", body)
    if status != 200:
        raise RuntimeError(said)


def send(order):
    """None when it was accepted, the code of the refusal, or "lost"."""
    try:
        with smtplib.SMTP("127.0.0.1", mail.smtp_port, timeout=20) as smtp:
            smtp.sendmail("shop@shop.example", ["a@shop.example"],
                          f"Subject: x\r\nX-Order-Id: {order}\r\n\r\nhello")
    except smtplib.SMTPRecipientsRefused as refused:
        return next(iter(refused.recipients.values()))[0]
    except smtplib.SMTPDataError as refused:
        return refused.smtp_code
    except smtplib.SMTPServerDisconnected:
        return "lost"
    return None


def kept(order):
    return len(mail.ask("GET", f"/mails?order_id={order}")[1]["items"])


ok(send("o1") == 550 and kept("o1") == 0, "--fault: the mail is refused and not kept")
only({"bounce": {"status": 450, "at": "rcpt"}})
ok(send("o2") == 450 and kept("o2") == 0, "or its recipient")
only({"bounce": {"share": "40%"}, "seed": 3})
codes = [send(f"s{i}") for i in range(30)]
ok(3 < codes.count(451) < 27 and codes.count(None) == 30 - codes.count(451),
   "a share of them, try again later", codes)
ok(sum(kept(f"s{i}") for i in range(30)) == codes.count(None), "the others are kept")
seen = control("GET")[1]
ok(seen["witness"] == "mail" and seen["faults"][0]["met"] == 30 and
   seen["faults"][0]["hits"] == codes.count(451), "which is counted", seen)
only({"lose-reply": {}})
ok(send("o3") == "lost" and kept("o3") == 1, "a lost 250: it is kept, and its sender not told")
only({"delay": {"delay": "600ms"}})
began = time.monotonic()
late = threading.Thread(target=send, args=("o4",))
late.start()
time.sleep(0.3)
ok(kept("o4") == 1 and late.is_alive(), "a delay: it is kept, and answered later")
late.join()
ok(time.monotonic() - began > 0.55, "by so much")
only({"delay": {"delay": "60s"}})
smtp = smtplib.SMTP("127.0.0.1", mail.smtp_port, timeout=20)
smtp.helo()
smtp.mail("a@x.example")
smtp.rcpt("b@x.example")
smtp.docmd("DATA")
smtp.sock.sendall(b"X-Order-Id: o5\r\n\r\nx\r\n.\r\n")
time.sleep(0.2)
smtp.close()
control("DELETE")
ok(send("o6") is None and kept("o5") == kept("o6") == 1, "who leaves meanwhile harms nobody")
ok(control("PUT", "/x", {"decline": {}})[0] == 400, "a mail server declines no cards")
ok(control("PUT", "/x", {"bounce": {"status": 250}})[0] == 400, "250 is no refusal")
only({"delay": {"delay": "60s"}})
threading.Thread(target=send, args=("o7",), daemon=True).start()
time.sleep(0.3)
code, said = mail.end()
ok(code == 0 and said == "", "it ends in good order", (code, said))
done()
