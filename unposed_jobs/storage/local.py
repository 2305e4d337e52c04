"""Files of this machine: regular ones only, so that a pipe or a device never hangs a worker."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat as modes
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from unposed_jobs.storage.addresses import ObjectStat, StorageError, local_path, shown

_SYSTEM = ("/proc/", "/sys/", "/dev/")
_MEMORY = "/dev/shm/"  # noqa: S108 - somebody's own files may well be there
_NO_SUCH = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP}


@contextlib.contextmanager
def _storage_errors(uri: str, doing: str) -> Iterator[None]:
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


def refuse_system(uri: str, real: str) -> None:
    """Raise StorageError (refused) for what the kernel makes up: processes, devices, settings."""
    if f"{real}/".startswith(_SYSTEM) and not real.startswith(_MEMORY):
        raise StorageError("refused", f"{shown(uri)} is the system's, not a file of anybody's")


def stat(uri: str) -> ObjectStat:
    """See `unposed_jobs.storage.stat`."""
    return stat_at(uri, _real(uri))


def stat_at(uri: str, real: str) -> ObjectStat:
    """The `stat` of a file whose path has no links, as it was resolved."""
    with _storage_errors(uri, "read the state of"):
        found = _regular(uri, os.stat(real, follow_symlinks=False))
    return ObjectStat(found.st_size, None, datetime.fromtimestamp(found.st_mtime, UTC))


def open_input(uri: str) -> BinaryIO:
    """See `unposed_jobs.storage.open_input`."""
    return _open_at(uri, _real(uri))


def _real(uri: str) -> str:
    with _storage_errors(uri, "read the state of"):
        try:
            real = os.path.realpath(local_path(uri))
        except ValueError:
            raise StorageError("missing", f"no file {shown(uri)}: not a file name here") from None
    refuse_system(uri, real)
    return real


def _open_at(uri: str, real: str) -> BinaryIO:
    stat_at(uri, real)
    with _storage_errors(uri, "read"):
        # Looked at again once open, and without blocking: it may have been swapped for a pipe, or
        # a folder on the way for a link.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(real, flags)
        try:
            _regular(uri, os.fstat(descriptor))
            if os.readlink(f"/proc/self/fd/{descriptor}") != real:
                raise StorageError("refused", f"{shown(uri)} was moved while it was opened")
        except BaseException:
            os.close(descriptor)
            raise
        return os.fdopen(descriptor, "rb")


def read_bytes(uri: str, max_bytes: int | None) -> bytes:
    """See `unposed_jobs.storage.read_bytes`."""
    return read_at(uri, _real(uri), max_bytes)


def read_at(uri: str, real: str, max_bytes: int | None) -> bytes:
    """The bytes of a file whose path has no links, as it was resolved."""
    with _open_at(uri, real) as file, _storage_errors(uri, "read"):
        if max_bytes is None:
            return file.read()
        size = os.fstat(file.fileno()).st_size
        # None is what a file gives that would block.
        data = b"" if size > max_bytes else file.read(max_bytes + 1) or b""
    if size > max_bytes or len(data) > max_bytes:
        raise StorageError(
            "too_large", f"{shown(uri)} has {max(size, len(data))} bytes, over {max_bytes}"
        )
    return data


def write_bytes(uri: str, data: bytes) -> None:
    """See `unposed_jobs.storage.write_bytes`."""
    path = local_path(uri)
    with _storage_errors(uri, "write"):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, then renamed: a reader sees the old file or the whole new one.
        part = path.parent / f".unposed-{uuid.uuid4().hex}"
        try:
            part.write_bytes(data)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def remove_folder(uri: str) -> int:
    """See `unposed_jobs.storage.remove_folder`."""
    folder = local_path(uri)
    if len(folder.absolute().parts) < 3:
        raise StorageError("refused", f"{shown(uri)} is not removed: it is a whole disk")
    if not folder.exists():
        return 0
    count = len(list_files(uri))
    with _storage_errors(uri, "write"):
        shutil.rmtree(folder)
    return count


def exists(uri: str) -> bool:
    """See `unposed_jobs.storage.exists`."""
    with _storage_errors(uri, "read the state of"):
        return local_path(uri).is_file()


def is_folder(uri: str) -> bool:
    """See `unposed_jobs.storage.is_folder`."""
    with _storage_errors(uri, "read the state of"):
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

    with _storage_errors(uri, "list"):
        for folder, _, names in os.walk(root, onerror=stop):
            found += [path for name in names if (path := Path(folder, name)).is_file()]
    as_uri = uri[:5].lower() == "file:"
    return sorted(path.as_uri() if as_uri else str(path) for path in found)
