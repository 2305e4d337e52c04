"""What a page may do with a picture's address: open it, show it, or only write it down."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote, urlsplit

from unposed_jobs import storage
from unposed_jobs.report import parts

_HOST = re.compile(r"^[A-Za-z0-9.-]+(:\d{1,5})?$")
_MOST_HOSTS = 20


def on_the_web(uri: str) -> str | None:
    """The address as a page may have it in src and href; None where it is no plain http(s) one.

    One with a user or password, or with a host that is none, is only written down.
    """
    try:
        found = urlsplit(uri)
    except ValueError:
        return None
    if found.scheme.lower() not in ("http", "https") or not _HOST.match(found.netloc):
        return None
    return quote(uri, safe="%/:?#@!$&()*+,;=-._~")


def original(uri: str) -> str | None:
    """Where a browser opens the picture itself: on the web, or a file of the reader's machine.

    Of a part of a picture (`parts`) the whole.
    """
    uri, _ = parts.split(uri)
    found = on_the_web(uri)
    if found is not None:
        return found
    try:
        path = storage.local_path(uri) if storage.kind(uri) == "file" else Path()
    except storage.StorageError:
        return None
    return path.as_uri() if path.is_absolute() else None


def hosts(uris: Iterable[str]) -> str:
    """The origins of the addresses that are on the web, for a content security policy."""
    found = set()
    for uri in uris:
        address = on_the_web(uri)
        if address is not None:
            one = urlsplit(address)
            found.add(f"{one.scheme.lower()}://{one.netloc}")
    return " ".join(sorted(found)) if len(found) <= _MOST_HOSTS else "https: http:"
