"""The ways of grouping poses that are set side by side (the columns of the paper's Table 1).

A `Method` learns from the landmarks of training pictures that show a person, and returns a
function that gives any such picture the number of its group. No label is ever seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import faiss
import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from sklearn.ensemble import RandomForestClassifier

from unposed_jobs.embedding import features

Floats = npt.NDArray[np.float32]
Assign = Callable[[Floats], npt.NDArray[np.int64]]


class Method(Protocol):
    """`landmarks` (N, 33, 5) or (N, 17, 3); the assignment maps (M, ...) to (M,) in [0, K)."""

    def __call__(self, landmarks: Floats, clusters: int, seed: int) -> Assign:
        """Learn `clusters` groups; equal seeds, equal groups."""


def raw_coordinates(landmarks: Floats, clusters: int, seed: int) -> Assign:
    """The plainest reading of the paper: x and y of every point, faiss k-means."""

    def vectors(values: Floats) -> Floats:
        flat = np.nan_to_num(values[..., :2]).reshape(len(values), -1)
        return np.ascontiguousarray(flat, dtype=np.float32)

    return _kmeans(vectors, landmarks, clusters, seed)


def pose_features(landmarks: Floats, clusters: int, seed: int) -> Assign:
    """The 77 or 61 features of section 4.3, bare."""
    return _kmeans(features.pose_features, landmarks, clusters, seed)


def _kmeans(
    vectors: Callable[[Floats], Floats], landmarks: Floats, clusters: int, seed: int
) -> Assign:
    train = vectors(landmarks)
    kmeans = faiss.Kmeans(
        train.shape[1], clusters, niter=50, nredo=10, seed=seed, min_points_per_centroid=1
    )
    kmeans.train(train)
    return lambda values: kmeans.index.search(vectors(values), 1)[1][:, 0]


class Supervised:
    """The ceiling: a random forest on the pose features, fitted to the labels.

    Of logistic regression, random forest, extra trees and gradient boosting it came out best.
    """

    def __init__(self, landmarks: Floats, labels: npt.NDArray[np.str_], seed: int) -> None:
        self._model = RandomForestClassifier(200, random_state=seed)
        self._model.fit(features.pose_features(landmarks), labels)

    def __call__(self, landmarks: Floats) -> npt.NDArray[np.str_]:
        """The label of each picture, (N,)."""
        return self._model.predict(features.pose_features(landmarks))


METHODS: dict[str, Method] = {
    "raw coordinates": raw_coordinates,
    "features": pose_features,
}
"""By the name that tables show; the last is what the pipeline ships with."""


def match_groups(
    second: npt.NDArray[np.int64], first: npt.NDArray[np.int64], clusters: int
) -> npt.NDArray[np.int64]:
    """For each group of `second` the group of `first` it stands for, one to one, (K,).

    Both (N,) group the same pictures; the matching shares as many pictures as can be.
    """
    shared = np.zeros((clusters, clusters), dtype=np.int64)
    np.add.at(shared, (second, first), 1)
    matched = np.empty(clusters, dtype=np.int64)
    rows, columns = linear_sum_assignment(shared, maximize=True)
    matched[rows] = columns
    return matched
