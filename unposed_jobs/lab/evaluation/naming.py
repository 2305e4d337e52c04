"""Names for clusters, taken from other products than the judged ones.

A cluster has no name of its own; people's labels give it one. If the judged pictures took part
in that vote, a cluster of one picture would always be right. So the vote is held k-fold by
product (paper section 5 compares with "the most similar image ... from training set images").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold

from unposed_jobs.errors import UnposedError

UNKNOWN = "unknown"
"""The prediction where a picture has no cluster or its cluster has no name."""


@dataclass(frozen=True)
class Naming:
    """Labels predicted through named clusters.

    `predicted` (N,) of str, `fold` (N,) int: the fold in which a picture was judged.
    `unnamed` lists (fold, cluster) that hold judged pictures but no picture of another product;
    those pictures are predicted UNKNOWN.
    """

    predicted: npt.NDArray[np.str_]
    fold: npt.NDArray[np.int64]
    unnamed: tuple[tuple[int, int], ...]


Votes = Mapping[int, Mapping[str, int]]
"""How many pictures of each class bear each label."""


def votes_of(clusters: npt.ArrayLike, labels: npt.ArrayLike) -> dict[int, dict[str, int]]:
    """Count the labels of each cluster.

    `clusters` (N,) int, negative where a picture has none; `labels` (N,) str.
    """
    cluster, label = np.asarray(clusters), np.asarray(labels, dtype=np.str_)
    return {
        int(number): dict(Counter(label[cluster == number].tolist()))
        for number in np.unique(cluster[cluster >= 0])
    }


def name_of(members: Iterable[int], votes: Votes) -> str | None:
    """The commonest label of all pictures of these classes together, the alphabetically first of
    tied ones; None where none of them has a picture.
    """
    total: Counter[str] = Counter()
    for number in members:
        total.update(votes.get(number, {}))
    return min(total, key=lambda label: (-total[label], label)) if total else None


def majority_names(clusters: npt.ArrayLike, labels: npt.ArrayLike) -> dict[int, str]:
    """The commonest label of each cluster; the alphabetically first of tied ones.

    `clusters` (N,) int, negative where a picture has none; `labels` (N,) str.
    """
    votes = votes_of(clusters, labels)
    return {number: str(name_of([number], votes)) for number in votes}


def apply_names(clusters: npt.ArrayLike, names: dict[int, str]) -> npt.NDArray[np.str_]:
    """The name of each picture's cluster, UNKNOWN where it has none."""
    return np.array([names.get(int(number), UNKNOWN) for number in np.asarray(clusters)], dtype=str)


def product_folds(products: npt.ArrayLike, folds: int, seed: int) -> npt.NDArray[np.int64]:
    """(N,) the fold of each picture; all pictures of a product share one.

    Raises UnposedError where there are too few products to split.
    """
    product = np.asarray(products)
    n_products = len(np.unique(product))
    if n_products < 2:
        raise UnposedError(
            f"an evaluation split by product needs labelled pictures of at least 2 products, "
            f"found {n_products}"
        )
    splitter = GroupKFold(n_splits=min(folds, n_products), shuffle=True, random_state=seed)
    fold = np.empty(len(product), dtype=np.int64)
    for number, (_, judged) in enumerate(splitter.split(product, groups=product)):
        fold[judged] = number
    return fold


def name_on_other_products(
    clusters: npt.ArrayLike,
    labels: npt.ArrayLike,
    products: npt.ArrayLike,
    *,
    folds: int = 5,
    seed: int = 0,
) -> Naming:
    """Predict each picture's label by its cluster's majority on products of other folds.

    All (N,). Raises UnposedError where there are fewer than two products.
    """
    cluster, label = np.asarray(clusters), np.asarray(labels, dtype=np.str_)
    fold = product_folds(products, folds, seed)
    predicted = np.full(len(cluster), UNKNOWN, dtype=object)
    unnamed: list[tuple[int, int]] = []
    for number in np.unique(fold):
        judged = fold == number
        names = majority_names(cluster[~judged], label[~judged])
        predicted[judged] = apply_names(cluster[judged], names)
        held = np.unique(cluster[judged & (cluster >= 0)])
        unnamed += [(int(number), int(item)) for item in held if int(item) not in names]
    return Naming(predicted.astype(str), fold, tuple(unnamed))
