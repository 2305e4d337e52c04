"""Key points of real people: average precision by object key-point similarity, as COCO counts it.

Each person whom somebody has annotated is shown in a window round their box, as a shop's picture
shows one person; a window from another photograph is never seen beside it. The paths are this
project's own; the baseline puts the mean pose of the other people into the box.

``python -m unposed_jobs.lab.evaluation.pictures.keypoints DATA`` prints them.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from unposed_jobs import config
from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.evaluation import bootstrap
from unposed_jobs.lab.evaluation.pictures import figures as judging
from unposed_jobs.lab.evaluation.pictures import sheets
from unposed_jobs.lab.evaluation.pictures.cases import BATCH, Picture
from unposed_jobs.lab.evaluation.pictures.figures import Figure
from unposed_jobs.pose import estimators
from unposed_jobs.pose.decoding import decode
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.topology import coco17_from_blazepose33

PATHS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("BlazePose, its first look", {"second_look": False}),
    ("BlazePose, with the second look", {}),
    ("MoveNet", {"estimator": "movenet-thunder"}),
)
"""Key-point paths, and the settings that they are."""
_ROOM = 0.125
"""Of a box, on each side of it."""
_LEAST_POINTS = 8
_LEAST_SIDE = 60
"""Annotated points, and pixels of the box's longer side, from which a person is judged."""
_FILLED = 0.53
"""Of a box's area, what the person fills: COCO's similarity is relative to the person's area."""
_DRAWN = 200
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Person:
    """A window (height, width, 3) of a photograph `group`, with the truth of its person in it:
    `points` (17, 3) x, y in pixels and COCO's visibility, `box` left, top, width, height.
    """

    picture: Picture
    group: str
    points: Floats
    box: Floats


@dataclass(frozen=True)
class Reading:
    """What a path says of a window: `points` (17, 3) x, y in pixels and 1, None of nobody."""

    points: Floats | None
    score: float


def figures(data: Path, settings: PoseSettings, seed: int) -> list[Figure]:
    """AP, AP50 and mean similarity of each path and of the mean pose; empty without annotations.

    Raises UnposedError for missing weights or without pycocotools.
    """
    people = list(read(data, settings))
    if not people:
        return []
    found = []
    baseline = _measured(people, mean_poses(people))
    for title, changed in PATHS:
        readings = look(people, replace(settings, **changed))
        found += _judged(title, people, readings, baseline, seed)
    return found


def read(data: Path, settings: PoseSettings) -> Iterator[Person]:
    """The people of ``coco-people`` that are large enough and annotated well enough."""
    listed = data / "coco-people/annotations.json"
    if not listed.is_file():
        return
    for entry in json.loads(listed.read_text(encoding="utf-8")):
        whole = decode((listed.parent / entry["file"]).read_bytes(), settings)
        for one in entry["people"]:
            left, top, wide, high = one["bbox"]
            if one["num_keypoints"] < _LEAST_POINTS or max(wide, high) < _LEAST_SIDE:
                continue
            x0, y0 = (max(int(a - _ROOM * side), 0) for a, side in ((left, wide), (top, high)))
            x1, y1 = (int(a + (1 + _ROOM) * side) + 1 for a, side in ((left, wide), (top, high)))
            points = np.array(one["keypoints"], np.float64).reshape(17, 3)
            points[points[:, 2] > 0, :2] -= (x0, y0)
            yield Person(
                np.ascontiguousarray(whole[y0:y1, x0:x1]),
                entry["file"],
                points,
                np.array([left - x0, top - y0, wide, high]),
            )


def look(people: Sequence[Person], settings: PoseSettings) -> list[Reading]:
    """What the estimator of `settings` says of each window."""
    estimator = estimators.create(settings)
    found: list[Reading] = []
    try:
        for start in range(0, len(people), BATCH):
            pictures = [one.picture for one in people[start : start + BATCH]]
            for picture, estimate in zip(pictures, estimator.estimate(pictures), strict=True):
                found.append(_reading(estimate, picture))
    finally:
        estimator.close()
    return found


