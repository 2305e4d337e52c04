"""Pictures without a person: flat-lays, fabric close-ups, size charts, details.

The paper leaves them in one centroid and names that as a limit (section 6). Here they are a
branch of their own. Where the kind of each was judged by a network (`pose.kinds`), they are
clustered on the probabilities of the kinds; else on the plain statistics (`pose.statistics`).

Most of the latter describe the garment - its colour, its pattern - not the kind of picture, and
would split flat-lays by colour. So the kinds are found in the few that separate kinds by what
they mean (`TELLING`), each within the range in which it does: a border that is uniform to 60 or
to 30 % is in both cases one that the picture's subject crosses. What kind of picture they read as
together (`naming.kind_readings`) counts as well: k-means draws its borders half-way between clouds
of unlike size, a reading where the meaning changes.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unposed_jobs.pose import statistics as picture_statistics
from unposed_jobs.vocabulary import clustering, naming
from unposed_jobs.vocabulary.clustering import Assignment, Clusters

Floats = npt.NDArray[np.floating]

TELLING: dict[str, tuple[float, float, float]] = {
    # A flat-lay is one thing within an outline, ...
    "enclosed_share": (0.03, 0.3, 2.0),
    # ... and ends within the frame; a cropped body or a detail crosses its border.
    "border_uniformity": (0.7, 0.97, 0.4),
    # A fabric fills the frame with the same contrast everywhere, ...
    "texture_evenness": (0.65, 0.9, 1.5),
    # ... and its middle is like its border.
    "centre_border_contrast": (0.05, 0.2, 0.8),
    # Words and figures on an even ground, in lines: a chart. A fine weave has strokes as well.
    "text_transitions": (0.02, 0.09, 0.8),
    "horizontal_lines": (0.25, 0.36, 1.0),
}
"""Statistic: between which values it separates kinds of picture, and its weight."""
KIND_WEIGHT = 0.7
"""Of the kind that a picture reads as, in the same units: it decides between neighbours, and is too
little to tear apart what is alike in all else."""
KIND_REACH = 0.4
"""Least reach of a class in the probabilities of the kinds, whose corners lie 1.4 apart: pictures
that are all surely of one kind lie in its corner, and do not say how far less sure ones may lie.
With it, one that is half sure is of no class."""
CLASS_RANGE = (2, 6)
MIN_PICTURES = 8
"""With fewer, all are one class."""
MIN_SILHOUETTE = 0.15
"""Below it the pictures do not fall apart into groups, and are one class."""
FINER_TOLERANCE = 0.05
"""Rather one centroid too many than two kinds of picture in one: wider than for poses. Those that
turn out to be of one kind become one class (`naming.kinds`)."""
_FLOOR = 0.05  # of the statistics' range [0, 1]: what varies less than this is noise
_BLIND_CONFIDENCE = 0.5


@dataclass(frozen=True)
class NoPersonBranch:
    """Classes of pictures without a person.

    `low` and `high` (S,) limit the statistics, then `mean` and `scale` (S,) standardise them; a
    scale of 0 passes one over. S = 0 is a branch that was learned without statistics: one class,
    taken on trust. The clusters have S dimensions, or, where `kind_weight` is not 0, one more for
    each of `naming.KINDS`.
    """

    mean: Floats
    scale: Floats
    low: Floats
    high: Floats
    clusters: Clusters
    kind_weight: float = 0.0

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
                np.zeros((count, len(self)), dtype=bool),
            )
        if values.ndim != 2 or values.shape[1] != len(self.mean):
            raise ValueError(f"statistics must be (N, {len(self.mean)}), not {values.shape}")
        known = np.asarray(np.isfinite(values).all(axis=1))
        found = self.clusters.assign(self.standardise(np.where(known[:, None], values, 0)))
        return Assignment(
            np.where(known, found.index, -1),
            np.where(known, found.distance, np.nan).astype(np.float32),
            np.where(known, found.confidence, 0).astype(np.float32),
            found.near & known[:, None],
        )

    def standardise(self, statistics: Floats) -> Floats:
        """(N, S) as points in the space of the clusters."""
        values = np.asarray(statistics)
        points = (np.clip(values, self.low, self.high) - self.mean) * self.scale
        if self.kind_weight:
            read = naming.kind_readings(values)[:, None] == np.array(naming.KINDS)
            points = np.concatenate([points, self.kind_weight * read], axis=1)
        return points.astype(np.float32)

    def state(self) -> dict[str, Floats]:
        """Arrays by name."""
        limits = {"low": self.low, "high": self.high}
        if self.kind_weight:
            limits["kind_weight"] = np.array([self.kind_weight], dtype=np.float32)
        return {"mean": self.mean, "scale": self.scale} | limits | self.clusters.state()

    @classmethod
    def from_state(cls, state: dict[str, Floats]) -> NoPersonBranch:
        """The inverse of `state`; without limits, or a weight of the kind, there are none."""
        mean = state["mean"]
        low = state.get("low", np.full_like(mean, -np.inf))
        high = state.get("high", np.full_like(mean, np.inf))
        weight = float(state["kind_weight"][0]) if "kind_weight" in state else 0.0
        return cls(mean, state["scale"], low, high, Clusters.from_state(state), weight)


def fit(statistics: Floats, seed: int, previous: NoPersonBranch | None = None) -> NoPersonBranch:
    """Learn from (N, S), N > 0; rows with a NaN say nothing and are passed over.

    `previous` is the champion's branch; its centroids are the start where it knows the same
    statistics. The number of centroids is chosen as for poses; each is a class.
    """
    values = np.asarray(statistics, dtype=np.float64)
    values = values[np.isfinite(values).all(axis=1)] if values.size else values[:0]
    if not values.size:
        return _blind(len(statistics))
    branch = _measures(values)
    points = branch.standardise(values)
    start = None
    if previous is not None and len(previous.mean) == len(branch.mean):
        varies = previous.scale > 0
        centroids = previous.clusters.centroids[:, : len(varies)] / np.where(
            varies, previous.scale, 1
        )
        start = branch.standardise(centroids + previous.mean)
    k = _classes(points, seed, None if start is None else len(start))
    warm = start if start is not None and len(start) <= k else None
    return dataclasses.replace(branch, clusters=clustering.fit(points, k, seed, warm))


def reaching(branch: NoPersonBranch) -> NoPersonBranch:
    """The same classes, each reaching at least as far as probabilities of one kind lie apart.

    To be asked last: whatever measures the classes anew forgets it. Other statistics than
    `pose.statistics.COLUMNS` stay as they are.
    """
    if len(branch.mean) != len(picture_statistics.COLUMNS):
        return branch
    reach = np.maximum(branch.clusters.reach, np.float32(KIND_REACH))
    return dataclasses.replace(branch, clusters=dataclasses.replace(branch.clusters, reach=reach))


def _measures(values: Floats) -> NoPersonBranch:
    """How (N, S) are to be compared: by meaning, or, of unknown statistics, by their spread."""
    width, kind_weight = values.shape[1], 0.0
    mean, scale = np.zeros(width), np.zeros(width)
    low, high = np.full(width, -np.inf), np.full(width, np.inf)
    if width == len(picture_statistics.COLUMNS):
        # Each kind is a corner of a simplex; nothing else separates pictures.
        judged = [picture_statistics.COLUMNS.index(name) for name in picture_statistics.KINDS]
        low[judged], high[judged], scale[judged] = 0.0, 1.0, 1.0
        kind_weight = float(np.float32(KIND_WEIGHT))
    elif width == len(picture_statistics.NAMES):
        for name, (least, most, weight) in TELLING.items():
            column = picture_statistics.NAMES.index(name)
            low[column] = mean[column] = least
            high[column], scale[column] = most, weight / (most - least)
        kind_weight = float(np.float32(KIND_WEIGHT))  # As it is stored.
    else:
        mean = values.mean(axis=0)
        # Divided by the root of S, so that distances do not grow with the number of statistics.
        scale = 1 / np.maximum(values.std(axis=0), _FLOOR) / np.sqrt(width)
    single = [item.astype(np.float32) for item in (mean, scale, low, high)]
    return NoPersonBranch(single[0], single[1], single[2], single[3], _nothing(), kind_weight)


def _classes(points: Floats, seed: int, prefer: int | None) -> int:
    if len(points) < MIN_PICTURES or clustering.max_classes(points) < CLASS_RANGE[0]:
        return 1
    k, figures = clustering.choose_k(points, CLASS_RANGE, seed, prefer, finer=FINER_TOLERANCE)
    return k if figures[str(k)]["silhouette"] >= MIN_SILHOUETTE else 1


def _nothing() -> Clusters:
    empty = np.zeros(0, dtype=np.float32)
    none = empty.astype(np.int64)
    return Clusters(np.zeros((0, 0), dtype=np.float32), empty, empty, 1.0, none, none)


def _blind(count: int) -> NoPersonBranch:
    one = np.ones(1, dtype=np.float32)
    nothing = np.zeros(0, dtype=np.float32)
    clusters = Clusters(
        np.zeros((1, 0), dtype=np.float32), one, one, 1.0, np.array([count]), np.zeros(1, np.int64)
    )
    return NoPersonBranch(nothing, nothing, nothing, nothing, clusters)
