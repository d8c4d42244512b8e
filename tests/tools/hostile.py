#!/usr/bin/python3
"""A server with bad manners, one per path, for the tests of the transports.

    hostile.py CERTIFICATES-DIR

Prints one line with its ports: plain, then one TLS port for each of good, stranger and expired
(certificates below the directory), one that wants a client certificate, and one that accepts
connections and never says a word. Serves until its standard input ends.
"""
import socket
import ssl
import struct
import sys
import threading
import time

BEHAVIOURS = {}
counts = {}
lock = threading.Lock()


def behaviour(function):
    BEHAVIOURS["/" + function.__name__.replace("_", "-")] = function
    return function


class Request:
    def __init__(self, connection, method, path, head, number):
        self.connection, self.method, self.path, self.head = connection, method, path, head
        self.number = number  # on this connection, from 1
        self.query = path.partition("?")[2]

    def length(self):
        for line in self.head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                return int(line[15:])
        return 0

    def send(self, data):
        self.connection.sendall(data)

    def reply(self, body=b"", status="200 OK", headers=()):
        lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}"]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


# --- good manners ---

@behaviour
def small(r):
    r.reply(b"hello", headers=["X-Mood: fine"])


@behaviour
def echo(r):
    r.reply(r.head + r.body)


@behaviour
def count(r):
    r.reply(str(r.number).encode())


@behaviour
def chunked(r):
    r.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n")


@behaviour
def chunked_slowly(r):
    r.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for part in (b"3\r", b"\nhe", b"l\r\n", b"2\r\nlo\r\n0", b"\r\n\r\n"):
        time.sleep(0.005)
        r.send(part)


@behaviour
def trailers(r):
    r.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
           b"5\r\nhello\r\n0\r\nX-Sum: 5\r\nX-Other: y\r\n\r\n")


@behaviour
def until_close(r):
    r.send(b"HTTP/1.1 200 OK\r\n\r\nhel")
    time.sleep(0.005)
    r.send(b"lo")
    return False


@behaviour
def until_close_at_once(r):
    r.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
    return False


@behaviour
def http10(r):
    r.send(b"HTTP/1.0 200 OK\r\n\r\nhello")
    return False


@behaviour
def gzip(r):
    r.reply(bytes.fromhex("1f8b08000000000002ffcb48cdc9c9070086a6103605000000"),
            headers=["Content-Encoding: gzip"])


@behaviour
def interim(r):
    r.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    time.sleep(0.005)
    r.reply(b"hello")


@behaviour
def no_content(r):
    r.send(b"HTTP/1.1 204 No Content\r\n\r\n")


