"""What MoveNet sees of people whose landmarks are known.

BlazePose misreads a person alike in all frames of an angle. Another network errs elsewhere: its
key points, and inner values that have not become points yet, say more of how a body stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from unposed_jobs.config import PoseSettings
from unposed_jobs.networks import weights

KIND = "thunder"
"""Of MoveNet's two; the head was fitted on what this one says."""
CELLS, CHANNELS = 8, 280
"""Of the inner values: so many cells each way, and values in each."""


class Bodies(NamedTuple):
    """P people: `points` (P, 17, 3) float32, COCO's key points - x, y in [0, 1] of a square round
    the person, score - and `inner` (P, `CELLS`, `CELLS`, `CHANNELS`) float32 of the same square."""

    points: npt.NDArray[np.float32]
    inner: npt.NDArray[np.float32]


class BodyReader:
    """Looks at people once more. One instance belongs to one thread."""

    def __init__(self, settings: PoseSettings) -> None:
        """Raises UnposedError for missing or damaged weights."""
        from unposed_jobs.pose.movenet.network import MoveNet  # PyTorch takes seconds to import.

        _, data = weights.load(settings, f"movenet-{KIND}")
        self._network = MoveNet(data, KIND, sided=True)

    def __call__(
        self, pictures: Sequence[npt.NDArray[np.uint8]], landmarks: npt.NDArray[np.float32]
    ) -> Bodies:
        """Of upright RGB pictures (height, width, 3), in each of which somebody's `landmarks`
        (P, 33, 5) were found."""
        from unposed_jobs.pose.movenet import cropping

        sizes = np.array([picture.shape[1::-1] for picture in pictures], np.float64).reshape(-1, 2)
        points = np.concatenate(
            [landmarks[..., :2] * sizes[:, None], landmarks[..., 3:4]], -1
        ).astype(np.float32)
        squares = cropping.round_points(points, sizes)
        return Bodies(*cropping.inspect(self._network, pictures, np.arange(len(pictures)), squares))
