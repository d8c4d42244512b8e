#!/usr/bin/python3
"""A service to be broken: writes its pid into a file, answers 200, ends by itself after a while.

    victim.py PIDFILE PORT [IGNORE-TERM]
"""
import http.server
import os
import signal
import sys

LIFE_S = 100


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


signal.alarm(LIFE_S)
if "IGNORE-TERM" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Answer)
with open(f"{sys.argv[1]}.new", "w", encoding="ascii") as file:
    file.write(f"{os.getpid()}\n")
os.rename(f"{sys.argv[1]}.new", sys.argv[1])
server.serve_forever()