@behaviour
def not_modified(r):
    r.send(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")


@behaviour
def redirect(r):
    r.reply(b"there", "302 Found", ["Location: /small", "Set-Cookie: a=b"])


@behaviour
def teapot(r):
    r.reply(b"short and stout", "418 I'm a teapot")


@behaviour
def byte_by_byte(r):
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Mood: slow\r\n\r\nhello":
        r.send(bytes([byte]))
        time.sleep(0.001)


@behaviour
def large(r):
    r.reply(bytes(range(256)) * 4096)


@behaviour
def huge(r):
    r.send(b"HTTP/1.1 200 OK\r\nContent-Length: 125829120\r\n\r\n")
    for _ in range(120):
        r.send(b"x" * (1 << 20))


@behaviour
def measure(r):
    r.reply(f"{len(r.body)} {sum(r.body)}".encode())


@behaviour
def slow_reader(r):  # the body is read by serve(), slowly
    measure(r)


@behaviour
def said_close(r):
    r.reply(b"hello", headers=["Connection: close"])
    return False


@behaviour
def closed_later(r):
    r.reply(b"hello")
    time.sleep(0.02)
    return False


@behaviour
def closed_at_once(r):
    r.reply(b"hello")
    return False


@behaviour
def chatty(r):
    r.reply(b"hello")
    time.sleep(0.02)
    r.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nagain")


@behaviour
def server_name(r):
    r.reply((getattr(r.connection, "name_asked_for", None) or "none").encode())


@behaviour
def whence(r):
    r.reply(r.connection.getpeername()[0].encode())


@behaviour
def asked(r):  # how often ?KEY was asked for
    with lock:
        r.reply(str(counts.get(r.query, 0)).encode())


# --- bad manners ---

@behaviour
def drops_kept(r):  # ?KEY: answers on a fresh connection, drops a kept one without a word
    with lock:
        counts[r.query] = counts.get(r.query, 0) + 1
    if r.number > 1:
        return False
    r.reply(b"fresh")


@behaviour
def drops_all(r):
    with lock:
        counts[r.query] = counts.get(r.query, 0) + 1
    if r.query and counts[r.query] == 1:
        return r.reply(b"fresh")
    return False


@behaviour
def hang(r):
    time.sleep(2)
    return False


@behaviour
def hang_in_head(r):
    r.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    time.sleep(2)
    return False


@behaviour
def hang_in_body(r):
    r.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
    time.sleep(2)
    return False


@behaviour
def reset(r):
    r.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


@behaviour
def cut_in_head(r):
    r.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    return False


@behaviour
def cut_in_body(r):
    r.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
    return False


@behaviour
def reset_in_body(r):
    r.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
    time.sleep(0.02)
    return reset(r)


@behaviour
def cut_in_chunk(r):
    r.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhello")
    return False


@behaviour
def cut_between_chunks(r):
    r.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    return False


@behaviour
def goodbye_in_body(r):  # over TLS: an orderly end of TLS where HTTP has none
    r.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
    r.connection.unwrap()
    return False


def says(name, data):
    def function(r):
        r.send(data)
        return False
    BEHAVIOURS["/" + name] = function


says("garbage", b"\x00\x01\x02garbage\xff\xfe" * 10)
says("prose", b"It was a dark and stormy night.\r\nAnd so on.\r\n\r\n")
says("old-protocol", b"<html>hello</html>")
says("other-protocol", b"SSH-2.0-OpenSSH_9.2\r\n")
says("two-lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!")
says("length-and-chunked", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
     b"5\r\nhello\r\n0\r\n\r\n")
says("bad-length", b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello")
says("negative-length", b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello")
says("vast-length", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello")
says("bad-chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzebra\r\nhello\r\n0\r\n\r\n")
says("bad-chunk-end", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n")
says("folded", b"HTTP/1.1 200 OK\r\nX-A: one\r\n two\r\nContent-Length: 5\r\n\r\nhello")
says("bare-lf", b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello")
says("zero-byte", b"HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 5\r\n\r\nhello")
says("no-colon", b"HTTP/1.1 200 OK\r\nwhat is this\r\nContent-Length: 5\r\n\r\nhello")
says("status-99999", b"HTTP/1.1 99999 OK\r\nContent-Length: 5\r\n\r\nhello")
says("switch", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
says("interim-flood", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000)
says("many-headers", b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 20000 + b"\r\n")


@behaviour
def big_header(r):
    r.send(b"HTTP/1.1 200 OK\r\nX-Big: " + b"x" * (1 << 20) + b"\r\nContent-Length: 5\r\n\r\nhello")
    return False


@behaviour
def endless(r):
    r.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    for _ in range(200000):
        r.send(chunk)
    return False


@behaviour
def early_answer(r):  # answered by serve() before the body is read
    r.reply(b"too much", "413 Content Too Large", ["Connection: close"])
    return False


# --- serving ---

def read_head(connection, kept):
    while b"\r\n\r\n" not in kept:
        data = connection.recv(65536)
        if not data:
            return None, b""
        kept += data
    head, _, rest = kept.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def read_body(connection, length, rest, slowly):
    while len(rest) < length:
        data = connection.recv(16384)
        if not data:
            return None
        rest += data
        if slowly:
            time.sleep(0.001)
    return rest


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def tunnel(connection, where):
    host, _, port = where.rpartition(":")
    if host == "forbidden.test":
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        return
    with socket.create_connection((host, int(port))) as other:
        connection.sendall(b"HTTP/1.1 200 Connected\r\nX-Proxy: hello\r\n\r\n")
        back = threading.Thread(target=copy, args=(other, connection), daemon=True)
        back.start()
        copy(connection, other)
        back.join()


def converse(connection):
    number, rest = 0, b""
    while True:
        head, rest = read_head(connection, rest)
        if head is None:
            return
        number += 1
        method, path = head.split(b" ", 2)[:2]
        if method == b"CONNECT":
            tunnel(connection, path.decode())
            return
        request = Request(connection, method.decode(), path.decode(), head, number)
        name = request.path.partition("?")[0]
        if name.startswith("http://"):  # asked as a proxy, and plays the origin too
            name = "/" + name.split("/", 3)[3]
        if name == "/early-answer":
            BEHAVIOURS[name](request)
            connection.shutdown(socket.SHUT_WR)
            read_body(connection, request.length(), rest, False)
            return
        length = request.length()
        rest = read_body(connection, length, rest, name == "/slow-reader")
        if rest is None:
            return
        request.body, rest = rest[:length], rest[length:]
        if method == b"HEAD":
            request.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Mood: fine\r\n\r\n")
        elif BEHAVIOURS.get(name, lambda r: r.reply(b"?", "404 Not Found"))(request) is False:
            return


def serve(connection, context):
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            connection = context.wrap_socket(connection, server_side=True)
        converse(connection)
    except (OSError, ValueError):
        pass
    finally:
        try:
            connection.close()
        except OSError:
            pass


def listen(context=None, target=serve):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    listener.bind(("127.0.0.1", 0))
    listener.listen(4096)

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=target, args=(connection, context), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def be_silent(connection, _):
    time.sleep(5)
    connection.close()


def tls(directory, name, client_ca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{directory}/{name}.pem", f"{directory}/{name}.key")
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)

    def remember(connection, name_asked_for, _):
        connection.name_asked_for = name_asked_for

    context.sni_callback = remember
    return context


def main():
    directory = sys.argv[1]
    threading.stack_size(256 * 1024)
    ports = [listen()]
    ports += [listen(tls(directory, name)) for name in ("good", "stranger", "expired")]
    ports.append(listen(tls(directory, "good", f"{directory}/ca.pem")))
    ports.append(listen(target=be_silent))
    print(*ports, flush=True)
    sys.stdin.read()


main()
