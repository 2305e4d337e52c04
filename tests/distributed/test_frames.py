"""Batches between Spark and Python."""

import pyarrow as pa
import pytest
from pyspark.sql import functions as F

from unposed_jobs.distributed import frames


def batch(*numbers: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"number": pa.array(numbers, pa.int64())})


@pytest.mark.parametrize(
    ("given", "sizes"),
    [([], []), ([1], [1]), ([3, 3], [6]), ([2, 2, 2, 1], [4, 3]), ([9, 1], [9, 1]), ([0, 1], [1])],
)
def test_gathered_batches_keep_every_row_in_order(given, sizes):
    numbers = iter(range(100))
    made = [batch(*(next(numbers) for _ in range(size))) for size in given]
    found = list(frames.gathered(made, 4))
    assert [one.num_rows for one in found] == sizes
    assert [row for one in found for row in one.column(0).to_pylist()] == list(range(sum(given)))


def test_products_reach_python_few_at_a_time(spark):
    """Whatever a list of pictures weighs, a task holds the lists of few products at once."""
    sizes = spark.range(0, 3000, 1, 1).select(F.array(F.col("id")).alias("pictures")).persist()

    def count(batches):
        for one in batches:
            yield pa.RecordBatch.from_pydict({"rows": pa.array([one.num_rows], pa.int64())})

    found = [row.rows for row in sizes.mapInArrow(count, "rows long").collect()]
    assert sum(found) == 3000
    assert max(found) <= 512
