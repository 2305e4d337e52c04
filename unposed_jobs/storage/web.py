"""Pictures over http and https, through urllib3's connection pools.

Only hosts that the settings allow are asked, redirects included, and only at public addresses.
A request is conditional where the picture is known, bounded in bytes and seconds, and tried again
after a growing, random pause where the host is busy or breaks off. HTTP/1.1 alone: of a picture
the headers are a small part, and a few connections keep a host as busy as its bounds allow.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import format_datetime, parsedate_to_datetime
from typing import BinaryIO, NoReturn
from urllib.parse import urljoin

import urllib3
from urllib3 import exceptions
from urllib3.util import Retry, Timeout, Url

from unposed_jobs import __version__
from unposed_jobs.config import StorageSettings
from unposed_jobs.storage import hosts, pacing
from unposed_jobs.storage.addresses import ObjectStat, Status, StorageError, shown
from unposed_jobs.storage.process import Process
from unposed_jobs.storage.retrying import Passing, Time, Tries

REDIRECTS = 5
"""Followed for one picture."""
_PIECE = 256 * 1024
_DRAINED = 64 * 1024
_REDIRECTS = {301, 302, 303, 307, 308}
_ACCEPT = "image/jpeg, image/png, image/webp, image/*;q=0.8, */*;q=0.5"
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Content:
    """An object and its `stat`."""

    stat: ObjectStat
    data: bytes


class _Connections:
    """Those that this process made."""

    client: Client | None = None
    owner = 0


def configure(settings: StorageSettings) -> None:
    """Read from the web as these settings say, in this process; each worker configures itself.

    Raises UnposedError where ``http_ca_bundle`` cannot be used.
    """
    with _LOCK:
        if settings != Process.settings:
            Process.settings, _Connections.client = settings, None
    if settings.http_hosts:
        client()


def most_requests() -> int:
    """How many pictures of one host it is worth asking for at once; 0 where none is asked."""
    return Process.settings.http_requests if Process.settings.http_hosts else 0


def client() -> Client:
    """The connections of this process: threads share them, a forked worker makes its own."""
    with _LOCK:
        if _Connections.client is None or _Connections.owner != os.getpid():
            _Connections.client, _Connections.owner = Client(Process.settings), os.getpid()
        return _Connections.client


_Take = Callable[[urllib3.BaseHTTPResponse, ObjectStat], Content]


class Client:
    """Connections, bounds and patience for each host."""

    def __init__(self, settings: StorageSettings) -> None:
        self._settings = settings
        self._pools = hosts.pools(settings)
        self._patience = pacing.Patience()
        self._lanes: dict[str, pacing.Lane] = {}
        contact = re.sub(r"[^\x20-\x7e]", "", settings.http_contact).strip()
        self._agent = f"unposed/{__version__}" + (f" (+{contact})" if contact else "")
        # It logs whole addresses, with the signatures that are in some.
        logging.getLogger("urllib3").setLevel(logging.ERROR)

    def fetch(self, uri: str, known: ObjectStat | None, max_bytes: int | None) -> Content | None:
        """The picture, or None where it is still the `known` one; raises StorageError."""
        return self._tries(uri, known, lambda answer, stat: _read(answer, uri, stat, max_bytes))

    def stat(self, uri: str) -> ObjectStat:
        """The `stat` in the answer's headers; the body is not read. Raises StorageError."""
        found = self._tries(uri, None, lambda answer, stat: Content(stat, b""))
        assert found is not None  # Nothing was known.
        return found.stat

    def _tries(self, uri: str, known: ObjectStat | None, take: _Take) -> Content | None:
        url, settings = hosts.allowed(uri, self._settings), self._settings
        tries = Tries(
            self._patience,
            _place(url),
            settings.http_attempts,
            settings.picture_seconds,
            lambda seconds: self._lane(url).hold(seconds),
        )
        return tries(uri, lambda time: self._follow(uri, url, known, take, time))

    def _lane(self, url: Url) -> pacing.Lane:
        place, settings = _place(url), self._settings
        if place not in self._lanes:  # Made twice by two threads, it is the same lane.
            self._lanes[place] = pacing.Lane(
                place, settings.http_requests, settings.http_requests_per_second
            )
        return self._lanes[place]

    def _follow(
        self, uri: str, url: Url, known: ObjectStat | None, take: _Take, time: Time
    ) -> Content | None:
        """One try: the answer at the end of the redirects."""
        for _ in range(REDIRECTS + 1):
            with contextlib.ExitStack() as within:
                with time.stopped():  # Others are in the lane, nothing is wrong.
                    within.enter_context(self._lane(url).place())
                seconds = min(self._settings.http_seconds, time.left())
                within.enter_context(hosts.within(seconds))
                try:
                    answer = self._ask(uri, url, known, seconds)
                    try:
                        if answer.status not in _REDIRECTS:
                            return _result(answer, uri, known, take)
                        target = answer.headers.get("Location", "")
                        _skip(answer)
                    finally:
                        # A connection whose answer was not read to its end is of no more use.
                        if answer.closed:
                            answer.release_conn()
                        else:
                            answer.close()
                except (exceptions.HTTPError, OSError) as error:
                    _raise(error, uri)
            url = self._redirected(uri, url, target)
        raise StorageError("unreachable", f"{shown(uri)}: more than {REDIRECTS} redirects")

    def _ask(
        self, uri: str, url: Url, known: ObjectStat | None, seconds: float
    ) -> urllib3.BaseHTTPResponse:
        headers = {"User-Agent": self._agent, "Accept": _ACCEPT, "Accept-Encoding": "identity"}
        headers |= _conditions(known) | self._credentials(uri, url)
        return self._pools.urlopen(
            "GET",
            url.url,
            redirect=False,
            retries=False,
            preload_content=False,
            headers=headers,
            timeout=Timeout(connect=min(hosts.CONNECT_SECONDS, seconds), read=seconds),
        )

    def _redirected(self, uri: str, url: Url, target: str) -> Url:
        if not target:
            raise StorageError("unreachable", f"{shown(uri)} redirects to nowhere")
        absolute = urljoin(url.url, target)
        try:
            following = hosts.allowed(absolute, self._settings)
        except StorageError as error:
            raise StorageError(
                "refused", f"{shown(uri)} redirects to {shown(absolute)}: {error}"
            ) from None
        if url.scheme == "https" and following.scheme != "https":
            raise StorageError("refused", f"{shown(uri)} redirects from https to http")
        return following

    def _credentials(self, uri: str, url: Url) -> dict[str, str]:
        for pattern, variable in self._settings.http_tokens.items():
            if url.scheme != "https" or not hosts.matches(pattern, url):
                continue
            value = os.environ.get(variable, "").strip()
            if not value or not re.fullmatch(r"[\x20-\x7e]+", value):
                raise StorageError(
                    "forbidden",
                    f"{shown(uri)}: the environment variable {variable} of [storage.http_tokens] "
                    "holds no token",
                )
            header = re.fullmatch(r"([A-Za-z0-9-]+):\s*(.+)", value)
            return {header[1]: header[2]} if header else {"Authorization": f"Bearer {value}"}
        return {}


