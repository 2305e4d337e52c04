"""The protocols on small tables whose answers are known."""

import numpy as np
import pytest

from unposed_jobs.lab.evaluation import metrics, protocols
from unposed_jobs.lab.evaluation.naming import UNKNOWN

VIEWS = np.array(["back", "front", "full", "side"])


@pytest.fixture
def table():
    """400 products of 1 to 6 pictures with labels drawn uniformly."""
    rng = np.random.default_rng(11)
    products = np.repeat([f"p{number}" for number in range(400)], rng.integers(1, 7, size=400))
    return products, rng.choice(VIEWS, size=len(products)), rng


def test_picture_labels_of_perfect_wrong_and_random(table):
    products, truth, _ = table
    perfect = protocols.picture_labels(truth, truth, products)
    assert perfect.figures["macro_f1"].value == pytest.approx(1.0)
    assert perfect.figures["kappa"].value == pytest.approx(1.0)
    assert (perfect.pictures, perfect.products) == (len(truth), 400)
    assert perfect.baselines[protocols.RANDOM]["kappa"].value == pytest.approx(0, abs=0.03)
    assert perfect.baselines[protocols.CONSTANT]["kappa"].value == pytest.approx(0)
    unknown = protocols.picture_labels(truth, np.full(len(truth), UNKNOWN), products)
    assert unknown.figures["macro_f1"].value == 0.0


def test_picture_labels_equals_scikit_learn_and_has_the_value_inside(table):
    products, truth, rng = table
    guess = np.where(rng.random(len(truth)) < 0.7, truth, rng.choice(VIEWS, size=len(truth)))
    found = protocols.picture_labels(truth, guess, products)
    assert found.figures["macro_f1"].value == pytest.approx(metrics.macro_f1(truth, guess))
    assert found.figures["kappa"].value == pytest.approx(metrics.cohen_kappa(truth, guess))
    figure = found.figures["macro_f1"]
    assert figure.low < figure.value < figure.high
    assert figure.high - figure.low < 0.1
    assert found.confusion.sum() == len(truth)
    assert found.labels == tuple(VIEWS)


def test_labels_outside_the_judged_ones_are_left_out():
    truth = ["front", "additional", "back"]
    found = protocols.picture_labels(truth, truth, ["a", "a", "b"], labels=["front", "back"])
    assert found.pictures == 2


def test_random_labeller_scores_one_on_the_papers_ratio(table):
    products, truth, _ = table
    blind = np.random.default_rng(99).choice(VIEWS, size=len(truth))
    found = protocols.paper_ratio(truth, blind, products)
    assert found.figures["ratio"].value == pytest.approx(1.0, abs=0.05)
    assert found.baselines[protocols.RANDOM]["ratio"].value == pytest.approx(1.0, abs=0.03)
    # The same labeller, asked which labels are missing, is far from perfect.
    assert found.figures["missing_f1"].value < 0.75
    assert protocols.paper_ratio(truth, truth, products).figures["missing_f1"].value == 1.0


def test_constant_labeller_overstates_the_papers_ratio(table):
    products, truth, _ = table
    ratio = protocols.paper_ratio(truth, truth, products).baselines[protocols.CONSTANT]["ratio"]
    assert ratio.value > 1.2


def test_present_poses_by_cohort():
    products = np.repeat(["a", "b", "c", "d"], 2)
    truth = ["front", "back", "front", "side", "front", "back", "front", "side"]
    guess = ["front", "back", "front", "side", "front", "front", "back", "back"]
    cohorts = {"a": "good", "b": "good", "c": "bad", "d": "bad"}
    found = protocols.present_poses(truth, guess, products, cohorts=cohorts)
    assert found["good"].figures["f1"].value == 1.0
    assert found["good"].figures["mcc"].value == 1.0
    # c shows front and not back although it does; d shows back instead of front and side:
    # tp 1, fp 1, fn 3, tn 1.
    assert found["bad"].figures["f1"].value == pytest.approx(2 / 6)
    assert found["bad"].figures["mcc"].value == pytest.approx(
        (1 * 1 - 1 * 3) / np.sqrt(2 * 4 * 2 * 4)
    )
    assert (found["bad"].products, found["bad"].pictures, found["all"].products) == (2, 4, 4)


def test_removed_view_of_a_perfect_and_a_blind_labeller(table):
    products, truth, _ = table
    perfect = protocols.removed_view(truth, truth, products).figures
    assert perfect["recall"].value == 1.0
    assert perfect["false_alarms"].value == 0.0
    # Once front is taken away, a labeller that calls everything front still sees one.
    blind = protocols.removed_view(truth, np.full(len(truth), "front"), products).figures
    assert blind["recall"].value == pytest.approx(blind["false_alarms"].value, abs=0.02)
    assert blind["products_alarmed"].value == 1.0


def test_removed_view_sees_another_picture_taken_for_the_removed_one():
    truth = ["front", "back", "side"]
    guess = ["front", "back", "back"]
    figures = protocols.removed_view(truth, guess, ["p", "p", "p"]).figures
    # front: flagged; back: not, the side picture passes for it; side: flagged, but it always was.
    assert figures["recall"].value == pytest.approx(2 / 3)
    assert figures["false_alarms"].value == pytest.approx(1 / 3)


def test_removed_view_asks_complete_products_only():
    products = ["a", "a", "b", "b", "c"]
    truth = ["front", "back", "front", "side", "front"]
    required = {item: frozenset({"front", "back"}) for item in "abc"}
    found = protocols.removed_view(truth, truth, products, required=required)
    assert (found.products, found.pictures) == (1, 2)
    assert found.notes == ("2 views taken away, one at a time",)


def test_ranking_quality_against_frequency_and_random():
    grades = np.array([[3, 1, 0, 0], [0, 0, 2, 1], [0, 0, 0, 0]])
    candidates = np.ones_like(grades, dtype=bool)
    frequency = np.tile([4, 3, 2, 1], (3, 1))
    found = protocols.ranking_quality(grades, candidates, grades, frequency)
    assert found.products == 2
    assert found.figures["precision@1"].value == 1.0
    assert found.figures["ndcg@3"].value == pytest.approx(1.0)
    assert found.baselines["cohort frequency"]["precision@1"].value == 0.5
    assert found.baselines["random order"]["precision@1"].value == 0.25
    assert found.baselines["random order"]["precision@3"].value == pytest.approx(0.5)


def test_ranking_quality_ranks_candidates_only():
    found = protocols.ranking_quality([[0, 5, 1]], [[True, False, True]], [[1, 9, 2]], [[2, 9, 1]])
    assert found.figures["precision@1"].value == 1.0
    assert found.baselines["cohort frequency"]["precision@1"].value == 0.0


def test_flip_rate_and_its_chance_level():
    rng = np.random.default_rng(4)
    first, second = rng.random((2, 300, 8)) < 0.3
    blind = protocols.flip_rate(first, second)
    chance = blind.baselines["independent flags"]["flip_rate"].value
    assert blind.figures["flip_rate"].value == pytest.approx(chance, abs=0.03)
    assert protocols.flip_rate(first, first).figures["flip_rate"].value == 0.0
    assert blind.products == 300


def test_repeats_are_averaged():
    truth, products = np.array(["a", "b", "a", "b"]), ["p", "p", "q", "q"]
    guess = np.stack([truth, truth[::-1]])
    found = protocols.picture_labels(truth, guess, products)
    assert found.figures["macro_f1"].value == pytest.approx(0.5)
    assert found.pictures == 4
