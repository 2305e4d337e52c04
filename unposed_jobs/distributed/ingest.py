"""The day's catalogue as DataFrames: read, checked and set aside by the executors.

Each task reads planned files of the source and validates them batch by batch; rows never pass
the driver. What one batch cannot decide is decided here: keys listed twice, pictures of unknown
products, and which pictures are shown on the day. The same source gives the same rows, however
the tasks run: of two rows the one in the earlier file, then the earlier row, is kept.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from unposed_jobs.catalogue import schemas, validation
from unposed_jobs.catalogue.schemas import COUNTED, FILE, HARMLESS, PART, REASONS, REJECTS, ROW
from unposed_jobs.config import CatalogueSettings, Settings
from unposed_jobs.distributed import landmark_table
from unposed_jobs.distributed.session import user_errors
from unposed_jobs.distributed.source_frames import (
    as_meant,
    read_rows,
    set_aside,
    sources_of,
    with_image_root,
)
from unposed_jobs.errors import ErrorBudgetExceededError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_OTHER_DAY = "other_day"
"""Of a picture that is not shown on the day: neither accepted nor set aside."""
_REJECT = [item for item in REJECTS.names if item not in (FILE, ROW)]


@dataclass(frozen=True)
class Catalogue:
    """One day's catalogue. Reading happens once, at the first action on any of the frames."""

    products: DataFrame
    """Columns of `schemas.PRODUCTS`; product_id is unique."""
    images: DataFrame
    """Columns of `schemas.IMAGES`, of the pictures shown on the day; (product_id, image_uri) is
    unique and every product is in `products`."""
    rejects: DataFrame
    """Rows set aside: columns of the table `catalogue_rejects` but run_id."""
    outcomes: DataFrame
    """source and reason of every source row: null where accepted, `other_day` where the
    picture is not shown on the day."""
    landmarks: DataFrame | None = None
    """Where asked for and configured: columns of `schemas.LANDMARKS`; image_uri is unique, and
    listed on some day."""
    videos: DataFrame | None = None
    """Where asked for and configured: as `images`, with video_uri in the place of image_uri."""


def read_catalogue(
    spark: SparkSession,
    settings: Settings,
    run_date: date,
    *,
    landmarks: bool = False,
    carried: bool = False,
    videos: bool = False,
) -> Catalogue:
    """Plan the sources and describe the day's rows; the executors read them when asked.

    A picture is shown from added_at until the day before removed_at. Rows that repeat a product
    word for word, or a picture of a product, are kept once (`repeated_row`); a product listed
    twice with different values is a `duplicate_key`, but for those of `[catalogue] carry`: a shop's
    rows of variants differ in them, and the first row's are kept, where `carried` asks for them.
    With `landmarks`, a table of landmarks is a further source, where there is one
    (`landmark_table`), and with `videos` a table of videos.

    Raises UnposedError where a source is absent or lacks a column. A file that turns out to be
    damaged is raised by the first action; wrap it in `session.user_errors`.
    """
    catalogue = _with_signal(settings)
    products = _products(spark, catalogue, settings, carried=carried).persist()
    images = _images(spark, catalogue, settings, products, run_date).persist()
    frames = {"products": products, "images": images}
    if landmarks and catalogue.landmarks:
        frames["landmarks"] = landmark_table.read(spark, settings, catalogue, images).persist()
    if videos and catalogue.videos:
        listed = _of_videos(catalogue)
        frames["videos"] = _images(
            spark, listed, settings, products, run_date, source="videos"
        ).persist()
    accepted = F.col("reason").isNull()
    day = F.lit(run_date).alias("run_date")
    rejected = F.col("reason").isNotNull() & ~F.col("reason").isin(_OTHER_DAY, *COUNTED)
    if catalogue.products == catalogue.images:
        rejected &= F.col("reason") != "no_picture"  # a row of a variant
    if catalogue.products in (catalogue.images, catalogue.landmarks):
        # One row for each picture repeats its product: nothing that anyone should mend.
        rejected &= (F.col("source") != "products") | (F.col("reason") != "repeated_row")
    rejects = [frame.where(rejected).select(day, *_REJECT) for frame in frames.values()]
    outcomes = [frame.select("source", "reason") for frame in frames.values()]
    return Catalogue(
        products=products.where(accepted).select(*schemas.PRODUCTS.names),
        images=images.where(accepted).select(*schemas.IMAGES.names),
        rejects=reduce(lambda one, more: one.unionByName(more), rejects),
        outcomes=reduce(lambda one, more: one.unionByName(more), outcomes),
        landmarks=frames["landmarks"].where(accepted).select(*schemas.LANDMARKS.names)
        if "landmarks" in frames
        else None,
        videos=frames["videos"]
        .where(accepted)
        .select(*schemas.IMAGES.names)
        .withColumnRenamed("image_uri", "video_uri")
        if "videos" in frames
        else None,
    )


