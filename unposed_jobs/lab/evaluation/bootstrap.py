"""Percentile bootstrap over products.

Pictures of one product resemble each other, so the product, not the picture, is what is drawn
again: drawing pictures would give intervals that are too narrow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
_CHUNK = 8_000_000
"""Numbers held at once; bounds the memory whatever the number of products."""


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval; nan where it is not defined."""

    value: float
    low: float
    high: float


def interval(
    per_product: npt.ArrayLike,
    statistic: Callable[[Float], Float],
    *,
    samples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Bootstrap a statistic of sums over products.

    `per_product` is (G, ...): what each product adds. `statistic` maps sums (B, ...) to (B,).
    The value is the statistic of all products; the limits are the percentiles over `samples`
    draws of G products with replacement. With fewer than two products the limits are nan.
    """
    table = np.asarray(per_product, dtype=np.float64)
    n_products = table.shape[0]
    if n_products == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    value = float(statistic(table.sum(axis=0, keepdims=True))[0])
    if n_products == 1:
        return Interval(value, float("nan"), float("nan"))
    flat = table.reshape(n_products, -1)
    rng = np.random.default_rng(seed)
    step = max(1, min(samples, _CHUNK // max(n_products, flat.shape[1])))
    drawn = []
    for start in range(0, samples, step):
        size = min(step, samples - start)
        times = rng.multinomial(n_products, np.full(n_products, 1 / n_products), size=size)
        drawn.append(statistic((times @ flat).reshape(size, *table.shape[1:])))
    values = np.concatenate(drawn)
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def mean(per_product: npt.ArrayLike, **options: int) -> Interval:
    """Bootstrap the mean of one number for each product, (G,); nan products are left out."""
    values = np.asarray(per_product, dtype=np.float64)
    values = values[np.isfinite(values)]
    sums = np.column_stack([values, np.ones_like(values)])
    return interval(sums, lambda total: total[:, 0] / total[:, 1], **options)


def ratio(numerator: npt.ArrayLike, denominator: npt.ArrayLike, **options: int) -> Interval:
    """Bootstrap a ratio of two sums over products.

    Both (G,) or (G, R): R repeats of the same trial, whose ratios are averaged.
    """
    top, bottom = (np.asarray(part, dtype=np.float64) for part in (numerator, denominator))
    top, bottom = np.broadcast_arrays(top, bottom)
    sums = np.stack([top.reshape(len(top), -1), bottom.reshape(len(bottom), -1)], axis=1)

    def statistic(total: Float) -> Float:
        with np.errstate(invalid="ignore", divide="ignore"):
            return (total[:, 0] / total[:, 1]).mean(axis=-1)

    return interval(sums, statistic, **options)
