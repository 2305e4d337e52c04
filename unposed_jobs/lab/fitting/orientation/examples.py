"""Rendered people at known angles, as the pose estimator reads them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from unposed_jobs import config
from unposed_jobs.attributes.reading import Features
from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.sample.turntables import random_turntable
from unposed_jobs.pose import estimators

LABELS = ("garment", "sleeve", "framing", "view")
_PER_PICTURE = ("landmarks", "sizes", "angles", "people", "features", "every", "labels")
FRAMINGS = ("full",) * 5 + ("upper",) * 3 + ("chest", "legs")
POSES, ANGLES = 3, 4
"""Poses of one person, and pictures of each at angles of their own."""
_BATCH = 20


@dataclass(frozen=True)
class Examples:
    """N people that were found: `landmarks` (N, 33, 5) float32, `sizes` (N, 2) width and height
    in pixels, `angles` (N,) in degrees, `people` (N,), whose pictures must not be parted.
    `lost` were not found, of `of` pictures.

    Of all of them, found or not, what attributes are learned from: `features` (M, 1280) float16,
    `every` (M,) people, and `labels` (M, 4) garment, sleeve, framing, view."""

    landmarks: npt.NDArray[np.float32]
    sizes: npt.NDArray[np.float64]
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
        joined = {name: np.concatenate([part[name] for part in parts]) for name in _PER_PICTURE}
        lost, of = (int(sum(part[name] for part in parts)) for name in ("lost", "of"))
        return Examples(**joined, lost=lost, of=of)


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


def examples(
    seed: int,
    people: range,
    height: int,
    settings: PoseSettings,
    framings: Sequence[str] = FRAMINGS,
) -> Examples:
    """Render and read. Raises UnposedError for missing weights."""
    estimator, features = estimators.create(settings), Features(settings)
    made = list(rendered(seed, people, height, framings))
    found, seen, lost = [], [], 0
    for start in range(0, len(made), _BATCH):
        part = made[start : start + _BATCH]
        pictures = [one.picture for one in part]
        seen.append(features(pictures).astype(np.float16))
        for one, estimate in zip(part, estimator.estimate(pictures), strict=True):
            if estimate.landmarks is None:
                lost += 1
            else:
                size = one.picture.shape[1::-1]
                found.append((estimate.landmarks, size, one.angle, one.person))
    estimator.close()
    landmarks, sizes, angles, numbers = zip(*found, strict=True)
    return Examples(
        np.stack(landmarks).astype(np.float32),
        np.array(sizes, np.float64),
        np.array(angles, np.float64),
        np.array(numbers, np.int64),
        np.concatenate(seen),
        np.array([one.person for one in made]),
        np.array([one.labels for one in made]),
        lost,
        len(made),
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
        made = examples(given.seed, range(*given.people), given.height, first)
    except UnposedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    made.save(given.out)
    print(f"{len(made.angles)} of {made.of} found: {given.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