def check_sources(settings: Settings) -> None:
    """Look at the sources' headers, without Spark; raises as `read_catalogue` does."""
    catalogue = _with_signal(settings)
    for uri, columns_of in (
        (catalogue.products, validation.product_columns),
        (catalogue.images, validation.image_columns),
    ):
        sources_of(uri, catalogue, settings, columns_of)
    if catalogue.videos:
        listed = _of_videos(catalogue)
        sources_of(listed.images, listed, settings, validation.image_columns)
    if catalogue.landmarks:
        landmark_table.plan(settings)


Counts = dict[str, dict[str, int]]
"""Rows by source and what became of them."""


def count(catalogue: Catalogue) -> Counts:
    """Count the rows of each source by what became of them, in one Spark job.

    Returns for `products`, `images` and, where they were read, `landmarks` and `videos`: rows,
    accepted, set_aside, other_day and each reason that occurred. A reason of `schemas.HARMLESS` is
    counted, but nothing is lost by it, so it is not in set_aside.
    """
    with user_errors():
        rows = catalogue.outcomes.groupBy("source", "reason").count().collect()
    counts = {}
    further = {"landmarks": catalogue.landmarks, "videos": catalogue.videos}
    read = [name for name, frame in further.items() if frame is not None]
    for source in ["products", "images", *read]:
        found = {row["reason"]: row["count"] for row in rows if row["source"] == source}
        reasons = {name: found[name] for name in REASONS if name in found}
        counts[source] = {
            "rows": sum(n for name, n in found.items() if name != "ignored_value"),
            "accepted": found.get(None, 0),
            "set_aside": sum(n for name, n in reasons.items() if name not in HARMLESS),
            _OTHER_DAY: found.get(_OTHER_DAY, 0),
            **reasons,
        }
    return counts


def check_budget(catalogue: Catalogue, counts: Counts, settings: Settings) -> None:
    """Hold the rows that were set aside to their bound; `counts` are those of `count`.

    Raises ErrorBudgetExceededError where more than `catalogue.error_budget` of a source's rows
    are set aside: of any one source, lest many pictures hide few products.
    """
    budget = settings.catalogue.error_budget
    for source, figures in counts.items():
        if figures["set_aside"] > budget * figures["rows"]:
            reasons = ", ".join(
                f"{name} {figures[name]}"
                for name in REASONS
                if name in figures and name not in HARMLESS
            )
            raise ErrorBudgetExceededError(
                f"{figures['set_aside']} of {figures['rows']} rows of the {source} source were "
                f"set aside ({reasons}), more than [catalogue] error_budget = {budget:g}; nothing "
                "was published. Mend the source, or raise the budget"
                f"{_examples(catalogue, source)}"
            )
        nothing = figures["accepted"] + figures[_OTHER_DAY] == 0 < figures.get("no_picture", 0)
        if source == "images" and nothing:
            raise ErrorBudgetExceededError(
                f"no row of the {source} source names a picture: is its column the right one? "
                "[catalogue.image_columns] image_uri, or [catalogue] picture_columns"
            )


def _examples(catalogue: Catalogue, source: str) -> str:
    """Three rows that were set aside, and why, as the end of a message."""
    lost = (F.col("source") == source) & ~F.col("reason").isin(*HARMLESS)
    with user_errors():
        rows = catalogue.rejects.where(lost).select("detail").limit(3).collect()
    return ". Such as: " + "; ".join(row["detail"] for row in rows) if rows else ""


