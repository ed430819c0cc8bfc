#!/usr/bin/env python3
"""A hub on ports of this machine, for the tests of `sapiens pull`.

The hub answers like huggingface.co: what lies in Git LFS is redirected to a storage, here the
second port, with digest and size in the headers of the redirect. Options make it misbehave. The
third port is a proxy.
It ends when its standard input does, so that it never outlives a test.
"""

import argparse
import hashlib
import json
import os
import select
import socket
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"<!DOCTYPE html><html><head><title>Log in</title></head><body>Please log in.</body></html>"
CHUNK = 4096
COMMIT = "c0ffee" + "0" * 34


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--file", required=True, help="content of every published file")
    parser.add_argument("--ports", required=True, help="where to write the ports")
    parser.add_argument("--log", required=True, help="where to write requests, one JSON a line")
    parser.add_argument("--drop-after", type=int, help="storage: close after so many bytes")
    parser.add_argument("--stall-after", type=int, help="storage: fall silent after so many bytes")
    parser.add_argument("--misbehave-times", type=int, default=10**9, help="then all is well")
    parser.add_argument("--rate", type=int, help="storage: bytes per second")
    parser.add_argument("--digest", help="claim this digest; none: tell no digest")
    parser.add_argument("--etag", help="claim this as the ETag of the linked file")
    parser.add_argument("--commit", default=COMMIT, help="claim this commit; none: tell none")
    parser.add_argument("--size", type=int, help="claim this size")
    parser.add_argument("--no-size", action="store_true", help="tell no size anywhere")
    parser.add_argument("--send", choices=["lfs", "page"], help="storage: instead of the file")
    parser.add_argument("--send-file", help="storage: this file instead of the one")
    parser.add_argument("--then-zeros", action="store_true", help="storage: and never end")
    parser.add_argument("--no-ranges", action="store_true", help="storage: always the whole file")
    parser.add_argument("--new-etags", action="store_true", help="storage: another one each time")
    parser.add_argument("--no-etags", action="store_true", help="storage: tell none")
    parser.add_argument("--status", type=int, help="hub: refuse with this status")
    parser.add_argument("--error-code", help="hub: X-Error-Code of a refusal")
    parser.add_argument("--retry-after", help="hub: Retry-After of a refusal")
    parser.add_argument("--endless", action="store_true", help="storage: refuse, and never end")
    parser.add_argument("--login-page", action="store_true", help="hub: a page for everything")
    parser.add_argument("--circles", action="store_true", help="hub: redirect to itself")
    parser.add_argument("--tls", metavar="NAME", help="speak TLS, with a certificate for this name")
    parser.add_argument("--authority", help="with --tls: where to write who has signed that")
    parser.add_argument("--plain-storage", action="store_true", help="with --tls: the hub alone")
    parser.add_argument("--renamed", action="store_true", help="hub: redirect once within the hub")
    return parser.parse_args()


class State:
    """What both servers share."""

    def __init__(self, options):
        self.options = options
        with open(options.file, "rb") as file:
            self.content = file.read()
        self.digest = options.digest or hashlib.sha256(self.content).hexdigest()
        if options.send == "page":
            self.sent = PAGE
        elif options.send == "lfs":
            self.sent = (
                "version https://git-lfs.github.com/spec/v1\n"
                f"oid sha256:{self.digest}\nsize {len(self.content)}\n"
            ).encode()
        elif options.send_file:
            with open(options.send_file, "rb") as file:
                self.sent = file.read()
        else:
            self.sent = self.content
        self.lock = threading.Lock()
        self.misbehaved = 0
        self.requests = 0
        self.storage = ""

    def misbehaves(self):
        """True for the first --misbehave-times requests that could go wrong."""
        with self.lock:
            self.misbehaved += 1
            return self.misbehaved <= self.options.misbehave_times

    def log(self, server, handler, status):
        record = {
            "server": server,
            "method": handler.command,
            "path": handler.path,
            "status": status,
            "authorization": handler.headers.get("Authorization"),
            "range": handler.headers.get("Range"),
            "if_range": handler.headers.get("If-Range"),
        }
        with self.lock, open(self.options.log, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state = None

    def log_message(self, *_):
        pass

    def answer(self, server, status, headers, body=b""):
        self.state.log(server, self, status)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self):
        self.do_GET()


class Hub(Handler):
    def do_GET(self):
        options = self.state.options
        if options.login_page:
            return self.answer("hub", 200, {"Content-Type": "text/html; charset=utf-8"}, PAGE)
        if options.status and self.state.misbehaves():
            headers = {"X-Error-Message": "words of the hub"}
            if options.error_code:
                headers["X-Error-Code"] = options.error_code
            if options.retry_after:
                headers["Retry-After"] = options.retry_after
            return self.answer("hub", options.status, headers)
        if options.circles:
            return self.answer("hub", 307, {"Location": self.path})
        if options.renamed and not self.path.startswith("/new/"):
            return self.answer("hub", 307, {"Location": "/new" + self.path})
        location = f"{self.state.storage}/blob?signature=secret"
        headers = {"Location": location}
        if options.send != "lfs":
            if not options.no_size:
                headers["X-Linked-Size"] = str(options.size or len(self.state.content))
            if options.digest != "none":
                headers["X-Linked-Etag"] = options.etag or f'"{self.state.digest}"'
            if options.commit != "none":
                headers["X-Repo-Commit"] = options.commit
        return self.answer("hub", 302, headers)


