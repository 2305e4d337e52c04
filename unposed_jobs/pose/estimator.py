"""The protocol that every pose estimator fulfils, and what it returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Outline:
    """What of a picture is a person, by BlazePose's landmark network.

    `shares` (256, 256) uint8 of a square of the picture, 255 where surely the person is; `region`
    (4,) float32 is the square: its middle x, y and its side in pixels of the picture, and how far
    it is turned clockwise, in radians (`blazepose.geometry`).
    """

    shares: npt.NDArray[np.uint8]
    region: npt.NDArray[np.float32]

    def moved(self, x: float, y: float) -> Outline:
        """The same of a picture whose corner lies so many pixels left of and above this one's."""
        return Outline(self.shares, self.region + np.array([x, y, 0, 0], np.float32))


@dataclass(frozen=True)
class PoseEstimate:
    """What was found in one picture.

    `landmarks` is (33, 5) float32 - x, y, z, visibility, presence - or (17, 3) float32 -
    x, y, score - of the principal person, or None where nobody was found. x and y are in
    [0, 1] of the upright picture from its top left and may lie outside it; z is in the unit
    of x, relative to the hips' middle, negative towards the camera. `error` is one line where
    the estimator itself broke on the picture; there are no landmarks then.

    `person_confidence` is the probability, in [0, 1], that a person is there and placed right;
    0 without a person, and where no gate has judged. `found_by` is `detector` or `whole_frame`,
    None without a person. `person_probability` is the probability that anybody is in the picture
    at all, None where no gate has judged.

    `kind_evidence` (28,) float32 is of a picture without a person: what `pose.kinds.reading`
    decides its kind by, and `footwear` the probability that it is of shoes. None of others, and
    where it is not read.

    `plain` are the picture's plain statistics (`pose.statistics.describe`), where somebody has
    described it already.

    `note` is one line on what is unusual about the picture (`pose.views`).

    `outline` is the person's, where the estimator was made to give it and the landmarks are of one
    run of the network; elsewhere None, also of people.
    """

    landmarks: npt.NDArray[np.float32] | None
    pose_score: float
    person_count: int
    error: str | None = None
    person_confidence: float = 0.0
    found_by: str | None = None
    person_probability: float | None = None
    kind_evidence: npt.NDArray[np.float32] | None = None
    note: str | None = None
    outline: Outline | None = None
    footwear: float | None = None
    plain: npt.NDArray[np.float32] | None = None


class PoseEstimator(Protocol):
    """Finds the principal person's landmarks. One instance belongs to one thread."""

    @property
    def estimator_id(self) -> str:
        """Names the estimator, its version and its weights: equal ids, equal landmarks."""

    def estimate(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> list[PoseEstimate]:
        """Estimate a batch of upright RGB pictures, each (height, width, 3) uint8.

        One result for each picture, in order. A picture never fails the batch: where the
        estimator itself breaks on a picture, the result has an error, no landmarks and score 0.
        """

    def close(self) -> None:
        """Give native resources back."""
