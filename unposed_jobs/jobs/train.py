"""The week's candidate model: the reference products' landmarks in, a checksummed bundle out.

The reference set is bounded by ``[training] top_k``, so it is the one thing that is gathered on
the driver: K products x their pictures x about a kilobyte.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import functions as F

from unposed_jobs import storage
from unposed_jobs.distributed import frames, ingest, popular
from unposed_jobs.jobs import estimator, life, vocabulary_table
from unposed_jobs.jobs.context import Context
from unposed_jobs.jobs.life import Life
from unposed_jobs.reference import registry
from unposed_jobs.reference.bundle import Bundle
from unposed_jobs.reference.registry import ModelRow
from unposed_jobs.reference.training import train_reference

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from unposed_jobs.config import Settings
    from unposed_jobs.jobs.entry import Run
    from unposed_jobs.warehouse import Warehouse

_PRODUCT = ("category", "subcategory", "product_type", "average_rating", "rating_count")
_FOUND = (
    "landmarks",
    "pose_score",
    "person_count",
    "person_confidence",
    "person_probability",
    "perceptual_hash",
    "statistics",
    "width",
    "height",
)


def run(spark: SparkSession, settings: Settings, run: Run) -> ModelRow:
    """Train, save the bundle and record it as a candidate; returns its row of `models`.

    The model's version is a digest of the bundle, and ids are kept from the champion of an
    earlier day, so the same day trained twice gives the same model.

    Raises UnposedError where the reference is too small or has no landmarks.
    """
    with life.begin("train", settings, run) as current:
        return _train(spark, settings, run, current)


def _train(spark: SparkSession, settings: Settings, run: Run, current: Life) -> ModelRow:
    warehouse = current.warehouse
    settings = estimator.resolve(warehouse, settings)
    estimator_id = estimator.identify(settings)
    catalogue = ingest.read_catalogue(spark, settings, run.run_date)
    rejected = current.figures["rejected"] = ingest.count(catalogue)
    ingest.check_budget(catalogue, rejected, settings)
    pictures = pictures_with_landmarks(
        Context(spark, settings, run, warehouse),
        catalogue.images,
        popular.reference_products(catalogue, settings),
        estimator_id,
    )
    before = registry.predecessor(warehouse, run.run_date, estimator_id)
    bundle = train_reference(
        pictures,
        settings.training,
        run_date=run.run_date,
        estimator_id=estimator_id,
        attributes=settings.catalogue.cohort_attributes,
        champion=Bundle.load(before.artefact_uri) if before else None,
        data={
            "contents": _digest(pictures),
            "predecessor": before.model_version if before else None,
        },
        progress=run.progress,
    )
    version = current.model_version = bundle.model_version
    current.figures |= bundle.metrics
    run_id = current.run_id = vocabulary_table.training_run(run.run_date, version)
    uri = storage.join(settings.training.bundles, version)
    row = _candidate(warehouse, bundle, settings, uri, run_id)
    if not run.dry_run:
        bundle.save(uri)
        current.snapshots["vocabulary"] = warehouse.replace_rows(
            "vocabulary",
            {"model_version": version},
            vocabulary_table.learned(bundle, run_id),
            run_id,
        )
        current.snapshots["models"] = registry.record(warehouse, [row], run_id)
    current.rows |= {"vocabulary": bundle.vocabulary.num_rows, "models": 1}
    run.progress(
        f"trained {version} on {bundle.metrics['pictures']} pictures of "
        f"{bundle.metrics['products']} products: {bundle.active.num_rows} poses, "
        f"{bundle.metrics['order_reason']}" + (" (dry run, not kept)" if run.dry_run else "")
    )
    return row


def _candidate(
    warehouse: Warehouse, bundle: Bundle, settings: Settings, uri: str, run_id: str
) -> ModelRow:
    """The model's row of `models`: the one that is there, else a new candidate's."""
    known = {row.model_version: row for row in registry.models(warehouse)}
    row = known.get(bundle.model_version)
    if row is not None and row.status == "rejected":
        # Trained again: decided again, perhaps with another limit or against another champion.
        return dataclasses.replace(row, status="candidate", reason=None)
    return row or ModelRow(
        model_version=bundle.model_version,
        status="candidate",
        estimator_id=bundle.estimator_id,
        artefact_uri=uri,
        checksums=bundle.checksums,
        parameters=bundle.parameters | {estimator.PARAMETER: settings.pose.estimator},
        metrics=bundle.metrics,
        run_date=bundle.run_date,
        promoted_on=None,
        reason=None,
        run_id=run_id,
    )


def pictures_with_landmarks(
    job: Context, images: DataFrame, products: DataFrame, estimator_id: str
) -> pa.Table:
    """One row for each picture of a bounded set of products: what `train_reference` takes.

    `products` has the catalogue's columns and `popularity`. A picture without landmarks has the
    status `unreadable`.
    """
    extra = [name for name in job.settings.catalogue.cohort_attributes if name not in _PRODUCT]
    products = products.select(
        "product_id",
        *_PRODUCT,
        "popularity",
        *(F.col("attributes")[name].alias(name) for name in extra),
    )
    contents = frames.read_table(job.spark, job.warehouse, "images")
    found = frames.read_landmarks(job.spark, job.warehouse, estimator_id).select(
        "content_sha256", F.col("status").alias("landmark_status"), *_FOUND
    )
    return (
        images.select("product_id", "image_uri")
        .join(products, "product_id")
        .join(contents.select("image_uri", "content_sha256"), "image_uri", "left")
        .join(found, "content_sha256", "left")
        .withColumn("status", F.coalesce("landmark_status", F.lit("unreadable")))
        .drop("landmark_status")
        .toArrow()
    )


def _digest(pictures: pa.Table) -> str:
    """Names the data that was learned from: which contents of which products."""
    pairs = zip(
        pictures["product_id"].to_pylist(), pictures["content_sha256"].to_pylist(), strict=True
    )
    text = "\n".join(sorted(f"{product} {content}" for product, content in pairs))
    return hashlib.sha256(text.encode()).hexdigest()
