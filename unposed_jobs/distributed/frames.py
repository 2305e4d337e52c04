"""Between Spark and the warehouse: planned files in, staged files out; rows stay on executors."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from unposed_jobs.distributed.session import user_errors
from unposed_jobs.warehouse import tables

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from unposed_jobs.warehouse import StagedFile, Stager, Warehouse

STAGED = "table string, rows long, staged binary"


def spark_schema(schema: pa.Schema) -> Any:
    """The Spark schema of an Arrow one, metadata left out."""
    return from_arrow_schema(pa.schema([pa.field(item.name, item.type) for item in schema]))


def read_table(
    spark: SparkSession, warehouse: Warehouse, name: str, row_filter: Any = None
) -> DataFrame:
    """A table's present rows as a DataFrame, read by the executors from the planned files.

    `row_filter` ({column: value}, or a pyiceberg expression) prunes files; rows that share a file
    with matching ones may come along, so filter again where it matters.
    """
    schema = spark_schema(tables.TABLES[name].schema)
    files = warehouse.planned_files(name, row_filter)
    if not files:
        return spark.createDataFrame([], schema)
    return read_files(spark, files, name)


def read_landmarks(spark: SparkSession, warehouse: Warehouse, estimator_id: str) -> DataFrame:
    """The rows of `landmarks` of one estimator."""
    found = read_table(spark, warehouse, "landmarks", {"estimator_id": estimator_id})
    return found.where(F.col("estimator_id") == estimator_id)


def read_files(spark: SparkSession, files: list[str], name: str) -> DataFrame:
    """Parquet files of a table: local ones by Spark's own reader, others by Arrow on the
    executors (a plain Spark has no s3a).
    """
    schema = spark_schema(tables.TABLES[name].schema)
    if all(not file.startswith("s3:") for file in files):
        return spark.read.schema(schema).parquet(*files)
    arrow = pa.schema([pa.field(item.name, item.type) for item in tables.TABLES[name].schema])

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow.parquet as pq

        from unposed_jobs import storage

        for batch in batches:
            for uri in batch.column(0).to_pylist():
                with storage.open_input(uri) as source:
                    yield from _completed(pq.read_table(source), arrow).to_batches()

    references = spark.createDataFrame([(file,) for file in files], "uri string")
    return references.repartition(len(files)).mapInArrow(read, schema)


def _completed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The columns of `schema`; one that a file of an earlier version lacks is null."""
    columns = [
        table[item.name].cast(item.type)
        if item.name in table.column_names
        else pa.nulls(len(table), item.type)
        for item in schema
    ]
    return pa.table(columns, schema=schema)


def with_bucket(frame: DataFrame, key: str, buckets: int) -> DataFrame:
    """Add the hash partition of `key`, and gather by it: one task writes all of a bucket.

    Few rows are gathered into few tasks, each of which costs more than its rows.
    """
    return frame.withColumn("bucket", bucket_of(key, buckets)).repartition("bucket")


def bucket_of(key: str, buckets: int) -> Column:
    """The hash partition of the column `key`, the same as `warehouse.bucket_of`."""
    return (F.crc32(F.col(key)) % buckets).cast("int")


def digest(frame: DataFrame, *columns: str) -> str:
    """A digest of a frame's rows, whatever their order: sum and count of the rows' hashes.

    Without `columns`, of all of them.
    """
    total = digest_sum(*(columns or sorted(frame.columns)))
    row = frame.select(total.alias("total"), F.count(F.lit(1)).alias("rows")).collect()[0]
    return digest_of(row["total"], row["rows"])


def digest_sum(*columns: str) -> Column:
    """The part of a digest that is an aggregate, for who counts the rows in the same pass."""
    chosen = [F.col(name) for name in columns]
    return F.sum(F.xxhash64(F.to_json(F.struct(*chosen))).cast("decimal(38,0)"))


def digest_of(total: Any, rows: int) -> str:
    """The digest of so many rows with that `digest_sum`."""
    return f"{total}/{rows}"


def gathered(batches: Iterable[pa.RecordBatch], rows: int = 8192) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of at least `rows`, but for the last: for work whose start costs."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += batch.num_rows
        if count >= rows:
            yield pa.concat_batches(waiting)
            waiting, count = [], 0
    if waiting:
        yield pa.concat_batches(waiting)


def staged_batch(table: str, staged: Iterable[StagedFile]) -> pa.RecordBatch:
    """Staged files on their way from an executor to the driver (about half a kilobyte each).

    The pickle never rests anywhere: it crosses between two processes of one Spark application.
    """
    files = list(staged)
    return pa.RecordBatch.from_pydict(
        {
            "table": pa.array([table] * len(files), pa.string()),
            "rows": pa.array([file.rows for file in files], pa.int64()),
            "staged": pa.array([pickle.dumps(file) for file in files], pa.binary()),
        }
    )


def stage(frame: DataFrame, stager: Stager) -> list[StagedFile]:
    """Write a frame's rows as staged files on the executors; returns what to commit."""
    arrow = pa.schema(
        [
            pa.field(item.name, item.type)
            for item in tables.TABLES[stager.table].schema
            if item.name in frame.columns
        ]
    )

    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = (batch.select(arrow.names).cast(arrow) for batch in batches)
        yield staged_batch(stager.table, stager.write(rows))

    return collect_staged(frame.mapInArrow(write, STAGED))[stager.table]


def collect_staged(frame: DataFrame) -> dict[str, list[StagedFile]]:
    """The staged files of a frame of `staged_batch`es, by table.

    Raises CheckFailedError where an executor refused to stage a row.
    """
    files: dict[str, list[StagedFile]] = {name: [] for name in tables.TABLES}
    with user_errors():
        rows = frame.collect()  # Small descriptions; an iterator would run task after task.
    for row in rows:
        files[row["table"]].append(pickle.loads(row["staged"]))  # noqa: S301 - see staged_batch
    return files
