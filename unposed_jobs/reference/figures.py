"""The figures of a training: what was learned from how much, and how well. They become the metrics
of the model's manifest, of `models` and of `runs`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class EmbeddingFigures:
    """How the pictures with a person were embedded (section 4.3.1)."""

    embedding: str
    """`autoencoder`, `features` or `none`; with the reason where it is not the configured one."""
    autoencoder_loss: tuple[float, float] | None = None
    """Mean squared error, of the first and of the last epoch."""


@dataclass(frozen=True)
class ClusteringFigures:
    """How well k-means separates the codes, and for comparison the bare features (section 4.4)."""

    stability: float
    """Adjusted Rand index of clusterings of resampled pictures, at most 1."""
    silhouette: float
    """In [-1, 1]."""
    stability_features: float | None = None
    """The same of the bare features, where an autoencoder was learned."""
    silhouette_features: float | None = None
    """The same of the bare features, where an autoencoder was learned."""


@dataclass(frozen=True)
class PersonFigures:
    """The classes with a person."""

    clusters: int
    """k of k-means, before centroids of one shot are joined."""
    by_clusters: Mapping[str, Mapping[str, float]]
    """Stability and silhouette of each k that was tried; empty for a configured one."""
    quality: ClusteringFigures
    vocabulary: str
    """Whether the champion's vocabulary was continued, or why not."""
    embedding_pictures: int
    """Contents that the embedding in use was learned from."""
    shots: int
    """Classes with a person."""
    person_kept: int
    """Classes with the id of a class of the champion."""
    person_new: int


@dataclass(frozen=True)
class NoPersonFigures:
    """The classes without a person."""

    no_person_clusters: int
    no_person_kept: int
    """Classes with the id of a class of the champion."""
    no_person_new: int


@dataclass(frozen=True)
class TrainingFigures:
    """All figures of a training."""

    pictures: int
    """Listed pictures of the reference products: the sum of the next three."""
    person_pictures: int
    no_person_pictures: int
    unreadable_pictures: int
    products: int
    """Of the reference set."""
    asks: int
    embedding: EmbeddingFigures
    person: PersonFigures | None
    other: NoPersonFigures | None
    order: Mapping[str, Any]
    """`ranking.order`: which order is used, and its NDCG against the cohort's frequency."""

    def metrics(self) -> dict[str, Any]:
        """All of them by name, flat, for JSON; without those that are not known."""
        return {name: value for name, value in _flat(self) if value is not None}


def _flat(figures: Any) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for item in dataclasses.fields(figures):
        value = getattr(figures, item.name)
        if dataclasses.is_dataclass(value):
            found += _flat(value)
        elif item.name == "order":
            found += value.items()
        else:
            found.append((item.name, list(value) if isinstance(value, tuple) else value))
    return found
