"""Trials of a vocabulary: the pictures taken again, the classes learned again without them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unposed_jobs.vocabulary import calibration, clustering
from unposed_jobs.vocabulary.calibration import Calibration
from unposed_jobs.vocabulary.clustering import Clusters, Floats, Indices

REPEATS = 12
OTHER_NUMBERS = (0.8, 1.25)
"""The number of centroids is itself a choice: it is drawn between these parts of the model's."""
MAX_PICTURES = 4_000
"""More are sampled: a curve of a dozen points needs no more."""


@dataclass(frozen=True)
class Retaken:
    """What trials of K classes have shown.

    `calibration` of their confidence, None where too little was tried; `became` (K, K), the share
    of the trials with pictures of the row's class that came out as the column's; a row is NaN where
    none was tried, and adds up to less than 1 where some came out as no class.
    """

    calibration: Calibration | None
    became: Floats


def trials(
    clusters: Clusters,
    points: Floats,
    again: Callable[[np.random.Generator], Floats],
    owner: npt.NDArray[np.str_],
    seed: int,
    *,
    divided: Callable[[Clusters, Floats, Indices], Clusters] = lambda other, points, rows: other,
) -> Retaken:
    """Try classes out on the n pictures that they were learned from.

    `points` (n, d) are the pictures, `again` gives them as taken another time, `owner` (n,) their
    products: those of the judged pictures have no part in what is learned in the repeat. `divided`
    does to clusters learned of points (m, d), of the pictures `rows` (m,), what was done to these.
    """
    rng = np.random.default_rng(seed)
    found = clusters.assign(points)
    products, row = np.unique(owner, return_inverse=True)
    raws, sames = [], []
    became = np.zeros((len(clusters), len(clusters) + 1))
    for repeat in range(REPEATS):
        drawn = np.bincount(rng.integers(0, len(products), len(products)), minlength=len(products))
        times = drawn[row]
        retaken = again(rng)
        learned = np.repeat(np.arange(len(points)), times)
        judged = np.flatnonzero((times == 0) & (found.index >= 0))
        if not len(learned) or not len(judged):
            continue
        k = round(len(clusters.centroids) * rng.uniform(*OTHER_NUMBERS))
        k = max(1, min(k, clustering.max_classes(retaken[learned])))
        other = clustering.fit(retaken[learned], k, seed + repeat)
        other = divided(other, retaken[learned], learned)
        centres = len(other.centroids)
        meaning = _meaning(other.nearest(retaken[learned]), found.index[learned], centres)
        again_found = meaning[other.nearest(retaken[judged])]
        same = again_found == found.index[judged]
        # Of pictures that were learned from hardly any is unsure: what is said of unseen ones
        # counts as well, or a curve for those would be drawn from nothing.
        raws += [found.confidence[judged], other.assign(retaken[judged]).confidence]
        sames += [same, same]
        np.add.at(became, (found.index[judged], again_found), 1)  # No class is the last column.
    with np.errstate(invalid="ignore"):
        shares = (became / became.sum(axis=1, keepdims=True))[:, :-1]
    if not raws:
        return Retaken(None, shares)
    return Retaken(calibration.fit(np.concatenate(raws), np.concatenate(sames)), shares)


def _meaning(centre: Indices, label: Indices, centres: int) -> Indices:
    """The commonest class of each centre's pictures; -1 where most are of none."""
    votes = np.zeros((centres, int(label.max(initial=0)) + 2), dtype=np.int64)
    np.add.at(votes, (centre, label + 1), 1)
    return votes.argmax(axis=1) - 1
