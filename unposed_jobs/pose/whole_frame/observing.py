"""What the networks say of examples: the evidence that the gate is fitted on, and its truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from unposed_jobs.config import PoseSettings
from unposed_jobs.pose import estimators, weights
from unposed_jobs.pose.blazepose import engines
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.whole_frame import evidence, examples
from unposed_jobs.pose.whole_frame.estimator import detector_row, sight
from unposed_jobs.pose.whole_frame.examples import Example

SHARE = 0.15
"""Of the people whom the detector finds, so many are looked at a second time."""

SURE = 0.9
"""Pose score from which the detector's landmarks of a real picture are taken for the truth."""


@dataclass(frozen=True)
class Observed:
    """One example's evidence. `found` (F,) and `found_right` are None where the detector saw
    nobody; `sighted` (P, F) and `sighted_right` (P,) where there was no second look.
    """

    origin: str
    kind: str
    group: str
    person: bool
    found: npt.NDArray[np.float64] | None
    found_right: bool | None
    sighted: npt.NDArray[np.float64] | None
    sighted_right: npt.NDArray[np.bool_] | None


class Observer:
    """Runs the configured estimator and the second look over examples."""

    def __init__(self, settings: PoseSettings) -> None:
        self._estimator = estimators.create(replace(settings, second_look=False))
        self._engine = engines.create(weights.load(settings)[1])
        self._settings = settings
        self._rng = np.random.default_rng(20221012)

    def catalogue(self, folder: Path) -> Iterator[Observed]:
        """A rendered catalogue: its pictures, people cut off, objects cropped."""
        for example in examples.rendered(folder, self._settings):
            yield self._observe(example)
            if example.joints is None:
                yield self._observe(examples.cropped(example, self._rng))
            else:
                yield from self._some(examples.headless(example, self._rng), 0.25)

    def objects(self, folder: Path) -> Iterator[Observed]:
        """A folder of pictures of nobody, whole and cropped."""
        for example in examples.objects(folder, self._settings):
            yield self._observe(example)
            for _ in range(2):
                yield self._observe(examples.cropped(example, self._rng))

    def people(self, folder: Path) -> Iterator[Observed]:
        """A folder of people, cut off where the detector is sure of the whole of them."""
        for example in examples.objects(folder, self._settings):
            (estimate,) = self._estimator.estimate([example.picture])
            if estimate.landmarks is None or estimate.pose_score < SURE:
                continue
            joints = estimate.landmarks[examples.LANDMARKS, :2].astype(float)
            known = replace(example, joints=joints)
            yield self._observe(known)
            yield from self._some(examples.headless(known, self._rng), 1.0)
            yield from self._some(examples.legs(known), 1.0)

    def _some(self, several: Iterable[Example], share: float) -> Iterator[Observed]:
        for example in several:
            if self._rng.random() < share:
                yield self._observe(example)

    def _observe(self, example: Example) -> Observed:
        (estimate,) = self._estimator.estimate([example.picture])
        found = found_right = sighted = sighted_right = None
        width, height = map(int, example.size)
        if estimate.landmarks is not None:
            found = evidence.of_landmarks(estimate.landmarks, width, height)
            found_right = bool(self._right(example, estimate))
        sure = found_right and self._rng.random() > SHARE
        if not sure:
            (seen,) = sight(self._engine, [example.picture], [estimate])
            sighted = evidence.of_sightings(seen, detector_row(estimate), width, height)
            sighted_right = np.zeros(len(seen), bool)
            if example.joints is not None:
                sighted_right = examples.right(seen.points, example.joints, example.size)
        return Observed(
            example.origin,
            example.kind,
            example.group,
            example.joints is not None,
            found,
            found_right,
            sighted,
            sighted_right,
        )

    def _right(self, example: Example, estimate: PoseEstimate) -> bool:
        if example.joints is None or estimate.landmarks is None:
            return False
        points = estimate.landmarks[None, :, :2] * example.size
        return bool(examples.right(points, example.joints, example.size)[0])
