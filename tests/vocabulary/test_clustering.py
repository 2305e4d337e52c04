import numpy as np
import pytest

from unposed_jobs.vocabulary import clustering
from unposed_jobs.vocabulary.clustering import Clusters


def blobs(counts: list[int], seed: int = 0, spread: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Points about the corners of a simplex 1.4 apart, and the corner of each."""
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(len(counts)), counts)
    points = np.eye(8)[label] + rng.normal(0, spread, (len(label), 8))
    return points.astype(np.float32), label


def test_the_groups_are_found_largest_first() -> None:
    points, label = blobs([20, 60, 40])
    clusters = clustering.fit(points, 3, seed=1)
    assert clusters.sizes.tolist() == [60, 40, 20]
    assert clusters.assign(points).index.tolist() == np.array([2, 0, 1])[label].tolist()


def test_the_same_seed_gives_the_same_bytes_in_any_thread_count() -> None:
    import faiss

    points, _ = blobs([50] * 6, spread=0.5)
    threads = faiss.omp_get_max_threads()
    try:
        faiss.omp_set_num_threads(1)
        one = clustering.fit(points, 5, seed=3)
        faiss.omp_set_num_threads(2)
        two = clustering.fit(points, 5, seed=3)
        assert faiss.omp_get_max_threads() == 2
    finally:
        faiss.omp_set_num_threads(threads)
    assert all(
        value.tobytes() == two.state()[name].tobytes() for name, value in one.state().items()
    )


def test_the_number_of_groups_is_found() -> None:
    points, _ = blobs([40] * 5)
    k, figures = clustering.choose_k(points, (3, 8), seed=0)
    assert k == 5
    assert set(figures) == {"3", "4", "5", "6", "7", "8"}
    assert figures["5"]["stability"] == 1.0


def test_the_champions_number_of_groups_is_kept_unless_another_is_clearly_better() -> None:
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(300, 8)).astype(np.float32)
    best, figures = clustering.choose_k(cloud, (4, 8), seed=0)
    scores = {int(k): sum(told.values()) for k, told in figures.items()}
    other = min(scores, key=lambda k: (k == best, abs(scores[k] - scores[best])))
    assert clustering.choose_k(cloud, (4, 8), seed=0, prefer=other)[0] == other
    points, _ = blobs([40] * 5)
    assert clustering.choose_k(points, (3, 8), seed=0, prefer=8)[0] == 5


def test_a_tiny_set_gets_as_many_groups_as_it_can_bear() -> None:
    points, _ = blobs([3, 3])
    k, _ = clustering.choose_k(points, (8, 16), seed=0)
    assert k == clustering.max_classes(points) == 2
    assert len(clustering.fit(points[:1], 8, seed=0)) == 1
    alike = np.repeat(points[:1], 10, axis=0)
    assert len(clustering.fit(alike, 8, seed=0)) == 1
    assert clustering.fit(alike, 8, seed=0).assign(alike).confidence.min() == 1
    with pytest.raises(ValueError, match="nothing"):
        clustering.fit(points[:0], 3, seed=0)


def test_a_warm_start_lets_classes_drift_instead_of_jump() -> None:
    points, _ = blobs([60] * 4, spread=0.6)
    first = clustering.fit(points, 4, seed=0)
    later, _ = blobs([60] * 4, seed=9, spread=0.6)
    warm = clustering.fit(later, 4, seed=5, start=first.centroids)
    nearest = clustering.squared_distances(warm.centroids, first.centroids)
    assert sorted(nearest.argmin(axis=1)) == [0, 1, 2, 3]


def test_a_start_that_is_clearly_worse_is_not_kept() -> None:
    points, label = blobs([50] * 4)
    stuck = np.stack([points[label == 0].mean(0) + 0.01 * row for row in np.eye(8)[:4]])
    assert clustering.fit(points, 4, seed=0, start=stuck).sizes.tolist() == [50] * 4


def test_confidence_falls_between_classes_and_far_from_all() -> None:
    points, _ = blobs([200, 200])
    clusters = clustering.fit(points, 2, seed=0)
    one, two = clusters.centroids
    path = np.stack([one, 0.8 * one + 0.2 * two, 0.5 * one + 0.5 * two]).astype(np.float32)
    away = one + 50 * (one - two)
    found = clusters.assign(np.vstack([path, away]).astype(np.float32))
    sure, less, torn, unknown = found.confidence
    assert sure > 0.99
    assert sure >= less > torn
    assert torn <= 0.5
    assert unknown == 0
    assert found.index[-1] == -1
    assert ((found.confidence >= 0) & (found.confidence <= 1)).all()
    assert np.median(clusters.assign(points).confidence) > 0.95
    assert (clusters.assign(points).index >= 0).all()


def test_a_picture_may_show_the_classes_that_lie_hardly_farther_than_its_own() -> None:
    points, _ = blobs([200, 200])
    clusters = clustering.fit(points, 2, seed=0)
    one, two = clusters.centroids
    inside, border = one + 0.1 * (two - one), one + 0.45 * (two - one)
    away = one + 50 * (one - two)
    found = clusters.assign(np.vstack([inside, border, away]).astype(np.float32))
    assert found.index.tolist() == [0, 0, -1]
    # The nearest class of what is too far is no more than near, as the other one here.
    assert found.near.tolist() == [[False, False], [False, True], [True, True]]
    assert not clusters.merged([0, 0]).assign(border[None].astype(np.float32)).near.any()


def test_nan_is_unknown() -> None:
    points, _ = blobs([30, 30])
    found = clustering.fit(points, 2, seed=0).assign(np.full((1, 8), np.nan, np.float32))
    assert found.index[0] == -1
    assert found.confidence[0] == 0
    assert not found.near.any()


def test_many_rows_are_assigned_as_few_are() -> None:
    points, _ = blobs([30, 30])
    clusters = clustering.fit(points, 2, seed=0)
    many = np.tile(points, (1200, 1))
    np.testing.assert_array_equal(
        clusters.assign(many).index, np.tile(clusters.assign(points).index, 1200)
    )


def test_the_state_makes_the_same_clusters() -> None:
    points, _ = blobs([30, 30, 9], spread=0.4)
    clusters = clustering.fit(points, 3, seed=0)
    again = Clusters.from_state(clusters.state())
    for name in ("index", "distance", "confidence"):
        np.testing.assert_array_equal(
            getattr(again.assign(points), name), getattr(clusters.assign(points), name)
        )


def test_centroids_of_one_shot_are_one_class() -> None:
    points, label = blobs([30, 40, 20])
    clusters = clustering.fit(points, 3, seed=0)  # Ordered by size: 1, 0, 2.
    merged = clusters.merged([0, 1, 1])
    assert len(clusters) == 3
    assert len(merged) == 2
    assert merged.assign(points).index.tolist() == np.array([0, 1, 0])[label].tolist()
    means, spread = merged.middles()
    np.testing.assert_allclose(means[0], points[label != 1].mean(axis=0), atol=1e-4)
    assert spread.shape == (2,)
    between = (clusters.centroids[1] + clusters.centroids[2]) / 2
    near = clusters.centroids[1] + 0.02 * (between - clusters.centroids[1])
    alone, together = (one.assign(near[None]).confidence[0] for one in (clusters, merged))
    assert together >= alone
    again = Clusters.from_state(merged.state())
    assert again.assign(points).index.tolist() == merged.assign(points).index.tolist()


def test_half_way_between_two_centroids_of_one_class_is_certain() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(at, 0.3, (50, 2)) for at in (0, 1)]).astype(np.float32)
    clusters = clustering.fit(values, 2, seed=0)
    between = clusters.centroids.mean(axis=0, keepdims=True)
    assert clusters.assign(between).confidence[0] == pytest.approx(0.5, abs=0.05)
    assert clusters.merged([7, 7]).assign(between).confidence[0] > 0.95
