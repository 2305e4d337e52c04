"""How much each example counts, and the logistic regression that minds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from unposed_jobs.pose.logistic import Logistic

Array = npt.NDArray[np.float64]


def balanced(kinds: Sequence[tuple[str, bool, Hashable]]) -> Array:
    """Weights of examples by (origin, person, kind): real pictures weigh as much as rendered ones,
    people as much as objects, and within each all kinds alike.
    """
    counts = Counter(kinds)
    sides = Counter(kind[:2] for kind in counts)
    weights = np.array([1 / counts[kind] / sides[kind[:2]] for kind in kinds])
    return weights * len(kinds) / weights.sum()


def logistic_regression(
    features: Array, truth: npt.NDArray[np.bool_], weights: Array, strength: float
) -> Logistic:
    """A regression over standardised, clipped features; `strength` is scikit-learn's C."""
    average = np.average(features, axis=0, weights=weights)
    variance = np.average((features - average) ** 2, axis=0, weights=weights)
    blank = Logistic(average, np.sqrt(variance) + 1e-3, np.zeros(features.shape[1]), 0.0)
    model = LogisticRegression(C=strength, max_iter=2000)
    model.fit(blank.standardised(features), truth, sample_weight=weights / weights.mean())
    return Logistic(blank.mean, blank.scale, model.coef_[0], float(model.intercept_[0]))
