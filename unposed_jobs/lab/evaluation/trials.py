"""Trials on labelled landmarks: split by product, group, name on other products, judge.

In each of R repeats the products are split into folds; an embedding and its groups are learned,
and the groups named by majority, on the other folds' products, then the fold is judged. Nothing
about a judged product, neither its pictures nor its labels, has been seen by what judges it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unposed_jobs.lab.evaluation import naming, protocols
from unposed_jobs.lab.evaluation.methods import Method, Supervised, group, match_groups
from unposed_jobs.lab.evaluation.protocols import Result

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
FOLDS = 5


@dataclass(frozen=True)
class Photographs:
    """N labelled pictures: `landmarks` (N, 33, 5) or (N, 17, 3), nan or score 0 = no point."""

    labels: tuple[str, ...]
    """The labels that are judged; pictures with another label only take part in grouping."""
    landmarks: Floats
    person: Mask
    """(N,) somebody was found; landmarks of the others are not read."""
    label: npt.NDArray[np.str_]
    product: npt.NDArray[np.str_]
    image: npt.NDArray[np.str_]
    cohort: npt.NDArray[np.str_] | None = None
    """(N,) the sub-category of the picture's product, where it is known."""

    @property
    def judged(self) -> Mask:
        """(N,) the pictures whose label counts."""
        return np.isin(self.label, self.labels)

    def folds(self, repeats: int, seed: int) -> npt.NDArray[np.int64]:
        """(R, N) the fold of each picture in each repeat."""
        return np.stack(
            [naming.product_folds(self.product, FOLDS, seed + index) for index in range(repeats)]
        )


@dataclass(frozen=True)
class Trial:
    """Labels predicted for the judged pictures: `predicted` (R, n), the others (n,)."""

    truth: npt.NDArray[np.str_]
    predicted: npt.NDArray[np.str_]
    product: npt.NDArray[np.str_]
    image: npt.NDArray[np.str_]

    @property
    def arguments(self) -> tuple[npt.NDArray[np.str_], ...]:
        """What a protocol takes."""
        return self.truth, self.predicted, self.product

    @classmethod
    def of(cls, photographs: Photographs, predicted: npt.NDArray, judged: Mask) -> Trial:
        """Keep the judged ones of (R, N) predictions."""
        return cls(
            photographs.label[judged],
            predicted[:, judged].astype(str),
            photographs.product[judged],
            photographs.image[judged],
        )


@dataclass(frozen=True)
class Grouping:
    """Groups of all pictures, before any has a name.

    `fold` (R, N); `groups` (R, F, N): as learned without the products of fold F. Pictures
    without a person are a group of their own, as in the pipeline.
    """

    photographs: Photographs
    fold: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]

    def name(self, scope: Mask | None = None) -> Trial:
        """Name the groups on each fold's other products and predict the fold's labels.

        `scope` (N,): the pictures that take part, in naming and in judging; default all.
        """
        judged = self.photographs.judged if scope is None else self.photographs.judged & scope
        predicted = np.full(self.fold.shape, naming.UNKNOWN, dtype=object)
        label = self.photographs.label
        for repeat, fold in enumerate(self.fold):
            for number, groups in enumerate(self.groups[repeat]):
                named, held = judged & (fold != number), fold == number
                names = naming.majority_names(groups[named], label[named])
                predicted[repeat, held] = naming.apply_names(groups[held], names)
        return Trial.of(self.photographs, predicted, judged)


def unsupervised(
    photographs: Photographs,
    method: Method,
    clusters: Sequence[int],
    *,
    repeats: int,
    seed: int = 0,
) -> dict[int, Grouping]:
    """Learn the groups of every fold, at each K in `clusters`; one embedding serves them all."""
    folds = photographs.folds(repeats, seed)
    shape = (*folds.shape[:1], FOLDS, folds.shape[1])
    found = {size: np.full(shape, size, dtype=np.int64) for size in clusters}
    person = photographs.person
    for repeat, fold in enumerate(folds):
        for number in np.unique(fold):
            train = photographs.landmarks[(fold != number) & person]
            encode = method(train, seed + repeat)
            learned, everyone = encode(train), encode(photographs.landmarks[person])
            for size, groups in found.items():
                groups[repeat, number, person] = group(learned, size, seed + repeat)(everyone)
    return {size: Grouping(photographs, folds, groups) for size, groups in found.items()}


def supervised(
    photographs: Photographs, *, repeats: int, scope: Mask | None = None, seed: int = 0
) -> Trial:
    """The ceiling: a classifier that is shown the labels, on the same features and splits."""
    judged = photographs.judged if scope is None else photographs.judged & scope
    folds = photographs.folds(repeats, seed)
    predicted = np.full(folds.shape, naming.UNKNOWN, dtype=object)
    for repeat, fold in enumerate(folds):
        for number in np.unique(fold):
            train, held = judged & (fold != number), fold == number
            model = Supervised(photographs.landmarks[train], photographs.label[train], seed)
            predicted[repeat, held] = model(photographs.landmarks[held])
    return Trial.of(photographs, predicted, judged)


def stability(
    photographs: Photographs, method: Method, clusters: int, *, repeats: int, seed: int = 0
) -> Result:
    """Flags that flip between two trainings on resampled reference products.

    A third of the products is held out. In each repeat, two draws with replacement of the others
    train a vocabulary each; the second's groups are matched to the first's one to one, by how
    they divide the training pictures; both flag the groups that each held-out product lacks.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(np.unique(photographs.product))
    held = np.isin(photographs.product, order[: len(order) // 3])
    pool = np.flatnonzero(~held & photographs.person)
    products, row = np.unique(photographs.product[held], return_inverse=True)
    row = row[photographs.person[held]]
    both = np.concatenate([pool, np.flatnonzero(held & photographs.person)])

    def flags(groups: npt.NDArray[np.int64]) -> Mask:
        missing = np.ones((len(products), clusters), dtype=bool)
        missing[row, groups] = False
        return missing

    def retrained(seed: int) -> npt.NDArray[np.int64]:
        drawn = photographs.landmarks[pool[_resample(photographs.product[pool], rng)]]
        encode = method(drawn, seed)
        return group(encode(drawn), clusters, seed)(encode(photographs.landmarks[both]))

    first, second = [], []
    for repeat in range(repeats):
        one, two = (retrained(seed + repeat) for _ in range(2))
        matched = match_groups(two[: len(pool)], one[: len(pool)], clusters)
        first.append(flags(one[len(pool) :]))
        second.append(flags(matched[two[len(pool) :]]))
    return protocols.flip_rate(
        np.stack(first), np.stack(second), pictures=int(held.sum()), seed=seed
    )


def _resample(product: npt.NDArray[np.str_], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Rows of as many products as there are, drawn with replacement."""
    names = np.unique(product)
    rows = [np.flatnonzero(product == name) for name in rng.choice(names, len(names))]
    return np.concatenate(rows)