def _reading(estimate: PoseEstimate, picture: Picture) -> Reading:
    if estimate.landmarks is None:
        return Reading(None, 0.0)
    high, wide = picture.shape[:2]
    found = estimate.landmarks
    points = coco17_from_blazepose33(found) if len(found) == 33 else found
    places = points[:, :2].astype(np.float64) * (wide, high)
    return Reading(np.column_stack([places, np.ones(17)]), float(estimate.pose_score))


def mean_poses(people: Sequence[Person]) -> list[Reading]:
    """In each person's box the mean place of each point, over people of other photographs."""
    found = []
    for one in people:
        sums, counts = np.zeros((17, 2)), np.zeros((17, 1))
        for other in people:
            if other.group != one.group:
                seen = other.points[:, 2:] > 0
                sums += np.where(seen, (other.points[:, :2] - other.box[:2]) / other.box[2:], 0)
                counts += seen
        mean = np.where(counts > 0, sums / np.maximum(counts, 1), 0.5)
        found.append(Reading(np.column_stack([one.box[:2] + mean * one.box[2:], np.ones(17)]), 0.5))
    return found


def _judged(
    title: str,
    people: Sequence[Person],
    readings: Sequence[Reading],
    baseline: tuple[float, ...],
    seed: int,
) -> list[Figure]:
    """The figures of a path, intervals by drawing photographs again."""
    groups = sorted({one.group for one in people})
    rows = [[row for row, one in enumerate(people) if one.group == group] for group in groups]
    rng = np.random.default_rng([seed, 11])
    drawn = []
    for _ in range(_DRAWN):
        chosen = [row for one in rng.integers(len(rows), size=len(rows)) for row in rows[one]]
        drawn.append(_measured([people[row] for row in chosen], [readings[row] for row in chosen]))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    values = _measured(people, readings)
    return [
        Figure(
            f"key points, {title}: {name}",
            len(people),
            bootstrap.Interval(value, float(low[place]), float(high[place])),
            baseline=baseline[place],
        )
        for place, (name, value) in enumerate(zip(("AP", "AP50", "mean OKS"), values, strict=True))
    ]


def _measured(people: Sequence[Person], readings: Sequence[Reading]) -> tuple[float, ...]:
    """AP, AP50 and the mean similarity, which is 0 of a person who was not found."""
    from unposed_jobs.segmentation.measuring import evaluator

    images, truth, told = [], [], []
    for number, (one, reading) in enumerate(zip(people, readings, strict=True), start=1):
        high, wide = one.picture.shape[:2]
        images.append({"id": number, "width": wide, "height": high})
        truth.append(
            {
                "id": number, "image_id": number, "category_id": 1, "iscrowd": 0,
                "area": float(one.box[2] * one.box[3] * _FILLED), "bbox": one.box.tolist(),
                "keypoints": one.points.ravel().tolist(),
                "num_keypoints": int((one.points[:, 2] > 0).sum()),
            }
        )  # fmt: skip
        if reading.points is not None:
            told.append(
                {
                    "image_id": number, "category_id": 1, "score": reading.score,
                    "keypoints": reading.points.ravel().tolist(),
                }
            )  # fmt: skip
    if not told:
        return 0.0, 0.0, 0.0
    dataset = {
        "info": {}, "images": images, "annotations": truth,
        "categories": [{"id": 1, "name": "person"}],
    }  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        judged = evaluator(dataset, told, "keypoints")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    similar = [judged.ious[number, 1] for number in range(1, len(people) + 1)]
    mean = np.mean([float(np.max(one)) if len(one) else 0.0 for one in similar])
    return float(judged.stats[0]), float(judged.stats[1]), float(mean)


def main(arguments: Sequence[str] | None = None) -> int:
    """Look, judge, print; 2 where something is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m unposed_jobs.lab.evaluation.pictures.keypoints"
    )
    parser.add_argument("data", type=Path, help="folder of real pictures")
    parser.add_argument("--json", type=Path, help="also write the figures")
    given = parser.parse_args(arguments)
    try:
        found = figures(given.data, config.load().pose, seed=0)
    except UnposedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    sheets.print_table(found)
    if given.json is not None:
        note = "COCO's people, each in a window of their own; area: .53 of the box"
        judging.write(given.json, [note], found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
