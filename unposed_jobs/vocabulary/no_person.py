"""Pictures without a person: flat-lays, fabric close-ups, size charts, details.

The paper leaves them in one centroid and names that as a limit (section 6). Here they are a
branch of their own, clustered on the plain statistics of the picture (`pose.statistics`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unposed_jobs.vocabulary import clustering
from unposed_jobs.vocabulary.clustering import Assignment, Clusters

Floats = npt.NDArray[np.floating]

CLASS_RANGE = (2, 6)
MIN_PICTURES = 8
"""With fewer, all are one class."""
MIN_SILHOUETTE = 0.15
"""Below it the pictures do not fall apart into groups, and are one class."""
FINER_TOLERANCE = 0.05
"""Rather one class too many than two kinds of picture in one: wider than for poses."""
_FLOOR = 0.05  # of the statistics' range [0, 1]: what varies less than this is noise
_BLIND_CONFIDENCE = 0.5


@dataclass(frozen=True)
class NoPersonBranch:
    """Classes of pictures without a person; `mean` and `scale` (S,) standardise the statistics.

    S = 0 is a branch that was learned without statistics: one class, taken on trust.
    """

    mean: Floats
    scale: Floats
    clusters: Clusters

    def __len__(self) -> int:
        return len(self.clusters)

    @property
    def blind(self) -> bool:
        """Whether it was learned without statistics."""
        return not len(self.mean)

    def assign(self, statistics: Floats) -> Assignment:
        """Nearest class of each row of (N, S); a row with a NaN has no class.

        Raises ValueError for another number of statistics than was learned from.
        """
        values = np.asarray(statistics, dtype=np.float64)
        if self.blind:
            count = len(values)
            return Assignment(
                np.zeros(count, dtype=np.int64),
                np.zeros(count, dtype=np.float32),
                np.full(count, _BLIND_CONFIDENCE, dtype=np.float32),
            )
        if values.ndim != 2 or values.shape[1] != len(self.mean):
            raise ValueError(f"statistics must be (N, {len(self.mean)}), not {values.shape}")
        known = np.asarray(np.isfinite(values).all(axis=1))
        found = self.clusters.assign(self.standardise(np.where(known[:, None], values, 0)))
        return Assignment(
            np.where(known, found.index, -1),
            np.where(known, found.distance, np.nan).astype(np.float32),
            np.where(known, found.confidence, 0).astype(np.float32),
        )

    def standardise(self, statistics: Floats) -> Floats:
        """(N, S) in the units of the clusters."""
        return ((np.asarray(statistics) - self.mean) * self.scale).astype(np.float32)

    def state(self) -> dict[str, Floats]:
        """Arrays by name."""
        return {"mean": self.mean, "scale": self.scale} | self.clusters.state()

    @classmethod
    def from_state(cls, state: dict[str, Floats]) -> NoPersonBranch:
        """The inverse of `state`."""
        return cls(state["mean"], state["scale"], Clusters.from_state(state))


def fit(statistics: Floats, seed: int, previous: NoPersonBranch | None = None) -> NoPersonBranch:
    """Learn from (N, S), N > 0; rows with a NaN say nothing and are passed over.

    `previous` is the champion's branch; its centroids are the start where it knows the same
    statistics. The number of classes is chosen as for poses.
    """
    values = np.asarray(statistics, dtype=np.float64)
    values = values[np.isfinite(values).all(axis=1)] if values.size else values[:0]
    if not values.size:
        return _blind(len(statistics))
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    # Divided by the root of S, so that distances do not grow with the number of statistics.
    scale = 1 / np.maximum(deviation, _FLOOR) / np.sqrt(values.shape[1])
    branch = NoPersonBranch(mean.astype(np.float32), scale.astype(np.float32), _nothing())
    points = branch.standardise(values)
    start = None
    if previous is not None and len(previous.mean) == len(mean):
        centroids = previous.clusters.centroids / previous.scale + previous.mean
        start = branch.standardise(centroids)
    k = _classes(points, seed, None if start is None else len(start))
    return NoPersonBranch(
        branch.mean,
        branch.scale,
        clustering.fit(points, k, seed, start if start is not None and len(start) <= k else None),
    )


def _classes(points: Floats, seed: int, prefer: int | None) -> int:
    if len(points) < MIN_PICTURES or clustering.max_classes(points) < CLASS_RANGE[0]:
        return 1
    k, figures = clustering.choose_k(points, CLASS_RANGE, seed, prefer, finer=FINER_TOLERANCE)
    return k if figures[str(k)]["silhouette"] >= MIN_SILHOUETTE else 1


def _nothing() -> Clusters:
    empty = np.zeros(0, dtype=np.float32)
    return Clusters(np.zeros((0, 0), dtype=np.float32), empty, empty, 1.0, empty.astype(np.int64))


def _blind(count: int) -> NoPersonBranch:
    one = np.ones(1, dtype=np.float32)
    nothing = np.zeros(0, dtype=np.float32)
    clusters = Clusters(np.zeros((1, 0), dtype=np.float32), one, one, 1.0, np.array([count]))
    return NoPersonBranch(nothing, nothing, clusters)
