"""flaky: stands between a service and a witness, and does to their talk what networks do.

    between = FlakyHttp("127.0.0.1", psp.port)
    between.mood = lambda number: "swallow"     # of the number-th request: pass, swallow, cut, late
"""
import http.client
import http.server
import socket
import socketserver
import threading
import time


class FlakyHttp:
    """pass: as it is. swallow: it arrives, its answer does not. cut: it does not arrive. late: it
    arrives and is answered after `late_s`."""

    def __init__(self, host, port, late_s=3.0):
        self.target, self.late_s, self.count = (host, port), late_s, 0
        self.mood = lambda number: "pass"
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                outer.relay(self)

            do_GET = do_POST = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def relay(self, handler):
        with self.lock:
            number, self.count = self.count, self.count + 1
        mood = self.mood(number)
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        handler.close_connection = mood in ("swallow", "cut")
        if mood == "cut":
            return
        upstream = http.client.HTTPConnection(*self.target, timeout=20)
        try:
            upstream.request(handler.command, handler.path, body,
                             {name: value for name, value in handler.headers.items()
                              if name.lower() not in ("host", "connection", "content-length")})
            answer = upstream.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException):
            handler.close_connection = True
            return
        finally:
            upstream.close()
        if mood == "swallow":
            return
        if mood == "late":
            time.sleep(self.late_s)
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in ("connection", "content-length", "date", "server"):
                handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class FlakySmtp:
    """Relays lines; while `swallow` is above 0, the answer to a mail is not passed on."""

    def __init__(self, host, port):
        self.target, self.swallow, self.lock = (host, port), 0, threading.Lock()
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                outer.relay(self)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def relay(self, handler):
        with socket.create_connection(self.target, 20) as upstream:
            answers = upstream.makefile("rb")
            handler.wfile.write(answers.readline())
            for line in handler.rfile:
                upstream.sendall(line)
                data = line.upper().startswith(b"DATA")
                if not self.pass_reply(handler, answers, False):
                    return
                if data:
                    for text in handler.rfile:
                        upstream.sendall(text)
                        if text == b".\r\n":
                            break
                    with self.lock:
                        lose, self.swallow = self.swallow > 0, max(0, self.swallow - 1)
                    if not self.pass_reply(handler, answers, lose):
                        return

    @staticmethod
    def pass_reply(handler, answers, lose):
        while True:
            line = answers.readline()
            if not line or lose:
                return False
            handler.wfile.write(line)
            if line[3:4] != b"-":
                return True

    def close(self):
        self.server.shutdown()
        self.server.server_close()
