"""Labels as numbers, and the counts of them that every label metric is a function of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from unposed_jobs.lab.evaluation import metrics

RANDOM_DRAWS = 20
"""Draws of the random labeller, whose figures are averaged."""


@dataclass(frozen=True)
class Coded:
    """Judged pictures with labels as numbers: truth and group (N,), predicted (R, N)."""

    labels: tuple[str, ...]
    products: npt.NDArray[np.str_]
    group: npt.NDArray[np.int64]
    truth: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.int64]

    @cached_property
    def counts(self) -> npt.NDArray[np.float64]:
        """(R, G, L, L + 1) counts of the judged labeller."""
        return self.counts_of(self.predicted)

    def counts_of(self, predicted: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """The same of any (N,) or (R, N) predictions."""
        return metrics.joint_counts(
            self.group,
            self.truth,
            predicted,
            n_groups=len(self.products),
            n_labels=len(self.labels),
        )

    def random(self, seed: int) -> npt.NDArray[np.float64]:
        """Counts of a labeller that draws each picture's label uniformly."""
        shape = (RANDOM_DRAWS, len(self.truth))
        draws = np.random.default_rng(seed).integers(len(self.labels), size=shape)
        return self.counts_of(draws)

    def constant(self) -> npt.NDArray[np.float64]:
        """Counts of a labeller that gives every picture the commonest label."""
        commonest = np.bincount(self.truth).argmax()
        return self.counts_of(np.full(len(self.truth), commonest))


def code(
    truth: npt.ArrayLike,
    predicted: npt.ArrayLike,
    products: npt.ArrayLike,
    labels: Sequence[str] | None = None,
) -> Coded:
    """Code (N,) truth and products and (N,) or (R, N) predictions.

    `labels` default to those of the truth; pictures with another truth are left out.
    """
    true = np.asarray(truth, dtype=np.str_)
    guess = np.atleast_2d(np.asarray(predicted, dtype=np.str_))
    names = np.unique(true) if labels is None else np.array(sorted(set(labels)), dtype=np.str_)
    judged = np.isin(true, names)
    groups, group = np.unique(np.asarray(products, dtype=np.str_)[judged], return_inverse=True)

    def numbers(values: npt.NDArray[np.str_]) -> npt.NDArray[np.int64]:
        position = np.searchsorted(names, values).clip(max=len(names) - 1)
        return np.where(names[position] == values, position, len(names)).astype(np.int64)

    return Coded(
        tuple(names.tolist()), groups, group, numbers(true[judged]), numbers(guess[:, judged])
    )
