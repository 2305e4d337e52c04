"""A store on the loopback that speaks S3 and fails: another one behind it answers the rest."""

from __future__ import annotations

import http.client
import random
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

FAULTS = ("busy", "broken", "cut", "altered", "late")
"""A 503, a connection that breaks, half a body, a body with other bytes, and no answer for a
while. What is written is never lost: only answers to GET are cut or altered.
"""


class FaultyStore:
    """Passes requests on to `behind`; of GET and HEAD `share` meet one of `faults`.

    `only` are paths (a part of them) that faults are kept to, `most` how many there are at most;
    `silent`: nobody is answered, or of `silent_below` nobody who asks for such a path.
    """

    def __init__(self, behind: str, share: float = 0.0, faults=FAULTS, seed: int = 1) -> None:
        self.share, self.faults, self.only, self.silent = share, faults, "", False
        self.most, self.silent_below = 10**9, ""
        self.met: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.late_seconds = 1.0
        self._behind = urlsplit(behind).netloc
        self._random, self._lock = random.Random(seed), threading.Lock()
        self._over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    def stop(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def _fault(self, method: str, path: str) -> str:
        with self._lock:
            self.asked[method] += 1
            spared = self.met.total() >= self.most or self.only not in path
            if spared or self._random.random() >= self.share:
                return ""
            fault = self._random.choice(self.faults)
            if method != "GET" and fault in ("cut", "altered"):
                fault = "busy"
            self.met[fault] += 1
            return fault

    def _handler(outer) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                data = self.sent()
                if outer.silent or (outer.silent_below and outer.silent_below in self.path):
                    outer._over.wait(600)
                    self.close_connection = True
                    return
                fault = outer._fault(self.command, self.path)
                if fault == "late":
                    outer._over.wait(outer.late_seconds)
                if fault == "broken":
                    self.close_connection = True
                    self.connection.close()
                    return
                if fault == "busy":
                    body = b"<Error><Code>SlowDown</Code><Message>no</Message></Error>"
                    self.reply(503, {"Content-Type": "application/xml"}, body, fault)
                    return
                behind = http.client.HTTPConnection(outer._behind, timeout=60)
                told = {
                    name: value
                    for name, value in self.headers.items()
                    if name.lower() not in ("transfer-encoding", "content-length")
                }
                behind.request(self.command, self.path, data, told)
                found = behind.getresponse()
                body = found.read()
                self.reply(found.status, dict(found.getheaders()), body, fault)
                behind.close()

            def sent(self) -> bytes:
                if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                data = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    data += self.rfile.read(size)
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass
                return data

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

            def reply(self, status, headers, body, fault):
                length = headers.get("Content-Length", str(len(body)))
                length = length if self.command == "HEAD" else str(len(body))
                self.send_response_only(status)
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", length)
                self.end_headers()
                if fault == "cut" and body:
                    body = body[: len(body) // 2]
                    self.close_connection = True
                if fault == "altered" and body:
                    body = bytes([body[0] ^ 255]) + body[1:]
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        return Handler
