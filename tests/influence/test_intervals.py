"""Intervals by cluster, held to a statistics library and to their own coverage."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from small_shop import products

from unposed_jobs.config import InfluenceSettings
from unposed_jobs.influence import intervals, regression
from unposed_jobs.influence.estimates import ask_term


def test_single_products_have_the_errors_of_hc3():
    rng = np.random.default_rng(1)
    shows = rng.random((400, 1)) < 0.4
    outcome = np.exp(3 + 0.3 * shows[:, 0] + rng.normal(0, 0.4 + 0.5 * shows[:, 0]))
    usable = rng.integers(2, 9, 400)
    (one,) = regression.estimate(
        products(outcome, shows, usable=usable), "", [ask_term(0, "back")], InfluenceSettings()
    )
    x = np.column_stack([np.ones(400), shows, np.log1p(usable)])
    told = sm.OLS(np.log(outcome + 0.5), x).fit(cov_type="HC3")
    assert one.estimate == pytest.approx(told.params[1])
    assert one.standard_error == pytest.approx(told.bse[1] * np.sqrt(400 / 399))
    assert one.clusters == 400


def test_products_that_move_together_widen_the_interval():
    rng = np.random.default_rng(2)
    brand = np.repeat(np.arange(40), 20)
    adds = (rng.normal(size=40)[brand] + rng.normal(size=800) * 0.1) / 800
    alone = intervals.clustered(0.0, adds, np.arange(800), 0)
    together = intervals.clustered(0.0, adds, brand, 0)
    assert together.error[0] > 3 * alone.error[0]
    assert (alone.clusters, together.clusters) == (800, 40)


def test_few_clusters_are_given_wider_limits_than_many():
    rng = np.random.default_rng(3)
    wide = intervals.clustered(0.0, rng.normal(size=22), np.arange(22), 0)
    narrow = intervals.clustered(0.0, rng.normal(size=2000), np.arange(2000), 0)
    assert wide.high[0] / wide.error[0] > narrow.high[0] / narrow.error[0]
    assert narrow.high[0] / narrow.error[0] == pytest.approx(1.96, abs=0.1)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(4)
    held = 0
    for draw in range(400):
        cluster = rng.integers(30, size=200)
        values = rng.normal(size=30)[cluster] * 0.5 + rng.standard_t(5, size=200)
        found = intervals.clustered(
            values.mean(), (values - values.mean()) / len(values), cluster, draw
        )
        held += found.low[0] <= 0 <= found.high[0]
    assert 0.92 <= held / 400 <= 0.98


def test_the_same_seed_gives_the_same_limits_and_nothing_gives_none():
    adds = np.column_stack([np.linspace(-1, 1, 50), np.zeros(50)])
    first, second = (intervals.clustered([0.3, 0.0], adds, np.arange(50), 7) for _ in range(2))
    assert np.array_equal(first.low, second.low, equal_nan=True)
    assert np.isnan(first.low[1])
    assert np.isnan(first.p_value[1])


def test_clusters_are_named_unless_they_are_too_few():
    names = [f"b{row % 25}" for row in range(100)]
    assert len(set(intervals.groups(names).tolist())) == 25
    assert len(set(intervals.groups([None, *names[1:]]).tolist())) == 26
    assert len(set(intervals.groups(["b1", "b2"] * 50).tolist())) == 100
