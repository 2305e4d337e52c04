"""Rows of facts on their way from executors into `picture_facts` and `picture_crops`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from unposed_jobs.distributed import frames
from unposed_jobs.distributed.facts import CROPS, FACTS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from unposed_jobs.distributed.facts import Asked
    from unposed_jobs.distributed.ingest import Catalogue
    from unposed_jobs.jobs.context import Context

TABLES = ("picture_crops", "picture_facts")
"""In this order: a content that has its facts has its crops."""


@dataclass(frozen=True)
class Since:
    """The tables' snapshots that the contents were looked for in: what came later is looked for
    again when rows are added."""

    snapshots: dict[str, int | None]
    half: DataFrame | None = None
    """content_sha256 of those that had crops and no facts then: their crops are not added again.
    None where the contents are new altogether."""

    @classmethod
    def now(cls, job: Context) -> Since:
        """The present ones, for contents that are new altogether."""
        return cls({name: job.warehouse.snapshot_id(name) for name in TABLES})

    def halves(self, job: Context, wanted: Asked, contents: DataFrame) -> Since:
        """The same for `contents` without facts, of which a run that ended may have left crops."""
        crops = frames.read_table(
            job.spark, job.warehouse, "picture_crops", {"facts_version": wanted.version}
        ).where(F.col("facts_version") == wanted.version)
        names = ("content_sha256",)
        half = contents.select(*names).join(crops.select(*names), "content_sha256", "left_semi")
        return replace(self, half=half)


def with_words(images: DataFrame, catalogue: Catalogue) -> DataFrame:
    """Pictures (product_id, image_uri) as (image_uri, about): their product's categories."""
    words = F.concat_ws(" ", "category", "subcategory", "product_type")
    products = catalogue.products.select("product_id", words.alias("about"))
    listed = images.select("product_id", "image_uri").join(products, "product_id")
    return listed.groupBy("image_uri").agg(F.min("about").alias("about"))


def keep(job: Context, run_id: str, wanted: Asked, rows: DataFrame, since: Since) -> int:
    """Add the facts and crops of persisted rows of `facts.MADE`; returns how many contents.

    Rows that are in the tables already stay as they are. Two commits, the crops' first: a run that
    ends between them is made good by the next, which finds contents without facts.
    """
    warehouse, buckets = job.warehouse, job.settings.warehouse.buckets
    have = rows.where("facts is not null").select("content_sha256", "facts", "crops")
    have = have.withColumn("facts_version", F.lit(wanted.version))
    whole = have if since.half is None else have.join(since.half, "content_sha256", "left_anti")
    crops = whole.select("facts_version", "content_sha256", F.explode("crops").alias("one"))
    names = [item.name for item in CROPS.value_type]
    parts = {
        "picture_crops": crops.select("facts_version", "content_sha256", *_of("one", names)),
        "picture_facts": have.select(
            "facts_version", "content_sha256", *_of("facts", [item.name for item in FACTS])
        ),
    }
    digest = frames.digest(have, "content_sha256")
    kept = 0
    for name in TABLES:
        bucketed = frames.with_bucket(parts[name], "content_sha256", buckets)
        staged = frames.stage(bucketed, warehouse.stage(name, run_id))
        kept = sum(file.rows for file in staged)
        if kept:
            warehouse.append(
                name,
                staged,
                run_id,
                part=digest,
                leave_out_repeats=True,
                read_at=since.snapshots[name],
            )
    return kept


def _of(struct: str, names: list[str]) -> list[Any]:
    return [F.col(f"{struct}.{name}").alias(name) for name in names]
