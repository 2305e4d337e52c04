"""Landmarks of the day's new and changed pictures.

1. `fingerprint_pictures`: etag, size and date of every listed picture against the table
   `images`; only those that differ are read and hashed. One snapshot keeps the new state.
2. `extract_contents`: the contents that this estimator has not seen yet, chunk by chunk; each
   group of chunks is a commit to the table `landmarks`, so a lost night goes on where it was.

A picture that cannot be had or read becomes a status in those tables; too many of a kind, and the
run is refused (`budgets`). Where the landmarks come
from elsewhere (``[catalogue] landmarks``), no picture is opened: both steps take what that table
says, one commit each.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import functions as F

from unposed_jobs import storage
from unposed_jobs.catalogue import fingerprints, places
from unposed_jobs.config import Settings
from unposed_jobs.errors import ErrorBudgetExceededError, NothingToDoError
from unposed_jobs.jobs import budgets, chunks, followed, frames, ingest, landmark_table, reference
from unposed_jobs.jobs.context import Context
from unposed_jobs.jobs.extraction_figures import Told, speed
from unposed_jobs.jobs.identity import run_identity
from unposed_jobs.jobs.session import fit_shuffle
from unposed_jobs.warehouse import RunRecord, Warehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from unposed_jobs.jobs.entry import Run

_FAILED = storage.STATUSES
"""The statuses of a picture whose bytes cannot be had."""


def check(settings: Settings) -> None:
    """Raise UnposedError for what `run` would refuse and can be told without Spark."""
    storage.configure(places.allowed(settings))
    warehouse = Warehouse.open(settings.warehouse)
    landmark_table.estimator_of(followed.settings_for(warehouse, settings))
    ingest.check_sources(settings)


def run(spark: SparkSession, settings: Settings, run: Run) -> dict[str, Any]:
    """Extract; returns the figures that are also kept in the table `runs`.

    Raises ErrorBudgetExceededError where too many rows or pictures cannot be read, and
    UnposedError for what a user can mend: source, weights, estimator.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    storage.configure(places.allowed(settings))
    warehouse = Warehouse.open(settings.warehouse)
    settings = followed.settings_for(warehouse, settings)
    estimator_id = landmark_table.estimator_of(settings)
    catalogue = ingest.read_catalogue(spark, settings, run.run_date, landmarks=True)
    counts = ingest.check_budget(catalogue, settings)["images"]
    fit_shuffle(spark, counts["rows"])
    if not counts["accepted"] and counts["other_day"]:
        raise NothingToDoError(f"the catalogue lists no picture for {run.run_date}: nothing to do")
    run_id = run_identity(
        "extract", run.run_date, settings.pose, estimator_id, run.scope, run.limit, *_part(run)
    )

    images = catalogue.images
    if _part(run):
        number, of = run.shard
        share = F.pmod(F.xxhash64("image_uri", F.lit("shard")), F.lit(of))
        images = images.where(share == number - 1)
    if run.scope == "reference":
        chosen = reference.reference_products(catalogue, settings)
        images = images.join(chosen.select("product_id"), "product_id", "left_semi")
    job = Context(spark, settings, run, warehouse, budgets.Night(settings.extraction.night_seconds))
    tonight, figures = fingerprint_pictures(job, run_id, images, catalogue.landmarks)
    try:
        extracted = extract_contents(job, run_id, estimator_id, tonight, catalogue.landmarks)
        decoding = figures | extracted
        budgets.decoded(decoding, settings, lambda: _undecodable(job, estimator_id, tonight))
    finally:
        tonight.unpersist()
    snapshots = figures.pop("snapshots") | extracted.pop("snapshots")
    figures |= extracted | {"scope": run.scope, "shard": list(run.shard)}
    figures["seconds"] = round(time.monotonic() - clock, 1)
    told = [f"{name} {figures[name]}" for name in _FAILED if figures[name]]
    run.progress(
        f"pictures {figures['pictures']}, new {figures['new']}, changed {figures['changed']}, "
        f"unchanged {figures['unchanged']}, failed {figures['failed']}"
        f"{' (' + ', '.join(told) + ')' if told else ''}; "
        f"extracted {figures['extracted']} in {figures['seconds']} s"
        f"{speed(figures)}"
    )
    warehouse.record_run(
        RunRecord(
            run_id=run_id,
            job="extract",
            run_date=run.run_date,
            state="dry_run" if run.dry_run else "published",
            started_at=started,
            rows={"landmarks": 0 if run.dry_run else figures["extracted"]},
            figures=figures,
            snapshots=snapshots,
        )
    )
    if not run.dry_run:
        warehouse.publish_views()
    return figures


def _part(run: Run) -> tuple[str, ...]:
    """What names the part of the pictures, where it is one."""
    return () if run.shard[1] == 1 else ("shard {} of {}".format(*run.shard),)


