"""Rendered people at known angles, as the pose estimator reads them."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from unposed_jobs import config
from unposed_jobs.attributes.reading import Features
from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.sample.turntables import random_turntable
from unposed_jobs.orientation import head as orientation
from unposed_jobs.orientation.body import Bodies, BodyReader
from unposed_jobs.pose import estimators
from unposed_jobs.pose.topology import BLAZEPOSE33_MIRROR

LABELS = ("garment", "sleeve", "framing", "view")
_KINDS: dict[str, type] = {
    "landmarks": np.float32, "sizes": np.float64, "points": np.float32, "inner": np.float16,
    "angles": np.float64, "people": np.int64,
    "features": np.float16, "every": np.int64, "labels": np.str_,
}  # fmt: skip
FRAMINGS = ("full",) * 5 + ("upper",) * 3 + ("chest", "legs")
POSES, ANGLES = 3, 4
"""Poses of one person, and pictures of each at angles of their own."""
_BATCH = 20


@dataclass(frozen=True)
class Examples:
    """N people that were found: `landmarks` (N, 33, 5) float32, `sizes` (N, 2) width and height
    in pixels, `points` (N, 17, 3) float32 and `inner` (N, 8, 8, 280) float16 (`orientation.body`),
    `angles` (N,) in degrees, `people` (N,), whose pictures must not be parted. `lost` were not
    found, of `of` pictures.

    Of all of them, found or not, what attributes are learned from: `features` (M, 1280) float16,
    `every` (M,) people, and `labels` (M, 4) garment, sleeve, framing, view."""

    landmarks: npt.NDArray[np.float32]
    sizes: npt.NDArray[np.float64]
    points: npt.NDArray[np.float32]
    inner: npt.NDArray[np.float16]
    angles: npt.NDArray[np.float64]
    people: npt.NDArray[np.int64]
    features: npt.NDArray[np.float16]
    every: npt.NDArray[np.int64]
    labels: npt.NDArray[np.str_]
    lost: int
    of: int

    def save(self, path: Path) -> None:
        """Keep them: a picture takes a tenth of a second."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **vars(self))

    @staticmethod
    def load(paths: Sequence[Path]) -> Examples:
        """All of several files."""
        parts = [dict(np.load(path, allow_pickle=False)) for path in paths]
        joined = {name: np.concatenate([part[name] for part in parts]) for name in _KINDS}
        lost, of = (int(sum(part[name] for part in parts)) for name in ("lost", "of"))
        return Examples(**joined, lost=lost, of=of)

    def inputs(self, of: orientation.Head) -> npt.NDArray[np.float32]:
        """(N, W) what this head would tell the angles by."""
        parts = [
            of.inputs(
                self.landmarks[rows],
                self.sizes[rows],
                Bodies(self.points[rows], self.inner[rows].astype(np.float32)),
            )
            for rows in np.array_split(np.arange(len(self.angles)), len(self.angles) // 500 + 1)
        ]
        return np.concatenate(parts)


@dataclass(frozen=True)
class Rendered:
    """A picture of a person, whose angle is in degrees; `labels` are of `LABELS`."""

    person: int
    angle: float
    picture: npt.NDArray[np.uint8]
    labels: tuple[str, ...]


def rendered(
    seed: int, people: range, height: int, framings: Sequence[str] = FRAMINGS
) -> Iterator[Rendered]:
    """The pictures of these people, in order; each pose is of one of `framings`."""
    for number in people:
        rng = np.random.default_rng([seed, 32, number])
        table = random_turntable(seed, number, height)
        for _ in range(POSES):
            table = table.moved(rng, str(rng.choice(framings)))
            first = float(rng.uniform(-180, 180))
            for turn in range(ANGLES):
                angle = first + 360 / ANGLES * turn + float(rng.uniform(-45, 45))
                angle = (angle + 180) % 360 - 180
                picture = table.picture(angle, int(rng.integers(1 << 31)))
                garment = table.garment
                labels = (garment.kind, garment.sleeve, table.framing, view(angle))
                yield Rendered(seed * 100_000 + number, angle, np.asarray(picture), labels)


def in_a_mirror(landmarks: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Landmarks (33, 5) of the same person in the mirrored picture: left and right exchanged."""
    seen = landmarks[list(BLAZEPOSE33_MIRROR)].copy()
    seen[:, 0] = 1 - seen[:, 0]
    return seen


def view(angle: float) -> str:
    """What a picture shows of a person at this angle, in the words of the sample catalogue."""
    away = abs(angle)
    if away <= 22.5:
        return "front"
    if away <= 67.5:
        return "three_quarter"
    if away < 135:
        return "right" if angle > 0 else "left"
    return "back"


class Reader:
    """Pictures to rows of `Examples`: what each of the networks sees."""

    def __init__(self, settings: PoseSettings) -> None:
        """Raises UnposedError for missing weights."""
        self._estimator = estimators.create(settings)
        self._features = Features(settings)
        self._bodies = BodyReader(settings)

    def __call__(self, made: Sequence[Rendered], mirrored: bool) -> dict[str, list[Any]]:
        """`_KINDS` of a batch. With `mirrored`, each person is found twice: in a mirror as well."""
        pictures = [one.picture for one in made]
        found = [
            (one, estimate.landmarks)
            for one, estimate in zip(made, self._estimator.estimate(pictures), strict=True)
            if estimate.landmarks is not None
        ]
        shown = [(one.picture, points, one.angle) for one, points in found]
        if mirrored:
            shown += [
                (np.ascontiguousarray(picture[:, ::-1]), in_a_mirror(points), -angle)
                for picture, points, angle in shown
            ]
        landmarks = np.array([points for _, points, _ in shown], np.float32).reshape(-1, 33, 5)
        bodies = self._bodies([picture for picture, _, _ in shown], landmarks)
        return {
            "landmarks": list(landmarks),
            "sizes": [picture.shape[1::-1] for picture, _, _ in shown],
            "points": list(bodies.points),
            "inner": list(bodies.inner.astype(np.float16)),
            "angles": [angle for _, _, angle in shown],
            "people": [one.person for one, _ in found] * (1 + mirrored),
            "features": list(self._features(pictures).astype(np.float16)),
            "every": [one.person for one in made],
            "labels": [one.labels for one in made],
        }

    def close(self) -> None:
        """Give the networks back."""
        self._estimator.close()


def examples(
    seed: int,
    people: range,
    height: int,
    settings: PoseSettings,
    framings: Sequence[str] = FRAMINGS,
    *,
    mirrored: bool = False,
) -> Examples:
    """Render and read. Raises UnposedError for missing weights."""
    reader, rows, of = Reader(settings), defaultdict[str, list[Any]](list), 0
    made = rendered(seed, people, height, framings)
    while batch := list(islice(made, _BATCH)):
        of += len(batch)
        for name, values in reader(batch, mirrored).items():
            rows[name] += values
    reader.close()
    lost = of - len(rows["people"]) // (1 + mirrored)
    return Examples(
        **{name: np.array(rows[name], kind) for name, kind in _KINDS.items()}, lost=lost, of=of
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Render, read and keep a part."""
    parser = argparse.ArgumentParser(prog="python -m unposed_jobs.lab.fitting.orientation.examples")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--people", type=int, nargs=2, required=True, metavar=("FIRST", "END"))
    parser.add_argument("--height", type=int, default=320)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    try:
        # The first look alone: in a video the whole person is seen, and a second takes as long.
        first = replace(config.load().pose, second_look=False, picture_kinds=False, views=False)
        people = range(*given.people)
        made = examples(given.seed, people, given.height, first, mirrored=True)
    except UnposedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    made.save(given.out)
    print(f"{made.of - made.lost} of {made.of} found: {given.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
