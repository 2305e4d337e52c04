"""Files and objects behind one set of functions: paths, ``file://``, ``s3://``, ``https://``.

Any other scheme is refused and never fetched. Every failure is a `StorageError`, whose
`status` is the word the tables keep. S3 is asked through boto3, with its own environment
(``AWS_PROFILE``, ``AWS_ENDPOINT_URL``, ...). Of the web only single pictures are read, and only
from the hosts that `configure` allows: none before it is called. What a catalogue names is read
by `pictures`, from the folders and buckets that `configure` allows.
"""

from __future__ import annotations

from typing import Any, BinaryIO

from unposed_jobs.storage import local, objects, pictures, web
from unposed_jobs.storage.addresses import (
    STATUSES,
    ObjectStat,
    Status,
    StorageError,
    is_absolute,
    join,
    kind,
    local_path,
    scheme,
    shown,
)
from unposed_jobs.storage.objects import aws_options
from unposed_jobs.storage.process import ANYWHERE
from unposed_jobs.storage.web import Content, configure, most_requests

__all__ = [
    "ANYWHERE",
    "STATUSES",
    "Content",
    "ObjectStat",
    "Status",
    "StorageError",
    "aws_options",
    "configure",
    "exists",
    "is_absolute",
    "is_folder",
    "join",
    "kind",
    "list_files",
    "local_path",
    "most_requests",
    "open_input",
    "pictures",
    "read_bytes",
    "remove_folder",
    "scheme",
    "shown",
    "stat",
    "stat_if_changed",
    "write_bytes",
]

_STORAGES: dict[str, Any] = {"file": local, "s3": objects, "web": web}


def stat(uri: str) -> ObjectStat:
    """Size, tag and date, without reading the object (S3: one HEAD request).

    Raises StorageError.
    """
    return _STORAGES[kind(uri)].stat(uri)


def stat_if_changed(uri: str, known: ObjectStat) -> ObjectStat | None:
    """The object's `stat`, or None where it is still the object that `known` describes.

    S3 is asked with If-None-Match where a tag is known; a file by its size and date.
    Raises StorageError.
    """
    if kind(uri) == "s3" and known.etag:
        return objects.stat_unless(uri, known.etag)
    found = stat(uri)
    return None if found == known else found


def read_bytes(uri: str, max_bytes: int | None = None) -> bytes:
    """The whole object. The size is checked before a byte is read.

    Raises StorageError; too_large where there are more than `max_bytes`.
    """
    return _STORAGES[kind(uri)].read_bytes(uri, max_bytes)


def write_bytes(uri: str, data: bytes) -> None:
    """Write the object whole: a reader sees the old one or the new one. Folders are made.

    Raises StorageError.
    """
    _STORAGES[kind(uri)].write_bytes(uri, data)


def remove_folder(uri: str) -> int:
    """Remove the files below a folder; returns how many there were. An empty one is no error.

    Raises StorageError; refused for a web address and for a whole bucket or disk.
    """
    return _STORAGES[kind(uri)].remove_folder(uri)


def exists(uri: str) -> bool:
    """Whether there is such a file or object (a folder is none: see `is_folder`).

    Raises StorageError where that is unknown: unreachable, or a refused scheme.
    """
    return _STORAGES[kind(uri)].exists(uri)


def is_folder(uri: str) -> bool:
    """Whether it is a folder: of S3, a prefix with something below it."""
    return _STORAGES[kind(uri)].is_folder(uri)


def list_files(uri: str) -> list[str]:
    """The files below a folder, at any depth, sorted, in the form of `uri`; of a file, itself.

    Raises StorageError; missing where nothing is there (S3 knows no empty folder).
    """
    return _STORAGES[kind(uri)].list_files(uri)


def open_input(uri: str) -> BinaryIO:
    """A seekable binary file to read and close.

    S3 is read by ranged requests of one and the same version; a read raises StorageError
    (unreachable) where the object changes meanwhile.
    """
    return _STORAGES[kind(uri)].open_input(uri)
