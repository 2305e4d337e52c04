"""How pictures are cut into chunks."""

from types import SimpleNamespace

import pytest
from pyspark.sql import functions as F

from unposed_jobs.config import PoseSettings, Settings
from unposed_jobs.distributed.chunks import MOST_COMMITS, PARTS, Cut, commits, cut
from unposed_jobs.jobs import extract
from unposed_jobs.jobs.context import Context


@pytest.mark.parametrize(
    ("pictures", "tasks", "whole", "parts"),
    [
        (1200, 2, 4, 8),  # Three turns, the last in quarters.
        (600, 2, 2, 8),
        (512, 2, 2, 0),
        (100, 8, 8, 0),
        (3, 8, 3, 0),  # No chunk is empty.
        (0, 8, 0, 0),
        (256_000, 1000, 1000, 0),
    ],
)
def test_all_tasks_have_as_many_chunks(pictures: int, tasks: int, whole: int, parts: int) -> None:
    assert cut(pictures, 256, tasks) == Cut(whole, parts)


def test_no_chunk_is_larger_than_told() -> None:
    for pictures in range(1, 400):
        for tasks in (1, 2, 3, 7):
            made = cut(pictures, 16, tasks)
            assert made.number >= 1
            assert pictures / made.quarters * PARTS <= 16
            assert made.whole % tasks == 0 or made.whole == pictures


def test_the_pictures_are_shared_out_as_they_are_cut(spark) -> None:
    made = Cut(3, 8)
    content = F.sha2(F.col("id").cast("string"), 256).alias("content_sha256")
    contents = spark.range(7000).select(content)

    def sizes(frame) -> dict[int, int]:
        found = frame.groupBy(F.spark_partition_id().alias("chunk")).count().collect()
        return {row["chunk"]: row["count"] for row in found}

    many = sizes(extract.chunked(contents, made))
    # Twenty shares of 350: twelve in the whole chunks, and one in each of the parts.
    assert sorted(many) == list(range(made.number))
    assert [many[chunk] for chunk in range(3)] == pytest.approx([1400] * 3, rel=0.15)
    assert [many[chunk] for chunk in range(3, 11)] == pytest.approx([350] * 8, rel=0.3)
    few = sizes(extract.chunked(contents.limit(6), Cut(3, 0)))
    assert few == {0: 2, 1: 2, 2: 2}


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
    assert cut(40_000, fed.chunk_size, fed.tasks) == Cut(20, 40)
