"""A picture that its decoder cannot stand costs itself only.

Sizes are checked before a pixel is decoded, so this is about defects of decoders: one that crashes
takes its whole process with it, one that does not end holds it up for ever. Decoding each picture
in a process of its own would cost more than the networks. So a worker first decodes as always,
`guarded`: it ends where a picture takes too long. Where a worker ended, for that or any other
reason, Spark gives its chunk to another one, which decodes by a `Decoder`: in a child, with a limit
of time and memory for each picture. The picture that ends the child is unreadable, and says so.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import resource
import selectors
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from unposed_jobs.config import PoseSettings
from unposed_jobs.pose.decoding import UnreadablePicture, decode_noted

_Decoded = tuple[npt.NDArray[np.uint8], str | None]

_BYTES_A_PIXEL = 24
"""Of memory, at most: the pixels as they are read, upright, and converted, with their alpha."""
_SPARE = 1 << 30
_LENGTHS = struct.Struct("<QQ")
_ERRORS = "unreadable"
_LOOK_SECONDS = 0.2


class Guard:
    """Decodes in this process, and ends it where a picture takes longer than `decode_seconds`.

    For all threads of a process; a picture that hangs while others are decoded is noticed once
    those are done, since a batch waits for each of its pictures.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = 0

    def __call__(self, data: bytes, settings: PoseSettings) -> _Decoded:
        """See `decoding.decode_noted`."""
        self._count(1, settings.decode_seconds)
        try:
            return decode_noted(data, settings)
        finally:
            self._count(-1, settings.decode_seconds)

    def _count(self, change: int, seconds: float) -> None:
        with self._lock:
            self._running += change
            if self._running:
                # A timer of its own thread, in C: a decoder may keep Python's lock.
                faulthandler.dump_traceback_later(seconds, exit=True, file=2)
            else:
                faulthandler.cancel_dump_traceback_later()


guarded = Guard()


class Decoder:
    """Decodes in a child process with limits; one picture at a time, from any thread."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def __call__(self, data: bytes, settings: PoseSettings) -> _Decoded:
        """As `decoding.decode_noted`; raises UnreadablePicture, too, where two children end at it,
        or one needs more than ``settings.decode_seconds`` of the processor's time.
        """
        with self._lock:
            try:
                answer, pixels = self._ask(data, settings)
            except OSError:
                self._end()  # It may have been ended by others: the machine's memory ran out.
                try:
                    answer, pixels = self._ask(data, settings)
                except OSError:
                    raise UnreadablePicture(f"crashed: the decoder {self._end()}") from None
        if _ERRORS in answer:
            raise UnreadablePicture(answer[_ERRORS])
        shape = tuple(answer["shape"])
        return np.frombuffer(pixels, np.uint8).reshape(shape), answer["note"]

    def _ask(self, data: bytes, settings: PoseSettings) -> tuple[dict[str, Any], bytes]:
        """What the child answers. Raises UnreadablePicture after too long, OSError at its end."""
        child = self._running(settings)
        answer = _Answer(child, settings.decode_seconds)
        assert child.stdin is not None
        try:
            child.stdin.write(_LENGTHS.pack(len(data), 0) + data)
            child.stdin.flush()
            return answer.read()
        except TimeoutError:  # An OSError, too.
            self.close()
        raise UnreadablePicture(f"hung: not decoded within {settings.decode_seconds:g} s")

    def close(self) -> None:
        """End the child; the next picture gets another one."""
        if self._child is not None:
            self._child.kill()
            self._end()

    def _running(self, settings: PoseSettings) -> subprocess.Popen[bytes]:
        if self._child is None:
            limits = json.dumps(_limits(settings))
            command = [sys.executable, "-m", __name__, limits]
            self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            assert self._child.stdout is not None
            os.read(self._child.stdout.fileno(), 1)  # It has started: no picture's time.
        return self._child

    def _end(self) -> str:
        child, self._child = self._child, None
        if child is None:
            return "ended"
        child.kill()
        status = child.wait()
        for stream in (child.stdin, child.stdout):
            with contextlib.suppress(OSError):  # What it did not take is still to be written.
                assert stream is not None
                stream.close()
        return f"ended by {signal.Signals(-status).name}" if status < 0 else f"left with {status}"


@contextlib.contextmanager
def decoding(apart: bool) -> Iterator[Callable[[bytes, PoseSettings], _Decoded]]:
    """How a task decodes: guarded, or `apart` from its worker."""
    if not apart:
        yield guarded
        return
    decoder = Decoder()
    try:
        yield decoder
    finally:
        decoder.close()


class _Answer:
    """What the child writes, waited for until its time is over: so many seconds of the processor,
    since a machine that is busy is no reason to condemn a picture, or ten times as many by the
    clock.
    """

    def __init__(self, child: subprocess.Popen[bytes], seconds: float) -> None:
        assert child.stdout is not None
        self._file = child.stdout.fileno()
        self._child, self._seconds = child.pid, seconds
        self._spent, self._start = _processor_seconds(child.pid), time.monotonic()

    def read(self) -> tuple[dict[str, Any], bytes]:
        """Raises TimeoutError, and BrokenPipeError where the child ended."""
        length, pixels = _LENGTHS.unpack(self._exactly(_LENGTHS.size))
        return json.loads(self._exactly(length)), self._exactly(pixels)

    def _exactly(self, count: int) -> bytes:
        found = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(self._file, selectors.EVENT_READ)
            while len(found) < count:
                if not selector.select(_LOOK_SECONDS):
                    self._check()
                    continue
                part = os.read(self._file, min(count - len(found), 1 << 20))
                if not part:
                    raise BrokenPipeError
                found += part
        return bytes(found)

    def _check(self) -> None:
        spent = _processor_seconds(self._child) - self._spent
        waited = time.monotonic() - self._start
        if spent > self._seconds or waited > 10 * self._seconds:
            raise TimeoutError


def _processor_seconds(process: int) -> float:
    """What a process has had of the processor; 0 for one that is gone."""
    try:
        with open(f"/proc/{process}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _limits(settings: PoseSettings) -> dict[str, int]:
    return {"max_pixels": settings.max_pixels, "max_bytes": settings.max_bytes}


def serve(source: BinaryIO, target: BinaryIO, settings: PoseSettings) -> None:
    """Decode picture after picture until nobody asks any more."""
    while head := source.read(_LENGTHS.size):
        data = source.read(_LENGTHS.unpack(head)[0])
        pixels: npt.NDArray[np.uint8] = np.empty(0, np.uint8)
        try:
            pixels, note = decode_noted(data, settings)
            answer: dict[str, object] = {"shape": pixels.shape, "note": note}
        except UnreadablePicture as error:
            answer = {_ERRORS: str(error)}
        line = json.dumps(answer).encode()
        target.write(_LENGTHS.pack(len(line), pixels.nbytes) + line)
        target.write(pixels.data)
        target.flush()


def main() -> None:
    """The child: limits its memory, then serves."""
    settings = PoseSettings(**json.loads(sys.argv[1]))
    # What it says is for the pictures; a decoder's chatter is not.
    target = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with open("/proc/self/statm", encoding="ascii") as file:
        present = int(file.read().split()[0]) * resource.getpagesize()
    most = present + _SPARE + _BYTES_A_PIXEL * settings.max_pixels
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    target.write(b"\n")
    target.flush()
    serve(sys.stdin.buffer, target, settings)


if __name__ == "__main__":
    main()
