"""One trial: a simulated shop, what each method says of its pictures, and what is true."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from unposed_jobs.config import InfluenceSettings
from unposed_jobs.influence import design, differences, regression
from unposed_jobs.influence.estimates import ALL_PRODUCTS, Estimate
from unposed_jobs.lab.evaluation.influence import simulate
from unposed_jobs.lab.evaluation.influence.simulate import Shop

SETTINGS = InfluenceSettings(outcome="sales", listed_since="listed")
REGRESSION, DIFFERENCES = "regression", "differences in differences"
RIDGE, MIXED, TWO_WAY = "ridge", "mixed effects", "two-way fixed effects"
_Z = 1.959964


@dataclass(frozen=True)
class Outcome:
    """What one method said of one picture, beside the truth; logarithms of ratios."""

    method: str
    seed: int
    truth: float
    estimate: float
    """nan where it was refused."""
    low: float
    high: float
    found: bool
    """Whether it is said to be more than nothing."""
    effect: bool
    """Whether it is called an effect."""


def cross_section(shop: Shop, seed: int, rivals: bool = False) -> list[Outcome]:
    """The regression, and with `rivals` the ways not taken, on one day."""
    rows = simulate.cross_section(shop, seed)
    found = outcomes(REGRESSION, shop, seed, regression.estimate(rows, "", shop.terms, SETTINGS))
    if rivals:
        found += ridge(shop, rows, seed) + mixed(shop, rows, seed)
    return found


def history(shop: Shop, seed: int, rivals: bool = False) -> list[Outcome]:
    """The differences in differences on five months, and the regression on its last day."""
    rows, last = simulate.history(shop, seed)
    estimates = differences.estimate(rows, ALL_PRODUCTS, shop.terms, SETTINGS)
    found = outcomes(DIFFERENCES, shop, seed, estimates[1:])
    found += outcomes(REGRESSION, shop, seed, regression.estimate(last, "", shop.terms, SETTINGS))
    return found + two_way(shop, rows, seed) if rivals else found


def outcomes(method: str, shop: Shop, seed: int, estimates: Sequence[Estimate]) -> list[Outcome]:
    """The estimates of a shop's asks, in their order, beside the truth."""
    nan = math.nan
    return [
        Outcome(
            method,
            seed,
            math.log1p(shop.effects[place]),
            nan if one.estimate is None else one.estimate,
            nan if one.low is None else one.low,
            nan if one.high is None else one.high,
            one.claim in ("association", "change", "effect"),
            one.claim == "effect",
        )
        for place, one in enumerate(estimates)
    ]


def ridge(shop: Shop, rows: pa.Table, seed: int) -> list[Outcome]:
    """The same design with a ridge of a tenth of the columns' size, and its textbook interval."""
    made = design.build(rows, shop.terms, log=True, numbers=SETTINGS.numbers)
    columns = np.column_stack([made.shows, made.held])
    count = len(shop.effects)
    gram = columns.T @ columns
    penalty = 0.1 * len(columns) * np.diag([*np.full(count, 0.25), *np.zeros(made.held.shape[1])])
    inverse = np.linalg.inv(gram + penalty)
    fitted = inverse @ (columns.T @ made.outcome)
    residual = made.outcome - columns @ fitted
    variance = inverse @ gram @ inverse * residual.var()
    error = np.sqrt(np.diagonal(variance))
    return _by_error(RIDGE, shop, seed, fitted[:count], error[:count])


def mixed(shop: Shop, rows: pa.Table, seed: int) -> list[Outcome]:
    """Random intercepts of the brands (statsmodels' MixedLM) instead of a column for each."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    brands = [dict(row)["brand"] for row in rows["labels"].to_pylist()]
    bare = [[("subcategory", dict(row)["subcategory"])] for row in rows["labels"].to_pylist()]
    place = rows.column_names.index("labels")
    less = rows.set_column(place, "labels", pa.array(bare, design.PRODUCTS.field("labels").type))
    made = design.build(less, shop.terms, log=True, numbers=SETTINGS.numbers)
    columns = np.column_stack([made.shows, made.held])
    fitted = MixedLM(made.outcome, columns, groups=np.array(brands)).fit()
    count = len(shop.effects)
    return _by_error(MIXED, shop, seed, fitted.fe_params[:count], fitted.bse_fe[:count])


def two_way(shop: Shop, rows: pa.Table, seed: int) -> list[Outcome]:
    """One regression on products' and weeks' own levels: what staggered pictures make wrong."""
    made = differences.read(rows, SETTINGS)
    flows = np.log1p(made.flows[:, 1:])
    shown = [
        ~made.missing.get(ask, np.zeros_like(made.flows, dtype=bool))[:, 1:]
        for ask in range(len(shop.effects))
    ]
    within = [_within(table.astype(float)) for table in (flows, *shown)]
    outcome, columns = within[0].ravel(), np.column_stack([one.ravel() for one in within[1:]])
    inverse = np.linalg.pinv(columns.T @ columns)
    fitted = inverse @ (columns.T @ outcome)
    residual = (outcome - columns @ fitted).reshape(within[0].shape)
    stacked = np.stack(within[1:], axis=-1)
    adds = np.einsum("npk,np->nk", stacked, residual) @ inverse  # Clustered by product.
    return _by_error(TWO_WAY, shop, seed, fitted, np.sqrt((adds**2).sum(axis=0)))


def without_effects(shop: Shop) -> Shop:
    """The shop where no picture is worth anything."""
    return replace(shop, effects=(0.0,) * len(shop.effects))


def _within(table: np.ndarray) -> np.ndarray:
    return table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()


def _by_error(
    method: str, shop: Shop, seed: int, values: np.ndarray, errors: np.ndarray
) -> list[Outcome]:
    return [
        Outcome(
            method,
            seed,
            math.log1p(shop.effects[place]),
            float(value),
            float(value - _Z * error),
            float(value + _Z * error),
            bool(abs(value) > _Z * error),
            effect=False,
        )
        for place, (value, error) in enumerate(zip(values, errors, strict=True))
    ]
