"""Trials on labelled landmarks: split by product, group, name on other products, judge.

In each of R repeats the products are split into folds; groups are learned, and named by
majority, on the other folds' products, then the fold is judged. Nothing about a judged product,
neither its pictures nor its labels, has been seen by what judges it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unposed_jobs.evaluation import naming, protocols
from unposed_jobs.evaluation.methods import METHODS, Method, Supervised, match_groups
from unposed_jobs.evaluation.protocols import Result
from unposed_jobs.evaluation.summary import Entry, worst_mistakes

Floats = npt.NDArray[np.float32]
FOLDS = 5


@dataclass(frozen=True)
class Photographs:
    """N labelled pictures: `landmarks` (N, 33, 5) or (N, 17, 3), nan or score 0 = no point."""

    labels: tuple[str, ...]
    """The labels that are judged; pictures with another label only take part in grouping."""
    landmarks: Floats
    person: npt.NDArray[np.bool_]
    """(N,) somebody was found; landmarks of the others are not read."""
    label: npt.NDArray[np.str_]
    product: npt.NDArray[np.str_]
    image: npt.NDArray[np.str_]

    @property
    def judged(self) -> npt.NDArray[np.bool_]:
        """(N,) the pictures whose label counts."""
        return np.isin(self.label, self.labels)

    def where(self, keep: npt.NDArray[np.bool_]) -> Photographs:
        """The pictures of a (N,) mask."""
        return Photographs(
            self.labels,
            self.landmarks[keep],
            self.person[keep],
            self.label[keep],
            self.product[keep],
            self.image[keep],
        )


@dataclass(frozen=True)
class Trial:
    """What a method made of the photographs: `predicted` (R, N) labels, UNKNOWN included."""

    photographs: Photographs
    predicted: npt.NDArray[np.str_]

    @property
    def arguments(self) -> tuple[npt.NDArray[np.str_], ...]:
        """Truth, predictions and products of the judged pictures: what a protocol takes."""
        judged = self.photographs.judged
        return (
            self.photographs.label[judged],
            self.predicted[:, judged],
            self.photographs.product[judged],
        )


def unsupervised(
    photographs: Photographs, method: Method, clusters: int, *, repeats: int, seed: int = 0
) -> Trial:
    """Group and name on the other folds' products, judge on each fold; `repeats` splits.

    Pictures without a person are a group of their own, as in the pipeline.
    """
    predicted = np.full((repeats, len(photographs.label)), naming.UNKNOWN, dtype=object)
    named = photographs.judged
    for repeat, fold, number in _splits(photographs, repeats, seed):
        train = fold != number
        assign = method(photographs.landmarks[train & photographs.person], clusters, seed + repeat)
        group = np.full(len(fold), clusters)
        group[photographs.person] = assign(photographs.landmarks[photographs.person])
        names = naming.majority_names(group[train & named], photographs.label[train & named])
        predicted[repeat, ~train] = naming.apply_names(group[~train], names)
    return Trial(photographs, predicted.astype(str))


def supervised(photographs: Photographs, *, repeats: int, seed: int = 0) -> Trial:
    """The ceiling: a classifier that is shown the labels, on the same features and splits."""
    predicted = np.full((repeats, len(photographs.label)), naming.UNKNOWN, dtype=object)
    named = photographs.judged
    for repeat, fold, number in _splits(photographs, repeats, seed):
        train = (fold != number) & named
        model = Supervised(photographs.landmarks[train], photographs.label[train], seed + repeat)
        predicted[repeat, fold == number] = model(photographs.landmarks[fold == number])
    return Trial(photographs, predicted.astype(str))


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
    judged = np.flatnonzero(held & photographs.person)
    products, row = np.unique(photographs.product[held], return_inverse=True)
    row = row[photographs.person[held]]

    def flags(groups: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        missing = np.ones((len(products), clusters), dtype=bool)
        missing[row, groups] = False
        return missing

    first, second = [], []
    for repeat in range(repeats):
        one, two = (
            method(
                photographs.landmarks[pool[_resample(photographs.product[pool], rng)]],
                clusters,
                seed + repeat,
            )
            for _ in range(2)
        )
        matched = match_groups(
            two(photographs.landmarks[pool]), one(photographs.landmarks[pool]), clusters
        )
        first.append(flags(one(photographs.landmarks[judged])))
        second.append(flags(matched[two(photographs.landmarks[judged])]))
    return protocols.flip_rate(
        np.stack(first), np.stack(second), pictures=int(held.sum()), seed=seed
    )


def _resample(product: npt.NDArray[np.str_], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Rows of as many products as there are, drawn with replacement."""
    names = np.unique(product)
    rows = [np.flatnonzero(product == name) for name in rng.choice(names, len(names))]
    return np.concatenate(rows)


def compare_methods(
    photographs: Photographs,
    data: str,
    *,
    clusters: Sequence[int],
    repeats: int,
    seed: int,
    progress: Callable[[str], None],
) -> list[Entry]:
    """Every method's picture labels, at each K in `clusters`, and the supervised ceiling.

    The method that ships, at the first K, is also judged by product. `data` is the title in
    tables; `progress` is told what is being done.
    """
    shipped = list(METHODS)[-1]
    entries, by_product = [], []
    for size in clusters:
        for name, method in METHODS.items():
            progress(f"{data}: {name}, K = {size}")
            trial = unsupervised(photographs, method, size, repeats=repeats, seed=seed)
            last = name == shipped and size == clusters[0]
            entries.append(_pictures(data, f"{name}, K = {size}", trial, seed, detail=last))
            if last:
                title = f"{name}, K = {size}"
                results = [
                    protocols.present_poses(*trial.arguments, seed=seed)["all"],
                    protocols.removed_view(*trial.arguments, seed=seed),
                    protocols.paper_ratio(*trial.arguments, seed=seed),
                    stability(photographs, method, size, repeats=repeats, seed=seed),
                ]
                by_product = [Entry(data, title, result) for result in results]
    progress(f"{data}: supervised ceiling")
    ceiling = supervised(photographs, repeats=1, seed=seed)
    entries.append(_pictures(data, "supervised ceiling", ceiling, seed, detail=False))
    return entries + by_product


def _pictures(data: str, method: str, trial: Trial, seed: int, detail: bool) -> Entry:
    truth, predicted, products = trial.arguments
    result = protocols.picture_labels(truth, predicted, products, seed=seed)
    if not detail:
        return Entry(data, method, dataclasses.replace(result, confusion=None))
    images = trial.photographs.image[trial.photographs.judged]
    return Entry(data, method, result, worst_mistakes(images.tolist(), truth, predicted))


def _splits(
    photographs: Photographs, repeats: int, seed: int
) -> Iterator[tuple[int, npt.NDArray[np.int64], int]]:
    for repeat in range(repeats):
        fold = naming.product_folds(photographs.product, FOLDS, seed + repeat)
        for number in np.unique(fold):
            yield repeat, fold, int(number)
