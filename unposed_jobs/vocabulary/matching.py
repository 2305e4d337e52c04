"""Stable ids: which class of a new vocabulary is which class of the champion's.

An autoencoder that is learned again gives other coordinates to the same pose, so centroids of two
models cannot be compared as they are. The champion's classes are therefore found in the new
space: each stands where the pictures lie that the champion puts into it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from unposed_jobs.vocabulary.clustering import Floats, Indices, squared_distances

KEPT, NEW, RETIRED = "kept", "new", "retired"


@dataclass(frozen=True)
class Lineage:
    """What became of the classes.

    `pose_ids` (K,) int32 of the new classes; `lineage` (K,) kept or new; `distance` (K,) to the
    class it was matched with, in spreads (see `match`), NaN where there was none;
    `retired` ids of the champion's classes that none took up.
    """

    pose_ids: npt.NDArray[np.int32]
    lineage: tuple[str, ...]
    distance: Floats
    retired: tuple[int, ...]


def locate(
    embedding: Floats, previous_index: Indices, classes: int
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Where the champion's classes stand in the new space.

    embedding: (N, d) of the reference pictures; previous_index: (N,) the champion's class of
    each, -1 for none. Returns (P, d) means and (P,) which classes had a picture at all.
    """
    known = previous_index >= 0
    totals = np.zeros((classes, embedding.shape[1]))
    np.add.at(totals, previous_index[known], embedding[known])
    counts = np.bincount(previous_index[known], minlength=classes)
    return (totals / np.maximum(counts, 1)[:, None]).astype(np.float32), counts > 0


def match(
    centroids: Floats,
    spread: Floats,
    previous: Floats,
    previous_ids: npt.NDArray[np.int32],
    *,
    limit: float,
    next_id: int,
) -> Lineage:
    """Give each new class the id of the champion's class that it continues, or a new one.

    centroids (K, d) and spread (K,) of the new classes; previous (P, d), located in the same
    space, with their ids (P,). The matching is one to one with the least total distance
    (Hungarian method); an id is kept where the distance is at most `limit` spreads - of the
    class, or of the median class if that is wider: a class of near copies has next to no spread
    and would otherwise lose its id to the slightest drift. New ids start at `next_id`, which
    lies above every id ever given, so none is used twice.
    """
    count = len(centroids)
    ids = np.full(count, -1, dtype=np.int32)
    distance = np.full(count, np.nan)
    if len(previous):
        unit = np.maximum(spread, np.median(spread))
        units = np.sqrt(squared_distances(centroids, previous)) / unit[:, None]
        # A pair beyond the limit is as good as none: it must not bend the others' matching.
        for row, column in zip(*linear_sum_assignment(np.minimum(units, 2 * limit)), strict=True):
            if units[row, column] <= limit:
                ids[row] = previous_ids[column]
                distance[row] = units[row, column]
    kept = ids >= 0
    ids[~kept] = next_id + np.arange(np.count_nonzero(~kept))
    retired = sorted(set(previous_ids.tolist()) - set(ids[kept].tolist()))
    return Lineage(ids, tuple(np.where(kept, KEPT, NEW).tolist()), distance, tuple(retired))
