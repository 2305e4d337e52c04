"""Landmarks that come from elsewhere, instead of pictures: the table as DataFrames.

Read and checked by the executors like the lists of products and images. Its rows take the place of
both steps of extraction: a row's digest is the picture's content, and its points are what an
estimator would have found.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from unposed_jobs import storage
from unposed_jobs.catalogue import landmark_layout, schemas, sources
from unposed_jobs.catalogue import landmarks as validation
from unposed_jobs.catalogue.fingerprints import FINGERPRINTED, LAST_SEEN_LAG
from unposed_jobs.catalogue.landmark_layout import Layout
from unposed_jobs.catalogue.schemas import FILE, ROW
from unposed_jobs.config import CatalogueSettings, Settings
from unposed_jobs.distributed import frames
from unposed_jobs.distributed.source_frames import read_rows, set_aside, sources_of, with_image_root
from unposed_jobs.errors import UnposedError
from unposed_jobs.warehouse import tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

BATCH_ROWS = 8192
"""Rows that an executor checks at once: 33 points are a kilobyte and more each."""
_PEEK_ROWS = 256


def plan(settings: Settings) -> tuple[list[sources.SourceFile], Layout]:
    """The table's files and its layout, from headers and, of list columns, the first few rows.

    Raises UnposedError in one line: not there, no columns of landmarks, or no row with any.
    """
    catalogue = settings.catalogue
    uri = catalogue.landmarks
    files = sources_of(uri, catalogue, settings, landmark_layout.layout)
    columns = sources.columns(uri, files, settings.warehouse)
    found = landmark_layout.layout(columns, catalogue, uri)
    return files, found or _list_layout(files, columns, catalogue)


def _list_layout(
    files: list[sources.SourceFile], columns: list[str], catalogue: CatalogueSettings
) -> Layout:
    uri, name = catalogue.landmarks, catalogue.landmarks_columns.get("landmarks", "landmarks")
    for file in files:
        for batch in sources.read(file, _PEEK_ROWS):
            length = validation.list_length(batch, name, uri)
            found = length and landmark_layout.layout(columns, catalogue, uri, length)
            if found:
                return found
    raise UnposedError(f"{storage.shown(uri)}: no row of the column {name} holds landmarks")


def read(
    spark: SparkSession, settings: Settings, catalogue: CatalogueSettings, images: DataFrame
) -> DataFrame:
    """Every row of the table: the columns of `schemas.LANDMARKS`, and why one was set aside.

    `images` are all rows of the images source with their `reason`. Of several rows of one
    picture the first is kept. Rows of pictures that are not listed are set aside, as well.
    """
    files, layout = plan(settings)
    rooted = with_image_root(catalogue)

    def validate(batch: pa.RecordBatch, where: str) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        return validation.landmarks(batch, layout, rooted, where)

    rows = read_rows(
        spark, files, schemas.ACCEPTED_LANDMARKS, "landmarks", validate, batch_rows=BATCH_ROWS
    )
    good = F.col("reason").isNull()
    same = Window.partitionBy("reason", "image_uri").orderBy(FILE, ROW)
    rows = rows.withColumn("nth", F.row_number().over(same)).withColumn(
        "kept", F.first("content_sha256").over(same)
    )
    listed = images.where("reason is null or reason = 'other_day'").select("image_uri").distinct()
    rows = rows.join(listed.withColumn("listed", F.lit(True)), "image_uri", "left")
    again = good & (F.col("nth") > 1)
    return set_aside(
        rows,
        (
            good & F.col("listed").isNull(),
            "unlisted_picture",
            "image_uri is not in the images source",
        ),
        (again & (F.col("content_sha256") == F.col("kept")), "repeated_row", "listed before"),
        (again, "duplicate_key", "the picture has other landmarks in a row before"),
        key=F.col("image_uri"),
        row=F.to_json(F.struct("image_uri", "status", "content_sha256")),
    ).drop("nth", "kept", "listed")


def fingerprinted(listed: DataFrame, landmarks: DataFrame, run_date: date) -> DataFrame:
    """Listed pictures (`fingerprints.LISTED`) as `fingerprints.FINGERPRINTED`, none opened.

    The content is the digest of the picture's landmarks; a picture without a row is `missing`.
    """
    rows = listed.join(
        landmarks.select("image_uri", F.col("content_sha256").alias("found_sha256")),
        "image_uri",
        "left",
    )
    digest, known, day = F.col("found_sha256"), F.col("known_sha256"), F.lit(run_date)
    error = "the picture has no row in [catalogue] landmarks, or the row is in catalogue_rejects"
    change = (
        F.when(digest.isNull(), "failed")
        .when(F.col("known_status").isNull(), "new")
        .when((F.col("known_status") == "ok") & (digest == known), "unchanged")
        .otherwise("changed")
    )
    columns = {
        "content_sha256": digest,
        "status": F.when(digest.isNull(), "missing").otherwise("ok"),
        "error": F.when(digest.isNull(), error),
        "first_seen": F.least(F.coalesce("known_first_seen", day), day),
        "last_seen": F.greatest(F.coalesce("known_last_seen", day), day),
        "change": change,
    }
    now = columns | {name: F.lit(None) for name in _UNTOLD}
    behind = F.datediff(columns["last_seen"], F.col("known_last_seen"))
    same = digest.eqNullSafe(known) & (behind < LAST_SEEN_LAG.days)
    for name in ("status", "first_seen", *_UNTOLD):
        same &= now[name].eqNullSafe(F.col(f"known_{name}"))
    columns["altered"] = ~F.coalesce(same, F.lit(False))
    kept = [F.lit(None).cast(kind).alias(name) for name, kind in _UNTOLD.items()]
    found = rows.select("image_uri", *kept, *(item.alias(name) for name, item in columns.items()))
    return found.select(*FINGERPRINTED.names)


def extracted(todo: DataFrame, landmarks: DataFrame, estimator_id: str) -> DataFrame:
    """The contents of `todo` (image_uri, content_sha256) as rows of the table `landmarks`, but for
    bucket and run_id. What only the picture's bytes would show is null.
    """
    rows = todo.join(landmarks, ["image_uri", "content_sha256"])
    rows = rows.withColumn("estimator_id", F.lit(estimator_id))
    wanted = [item for item in tables.LANDMARKS.schema if item.name not in ("bucket", "run_id")]
    return rows.select(
        *(
            F.col(field.name)
            if field.name in rows.columns
            else F.lit(None).cast(field.dataType).alias(field.name)
            for field in frames.spark_schema(pa.schema(wanted))
        )
    )


_UNTOLD = {"etag": "string", "size": "long", "last_modified": "timestamp"}
"""Columns of the picture itself, which was not read."""
