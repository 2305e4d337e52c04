"""The gate of ratios 1 to 4: MediaPipe's landmarks and MediaPipe's flags."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
from PIL import Image

from unposed_jobs.config import PoseSettings
from unposed_jobs.lab.bench import flags, parity, pictures
from unposed_jobs.pose import estimators
from unposed_jobs.pose.estimator import PoseEstimator

REFERENCE, CANDIDATE = "mediapipe-full", "blazepose-full"
RENDERED, PHOTOGRAPHS = "rendered catalogue", "photographs"
FOLDERS = ("blazepose-golden", "coco-people")
"""Sets of photographs and videos, where the folder of data has them."""

_EVERY_FRAME = 8


def run(pose: PoseSettings, data: Path, count: int, products: int) -> dict[str, Any]:
    """Compare at most `count` rendered pictures, the photographs in `data`, and the flags of
    `products` rendered products.

    The landmarks' gate must hold for rendered pictures and, where there are any, for photographs,
    each as a whole; the flags' for all. Returns what the file of results keeps.
    """
    sets = {RENDERED: pictures.load(None, count)}
    sets |= {name: _photographs(data / name) for name in FOLDERS}
    # MediaPipe Tasks looks once, so landmarks are compared of one look.
    with _both(replace(pose, second_look=False)) as (reference, candidate):
        compared = {
            name: parity.measure(contents, pose, reference, candidate)
            for name, contents in sets.items()
            if contents
        }
    # The flags are those of the whole job, the second look included if it is on.
    with _both(pose) as (reference, candidate):
        flagged = flags.measure(pictures.catalogue(products), pose, reference, candidate)
    together = sum((compared[name] for name in FOLDERS if name in compared), parity.Parity())
    rows = [_row(name, one) for name, one in compared.items()]
    if together.pictures:
        rows.append(_row(PHOTOGRAPHS, together))
    return {
        "sets": rows,
        "flags": {"share": flagged.share, "text": str(flagged), **vars(flagged)},
        "passed": compared[RENDERED].passed and together.passed and flagged.passed,
    }


@contextlib.contextmanager
def _both(pose: PoseSettings) -> Iterator[tuple[PoseEstimator, PoseEstimator]]:
    """Reference and candidate under these settings."""
    made = [estimators.create(replace(pose, estimator=name)) for name in (REFERENCE, CANDIDATE)]
    try:
        yield made[0], made[1]
    finally:
        for estimator in made:
            estimator.close()


def _row(name: str, one: parity.Parity) -> dict[str, Any]:
    return {"name": name, "share": one.share, "passed": one.passed, **vars(one)}


def _photographs(folder: Path) -> list[bytes]:
    """The pictures of a folder, and every eighth frame of its videos without loss."""
    if not folder.is_dir():
        return []
    contents = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
    for path in sorted(folder.glob("*.mp4")):
        video, number = cv2.VideoCapture(str(path)), 0
        while (frame := video.read()[1]) is not None:
            if number % _EVERY_FRAME == 0:
                target = io.BytesIO()
                Image.fromarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)).save(target, "PNG")
                contents.append(target.getvalue())
            number += 1
    return contents
