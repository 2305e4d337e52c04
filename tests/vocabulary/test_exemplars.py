import numpy as np

from unposed_jobs.vocabulary import exemplars

HASHES = [f"{value:016x}" for value in (0, 2**16 - 1, 2**32 - 1, 2**48 - 1, 2**64 - 1)]


def choose(distance, quality, products, hashes=HASHES, count=3) -> list[int]:
    return exemplars.choose(np.array(distance), np.array(quality), products, hashes, count=count)


def test_the_most_typical_come_first() -> None:
    assert choose([5, 1, 3, 2, 4], [1] * 5, list("abcde")) == [1, 3, 2]


def test_a_badly_seen_picture_comes_last_however_typical() -> None:
    assert choose([0.1, 1, 1, 1, 1], [0.1, 1, 1, 1, 1], list("abcde")) == [1, 2, 3]


def test_products_differ_while_there_are_others() -> None:
    assert choose([2, 2.1, 2.2, 2.3, 2.4], [1] * 5, list("aaabc")) == [0, 3, 4]
    assert choose([1, 2, 3, 4, 5], [1] * 5, list("aaaaa"), count=2) == [0, 1]


def test_a_near_copy_is_no_further_example() -> None:
    copies = [HASHES[0], f"{3:016x}", HASHES[2], None, None]
    near = [2, 2.1, 2.2, 2.3, 2.4]
    assert choose(near, [1] * 5, list("abcde"), copies, count=5) == [0, 2, 3, 4]


def test_a_member_unlike_the_others_is_no_example() -> None:
    assert choose([1, 1.1, 1.2, 1.3, 2.5], [1] * 5, list("abcde"), count=5) == [0, 1, 2, 3]


def test_nothing_to_choose_from() -> None:
    assert choose([], [], [], []) == []


def test_what_is_typical_is_near_the_others_and_not_only_near_a_centroid_of_the_class() -> None:
    rng = np.random.default_rng(0)
    many, odd = rng.normal(0, 0.1, (30, 2)), np.array([[3.0, 0.0], [3.0, 0.0], [3.1, 0.0]])
    far = exemplars.typicality(np.concatenate([many, odd]).astype(np.float32))
    assert far[:30].max() < far[30:].min()
    assert exemplars.typicality(many[:1]).tolist() == [0]
    assert exemplars.typicality(rng.normal(0, 1, (500, 3))).shape == (500,)
