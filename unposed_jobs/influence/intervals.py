"""Intervals by a bootstrap over clusters, from what each observation adds to an estimate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unposed_jobs.influence.estimates import Floats, Ints

LEVEL = 0.95
DRAWS = 1_999
FEW_CLUSTERS = 20
"""With fewer, products stand for themselves: so few clusters give no interval worth having."""
_CHUNK = 8_000_000
"""Random numbers held at once."""
# Webb's six points: with few clusters two points would repeat each other.
_WEIGHTS = np.array([-np.sqrt(1.5), -1.0, -np.sqrt(0.5), np.sqrt(0.5), 1.0, np.sqrt(1.5)])


@dataclass(frozen=True)
class Interval:
    """Standard errors, 95 % limits and two-sided p-values of T estimates, each (T,)."""

    error: Floats
    low: Floats
    high: Floats
    p_value: Floats
    clusters: int


def clustered(estimates: npt.ArrayLike, adds: npt.ArrayLike, clusters: Ints, seed: int) -> Interval:
    """Intervals of T estimates whose errors are the sums of `adds`, (N, T), over N observations.

    `clusters` (N,) numbers the group of each. A multiplier ("wild", score) bootstrap of the
    t-statistic (Kline and Santos, 2012) with Webb's weights: what each cluster adds is drawn with a
    random sign and size, so clusters may be unlike and of any size. An estimate that nothing adds
    to has limits of nan.
    """
    value = np.atleast_1d(np.asarray(estimates, dtype=np.float64))
    sums = _sums(np.asarray(adds, dtype=np.float64).reshape(len(clusters), -1), clusters)
    count = len(sums)
    error = np.sqrt((sums**2).sum(axis=0) * count / max(count - 1, 1))
    rng = np.random.default_rng(seed)
    drawn = []
    step = max(1, min(DRAWS, _CHUNK // max(count, 1)))
    for start in range(0, DRAWS, step):
        weights = _WEIGHTS[rng.integers(6, size=(min(step, DRAWS - start), count))]
        total = weights @ sums
        square = (weights**2) @ (sums**2)
        spread = np.sqrt(np.maximum(square - total**2 / count, 0) * count / max(count - 1, 1))
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn.append(np.abs(total / spread))
    t = np.concatenate(drawn)
    with np.errstate(invalid="ignore", divide="ignore"):
        own = np.abs(value / error)
        limit = np.quantile(t, LEVEL, axis=0) * error
        p_value = (1 + (t >= own).sum(axis=0)) / (DRAWS + 1)
    nothing = ~(error > 0)
    for values in (limit, p_value):
        values[nothing] = np.nan
    return Interval(error, value - limit, value + limit, p_value, count)


def groups(names: npt.ArrayLike) -> Ints:
    """(N,) numbers of clusters by name; a product without a name, or all of them where the
    clusters would be too few, is one by itself."""
    labels = np.asarray(names, dtype=object)
    alone = np.array([name is None for name in labels], dtype=bool)
    found, number = np.unique(labels[~alone].astype(str), return_inverse=True)
    if len(found) + alone.sum() < FEW_CLUSTERS:
        return np.arange(len(labels))
    clusters = np.empty(len(labels), dtype=np.int64)
    clusters[~alone] = number
    clusters[alone] = len(found) + np.arange(alone.sum())
    return clusters


def _sums(adds: Floats, clusters: Ints) -> Floats:
    _, number = np.unique(clusters, return_inverse=True)
    sums = np.zeros((number.max(initial=-1) + 1, adds.shape[1]))
    np.add.at(sums, number, adds)
    return sums
