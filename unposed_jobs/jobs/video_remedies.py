"""Frames of the products' videos as candidates for missing asks (`remedies.candidates`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import functions as F

from unposed_jobs.distributed import frames
from unposed_jobs.jobs import videos
from unposed_jobs.jobs.context import Context
from unposed_jobs.reference.bundle import Bundle
from unposed_jobs.remedies.candidates import CANDIDATE, COLUMN, FRAME

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from unposed_jobs.reference.registry import ModelRow

_NAMED = pa.schema(
    [
        pa.field("content_sha256", pa.string()),
        pa.field("seconds", pa.float64()),
        pa.field("pose_id", pa.int32()),
        pa.field("certainty", pa.float64()),
    ]
)


def candidates(
    job: Context, listed: DataFrame, model: ModelRow, load: Callable[[str], Bundle]
) -> DataFrame:
    """(product_id, candidates), a list of `CANDIDATE`: the kept frames of each product's videos,
    with the pose that the champion names them.

    `listed` are the day's videos (product_id, video_uri); `load` gives the bundle of `model` on an
    executor. What this reader has not read yet shows nothing.
    """
    reader, uri = videos.reader_id(job.settings), model.artefact_uri
    state = frames.read_table(job.spark, job.warehouse, "images").where("status = 'ok'")
    known = frames.read_table(job.spark, job.warehouse, "video_frames", {"reader_id": reader})
    known = known.where(F.col("reader_id") == reader).where("landmarks is not null")
    contents = listed.join(
        state.select(F.col("image_uri").alias("video_uri"), "content_sha256"), "video_uri"
    )
    kept = known.join(
        contents.select("content_sha256").distinct(), "content_sha256", "left_semi"
    ).select("content_sha256", "second", "landmarks", "person_confidence")
    size = frames.read_table(job.spark, job.warehouse, "video_coverage", {"reader_id": reader})
    size = size.where(F.col("reader_id") == reader).select("content_sha256", "width", "height")
    kept = kept.dropDuplicates(["content_sha256", "second"]).join(size, "content_sha256")

    def name(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield from named(batch, load(uri)).to_batches()

    poses = kept.mapInArrow(name, frames.spark_schema(_NAMED))
    candidate = {
        "kind": F.lit(FRAME),
        "uri": F.col("video_uri"),
        "pose_id": F.col("pose_id"),
        "certainty": F.col("certainty"),
        "box": F.lit(None).cast("array<float>"),
        "seconds": F.col("seconds"),
    }
    assert list(candidate) == [field.name for field in CANDIDATE]
    return (
        contents.join(poses, "content_sha256")
        .groupBy("product_id")
        .agg(
            F.collect_list(
                F.struct(*(value.alias(field) for field, value in candidate.items()))
            ).alias(COLUMN)
        )
    )


def named(rows: pa.RecordBatch, bundle: Bundle) -> pa.Table:
    """Kept frames (content_sha256, second, landmarks, person_confidence, width, height) as
    `_NAMED`; those like no class are left out."""
    table = pa.Table.from_batches([rows])
    table = table.append_column("status", pa.array(["ok"] * len(table), pa.string()))
    found = bundle.assign(table)
    named_rows = pa.table(
        {
            "content_sha256": table["content_sha256"],
            "seconds": table["second"],
            "pose_id": found["pose_id"].cast(pa.int32()),
            "certainty": found["confidence"].cast(pa.float64()),
        },
        schema=_NAMED,
    )
    return named_rows.filter(pc.is_valid(named_rows["pose_id"]))
