"""Pictures whose class is known: rendered ones, and real ones where they are at hand."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from unposed_jobs.config import PoseSettings
from unposed_jobs.pictures import body as bodies
from unposed_jobs.pictures import classes
from unposed_jobs.pictures.classes import MODEL, PRODUCT, WORN, Evidence
from unposed_jobs.pictures.faces import FaceFinder
from unposed_jobs.pose import estimators, statistics
from unposed_jobs.pose.decoding import UnreadablePicture, decode
from unposed_jobs.pose.estimator import PoseEstimate, PoseEstimator

Picture = npt.NDArray[np.uint8]
_BATCH = 8
_LEAST = 150
"""Pixels of the height of a person in a real picture, below which nobody would show a product."""
_NOSE, _EYES, _SHOULDERS, _HIPS, _KNEES = 0, [1, 2], [5, 6], [11, 12], [13, 14]
_SEEN = 2
"""COCO's word for a point that is in sight; 1 is one that is hidden."""


@dataclass(frozen=True)
class Example:
    """A picture's known class; `group` is what must not be parted by a split; `of` its kind."""

    picture: Picture
    image_class: str
    group: str
    of: str


def rendered(folder: Path, settings: PoseSettings) -> Iterator[Example]:
    """The pictures of a sample catalogue (``unposed sample-catalogue``), by their truth."""
    with (folder / "truth/images.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["defect"] or row["duplicate_of"]:
            continue
        try:
            picture = decode((folder / row["image_uri"]).read_bytes(), settings)
        except (OSError, UnreadablePicture):
            continue
        yield of_rendered(picture, row)


def of_rendered(picture: Picture, row: dict[str, str]) -> Example:
    """A rendered picture by its row of truth/images.csv."""
    return Example(picture, of_shot(row), row["product_id"], row["framing"] or row["kind"])


def of_shot(row: dict[str, str]) -> str:
    """The class of a row of truth/images.csv."""
    if row["kind"] != "person":
        return PRODUCT
    faced = row["framing"] in ("full", "upper") and row["view"] != "back"
    return MODEL if faced else WORN


def real(data: Path, settings: PoseSettings) -> Iterator[Example]:
    """Flat-lays and scenes without anybody; people, and what is below their chin or hips.

    `data` is the folder of real pictures; what it lacks is left out.
    """
    for folder, name in (("flatlay", "flat-lay"), ("coco-empty", "scene")):
        for path in sorted((data / folder).rglob("*.jpg")):
            yield Example(decode(path.read_bytes(), settings), PRODUCT, str(path), name)
    listed = data / "coco-people/annotations.json"
    if not listed.is_file():
        return
    for entry in json.loads(listed.read_text(encoding="utf-8")):
        picture = decode((listed.parent / entry["file"]).read_bytes(), settings)
        yield from _people(picture, entry)


def _people(picture: Picture, entry: dict) -> Iterator[Example]:
    person = max(entry["people"], key=lambda one: one["bbox"][2] * one["bbox"][3])
    points = np.array(person["keypoints"]).reshape(17, 3)
    x, y, wide, high = person["bbox"]
    if high < _LEAST:
        return
    left, right = x - 0.15 * wide, x + 1.15 * wide
    end = y + 1.03 * high
    seen = points[:, 2] == _SEEN
    if seen[_NOSE] and seen[_EYES].any():
        yield _cut(picture, (left, y - 0.08 * high, right, end), MODEL, entry["file"], "person")
    for rows, kind in ((_SHOULDERS, "headless"), (_HIPS, "legs")):
        top = float(points[rows, 1].min()) - 0.02 * high
        window = (left, top, right, end)
        told = (points[rows, 2] > 0).all() and (kind != "legs" or seen[_KNEES].any())
        # A window that still has a face in it, of whomever, is of another class.
        if told and end - top >= 0.5 * _LEAST and not _faced(entry, window):
            yield _cut(picture, window, WORN, entry["file"], kind)


def _faced(entry: dict, window: tuple[float, float, float, float]) -> bool:
    """Whether an annotated person's nose is in sight in a window: left, top, right, bottom."""
    left, top, right, bottom = window
    noses = [one["keypoints"][3 * _NOSE : 3 * _NOSE + 3] for one in entry["people"]]
    return any(seen == _SEEN and left <= x <= right and top <= y <= bottom for x, y, seen in noses)


def _cut(picture: Picture, box: Sequence[float], image_class: str, group: str, of: str) -> Example:
    left, top, right, bottom = (max(round(value), 0) for value in box)
    return Example(np.ascontiguousarray(picture[top:bottom, left:right]), image_class, group, of)


def evidence(examples: Sequence[Example], settings: PoseSettings) -> list[Evidence]:
    """What the detectors say of each. Raises UnposedError for missing weights."""
    estimator = estimators.create(settings)
    try:
        return list(_evidence(examples, estimator, FaceFinder(settings)))
    finally:
        estimator.close()


def _evidence(
    examples: Sequence[Example], estimator: PoseEstimator, find: FaceFinder
) -> Iterator[Evidence]:
    for start in range(0, len(examples), _BATCH):
        pictures = [one.picture for one in examples[start : start + _BATCH]]
        estimates: list[PoseEstimate] = estimator.estimate(pictures)
        found = find(pictures, estimates)
        for picture, estimate, face in zip(pictures, estimates, found, strict=True):
            height, width = picture.shape[:2]
            body = (
                bodies.of_landmarks(estimate.landmarks, width, height)
                if estimate.landmarks is not None
                else None
            )
            plain = statistics.describe(Image.fromarray(picture)) if body is None else None
            yield classes.evidence_of(estimate, face.score, body, plain)
