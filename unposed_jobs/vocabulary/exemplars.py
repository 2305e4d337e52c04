"""The pictures that show a pose best, for people to see."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from unposed_jobs.vocabulary.clustering import squared_distances

Floats = npt.NDArray[np.floating]
_NEAR_COPY = 6  # of 64 bits: perceptual hashes this near are the same picture to the eye
_UNLIKE = 1.5
"""In typical distances: farther out a member is no example, though it is in the class."""
SAMPLED = 200
"""Members that every other one is compared with: a median needs no more."""


def typicality(points: Floats) -> Floats:
    """How far each of a class's (n, d) members is from the others: (n,) the median distance.

    A class may have several centroids, and what is near one of them may yet be unlike all the
    rest. Equal input, equal result.
    """
    some = np.unique(np.linspace(0, len(points) - 1, SAMPLED).astype(np.int64))
    others = points[some[: len(points)]]
    return np.median(np.sqrt(squared_distances(points, others)), axis=1)


def choose(
    distance: Floats,
    quality: Floats,
    products: Sequence[str],
    hashes: Sequence[str | None],
    *,
    count: int,
) -> list[int]:
    """Rows of up to `count` members of a class: typical, well seen, of different products.

    distance (n,) from what is typical; quality (n,) in [0, 1], 1 for a picture that is surely seen;
    hashes: 16 hexadecimal digits or None. No two are alike, no product shows up twice while
    another is left, and what is unlike most members is left out. Equal input, equal choice.
    """
    typical = max(float(np.median(distance)), 1e-6) if len(distance) else 1.0
    apart = np.asarray(distance) / typical
    cost = apart + 2 * (1 - np.clip(quality, 0, 1))
    order = sorted(
        np.flatnonzero(apart <= _UNLIKE).tolist(),
        key=lambda row: (round(float(cost[row]), 6), products[row]),
    )
    chosen: list[int] = []
    for may_repeat in (False, True):
        seen = {products[row] for row in chosen}
        for row in order:
            if len(chosen) >= count:
                return chosen
            if row in chosen or (products[row] in seen and not may_repeat):
                continue
            if any(_alike(hashes[row], hashes[other]) for other in chosen):
                continue
            chosen.append(row)
            seen.add(products[row])
    return chosen


def _alike(one: str | None, other: str | None) -> bool:
    if not one or not other:
        return False
    return (int(one, 16) ^ int(other, 16)).bit_count() <= _NEAR_COPY
