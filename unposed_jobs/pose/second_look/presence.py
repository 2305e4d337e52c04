"""Whether anybody is in a picture, for estimators that place the points themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from unposed_jobs.config import PoseSettings
from unposed_jobs.networks import engines
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.second_look import opinion
from unposed_jobs.pose.second_look.estimator import GROUP, ask
from unposed_jobs.pose.second_look.gate import load


class Presence:
    """The second look's own judgement, by BlazePose's full landmark network, the gate and, where
    that leaves it open, a second network."""

    def __init__(self, engine: engines.Engine, settings: PoseSettings) -> None:
        """Raises UnposedError where the gate is missing or damaged."""
        self._engine, self._gate = engine, load()
        self._opinion = opinion.create(settings)

    def __call__(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> list[float]:
        """Of each picture the probability that anybody is there."""
        nobody = PoseEstimate(None, 0.0, 0)
        found: list[float] = []
        for start in range(0, len(pictures), GROUP):
            part = pictures[start : start + GROUP]
            asked = ask(self._engine, self._gate, part, [nobody] * len(part), self._opinion)
            found += [one.there for one in asked]
        return found
