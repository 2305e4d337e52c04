import re

import numpy as np
import pytest

from unposed_jobs.ranking import frequency, order, ranker
from unposed_jobs.ranking.ranker import Ranker

RNG = np.random.default_rng(0)
CATEGORY = [["Tops", "Trousers"][row % 2] for row in range(120)]
SUB = [f"{name} {row % 3}" for row, name in enumerate(CATEGORY)]
PRODUCTS = {"category": CATEGORY, "subcategory": SUB, "product_type": SUB}
# Tops show poses 0 and 1, trousers 2 and 3, both now and then 4.
CHANCE = np.where(
    (np.array(CATEGORY) == "Tops")[:, None], [0.9, 0.7, 0.05, 0.05, 0.3], [0.05, 0.1, 0.9, 0.7, 0.3]
)
SHOWS = RNG.random((120, 5)) < CHANCE
POPULARITY = RNG.uniform(0.4, 0.9, 120)


@pytest.fixture(scope="module")
def learned() -> Ranker:
    return ranker.fit(PRODUCTS, SHOWS, POPULARITY, seed=1)


def test_the_learned_order_is_the_cohorts(learned: Ranker) -> None:
    asked = {"category": ["Tops", "Trousers"], "subcategory": ["Tops 0", "Trousers 1"]}
    tops, trousers = learned.score(asked)
    assert set(np.argsort(-tops)[:2]) == {0, 1}
    assert set(np.argsort(-trousers)[:2]) == {2, 3}


def test_what_was_never_seen_is_safe_and_like_nothing_given(learned: Ranker) -> None:
    strange = learned.score({"category": ["Hats", None], "subcategory": ["Caps", None]})
    assert strange.shape == (2, 5)
    assert np.isfinite(strange).all()
    np.testing.assert_array_equal(strange[0], strange[1])
    np.testing.assert_array_equal(learned.score({"nothing": ["x"]})[0], strange[0])


def test_the_same_input_gives_the_same_text_and_the_text_the_same_scores(learned: Ranker) -> None:
    again = ranker.fit(PRODUCTS, SHOWS, POPULARITY, seed=1)
    assert again.text() == learned.text()
    loaded = Ranker.from_text(learned.text(), learned.description())
    np.testing.assert_array_equal(loaded.score(PRODUCTS), learned.score(PRODUCTS))


def test_the_popularity_of_who_shows_a_pose_counts() -> None:
    shows = np.zeros((80, 2), dtype=bool)
    shows[:40, 0] = shows[40:, 1] = True
    loved = np.where(np.arange(80) < 40, 0.9, 0.2)
    alike = {"category": ["Tops"] * 80}
    score = ranker.fit(alike, shows, loved, seed=0).score({"category": ["Tops"]})[0]
    assert score[0] > score[1]


def test_two_products_are_enough_not_to_fail() -> None:
    tiny = ranker.fit({"category": ["Tops", None]}, SHOWS[:2], POPULARITY[:2], seed=0)
    assert np.isfinite(tiny.score({"category": ["Tops", "Hats"]})).all()


def test_frequency_counts_products_and_backs_off_to_the_coarser_cohort() -> None:
    cohorts = [("Tops", "Polo"), ("Tops", "Polo"), ("Tops", "T"), ("Shoes", None)]
    shows = np.array([[1, 0], [0, 0], [1, 1], [0, 1]], dtype=bool)
    found = frequency.fit(cohorts, shows)
    np.testing.assert_allclose(
        found.score(
            [("Tops", "Polo"), ("Tops", "Socks"), ("Tops", None), ("Hats", "Caps"), ("Shoes", "x")]
        ),
        [[0.5, 0], [2 / 3, 1 / 3], [2 / 3, 1 / 3], [0.5, 0.5], [0, 1]],
    )
    assert found.products[found.rows[()]] == 4


def decide(shows: np.ndarray, products: dict, popularity: np.ndarray) -> order.PoseOrder:
    return order.learn(products, ("category", "subcategory"), shows, popularity, seed=0)


def test_frequency_is_used_where_the_learned_order_does_not_beat_it() -> None:
    found = decide(SHOWS, PRODUCTS, POPULARITY)
    assert found.used == "frequency"
    reason = found.figures["order_reason"]
    assert reason.startswith("ordered by how often their cohort shows them")
    assert re.search(r"a learned order was (no better|worse): NDCG@5 difference [+-]0\.\d+", reason)
    gain, low, high = found.figures["order_gain"]
    assert low <= gain <= high
    assert low <= 0
    assert found.figures["ndcg@5_frequency"] > found.figures["ndcg@5_random"]
    cohorts = list(zip(CATEGORY, SUB, strict=True))
    np.testing.assert_array_equal(
        found.score(PRODUCTS, ("category", "subcategory")), found.shrunk.score(cohorts)
    )


