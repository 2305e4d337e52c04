"""Frames of the products' videos as candidates for missing asks (`remedies.candidates`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import functions as F

from unposed_jobs.distributed import frames
from unposed_jobs.jobs import naming, videos
from unposed_jobs.jobs.context import Context
from unposed_jobs.reference.bundle import Bundle
from unposed_jobs.remedies.candidates import CANDIDATE, COLUMN, FRAME

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from unposed_jobs.reference.registry import ModelRow

_KEY = pa.schema([("content_sha256", pa.string()), ("second", pa.float64())])


def candidates(
    job: Context, listed: DataFrame, model: ModelRow, load: Callable[[str], Bundle]
) -> DataFrame:
    """(product_id, candidates), a list of `CANDIDATE`: the kept frames of each product's videos,
    with the pose that the champion names them.

    `listed` are the day's videos (product_id, video_uri); `load` gives the bundle of `model` on an
    executor. What this reader has not read yet shows nothing.
    """
    reader = videos.reader_id(job.settings)
    state = frames.read_table(job.spark, job.warehouse, "images").where("status = 'ok'")
    kept = frames.read_table(job.spark, job.warehouse, "video_frames", {"reader_id": reader})
    kept = kept.where(F.col("reader_id") == reader).where("landmarks is not null")
    contents = listed.join(
        state.select(F.col("image_uri").alias("video_uri"), "content_sha256"), "video_uri"
    )
    # A frame that is the best of an angle and of an attribute is one frame.
    shown = (
        kept.join(contents.select("content_sha256").distinct(), "content_sha256", "left_semi")
        .select(*_KEY.names)
        .distinct()
    )

    def with_landmarks(fresh: DataFrame) -> DataFrame:
        size = frames.read_table(job.spark, job.warehouse, "video_coverage", {"reader_id": reader})
        size = size.where(F.col("reader_id") == reader).select("content_sha256", "width", "height")
        whole = kept.select(*_KEY.names, "landmarks", "person_confidence")
        return fresh.join(whole, _KEY.names).dropDuplicates(_KEY.names).join(size, "content_sha256")

    names = naming.Names("frame_poses", _KEY, {"reader_id": reader})
    poses = naming.named(
        job, names, shown, model, load=load, look_up=with_landmarks, rows_of=_found
    )
    poses = shown.join(poses.where("pose_id is not null"), _KEY.names)
    candidate = {
        "kind": F.lit(FRAME),
        "uri": F.col("video_uri"),
        "pose_id": F.col("pose_id"),
        "certainty": F.col("confidence").cast("double"),
        "box": F.lit(None).cast("array<float>"),
        "seconds": F.col("second"),
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


def _found(kept: pa.Table) -> pa.Table:
    """Kept frames as rows of landmarks: somebody was found in each."""
    return kept.append_column("status", pa.array(["ok"] * len(kept), pa.string()))
