"""A vocabulary that goes on: the champion's classes drift, and new ones must prove themselves.

Learned anew from other products, k-means cuts the same cloud of pictures elsewhere, and flags turn
without a picture having changed. So the champion's classes are kept in the champion's own space and
move with their pictures; what is learned anew only proposes. A proposal becomes a class where the
champion knows no pose for most of its pictures, or has them in one class with others that lie
clearly apart. A class that hardly any picture shows any more retires.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unposed_jobs.vocabulary import clustering
from unposed_jobs.vocabulary.clustering import Clusters, Floats, Indices, squared_distances

NEW_SHARE, NEW_PICTURES = 0.02, (6, 50)
"""A new class needs such a share of the pictures, but at least and at most so many, ..."""
NEW_PRODUCTS = 3
"""... of so many products."""
APART = 0.5
"""Least mean separation of a class that leaves another: see `separation`. Left and right side
views of one framing, which k-means separates or not by chance, come to 0.4 to 0.5; two poses of
different framing or view to 0.5 to 0.75."""
APART_LEAST = 0.3
"""The same of the less distinct of the two groups."""
HELD = 0.75
"""Share of a proposal's pictures that must be separable from all others in the champion's space."""
BLIND_SHARE, BLIND_PICTURES = 0.05, 20
"""A proposal that large is worth an embedding of its own; a smaller one waits."""
_STEPS = 10
_GONE = 0.2
"""A class retires where less than this share of the pictures it had (for as many) shows it."""


@dataclass(frozen=True)
class Continued:
    """`clusters`, and of each of its classes (K,) the champion's class, -1 for a new one."""

    clusters: Clusters
    before: Indices


@dataclass(frozen=True)
class Proposed:
    """What was learned anew of n pictures.

    `cell` and `label` (n,) are the centroid and the class of each; `common` (n, D) the pictures in
    a space that neither vocabulary was cut in; `owner` (n,) their products.
    """

    cell: Indices
    label: Indices
    common: Floats
    owner: npt.NDArray[np.str_]

    @classmethod
    def of(
        cls, clusters: Clusters, points: Floats, common: Floats, owner: npt.NDArray[np.str_]
    ) -> Proposed:
        """From the clusters learned anew, and the pictures (n, d) in their space."""
        cell = clusters.nearest(points)
        return cls(cell, clusters.label[cell], common, owner)


def go_on(champion: Clusters, points: Floats, proposed: Proposed) -> Continued | None:
    """The champion's classes as the n pictures of a new reference have them.

    `points` (n, d) are the pictures in the champion's space. None where a proven new class, and
    no small one, is not separable from others there: the embedding has to be learned anew, too.
    """
    cell, label = proposed.cell, proposed.label
    centroids, labels = [champion.centroids], [champion.label]
    total = len(champion)
    for proposal in proposals(champion, points, proposed):
        member = label == proposal
        own = np.stack([points[cell == one].mean(axis=0) for one in np.unique(cell[member])])
        # The champion's centroids stand in for all else; pictures between them belong to those.
        mine = squared_distances(points, own).min(axis=1)
        theirs = squared_distances(points, champion.centroids).min(axis=1)
        taken = mine < theirs
        if taken[member].mean() < HELD or (taken & member).sum() < HELD * taken.sum():
            if member.sum() >= max(BLIND_PICTURES, BLIND_SHARE * len(member)):
                return None
            continue
        centroids.append(own.astype(np.float32))
        labels.append(np.full(len(own), total, dtype=np.int64))
        total += 1
    drifted = _drift(champion, points, np.concatenate(centroids), np.concatenate(labels))
    return _retire(champion, drifted, points, scale=len(points) / max(1, champion.sizes.sum()))


