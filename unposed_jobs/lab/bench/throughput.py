"""Ratio 1: bytes to landmarks, ours against a plain MediaPipe Tasks loop.

Both sides have the same pictures as bytes in memory, the same number of processes and the same
cores. The loop decodes with Pillow (or OpenCV) and calls PoseLandmarker picture by picture. Ours
is the pipeline with the batched BlazePose; with `Setup.rows` it also completes the rows of the
table, perceptual hashes and picture statistics included, which the loop is spared.
"""

from __future__ import annotations

import contextlib
import functools
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from unposed_jobs.config import PoseSettings
from unposed_jobs.lab.bench import rounds
from unposed_jobs.lab.bench.child import Child
from unposed_jobs.lab.bench.results import Result, Target, number, spread
from unposed_jobs.pose.pipeline import BATCH_PICTURES

LOOP = ("1", "bytes to landmarks: batched ÷ MediaPipe loop", Target("at_least", 1.5))
_WARM_UP = 2 * BATCH_PICTURES
OURS, REFERENCE, WHOLE = "ours", "reference", "ours, as jobs have it"


def first_look(settings: PoseSettings) -> PoseSettings:
    """What a MediaPipe loop does, and no more: no second look, no parts of collages, no kinds of
    pictures without a person.
    """
    return replace(
        settings, estimator="blazepose-full", second_look=False, views=False, picture_kinds=False
    )


@dataclass(frozen=True)
class Setup:
    """How the sides run: `cores` for each process; `decoder` of the loop; whole `rows` of ours."""

    processes: int
    cores: int
    decoder: str = "pillow"
    rows: bool = False


class _Loop:
    """What one would write from MediaPipe's documentation."""

    def __init__(self, decoder: str, settings: PoseSettings) -> None:
        import mediapipe

        from unposed_jobs.networks import weights

        tasks = mediapipe.tasks
        self._decoder = decoder
        self._landmarker = tasks.vision.PoseLandmarker.create_from_options(
            tasks.vision.PoseLandmarkerOptions(
                base_options=tasks.BaseOptions(model_asset_buffer=weights.load(settings)[1]),
                num_poses=settings.max_people,
                min_pose_detection_confidence=settings.min_detection_confidence,
            )
        )

    def __call__(self, contents: list[bytes]) -> int:
        import mediapipe

        found = 0
        for data in contents:
            image = mediapipe.Image(
                image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(self._rgb(data))
            )
            found += bool(self._landmarker.detect(image).pose_landmarks)
        return found

    def close(self) -> None:
        """Give the networks back."""
        self._landmarker.close()

    def _rgb(self, data: bytes) -> Any:
        if self._decoder == "opencv":
            import cv2

            return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def _pipeline(settings: PoseSettings, how: Setup) -> Callable[[list[bytes]], int]:
    from unposed_jobs.pose import estimators
    from unposed_jobs.pose.pipeline import estimate_stream, extract_stream

    estimator = estimators.create(settings)
    decoders = how.cores if how.cores > 1 else 0

    def complete(contents: list[bytes]) -> int:
        stream = extract_stream(contents, bytes, estimator, settings, decoders=decoders)
        return sum(row is not None and row.status == "ok" for _, row in stream)

    def landmarks(contents: list[bytes]) -> int:
        stream = estimate_stream(contents, bytes, estimator, settings, decoders=decoders)
        estimates = (one.estimate for batch in stream for one in batch)
        return sum(one is not None and one.landmarks is not None for one in estimates)

    return complete if how.rows else landmarks


class Sides:
    """A process of the benchmark with both sides ready, and its share of the pictures."""

    def __init__(
        self, contents: list[bytes], settings: PoseSettings, how: Setup, names: tuple[str, ...]
    ) -> None:
        self._contents = contents
        make: dict[str, Callable[[], Callable[[list[bytes]], int]]] = {
            OURS: lambda: _pipeline(first_look(settings), how),
            WHOLE: lambda: _pipeline(replace(settings, estimator="blazepose-full"), how),
            REFERENCE: lambda: _Loop(how.decoder, settings),
        }
        self._sides = {name: make[name]() for name in names}
        for side in self._sides.values():
            side(contents[:_WARM_UP])

    def run(self, name: str) -> float:
        """One side over the share; returns its CPU seconds."""
        cpu = time.process_time()
        self._sides[name](self._contents)
        return time.process_time() - cpu

    def close(self) -> None:
        """Close what has to be."""
        for side in self._sides.values():
            getattr(side, "close", lambda: None)()


@contextlib.contextmanager
def processes(
    contents: list[bytes],
    settings: PoseSettings,
    how: Setup,
    names: tuple[str, ...] = (OURS, REFERENCE),
) -> Iterator[Callable[[str], tuple[float, float]]]:
    """``how.processes`` processes, each with an equal share of `contents`.

    What comes is called with the name of a side and returns its rates, see `rounds.Side`.
    """
    with contextlib.ExitStack() as stack:
        shares = [contents[number :: how.processes] for number in range(how.processes)]
        made = [Child(Sides, share, settings, how, names, threads=how.cores) for share in shares]
        children = [stack.enter_context(child) for child in made]

        def run(name: str) -> tuple[float, float]:
            start = time.perf_counter()
            for child in children:
                child.begin("run", name)
            cpu = sum(child.result() for child in children)
            return len(contents) / (time.perf_counter() - start), len(contents) / cpu

        yield run


def result(contents: list[bytes], settings: PoseSettings, cores: int, count: int) -> list[Result]:
    """Ratio 1 with a process for each core; in the same rounds, all that jobs do."""
    how = Setup(processes=cores, cores=1)
    names = (REFERENCE, OURS, WHOLE)
    with processes(contents, settings, how, names) as run:
        taken = rounds.turns({name: functools.partial(run, name) for name in names}, count)
    sides = (f"batched, {cores} processes", f"MediaPipe loop, {cores} processes")
    paired = [
        rounds.Round(ours[0], loop[0], ours[1], loop[1])
        for ours, loop in zip(taken[OURS], taken[REFERENCE], strict=True)
    ]
    notes = [f"{len(contents)} pictures as bytes in memory"]
    found = rounds.outcome(LOOP, sides, paired, notes)
    shares = [whole[0] / once[0] for whole, once in zip(taken[WHOLE], taken[OURS], strict=True)]
    rates = spread([rate for rate, _ in taken[WHOLE]])
    found.figures["as_jobs_have_it"] = shares
    found.notes.append(
        "as jobs have it, with the second look, parts of collages and kinds of pictures, "
        f"{number(rates[1])} images/s, {number(spread(shares)[1])} of the first look's alone"
    )
    return [found]
