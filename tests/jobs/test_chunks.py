"""How pictures are cut into chunks."""

import pytest

from unposed_jobs.config import PoseSettings
from unposed_jobs.jobs.chunks import MOST_COMMITS, commits, number


@pytest.mark.parametrize(
    ("pictures", "tasks", "expected"),
    [
        (1200, 2, 6),  # Five would leave a core waiting for the fifth.
        (600, 2, 4),
        (512, 2, 2),
        (100, 8, 8),
        (3, 8, 3),  # No chunk is empty.
        (256_000, 1000, 1000),
    ],
)
def test_all_tasks_have_as_many_chunks(pictures: int, tasks: int, expected: int) -> None:
    assert number(pictures, 256, tasks) == expected


def test_no_chunk_is_larger_than_told() -> None:
    for pictures in range(1, 400):
        for tasks in (1, 2, 3, 7):
            chunks = number(pictures, 16, tasks)
            assert 1 <= chunks <= pictures
            assert -(-pictures // chunks) <= 16


@pytest.mark.parametrize(
    ("pictures", "tasks", "expected"),
    [
        (0, 2, 0),
        (1, 2, 1),
        (16_384, 2, 1),
        (16_385, 2, 2),
        (204_800, 100, 1),  # Eight chunks for each of the tasks.
        (204_801, 100, 2),
        (1_000_000_000, 2, MOST_COMMITS),  # A run's history stays short.
    ],
)
def test_commits_gather_chunks(pictures: int, tasks: int, expected: int) -> None:
    assert commits(pictures, PoseSettings(), tasks) == expected