def proposals(champion: Clusters, points: Floats, proposed: Proposed) -> list[int]:
    """Which of the classes learned anew the champion's lack, by the same n pictures in its space.

    Two groups that the champion has centroids for, and counts as one class, are one on purpose.
    """
    known, centre = champion.assign(points).index, champion.nearest(points)
    label, cell = proposed.label, proposed.cell
    enough = np.clip(NEW_SHARE * len(label), *NEW_PICTURES)
    proven = []
    for proposal in range(int(label.max(initial=-1)) + 1):
        member = label == proposal
        products = len(np.unique(proposed.owner[member]))
        if member.sum() < enough or products < NEW_PRODUCTS:
            continue
        (home,) = _commonest(known[member])
        if home < 0:
            proven.append(proposal)
            continue
        (heir,) = _commonest(label[known == home])
        rest = (known == home) & (label == heir)
        if heir == proposal or not rest.any() or _separable(centre, member, rest):
            continue
        apart = separation(proposed.common, cell, member, rest)
        if np.mean(apart) >= APART and min(apart) >= APART_LEAST:
            proven.append(proposal)
    return proven


def _separable(centre: Indices, one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> bool:
    """Whether two groups have centroids (n,) of their own."""
    mine, theirs = (
        np.bincount(centre[group], minlength=centre.max() + 1) for group in (one, other)
    )
    own = mine > theirs
    return bool(mine[own].sum() >= HELD * mine.sum() and theirs[~own].sum() >= HELD * theirs.sum())


def separation(
    common: Floats, cell: Indices, one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    """How far two groups lie apart, each in its own eyes: 1 clearly, 0 not at all.

    The silhouette by the means of cells: (b - a) / max(a, b), a and b the distances to the
    nearest mean of the own and of the other group.
    """
    means = [
        np.stack([common[group & (cell == part)].mean(axis=0) for part in np.unique(cell[group])])
        for group in (one, other)
    ]
    found = []
    for group, own, far in ((one, *means), (other, *means[::-1])):
        a, b = (np.sqrt(squared_distances(common[group], to).min(axis=1)) for to in (own, far))
        found.append(float(((b - a) / np.maximum(np.maximum(a, b), 1e-12)).mean()))
    return found[0], found[1]


def _drift(champion: Clusters, points: Floats, start: Floats, label: Indices) -> Clusters:
    """k-means from `start`, in which the champion's centroids weigh as much as its pictures did.

    Against a reference of another size the old weighs no more than the new.
    """
    old = len(champion.centroids)
    scale = min(1.0, len(points) / max(1, int(champion.sizes.sum())))
    weight = np.zeros(len(start))
    weight[:old] = champion.sizes * scale
    anchors = start.astype(np.float64)
    centroids = anchors
    for _ in range(_STEPS):
        nearest = squared_distances(points, centroids).argmin(axis=1)
        total = anchors * weight[:, None]
        np.add.at(total, nearest, points)
        count = weight + np.bincount(nearest, minlength=len(start))
        moved = total / np.maximum(count, 1e-12)[:, None]
        if np.allclose(moved, centroids):
            break
        centroids = moved
    return clustering.describe(points, centroids.astype(np.float32), label)


def _retire(champion: Clusters, drifted: Clusters, points: Floats, scale: float) -> Continued:
    had = np.bincount(champion.label, weights=champion.sizes, minlength=len(champion))
    centre = champion.nearest(points)
    distance = np.sqrt(squared_distances(points, champion.centroids).min(axis=1))
    # Strangers that are merely nearest to a vanished pose do not keep it.
    near = distance <= champion.reach[centre]
    shown = np.bincount(champion.label[centre[near]], minlength=len(champion))
    gone = np.flatnonzero(shown < _GONE * scale * had)
    stays = ~np.isin(drifted.label, gone)
    left = drifted
    if stays.any():
        left = clustering.describe(points, drifted.centroids[stays], drifted.label[stays])
    classes, compact = np.unique(left.label, return_inverse=True)
    before = np.where(classes < len(champion), classes, -1)
    return Continued(dataclasses.replace(left, label=compact), before)


def _commonest(values: Indices) -> Indices:
    found, count = np.unique(values, return_counts=True)
    return found[[count.argmax()]]
