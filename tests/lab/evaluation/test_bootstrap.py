"""The bootstrap over products: coverage, clustering, and its edges."""

import numpy as np
import pytest

from unposed_jobs.lab.evaluation import bootstrap


def test_covers_the_true_mean_about_95_times_in_100():
    rng = np.random.default_rng(7)
    hits = 0
    for trial in range(200):
        found = bootstrap.mean(rng.normal(3.0, 1.0, size=60), samples=400, seed=trial)
        hits += found.low <= 3.0 <= found.high
    # 95 % nominal; 3.5 standard errors of 200 trials, and a percentile interval is a bit narrow.
    assert 0.89 <= hits / 200 <= 0.995


def test_draws_products_not_pictures():
    rng = np.random.default_rng(1)
    # 30 products of 20 pictures that are all right or all wrong together.
    right = np.repeat(rng.random(30) < 0.5, 20).reshape(30, 20)
    by_product = bootstrap.ratio(right.sum(1), np.full(30, 20), seed=1)
    as_if_independent = bootstrap.ratio(right.ravel(), np.ones(600), seed=1)
    width = by_product.high - by_product.low
    assert by_product.value == pytest.approx(as_if_independent.value)
    assert width > 3 * (as_if_independent.high - as_if_independent.low)


def test_is_deterministic_by_seed_and_by_chunk(monkeypatch):
    values = np.random.default_rng(0).random((40, 3))

    def run(seed):
        return bootstrap.interval(values, lambda sums: sums[:, 0] / sums[:, 1], seed=seed)

    whole = run(5)
    assert whole == run(5)
    assert whole != run(6)
    # The same draws; how a BLAS adds up a row may depend on how many rows there are.
    monkeypatch.setattr(bootstrap, "_CHUNK", 400)
    chunked = run(5)
    for name in ("value", "low", "high"):
        assert getattr(chunked, name) == pytest.approx(getattr(whole, name), rel=1e-12)


def test_value_lies_in_the_interval_and_repeats_are_averaged():
    top = np.array([[1, 3], [2, 2], [0, 2], [1, 1]])
    found = bootstrap.ratio(top, np.full((4, 1), 4))
    assert found.value == pytest.approx((4 / 16 + 8 / 16) / 2)
    assert found.low <= found.value <= found.high


def test_too_few_products_have_no_interval():
    one = bootstrap.mean([2.0])
    assert one.value == 2.0
    assert np.isnan(one.low)
    assert np.isnan(one.high)
    assert np.isnan(bootstrap.mean([]).value)
