"""Calibration of stated confidences, worked out by hand and against rivals that know nothing."""

import numpy as np
import pytest

from unposed_jobs.lab.evaluation import protocols


def test_a_calibrated_confidence_has_no_error_and_an_overstated_one_has_it_all():
    rng = np.random.default_rng(0)
    stated = rng.random(4_000)
    products = np.arange(4_000) // 4
    right = rng.random(4_000) < stated
    good = protocols.confidence(right, stated, products, least=0.5)
    assert good.figures["ece"].value < 0.04
    assert good.figures["accuracy_kept"].value == pytest.approx(0.75, abs=0.04)
    assert good.figures["coverage"].value == pytest.approx(0.5, abs=0.04)
    constant = good.baselines["constant confidence"]
    assert good.figures["brier"].value < constant["brier"].value - 0.05
    assert constant["accuracy_kept"].value == pytest.approx(0.5, abs=0.04)
    bold = protocols.confidence(right, np.ones(4_000), products, least=0.5)
    assert bold.figures["ece"].value == pytest.approx(0.5, abs=0.04)


def test_figures_by_hand():
    found = protocols.confidence(
        [True, True, False, False], [0.95, 0.65, 0.65, 0.05], ["a", "a", "b", "b"], least=0.3
    )
    figures = found.figures
    assert figures["accuracy"].value == 0.5
    assert figures["accuracy_kept"].value == pytest.approx(2 / 3)
    assert figures["coverage"].value == 0.75
    # Bins: 0.05 off for one, 0.15 off on average for two, 0.05 off for one.
    assert figures["ece"].value == pytest.approx((0.05 + 2 * 0.15 + 0.05) / 4)
    assert figures["brier"].value == pytest.approx((0.05**2 + 0.35**2 + 0.65**2 + 0.05**2) / 4)
    rows = found.details["Reliability"]
    assert [(row["confidence"], row["pictures"]) for row in rows] == [
        ("0.0 to 0.1", 1),
        ("0.6 to 0.7", 2),
        ("0.9 to 1.0", 1),
    ]
    surest = found.details["Accuracy of the surest pictures"]
    assert surest[0]["accuracy"].value == 0.5
    assert surest[-1]["accuracy"].value > surest[0]["accuracy"].value


def test_intervals_are_over_products():
    rng = np.random.default_rng(1)
    right = np.repeat(rng.random(30) < 0.5, 20)
    stated = np.full(600, 0.8)
    together = protocols.confidence(right, stated, np.repeat(np.arange(30), 20), least=0.5)
    apart = protocols.confidence(right, stated, np.arange(600), least=0.5)
    wide, narrow = (item.figures["accuracy_kept"] for item in (together, apart))
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    wide, narrow = (item.figures["brier"] for item in (together, apart))
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
