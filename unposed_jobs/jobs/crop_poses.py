"""Which asks lie within pictures that a product has: parts of them, named by the champion.

A part that is framed as a shot is named as a picture of its own would be, by its landmarks: by the
classes that the audit goes by, whatever they are called.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import functions as F

from unposed_jobs.distributed import frames
from unposed_jobs.jobs import naming
from unposed_jobs.pictures import within
from unposed_jobs.remedies import cropping, views
from unposed_jobs.remedies.candidates import CROP

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from unposed_jobs.distributed.facts import Asked
    from unposed_jobs.jobs.context import Context
    from unposed_jobs.reference.bundle import Bundle
    from unposed_jobs.reference.registry import ModelRow

_KEY = pa.schema([("content_sha256", pa.string()), ("crop", pa.string())])


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
    fit = large.join(named.where("pose_id is not null"), _KEY.names).join(
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
    """(content_sha256, crop, pose_id, confidence) of all `shots`, as `model` names them; those that
    it has not named yet are added to `crop_poses`."""
    names = naming.Names("crop_poses", _KEY, {"facts_version": wanted.version})

    def with_landmarks(fresh: DataFrame) -> DataFrame:
        landmarks = frames.read_landmarks(job.spark, job.warehouse, model.estimator_id)
        return landmarks.where("status = 'ok'").join(fresh, "content_sha256")

    return naming.named(
        job,
        names,
        shots,
        model,
        load=load,
        look_up=with_landmarks,
        rows_of=cropping.cropped,
    )
