"""Real listings as they are: what each named view goes with, among some hundred products.

No truth is known, nothing is claimed: the point is what the method dares to say on so few.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from unposed_jobs.config import InfluenceSettings
from unposed_jobs.influence import design, regression, wording
from unposed_jobs.influence.estimates import ALL_PRODUCTS, Estimate, ask_term
from unposed_jobs.lab.evaluation import listings
from unposed_jobs.lab.evaluation.listings import Listings

there = listings.there


def said(folder: str | Path) -> list[str]:
    """A sentence for each view and outcome, the reviews first."""
    read = listings.load(folder)
    counts = InfluenceSettings(numbers=())
    rating = InfluenceSettings(outcome="average_rating", scale="linear", numbers=())
    return [
        wording.sentence(one, settings.outcome, settings.scale == "log")
        for settings in (counts, rating)
        for one in estimates(read, settings)
    ]


def estimates(read: Listings, settings: InfluenceSettings) -> list[Estimate]:
    """The regression of the listings' reviews or rating on their views."""
    terms = [ask_term(place, view) for place, view in enumerate(read.views)]
    return regression.estimate(rows(read, settings), ALL_PRODUCTS, terms, settings)


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
