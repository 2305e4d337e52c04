"""k-means over embeddings (paper section 4.4, faiss), and how sure an assignment is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import faiss
import numpy as np
import numpy.typing as npt

from unposed_jobs.vocabulary.calibration import Calibration

Floats = npt.NDArray[np.floating]
Indices = npt.NDArray[np.int64]

ITERATIONS = 50
RESTARTS = 10
PICTURES_A_CLASS = 3
"""Fewer pictures than this for each class are no evidence of a class."""
RESAMPLES = 10
RESAMPLE_SHARE = 0.8
SCORED_PICTURES = 2_000
WARM_TOLERANCE = 0.02
"""A warm start is kept while its error is at most this share above a cold start's."""
FINER_TOLERANCE = 0.005
"""More classes are taken where they score at most this much less than the best number does. Next
to nothing: a pose that is split in two is flagged as missing where its other half is shown."""
KEEP_K_TOLERANCE = 0.05
"""The number of classes changes from the champion's only where the score gains this much."""

FAR = 2.5
"""In units of a class's reach: farther than this a picture is of no known pose."""
NEAR = 1.5
"""A picture that is less than so many times as far from another class as from its own may show
that other one, however sure its own is. (A test by the ratio of the two nearest distances, as
Lowe's of a match: International Journal of Computer Vision 60, 2004, section 7.1.)
"""
FEW = 10
"""Pictures' worth of the typical reach in each class's: so few say little of how far it goes."""
RAW, PROBABILITY = "calibration_raw", "calibration_probability"
_FADE = 0.6
_CHUNK = 65_536


@dataclass(frozen=True)
class Assignment:
    """For N pictures: the nearest class, how far, and how sure.

    `index` (N,) int64, -1 where even the nearest class is too far; `distance` (N,) float32,
    Euclidean; `confidence` (N,) float32 in [0, 1], 0 where the index is -1; `near` (N, K) the other
    classes that it may show: the nearest one of a picture that is too far, and those that are less
    than `NEAR` times as far as that.
    """

    index: Indices
    distance: Floats
    confidence: Floats
    near: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Clusters:
    """C centroids in d dimensions, with what is needed to say how sure an assignment is.

    `centroids` (C, d); `spread` (C,) median distance of a centroid's members; `reach` (C,) their
    95th percentile, not below half the typical one; `noise` the standard deviation of members
    about their centroid along one direction; `sizes` (C,) members. `label` (C,) is which of
    the K <= C classes a centroid stands for: a shot may have several, such as a three-quarter
    view turned left and turned right, whose mean would be a front view.
    """

    centroids: Floats
    spread: Floats
    reach: Floats
    noise: float
    sizes: Indices
    label: Indices
    calibration: Calibration | None = None
    """What a share of the likelihood is worth (`vocabulary.calibration`); None states it as is."""

    def __len__(self) -> int:
        """The number of classes."""
        return int(self.label.max(initial=-1)) + 1

    def merged(self, groups: Sequence[int]) -> Clusters:
        """The same centroids, those of one group (C,) being one class; the largest comes first."""
        _, group = np.unique(np.asarray(groups), return_inverse=True)
        total = np.bincount(group, weights=self.sizes)
        # A class that is no larger than another keeps the place of its first centroid.
        first = np.array([np.flatnonzero(group == one)[0] for one in range(len(total))])
        rank = np.empty(len(total), dtype=np.int64)
        rank[np.lexsort((first, -total))] = np.arange(len(total))
        return dataclasses.replace(self, label=rank[group])

    def middles(self) -> tuple[Floats, Floats]:
        """Of each class the mean of its members (K, d) and their spread (K,), as one cloud."""
        weight = np.zeros((len(self), len(self.label)))
        weight[self.label, np.arange(len(self.label))] = self.sizes
        weight /= weight.sum(axis=1, keepdims=True)
        return (
            (weight @ self.centroids).astype(np.float32),
            (weight @ self.spread).astype(np.float32),
        )

    def nearest(self, embedding: Floats) -> Indices:
        """The nearest centroid of each row of (N, d), however far."""
        count = len(embedding)
        found = np.empty(count, dtype=np.int64)
        for start in range(0, count, _CHUNK):
            part = slice(start, start + _CHUNK)
            found[part] = squared_distances(embedding[part], self.centroids).argmin(axis=1)
        return found

    def assign(self, embedding: Floats) -> Assignment:
        """Nearest class of each row of (N, d): that of the nearest centroid.

        The confidence is that class's share of the likelihood, were every centroid the middle of
        a round cloud of the same `noise`: 1 inside a class that stands alone, 1/2 half-way
        between two. Beyond the centroid's `reach` it fades, and at `FAR` times that it is 0 and
        the pose unknown. A `calibration` turns it into a probability.
        """
        count = len(embedding)
        index = np.empty(count, dtype=np.int64)
        distance = np.empty(count, dtype=np.float32)
        confidence = np.empty(count, dtype=np.float32)
        near = np.empty((count, len(self)), dtype=bool)
        for start in range(0, count, _CHUNK):
            part = slice(start, start + _CHUNK)
            squares = squared_distances(embedding[part], self.centroids)
            index[part], distance[part], confidence[part] = self._judge(squares)
            near[part] = self._near(squares)
        known = np.flatnonzero(index >= 0)
        near[known, index[known]] = False
        return Assignment(index, distance, confidence, near)

    def _near(self, squares: Floats) -> npt.NDArray[np.bool_]:
        """(N, C) squared distances as (N, K): the classes that lie near a picture."""
        least = squares.min(axis=1, keepdims=True)
        close = (squares < NEAR**2 * least) | (squares == least)
        near = np.zeros((len(squares), len(self)), dtype=bool)
        for centroid, label in enumerate(self.label.tolist()):
            near[:, label] |= close[:, centroid]
        return near

    def _judge(self, squares: Floats) -> tuple[Indices, Floats, Floats]:
        nearest = squares.argmin(axis=1)
        least = np.take_along_axis(squares, nearest[:, None], axis=1)
        likelihood = np.exp(-(squares - least) / (2 * self.noise**2))
        own = np.where(self.label == self.label[nearest][:, None], likelihood, 0)
        distance = np.sqrt(least[:, 0])
        stretch = distance / self.reach[nearest]
        typical = np.exp(-((np.maximum(stretch - 1, 0) / _FADE) ** 2) / 2)
        far = ~(stretch <= FAR)
        raw = typical * own.sum(axis=1) / likelihood.sum(axis=1)
        stated = raw if self.calibration is None else self.calibration(raw)
        confidence = np.where(far, 0, stated)
        return np.where(far, -1, self.label[nearest]), distance, confidence

    def state(self) -> dict[str, Floats]:
        """Arrays by name."""
        worth = self.calibration
        calibration = {} if worth is None else {RAW: worth.raw, PROBABILITY: worth.probability}
        return calibration | {
            "centroids": self.centroids,
            "spread": self.spread,
            "reach": self.reach,
            "noise": np.array([self.noise], dtype=np.float32),
            "sizes": self.sizes.astype(np.int64),
            "label": self.label.astype(np.int64),
        }

    @classmethod
    def from_state(cls, state: dict[str, Floats]) -> Clusters:
        """The inverse of `state`; without labels each centroid is a class."""
        own = np.arange(len(state["centroids"]))
        return cls(
            state["centroids"],
            state["spread"],
            state["reach"],
            float(state["noise"][0]),
            state["sizes"].astype(np.int64),
            state.get("label", own).astype(np.int64),
            Calibration(state[RAW], state[PROBABILITY]) if RAW in state else None,
        )


