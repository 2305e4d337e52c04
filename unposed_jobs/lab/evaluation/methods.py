"""The ways of embedding poses that are set side by side (the columns of the paper's Table 1).

A `Method` learns from the landmarks of training pictures that show a person and returns a
function from landmarks to vectors; `group` divides vectors by k-means. No label is ever
seen. `Supervised` is shown the labels: it is the ceiling.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from sklearn.ensemble import RandomForestClassifier

from unposed_jobs.config import TrainingSettings
from unposed_jobs.embedding import autoencoder
from unposed_jobs.embedding.augmentation import jittered_features
from unposed_jobs.embedding.features import pose_features
from unposed_jobs.embedding.scaler import Scaler
from unposed_jobs.vocabulary import clustering

Floats = npt.NDArray[np.float32]
Encode = Callable[[Floats], Floats]
VIEWS = 8
"""Variations of each picture that the autoencoder learns from."""


class Method(Protocol):
    """`landmarks` (N, 33, 5) or (N, 17, 3); what it returns maps (M, ...) to (M, D) float32."""

    def __call__(self, landmarks: Floats, seed: int) -> Encode:
        """Learn an embedding; equal seeds, equal embeddings."""


def raw_coordinates(landmarks: Floats, seed: int) -> Encode:
    """The plainest reading of the paper: x and y of every point."""
    return lambda values: np.nan_to_num(values[..., :2]).reshape(len(values), -1)


def weighted_features(landmarks: Floats, seed: int) -> Encode:
    """The 77 or 61 features of section 4.3, weighted, without the autoencoder."""
    scaler = Scaler.fit(pose_features(landmarks))
    return lambda values: scaler.encode(pose_features(values))


def autoencoded(landmarks: Floats, seed: int) -> Encode:
    """The features through the autoencoder of section 4.3.1, 8 values."""
    settings = dataclasses.replace(TrainingSettings(), seed=seed)
    views = jittered_features(landmarks, VIEWS, seed)
    learned = autoencoder.fit(pose_features(landmarks), settings, views)
    return lambda values: learned.encode(pose_features(values))


METHODS: dict[str, Method] = {
    "raw coordinates": raw_coordinates,
    "features": weighted_features,
    "features + autoencoder": autoencoded,
}
"""By the name that tables show; the last is what the pipeline ships with."""


def group(train: Floats, clusters: int, seed: int) -> Callable[[Floats], npt.NDArray[np.int64]]:
    """Learn K groups of (N, D) vectors; the result maps (M, D) to the nearest, (M,) in [0, K).

    No picture is set aside as too far from every group: all methods answer for all pictures.
    """
    centroids = clustering.fit(train, clusters, seed).centroids
    return lambda vectors: clustering.squared_distances(vectors, centroids).argmin(axis=1)


def pipeline_clusters(vectors: Floats, seed: int) -> int:
    """The K that the pipeline would choose for (N, D) embeddings, by stability and silhouette."""
    return clustering.choose_k(vectors, TrainingSettings().cluster_range, seed)[0]


class Supervised:
    """The ceiling: a random forest on the pose features, fitted to the labels.

    Of logistic regression, random forest, extra trees and gradient boosting it came out best.
    """

    def __init__(self, landmarks: Floats, labels: npt.NDArray[np.str_], seed: int) -> None:
        self._model = RandomForestClassifier(200, random_state=seed)
        self._model.fit(pose_features(landmarks), labels)

    def __call__(self, landmarks: Floats) -> npt.NDArray[np.str_]:
        """The label of each picture, (N,)."""
        return self._model.predict(pose_features(landmarks))


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
