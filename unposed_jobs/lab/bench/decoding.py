"""Ratio 4: JPEG bytes to the detector's input on one core, ours against Pillow.

Pillow decodes the whole picture and resizes it to the detector's 224 pixels, longer side first,
by its bilinear filter: the nearest to what the networks take. By its default, bicubic, it takes
longer, which is given as well. Ours decodes at full scale, too - a coarser one moves the landmarks,
see `pose.decoding` - and samples the letterboxed square as MediaPipe does. The reading of the
header, the orientation and all checks are included.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import torch
from PIL import Image

from unposed_jobs.config import PoseSettings
from unposed_jobs.lab.bench import pictures, rounds
from unposed_jobs.lab.bench.results import Result, Target
from unposed_jobs.pose import jpeg
from unposed_jobs.pose.blazepose import detection, geometry, sampling
from unposed_jobs.pose.decoding import decode
from unposed_jobs.pose.memory import keep_freed
from unposed_jobs.pose.pipeline import BATCH_PICTURES

DECODE = ("4", "decoding to model input on one core ÷ Pillow", Target("at_least", 2.5))
_JPEG = b"\xff\xd8\xff"


def pillow(contents: list[bytes], resampling: Image.Resampling = Image.Resampling.BILINEAR) -> None:
    """Decode and resize, letterboxed, as one would with Pillow alone."""
    for data in contents:
        image = Image.open(io.BytesIO(data)).convert("RGB")
        scale = detection.SIDE / max(image.size)
        width, height = (max(1, round(side * scale)) for side in image.size)
        image = image.resize((width, height), resampling)
        square = np.zeros((detection.SIDE, detection.SIDE, 3), np.uint8)
        top, left = (detection.SIDE - height) // 2, (detection.SIDE - width) // 2
        square[top : top + height, left : left + width] = np.asarray(image)


def ours(contents: list[bytes], settings: PoseSettings) -> None:
    """Decode and sample as the batched estimator does, batch by batch."""
    for start in range(0, len(contents), BATCH_PICTURES):
        batch = [decode(data, settings) for data in contents[start : start + BATCH_PICTURES]]
        sizes = torch.tensor([(rgb.shape[1], rgb.shape[0]) for rgb in batch], dtype=torch.float32)
        maps = geometry.sampling(geometry.whole(sizes), detection.SIDE).double().numpy()
        sampling.on_cpu(batch, range(len(batch)), maps, detection.SIDE, sampling.Border.BLACK)


def alone(contents: list[bytes]) -> None:
    """What libjpeg-turbo takes of `ours`: the pixels, without checks and samples."""
    for data in contents:
        width, height = Image.open(io.BytesIO(data)).size
        jpeg.decode(data, width, height)


def measure(
    function: Callable[[list[bytes]], None],
    contents: list[bytes],
    count: int,
    reference: Callable[[list[bytes]], None] = pillow,
) -> list[rounds.Round]:
    """Paired rounds in this one thread of `function` and `reference`."""

    def side(work: Callable[[list[bytes]], None]) -> tuple[float, float]:
        start, cpu = time.perf_counter(), time.process_time()
        work(contents)
        wall = time.perf_counter() - start
        return len(contents) / wall, len(contents) / (time.process_time() - cpu)

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    keep_freed()
    for work in (function, reference):
        work(contents[: 2 * BATCH_PICTURES])
    return rounds.measure(lambda: side(function), lambda: side(reference), count)


def result(contents: list[bytes], count: int) -> list[Result]:
    """Ratio 4 over the JPEGs among `contents`, which must be sound."""
    contents = [data for data in contents if data.startswith(_JPEG)]
    if not contents:
        return [Result(*DECODE, absent="no JPEG among the pictures")]
    our = partial(ours, settings=pictures.pose_settings())
    taken = measure(our, contents, count)
    found = rounds.outcome(
        DECODE, ("ours", "Pillow"), taken, [f"{len(contents)} JPEGs, one thread"]
    )
    bicubic = partial(pillow, resampling=Image.Resampling.BICUBIC)
    default = rounds.outcome(
        DECODE, ("ours", "Pillow, bicubic"), measure(our, contents, count, bicubic)
    )
    found.figures["pillow_bicubic"] = default.ratios
    found.notes.append(f"against Pillow's default filter, bicubic: {default.spread_text}")
    if not jpeg.available():
        found.notes.append("simplejpeg is not installed: both sides decode with Pillow")
        return [found]
    most = rounds.outcome(DECODE, ("decoding alone", "Pillow"), measure(alone, contents, count))
    found.figures["decoding_alone"] = most.ratios
    found.notes.append(
        f"libjpeg-turbo's decoding alone, at the full scale that the parity needs: "
        f"{most.spread_text}"
    )
    return [found]
