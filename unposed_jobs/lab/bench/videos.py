"""Ratio 10: frames a second of a video decoded by a process of its own, against plain decoding.

Plain decoding is OpenCV's loop over the same file in this process, which takes the same frames at
the same size. What ours adds is the start of a process, its bounds, and a pipe for the pixels. Of a
video that is read whole the networks take most of the time: told beside, on fewer frames.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from unposed_jobs.config import PoseSettings, VideoSettings
from unposed_jobs.lab.bench import rounds
from unposed_jobs.lab.bench.results import Result, Target, number
from unposed_jobs.pose import estimators
from unposed_jobs.videos import decoding
from unposed_jobs.videos.reading import VideoReader

DECODED = (
    "10",
    "frames of a video by a process of its own ÷ plain decoding",
    Target("at_least", 0.6),
)
SECONDS, RATE, SIZE = 30, 25.0, (720, 1280)
_READ_FRAMES = 24


def video(path: Path) -> bytes:
    """A video of a phone's size in which all moves: noise that drifts, coded by MPEG-4."""
    rng = np.random.default_rng(0)
    width, height = SIZE
    ground = cv2.resize(rng.integers(0, 255, (80, 45, 3)).astype(np.uint8), SIZE)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), RATE, SIZE)
    for frame in range(int(SECONDS * RATE)):
        writer.write(np.roll(ground, (2 * frame % height, frame % width), (0, 1)))
    writer.release()
    return path.read_bytes()


def plain(path: Path, settings: VideoSettings) -> int:
    """Decode every frame, take those that ours takes; returns their number."""
    capture, taken, wanted = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), 0, 0.0
    while capture.grab():
        if capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 + 0.5 / RATE < wanted:
            continue
        wanted += 1 / settings.frames_per_second
        _, frame = capture.retrieve()
        scale = settings.frame_side / max(frame.shape[:2])
        size = (round(frame.shape[1] * scale), round(frame.shape[0] * scale))
        cv2.cvtColor(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)
        taken += 1
    capture.release()
    return taken


def ours(data: bytes, settings: VideoSettings) -> int:
    """As a reader has them; returns their number."""
    with decoding.opened(data, settings) as (_, frames):
        return sum(1 for _ in frames)


def result(pose: PoseSettings, count: int) -> list[Result]:
    """Ratio 10, in frames taken a second."""
    cv2.setNumThreads(1)
    settings = VideoSettings()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        data = video(path)

        def side(work: Callable[..., int], *arguments: object) -> tuple[float, float]:
            start = time.perf_counter()
            rate = work(*arguments) / (time.perf_counter() - start)
            # The other process's time is not this one's: the clock stands in.
            return rate, rate

        taken = rounds.measure(
            lambda: side(ours, data, settings), lambda: side(plain, path, settings), count
        )
        reader = VideoReader(estimators.create(pose), pose, settings)
        with decoding.opened(data, settings) as (_, frames):
            few = [frame for _, frame in zip(range(_READ_FRAMES), frames, strict=False)]
        start = time.perf_counter()
        reader.predict(reader.see(few))
        read = len(few) / (time.perf_counter() - start)
    width, height = SIZE
    notes = [
        f"{SECONDS} s of {width} x {height}, {settings.frames_per_second:g} of {RATE:g} frames a "
        f"second taken; read wholly, by the networks, {number(read)} frames/s in one thread"
    ]
    return [rounds.outcome(DECODED, ("own process", "plain"), taken, notes)]
