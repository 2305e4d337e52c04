"""Metrics against values worked out by hand, and the fast forms against scikit-learn's."""

import numpy as np
import pytest

from unposed_jobs.lab.evaluation import metrics

TRUTH = np.array(["front", "front", "back", "back", "side"])
GUESS = np.array(["front", "back", "back", "back", "front"])


def test_macro_f1_by_hand():
    # front: 1 hit, 2 true, 2 guessed -> 0.5; back: 2 hits, 2 true, 3 guessed -> 0.8; side: 0.
    assert metrics.macro_f1(TRUTH, GUESS) == pytest.approx((0.5 + 0.8 + 0.0) / 3)


def test_cohen_kappa_by_hand():
    # agreement 3/5; by chance (2*2 + 2*3 + 1*0) / 25 = 0.4
    assert metrics.cohen_kappa(TRUTH, GUESS) == pytest.approx((0.6 - 0.4) / 0.6)


def test_matthews_by_hand():
    truth = np.array([True, True, True, False, False, False])
    guess = np.array([True, True, False, False, False, True])
    assert metrics.matthews(truth, guess) == pytest.approx((4 - 1) / 9)


def test_precision_at_k():
    relevance, scores = [0, 2, 0, 1], [0.9, 0.8, 0.2, 0.1]
    assert metrics.precision_at_k(relevance, scores, 1) == 0.0
    assert metrics.precision_at_k(relevance, scores, 3) == pytest.approx(1 / 3)
    assert metrics.precision_at_k(relevance, scores, 9) == pytest.approx(2 / 4)


def test_precision_of_tied_scores_is_the_expectation():
    assert metrics.precision_at_k([1, 0, 0, 0], [5, 5, 5, 5], 1) == pytest.approx(0.25)
    # The first is certain, the second is one of three tied ones, of which one is relevant.
    assert metrics.precision_at_k([1, 1, 0, 0], [9, 5, 5, 5], 2) == pytest.approx((1 + 1 / 3) / 2)


def test_ndcg_is_graded():
    # order 1, 3 against the ideal 3, 1, with discounts 1 and 1 / log2(3)
    discount = 1 / np.log2(3)
    expected = (1 + 3 * discount) / (3 + 1 * discount)
    assert metrics.ndcg_at_k([1, 3, 0], [3, 2, 1], 2) == pytest.approx(expected)
    assert metrics.ndcg_at_k([3, 1, 0], [3, 2, 1], 3) == pytest.approx(1.0)
    assert np.isnan(metrics.ndcg_at_k([0, 0], [1, 2], 3))


def test_paper_ratio_does_not_ask_which():
    truly = np.array([[True, False], [True, False]])
    assert metrics.paper_ratio(~truly, truly) == 1.0
    assert metrics.paper_ratio([[True, True], [True, True]], truly) == 2.0


@pytest.mark.parametrize("seed", range(5))
def test_counts_give_what_scikit_learn_gives(seed):
    rng = np.random.default_rng(seed)
    truth, guess = rng.integers(4, size=60), rng.integers(4, size=60)
    counts = metrics.joint_counts(rng.integers(7, size=60), truth, guess, n_groups=7, n_labels=4)
    assert counts.shape == (1, 7, 4, 5)
    confusion = counts.sum(axis=(0, 1))
    assert metrics.macro_f1_from_counts(confusion) == pytest.approx(metrics.macro_f1(truth, guess))
    assert metrics.cohen_kappa_from_counts(confusion) == pytest.approx(
        metrics.cohen_kappa(truth, guess)
    )
    binary = metrics.binary_counts(truth > 1, guess > 1)
    assert metrics.matthews_from_counts(binary) == pytest.approx(
        metrics.matthews(truth > 1, guess > 1)
    )


def test_no_label_is_wrong_but_no_label_of_its_own():
    truth, guess = np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1])  # 2 = no label
    confusion = metrics.joint_counts(np.zeros(4, int), truth, guess, n_groups=1, n_labels=2)[0, 0]
    assert metrics.macro_f1_from_counts(confusion) == pytest.approx((2 / 3 + 1) / 2)
    assert metrics.cohen_kappa_from_counts(confusion) == pytest.approx(
        metrics.cohen_kappa(truth, guess)
    )


def test_counts_keep_repeats_apart():
    guesses = np.array([[0, 1], [1, 1]])
    counts = metrics.joint_counts(
        np.array([0, 1]), np.array([0, 1]), guesses, n_groups=2, n_labels=2
    )
    by_repeat = metrics.macro_f1_from_counts(counts.sum(axis=1))
    assert by_repeat.tolist() == pytest.approx([1.0, 1 / 3])
