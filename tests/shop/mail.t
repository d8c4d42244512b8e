#!/usr/bin/python3
# the mail server: what it keeps, what it refuses, and what a kill leaves
# timeout: 120s
import os
import smtplib
import socket
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))
from witness import Witness, done, ok

directory = tempfile.TemporaryDirectory()
ledger = os.path.join(directory.name, "mail.jsonl")
mail = Witness("mail", "--ledger", ledger)


def send(order, body="Thank you.", to=("a@shop.example",), extra=""):
    with smtplib.SMTP("127.0.0.1", mail.smtp_port, timeout=20) as smtp:
        smtp.sendmail("shop@shop.example", list(to),
                      f"Subject: Your order\r\n {order}\r\nMessage-ID: <{order}@shop>\r\n"
                      f"x-order-id: {order}\r\nX-Order-Key: key-{order}\r\n{extra}\r\n{body}")


def mails(query=""):
    return mail.ask("GET", f"/mails?{query}")[1]


class Raw:
    """Lines as they are, and the code of each reply."""

    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", mail.smtp_port), 20)
        self.file = self.socket.makefile("rb")
        self.greeting = self.code()

    def code(self):
        while True:
            try:
                line = self.file.readline()
            except ConnectionResetError:
                line = b""
            if not line:
                return None
            if line[3:4] != b"-":
                return int(line[:3])

    def __call__(self, line):
        self.socket.sendall(line + b"\r\n")
        return self.code()

    def close(self):
        self.file.close()
        self.socket.close()


send("ord_1", body="one\r\n.two\r\n..three\r\n", to=("a@x.example", "b@x.example"))
found = mails("order_id=ord_1")["items"]
ok(len(found) == 1, "a mail is kept", found)
kept = found[0]
ok(kept["to"] == ["a@x.example", "b@x.example"] and kept["from"] == "shop@shop.example",
   "with its envelope", kept)
ok(kept["subject"] == "Your order ord_1" and kept["message_id"] == "<ord_1@shop>" and
   kept["order_key"] == "key-ord_1", "its headers, whatever their case, unfolded", kept)
ok(kept["body"] == "one\r\n.two\r\n..three\r\n", "and its body with the dots it had", kept)
send("ord_2")
ok([m["order_id"] for m in mails()["items"]] == ["ord_1", "ord_2"], "in the order they came")
ok([m["order_id"] for m in mails("after=mail_1")["items"]] == ["ord_2"], "after one")
ok(mails("order_key=key-ord_2")["items"][0]["id"] == "mail_2", "by key")
ok(mails("order_id=none")["items"] == [] and mails("limit=1")["has_more"] is True, "pages")
for query in ("limit=0", "limit=x", "limit=1001", "after=7", "after=mail_", "after=mail_-1"):
    ok(mail.ask("GET", f"/mails?{query}")[0] == 400, f"refused: {query}")
ok(mail.ask("POST", "/mails")[0] == 404 and mail.ask("GET", "/")[0] == 404, "nothing else")

raw = Raw()
ok(raw.greeting == 220, "greets")
ok(raw(b"MAIL FROM:<a@b>") == 503, "no MAIL before EHLO")
ok(raw(b"EHLO me") == 250 and raw(b"RCPT TO:<a@b>") == 503, "no RCPT before MAIL")
ok(raw(b"DATA") == 503, "no DATA before RCPT")
ok(raw(b"MAIL FROM:<a@b") == 501 and raw(b"MAIL a@b") == 501, "an address stands in brackets")
ok(raw(b"mail from:<> SIZE=12") == 250 and raw(b"rcpt to:<a@b>") == 250, "any case")
ok(raw(b"RCPT TO:<>") == 501 and raw(b"RCPT TO:<a b>") == 501, "a recipient is someone")
ok(raw(b"RSET") == 250 and raw(b"DATA") == 503, "RSET forgets")
ok(raw(b"NOOP") == 250 and raw(b"VRFY a") == 252 and raw(b"HELO x") == 250, "NOOP VRFY HELO")
ok(raw(b"\xff\x00") == 500, "what is no command")
ok(raw(b"QUIT") == 221 and raw.code() is None, "QUIT ends it")
raw.close()

raw = Raw()
raw(b"EHLO me")
raw.socket.sendall(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
ok([raw.code(), raw.code(), raw.code()] == [250, 250, 354], "pipelined commands")
raw.socket.sendall(b"Subject: \xff\xfe\x00\r\nno header\r\n\r\n\xc3\x28\r\n.\r\nNOOP\r\n")
ok([raw.code(), raw.code()] == [250, 250], "the next command waits for the disk")
strange = mails("after=mail_2")["items"][0]
ok("\ufffd" in strange["subject"] and "\ufffd" in strange["body"], "bytes that are no text",
   strange)
raw(b"MAIL FROM:<a@b>")
ok([raw(b"RCPT TO:<x%d@y>" % i) for i in range(101)][-1] == 452, "recipients are bounded")
ok(raw(b"DATA") == 354, "those before are good")
raw.socket.sendall((b"x" * 998 + b"\r\n") * 1100)
ok(raw(b".") == 552, "a mail is bounded")
ok(raw(b"NOOP") == 250, "and the connection goes on")
ok(mails()["total"] == 3, "it was not kept")
ok(raw(b"y" * 5000) == 500 and raw.code() is None, "a line is bounded")
raw.close()
raw = Raw()
raw(b"EHLO me")
ok([raw(b"WHAT") for _ in range(21)][-1] == 421, "mistakes are bounded")
raw.close()
raw = Raw()
raw(b"EHLO me")
raw(b"MAIL FROM:<a@b>")
raw(b"RCPT TO:<c@d>")
raw(b"DATA")
raw.socket.sendall(b"Subject: cut\r\n\r\nhalf a")
raw.close()
time.sleep(0.1)
ok(mails()["total"] == 3, "half a mail is none")

before = mails()["items"]
mail.restart()
ok(mails()["items"] == before, "a kill loses nothing")
send("ord_3")
ok(mails("order_id=ord_3")["items"][0]["id"] == "mail_4", "and numbers go on")

told, running = set(), True


def crowd(number):
    i = 0
    while running:
        i += 1
        try:
            send(f"c-{number}-{i}")
            told.add(f"c-{number}-{i}")
        except (OSError, smtplib.SMTPException):
            time.sleep(0.02)


crew = [threading.Thread(target=crowd, args=(number,)) for number in range(6)]
for one in crew:
    one.start()
for _ in range(4):
    time.sleep(0.4)
    mail.restart()
time.sleep(0.4)
running = False
for one in crew:
    one.join()
kept, after = [], "mail_0"
while True:
    page = mails(f"limit=1000&after={after}")
    kept += [m["order_id"] for m in page["items"]]
    if not page["has_more"]:
        break
    after = page["items"][-1]["id"]
ok(len(told) > 10, f"{len(told)} mails around four kills")
ok(told <= set(kept), "each that was accepted is there")
ok(all(kept.count(order) == 1 for order in told), "once")
code, said = mail.end()
ok(code == 0 and said == "", "SIGTERM ends it", (code, said))
done()