def fingerprint_pictures(
    job: Context, run_id: str, images: DataFrame, landmarks: DataFrame | None = None
) -> tuple[DataFrame, dict[str, Any]]:
    """Find what is new or changed and keep the new state of the table `images`.

    `images` has the columns of catalogue.schemas.IMAGES; with `landmarks` (schemas.LANDMARKS) they
    are told by those and not looked at. Returns the listed pictures
    (`fingerprints.FINGERPRINTED`), and counts by change and by status. The frame is persisted and
    to be let go by the caller: the same question later in the session would find it again, and
    with it how the pictures were now.
    """
    warehouse, settings, run = job.warehouse, job.settings, job.run
    told = images.groupBy("image_uri").agg(
        *(F.max(name).alias(name) for name in ("etag", "size", "last_modified"))
    )
    if run.limit:
        told = told.orderBy(F.xxhash64("image_uri"), "image_uri").limit(run.limit)
    read_at = warehouse.snapshot_id("images")
    known = frames.read_table(job.spark, warehouse, "images")
    beside = known.select(
        "image_uri",
        F.col("content_sha256").alias("known_sha256"),
        *(
            F.col(name).alias(f"known_{name}")
            for name in ("status", "etag", "size", "last_modified", "first_seen", "last_seen")
        ),
    )
    pose, web, run_date = settings.pose, places.allowed(settings), run.run_date
    night = job.night

    def fingerprint(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        storage.configure(web)
        listed = (batch.select(fingerprints.LISTED.names) for batch in batches)
        for found in fingerprints.fingerprint_batches(listed, pose, run_date):
            night.check()
            yield found

    listed = told.join(beside, "image_uri", "left").select(*fingerprints.LISTED.names)
    if landmarks is not None:
        tonight = landmark_table.fingerprinted(listed, landmarks, run_date)
    else:
        tonight = listed.repartition(job.partitions).mapInArrow(
            fingerprint, frames.spark_schema(fingerprints.FINGERPRINTED)
        )
    tonight = tonight.persist()
    buckets = settings.warehouse.buckets
    bucket = F.when(F.col("altered"), frames.bucket_of("image_uri", buckets))
    counts = (
        tonight.groupBy("change", "status")
        .agg(F.count(F.lit(1)).alias("count"), F.collect_set(bucket).alias("altered"))
        .collect()
    )
    figures: dict[str, Any] = {
        "pictures": sum(row["count"] for row in counts),
        **{name: _total(counts, "change", name) for name in ("new", "changed", "touched")},
        "unchanged": _total(counts, "change", "unchanged"),
        "failed": _total(counts, "change", "failed"),
        **{name: _total(counts, "status", name) for name in _FAILED},
        "snapshots": {},
    }

    def examples(statuses: tuple[str, ...]) -> list[str]:
        lost = tonight.where(F.col("status").isin(*statuses)).select("error")
        return [row["error"] for row in lost.limit(budgets.EXAMPLES).collect()]

    try:
        budgets.fingerprinted(figures, settings, examples)
    except ErrorBudgetExceededError:
        tonight.unpersist()
        raise
    altered = sorted({number for row in counts for number in row["altered"]})
    if altered and not run.dry_run:
        # Whole buckets are written: those in which no picture is another one stay as they are.
        within = {"bucket": altered}
        columns = [field.name for field in known.schema if field.name not in ("bucket", "run_id")]
        others = frames.read_table(job.spark, warehouse, "images", within).join(
            tonight, "image_uri", "left_anti"
        )
        listed = tonight.where(frames.bucket_of("image_uri", buckets).isin(altered))
        state = others.select(*columns).unionByName(listed.select(*columns))
        staged = frames.stage(
            frames.with_bucket(state, "image_uri", buckets), warehouse.stage("images", run_id)
        )
        figures["snapshots"]["images"] = warehouse.replace_partitions(
            "images", within, staged, run_id, read_at=read_at
        )
    return tonight, figures


def extract_contents(
    job: Context,
    run_id: str,
    estimator_id: str,
    tonight: DataFrame,
    landmarks: DataFrame | None = None,
) -> dict[str, Any]:
    """Extract the contents without landmarks of this estimator, commit by commit.

    `tonight` has image_uri, content_sha256 and status. With `landmarks` there is nothing to
    compute, and one commit. Returns counts by landmark status.
    """
    warehouse, settings, run, pose = job.warehouse, job.settings, job.run, job.settings.pose
    web = places.allowed(settings)
    read_at, own = warehouse.snapshot_id("landmarks"), set[int]()
    work, total, unreadable = _work(job, estimator_id, tonight)
    todo = work.where("seen is null").select("content_sha256", "image_uri")
    groups = chunks.commits(total, job.chunk_size, pose.commit_chunks, job.tasks)
    if landmarks is not None:
        groups = min(groups, 1)
    figures: dict[str, Any] = {
        "to_extract": total,
        "extracted": 0,
        "ok": 0,
        "no_person": 0,
        "unreadable": 0,
        "lost": 0,
        "unreadable_pictures": unreadable,
        "snapshots": {},
    }
    if run.dry_run:
        work.unpersist()
        return figures
    told, examples = Told(), list[str]()
    group_of = F.pmod(F.xxhash64("content_sha256"), F.lit(groups))

    night = job.night

    def extract(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        storage.configure(web)
        for found in chunks.extract_chunks(batches, pose, estimator_id):
            night.check()
            yield found

    for group in range(groups):
        night.check()
        part = todo.where(group_of == group)
        if landmarks is not None:
            rows = landmark_table.extracted(part, landmarks, estimator_id)
        else:
            cut = chunks.cut(ceil(total / groups), job.chunk_size, job.tasks)
            rows = _chunked(part, cut).mapInArrow(extract, frames.spark_schema(chunks.EXTRACTED))
        rows = rows.persist()
        counts, digest = told.add(rows)
        if lost := counts.pop("lost", 0):
            figures["lost"] += lost
            gone = rows.where("status = 'lost'").select("error").limit(budgets.EXAMPLES)
            examples += [row["error"] for row in gone.collect()]
            budgets.extracted(figures, settings.extraction, examples[: budgets.EXAMPLES])
        kept = rows.where(~F.col("status").eqNullSafe("lost"))
        writing = time.monotonic()
        staged = frames.stage(
            frames.with_bucket(kept, "content_sha256", settings.warehouse.buckets),
            warehouse.stage("landmarks", run_id),
        )
        snapshot = warehouse.append(
            "landmarks", staged, run_id, part=digest, read_at=read_at, own=own
        )
        own.add(snapshot)
        figures["snapshots"]["landmarks"] = snapshot
        rows.unpersist()
        told.seconds["write"] += time.monotonic() - writing
        for status, count in counts.items():
            figures[status] += count
            figures["extracted"] += count
        run.progress(f"committed group {group + 1} of {groups}: {figures['extracted']} of {total}")
    if figures["unreadable"]:
        broken = _unreadable(job, estimator_id).join(work.where("seen is null"), "content_sha256")
        figures["unreadable_pictures"] += broken.agg(F.sum("pictures")).collect()[0][0] or 0
    work.unpersist()
    return figures | told.figures(figures)


def _work(job: Context, estimator_id: str, tonight: DataFrame) -> tuple[DataFrame, int, int]:
    """Contents that are not extracted yet (seen is null) or cannot be decoded (unreadable), with
    one of their addresses and the number of their pictures; how many contents the former are, and
    how many pictures the latter. The frame is persisted and to be let go by the caller.
    """
    seen = frames.read_landmarks(job.spark, job.warehouse, estimator_id).select(
        "content_sha256", F.col("status").alias("seen")
    )
    contents = (
        tonight.where("status = 'ok'")
        .groupBy("content_sha256")
        .agg(F.min("image_uri").alias("image_uri"), F.count(F.lit(1)).alias("pictures"))
    )
    work = contents.join(seen, "content_sha256", "left")
    work = work.where("seen is null or seen = 'unreadable'").persist()
    counts = work.groupBy("seen").agg(F.count(F.lit(1)), F.sum("pictures")).collect()
    found = {row[0]: (row[1], row[2]) for row in counts}
    return work, found.get(None, (0, 0))[0], found.get("unreadable", (0, 0))[1]


def _unreadable(job: Context, estimator_id: str) -> DataFrame:
    landmarks = frames.read_landmarks(job.spark, job.warehouse, estimator_id)
    return landmarks.where("status = 'unreadable'").select("content_sha256")


def _undecodable(job: Context, estimator_id: str, tonight: DataFrame) -> list[str]:
    """Some of the pictures that cannot be decoded, with the reason."""
    landmarks = frames.read_landmarks(job.spark, job.warehouse, estimator_id)
    bad = landmarks.where("status = 'unreadable'").select("content_sha256", F.col("error"))
    found = tonight.where("status = 'ok'").drop("error").join(bad, "content_sha256")
    rows = found.select("image_uri", "error").limit(budgets.EXAMPLES).collect()
    return [f"{storage.shown(row['image_uri'])}: {row['error']}" for row in rows]


def _chunked(contents: DataFrame, cut: chunks.Cut) -> DataFrame:
    """The contents with a partition for each chunk; Spark starts them in this order."""
    if not cut.parts:
        return contents.repartition(cut.number)
    # Seeded, so that it has nothing to do with the commit that the content is of.
    share = F.pmod(F.xxhash64("content_sha256", F.lit("chunk")), F.lit(cut.quarters))
    first_part = chunks.PARTS * cut.whole
    chunk = F.when(share < first_part, F.floor(share / chunks.PARTS)).otherwise(
        share - first_part + cut.whole
    )
    return contents.repartitionById(cut.number, chunk.cast("int"))


def _total(counts: list[Any], column: str, value: str) -> int:
    return sum(row["count"] for row in counts if row[column] == value)
