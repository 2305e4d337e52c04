import numpy as np
import pyarrow as pa
import pytest

from unposed_jobs.audit.duplicates import parse_hashes, repeated_pictures

# 32 of 64 bits set, as in a hash of a picture with something in it.
TELLING = 0xF0F0F0F0F0F0F0F0
FLAT = 0x8000000000000000


def text(value: int) -> str:
    return f"{value:016x}"


def repeats(sizes, contents, hashes, distance=4, considered=None):
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    found = repeated_pictures(
        offsets,
        pa.array(contents, pa.string()),
        pa.array(hashes, pa.string()),
        distance,
        None if considered is None else np.array(considered),
    )
    return (found >= 0).tolist()


def test_the_first_of_equal_bytes_is_kept():
    assert repeats([3], ["a", "b", "a"], [None] * 3) == [False, False, True]


@pytest.mark.parametrize(("bits", "repeated"), [(0b1111, True), (0b11111, False)])
def test_hashes_within_the_distance_are_repeats(bits, repeated):
    assert repeats([2], ["a", "b"], [text(TELLING), text(TELLING ^ bits)]) == [False, repeated]


def test_products_do_not_share_repeats():
    assert repeats([1, 0, 2], ["a", "a", "a"], [text(TELLING)] * 3) == [False, False, True]


def test_a_chain_of_small_changes_does_not_collapse():
    hashes = [text(TELLING), text(TELLING ^ 0b111), text(TELLING ^ 0b111111)]
    # The third is near the second, a repeat itself, but 6 bits from the kept first.
    assert repeats([3], ["a", "b", "c"], hashes) == [False, True, False]


@pytest.mark.parametrize("flat", [text(FLAT), text(0), "f" * 16])
def test_flat_pictures_repeat_only_by_their_bytes(flat):
    assert repeats([3], ["red", "green", "red"], [flat] * 3) == [False, False, True]


@pytest.mark.parametrize("bad", [None, "", "xyz", "g" * 16])
def test_an_absent_or_malformed_hash_matches_nothing(bad):
    assert repeats([2], ["a", "b"], [bad, bad]) == [False, False]


def test_null_bytes_are_not_equal_bytes():
    assert repeats([2], [None, None], [None, None]) == [False, False]


def test_rows_not_considered_neither_lead_nor_follow():
    assert repeats([3], ["a", "a", "a"], [None] * 3, considered=[False, True, True]) == [
        False,
        False,
        True,
    ]


def test_a_repeat_names_the_kept_picture():
    found = repeated_pictures(
        np.array([0, 3, 6]),
        pa.array(["x", "a", "a", "a", "b", "b"]),
        pa.nulls(6, pa.string()),
        4,
        np.array([True, True, True, False, True, True]),
    )
    assert found.tolist() == [-1, -1, 1, -1, -1, 4]


def test_empty():
    assert repeats([], [], []) == []
    assert repeats([0, 0], [], []) == []


def test_hashes_are_read_most_significant_digit_first():
    values, telling = parse_hashes(pa.array(["0123456789ABCDEF", None, "0" * 16]))
    assert values.tolist() == [0x0123456789ABCDEF, 0, 0]
    assert telling.tolist() == [True, False, False]


def test_agrees_with_the_plain_loop():
    random = np.random.default_rng(7)
    sizes = random.integers(0, 9, 60)
    count = int(sizes.sum())
    values = [TELLING ^ int(random.integers(0, 1 << 5)) for _ in range(count)]
    contents = [str(value) for value in random.integers(0, 30, count)]
    expected = []
    start = 0
    for size in sizes:
        kept: list[int] = []
        for row in range(start, start + size):
            same = any(
                contents[row] == contents[other] or (values[row] ^ values[other]).bit_count() <= 2
                for other in kept
            )
            expected.append(same)
            if not same:
                kept.append(row)
        start += size
    assert repeats(sizes, contents, [text(v) for v in values], distance=2) == expected
    assert any(expected)
    assert not all(expected)
