"""The gate of every speed figure: are the batched landmarks MediaPipe's?

A person found by one side alone counts with all
its visible landmarks as out of place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unposed_jobs.config import PoseSettings
from unposed_jobs.pose.decoding import UnreadablePicture, decode
from unposed_jobs.pose.estimator import PoseEstimate, PoseEstimator

TOLERANCE = 0.02
"""Of the torso's length: from the middle of the shoulders to the middle of the hips."""

LEAST_SHARE = 0.995

_SHOULDERS, _HIPS = [11, 12], [23, 24]
_VISIBLE = 0.5


@dataclass(frozen=True)
class Parity:
    """Counts of a comparison; `visible` landmarks are those that the reference sees."""

    pictures: int = 0
    people: int = 0
    visible: int = 0
    within: int = 0
    disagreements: int = 0
    """Pictures in which one side found somebody and the other nobody."""

    @property
    def share(self) -> float:
        """Share of visible landmarks within the tolerance; 1 where there is none."""
        return self.within / self.visible if self.visible else 1.0

    @property
    def passed(self) -> bool:
        """Whether speed may be claimed."""
        return self.share >= LEAST_SHARE

    def __add__(self, other: Parity) -> Parity:
        return Parity(
            self.pictures + other.pictures,
            self.people + other.people,
            self.visible + other.visible,
            self.within + other.within,
            self.disagreements + other.disagreements,
        )

    def __str__(self) -> str:
        return (
            f"{self.within} of {self.visible} visible landmarks ({100 * self.share:.2f} %) within "
            f"{100 * TOLERANCE:.0f} % of the torso; {self.people} people in {self.pictures} "
            f"pictures, {self.disagreements} found by one side alone"
        )


def compare(reference: PoseEstimate, candidate: PoseEstimate, width: int, height: int) -> Parity:
    """One picture's parity, of its principal person, in pixels of `width` x `height`."""
    ours, theirs = candidate.landmarks, reference.landmarks
    if theirs is None or ours is None:
        seen = theirs if theirs is not None else ours
        visible = 0 if seen is None else int((seen[:, 3] >= _VISIBLE).sum())
        one_sided = int(seen is not None)
        return Parity(1, one_sided, visible, 0, one_sided)
    visible_mask = theirs[:, 3] >= _VISIBLE
    near = _offsets(theirs, ours, width, height) <= TOLERANCE
    return Parity(1, 1, int(visible_mask.sum()), int((visible_mask & near).sum()), 0)


def _offsets(
    theirs: npt.NDArray[np.float32], ours: npt.NDArray[np.float32], width: int, height: int
) -> npt.NDArray[np.float64]:
    scale = np.array([width, height], np.float64)
    a, b = theirs[:, :2] * scale, ours[:, :2] * scale
    torso = float(np.linalg.norm(a[_SHOULDERS].mean(0) - a[_HIPS].mean(0)))
    offsets: npt.NDArray[np.float64] = np.linalg.norm(a - b, axis=1) / max(torso, 1e-9)
    return offsets


def measure(
    contents: Sequence[bytes],
    settings: PoseSettings,
    reference: PoseEstimator,
    candidate: PoseEstimator,
) -> Parity:
    """Compare two estimators on the same decoded pictures; unreadable ones are passed."""
    total = Parity()
    for data in contents:
        try:
            rgb = decode(data, settings)
        except UnreadablePicture:
            continue
        theirs, ours = (side.estimate([rgb])[0] for side in (reference, candidate))
        total += compare(theirs, ours, rgb.shape[1], rgb.shape[0])
    return total
