"""Between k-means and names: a centroid that stands for two shots is divided, a tiny one left out.

k-means spends its centroids where pictures are many and differ much. Ten legs seen from behind
beside a hundred from the front cost it little, and share a centroid; a three-quarter view that few
products have goes with the front view. Each picture can be read on its own (`naming.readings`),
though, and where enough members of a centroid are read as another shot, they get one of their own.
No label is needed: the readings are those that the names are made of.

The other way round, three pictures of one product, or false persons on the same kind of garment,
are no pose of a catalogue: what too few products show is no class.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unposed_jobs.vocabulary import clustering
from unposed_jobs.vocabulary.clustering import Clusters, Floats

LEAST_PICTURES = 4
LEAST_PRODUCTS = 3
"""Fewer pictures, or of fewer products, make no class."""
LEAST_SHARE = 0.08
"""Nor does a part of a centroid that has a smaller share of its pictures: such are misreadings."""


APART = 0.4
"""How clearly a part is to lie apart, as the silhouette by means: a cloud that a border of the
readings merely crosses comes to less when it is cut there."""


def divide(
    clusters: Clusters, codes: Floats, reading: npt.NDArray[np.str_], owner: npt.NDArray[np.str_]
) -> Clusters:
    """A centroid for each shot of each of the C centroids.

    `codes` (n, d), `reading` (n,) what each picture shows, `owner` (n,) its product. A reading
    that too few of a centroid's pictures have stays with the commonest one.
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
            told = member & (reading == name)
            rest = member & (reading == common)
            share = told.sum() / member.sum()
            if share >= LEAST_SHARE and _enough(told, owner) and _apart(codes[told], codes[rest]):
                part[told] = count
                count += 1
    means = np.stack([codes[part == one].mean(axis=0) for one in np.unique(part)])
    return clustering.describe(codes, means.astype(np.float32))


def without_tiny(
    clusters: Clusters,
    codes: Floats,
    owner: npt.NDArray[np.str_],
) -> Clusters:
    """The same without classes that too few pictures or products show; at least one is left."""
    label = clusters.label[clusters.nearest(codes)]
    kept = [one for one in range(len(clusters)) if _enough(label == one, owner)]
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


def _enough(member: npt.NDArray[np.bool_], owner: npt.NDArray[np.str_]) -> bool:
    return bool(member.sum() >= LEAST_PICTURES and len(np.unique(owner[member])) >= LEAST_PRODUCTS)
