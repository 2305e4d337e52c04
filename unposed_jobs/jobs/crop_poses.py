"""Which asks lie within pictures that a product has: parts of them, named by the champion.

A part that is framed as a shot is named as a picture of its own would be, by its landmarks: by the
classes that the audit goes by, whatever they are called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import functions as F

from unposed_jobs.distributed import frames
from unposed_jobs.jobs.identity import run_identity
from unposed_jobs.pictures import within
from unposed_jobs.remedies import cropping, views
from unposed_jobs.remedies.candidates import CROP

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from unposed_jobs.distributed.facts import Asked
    from unposed_jobs.jobs.context import Context
    from unposed_jobs.reference.bundle import Bundle
    from unposed_jobs.reference.registry import ModelRow

_NAMED = pa.schema(
    [
        pa.field("content_sha256", pa.string()),
        pa.field("crop", pa.string()),
        pa.field("pose_id", pa.int32()),
        pa.field("confidence", pa.float32()),
    ]
)
_KEY = ["content_sha256", "crop"]


def candidates(
    job: Context,
    pictures: DataFrame,
    assigned: DataFrame,
    model: ModelRow,
    wanted: Asked,
    *,
    load: Callable[[str], Bundle],
) -> DataFrame:
    """For each product what `remedies.candidates` takes: (product_id, candidates).

    `pictures` are the day's, with product_id, image_uri and content_sha256; `assigned` the names of
    their poses. Crops that are smaller than ``[facts] least_crop`` are left out, and those of a
    side that their class does not usually show (`remedies.views`).
    """
    contents = pictures.where("landmark_status = 'ok'").select("content_sha256").distinct()
    shots = shots_within(job, wanted).join(contents, "content_sha256", "left_semi")
    named = name_crops(job, shots, model, wanted, load)
    large = shots.where(F.least("crop_width", "crop_height") >= job.settings.facts.least_crop)
    fit = large.join(named.where("pose_id is not null"), _KEY).join(
        F.broadcast(_usual_sides(job, assigned, wanted)), ["pose_id", "view"], "left_semi"
    )
    found = pictures.select("product_id", "image_uri", "content_sha256").join(fit, "content_sha256")
    candidate = F.struct(
        F.lit(CROP).alias("kind"),
        F.col("image_uri").alias("uri"),
        "pose_id",
        F.col("confidence").cast("double").alias("certainty"),
        "box",
        F.lit(None).cast("double").alias("seconds"),
    )
    return found.groupBy("product_id").agg(
        F.sort_array(F.collect_list(candidate)).alias("candidates")
    )


def _usual_sides(job: Context, assigned: DataFrame, wanted: Asked) -> DataFrame:
    """(pose_id, view) of the sides that each class usually shows among the day's pictures."""
    shown = _crops(job, wanted).select("content_sha256", "view").distinct()
    counted = assigned.where("pose_id is not null").join(shown, "content_sha256")
    counts = counted.groupBy("pose_id", "view").count().collect()  # A few for each class.
    usual = views.usual((row["pose_id"], row["view"], row["count"]) for row in counts)
    return job.spark.createDataFrame(sorted(usual), "pose_id int, view string")


def _crops(job: Context, wanted: Asked) -> DataFrame:
    crops = frames.read_table(
        job.spark, job.warehouse, "picture_crops", {"facts_version": wanted.version}
    )
    return crops.where(F.col("facts_version") == wanted.version)


def shots_within(job: Context, wanted: Asked) -> DataFrame:
    """The rows of `picture_crops` that hold a whole shot of a lesser framing than the picture's."""
    lesser: Column = reduce(
        or_,
        (
            (F.col("crop") == crop) & F.col("framing").isin(*larger)
            for crop, larger in within.LARGER.items()
        ),
    )
    whole = F.col("coverage") >= within.WHOLE
    return (
        _crops(job, wanted)
        .where(lesser & whole)
        .select(
            "content_sha256",
            "crop",
            "box",
            "view",
            F.col("width").alias("crop_width"),
            F.col("height").alias("crop_height"),
        )
    )


def name_crops(
    job: Context,
    shots: DataFrame,
    model: ModelRow,
    wanted: Asked,
    load: Callable[[str], Bundle],
) -> DataFrame:
    """Name the crops that `model` has not named yet, and add them to `crop_poses`.

    Returns (content_sha256, crop, pose_id, confidence) of all `shots`.
    """
    warehouse, version, uri = job.warehouse, model.model_version, model.artefact_uri
    run_id = run_identity("assign", job.run.run_date, version, "crops", wanted.version)
    read_at = warehouse.snapshot_id("crop_poses")
    named = frames.read_table(job.spark, warehouse, "crop_poses", {"model_version": version})
    own = (F.col("model_version") == version) & (F.col("facts_version") == wanted.version)
    named = named.where(own).select(*_NAMED.names)
    fresh = shots.join(named, _KEY, "left_anti")
    landmarks = frames.read_landmarks(job.spark, warehouse, model.estimator_id)
    rows = landmarks.where("status = 'ok'").join(fresh, "content_sha256")

    def assign(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        bundle = load(uri)
        for batch in frames.gathered(batches):
            found = bundle.assign(cropping.cropped(pa.Table.from_batches([batch])))
            yield pa.RecordBatch.from_arrays(
                [
                    batch.column("content_sha256"),
                    batch.column("crop"),
                    *(found[name].combine_chunks() for name in ("pose_id", "confidence")),
                ],
                schema=_NAMED,
            )

    assigned = rows.mapInArrow(assign, frames.spark_schema(_NAMED)).persist()
    if not job.run.dry_run and not assigned.isEmpty():
        kept = assigned.withColumns(
            {"model_version": F.lit(version), "facts_version": F.lit(wanted.version)}
        )
        staged = frames.stage(
            frames.with_bucket(kept, "content_sha256", job.settings.warehouse.buckets),
            warehouse.stage("crop_poses", run_id),
        )
        part = frames.digest(assigned, *_KEY)
        warehouse.append("crop_poses", staged, run_id, part, read_at=read_at)
    return named.unionByName(assigned)