def fit(embedding: Floats, k: int, seed: int, start: Floats | None = None) -> Clusters:
    """Find K classes in (N, d), one for each centroid; the largest comes first.

    `start` (P, d), P <= K, are centroids to begin from: the result stays theirs unless a fresh
    start is clearly better, so that a vocabulary drifts instead of jumping. Fewer classes come
    back where there are fewer than K different pictures. The same input gives the same bytes.

    Raises ValueError for no rows.
    """
    values = np.ascontiguousarray(embedding, dtype=np.float32)
    if not len(values):
        raise ValueError("there is nothing to cluster")
    k = min(k, len(np.unique(values, axis=0)))
    centroids = _kmeans(values, k, seed)
    if start is not None and 0 < len(start) <= k:
        warm = _kmeans(values, k, seed, np.ascontiguousarray(start, dtype=np.float32))
        if _error(values, warm) <= (1 + WARM_TOLERANCE) * _error(values, centroids):
            centroids = warm
    return describe(values, centroids)


def describe(values: Floats, centroids: Floats, label: Indices | None = None) -> Clusters:
    """Measure the classes of given centroids on (N, d); those without a member are left out.

    `label` (C,) is the class that each centroid stands for; without it, one of its own.
    """
    squares = squared_distances(values, centroids)
    nearest = squares.argmin(axis=1)
    sizes = np.bincount(nearest, minlength=len(centroids))
    order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    centroids, sizes = centroids[order].astype(np.float32), sizes[order]
    rank = np.empty(len(squares[0]), dtype=np.int64)
    rank[order] = np.arange(len(order))
    nearest = rank[nearest]
    distance = np.sqrt(squares.min(axis=1))
    members = [distance[nearest == label] for label in range(len(order))]
    spread = np.array([np.median(part) for part in members])
    # The mean of few members lies nearer to them than to the next one of their kind.
    beyond = np.sqrt((sizes + 1) / np.maximum(sizes - 1, 1))
    reach = beyond * np.array([np.quantile(part, 0.95) for part in members])
    typical = max(float(np.quantile(distance, 0.95)), 1e-3)
    # Few or equal pictures show little of how far others of their class may lie.
    reach = (sizes * reach + FEW * typical) / (sizes + FEW)
    floor = 0.5 * typical
    return Clusters(
        centroids,
        np.maximum(spread, 0.1 * typical).astype(np.float32),
        np.maximum(reach, floor).astype(np.float32),
        _noise(values - centroids[nearest], typical),
        sizes,
        np.arange(len(sizes)) if label is None else label[order],
    )


