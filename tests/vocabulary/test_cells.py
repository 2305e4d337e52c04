import numpy as np

from unposed_jobs.vocabulary import cells, clustering


def cloud(centre: tuple[float, float], count: int, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 0.1, (count, 2))
    return (np.array(centre) + noise).astype(np.float32)


def owners(count: int, products: int) -> np.ndarray:
    return np.array([f"P{row % products}" for row in range(count)])


def sure(count: int) -> np.ndarray:
    return np.ones(count)


def one_centroid(codes: np.ndarray) -> clustering.Clusters:
    return clustering.describe(codes, codes.mean(axis=0, keepdims=True))


def test_a_shot_that_shares_a_centroid_gets_one_of_its_own() -> None:
    codes = np.concatenate([cloud((0, 0), 40, 0), cloud((1, 0), 6, 1)])
    reading = np.array(["legs, front"] * 40 + ["legs, back"] * 6)
    divided = cells.divide(one_centroid(codes), codes, reading, owners(46, 9), sure(46))
    assert len(divided.centroids) == 2
    found = divided.nearest(codes)
    assert len(set(found[:40])) == len(set(found[40:])) == 1


def test_too_few_pictures_or_products_or_no_gap_divide_nothing() -> None:
    codes = np.concatenate([cloud((0, 0), 20, 0), cloud((1, 0), 6, 1)])
    reading = np.array(["legs, front"] * 20 + ["legs, back"] * 6)
    single = owners(26, 9)
    single[20:] = "P1"
    whole = one_centroid(codes)
    assert len(cells.divide(whole, codes, reading, single, sure(26)).centroids) == 1
    few = codes[:22]
    told = cells.divide(one_centroid(few), few, reading[:22], owners(22, 9), sure(22))
    assert len(told.centroids) == 1
    close = cloud((0, 0), 40, 2)
    crossed = np.where(close[:, 0] > 0, "front", "three-quarter")
    told = cells.divide(one_centroid(close), close, crossed, owners(40, 9), sure(40))
    assert len(told.centroids) == 1


def test_a_shot_that_is_scattered_over_centroids_gets_one() -> None:
    codes = np.concatenate(
        [cloud((0, 0), 30, 0), cloud((4, 0), 30, 1), cloud((1.9, 3), 2, 2), cloud((2.1, 3), 2, 3)]
    )
    reading = np.array(["front"] * 30 + ["back"] * 30 + ["legs"] * 4)
    two = clustering.describe(codes, np.array([[0, 0], [4, 0]], dtype=np.float32))
    assert len(set(two.nearest(codes[-4:]))) == 2
    found = cells.divide(two, codes, reading, owners(64, 9), sure(64))
    assert len(found.centroids) == 3
    assert len(set(found.nearest(codes[-4:]))) == 1


def test_rare_pictures_that_are_surely_read_are_a_class_and_doubtful_ones_are_not() -> None:
    codes = np.concatenate([cloud((0, 0), 30, 0), cloud((9, 9), 3, 2)])
    clusters = clustering.fit(codes, 2, seed=0)
    trust = sure(33)
    assert len(cells.without_tiny(clusters, codes, owners(33, 12), trust)) == 2
    trust[30:] = 0.5
    assert len(cells.without_tiny(clusters, codes, owners(33, 12), trust)) == 1


def test_a_rare_shot_is_a_class_only_if_a_second_product_repeats_it() -> None:
    codes = np.concatenate([cloud((0, 0), 30, 0), cloud((9, 9), 3, 2)])
    clusters = clustering.fit(codes, 2, seed=0)
    owner = owners(33, 12)
    owner[30:] = ["P1", "P1", "P2"]
    assert len(cells.without_tiny(clusters, codes, owner, sure(33))) == 2
    owner[30:] = "P1"
    assert len(cells.without_tiny(clusters, codes, owner, sure(33))) == 1


def test_a_side_too_rare_for_a_class_is_joined_to_the_other_side() -> None:
    codes = np.concatenate([cloud((0, 0), 30, 0), cloud((3, 0), 12, 1), cloud((3, 3), 2, 2)])
    clusters = clustering.describe(codes, np.array([[0, 0], [3, 0], [3, 3]], dtype=np.float32))
    joined = cells.joined(clusters, [0, 1, 1], codes, owners(44, 12), sure(44))
    assert len(joined) == 2
    assert len(set(joined.assign(codes).index[30:])) == 1
    kept = cells.joined(clusters, [0, 1, 2], codes, owners(44, 12), sure(44))
    assert len(kept) == 3


def test_three_false_persons_are_no_class() -> None:
    codes = np.concatenate([cloud((0, 0), 30, 0), cloud((3, 0), 20, 1), cloud((9, 9), 3, 2)])
    trust = sure(53)
    trust[-3:] = 0.4
    clusters = clustering.fit(codes, 3, seed=0)
    kept = cells.without_tiny(clusters, codes, owners(53, 12), trust)
    assert len(clusters) == 3
    assert len(kept) == 2
    assert (kept.assign(codes).index[-3:] == -1).all()


def test_the_pictures_of_one_product_are_no_class_and_one_class_always_stays() -> None:
    codes = np.concatenate([cloud((0, 0), 30, 0), cloud((3, 0), 8, 1)])
    owner = owners(38, 12)
    owner[30:] = "P1"
    clusters = clustering.fit(codes, 2, seed=0)
    assert len(cells.without_tiny(clusters, codes, owner, sure(38))) == 1
    alone = np.array(["P1"] * 38)
    assert len(cells.without_tiny(clusters, codes, alone, sure(38))) == 1