def test_poses_that_a_small_cohort_shows_alike_are_ordered_by_the_coarser_one() -> None:
    products = {"category": ["Tops"] * 42, "subcategory": ["Polo"] * 2 + ["T"] * 40}
    shows = np.zeros((42, 3), dtype=bool)
    shows[:2] = shows[:, 2] = True
    shows[10:, 1] = True
    found = decide(shows, products, np.ones(42))
    assert found.used == "frequency"
    polo = {"category": ["Tops"], "subcategory": ["Polo"]}
    assert len(set(found.frequency.score([("Tops", "Polo")])[0])) == 1
    score = found.score(polo, ("category", "subcategory"))[0]
    assert np.argsort(-score).tolist() == [2, 1, 0]


def test_both_orders_can_be_had_of_one_fit() -> None:
    found = order.fit(PRODUCTS, ("category", "subcategory"), SHOWS, POPULARITY, seed=0)
    names = ("category", "subcategory")
    learned, plain = (found.score(PRODUCTS, names, by) for by in (order.LEARNED, order.FREQUENCY))
    np.testing.assert_array_equal(found.score(PRODUCTS, names), learned)
    np.testing.assert_allclose(
        learned, POPULARITY.mean() * plain + found.ranker.score(PRODUCTS), rtol=1e-12
    )


def test_the_learned_order_is_used_where_it_knows_more_than_the_cohort() -> None:
    # The type decides what is shown, and is not part of the cohort.
    kind = [["short", "long"][row % 2] for row in range(120)]
    shows = np.zeros((120, 6), dtype=bool)
    for row, name in enumerate(kind):
        shows[row, [0, 1] if name == "short" else [3, 4]] = True
    products = {"category": ["Tops"] * 120, "subcategory": ["T"] * 120, "product_type": kind}
    found = decide(shows, products, POPULARITY)
    assert found.used == "lightgbm"
    assert found.figures["order_reason"].startswith("in a learned order (better than")
    assert found.figures["ndcg@3_lightgbm"] > found.figures["ndcg@3_frequency"]


def test_too_few_products_say_so() -> None:
    few = {name: values[:10] for name, values in PRODUCTS.items()}
    found = decide(SHOWS[:10], few, POPULARITY[:10])
    assert found.used == "frequency"
    assert "too few products" in found.figures["order_reason"]


def test_a_lead_that_chance_explains_is_no_reason_for_the_learned_order() -> None:
    rng = np.random.default_rng(5)
    few = {name: values[:40] for name, values in PRODUCTS.items()}
    leads = 0
    for draw in range(6):
        shows = SHOWS[:40] ^ (rng.random((40, 5)) < 0.1)
        found = order.learn(few, ("category", "subcategory"), shows, POPULARITY[:40], seed=draw)
        gain, low, _ = found.figures["order_gain"]
        assert (found.used == "lightgbm") == (low > 0)
        leads += gain > 0 and found.used == "frequency"
    assert leads


def test_no_product_speaks_for_itself_in_what_the_learned_order_starts_from() -> None:
    cohorts = [("Tops", "Polo")] * 3 + [("Tops", "T")] * 2
    shows = np.array([[1], [0], [0], [1], [1]], dtype=bool)
    others = frequency.of_others(cohorts, shows)
    flipped = frequency.of_others(cohorts, np.vstack([~shows[:1], shows[1:]]))
    assert others[0] == flipped[0]
    assert others[1] != flipped[1]
    assert ((others >= 0) & (others <= 1)).all()


def test_a_small_cohorts_share_is_drawn_to_the_coarser_ones() -> None:
    cohorts = [("Tops", "Polo")] + [("Tops", "T")] * 30
    shows = np.array([[1]] + [[0]] * 30, dtype=bool)
    plain, shrunk = (frequency.fit(cohorts, shows, weight) for weight in (0.0, 3.0))
    polo = [("Tops", "Polo")]
    assert plain.score(polo)[0, 0] == 1
    assert 0.2 < shrunk.score(polo)[0, 0] < 0.35


def test_without_cohort_attributes_all_products_are_one_cohort() -> None:
    found = order.learn(PRODUCTS, (), SHOWS, POPULARITY, seed=1)
    score = found.score(PRODUCTS, (), by=order.FREQUENCY)
    assert score.shape == SHOWS.shape
    np.testing.assert_array_equal(score, np.broadcast_to(score[0], score.shape))
    assert list(found.frequency.rows) == [()]
