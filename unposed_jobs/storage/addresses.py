"""Addresses: which scheme one has, its parts, and how it may be shown in a message."""

from __future__ import annotations

import posixpath
import re
import typing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote

from unposed_jobs.errors import UnposedError

Status = Literal[
    "missing",
    "gone",
    "forbidden",
    "rate_limited",
    "server_error",
    "timeout",
    "unreachable",
    "refused",
    "too_large",
    "not_a_picture",
]
STATUSES: tuple[Status, ...] = typing.get_args(Status)
"""Why an object's bytes cannot be had."""

# "name://" is a scheme; without the slashes only those that are never the start of a file name,
# so that a picture called "front:1.jpg" stays a path. Hadoop writes "file:/path".
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://|(file|data|javascript|blob|about):", re.I)


class StorageError(UnposedError):
    """An object could not be read or written.

    `status` is the word that the tables keep: missing (no such object), unreachable (the
    storage did not answer, or denied access), refused (an address that is never opened) or
    too_large (over the byte limit); of http also gone (410), forbidden (any other 4xx),
    rate_limited (429), server_error (5xx), timeout, and not_a_picture (a page or other text in
    a picture's place). The message is one line and holds no secret.
    """

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status: Status = status

    def __reduce__(self) -> tuple[type, tuple[str, str]]:  # it travels between Spark processes
        return type(self), (self.status, str(self))


@dataclass(frozen=True)
class ObjectStat:
    """What a storage knows of an object without reading it."""

    size: int
    """Bytes."""
    etag: str | None
    """The tag of object store or web server without its quotes (a weak one with them: ``W/"1"``);
    None for files."""
    last_modified: datetime | None
    """In UTC."""


def scheme(uri: str) -> str:
    """The scheme in lower case; a plain path has ``file``, and ``//host/path`` ``https``."""
    if uri.startswith("//"):
        return "https"
    found = _SCHEME.match(uri)
    return (found[1] or found[2]).lower() if found else "file"


def is_absolute(uri: str) -> bool:
    """Whether an address stands alone: it has a scheme or is a path from the root."""
    return uri.startswith("/") or _SCHEME.match(uri) is not None


def shown(uri: str) -> str:
    """The address for a message: one line, no user, password or query (signatures), not long."""
    if scheme(uri) != "file" or _SCHEME.match(uri):
        uri = re.sub(r"(//)[^/?#]*@", r"\1", uri)
        if scheme(uri) not in ("file", "s3"):
            uri = uri.split("?", 1)[0]
    if scheme(uri) in ("data", "javascript"):
        uri = uri[:24] + "..."
    return "".join(c if c.isprintable() else "?" for c in uri[:300])


def kind(uri: str) -> Literal["file", "s3", "web"]:
    """Which of the storages holds the address.

    Raises StorageError with status ``refused`` for any other scheme: nothing is fetched.
    """
    name = scheme(uri)
    if not uri.strip() or "\0" in uri:
        raise StorageError("refused", f"{shown(uri)!r} is not an address of a file or an object")
    if name == "file":
        return "file"
    if name == "s3":
        return "s3"
    if name in ("http", "https"):
        return "web"
    if name in ("s3a", "s3n"):
        raise StorageError("refused", f"{name}:// is not read; write {shown(uri)} with s3://")
    raise StorageError(
        "refused", f"{name}: is not read ({shown(uri)}); use a path, file://, s3:// or https://"
    )


def local_path(uri: str) -> Path:
    """The path of a plain path or of a ``file:`` URI, percent-encoding undone.

    Raises StorageError (refused) for a ``file:`` URI that names another host.
    """
    if uri[:5].lower() != "file:":
        return Path(uri)
    rest = uri[5:]
    if rest.startswith("//"):
        host, slash, rest = rest[2:].partition("/")
        rest = slash + rest
        if host.lower() not in ("", "localhost"):
            raise StorageError("refused", f"{shown(uri)} names the host {host}; use file:///path")
    path = unquote(rest)
    if not path.startswith("/") or "\0" in path:
        raise StorageError("refused", f"{shown(uri)} is not a file URI; use file:///path")
    return Path(path)


def bucket_and_key(uri: str) -> tuple[str, str]:
    """The bucket and the key of an ``s3://`` URI; keys are taken literally, as AWS writes them.

    Raises StorageError (refused) where there is no bucket, or where it holds credentials.
    """
    bucket, _, key = uri[5:].partition("/")
    if not bucket or "@" in bucket:
        why = "holds credentials; use the AWS environment" if bucket else "names no bucket"
        raise StorageError("refused", f"{shown(uri)} {why}; write s3://bucket/key")
    return bucket, key


def join(base: str, *parts: str) -> str:
    """An address below `base`. Parts are plain names or relative paths, not percent-encoded.

    ``.`` and ``..`` in parts are resolved; leaving the bucket is refused.
    """
    for part in parts:
        name = part.strip("/")
        if kind(base) == "s3":
            bucket, key = bucket_and_key(base)
            if {".", ".."} & set(name.split("/")):
                name = posixpath.normpath(posixpath.join(key, name))
                if name.startswith(".."):
                    raise StorageError("refused", f"{shown(part)} leaves the bucket {bucket}")
                base = f"s3://{bucket}/{name}"
            else:
                base = f"{base.rstrip('/')}/{name}"
        elif base[:5].lower() == "file:" or kind(base) == "web":
            base = f"{base.rstrip('/')}/{quote(name)}"
        else:
            base = posixpath.normpath(posixpath.join(base, name))
    return base
