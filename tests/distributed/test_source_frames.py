"""Which task of Spark reads which file of a source."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from unposed_jobs.distributed.source_frames import tasks_of

_MIB = 1 << 20


@given(
    sizes=st.lists(st.integers(0, 40 * _MIB), max_size=60),
    cores=st.integers(1, 64),
)
def test_every_file_is_read_by_one_task_in_order(sizes: list[int], cores: int) -> None:
    shares = tasks_of(sizes, cores)

    assert [place for share in shares for place in share] == list(range(len(sizes)))
    assert all(share for share in shares)


def test_small_files_share_a_task_and_large_ones_have_their_own() -> None:
    assert tasks_of([_MIB] * 64 + [90 * _MIB] * 2, 2) == [
        *([*range(first, first + 8)] for first in range(0, 64, 8)),
        [64],
        [65],
    ]


def test_few_small_files_are_work_for_every_core() -> None:
    shares = tasks_of([1000] * 400, 4)

    assert len(shares) >= 16
    assert max(len(share) for share in shares) <= 25


def test_a_source_without_files_has_no_task() -> None:
    assert tasks_of([], 2) == []
