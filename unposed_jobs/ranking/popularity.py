"""How popular a product is (paper sections 3.1 and 4.1).

The paper sorts by "number of customer average review ratings and number of reviews" and ranks
poses by a "weighted mean" of the same. An average of two reviews is uncertain, so the rating is
shrunk towards the catalogue's mean, the more the fewer reviews there are, and the number of
reviews itself counts by its logarithm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from unposed_jobs.config import TrainingSettings
from unposed_jobs.errors import UnposedError

Floats = npt.NDArray[np.float64]

WEIGHTED_RATING = "weighted_rating"
RATING_WEIGHT = 0.7
"""Of the shrunk rating; the rest is that of the number of reviews."""
BEST_RATING = 5.0


def score(products: pa.Table, settings: TrainingSettings, prior: Prior | None = None) -> Floats:
    """One number for each product, larger is more popular; (N,) float64 without NaN.

    `weighted_rating` needs the columns average_rating and rating_count and lies in [0, 1]. Any
    other setting names a column of the table, or a key of its map column `signals`, taken as it
    is. A product without the figure gets what is known of the others' mean, but never more
    than they: 0 reviews for the first, the smallest value for a column. `prior` is the whole
    catalogue's where `products` is a part of it.

    Raises UnposedError for a column that is not there or is not a number.
    """
    if settings.popularity == WEIGHTED_RATING:
        return weighted_rating(
            _numbers(products, "average_rating"), _numbers(products, "rating_count"), prior
        )
    values = _numbers(products, settings.popularity)
    known = np.isfinite(values)
    least = values[known].min() if known.any() else 0.0
    return np.where(known, values, least)


@dataclass(frozen=True)
class Prior:
    """The ratings of the whole catalogue, towards which each product's is shrunk."""

    mean: float
    """Mean rating, weighted by reviews."""
    reviews: float
    """Median number of reviews, at least 1: how many a product needs to speak for itself."""
    most_reviews: float
    best: float
    """The best rating there can be, at least 5."""

    @classmethod
    def of(cls, rating: Floats, count: Floats) -> Prior | None:
        """The prior of N products; None where none is rated."""
        rated = _rated(rating, count)
        if not rated.any():
            return None
        return cls(
            mean=float(np.average(rating[rated], weights=count[rated])),
            reviews=max(1.0, float(np.median(count[rated]))),
            most_reviews=float(count[rated].max()),
            best=max(BEST_RATING, float(rating[rated].max())),
        )


def weighted_rating(rating: Floats, count: Floats, prior: Prior | None = None) -> Floats:
    """0.7 x shrunk rating + 0.3 x log share of the number of reviews; (N,), in [0, 1].

    The shrunk (Bayesian) rating is (count x rating + m x mean) / (count + m), with m the median
    number of reviews and mean the mean rating weighted by them: a product with few reviews is
    taken for an average one. `prior` is that of the whole catalogue where these N products are
    only a part of it; by default it is their own.
    """
    rating = np.asarray(rating, dtype=np.float64)
    count = np.asarray(count, dtype=np.float64)
    prior = prior or Prior.of(rating, count)
    if prior is None:
        return np.zeros(len(rating))
    rated = _rated(rating, count)
    reviews = np.where(rated, np.nan_to_num(count), 0.0)
    known = reviews * np.where(rated, rating, 0)
    shrunk = (known + prior.reviews * prior.mean) / (reviews + prior.reviews)
    volume = np.log1p(reviews) / max(float(np.log1p(prior.most_reviews)), 1e-9)
    return np.clip(RATING_WEIGHT * shrunk / prior.best + (1 - RATING_WEIGHT) * volume, 0, 1)


def _rated(rating: Floats, count: Floats) -> npt.NDArray[np.bool_]:
    return np.isfinite(rating) & np.isfinite(count) & (count > 0)


def _numbers(products: pa.Table, name: str) -> Floats:
    if name in products.column_names:
        column = products[name]
    elif "signals" in products.column_names:
        rows = products["signals"].to_pylist()
        column = pa.chunked_array([[dict(row or ()).get(name) for row in rows]])
        if column.null_count == len(column):
            column = None
    else:
        column = None
    if column is None:
        raise UnposedError(
            f"the catalogue has no popularity column {name}; name one of its numeric columns in "
            f"[training] popularity and [catalogue] popularity_signals, or use {WEIGHTED_RATING}"
        )
    try:
        values = column.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        raise UnposedError(
            f"the column {name} is not a number and cannot be [training] popularity"
        ) from None
    values = np.array(values, dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    return values
