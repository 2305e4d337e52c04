"""Simulated shops in which it is known what each picture is worth.

A product's sales come from its brand, price and age, from how liked it is (`liking`, which no
column tells), from the weeks, from chance, and from the pictures that it shows. Brands and prices
also decide which pictures a product has; with `confounding` how liked it is does, too: shops
photograph better what sells. With `drift` liked products also grow, so that no product whose gap
stayed open tells what would have become of one whose gap was closed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from unposed_jobs.influence import design, differences
from unposed_jobs.influence.estimates import Bool, Floats, Ints, Term, ask_term

BRANDS, SUBCATEGORIES = 40, 4
NOISE = 0.8
WEEKLY_NOISE = 0.4
WEEKS = 22


@dataclass(frozen=True)
class Shop:
    """What is simulated."""

    products: int
    effects: tuple[float, ...] = (0.0, 0.05, 0.09, 0.12, 0.0)
    """Of each ask, as a share of sales."""
    confounding: float = 0.0
    """How much more likely a liked product has a picture, in log odds for a standard deviation."""
    drift: float = 0.0
    """Weekly growth of a product that is one standard deviation more liked."""
    hazard: float = 0.012
    """Share of open gaps that are closed in a week."""
    delay: int = 0
    """Weeks until a picture's effect is whole; it grows evenly."""

    @property
    def terms(self) -> tuple[Term, ...]:
        """One for each ask."""
        return tuple(ask_term(ask, f"view {ask}") for ask in range(len(self.effects)))


@dataclass(frozen=True)
class _Traits:
    brand: Ints
    subcategory: Ints
    price: Floats
    days: Floats
    liking: Floats
    base: Floats
    """(N,) logarithm of weekly sales without any picture's effect."""
    odds: Floats
    """(N,) log odds of having a picture, about 0."""


def _traits(shop: Shop, rng: np.random.Generator) -> _Traits:
    count = shop.products
    brand = rng.choice(BRANDS, size=count, p=rng.dirichlet(np.full(BRANDS, 2.0)))
    subcategory = rng.integers(SUBCATEGORIES, size=count)
    brands, kinds = rng.normal(0, 0.5, BRANDS), rng.normal(0, 0.3, SUBCATEGORIES)
    price = rng.lognormal(3.5, 0.6, size=count)
    days = rng.uniform(30, 900, size=count)
    liking = rng.normal(size=count)
    base = 2.5 + brands[brand] + kinds[subcategory] - 0.4 * (np.log(price) - 3.5) + 0.5 * liking
    odds = 0.8 * brands[brand] + 0.3 * (np.log(price) - 3.5) + shop.confounding * liking
    return _Traits(brand, subcategory, price, days, liking, base, odds)


def cross_section(shop: Shop, seed: int) -> pa.Table:
    """Rows of `design.PRODUCTS`: one day, counted since each product was listed."""
    rng = np.random.default_rng(seed)
    traits = _traits(shop, rng)
    shape = (shop.products, len(shop.effects))
    shows = rng.random(shape) < _chance(traits.odds[:, None] + rng.normal(0, 0.3, shape))
    level = traits.base + np.log(traits.days / 7) + shows @ np.log1p(shop.effects)
    outcome = np.floor(np.exp(level + rng.normal(0, NOISE, shop.products)))
    return _products(traits, shows, outcome, rng)


def history(shop: Shop, seed: int) -> tuple[pa.Table, pa.Table]:
    """Rows of `differences.HISTORY` over `WEEKS` weeks, counted since each product was listed, and
    of `design.PRODUCTS` on the last day."""
    rng = np.random.default_rng(seed)
    traits = _traits(shop, rng)
    asks, count = len(shop.effects), shop.products
    open_from = rng.random((count, asks)) >= _chance(traits.odds[:, None])
    hazard = shop.hazard * np.exp(shop.confounding * traits.liking)
    closed_in = rng.geometric(np.minimum(hazard, 0.9)[:, None], size=(count, asks))
    closed_in = np.where(open_from, closed_in, -1)  # Week of closing; -1: shown from the start.
    weeks = np.arange(WEEKS)
    since = weeks[None, None, :] - closed_in[:, :, None] + 0.5  # A picture comes in mid-week.
    share = np.clip(since / (shop.delay + 1), 0, 1)
    share[~open_from] = 1.0
    effect = np.einsum("nat,a->nt", share, np.log1p(shop.effects))
    level = traits.base[:, None] + effect + rng.normal(0, 0.15, WEEKS)
    level += shop.drift * traits.liking[:, None] * (weeks - WEEKS / 2)
    noise = rng.normal(0, WEEKLY_NOISE, level.shape) + rng.normal(0, 0.3, count)[:, None]
    sales = rng.poisson(np.exp(np.minimum(level + noise, 15)))
    listed = np.floor(np.exp(traits.base + rng.normal(0, 0.3, count)) * traits.days / 7)
    values = listed[:, None] + np.cumsum(sales, axis=1)
    missing = open_from[:, :, None] & (weeks[None, None, :] < closed_in[:, :, None])
    closes = closed_in[:, :, None] == weeks[None, None, :]
    shows = ~missing[:, :, -1]
    last = _products(traits, shows, values[:, -1].astype(float), rng)
    return _history(last, values, missing, closes), last


def _history(last: pa.Table, values: Ints, missing: Bool, closes: Bool) -> pa.Table:
    gaps = [
        [
            {
                "ask_id": ask,
                "missing": np.flatnonzero(missing[row, ask]).tolist(),
                "closed": np.flatnonzero(closes[row, ask]).tolist(),
            }
            for ask in range(missing.shape[1])
            if missing[row, ask].any()
        ]
        for row in range(len(missing))
    ]
    columns = {name: last[name] for name in differences.HISTORY.names if name in last.column_names}
    columns["values"] = pa.array(values.astype(float).tolist(), pa.list_(pa.float64()))
    columns["gaps"] = pa.array(gaps, differences.HISTORY.field("gaps").type)
    return pa.table(
        [columns[name] for name in differences.HISTORY.names], schema=differences.HISTORY
    )


def _products(traits: _Traits, shows: Bool, outcome: Floats, rng: np.random.Generator) -> pa.Table:
    count = len(outcome)
    usable = 2 + shows.sum(axis=1) + rng.poisson(1.0, count)
    columns = {
        "product_id": [f"p{row}" for row in range(count)],
        "outcome": outcome,
        "usable": usable,
        "present": [np.flatnonzero(row).tolist() for row in shows],
        "unknown": [[]] * count,
        "shares": [[]] * count,
        "numbers": [[("price", price)] for price in traits.price.tolist()],
        "labels": [
            [("brand", f"b{brand}"), ("subcategory", f"s{kind}")]
            for brand, kind in zip(traits.brand.tolist(), traits.subcategory.tolist(), strict=True)
        ],
        "days": traits.days,
        "cluster": [f"b{brand}" for brand in traits.brand.tolist()],
    }
    return pa.table(
        [pa.array(columns[item.name], item.type) for item in design.PRODUCTS],
        schema=design.PRODUCTS,
    )


def _chance(odds: Floats) -> Floats:
    return 1 / (1 + np.exp(-odds))
