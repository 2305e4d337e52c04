"""Classes go on, drift with their pictures, come where they are proven and go where nobody is."""

import numpy as np
import pytest

from unposed_jobs.vocabulary import clustering, continuity
from unposed_jobs.vocabulary.clustering import Clusters
from unposed_jobs.vocabulary.continuity import Continued, Proposed


def clouds(counts: list[int], seed: int, spread: float = 0.12) -> tuple[np.ndarray, np.ndarray]:
    """Points about the corners of a simplex, and the corner of each."""
    label = np.repeat(np.arange(len(counts)), counts)
    noise = np.random.default_rng(seed).normal(0, spread, (len(label), 8))
    return (np.eye(8)[label] + noise).astype(np.float32), label


def go_on(champion: Clusters, points: np.ndarray, classes: int, common=None) -> Continued | None:
    """With what k-means makes of the same points as the proposal; five pictures a product."""
    fresh = clustering.fit(points, classes, seed=9)
    owner = np.array([f"P{row % 15}" for row in range(len(points))])
    common = points if common is None else common
    return continuity.go_on(champion, points, Proposed.of(fresh, points, common, owner))


def test_classes_keep_their_place_and_move_half_way_with_their_pictures() -> None:
    champion = clustering.fit(clouds([60, 50, 40], 1)[0], 3, seed=1)
    points, corner = clouds([60, 50, 40], 2)
    points[:, 7] += 0.2
    going = go_on(champion, points, 3)
    assert going is not None
    assert going.before.tolist() == [0, 1, 2]
    assert going.clusters.assign(points).index.tolist() == corner.tolist()
    moved = going.clusters.centroids[:, 7] - champion.centroids[:, 7]
    np.testing.assert_allclose(moved, 0.1, atol=0.04)


def test_another_cut_of_the_same_cloud_is_no_new_class() -> None:
    champion = clustering.fit(clouds([60, 60], 1)[0], 2, seed=1)
    points, _ = clouds([60, 60], 2)
    going = go_on(champion, points, 4)
    assert going is not None
    assert going.before.tolist() == [0, 1]


@pytest.mark.parametrize("merged", [False, True])
def test_a_pose_that_was_not_there_before_becomes_a_class(merged: bool) -> None:
    champion = clustering.fit(clouds([60, 50], 1)[0], 2, seed=1)
    if merged:  # The champion has the new pose in one class with another.
        both = clouds([60, 50, 3], 1)[0]
        champion = clustering.describe(both, np.stack([both[:60].mean(0), both[60:].mean(0)]))
    points, corner = clouds([60, 50, 20], 2)
    going = go_on(champion, points, 3)
    assert going is not None
    assert sorted(going.before.tolist()) == [-1, 0, 1]
    found = going.clusters.assign(points).index
    assert len(np.unique(found[corner == 2])) == 1
    assert not set(found[corner == 2]) & set(found[corner != 2])


def test_one_products_oddity_is_no_new_class() -> None:
    champion = clustering.fit(clouds([60, 50], 1)[0], 2, seed=1)
    points, corner = clouds([60, 50, 20], 2)
    fresh = clustering.fit(points, 3, seed=9)
    owner = np.where(corner == 2, "P-odd", [f"P{row}" for row in range(len(points))])
    going = continuity.go_on(champion, points, Proposed.of(fresh, points, points, owner))
    assert going is not None
    assert going.before.tolist() == [0, 1]


def test_a_pose_that_nobody_shows_any_more_retires() -> None:
    champion = clustering.fit(clouds([60, 50, 40], 1)[0], 3, seed=1)
    going = go_on(champion, clouds([60, 50, 2], 2)[0], 3)
    assert going is not None
    assert going.before.tolist() == [0, 1]
    assert len(going.clusters) == 2


def test_a_new_pose_that_the_champions_space_is_blind_to_asks_for_another_space() -> None:
    champion = clustering.fit(clouds([60, 50], 1)[0], 2, seed=1)
    points, corner = clouds([60, 50, 30], 2)
    blind = points.copy()
    blind[corner == 2] += np.eye(8)[0] - np.eye(8)[2]  # It lies upon another pose there.
    fresh = clustering.fit(points, 3, seed=9)
    owner = np.array([f"P{row % 15}" for row in range(len(points))])
    proposed = Proposed.of(fresh, points, points, owner)
    assert continuity.go_on(champion, blind, proposed) is None


def test_the_centroids_of_one_class_stay_one_class() -> None:
    first, _ = clouds([60, 50, 40], 1)
    champion = clustering.fit(first, 3, seed=1).merged([0, 1, 1])
    points, corner = clouds([60, 50, 40], 2)
    going = go_on(champion, points, 3)
    assert going is not None
    found = going.clusters.assign(points).index
    assert set(found[corner == 1]) == set(found[corner == 2]) != set(found[corner == 0])
