"""What a model names, once: rows that it has named before are read, the others named and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import functions as F

from unposed_jobs.distributed import frames
from unposed_jobs.jobs.identity import run_identity

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from unposed_jobs.jobs.context import Context
    from unposed_jobs.reference.bundle import Bundle
    from unposed_jobs.reference.registry import ModelRow


@dataclass(frozen=True)
class Names:
    """A table of names: its columns of a model's own rows."""

    table: str
    key: pa.Schema
    """What tells a row of one model and version from its others."""
    version: Mapping[str, str]
    """The column, and its value, of the version of what is named."""

    @property
    def schema(self) -> pa.Schema:
        """The key, with pose_id (null where it is like no class) and confidence."""
        own = [("pose_id", pa.int32()), ("confidence", pa.float32())]
        return pa.schema([*self.key, *(pa.field(name, kind) for name, kind in own)])


def named(
    job: Context,
    names: Names,
    wanted: DataFrame,
    model: ModelRow,
    *,
    load: Callable[[str], Bundle],
    look_up: Callable[[DataFrame], DataFrame],
    rows_of: Callable[[pa.Table], pa.Table],
) -> DataFrame:
    """(key, pose_id, confidence) of all that `model` has named, the `wanted` keys among them; of
    these the new ones are added to the table.

    `look_up` adds to keys what they are named by, which is done for the new ones alone, and
    `rows_of` makes of it, on an executor, what a bundle assigns; `load` gives the bundle there.
    """
    warehouse, version, uri = job.warehouse, model.model_version, model.artefact_uri
    schema = names.schema
    read_at = warehouse.snapshot_id(names.table)
    known = frames.read_table(job.spark, warehouse, names.table, {"model_version": version})
    known = known.where(F.col("model_version") == version)
    for column, value in names.version.items():
        known = known.where(F.col(column) == value)
    known = known.select(*schema.names)

    def assign(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in frames.gathered(batches):
            found = load(uri).assign(rows_of(pa.Table.from_batches([batch])))
            yield pa.RecordBatch.from_arrays(
                [
                    *(batch.column(name) for name in names.key.names),
                    found["pose_id"].combine_chunks().cast(pa.int32()),
                    found["confidence"].combine_chunks().cast(pa.float32()),
                ],
                schema=schema,
            )

    fresh = wanted.join(known, names.key.names, "left_anti")
    assigned = look_up(fresh).mapInArrow(assign, frames.spark_schema(schema)).persist()
    if not job.run.dry_run and not assigned.isEmpty():
        kept = assigned.withColumns(
            {"model_version": F.lit(version)}
            | {column: F.lit(value) for column, value in names.version.items()}
        )
        run_id = run_identity(
            "assign", job.run.run_date, version, names.table, *names.version.values()
        )
        staged = frames.stage(
            frames.with_bucket(kept, "content_sha256", job.settings.warehouse.buckets),
            warehouse.stage(names.table, run_id),
        )
        part = frames.digest(assigned, *names.key.names)
        warehouse.append(names.table, staged, run_id, part, read_at=read_at)
    return known.unionByName(assigned)
