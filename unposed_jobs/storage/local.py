"""Files of this machine: regular ones only, so that a pipe or a device never hangs a worker."""

from __future__ import annotations

import contextlib
import errno
import os
import stat as modes
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from unposed_jobs.storage.addresses import ObjectStat, StorageError, local_path, shown

_NO_SUCH = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP}


@contextlib.contextmanager
def _told(uri: str, doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SUCH and doing != "write":
            raise StorageError("missing", f"no file {shown(uri)}") from None
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        raise StorageError("unreachable", f"cannot {doing} {shown(uri)}: {reason}") from None
    except UnicodeEncodeError:
        raise StorageError("missing", f"no file {shown(uri)}: not a file name here") from None


def _regular(uri: str, found: os.stat_result) -> os.stat_result:
    if modes.S_ISDIR(found.st_mode):
        raise StorageError("refused", f"{shown(uri)} is a folder, not a file")
    if not modes.S_ISREG(found.st_mode):
        raise StorageError("refused", f"{shown(uri)} is not a regular file")
    return found


def stat(uri: str) -> ObjectStat:
    """See `unposed_jobs.storage.stat`."""
    with _told(uri, "look at"):
        found = _regular(uri, os.stat(local_path(uri)))
    return ObjectStat(found.st_size, None, datetime.fromtimestamp(found.st_mtime, UTC))


def open_input(uri: str) -> BinaryIO:
    """See `unposed_jobs.storage.open_input`."""
    stat(uri)
    with _told(uri, "read"):
        # Looked at again once open, and without blocking: it may have been swapped for a pipe.
        descriptor = os.open(local_path(uri), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _regular(uri, os.fstat(descriptor))
        except StorageError:
            os.close(descriptor)
            raise
        return os.fdopen(descriptor, "rb")


def read_bytes(uri: str, max_bytes: int | None) -> bytes:
    """See `unposed_jobs.storage.read_bytes`."""
    with open_input(uri) as file, _told(uri, "read"):
        if max_bytes is None:
            return file.read()
        size = os.fstat(file.fileno()).st_size
        data = b"" if size > max_bytes else file.read(max_bytes + 1)
    if size > max_bytes or len(data) > max_bytes:
        raise StorageError(
            "too_large", f"{shown(uri)} has {max(size, len(data))} bytes, over {max_bytes}"
        )
    return data


def write_bytes(uri: str, data: bytes) -> None:
    """See `unposed_jobs.storage.write_bytes`."""
    path = local_path(uri)
    with _told(uri, "write"):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, then renamed: a reader sees the old file or the whole new one.
        part = path.parent / f".unposed-{uuid.uuid4().hex}"
        try:
            part.write_bytes(data)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def exists(uri: str) -> bool:
    """See `unposed_jobs.storage.exists`."""
    with _told(uri, "look at"):
        return local_path(uri).is_file()


def is_folder(uri: str) -> bool:
    """See `unposed_jobs.storage.is_folder`."""
    with _told(uri, "look at"):
        return local_path(uri).is_dir()


def list_files(uri: str) -> list[str]:
    """See `unposed_jobs.storage.list_files`."""
    root = local_path(uri)
    if not is_folder(uri):
        stat(uri)
        return [uri]
    found: list[Path] = []

    def stop(error: OSError) -> None:
        raise error

    with _told(uri, "list"):
        for folder, _, names in os.walk(root, onerror=stop):
            found += [path for name in names if (path := Path(folder, name)).is_file()]
    as_uri = uri[:5].lower() == "file:"
    return sorted(path.as_uri() if as_uri else str(path) for path in found)
