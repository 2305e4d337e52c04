"""The metrics that the evaluation reports.

scikit-learn computes whatever it has. The ``*_from_counts`` forms do the same from counts, over
any leading axes at once: a bootstrap recomputes a metric thousands of times, and every metric
here is a function of counts that add up over products. Tests hold the two forms together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import metrics as sklearn_metrics

Float = npt.NDArray[np.float64]


def macro_f1(
    truth: npt.ArrayLike, predicted: npt.ArrayLike, labels: Sequence[str] | None = None
) -> float:
    """Unweighted mean of each label's F1; `labels` default to those that occur in either."""
    return float(
        sklearn_metrics.f1_score(truth, predicted, labels=labels, average="macro", zero_division=0)
    )


def cohen_kappa(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Cohen's kappa: agreement beyond what the two labellers' frequencies give by chance."""
    return float(sklearn_metrics.cohen_kappa_score(truth, predicted))


def matthews(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Matthews' correlation coefficient; 0 where either side is constant."""
    return float(sklearn_metrics.matthews_corrcoef(truth, predicted))


def joint_counts(
    groups: npt.NDArray[np.integer],
    truth: npt.NDArray[np.integer],
    predicted: npt.ArrayLike,
    *,
    n_groups: int,
    n_labels: int,
) -> Float:
    """How often each group pairs a true label with a predicted one.

    `groups` (N,) in [0, n_groups), `truth` (N,) in [0, n_labels), `predicted` (N,) or (R, N) in
    [0, n_labels], where the last value stands for "no label". Returns
    (R, n_groups, n_labels, n_labels + 1): everything that the label metrics need.
    """
    guesses = np.atleast_2d(np.asarray(predicted))
    shape = (guesses.shape[0], n_groups, n_labels, n_labels + 1)
    index = np.ravel_multi_index(
        (
            np.arange(shape[0])[:, None],
            np.broadcast_to(groups, guesses.shape),
            np.broadcast_to(truth, guesses.shape),
            guesses,
        ),
        shape,
    )
    counts = np.bincount(index.ravel(), minlength=int(np.prod(shape)))
    return counts.reshape(shape).astype(np.float64)


def macro_f1_from_counts(confusion: Float) -> Float:
    """Macro-F1 of confusion matrices (..., L, L + 1): rows truth, last column "no label".

    A label that occurs on neither side has no F1 and is left out of the mean.
    """
    n_labels = confusion.shape[-2]
    hits = np.diagonal(confusion[..., :n_labels], axis1=-2, axis2=-1)
    both = confusion.sum(axis=-1) + confusion[..., :n_labels].sum(axis=-2)
    return _mean_where(_divide(2 * hits, both), both > 0)


def cohen_kappa_from_counts(confusion: Float) -> Float:
    """Cohen's kappa of confusion matrices (..., L, L + 1), "no label" being a label of its own."""
    n_labels = confusion.shape[-2]
    total = confusion.sum(axis=(-2, -1))
    hits = np.trace(confusion[..., :n_labels], axis1=-2, axis2=-1)
    # "No label" is never true, so it adds nothing to the agreement by chance.
    chance = (confusion.sum(axis=-1) * confusion[..., :n_labels].sum(axis=-2)).sum(axis=-1)
    observed, expected = _divide(hits, total), _divide(chance, total**2)
    return _divide(observed - expected, 1 - expected)


def f1_from_counts(binary: Float) -> Float:
    """F1 of (..., 4) counts: true positive, false positive, false negative, true negative."""
    tp, fp, fn, _ = np.moveaxis(binary, -1, 0)
    return _divide(2 * tp, 2 * tp + fp + fn)


def matthews_from_counts(binary: Float) -> Float:
    """Matthews' coefficient of (..., 4) counts, in the order of `f1_from_counts`."""
    tp, fp, fn, tn = np.moveaxis(binary, -1, 0)
    spread = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return np.where(spread > 0, _divide(tp * tn - fp * fn, spread), 0.0)


def binary_counts(truth: npt.NDArray[np.bool_], predicted: npt.NDArray[np.bool_]) -> Float:
    """(..., 4) counts of `f1_from_counts` over the last axis of two boolean arrays."""
    return np.stack(
        [
            (truth & predicted).sum(axis=-1),
            (~truth & predicted).sum(axis=-1),
            (truth & ~predicted).sum(axis=-1),
            (~truth & ~predicted).sum(axis=-1),
        ],
        axis=-1,
    ).astype(np.float64)


def precision_at_k(relevance: npt.ArrayLike, scores: npt.ArrayLike, k: int) -> float:
    """Share of the first k that are relevant (> 0), of the n where there are fewer than k.

    Tied scores count by their expectation under a random order, so that constant scores give
    exactly what a random ranker reaches on average.
    """
    relevant = np.asarray(relevance, dtype=np.float64) > 0
    score = np.asarray(scores, dtype=np.float64)
    k = min(k, len(score))
    if k == 0:
        return float("nan")
    threshold = np.sort(score)[::-1][k - 1]
    above, tied = score > threshold, score == threshold
    from_ties = (k - above.sum()) * relevant[tied].mean()
    return float((relevant[above].sum() + from_ties) / k)


def ndcg_at_k(grades: npt.ArrayLike, scores: npt.ArrayLike, k: int) -> float:
    """NDCG at k with graded relevance (linear gain); ties averaged, as scikit-learn does."""
    grade = np.asarray(grades, dtype=np.float64)
    if len(grade) == 0 or not (grade > 0).any():
        return float("nan")
    if len(grade) == 1:
        return 1.0
    return float(sklearn_metrics.ndcg_score(grade[None], np.asarray(scores)[None], k=k))


def paper_ratio(detected_missing: npt.ArrayLike, truly_missing: npt.ArrayLike) -> float:
    """Labels detected missing ÷ labels truly missing (paper section 5's "accuracy").

    Both (products, labels), boolean. It compares two numbers and never asks whether they are
    the same labels, so a random labeller reaches about 1: report it beside one.
    """
    truly = float(np.asarray(truly_missing).sum())
    return float(np.asarray(detected_missing).sum()) / truly if truly else float("nan")


def _divide(numerator: Any, denominator: Any) -> Float:
    """Division that gives nan, without a warning, where the denominator is 0."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    out = np.full(numerator.shape, np.nan)
    return np.divide(numerator, denominator, out=out, where=denominator != 0)


def _mean_where(values: Float, where: npt.NDArray[np.bool_]) -> Float:
    return _divide(np.where(where, values, 0.0).sum(axis=-1), where.sum(axis=-1))
