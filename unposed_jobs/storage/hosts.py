"""Which hosts are asked, at which addresses, and connections to just those.

A name is resolved and its address checked where the connection is made, and the connection is made
to the address that was checked: a name that means another address a moment later gains nothing.
"""

from __future__ import annotations

import contextlib
import ipaddress
import math
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util import Url, parse_url

from unposed_jobs.config import StorageSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.storage.addresses import StorageError, shown

CONNECT_SECONDS = 10.0
_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_RUNNING = threading.local()


def allowed(uri: str, settings: StorageSettings) -> Url:
    """The address's parts, percent-encoded and with its port, where its host may be asked.

    Raises StorageError (refused).
    """
    try:
        url = parse_url(f"https:{uri}" if uri.startswith("//") else uri)
    except (urllib3.exceptions.LocationParseError, ValueError):
        raise StorageError("refused", f"{shown(uri)} is not an address of the web") from None
    if url.scheme not in _PORTS or not url.host:
        raise StorageError("refused", f"{shown(uri)} is not an address of the web")
    if url.auth:
        raise StorageError(
            "refused", f"{shown(uri)} holds credentials; name a variable in [storage.http_tokens]"
        )
    url = url._replace(port=url.port or _PORTS[url.scheme], fragment=None)
    if not any(matches(pattern, url) for pattern in settings.http_hosts):
        raise StorageError(
            "refused",
            f"{shown(uri)}: nothing is read from this host unless [storage] http_hosts = "
            f'["{bare(url)}"] allows it',
        )
    return url


def bare(url: Url) -> str:
    """The host in lower case, without the brackets of an IPv6 address."""
    return (url.host or "").strip("[]").rstrip(".").lower()


def matches(pattern: str, url: Url) -> bool:
    """Whether a pattern of `http_hosts` means the address's host, and its port where it has one."""
    host, port = pattern.lower(), ""
    # An IPv6 address has colons of its own.
    if found := re.fullmatch(r"(\[[^]]*\]|[^:]*):([0-9*]+)", host):
        host, port = found.groups()
    wanted = ".*".join(re.escape(part) for part in host.strip("[]").split("*"))
    return re.fullmatch(wanted, bare(url)) is not None and port in ("", "*", str(url.port))


def public(address: str) -> bool:
    """Whether an IP address is one of the internet, also inside of an IPv6 address."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.sixtofour or found.teredo:
            return False
        inner = found.ipv4_mapped
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return public(str(inner))
    return found.is_global and not found.is_multicast and not found.is_reserved


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let all reading of answers in this thread end after so many seconds, by TimeoutError."""
    _RUNNING.deadline = time.monotonic() + seconds
    try:
        yield
    finally:
        _RUNNING.deadline = math.inf


class _Timed:
    """A socket that reads until the deadline of the request: a slow answer is cut off, however
    often a byte of it comes.
    """

    deadline = math.inf

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for the request is over")
        if left < math.inf:
            self.settimeout(left)  # type: ignore[attr-defined]
        received: int = super().recv_into(*arguments, **named)  # type: ignore[misc]
        return received


class _Socket(_Timed, socket.socket):
    pass


class _TlsSocket(_Timed, ssl.SSLSocket):
    pass


def pools(settings: StorageSettings) -> urllib3.PoolManager:
    """Connection pools that connect to checked addresses only, and never through a proxy.

    Raises UnposedError where `http_ca_bundle` cannot be used.
    """

    class Checked:
        def _new_conn(self: Any) -> socket.socket:
            return _connect(self, settings.http_private_addresses)

        def getresponse(self: Any) -> Any:
            self.sock.deadline = getattr(_RUNNING, "deadline", math.inf)
            return super().getresponse()  # type: ignore[misc]

    plain = type("_Plain", (Checked, HTTPConnection), {})
    secure = type("_Secure", (Checked, HTTPSConnection), {})
    made = urllib3.PoolManager(
        num_pools=64, maxsize=settings.http_requests, ssl_context=_trust(settings)
    )
    made.pool_classes_by_scheme = {
        "http": type("_Plains", (urllib3.HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("_Secures", (urllib3.HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }
    return made


def _trust(settings: StorageSettings) -> ssl.SSLContext:
    bundle = settings.http_ca_bundle or None
    try:
        context = ssl.create_default_context(cafile=bundle)
    except (OSError, ssl.SSLError):
        raise UnposedError(
            f"[storage] http_ca_bundle: {bundle} is not a readable PEM file of certificates"
        ) from None
    context.sslsocket_class = _TlsSocket
    return context


def _connect(connection: Any, private: bool) -> socket.socket:
    """A connection to one of the host's addresses that may be asked.

    Raises StorageError (refused) where none may be, and urllib3's errors otherwise.
    """
    host, port = connection.host.strip("[]"), connection.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise NameResolutionError(host, connection, error) from None  # type: ignore[arg-type]
    usable = [one for one in found if private or public(str(one[4][0]))]
    if not usable:
        raise StorageError(
            "refused",
            f"{host} has a private address; [storage] http_private_addresses = true allows it",
        )
    problem: OSError | None = None
    for family, kind, protocol, _, address in usable:
        made = _Socket(family, kind, protocol)
        try:
            made.settimeout(connection.timeout)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.connect(address)
        except OSError as error:
            made.close()
            problem = error
        else:
            return made
    if isinstance(problem, TimeoutError):
        raise ConnectTimeoutError(connection, "no answer")
    raise NewConnectionError(connection, type(problem).__name__)
