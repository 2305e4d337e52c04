"""Differences in differences on histories whose truth is known by arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from small_shop import history

from unposed_jobs.config import InfluenceSettings
from unposed_jobs.influence import differences
from unposed_jobs.influence.estimates import ANY_GAP, ask_term

PERIODS, WINDOW = 12, 2
SETTINGS = InfluenceSettings(counts="day", periods=WINDOW, numbers=())
TERMS = [ask_term(1, "back"), ask_term(2, "side")]
EVERY = range(PERIODS)


def shop(closes, worth=0.0, drift=0.0, noise=0.02, count=160):
    """Half the products are four times as liked, grow by `drift`, and have their back closed in one
    of the periods `closes`, from when on they sell `worth` more; a sale in period 7 is for all."""
    rng = np.random.default_rng(1)
    flows = rng.lognormal(7, 0.5, count)[:, None] * rng.lognormal(0, noise, (count, PERIODS))
    flows[:, 7] *= 3
    gaps = []
    for row in range(count):
        if row % 2:
            gaps.append([(1, EVERY, ())])
            continue
        close = closes[row // 2 % len(closes)]
        flows[row] *= 4 * np.exp(drift * np.arange(PERIODS))
        flows[row, close + 1 :] *= 1 + worth
        gaps.append([(1, range(close), [close])])
    return flows, gaps


def estimated(flows, gaps, settings=SETTINGS, **changes):
    return differences.estimate(history(flows, gaps, **changes), "tops", TERMS, settings)


def test_what_is_constant_in_a_product_or_common_to_a_period_falls_out():
    anything, back, side = estimated(*shop([4, 5, 6, 8], worth=0.09))
    assert back.estimate == pytest.approx(np.log(1.09), abs=0.006)
    assert back.low < np.log(1.09) < back.high
    assert (back.claim, back.treated, back.products) == ("effect", 80, 160)
    assert anything.term == ANY_GAP
    assert anything.estimate == back.estimate
    assert side.claim == "refused"
    assert "closed it for only 0 products" in side.warnings[0]
    shown = [round(value, 2) for value in back.by_period]
    assert shown[:3] == pytest.approx([0, 0, 0], abs=0.02)
    assert shown[3:] == pytest.approx([0.09, 0.09], abs=0.02)


def test_pictures_that_do_nothing_are_worth_nothing():
    _, back, _ = estimated(*shop([4, 5, 6, 8]))
    assert back.claim == "none"
    assert back.low < 0 < back.high


def test_products_that_drew_apart_before_earn_no_effect():
    _, back, _ = estimated(*shop([4, 5, 6, 8], drift=0.05))
    assert back.p_adjusted < 0.05
    assert back.claim == "change"
    assert "the products were drawing apart before the picture came" in back.warnings


def test_a_history_too_short_for_a_placebo_earns_no_effect():
    _, back, _ = estimated(*shop([2, 3], worth=0.2))
    assert back.placebo is None
    assert back.claim == "change"
    assert any("too short to try a date before" in warning for warning in back.warnings)


def test_a_history_too_short_is_refused_with_what_it_takes():
    short = InfluenceSettings(counts="day", periods=6, numbers=())
    _, back, _ = estimated(*shop([4]), settings=short)
    assert back.warnings == ("the history has 12 periods; it takes 13",)


def test_effects_that_grow_do_not_make_earlier_products_controls():
    flows, gaps = shop([4, 5, 6, 7], noise=0.001)
    flows[:, 7] /= 3
    for row in range(0, len(gaps), 2):
        close = gaps[row][0][2][0]
        flows[row, close + 1 :] *= 1 + 0.1 * np.arange(1, PERIODS - close)
    _, back, _ = estimated(flows, gaps)
    assert back.estimate == pytest.approx(np.log(1.15), abs=0.01)


def test_a_gap_that_opens_again_or_another_closed_with_it_is_not_the_asks():
    flows, gaps = shop([4], worth=0.2)
    again = [[(1, [*range(4), 5], [4])] if row % 4 == 0 else gap for row, gap in enumerate(gaps)]
    anything, back, _ = estimated(flows, again)
    assert (anything.treated, back.treated) == (40, 40)
    both = [[*gap, (2, range(4), [4])] if row % 4 == 0 else gap for row, gap in enumerate(gaps)]
    anything, back, side = estimated(flows, both)
    assert (anything.treated, back.treated, side.treated) == (80, 40, 0)


def test_a_product_with_another_new_picture_is_no_control():
    flows, gaps = shop([4], worth=0.2)
    busy = [[*gap, (2, range(5), [5])] if row % 4 == 1 else gap for row, gap in enumerate(gaps)]
    _, back, _ = estimated(flows, busy)
    assert (back.treated, back.products) == (80, 120)


def test_a_total_counts_what_it_rose_by_and_a_fall_is_unknown():
    flows, gaps = shop([5, 6], worth=0.09)
    totals = 1e6 + np.cumsum(flows, axis=1)
    totals[1, 6:] -= 5e5
    settings = InfluenceSettings(counts="total", periods=WINDOW, numbers=())
    _, back, _ = estimated(totals, gaps, settings)
    assert back.estimate == pytest.approx(np.log(1.09), abs=0.006)
    made = differences.read(history(totals, gaps), settings)
    assert np.flatnonzero(np.isnan(made.flows[1])).tolist() == [0, 6]
    assert made.flows[0, 3] == pytest.approx(flows[0, 3])


def test_controls_are_weighted_to_the_treated_products_price():
    rng = np.random.default_rng(2)
    flows, gaps = shop([4, 5, 6], worth=0.09, count=400)
    price = rng.lognormal(3, 0.5, 400) * np.where(np.arange(400) % 2, 1.0, 1.5)
    flows *= np.exp(0.03 * np.log(price)[:, None] * np.arange(PERIODS))  # Dear ones grow.
    settings = InfluenceSettings(counts="day", periods=WINDOW, numbers=("price",))
    _, off, _ = estimated(flows, gaps)
    numbers = [[("price", one)] for one in price]
    _, back, _ = estimated(flows, gaps, settings, numbers=numbers)
    assert off.estimate > np.log(1.09) + 0.03
    assert back.estimate == pytest.approx(np.log(1.09), abs=0.006)
    assert back.claim == "effect"