def _with_signal(settings: Settings) -> CatalogueSettings:
    """The catalogue's settings; a column that popularity is trained on is a signal, too."""
    catalogue, signal = settings.catalogue, settings.training.popularity
    if signal == "weighted_rating" or signal in schemas.PRODUCTS.names:
        return catalogue
    signals = tuple(dict.fromkeys((*catalogue.popularity_signals, signal)))
    return dataclasses.replace(catalogue, popularity_signals=signals)


def _of_videos(catalogue: CatalogueSettings) -> CatalogueSettings:
    """The settings by which the videos' source is read as the one of pictures is."""
    columns = {"image_uri": "video_uri"} | {
        {"video_uri": "image_uri"}.get(ours, ours): theirs
        for ours, theirs in catalogue.videos_columns.items()
    }
    return dataclasses.replace(
        catalogue,
        images=catalogue.videos,
        image_columns=columns,
        picture_columns=(),
        only_rows={},
        layout="",
    )


def _products(
    spark: SparkSession, catalogue: CatalogueSettings, settings: Settings, *, carried: bool
) -> DataFrame:
    files = sources_of(catalogue.products, catalogue, settings, validation.product_columns)
    meant = as_meant(files, catalogue, catalogue.products)

    def validate(batch: pa.RecordBatch, where: str) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        return validation.products(batch, meant, where, carried=carried)

    rows = read_rows(spark, files, schemas.ACCEPTED_PRODUCTS, "products", validate)
    values = F.to_json(F.struct(*(name for name in schemas.PRODUCTS.names if name != "carried")))
    key = F.coalesce("product_id", "row_key")
    same = Window.partitionBy("key")
    first = Window.partitionBy("key", "reason").orderBy(FILE, ROW)
    good = F.col("reason").isNull()
    # Rows already set aside stay as they are: only accepted ones compete for a key.
    # The finer order first: the other window needs no sort of its own after it.
    rows = (
        rows.withColumn("key", key)
        .withColumn("nth", F.row_number().over(first))
        .withColumn("kept", F.first(values).over(first))
        .withColumn("listed", F.max(good).over(same))
    )
    further = (F.col("reason") == "missing_category") & F.col("listed")
    rows = rows.withColumn("reason", F.when(further, "continuation_row").otherwise(F.col("reason")))
    return set_aside(
        rows,
        (good & (F.col("nth") > 1) & (values == F.col("kept")), "repeated_row", "listed before"),
        (
            good & (F.col("nth") > 1),
            "duplicate_key",
            "product_id is listed before with other values",
        ),
        key=F.col("product_id"),
        row=values,
    ).drop("nth", "kept", "listed", "key")


def _images(
    spark: SparkSession,
    catalogue: CatalogueSettings,
    settings: Settings,
    products: DataFrame,
    run_date: date,
    *,
    source: str = "images",
) -> DataFrame:
    files = sources_of(catalogue.images, catalogue, settings, validation.image_columns)
    rooted = as_meant(files, with_image_root(catalogue), catalogue.images)

    def validate(batch: pa.RecordBatch, where: str) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        return validation.images(batch, rooted, where)

    rows = read_rows(spark, files, schemas.ACCEPTED_IMAGES, source, validate)
    good = F.col("reason").isNull()
    order = Window.partitionBy("reason", "product_id").orderBy(FILE, ROW, PART)
    rows = rows.withColumn(
        "position", F.coalesce("position", F.when(good, F.row_number().over(order)))
    )
    shown = F.coalesce(F.col("added_at") <= F.lit(run_date), F.lit(True)) & F.coalesce(
        F.col("removed_at") > F.lit(run_date), F.lit(True)
    )
    rows = rows.withColumn("reason", F.when(good & ~shown, _OTHER_DAY).otherwise(F.col("reason")))
    same = Window.partitionBy("reason", "product_id", "image_uri").orderBy(FILE, ROW, PART)
    rows = rows.withColumn("nth", F.row_number().over(same))
    known = products.where("reason is null").select("product_id", F.lit(True).alias("known"))
    rows = rows.join(known, "product_id", "left")
    return set_aside(
        rows,
        (
            good & F.col("known").isNull(),
            "unknown_product",
            "product_id is not in the products source, or was set aside there",
        ),
        (good & (F.col("nth") > 1), "repeated_row", "the product lists the picture before"),
        key=F.concat_ws(" ", "product_id", "image_uri"),
        row=F.to_json(F.struct(*schemas.IMAGES.names)),
    ).drop("nth", "known")
