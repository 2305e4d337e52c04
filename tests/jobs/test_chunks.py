"""How pictures are cut into chunks."""

from types import SimpleNamespace

import pytest

from unposed_jobs.config import PoseSettings, Settings
from unposed_jobs.jobs.chunks import MOST_COMMITS, commits, number
from unposed_jobs.jobs.context import Context


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
    assert commits(pictures, 256, 64, tasks) == expected


def test_a_task_that_feeds_a_gpu_takes_several_cores_and_larger_chunks() -> None:
    def job(cores: int, **conf: str) -> Context:
        given = {name.replace("_", "."): value for name, value in conf.items()}
        context = SimpleNamespace(defaultParallelism=cores, getConf=lambda: given)
        settings = Settings(pose=PoseSettings(chunk_size=100))
        return Context(SimpleNamespace(sparkContext=context), settings, None, None)

    plain = job(160)
    assert (plain.partitions, plain.tasks, plain.chunk_size) == (160, 160, 100)
    fed = job(160, spark_task_cpus="16", spark_task_resource_gpu_amount="1")
    assert (fed.partitions, fed.tasks, fed.chunk_size) == (160, 10, 1600)
    assert number(40_000, fed.chunk_size, fed.tasks) == 30
