"""A video's bytes to frames, by a process of its own (`child`)."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from unposed_jobs.config.videos import VideoSettings
from unposed_jobs.videos.child import FRAME

Picture = npt.NDArray[np.uint8]

SUFFIXES = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".3gp")
"""Of files that are taken for videos."""
STATUSES = ("unreadable", "too_long", "too_large")
"""Why a video has no frames; see `UnreadableVideo.status`."""
_MAGIC = 4096
_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")


class UnreadableVideo(Exception):  # noqa: N818 - a status of the video, not a defect
    """A video that is not read: one line why, and a word of `STATUSES`."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status


@dataclass(frozen=True)
class Frame:
    """One frame: `second` from the start, `picture` (height, width, 3) uint8, RGB, upright."""

    second: float
    picture: Picture


@dataclass(frozen=True)
class Header:
    """What the container says: pixels, frames a second, seconds (0: it does not say)."""

    width: int
    height: int
    rate: float
    seconds: float


@contextlib.contextmanager
def opened(
    data: bytes, settings: VideoSettings, *, side: int | None = None
) -> Iterator[tuple[Header, Iterator[Frame]]]:
    """A video's header, and its frames as they are decoded, ``frames_per_second`` at most.

    `side` is their longer one at most (default ``settings.frame_side``; 0: as they are). A video
    that breaks off ends with its last whole frame. Raises UnreadableVideo, also while frames are
    asked for: where none could be decoded, or the time of ``decode_seconds`` is over.
    """
    if not _container(data[:_MAGIC]):
        raise UnreadableVideo("unreadable", "neither mp4, mov nor webm")
    limits = asdict(settings) | {"side": settings.frame_side if side is None else side}
    with tempfile.NamedTemporaryFile(prefix="unposed-", suffix=".video") as file:
        # A full disk is the machine's trouble, not the video's: its error is not caught here.
        file.write(data)
        file.flush()
        process = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).with_name("child.py")), file.name,
             json.dumps(limits)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        late = threading.Timer(2 * settings.decode_seconds, _killed, [process])
        late.daemon = True
        late.start()
        try:
            assert process.stdout is not None
            header = _header(process.stdout, process)
            yield header, _frames(process.stdout, process, settings)
        finally:
            late.cancel()
            _killed(process)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _container(start: bytes) -> bool:
    """Whether a file begins as MP4, MOV or Matroska do; anything else is not even tried."""
    return start[4:8] in _BOXES or start[:4] == b"\x1aE\xdf\xa3"


def _header(stream: IO[bytes], process: subprocess.Popen[bytes]) -> Header:
    line = stream.readline(10_000)
    if not line:
        raise UnreadableVideo("unreadable", _ended(process))
    header = json.loads(line)
    if "error" in header:
        raise UnreadableVideo(header["error"], header["reason"])
    return Header(**header)


def _frames(
    stream: IO[bytes], process: subprocess.Popen[bytes], settings: VideoSettings
) -> Iterator[Frame]:
    count = 0
    while len(head := stream.read(FRAME.size)) == FRAME.size:
        second, height, width = FRAME.unpack(head)
        size = height * width * 3
        if size > 3 * settings.max_pixels:
            break
        pixels = stream.read(size)
        if len(pixels) < size:
            break
        count += 1
        yield Frame(second, np.frombuffer(pixels, np.uint8).reshape(height, width, 3))
    if not count:
        raise UnreadableVideo("unreadable", _ended(process))
    if process.wait() != 0:
        raise UnreadableVideo("unreadable", _ended(process))


def _ended(process: subprocess.Popen[bytes]) -> str:
    code = process.wait()
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return "decoding took too long"
    return "no frame could be decoded" if code == 0 else "decoding broke on it"


def _killed(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        process.kill()


def different(frames: Iterator[Frame], least: float = 3.0) -> Iterator[Frame]:
    """Without those that are like the last one kept: nothing of them moved.

    `least` grey levels of change, in the most changed twentieth of 32 x 32 places.
    """
    import cv2

    kept: npt.NDArray[np.float32] | None = None
    for frame in frames:
        small = cv2.resize(frame.picture, (32, 32), interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
        if kept is not None:
            change = np.sort(np.abs(grey - kept).ravel())[-51:].mean()
            if change < least:
                continue
        kept = grey
        yield frame
