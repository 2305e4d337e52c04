"""Between k-means and names: a centroid that stands for two shots is divided, a tiny one left out.

k-means spends its centroids where pictures are many and differ much. Ten legs seen from behind
among a hundred from the front hardly change the sum of squares, and share a centroid; a
three-quarter view that few products have goes with the front view. Each picture can be read on its
own (`naming.readings`), though, and where enough members of a centroid are read as another shot,
they get one of their own. No label is needed: the readings are those that the names are made of.

The other way round, three pictures of one product, or false persons on the same kind of garment,
are no pose of a catalogue: what too few products show is no class.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from unposed_jobs.vocabulary import clustering
from unposed_jobs.vocabulary.clustering import Clusters, Floats

LEAST_SEEN = 2.5
LEAST_PRODUCTS = 2
"""Pictures of less certainty in all that somebody is there, or of fewer products, make no class:
three sure ones are a rare shot, five that may show nobody are none. A shot that a second product
repeats is no accident of the first."""
LEAST_SHARE = 0.08
"""Nor does a part of a centroid that has a smaller share of its pictures: such are misreadings."""


APART = 0.4
"""How clearly a part is to lie apart, as the silhouette by means: a cloud that a border of the
readings merely crosses comes to less when it is cut there."""


def divide(
    clusters: Clusters,
    codes: Floats,
    reading: npt.NDArray[np.str_],
    owner: npt.NDArray[np.str_],
    somebody: Floats,
) -> Clusters:
    """A centroid for each shot of each of the C centroids.

    `codes` (n, d), `reading` (n,) what each picture shows, `owner` (n,) its product, `somebody`
    (n,) in [0, 1] how sure it is that a person is there, 1 throughout where none is to be. A
    reading that too few of a centroid's pictures have stays with the commonest one, unless it is
    the same with enough pictures of several centroids.
    """
    cell = clusters.nearest(codes)
    part = np.full(len(codes), -1, dtype=np.int64)
    count = 0
    for centroid in range(len(clusters.centroids)):
        member = cell == centroid
        names, sizes = np.unique(reading[member], return_counts=True)
        common = names[sizes.argmax()] if len(names) else None
        part[member] = count
        count += 1
        for name in names[names != common]:
            showing = member & (reading == name)
            rest = member & (reading == common)
            share = showing.sum() / member.sum()
            if (
                share >= LEAST_SHARE
                and _enough(showing, owner, somebody)
                and _apart(codes[showing], codes[rest])
            ):
                part[showing] = count
                count += 1
    # What is rare everywhere, and so nowhere the commonest.
    for name in np.unique(reading):
        showing = reading == name
        home = np.unique(part[showing])
        common = {int(one): _commonest(reading[part == one]) for one in home}
        if name in common.values() or not _enough(showing, owner, somebody):
            continue
        rest = np.isin(part, home) & (
            reading == np.array([common.get(one, "") for one in part.tolist()])
        )
        if rest.any() and _apart(codes[showing], codes[rest]):
            part[showing] = count
            count += 1
    means = np.stack([codes[part == one].mean(axis=0) for one in np.unique(part)])
    return clustering.describe(codes, means.astype(np.float32))


def joined(
    clusters: Clusters,
    wider: Sequence[int],
    codes: Floats,
    owner: npt.NDArray[np.str_],
    somebody: Floats,
) -> Clusters:
    """The same with a class that is too small joined to those of its wider group.

    `wider` (C,) is the group of each centroid, such as both sides of one framing.
    """
    label = clusters.label[clusters.nearest(codes)]
    small = [one for one in range(len(clusters)) if not _enough(label == one, owner, somebody)]
    group = np.asarray(wider)
    alike = np.isin(group, group[np.isin(clusters.label, small)])
    return clusters.merged(np.where(alike, -1 - group, clusters.label).tolist())


def without_tiny(
    clusters: Clusters,
    codes: Floats,
    owner: npt.NDArray[np.str_],
    somebody: Floats,
) -> Clusters:
    """The same without classes that too few pictures or products show; at least one is left."""
    label = clusters.label[clusters.nearest(codes)]
    kept = [one for one in range(len(clusters)) if _enough(label == one, owner, somebody)]
    if len(kept) == len(clusters):
        return clusters
    kept = kept or [int(np.bincount(label).argmax())]
    stays = np.isin(clusters.label, kept)
    compact = np.searchsorted(kept, clusters.label[stays])
    # By their own pictures alone, so that those of the others lie as far off as they do.
    return clustering.describe(codes[np.isin(label, kept)], clusters.centroids[stays], compact)


def _apart(part: Floats, rest: Floats) -> bool:
    own, other = part.mean(axis=0), rest.mean(axis=0)
    silhouettes = []
    for group, near, far in ((part, own, other), (rest, other, own)):
        a, b = (np.linalg.norm(group - mean, axis=1) for mean in (near, far))
        silhouettes.append(float(((b - a) / np.maximum(np.maximum(a, b), 1e-12)).mean()))
    return min(silhouettes) >= APART


def _commonest(reading: npt.NDArray[np.str_]) -> str:
    names, sizes = np.unique(reading, return_counts=True)
    return str(names[sizes.argmax()])


def _enough(member: npt.NDArray[np.bool_], owner: npt.NDArray[np.str_], somebody: Floats) -> bool:
    products = len(np.unique(owner[member]))
    return bool(somebody[member].sum() >= LEAST_SEEN and products >= LEAST_PRODUCTS)
