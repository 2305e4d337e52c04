"""Classes that products show in place of one another are one ask; those that they show together,
or that show another thing, are not."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from unposed_jobs.vocabulary import asks
from unposed_jobs.vocabulary.asks import Evidence
from unposed_jobs.vocabulary.naming import Shot

FRONT = Shot("upper body", "front")
TURNED = Shot("upper body", "three-quarter front")
SIDE = Shot("upper body", "side")
BACK = Shot("upper body", "back")
FULL = Shot("full body", "front")
FULL_BACK = Shot("full body", "back")
N = 60


def evidence(
    shots: Sequence[Shot | None],
    shows: np.ndarray,
    *,
    cohort: np.ndarray | None = None,
    confused: np.ndarray | None = None,
    before: Sequence[int] | None = None,
    crops: Sequence[int] = (),
) -> Evidence:
    count = len(shots)
    return Evidence(
        shows=np.asarray(shows, dtype=bool),
        cohort=np.full(len(shows), "Tops") if cohort is None else cohort,
        shots=shots,
        crops=np.isin(np.arange(count), crops),
        confused=np.zeros((count, count)) if confused is None else confused,
        before=np.array([-1] * count if before is None else before),
    )


def alternating(both: int = 0) -> np.ndarray:
    """Two columns: each product shows the one or the other, the first `both` of them both."""
    rows = np.zeros((N, 2), dtype=bool)
    rows[np.arange(N), np.arange(N) % 2] = True
    rows[:both] = True
    return rows


def always() -> np.ndarray:
    return np.ones((N, 1), dtype=bool)


def test_the_one_or_the_other_side_is_one_ask() -> None:
    shows = np.hstack([always(), alternating(both=2)])
    assert asks.learn(evidence([FRONT, SIDE, SIDE], shows)) == [(0,), (1, 2)]


def test_two_sides_that_most_products_show_are_two() -> None:
    shows = np.hstack([always(), alternating(both=50)])
    assert asks.learn(evidence([FRONT, SIDE, SIDE], shows)) == [(0,), (1,), (2,)]


def sides_by_cohort() -> tuple[np.ndarray, np.ndarray]:
    """Both sides of most dresses, of trousers the left one, of jackets the right one: so of few
    products both are shown."""
    cohort = np.repeat(["Dresses", "Trousers", "Jackets"], N // 3)
    shows = np.stack([cohort != "Jackets", cohort != "Trousers"], axis=1)
    shows[:2, 0] = False
    return shows, cohort


def test_two_sides_that_one_cohort_shows_are_two_though_others_show_one_of_them() -> None:
    shows, cohort = sides_by_cohort()
    assert asks.learn(evidence([SIDE, SIDE], shows, cohort=cohort)) == [(0,), (1,)]
    # No cohort shows both: nothing says that the two sides are two.
    few = cohort != "Dresses"
    assert asks.learn(evidence([SIDE, SIDE], shows[few], cohort=cohort[few])) == [(0, 1)]


def test_the_other_side_stands_in_where_a_cohort_does_not_show_both() -> None:
    shows, cohort = sides_by_cohort()
    found = evidence([SIDE, SIDE], shows, cohort=cohort)
    groups = [(0,), (1,)]
    dresses = asks.stand_ins(found, groups, cohort == "Dresses")
    np.testing.assert_array_equal(dresses, np.eye(2, dtype=bool))
    assert asks.stand_ins(found, groups, cohort == "Trousers")[0, 1]
    assert asks.stand_ins(found, groups, cohort == "Jackets")[1, 0]


def test_a_three_quarter_view_goes_with_the_neighbour_that_it_stands_for() -> None:
    turned = alternating()
    shows = np.hstack([always(), turned])  # Front, and either side or three-quarter view.
    assert asks.learn(evidence([FRONT, SIDE, TURNED], shows)) == [(0,), (1, 2)]
    shows = np.hstack([turned[:, :1], always(), turned[:, 1:]])
    assert asks.learn(evidence([FRONT, SIDE, TURNED], shows)) == [(0, 2), (1,)]


def test_what_is_no_neighbour_is_never_one_ask_however_products_choose() -> None:
    shows = np.hstack([always(), alternating()])
    assert asks.learn(evidence([SIDE, FRONT, BACK], shows)) == [(0,), (1,), (2,)]
    assert asks.learn(evidence([SIDE, FRONT, None], shows)) == [(0,), (1,), (2,)]


def test_a_three_quarter_view_brings_no_front_and_side_together() -> None:
    rows = np.eye(3, dtype=bool)[np.arange(N) % 3]  # Each product shows one of the three.
    found = asks.learn(evidence([FRONT, TURNED, SIDE], rows))
    assert len(found) == 2
    assert not any({0, 2} <= set(group) for group in found)


def test_an_ask_holds_no_views_more_than_a_right_angle_apart() -> None:
    back = Shot("upper body", "three-quarter back")
    rows = np.eye(4, dtype=bool)[np.arange(N) % 4]
    found = asks.learn(evidence([FRONT, TURNED, back, BACK], rows))
    assert all(not {0, 3} <= set(group) and not {1, 2} <= set(group) for group in found)


def test_classes_of_unlike_framing_are_one_only_where_re_taking_confuses_them() -> None:
    shots = [SIDE, Shot("chest", "front"), Shot("full body", "front")]
    shows = np.hstack([always(), alternating()])
    assert asks.learn(evidence(shots, shows)) == [(0,), (1,), (2,)]
    confused = np.zeros((3, 3))
    confused[1, 2] = 0.3
    assert asks.learn(evidence(shots, shows, confused=confused)) == [(0,), (1, 2)]


def test_a_rare_framing_joins_its_view_and_a_common_one_stays() -> None:
    rare = np.zeros((N, 1), dtype=bool)
    rare[:5] = True
    back = ~rare
    found = asks.learn(evidence([FRONT, BACK, FULL_BACK], np.hstack([always(), back, rare])))
    assert found == [(0,), (1, 2)]
    shows = np.hstack([always(), alternating(both=10)])
    assert asks.learn(evidence([SIDE, FRONT, FULL], shows)) == [(0,), (1,), (2,)]


def test_a_rare_chest_joins_no_larger_framing() -> None:
    chest = np.zeros((N, 1), dtype=bool)
    chest[:5] = True
    shots = [FRONT, BACK, Shot("chest", "back")]
    shows = np.hstack([always(), ~chest, chest])
    assert asks.learn(evidence(shots, shows)) == [(0,), (1,), (2,)]
    confused = np.zeros((3, 3))
    confused[2, 1] = 0.5  # Nor where re-taking takes it for one.
    assert asks.learn(evidence(shots, shows, confused=confused)) == [(0,), (1,), (2,)]


def test_a_chest_and_a_close_up_are_one_framing() -> None:
    shots = [FRONT, Shot("chest", "front"), Shot("close-up", "front")]
    once = np.hstack([always(), alternating(both=2)])
    assert asks.learn(evidence(shots, once)) == [(0,), (1, 2)]
    # A cohort that shows both wants both.
    both = np.hstack([always(), alternating(both=50)])
    assert asks.learn(evidence(shots, both)) == [(0,), (1,), (2,)]


def test_a_crop_in_which_nobody_was_recognised_may_be_the_chest() -> None:
    shots = [FRONT, Shot("chest", "front"), None]
    shows = np.hstack([always(), alternating(both=2)])
    assert asks.learn(evidence(shots, shows, crops=[2])) == [(0,), (1, 2)]
    assert asks.learn(evidence(shots, shows)) == [(0,), (1,), (2,)]  # A flat lay is not.
    both = np.hstack([always(), alternating(both=50)])
    assert asks.learn(evidence(shots, both, crops=[2])) == [(0,), (1,), (2,)]


def test_a_chest_and_legs_are_never_one_ask() -> None:
    shots = [FRONT, Shot("chest", "front"), Shot("legs", "front")]
    shows = np.hstack([always(), alternating()])
    assert asks.learn(evidence(shots, shows, confused=np.full((3, 3), 0.5))) == [(0,), (1,), (2,)]


def test_products_of_few_pictures_are_no_proof_of_substitution() -> None:
    # Two pictures each, drawn of four views that all are asked: every pair is seldom seen.
    rng = np.random.default_rng(3)
    shows = np.zeros((400, 4), dtype=bool)
    for row in shows:
        row[rng.choice(4, 2, replace=False)] = True
    chance = asks._by_chance(shows, np.full(400, "Tops"))
    expected = (chance[:, 0] * chance[:, 1]).sum()
    assert np.count_nonzero(shows[:, 0] & shows[:, 1]) / expected > 0.6


def test_cohorts_that_differ_are_no_proof_of_substitution() -> None:
    cohort = np.repeat(["Tops", "Dresses"], N // 2)
    common = np.repeat([[1, 0], [0, 1]], N // 2, axis=0).astype(bool)
    rng = np.random.default_rng(1)
    mixed = rng.random((N, 2)) < np.where(common, 0.9, 0.5)
    shots = [FRONT, TURNED]
    pooled = asks.learn(evidence(shots, mixed))
    apart = asks.learn(evidence(shots, mixed, cohort=cohort))
    assert apart == [(0,), (1,)]
    assert pooled == apart or pooled == [(0, 1)]


def test_what_was_one_ask_stays_one_within_chance() -> None:
    shows = np.hstack([always(), alternating(both=22)])
    shots = [FRONT, SIDE, SIDE]
    assert asks.learn(evidence(shots, shows)) == [(0,), (1,), (2,)]
    assert asks.learn(evidence(shots, shows, before=[0, 1, 1])) == [(0,), (1, 2)]


def test_a_view_stands_in_where_popular_products_do_without_the_other() -> None:
    shows = np.ones((N, 2), dtype=bool)
    everyone = np.ones(N, dtype=bool)
    groups = [(0,), (1,)]
    with_both = evidence([FRONT, FULL], shows)
    np.testing.assert_array_equal(
        asks.stand_ins(with_both, groups, everyone), np.eye(2, dtype=bool)
    )
    shows[: N // 2, 0] = False
    without = asks.stand_ins(evidence([FRONT, FULL], shows), groups, everyone)
    # The full body shows what the upper body does, not the other way round.
    np.testing.assert_array_equal(without, [[True, True], [False, True]])


def test_stand_ins_are_each_cohorts_own() -> None:
    shows = np.ones((2 * N, 2), dtype=bool)
    shows[:N, 0] = False
    first = np.arange(2 * N) < N
    both = evidence([FRONT, FULL], shows)
    assert asks.stand_ins(both, [(0,), (1,)], first)[0, 1]
    assert not asks.stand_ins(both, [(0,), (1,)], ~first)[0, 1]


def test_only_a_three_quarter_view_stands_in_for_another_view() -> None:
    shows = alternating()
    everyone = np.ones(N, dtype=bool)
    sides = asks.stand_ins(evidence([FRONT, SIDE], shows), [(0,), (1,)], everyone)
    np.testing.assert_array_equal(sides, np.eye(2, dtype=bool))
    turned = asks.stand_ins(evidence([FRONT, TURNED], shows), [(0,), (1,)], everyone)
    np.testing.assert_array_equal(turned, [[True, True], [False, True]])


def test_a_three_quarter_view_stands_for_a_side_only_where_most_do_without() -> None:
    everyone, groups = np.ones(N, dtype=bool), [(0,), (1,)]
    shows = np.ones((N, 2), dtype=bool)
    shows[: N // 3, 1] = False  # Two thirds of the products that are turned show the other as well.
    for wanted, stands in ((FRONT, True), (SIDE, False)):
        found = asks.stand_ins(evidence([TURNED, wanted], shows), groups, everyone)
        assert found[1, 0] == stands
    shows[: 2 * N // 3, 1] = False
    assert asks.stand_ins(evidence([TURNED, SIDE], shows), groups, everyone)[1, 0]


def test_an_ask_is_lent_where_most_fill_it_by_another() -> None:
    shows = np.zeros((N, 2), dtype=bool)
    shows[:, 1] = True  # All show the full body, a quarter the upper body as well.
    shows[: N // 4, 0] = True
    everyone, both = np.ones(N, dtype=bool), np.array([True, True])
    found = evidence([FRONT, FULL], shows)
    assert asks.lent(found, (0,), both, everyone)
    assert not asks.lent(found, (1,), np.array([False, True]), everyone)
    shows[: N // 2, 0] = True
    assert not asks.lent(evidence([FRONT, FULL], shows), (0,), both, everyone)


def test_agreement_counts_what_stays_within_the_ask() -> None:
    retaken = np.array([[0.5, 0.4, 0.0], [0.4, 0.5, 0.1], [0.2, 0.2, 0.3]])
    sizes = np.array([10.0, 10.0, 4.0])
    found = asks.agreement([(0, 1), (2,)], retaken, sizes)
    np.testing.assert_allclose(found, [0.9, 0.3])
    untried = asks.agreement([(0,)], np.full((1, 1), np.nan), np.ones(1))
    assert np.isnan(untried[0])


@pytest.mark.parametrize("count", [0, 1])
def test_a_reference_without_products_has_every_class_by_itself(count: int) -> None:
    shows = np.zeros((count, 2), dtype=bool)
    assert asks.learn(evidence([FRONT, TURNED], shows)) == [(0,), (1,)]


def test_shares_of_small_cohorts_are_drawn_towards_the_whole() -> None:
    shows = np.array([[True]] * 2 + [[False]] * 18)
    cohort = np.array(["Socks"] * 2 + ["Tops"] * 18)
    share = asks.shrunk(shows, cohort)
    assert 0.1 < share[0, 0] < 0.7
    assert share[-1, 0] < 0.05


def test_evidence_is_not_changed() -> None:
    given = evidence([FRONT, SIDE, SIDE], np.hstack([always(), alternating()]))
    before = dataclasses.replace(given, shows=given.shows.copy())
    asks.learn(given)
    np.testing.assert_array_equal(given.shows, before.shows)


def test_a_larger_framing_is_no_detail() -> None:
    shows = np.ones((N, 2), dtype=bool)
    shows[: N // 2, 0] = False
    chest = evidence([Shot("chest", "front"), FRONT], shows)
    alone = asks.stand_ins(chest, [(0,), (1,)], np.ones(N, dtype=bool))
    np.testing.assert_array_equal(alone, np.eye(2, dtype=bool))
