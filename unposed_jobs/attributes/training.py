"""A head learned from labelled pictures, and what it is worth on pictures it did not see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from unposed_jobs.attributes.heads import Floats, Head
from unposed_jobs.errors import UnposedError

LEAST = 10
"""Pictures of each value, fewer of which say nothing."""
STRENGTH = 0.003
"""Inverse of the squared weights' penalty: there are more features than pictures."""
_FOLDS = 5


@dataclass(frozen=True)
class Trained:
    """A head; `accuracy` out of fold, that of always saying the commonest value, and `shares`
    (N, K), the calibrated probabilities out of fold."""

    head: Head
    accuracy: float
    commonest: float
    shares: Floats


def train(
    name: str,
    features: npt.NDArray[np.float32],
    labels: npt.NDArray[np.str_],
    groups: npt.NDArray[np.int64] | None = None,
) -> Trained:
    """The head of an attribute, of N pictures' features (N, 1280) and values (N,).

    `groups` (N,) are pictures that must not be parted when it is judged: of one product. It is
    calibrated by one temperature, on the probabilities of pictures left out.
    Raises UnposedError for fewer than two values, or fewer than ten pictures of one.
    """
    values, truth = np.unique(labels, return_inverse=True)
    counts = np.bincount(truth)
    if len(values) < 2:
        raise UnposedError(f"{name}: only one value ({', '.join(values)}); two are the least")
    if counts.min() < LEAST:
        scarce = values[int(counts.argmin())]
        raise UnposedError(
            f"{name}: {counts.min()} pictures of {scarce}; {LEAST} of each value are the least"
        )
    mean = features.mean(0)
    scale = np.maximum(features.std(0), 1e-2)
    inputs = ((features - mean) / scale).astype(np.float64)
    logits = np.zeros((len(truth), len(values)))
    if groups is None:
        parts = StratifiedKFold(_FOLDS, shuffle=True, random_state=0).split(inputs, truth)
    else:
        split = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
        parts = split.split(inputs, truth, groups)
    for kept, left in parts:
        weight, bias = _regression(inputs[kept], truth[kept], len(values))
        logits[left] = inputs[left] @ weight.T + bias
    temperature = _temperature(logits, truth)
    weight, bias = _regression(inputs, truth, len(values))
    head = Head(
        name,
        tuple(str(value) for value in values),
        *(
            part.astype(np.float32)
            for part in (mean, scale, weight / temperature, bias / temperature)
        ),
    )
    return Trained(
        head,
        float((logits.argmax(1) == truth).mean()),
        float(counts.max() / counts.sum()),
        np.asarray(special.softmax(logits / temperature, axis=1)),
    )


def _regression(inputs: Floats, truth: npt.NDArray[np.int64], count: int) -> tuple[Floats, Floats]:
    """Weights (count, F) and biases (count,); of two values, half of the one row for each."""
    model = LogisticRegression(C=STRENGTH, max_iter=500).fit(inputs, truth)
    weight, bias = np.zeros((count, inputs.shape[1])), np.full(count, -50.0)
    if len(model.classes_) == 2:
        weight[model.classes_] = model.coef_ * np.array([[-0.5], [0.5]])
        bias[model.classes_] = model.intercept_ * np.array([-0.5, 0.5])
    else:
        weight[model.classes_], bias[model.classes_] = model.coef_, model.intercept_
    return weight, bias


def _temperature(logits: Floats, truth: npt.NDArray[np.int64]) -> float:
    def cost(logarithm: float) -> float:
        logs = special.log_softmax(logits / np.exp(logarithm), axis=1)
        return -float(logs[np.arange(len(truth)), truth].mean())

    return float(np.exp(optimize.minimize_scalar(cost, bounds=(-2, 3), method="bounded").x))
