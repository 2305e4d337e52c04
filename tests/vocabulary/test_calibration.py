"""A stated confidence is a rate that was counted, rises with the raw one, and is plain arrays."""

import dataclasses

import numpy as np
import pytest

from unposed_jobs.vocabulary import calibration, clustering, retaking
from unposed_jobs.vocabulary.calibration import Calibration
from unposed_jobs.vocabulary.clustering import Clusters

RNG = np.random.default_rng(0)


def overlapping(spread: float, count: int = 150) -> tuple[np.ndarray, np.ndarray]:
    """Three clouds in a row, and each point's product."""
    place = np.repeat(np.arange(3), count)
    points = np.column_stack([place, np.zeros(len(place))]) + RNG.normal(0, spread, (3 * count, 2))
    return points.astype(np.float32), np.array([f"P{row % 40}" for row in range(len(place))])


def test_the_stated_probability_is_the_rate_that_was_counted() -> None:
    raw = RNG.random(20_000)
    same = RNG.random(20_000) < 0.5 + 0.4 * raw**2
    found = calibration.fit(raw, same)
    asked = np.array([0.2, 0.5, 0.8])
    np.testing.assert_allclose(found(asked), 0.5 + 0.4 * asked**2, atol=0.04)
    assert (np.diff(found.probability) >= 0).all()
    assert found(np.zeros(1))[0] == 0


def test_a_few_successes_are_no_certainty() -> None:
    found = calibration.fit(np.ones(50), np.ones(50, dtype=bool))
    assert 0.9 < found(np.ones(1))[0] < 1
    assert calibration.fit(np.ones(10), np.ones(10, dtype=bool)) is None


@pytest.mark.parametrize(("spread", "least", "most"), [(0.08, 0.95, 1.0), (0.6, 0.3, 0.9)])
def test_classes_that_are_not_found_again_are_trusted_less(spread, least, most) -> None:
    points, owner = overlapping(spread)
    clusters = clustering.fit(points, 3, seed=1)
    again = lambda rng: points + rng.normal(0, spread / 4, points.shape).astype(np.float32)  # noqa: E731
    worth = retaking.trials(clusters, points, again, owner, seed=1).calibration
    stated = dataclasses.replace(clusters, calibration=worth).assign(points)
    assert least <= stated.confidence[clusters.assign(points).confidence > 0].mean() <= most
    np.testing.assert_array_equal(stated.index, clusters.assign(points).index)


def test_the_trials_classes_are_divided_as_these_were() -> None:
    points, owner = overlapping(0.1)
    clusters = clustering.fit(points, 3, seed=1)
    label = clusters.nearest(points)
    seen = []

    def divided(other: Clusters, learned: np.ndarray, rows: np.ndarray) -> Clusters:
        seen.append(len(rows))
        means = [learned[label[rows] == one].mean(axis=0) for one in range(3)]
        return clustering.describe(learned, np.stack(means))

    again = lambda rng: points  # noqa: E731
    worth = retaking.trials(clusters, points, again, owner, 1, divided=divided).calibration
    assert len(seen) == retaking.REPEATS
    assert worth is not None
    assert worth(np.ones(1))[0] > 0.97


def test_the_rate_of_the_unsure_is_not_lost_among_the_sure() -> None:
    raw = np.concatenate([np.full(80, 0.3), np.linspace(0.95, 1, 2_000)])
    same = np.concatenate([np.arange(80) % 4 != 0, np.ones(2_000, dtype=bool)])
    assert calibration.fit(raw, same)(np.array([0.3]))[0] == pytest.approx(0.75, abs=0.1)


def test_pictures_that_come_out_elsewhere_when_taken_again_are_trusted_less() -> None:
    points, owner = overlapping(0.3)
    clusters = clustering.fit(points, 3, seed=1)
    steady, shaken = (
        retaking.trials(
            clusters,
            points,
            lambda rng, by=by: points + rng.normal(0, by, points.shape).astype(np.float32),
            owner,
            seed=1,
        ).calibration
        for by in (0.0, 0.5)
    )
    assert shaken(np.array([0.95])) < steady(np.array([0.95])) - 0.1


def test_the_calibration_is_plain_arrays_of_the_state() -> None:
    points, owner = overlapping(0.3)
    clusters = clustering.fit(points, 3, seed=1)
    worth = retaking.trials(clusters, points, lambda rng: points, owner, seed=1).calibration
    clusters = dataclasses.replace(clusters, calibration=worth)
    state = clusters.state()
    assert all(isinstance(array, np.ndarray) for array in state.values())
    np.testing.assert_array_equal(
        Clusters.from_state(state).assign(points).confidence, clusters.assign(points).confidence
    )


def test_what_is_stated_is_the_calibrated_confidence_and_far_from_all_stays_none() -> None:
    points, _ = overlapping(0.3)
    bare = clustering.fit(points, 3, seed=1)
    asked = np.concatenate([points, [[50, 50]]]).astype(np.float32)
    worth = Calibration(np.array([0.0, 0.5, 1.0]), np.array([0.3, 0.3, 0.6]))
    stated = dataclasses.replace(bare, calibration=worth).assign(asked).confidence
    np.testing.assert_allclose(stated[:-1], worth(bare.assign(points).confidence), atol=1e-6)
    assert stated[-1] == 0


def test_a_class_that_one_product_makes_is_not_found_without_the_product() -> None:
    # Twenty products, each of which always shows the same and what no other shows.
    place = np.stack(np.meshgrid(np.arange(5), np.arange(4)), axis=-1).reshape(-1, 2)
    points = (np.repeat(place, 6, axis=0) + RNG.normal(0, 0.01, (120, 2))).astype(np.float32)
    owner = np.repeat([f"P{row}" for row in range(20)], 6)
    clusters = clustering.fit(points, 20, seed=1)
    alone, mixed = (
        retaking.trials(clusters, points, lambda rng: points, owners, seed=1).calibration
        for owners in (owner, np.roll(np.tile(owner[::6], 6), 1))
    )
    assert alone(np.ones(1)) < 0.1
    assert mixed(np.ones(1)) > 0.6


def test_what_is_said_of_pictures_that_were_not_learned_from_is_tried_too() -> None:
    # Few pictures in many dimensions: those that were learned from are all sure, others are not.
    rng = np.random.default_rng(0)
    points = np.repeat(np.eye(3, 8) * 3, 30, axis=0) + rng.normal(0, 0.6, (90, 8))
    points = points.astype(np.float32)
    clusters = clustering.fit(points, 3, seed=1)
    owner = np.array([f"P{row}" for row in range(90)])
    worth = retaking.trials(clusters, points, lambda rng: points, owner, seed=1).calibration
    assert np.quantile(clusters.assign(points).confidence, 0.05) > 0.95
    assert np.count_nonzero((worth.raw > 0) & (worth.raw < 0.9)) >= 1
    assert worth(np.array([0.5]))[0] > 0.5  # Nearly all come out the same.


@pytest.mark.parametrize(("spread", "least", "most"), [(0.08, 0.95, 1.0), (0.6, 0.3, 0.9)])
def test_what_becomes_of_a_class_is_counted(spread: float, least: float, most: float) -> None:
    points, owner = overlapping(spread)
    clusters = clustering.fit(points, 3, seed=1)
    again = lambda rng: points + rng.normal(0, spread / 4, points.shape).astype(np.float32)  # noqa: E731
    became = retaking.trials(clusters, points, again, owner, seed=1).became
    assert became.shape == (3, 3)
    assert (became.sum(axis=1) <= 1 + 1e-9).all()
    assert least <= np.diagonal(became).mean() <= most