def _place(url: Url) -> str:
    return f"{hosts.bare(url)}:{url.port}"


def _conditions(known: ObjectStat | None) -> dict[str, str]:
    if known is None:
        return {}
    found = {}
    if known.etag and re.fullmatch(r"[\x21-\x7e]+", known.etag):
        found["If-None-Match"] = known.etag if known.etag.startswith("W/") else f'"{known.etag}"'
    if known.last_modified is not None:
        found["If-Modified-Since"] = format_datetime(
            known.last_modified.astimezone(UTC), usegmt=True
        )
    return found


def _result(
    answer: urllib3.BaseHTTPResponse, uri: str, known: ObjectStat | None, take: _Take
) -> Content | None:
    if answer.status == 304 and known is not None:
        answer.drain_conn()
        return None
    if answer.status != 200:
        _refuse(answer, uri)
    stat = _stat(answer)
    # A server without conditional requests may still show that nothing has changed.
    return None if known is not None and _unchanged(stat, known) else take(answer, stat)


def _refuse(answer: urllib3.BaseHTTPResponse, uri: str) -> NoReturn:
    code = answer.status
    head = f"{shown(uri)}: HTTP {code}"
    named: dict[int, tuple[Status, str]] = {
        404: ("missing", "no such picture"),
        410: ("gone", "removed for good"),
        401: ("forbidden", "it wants credentials; see [storage.http_tokens]"),
        403: ("forbidden", "it may not be read"),
        429: ("rate_limited", "too many requests; lower [storage] http_requests_per_second"),
    }
    if code in named:
        status, why = named[code]
    elif code >= 500 or code in (408, 425):
        status, why = "server_error", "the host is in trouble"
    elif code >= 400:
        status, why = "forbidden", "the host does not serve it"
    else:
        status, why = "unreachable", "not an answer to a plain request"
    _skip(answer)
    error = StorageError(status, f"{head}, {why}")
    if status in ("rate_limited", "server_error"):
        raise Passing(error, pause=_retry_after(answer))
    raise error


def _retry_after(answer: urllib3.BaseHTTPResponse) -> float | None:
    header = answer.headers.get("Retry-After")
    try:
        return None if header is None else max(0.0, Retry().parse_retry_after(header))
    except (exceptions.InvalidHeader, ValueError, OverflowError):
        return None


