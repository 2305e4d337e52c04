"""A web server on the loopback that answers as it is told, and counts what it is asked."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Answer = Callable[[BaseHTTPRequestHandler], None]
MODIFIED = "Mon, 05 Jan 2026 10:00:00 GMT"


def certificates(folder: Path) -> tuple[Path, Path]:
    """A made-up authority's certificate, and key and chain of a server on the loopback."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    now = datetime.datetime.now(datetime.UTC)

    def made(name, key, issuer, signed_by, *extensions):
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(signed_by, hashes.SHA256())

    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    root = made(
        "test authority",
        authority,
        "test authority",
        authority,
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (usage, True),
        (x509.SubjectKeyIdentifier.from_public_key(authority.public_key()), False),
    )
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
    leaf = made("localhost", key, "test authority", authority, (names, False), (issuer, False))
    pem = serialization.Encoding.PEM
    bundle, chain = folder / "authority.pem", folder / "server.pem"
    bundle.write_bytes(root.public_bytes(pem))
    chain.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + leaf.public_bytes(pem)
    )
    return bundle, chain


class WebServer:
    """Serves `files` (path to bytes) with ETag and Last-Modified; `answers` (path to a function of
    the request's handler) take precedence. `asked` and `bodies` count by path.
    """

    def __init__(self, chain: Path | None = None, delay: float = 0.0) -> None:
        self.files: dict[str, bytes] = {}
        self.answers: dict[str, Answer] = {}
        self.asked: dict[str, int] = defaultdict(int)
        self.bodies: dict[str, int] = defaultdict(int)
        self.headers: dict[str, dict[str, str]] = {}
        self.at_once = self.most_at_once = 0
        self.uncounted: set[str] = set()
        """Paths whose answers go on after the client has given up."""
        self.times: list[float] = []
        self.delay = delay
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # Clients that break off are expected.
        if chain is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(chain)
            # The handshake is the handler's, lest one client keep the others waiting.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        self.base = f"{'https' if chain else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(outer) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = 1 << 24  # All is sent at the end, unless an answer flushes by itself.

            def do_GET(self):
                path = self.path.partition("?")[0]
                counted = path not in outer.uncounted
                with outer._lock:
                    outer.asked[path] += 1
                    outer.headers[path] = dict(self.headers)
                    outer.times.append(time.monotonic())
                    outer.at_once += counted
                    outer.most_at_once = max(outer.most_at_once, outer.at_once)
                try:
                    time.sleep(outer.delay)
                    if path in outer.answers:
                        outer.answers[path](self)
                    else:
                        outer.serve(self, path)
                except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
                    self.close_connection = True
                # Before the client has the answer, and asks for another.
                with outer._lock:
                    outer.at_once -= counted
                try:
                    self.wfile.flush()
                except (OSError, ValueError):
                    self.close_connection = True

            def log_message(self, *arguments):
                pass

        return Handler

    def serve(self, handler: BaseHTTPRequestHandler, path: str) -> None:
        data = self.files.get(path)
        if data is None:
            return reply(handler, 404)
        tag = f'"{hash(data) & 0xFFFFFFFF:x}"'
        if handler.headers.get("If-None-Match") == tag:
            return reply(handler, 304, {"ETag": tag})
        with self._lock:
            self.bodies[path] += 1
        kind = {"Content-Type": "image/jpeg", "ETag": tag, "Last-Modified": MODIFIED}
        return reply(handler, 200, kind, data)


def reply(
    handler: BaseHTTPRequestHandler,
    code: int,
    headers: dict[str, str] | None = None,
    data: bytes = b"",
) -> None:
    """A whole answer; no Content-Length where `headers` has one."""
    handler.send_response(code)
    headers = dict(headers or {})
    if code != 304:
        headers.setdefault("Content-Length", str(len(data)))
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)


def coded(code: int, headers: dict[str, str] | None = None, data: bytes = b"") -> Answer:
    """An answer that is always the same."""
    return lambda handler: reply(handler, code, headers, data)


def after(times: int, first: Answer, then: Answer) -> Answer:
    """`first` so many times, and `then` ever after."""
    count = iter(range(10**9))

    def answer(handler):
        (first if next(count) < times else then)(handler)

    return answer


def reset(handler: BaseHTTPRequestHandler) -> None:
    """The connection breaks without an answer."""
    handler.close_connection = True
    handler.connection.close()


def truncated(data: bytes, told: int) -> Answer:
    """An answer that ends before the length it tells."""

    def answer(handler):
        reply(handler, 200, {"Content-Length": str(told), "Content-Type": "image/jpeg"}, data)
        handler.close_connection = True

    return answer
