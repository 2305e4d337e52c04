"""Ratio 1: bytes to landmarks, ours against a plain MediaPipe Tasks loop.

    python -m unposed_jobs.bench.throughput [--processes N] [FOLDER]

Both sides have the same pictures as bytes in memory, the same number of processes and the same
cores. The loop decodes with Pillow (or OpenCV) and calls PoseLandmarker picture by picture. Ours
is the pipeline with the batched BlazePose. With --rows it also completes the rows of the table,
perceptual hashes and picture statistics included, which the loop is spared. The figure counts
only where the parity gate is passed.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from unposed_jobs.bench import parity, pictures, rounds
from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError

_WARM_UP = 4
OURS, REFERENCE = "ours", "reference"


@dataclass(frozen=True)
class Setup:
    """How the sides run: `cores` for each process; `decoder` of the loop; whole `rows` of ours."""

    processes: int
    cores: int
    decoder: str = "pillow"
    rows: bool = False


def setup(processes: int, decoder: str = "pillow", rows: bool = False) -> Setup:
    """Share this process's cores out."""
    return Setup(processes, max(1, len(os.sched_getaffinity(0)) // processes), decoder, rows)


def _loop(decoder: str, settings: PoseSettings) -> Callable[[list[bytes]], int]:
    """What one would write from MediaPipe's documentation."""
    import cv2
    import mediapipe
    from PIL import Image

    from unposed_jobs.pose import weights

    tasks = mediapipe.tasks
    landmarker = tasks.vision.PoseLandmarker.create_from_options(
        tasks.vision.PoseLandmarkerOptions(
            base_options=tasks.BaseOptions(model_asset_buffer=weights.load(settings)[1]),
            num_poses=settings.max_people,
            min_pose_detection_confidence=settings.min_detection_confidence,
        )
    )

    def rgb(data: bytes) -> Any:
        if decoder == "opencv":
            return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def run(contents: list[bytes]) -> int:
        found = 0
        for data in contents:
            image = mediapipe.Image(
                image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(rgb(data))
            )
            found += bool(landmarker.detect(image).pose_landmarks)
        return found

    return run


def _pipeline(settings: PoseSettings, how: Setup) -> Callable[[list[bytes]], int]:
    from unposed_jobs.pose import estimators
    from unposed_jobs.pose.pipeline import estimate_stream, extract_stream

    estimator = estimators.create(settings)
    decoders = how.cores if how.cores > 1 else 0

    def complete(contents: list[bytes]) -> int:
        stream = extract_stream(contents, bytes, estimator, settings, decoders=decoders)
        return sum(row is not None and row["status"] == "ok" for _, row in stream)

    def landmarks(contents: list[bytes]) -> int:
        stream = estimate_stream(contents, bytes, estimator, settings, decoders=decoders)
        estimates = (one.estimate for batch in stream for one in batch)
        return sum(one is not None and one.landmarks is not None for one in estimates)

    return complete if how.rows else landmarks


def _work(
    connection: Connection, contents: list[bytes], settings: PoseSettings, how: Setup
) -> None:
    """A process: makes both sides, then runs the one it is told to."""
    os.environ["OMP_NUM_THREADS"] = str(how.cores)
    sides = {
        OURS: _pipeline(replace(settings, estimator="blazepose-full"), how),
        REFERENCE: _loop(how.decoder, settings),
    }
    for side in sides.values():
        side(contents[:_WARM_UP])
    connection.send("ready")
    while (name := connection.recv()) is not None:
        cpu = time.process_time()
        found = sides[name](contents)
        connection.send((time.process_time() - cpu, found))


def measure(
    contents: list[bytes], settings: PoseSettings, how: Setup, count: int
) -> list[rounds.Round]:
    """Paired rounds over ``how.processes`` processes, each with an equal share of `contents`."""
    context = multiprocessing.get_context("spawn")
    workers, connections = [], []
    for number in range(how.processes):
        ours, theirs = context.Pipe()
        share = contents[number :: how.processes]
        worker = context.Process(target=_work, args=(theirs, share, settings, how), daemon=True)
        worker.start()
        # Only the worker's own end is left: if it dies, waiting for it ends.
        theirs.close()
        workers.append(worker)
        connections.append(ours)
    for connection in connections:
        _answer(connection)

    def side(name: str) -> tuple[float, float]:
        start = time.perf_counter()
        for connection in connections:
            connection.send(name)
        cpu = sum(_answer(connection)[0] for connection in connections)
        return len(contents) / (time.perf_counter() - start), len(contents) / cpu

    results = rounds.measure(lambda: side(OURS), lambda: side(REFERENCE), count)
    for connection, worker in zip(connections, workers, strict=True):
        connection.send(None)
        worker.join()
    return results


def _answer(connection: Connection) -> Any:
    try:
        return connection.recv()
    except EOFError:
        raise UnposedError("a process of the benchmark died; its error is above") from None


def main() -> int:
    """Print the parity, both sides and the ratio of each round."""
    parser = argparse.ArgumentParser(prog="throughput", description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", help="a folder of pictures; else a rendered sample")
    parser.add_argument("--pictures", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--decoder", choices=("pillow", "opencv"), default="pillow")
    parser.add_argument("--rows", action="store_true", help="complete the table's rows as well")
    arguments = parser.parse_args()
    settings = pictures.pose_settings()
    contents = pictures.load(arguments.folder, arguments.pictures)
    gate = parity.measure(contents, settings, "mediapipe-full", "blazepose-full")
    print(f"parity: {gate}", flush=True)
    how = setup(arguments.processes, arguments.decoder, arguments.rows)
    repeated = pictures.repeated(contents, arguments.pictures)
    results = measure(repeated, settings, how, arguments.rounds)
    title = (
        f"ratio 1: bytes to {'rows' if how.rows else 'landmarks'}, {how.processes} processes of "
        f"{how.cores} cores, the loop decoding with {how.decoder}"
    )
    print(rounds.report(title, "images/s", results))
    return int(not gate.passed)


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except UnposedError as error:
        raise SystemExit(f"error: {error}") from None
