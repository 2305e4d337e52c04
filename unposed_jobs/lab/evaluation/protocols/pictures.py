"""Is each picture named right?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from unposed_jobs.lab.evaluation import bootstrap, metrics
from unposed_jobs.lab.evaluation.bootstrap import Interval
from unposed_jobs.lab.evaluation.coding import code
from unposed_jobs.lab.evaluation.protocols.result import CONSTANT, RANDOM, Result


def picture_labels(
    truth: npt.ArrayLike,
    predicted: npt.ArrayLike,
    products: npt.ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    seed: int = 0,
) -> Result:
    """Macro-F1 and Cohen's kappa of each picture's label.

    `truth` and `products` (N,), `predicted` (N,) or (R, N). `labels` default to those of the
    truth; pictures with another truth are left out.
    """
    coded = code(truth, predicted, products, labels)

    def figures(counts: npt.NDArray[np.float64]) -> dict[str, Interval]:
        by_product = np.moveaxis(counts, 1, 0)
        return {
            "macro_f1": bootstrap.interval(
                by_product, lambda sums: metrics.macro_f1_from_counts(sums).mean(-1), seed=seed
            ),
            "kappa": bootstrap.interval(
                by_product, lambda sums: metrics.cohen_kappa_from_counts(sums).mean(-1), seed=seed
            ),
        }

    return Result(
        "picture_labels",
        figures(coded.counts),
        {RANDOM: figures(coded.random(seed)), CONSTANT: figures(coded.constant())},
        len(coded.truth),
        len(coded.products),
        coded.labels,
        coded.counts.mean(axis=0).sum(axis=0),
    )