def _noise(deviations: Floats, typical: float) -> float:
    """Standard deviation along one of the directions in which members do differ.

    The directions are counted by the participation ratio of the covariance's spectrum, since
    most of 77 features hardly vary within a class.
    """
    covariance = deviations.T @ deviations / len(deviations)
    total = float(np.trace(covariance))
    effective = total**2 / max(float((covariance**2).sum()), 1e-12)
    noise = max(float(np.sqrt(total / max(effective, 1.0))), 0.1 * typical)
    return float(np.float32(noise))  # As it is stored: a loaded model gives the very same.


def choose_k(
    embedding: Floats,
    k_range: tuple[int, int],
    seed: int,
    prefer: int | None = None,
    *,
    finer: float = FINER_TOLERANCE,
    progress: Callable[[str], None] = lambda message: None,
) -> tuple[int, dict[str, dict[str, float]]]:
    """The number of classes, by stability and silhouette; figures by K for the record.

    Stability is the mean adjusted Rand index between clusterings of `RESAMPLES` random 80 %
    parts, each extended to all pictures: a number of classes that the data has is found again
    in any part of it. Silhouette is how much nearer a picture is to its own class than to the
    next. Their mean is the score; of the numbers that score at most `finer` below the best, the
    largest is taken. `prefer` (the champion's K) is kept unless
    the gain is clear.
    """
    values = np.ascontiguousarray(embedding, dtype=np.float32)
    rng = np.random.default_rng(seed)
    if len(values) > SCORED_PICTURES * 4:
        values = values[rng.choice(len(values), SCORED_PICTURES * 4, replace=False)]
    most = min(k_range[1], max_classes(values))
    least = min(k_range[0], most)
    figures: dict[str, dict[str, float]] = {}
    scores: dict[int, float] = {}
    for k in range(least, most + 1):
        stability, silhouette = quality(values, k, seed)
        scores[k] = (stability + silhouette) / 2
        figures[str(k)] = {"stability": round(stability, 4), "silhouette": round(silhouette, 4)}
        progress(f"K = {k}: stability {stability:.3f}, silhouette {silhouette:.3f}")
    top = max(scores.values())
    if prefer in scores and top - scores[prefer] < KEEP_K_TOLERANCE:
        return prefer, figures
    return max(k for k, score in scores.items() if score >= top - finer), figures


def quality(embedding: Floats, k: int, seed: int) -> tuple[float, float]:
    """Stability and silhouette of K classes, both at most 1; 1 and 0 for a single class."""
    from sklearn.metrics import adjusted_rand_score, silhouette_score  # Training only: slow.

    values = np.ascontiguousarray(embedding, dtype=np.float32)
    rng = np.random.default_rng(seed)
    size = max(k, round(RESAMPLE_SHARE * len(values)))
    labels = []
    for _ in range(RESAMPLES):
        part = rng.choice(len(values), size, replace=False)
        centroids = _kmeans(values[part], k, seed, restarts=3)
        labels.append(squared_distances(values, centroids).argmin(axis=1))
    pairs = zip(labels[::2], labels[1::2], strict=True)
    stability = float(np.mean([adjusted_rand_score(one, two) for one, two in pairs]))
    chosen = rng.choice(len(values), min(len(values), SCORED_PICTURES), replace=False)
    found = labels[0][chosen]
    if not 1 < len(np.unique(found)) < len(found):
        return stability, 0.0
    return stability, float(silhouette_score(values[chosen], found))


def max_classes(embedding: Floats) -> int:
    """As many classes as the pictures can support, at least 1."""
    different = len(np.unique(np.asarray(embedding, dtype=np.float32), axis=0))
    return max(1, min(different, len(embedding) // PICTURES_A_CLASS))


def squared_distances(values: Floats, centroids: Floats) -> Floats:
    """(N, d), (K, d) -> (N, K) float64, exact enough for equal rows to have distance 0."""
    a, b = np.asarray(values, dtype=np.float64), np.asarray(centroids, dtype=np.float64)
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.maximum(squares, 0)


def _error(values: Floats, centroids: Floats) -> float:
    return float(squared_distances(values, centroids).min(axis=1).sum())


def _kmeans(
    values: Floats, k: int, seed: int, start: Floats | None = None, restarts: int = RESTARTS
) -> Floats:
    kmeans = faiss.Kmeans(
        values.shape[1],
        k,
        niter=ITERATIONS,
        nredo=1 if start is not None else restarts,
        seed=seed % 2**31,
        min_points_per_centroid=1,
        max_points_per_centroid=4096,
        init_method=faiss.ClusteringInitMethod_KMEANS_PLUS_PLUS,
    )
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # Sums depend on how they are split.
    try:
        kmeans.train(values, init_centroids=start)
    finally:
        faiss.omp_set_num_threads(threads)
    return np.array(kmeans.centroids)
