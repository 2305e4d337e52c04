import numpy as np
import pytest

from unposed_jobs.vocabulary import matching
from unposed_jobs.vocabulary.clustering import fit

OLD = np.eye(5, dtype=np.float32)
IDS = np.array([4, 7, 1, 9, 2], dtype=np.int32)
SPREAD = np.full(5, 0.2, dtype=np.float32)


def match(centroids: np.ndarray, limit: float = 0.5) -> matching.Lineage:
    return matching.match(
        centroids.astype(np.float32), SPREAD[: len(centroids)], OLD, IDS, limit=limit, next_id=10
    )


def test_ids_follow_their_class_in_any_order_and_through_a_little_drift() -> None:
    order = [3, 0, 4, 1, 2]
    found = match(OLD[order] + 0.02)
    assert found.pose_ids.tolist() == IDS[order].tolist()
    assert found.lineage == ("kept",) * 5
    assert found.retired == ()


def test_a_class_that_moved_too_far_is_a_new_one_and_its_id_is_never_given_again() -> None:
    moved = OLD.copy()
    moved[2] += 3
    found = match(moved)
    assert found.pose_ids.tolist() == [4, 7, 10, 9, 2]
    assert found.lineage[2] == "new"
    assert np.isnan(found.distance[2])
    assert found.retired == (1,)


def test_fewer_and_more_classes() -> None:
    assert match(OLD[:3]).retired == (2, 9)
    wide = np.vstack([OLD, [[5, 5, 5, 5, 5]], [[9, 9, 9, 9, 9]]]).astype(np.float32)
    found = matching.match(wide, np.full(7, 0.2), OLD, IDS, limit=0.5, next_id=12)
    assert found.pose_ids.tolist() == [*IDS.tolist(), 12, 13]
    first = matching.match(OLD, SPREAD, OLD[:0], np.zeros(0, np.int32), limit=0.5, next_id=0)
    assert first.pose_ids.tolist() == [0, 1, 2, 3, 4]


def test_two_classes_never_share_an_id() -> None:
    split = np.vstack([OLD[0] + 0.03, OLD[0] - 0.03, OLD[1]])
    found = match(split)
    assert len(set(found.pose_ids.tolist())) == 3
    assert found.lineage.count("new") == 1


def test_a_hopeless_pair_does_not_bend_the_others() -> None:
    # Matching by total distance alone would pair 0 with 1's place to spare the far one.
    centroids = np.array([[0.0], [1.0], [100.0]], dtype=np.float32)
    previous = np.array([[0.1], [-40.0], [1.1]], dtype=np.float32)
    found = matching.match(
        centroids,
        np.full(3, 1.0),
        previous,
        np.array([5, 6, 8], dtype=np.int32),
        limit=0.5,
        next_id=9,
    )
    assert found.pose_ids.tolist() == [5, 8, 9]


def test_old_classes_are_found_again_in_another_space_by_their_pictures() -> None:
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(4), 30)
    points = np.eye(4)[label] + rng.normal(0, 0.1, (120, 4))
    turned = (points @ np.linalg.qr(rng.normal(size=(4, 4)))[0] * 3).astype(np.float32)
    centres, there = matching.locate(turned, np.where(rng.random(120) < 0.1, -1, label), 5)
    assert there.tolist() == [True] * 4 + [False]
    clusters = fit(turned, 4, seed=0)
    found = matching.match(
        clusters.centroids,
        clusters.spread,
        centres[there],
        np.arange(4, dtype=np.int32),
        limit=0.5,
        next_id=4,
    )
    assert found.lineage == ("kept",) * 4
    now = found.pose_ids[clusters.assign(turned).index]
    assert (now == label).all()
    assert found.distance == pytest.approx(0, abs=0.5)
