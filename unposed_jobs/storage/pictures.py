"""What a catalogue names, opened only where the settings allow it.

A list of pictures is somebody else's text: it may say ``/etc/shadow``, a link that leads there, or
another's bucket. Files count by where they really are, links followed; of object stores the bucket
counts, and hosts of the web have their own list (`hosts`). What is not allowed is `refused`, and
not opened.
"""

from __future__ import annotations

import functools
import os

from unposed_jobs.storage import local, objects, web
from unposed_jobs.storage.addresses import (
    ObjectStat,
    StorageError,
    bucket_and_key,
    kind,
    local_path,
    shown,
)
from unposed_jobs.storage.process import Process
from unposed_jobs.storage.web import Content


def stat(uri: str) -> ObjectStat:
    """See `unposed_jobs.storage.stat`."""
    where = kind(uri)
    if where == "file":
        return local.stat_at(uri, _real_path(uri))
    if where == "s3":
        _check_bucket(uri)
        return objects.stat(uri)
    return web.stat(uri)


def stat_if_changed(uri: str, known: ObjectStat) -> ObjectStat | None:
    """See `unposed_jobs.storage.stat_if_changed`."""
    if kind(uri) == "s3" and known.etag:
        _check_bucket(uri)
        return objects.stat_unless(uri, known.etag)
    found = stat(uri)
    return None if found == known else found


def read_bytes(uri: str, max_bytes: int | None = None) -> bytes:
    """See `unposed_jobs.storage.read_bytes`."""
    where = kind(uri)
    if where == "file":
        return local.read_at(uri, _real_path(uri), max_bytes)
    if where == "s3":
        _check_bucket(uri)
        return objects.read_bytes(uri, max_bytes)
    return web.read_bytes(uri, max_bytes)


def fetch_if_changed(
    uri: str, known: ObjectStat | None, max_bytes: int | None = None
) -> Content | None:
    """Of a picture on the web: see `unposed_jobs.storage.web.fetch_if_changed`."""
    return web.fetch_if_changed(uri, known, max_bytes)


def _real_path(uri: str) -> str:
    """Where the file really is; raises StorageError (refused) where that is not allowed."""
    path = local_path(uri)
    try:
        # Thousands of pictures have one folder; what is opened is checked again.
        real = os.path.join(_real_folder(os.path.dirname(path)), path.name)
        if os.path.islink(real) or path.name in ("", ".", ".."):
            real = os.path.realpath(real)
    except (OSError, ValueError):
        raise StorageError("missing", f"no file {shown(uri)}") from None
    local.refuse_system(uri, real)
    if not any(_below(real, root) for root in Process.settings.roots):
        folder = shown(os.path.dirname(real))
        raise StorageError(
            "refused",
            f"{shown(uri)}: nothing is read from {folder} unless [storage] roots = "
            f'["{folder}"] allows it',
        )
    return real


@functools.lru_cache(maxsize=4096)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def _below(path: str, root: str) -> bool:
    return path.startswith(root if root.endswith("/") else f"{root}/")


def _check_bucket(uri: str) -> None:
    bucket, key = bucket_and_key(uri)
    for allowed in Process.settings.buckets:
        name, _, prefix = allowed.partition("/")
        if name in ("*", bucket) and key.startswith(prefix):
            return
    raise StorageError(
        "refused",
        f'{shown(uri)}: nothing is read from this bucket unless [storage] buckets = ["{bucket}"] '
        "allows it",
    )
