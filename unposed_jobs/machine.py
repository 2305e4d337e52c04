"""Faults of the machine, explained in one line: disk, database, damaged files, dead workers.

Kinds of errors are known by their names, so that no library is imported for it. What is not known
here is a defect of ours and keeps its stack trace.
"""

from __future__ import annotations

import contextlib
import errno
import re
from collections.abc import Iterator

from unposed_jobs.errors import MachineError, UnposedError

_FULL = "free some space or raise the quota, then run it again"
_CLOSED = "mount it writable, or give the user the right to write, then run it again"
_DAMAGED = "see docs/runbooks/exit-6-machine.md, damaged files"
_ERRNOS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EROFS: _CLOSED,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
    errno.EIO: "the disk or its network is failing; check the machine",
    errno.ESTALE: "the disk or its network is failing; check the machine",
    errno.ENOMEM: "give it more memory",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}
_TEXTS = (
    # The first that is found in an error's text, or in that of a worker's, decides what it is.
    (
        r"No space left on device|database or disk is full|Disk quota exceeded",
        "the disk is full",
        _FULL,
    ),
    (r"File too large", "a file is larger than this user may write", _FULL),
    (
        r"Read-only file system|readonly database|Permission denied",
        "a folder cannot be written",
        _CLOSED,
    ),
    (
        r"Python worker exited unexpectedly|Worker .*killed|exited with code 137|OutOfMemoryError",
        "a worker died; most often the machine's memory ran out",
        "lower [pose] chunk_size or the tasks at once, or give it more memory, then run it again",
    ),
    (r"database is locked", "the catalogue's database is busy", "run it again"),
    (
        r"database disk image is malformed|file is not a database",
        "the catalogue's database is damaged",
        _DAMAGED,
    ),
    (
        r"[Mm]agic bytes|not a parquet file|Couldn't deserialize thrift|TProtocolException|"
        r"Unexpected end of stream|footer|Corrupt snappy|ZSTD|Avro|avro",
        "a file of a table is damaged",
        _DAMAGED,
    ),
    (
        r"validation error for TableMetadata|Expecting value|Cannot parse",
        "metadata is damaged",
        _DAMAGED,
    ),
    (
        r"Connect(ion)? ?[Tt]imeout|curlCode|Network error|NETWORK_CONNECTION|Could not connect|"
        r"could not connect|connection refused|Connection refused|timed out",
        "a storage or database does not answer",
        "run it again when it does",
    ),
    (
        r"No such file or directory|Path does not exist|No files found that match",
        "a file is gone",
        _DAMAGED,
    ),
)
_KINDS = {
    "OSError",
    "MemoryError",
    "SQLAlchemyError",
    "ArrowException",
    "Error",  # sqlite3's and duckdb's, recognised by their modules
    "JSONDecodeError",
    "ValidationError",
    "PySparkException",
    "Py4JError",
    "UnicodeDecodeError",
}
_MODULES = ("sqlite3", "duckdb", "_duckdb", "psycopg2", "zlib", "zstd")


def explain(error: BaseException) -> MachineError | None:
    """The error as one line with its remedy; None where it is not the machine's.

    An error that was caused by another one is explained by either.
    """
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, UnposedError):
        if (found := _explain_one(seen)) is not None:
            return found
        seen = seen.__cause__
    return None


def _explain_one(error: BaseException) -> MachineError | None:
    names = {kind.__name__ for kind in type(error).__mro__}
    module = type(error).__module__.split(".")[0]
    if not (names & (_KINDS - {"Error"}) or ("Error" in names and module in _MODULES)):
        return None
    text = str(error)
    if isinstance(error, MemoryError):
        return MachineError(f"memory ran out; {_ERRNOS[errno.ENOMEM]}")
    if isinstance(error, OSError) and error.errno in _ERRNOS:
        where = f"{error.filename}: " if error.filename else ""
        return MachineError(f"{where}{error.strerror or text}; {_ERRNOS[error.errno]}")
    for pattern, what, remedy in _TEXTS:
        if found := re.search(pattern, text):
            detail = _line_of(text, found.start())
            return MachineError(f"{what} ({detail}); {remedy}")
    return None


def _line_of(text: str, place: int) -> str:
    """The line of the text in which the place is, short."""
    start = text.rfind("\n", 0, place) + 1
    line = text[start:].split("\n", 1)[0].strip()
    at = max(0, place - start - 160)
    if at:  # From the next word on.
        at = line.find(" ", at) + 1
    return re.sub(r"\s+", " ", line[at : at + 300])


@contextlib.contextmanager
def errors() -> Iterator[None]:
    """Let what the machine did end as MachineError, in its one line."""
    try:
        yield
    except Exception as error:
        found = explain(error)
        if found is None:
            raise
        raise found from error
