"""An estimator that classifies the pictures in which another one has found nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from unposed_jobs.config import PoseSettings
from unposed_jobs.networks import weights
from unposed_jobs.networks.threads import threads
from unposed_jobs.pose.estimator import PoseEstimate, PoseEstimator
from unposed_jobs.pose.kinds import identity, reading

if TYPE_CHECKING:
    from unposed_jobs.pose.kinds import efficientnet

_Picture = npt.NDArray[np.uint8]


class KindEstimator:
    """Wraps any estimator. Fulfils `PoseEstimator`.

    Pictures of people pass. The network is loaded with the first picture that shows nobody; all of
    a batch are shown to it together.
    """

    def __init__(self, inner: PoseEstimator, settings: PoseSettings) -> None:
        self._inner = inner
        self._settings = settings
        self._id = identity.identify(inner.estimator_id, settings)
        self._network: efficientnet.Network | None = None
        self._classifier: reading.Classifier | None = None

    @property
    def estimator_id(self) -> str:
        """The inner estimator's, with the digest of the network and the head."""
        return self._id

    def estimate(self, pictures: Sequence[_Picture]) -> list[PoseEstimate]:
        """See `PoseEstimator.estimate`."""
        results = self._inner.estimate(pictures)
        bare = [
            row for row, one in enumerate(results) if one.landmarks is None and one.error is None
        ]
        if bare:
            seen = self._evidence([pictures[i] for i in bare])
            for row, (evidence, shoes) in zip(bare, seen, strict=True):
                results[row] = replace(results[row], kind_evidence=evidence, footwear=shoes)
        return results

    def close(self) -> None:
        """Give the networks back; the estimator cannot be used afterwards."""
        self._network = None
        self._inner.close()

    def _evidence(
        self, pictures: Sequence[_Picture]
    ) -> list[tuple[npt.NDArray[np.float32], float]]:
        if self._network is None or self._classifier is None:
            from unposed_jobs.pose.kinds import efficientnet  # PyTorch takes seconds to import.

            _, data = weights.load(self._settings, identity.WEIGHTS)
            self._network = efficientnet.create(data, threads())
            self._classifier = efficientnet.classifier(data)
        grids, means = self._network(np.stack([squared(one) for one in pictures]))
        usual = reading.head().usual
        return [
            (
                reading.evidence(grid, mean, self._classifier, usual),
                reading.footwear(mean, self._classifier),
            )
            for grid, mean in zip(grids, means, strict=True)
        ]


def squared(picture: _Picture) -> _Picture:
    """The picture squeezed into what the network sees: its border stays the border."""
    side = reading.SIDE
    image = Image.fromarray(picture)
    small = image.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(small)
