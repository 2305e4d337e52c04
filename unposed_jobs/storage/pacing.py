"""How often a host is asked: a bound on requests at once and a second, for a whole machine.

Spark runs a process for each core, so the bounds are kept in locked files that all of them share.
A lock goes with its process: one that is killed leaves its place to the others.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import stat
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

LONGEST_PAUSE = 60.0
"""Seconds that a host may ask everybody to wait."""

SILENT = 16
"""Requests in a row without any answer, after which a host is left alone for `REST` seconds."""
REST = 30.0

_TIMES = struct.Struct("<dd")


class Lane:
    """One host's bounds; the same for all threads and processes of this user on this machine."""

    def __init__(self, host: str, requests: int, per_second: float) -> None:
        self._base = str(_folder() / hashlib.sha256(host.encode()).hexdigest()[:24])
        self._requests = requests
        self._interval = 1.0 / per_second

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Wait for one of the places and for one's turn; ask the host within."""
        descriptor = self._take()
        try:
            self._turn()
            yield
        finally:
            os.close(descriptor)

    def hold(self, seconds: float) -> None:
        """Let nobody ask before so many seconds (at most `LONGEST_PAUSE`) have passed."""
        until = time.time() + min(seconds, LONGEST_PAUSE)
        with self._times() as (file, following, held):
            os.pwrite(file, _TIMES.pack(following, max(held, until)), 0)

    def _take(self) -> int:
        # From any of them on, so that those who wait spread over all.
        start = secrets.randbelow(self._requests)
        for place in (*range(start, self._requests), *range(start)):
            descriptor = _open(f"{self._base}.{place}")
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
            else:
                return descriptor
        descriptor = _open(f"{self._base}.{start}")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor

    def _turn(self) -> None:
        with self._times() as (file, following, held):
            start = max(time.time(), following)
            os.pwrite(file, _TIMES.pack(start + self._interval, held), 0)
        while True:
            wait = max(start, held) - time.time()
            if wait <= 0:
                return
            time.sleep(wait)
            with self._times() as (_, _, held):
                pass

    @contextlib.contextmanager
    def _times(self) -> Iterator[tuple[int, float, float]]:
        """The locked file, when the next request may start, and until when nobody may."""
        file = _open(f"{self._base}.times")
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            kept = os.pread(file, _TIMES.size, 0)
            following, held = _TIMES.unpack(kept) if len(kept) == _TIMES.size else (0.0, 0.0)
            # The clock may have been set back since: nobody waits longer for that.
            latest = time.time() + LONGEST_PAUSE
            yield file, min(following, latest), min(held, latest)
        finally:
            os.close(file)


class Patience:
    """Which of this process's hosts do not answer at all, so that a lost host does not hold up a
    night."""

    def __init__(self) -> None:
        self._silent: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def tired(self, host: str) -> bool:
        """Whether the host is to be left alone; after a rest, one request may try."""
        with self._lock:
            count, since = self._silent.get(host, (0, 0.0))
            if count < SILENT:
                return False
            if time.monotonic() - since < REST:
                return True
            self._silent[host] = (count, time.monotonic())
            return False

    def saw(self, host: str, answered: bool) -> None:
        """Note how a request ended."""
        with self._lock:
            if answered:
                self._silent.pop(host, None)
            else:
                count, _ = self._silent.get(host, (0, 0.0))
                self._silent[host] = (count + 1, time.monotonic())


def _open(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _folder() -> Path:
    """A folder that this user alone writes to."""
    folder = Path(tempfile.gettempdir(), f"unposed-http-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        return Path(tempfile.mkdtemp(prefix="unposed-http-"))
    return folder
