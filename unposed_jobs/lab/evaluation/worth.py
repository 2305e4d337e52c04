"""What the named views of real listings go with: a regression, and the order that it would give."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from unposed_jobs.config import InfluenceSettings
from unposed_jobs.influence import design, regression
from unposed_jobs.influence.estimates import ALL_PRODUCTS, Estimate, Floats, ask_term

if TYPE_CHECKING:
    from unposed_jobs.lab.evaluation.listings import Listings

REVIEWS = InfluenceSettings(numbers=())
RATING = InfluenceSettings(outcome="average_rating", scale="linear", numbers=())


def scores(read: Listings, train: npt.NDArray[np.int64], plain: Floats) -> Floats:
    """(N, L): the views by what they go with among the listings `train`, those of which nothing can
    be told after all others; `plain` (N, L) in [0, 1] decides among those."""
    found = estimates(read, REVIEWS, train)
    worth = np.array([math.nan if one.estimate is None else one.estimate for one in found])
    lowest = np.nanmin(worth, initial=0.0) - 2.0
    return np.where(np.isnan(worth), lowest + plain, worth)


def estimates(
    read: Listings, settings: InfluenceSettings, chosen: npt.NDArray[np.int64] | None = None
) -> list[Estimate]:
    """The regression of the listings' reviews or rating, all or the chosen ones, on their views."""
    terms = [ask_term(place, view) for place, view in enumerate(read.views)]
    every = rows(read, settings)
    own = every if chosen is None else every.take(pa.array(chosen))
    return regression.estimate(own, ALL_PRODUCTS, terms, settings)


def rows(read: Listings, settings: InfluenceSettings) -> pa.Table:
    """The listings as `design.PRODUCTS`, without those that nobody rated; brand, category, gender
    and quarter of the price are held fixed."""
    outcome = read.reviews if settings.outcome == "rating_count" else read.rating
    labels = {**read.cohort, **read.further}
    shown = [np.flatnonzero(row).tolist() for row in read.shows]
    count = len(shown)
    columns = {
        "product_id": [str(row) for row in range(count)],
        "outcome": np.where(np.isfinite(read.rating), outcome, np.nan),
        "usable": [len(row) for row in shown],
        "present": shown,
        "unknown": [[]] * count,
        "shares": [[]] * count,
        "numbers": [[]] * count,
        "labels": [
            [(name, values[row]) for name, values in labels.items()] for row in range(count)
        ],
        "days": pa.nulls(count),
        "cluster": list(read.further["brand"]),
    }
    made = pa.table(
        [
            pa.array(columns[item.name], item.type, from_pandas=item.name == "outcome")
            for item in design.PRODUCTS
        ],
        schema=design.PRODUCTS,
    )
    return made
