"""What the networks say of examples: what correction and gate are fitted on, and its truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from unposed_jobs.config import PoseSettings
from unposed_jobs.lab.fitting.second_look import examples
from unposed_jobs.lab.fitting.second_look.examples import Example
from unposed_jobs.lab.fitting.second_look.windows import windows
from unposed_jobs.networks import engines, weights
from unposed_jobs.pose import estimators
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.second_look import evidence, readings, squares
from unposed_jobs.pose.second_look.estimator import (
    climb,
    detector_row,
    follow,
    of_ladder,
    screen,
)
from unposed_jobs.pose.second_look.evidence import Inside
from unposed_jobs.pose.second_look.first import First
from unposed_jobs.pose.second_look.looking import Sightings

SURE = 0.9
"""Pose score from which the detector's landmarks of a real picture are taken for the truth."""

_TAKEN = {"full": 0.05, "upper": 0.05, "fabric": 0.35, "size_chart": 0.2}
"""Kinds of which a rendered catalogue holds more than is needed: the share that is looked at."""

_FOUND = 0.4
"""Of the rendered people, so many are shown to the detector, with those that are looked at."""

_ALTERED = {"flat_lay": 0.35, "fabric": 0.1, "size_chart": 0.05}
"""Of the rendered pictures of nobody, so many are cropped and turned as well."""

_CUT = 0.05
"""Of the rendered people, so many are cut off as well."""

_WINDOWS, _WINDOWS_REAL = 0.18, 4.0
"""Windows for each rendered and each real person."""


@dataclass(frozen=True)
class Looked:
    """An example, what the detector found, and what the second look sees first (`climb`). Without
    a second look it has no pixels.
    """

    example: Example
    estimate: PoseEstimate
    seen: Sightings | None = None

    @property
    def right(self) -> bool:
        """Whether the detector's person is placed right."""
        if self.example.joints is None or self.estimate.landmarks is None:
            return False
        points = self.estimate.landmarks[None, :, :2] * self.example.size
        return bool(examples.right(points, self.example.joints, self.example.size)[0])


@dataclass(frozen=True)
class Observed:
    """One example's evidence. `found` (F,) and `found_right` are None where the detector saw
    nobody; `sighted` (4 P, F), `sighted_right` (4 P,) and `inside` where there was no second look.
    It is `stopped` where the second look would have ended at the first squares.
    """

    origin: str
    kind: str
    group: str
    person: bool
    found: npt.NDArray[np.float64] | None
    found_right: bool | None
    sighted: npt.NDArray[np.float64] | None
    sighted_right: npt.NDArray[np.bool_] | None
    inside: Inside | None = None
    stopped: bool = False


class Observer:
    """Runs the configured estimator and the second look over examples: `catalogue`, `people` and
    `objects` tell what is seen first, and `observed` the rest, once it is known what is made of it.
    """

    def __init__(self, settings: PoseSettings) -> None:
        self._estimator = estimators.create(replace(settings, second_look=False, views=False))
        self._engine = engines.create(weights.load(settings)[1])
        self._settings = settings

    def catalogue(self, folder: Path) -> Iterator[Looked]:
        """A rendered catalogue: its pictures, people cut off, objects altered."""
        rng = _dice(folder)
        for example in examples.rendered(folder, self._settings):
            chance = rng.random()
            if chance < _TAKEN.get(example.kind, 1.0):
                yield self._look(example)
            elif example.joints is not None and chance < _FOUND:
                yield self._find(example)
            if example.joints is None:
                if rng.random() < _ALTERED.get(example.kind, 1.0):
                    yield from map(self._look, examples.altered(example, rng))
                continue
            for cut in examples.headless(example, rng):
                if rng.random() < _CUT:
                    yield self._look(cut)
            yield from map(self._look, windows(example, rng, _WINDOWS))

    def objects(self, folder: Path) -> Iterator[Looked]:
        """A folder of pictures of nobody, whole and altered."""
        rng = _dice(folder)
        for example in examples.objects(folder, self._settings):
            yield self._look(example)
            yield from map(self._look, examples.altered(example, rng))

    def people(self, folder: Path) -> Iterator[Looked]:
        """A folder of people, whole and cut off. Their truth is in `annotations.json`; without
        that file it is the detector's own landmarks, where it is sure of the whole person.
        """
        rng = _dice(folder)
        for example in self._known(folder):
            yield self._look(example)
            for part in (
                examples.headless(example, rng),
                examples.legs(example),
                windows(example, rng, _WINDOWS_REAL),
            ):
                for cut in part:
                    yield self._look(replace(cut, kind=f"{folder.name} {cut.kind}"))

    def observed(self, looked: Looked, first: First) -> Observed:
        """The evidence of what was looked at, with the truth. `first` is what is made of the
        first squares, fitted without the example's group.
        """
        example, landmarks = looked.example, looked.estimate.landmarks
        found = found_right = sighted = sighted_right = inside = None
        stopped = False
        if landmarks is not None:
            found = evidence.of_landmarks(landmarks[None], example.size)[0]
            found_right = looked.right
        if looked.seen is not None:
            _, stopped = first.chance(of_ladder(looked.seen).take(np.array(squares.SCREENING)))
            (seen,) = follow(self._engine, first.correction, [example.picture], [looked.seen])
            corrected = first.correction.corrected(seen, example.size)
            inside = first.inside(of_ladder(seen))
            detector = detector_row(looked.estimate)
            sighted = evidence.of_sightings(seen, corrected, inside, detector, example.size)
            read = readings.averaged(readings.every(seen, corrected), example.size)
            sighted_right = np.zeros(len(read), bool)
            if example.joints is not None:
                sighted_right = examples.right(read.points, example.joints, example.size)
        person = example.joints is not None
        where = example.origin, example.kind, example.group
        return Observed(*where, person, found, found_right, sighted, sighted_right, inside, stopped)

    def _known(self, folder: Path) -> Iterator[Example]:
        if (folder / "annotations.json").exists():
            yield from examples.people(folder, self._settings)
            return
        for example in examples.objects(folder, self._settings):
            (estimate,) = self._estimator.estimate([example.picture])
            if estimate.landmarks is not None and estimate.pose_score >= SURE:
                joints = estimate.landmarks[examples.LANDMARKS, :2].astype(float)
                yield replace(example, joints=joints)

    def _find(self, example: Example) -> Looked:
        (estimate,) = self._estimator.estimate([example.picture])
        height, width = example.picture.shape[:2]
        return Looked(replace(example, picture=np.empty((height, width, 0), np.uint8)), estimate)

    def _look(self, example: Example) -> Looked:
        (estimate,) = self._estimator.estimate([example.picture])
        shown = [(example.picture, estimate, screen(self._engine, [example.picture])[0])]
        (seen,) = climb(self._engine, shown)
        return Looked(example, estimate, seen)


def _dice(folder: Path) -> np.random.Generator:
    """A folder's own: what else is fitted on does not change its examples."""
    return np.random.default_rng(sum(str(folder).encode()))