def _stat(answer: urllib3.BaseHTTPResponse) -> ObjectStat:
    tag = answer.headers.get("ETag", "").strip()
    size = answer.headers.get("Content-Length", "").strip()
    try:
        modified = parsedate_to_datetime(answer.headers.get("Last-Modified", ""))
        # Without a zone it is meant in UTC all the same.
        modified = modified.replace(tzinfo=modified.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        modified = None
    return ObjectStat(
        int(size) if size.isdecimal() and len(size) < 16 else -1,
        (tag if tag.startswith("W/") else tag.strip('"')) or None,
        modified,
    )


def _unchanged(found: ObjectStat, known: ObjectStat) -> bool:
    if found.etag and known.etag:
        return found.etag.removeprefix("W/").strip('"') == known.etag.removeprefix("W/").strip('"')
    return found.last_modified is not None and (found.size, found.last_modified) == (
        known.size,
        known.last_modified,
    )


def _read(
    answer: urllib3.BaseHTTPResponse, uri: str, stat: ObjectStat, max_bytes: int | None
) -> Content:
    limit = float("inf") if max_bytes is None else max_bytes
    data = bytearray()
    if stat.size <= limit:
        while piece := answer.read(_PIECE, decode_content=True):
            data += piece
            if len(data) > limit:
                break
    if max(stat.size, len(data)) > limit:
        size = max(stat.size, len(data))
        raise StorageError("too_large", f"{shown(uri)} has {size} bytes, over {max_bytes}")
    if text := _is_text(bytes(data[:512]), answer.headers.get("Content-Type", "")):
        raise StorageError("not_a_picture", f"{shown(uri)} answers with {text}, not a picture")
    return Content(ObjectStat(len(data), stat.etag, stat.last_modified), bytes(data))


def _is_text(start: bytes, declared: str) -> str:
    """What the body is where it is text in a picture's place, however declared; else ""."""
    plain = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if plain.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "a page of HTML"
    kind = declared.partition(";")[0].strip().lower()
    textual = kind.startswith("text/") or kind in ("application/json", "application/xhtml+xml")
    # Some hosts call every file text/plain: only what reads as text is taken for it.
    if textual and all(byte >= 32 or byte in b"\t\n\r\f" for byte in start):
        return re.sub(r"[^a-z0-9.+/-]", "?", kind)[:60]
    return ""


def _skip(answer: urllib3.BaseHTTPResponse) -> None:
    """Read the rest where that costs less than another connection."""
    size = answer.headers.get("Content-Length", "")
    if size.isdecimal() and int(size[:9]) <= _DRAINED:
        answer.drain_conn()


def _raise(error: Exception, uri: str) -> NoReturn:
    """Only the kind of error, as the texts quote whole addresses."""
    if isinstance(error, exceptions.TimeoutError | TimeoutError) and not isinstance(
        error, exceptions.NewConnectionError
    ):
        raise Passing(
            StorageError("timeout", f"{shown(uri)}: no whole answer in time"), silent=True
        ) from None
    cause = error.args[0] if error.args and isinstance(error.args[0], Exception) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        raise StorageError(
            "unreachable",
            f"{shown(uri)}: its host's certificate is not trusted ({cause.verify_message}); see "
            "[storage] http_ca_bundle",
        ) from None
    if isinstance(error, exceptions.NameResolutionError):
        why, silent = "its host has no address", True
    elif isinstance(error, exceptions.NewConnectionError):
        why, silent = "no connection to its host", True
    else:
        why, silent = "the answer broke off", False
    raise Passing(StorageError("unreachable", f"{shown(uri)}: {why}"), silent=silent) from None


def fetch_if_changed(
    uri: str, known: ObjectStat | None, max_bytes: int | None = None
) -> Content | None:
    """The picture, or None where it is still the object that `known` describes.

    One request, with If-None-Match and If-Modified-Since; of an unchanged picture no body is
    read. Raises StorageError.
    """
    return client().fetch(uri, known, max_bytes)


def stat(uri: str) -> ObjectStat:
    """See `unposed_jobs.storage.stat`."""
    return client().stat(uri)


def read_bytes(uri: str, max_bytes: int | None) -> bytes:
    """See `unposed_jobs.storage.read_bytes`."""
    found = client().fetch(uri, None, max_bytes)
    assert found is not None  # Nothing was known.
    return found.data


def exists(uri: str) -> bool:
    """See `unposed_jobs.storage.exists`."""
    try:
        stat(uri)
    except StorageError as error:
        if error.status in ("missing", "gone"):
            return False
        raise
    return True


def is_folder(uri: str) -> bool:
    """See `unposed_jobs.storage.is_folder`; the web has no folders."""
    return False


def open_input(uri: str) -> BinaryIO:
    """See `unposed_jobs.storage.open_input`; the whole object is read at once."""
    return io.BytesIO(read_bytes(uri, None))


def list_files(uri: str) -> list[str]:
    """The web lists nothing: the address itself, where it can be read."""
    stat(uri)
    return [uri]


def remove_folder(uri: str) -> int:
    """Nothing is removed from the web: raises StorageError (refused)."""
    raise StorageError("refused", f"{shown(uri)}: nothing is removed over http")


def write_bytes(uri: str, data: bytes) -> None:
    """Nothing is written to the web: raises StorageError (refused)."""
    raise StorageError("refused", f"{shown(uri)}: nothing is written over http")