class Storage(Handler):
    def etag(self):
        if not self.state.options.new_etags:
            return f'"{hashlib.md5(self.state.sent).hexdigest()}"'
        with self.state.lock:
            self.state.requests += 1
            return f'"{self.state.requests}"'

    def first_byte(self, etag):
        wanted = self.headers.get("Range")
        if not wanted or self.state.options.no_ranges:
            return 0
        if self.headers.get("If-Range") not in (None, etag):
            return 0
        return int(wanted.removeprefix("bytes=").removesuffix("-"))

    def refuse_without_end(self):
        self.state.log("storage", self, 404)
        self.send_response(404)
        self.end_headers()
        try:
            while True:
                self.wfile.write(PAGE * 1000)
        except OSError:
            self.close_connection = True

    def do_GET(self):
        if self.state.options.endless:
            return self.refuse_without_end()
        sent, etag = self.state.sent, self.etag()
        first = self.first_byte(etag)
        if first >= len(sent):
            return self.answer("storage", 416, {"Content-Range": f"bytes */{len(sent)}"})
        self.state.log("storage", self, 206 if first else 200)
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(sent) - 1}/{len(sent)}")
        if not self.state.options.no_etags:
            self.send_header("ETag", etag)
        self.send_header("Content-Type", "application/octet-stream")
        if self.state.options.no_size:
            self.send_header("Connection", "close")  # which ends the file
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(sent) - first))
        self.end_headers()
        if self.command != "HEAD":
            self.send_slowly(sent[first:])
            if self.state.options.then_zeros:
                self.send_zeros()

    def send_zeros(self):
        try:
            while True:
                self.wfile.write(bytes(1 << 20))
        except OSError:
            self.close_connection = True  # the program has gone

    def send_slowly(self, content):
        options = self.state.options
        limit = options.drop_after or options.stall_after
        if limit and limit < len(content) and self.state.misbehaves():
            content, cut = content[:limit], True
        else:
            cut = False
        try:
            for start in range(0, len(content), CHUNK):
                self.wfile.write(content[start : start + CHUNK])
                if options.rate:
                    time.sleep(CHUNK / options.rate)
            if cut and options.stall_after:
                time.sleep(60)
            if cut:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            self.close_connection = True  # the program has gone


class Proxy(Handler):
    def do_CONNECT(self):
        self.state.log("proxy", self, 200)
        # All tunnels of the tests end here, also where nothing knows the name `localhost`.
        port = int(self.path.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port)) as target:
            self.send_response(200)
            self.end_headers()
            self.relay(target)
        self.close_connection = True

    def relay(self, target):
        others = {self.connection: target, target: self.connection}
        while True:
            for end in select.select(list(others), [], [])[0]:
                received = end.recv(1 << 16)
                if not received:
                    return
                others[end].sendall(received)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        # Programs here break off, or do not trust us.
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError)):
            super().handle_error(request, client_address)


def certificate(name, authority):
    """A context with a new certificate, signed by a new authority, whose own goes to `authority`."""
    key, signed = authority + ".key", authority + ".signed"
    new = ["openssl", "req", "-x509", "-days", "2", "-nodes", "-newkey", "ec"]
    new += ["-pkeyopt", "ec_paramgen_curve:prime256v1"]
    commands = [
        [*new, "-subj", "/CN=tests of sapiens", "-keyout", key, "-out", authority],
        [*new, "-subj", "/CN=hub", "-addext", f"subjectAltName=DNS:{name}"]
        + ["-CA", authority, "-CAkey", key, "-keyout", signed + ".key", "-out", signed],
    ]
    for command in commands:
        subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed, signed + ".key")
    return context


def serve(handler, state, context=None):
    bound = type(handler.__name__, (handler,), {"state": state})
    server = Server(("127.0.0.1", 0), bound)
    if context:
        # Hands are shaken when a connection is first read, in its own thread.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def main():
    options = arguments()
    state = State(options)
    context = certificate(options.tls, options.authority) if options.tls else None
    storage_port = serve(Storage, state, None if options.plain_storage else context)
    if context and not options.plain_storage:
        state.storage = f"https://localhost:{storage_port}"
    else:
        state.storage = f"http://127.0.0.1:{storage_port}"
    hub_port, proxy_port = serve(Hub, state, context), serve(Proxy, state)
    with open(options.ports + ".tmp", "w", encoding="utf-8") as file:
        file.write(f"{hub_port} {storage_port} {proxy_port}\n")
    os.rename(options.ports + ".tmp", options.ports)
    sys.stdin.read()


if __name__ == "__main__":
    main()
