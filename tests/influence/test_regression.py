"""What goes with a picture, and what the products of one day cannot tell."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from small_shop import products

from unposed_jobs.config import InfluenceSettings
from unposed_jobs.influence import design, regression
from unposed_jobs.influence.estimates import Term, ask_term

SETTINGS = InfluenceSettings(numbers=("price",))
TERMS = [ask_term(0, "back"), ask_term(1, "side")]
COUNT = 600


def shop(seed=0, noise=0.1):
    """The back is worth 20 %, the side nothing; dear products of good brands have both more."""
    rng = np.random.default_rng(seed)
    brand = rng.integers(12, size=COUNT)
    price = rng.lognormal(3, 0.5, COUNT)
    liked = rng.normal(0, 1.0, 12)[brand] - np.log(price)
    shows = rng.random((COUNT, 2)) < 1 / (1 + np.exp(-liked - 3))[:, None]
    level = 8 + liked + np.log(1.2) * shows[:, 0] + rng.normal(0, noise, COUNT)
    labels = [[("brand", f"b{one}")] for one in brand]
    numbers = [[("price", one)] for one in price]
    return np.exp(level), shows, {"labels": labels, "numbers": numbers}


def test_what_is_held_fixed_takes_the_confounding_away():
    outcome, shows, held = shop()
    back, side = regression.estimate(products(outcome, shows, **held), "tops", TERMS, SETTINGS)
    assert back.low < np.log(1.2) < back.high
    assert back.high - back.low < 0.1
    assert (back.claim, side.claim) == ("association", "none")
    assert back.products == COUNT
    assert back.treated == shows[:, 0].sum()
    bare = products(outcome, shows)
    (confounded, _) = regression.estimate(bare, "tops", TERMS, SETTINGS)
    assert confounded.estimate > back.high + 0.2
    assert "price is not held fixed: no product has it" in confounded.warnings
    assert "age is not held fixed: no product has it" in confounded.warnings


def test_a_share_is_estimated_for_ten_points_more():
    rng = np.random.default_rng(3)
    share = rng.random(COUNT)
    outcome = 4 + 0.5 * share + rng.normal(0, 0.05, COUNT)
    rows = products(outcome, np.zeros((COUNT, 1)), shares=[[("people", one)] for one in share])
    settings = InfluenceSettings(scale="linear", outcome="average_rating")
    (one,) = regression.estimate(rows, "", [Term("people", "people")], settings)
    assert one.estimate == pytest.approx(0.05, abs=0.004)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda o, s: (o, s * (np.arange(COUNT) < 20)[:, None]), "products show it"),
        (lambda o, s: (o, s | (np.arange(COUNT) >= 10)[:, None]), "products lack it"),
        (lambda o, s: (o, np.column_stack([s[:, 0], s[:, 0]])), "shown together with"),
        (lambda o, s: (np.where(np.arange(COUNT) % 3, 0, o), s), "rating_count is 0 for more than"),
        (lambda o, s: (np.full(COUNT, np.nan), s), "no product has a value of rating_count"),
        (lambda o, s: (o[:150], s[:150]), "150 products are too few; it takes 200"),
    ],
)
def test_what_the_data_cannot_tell_is_refused(change, why):
    outcome, shows, _ = shop()
    outcome, shows = change(outcome, shows)
    rows = products(pa.array(outcome, from_pandas=True), shows)
    first, *_ = regression.estimate(rows, "", TERMS, SETTINGS)
    assert first.claim == "refused"
    assert first.estimate is None
    assert why in first.warnings[0]


def test_one_product_that_decides_is_warned_of():
    rng = np.random.default_rng(5)
    usable = np.full(COUNT, 4)
    shows = np.zeros((COUNT, 2), dtype=bool)
    shows[:40, 0] = True
    labels = [[("brand", "rare" if row < 39 else "rest")] for row in range(COUNT)]
    outcome = np.exp(5 + rng.normal(0, 0.3, COUNT))
    rows = products(outcome, shows, usable=usable, labels=labels)
    back, side = regression.estimate(rows, "", TERMS, SETTINGS)
    assert back.claim == "refused" or "it rests on very few products" in back.warnings
    assert "only 0 of 600 products show it" in side.warnings


def test_columns_that_others_make_are_left_out():
    x = np.arange(6.0)
    columns = np.column_stack([np.ones(6), x, 2 * x - 1, np.zeros(6), x**2])
    assert design.independent(columns) == [0, 1, 4]


def test_rare_labels_are_one():
    names = ["a"] * 50 + ["b"] * 50 + [f"rare {row}" for row in range(20)]
    rows = products(np.ones(120), np.zeros((120, 1)), labels=[[("brand", n)] for n in names])
    assert design.hold(rows, ()).columns.shape == (120, 2)
