"""Landmarks of the day's new and changed pictures.

1. `compare_pictures`: etag, size and date of every listed picture against the table `images`; only
   those that differ are read and hashed. `keep_state` writes what is new, in one commit.
2. `extract_contents`: the contents that this estimator has not seen yet, chunk by chunk; each
   group of chunks is a commit to the table `landmarks`, so a lost night goes on where it was.

A picture that cannot be had or read becomes a status in those tables; too many of a kind, and the
run is refused (`budgets`). Where the landmarks come from elsewhere (``[catalogue] landmarks``), no
picture is opened: both steps take what that table holds, one commit each.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import functions as F

from unposed_jobs import storage
from unposed_jobs.catalogue import fingerprints, places
from unposed_jobs.config import Settings
from unposed_jobs.distributed import chunks, facts, frames, ingest, landmark_table, popular
from unposed_jobs.distributed.session import fit_shuffle
from unposed_jobs.errors import NothingToDoError
from unposed_jobs.jobs import budgets, estimator, fact_rows, life
from unposed_jobs.jobs.context import Context
from unposed_jobs.jobs.extraction_figures import Compared, Extracted, Tally
from unposed_jobs.jobs.identity import run_identity
from unposed_jobs.jobs.life import Life
from unposed_jobs.warehouse import Warehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from unposed_jobs.distributed.facts import Asked
    from unposed_jobs.jobs.entry import Run
    from unposed_jobs.warehouse.staging import StagedFile


def check(settings: Settings) -> None:
    """Validate settings and sources before Spark starts. Raises UnposedError."""
    storage.configure(places.allowed(settings))
    ingest.check_sources(settings)  # First: a wrong path makes no warehouse.
    warehouse = Warehouse.open(settings.warehouse)
    estimator.identify(estimator.resolve(warehouse, settings))
    facts.check(settings)


def run(spark: SparkSession, settings: Settings, run: Run) -> dict[str, Any]:
    """Extract; returns the figures that are also kept in the table `runs`.

    Raises ErrorBudgetExceededError where too many rows or pictures cannot be read, and
    UnposedError for what a user can mend: source, weights, estimator.
    """
    with life.begin("extract", settings, run) as current:
        return _extract(spark, settings, run, current)


def _extract(spark: SparkSession, settings: Settings, run: Run, current: Life) -> dict[str, Any]:
    clock, warehouse = time.monotonic(), current.warehouse
    storage.configure(places.allowed(settings))
    settings = estimator.resolve(warehouse, settings)
    estimator_id = estimator.identify(settings)
    catalogue = ingest.read_catalogue(spark, settings, run.run_date, landmarks=True)
    rejected = current.figures["rejected"] = ingest.count(catalogue)
    ingest.check_budget(catalogue, rejected, settings)
    counts = rejected["images"]
    fit_shuffle(spark, counts["rows"])
    if not counts["accepted"] and counts["other_day"]:
        raise NothingToDoError(f"the catalogue lists no picture for {run.run_date}: nothing to do")
    run_id = current.run_id = run_identity(
        "extract", run.run_date, settings.pose, estimator_id, run.scope, run.limit, *_part(run)
    )

    images = catalogue.images
    if _part(run):
        number, of = run.shard
        share = F.pmod(F.xxhash64("image_uri", F.lit("shard")), F.lit(of))
        images = images.where(share == number - 1)
    if run.scope == "reference":
        chosen = popular.reference_products(catalogue, settings)
        images = images.join(chosen.select("product_id"), "product_id", "left_semi")
    job = Context(spark, settings, run, warehouse, budgets.Night(settings.extraction.night_seconds))
    tonight = compare_pictures(job, images, catalogue.landmarks)
    pictures, compared = tonight.pictures, tonight.counts
    current.figures |= compared.figures() | {"scope": run.scope, "shard": list(run.shard)}
    try:
        budgets.fingerprinted(compared, settings, lambda statuses: _lost(pictures, statuses))
        if tonight.altered and not run.dry_run:
            current.snapshots["images"] = keep_state(job, run_id, tonight)
        extracted = Extracted()
        wanted = facts.asked(settings, estimator_id)
        words = None if wanted is None else fact_rows.with_words(catalogue.images, catalogue)
        asked = None if wanted is None or words is None else Also(wanted, words)
        for extracted in extract_contents(
            job, run_id, estimator_id, pictures, catalogue.landmarks, also=asked
        ):
            current.figures |= extracted.figures()
            current.rows["landmarks"] = extracted.extracted
            if extracted.snapshot is not None:
                current.snapshots["landmarks"] = extracted.snapshot
        budgets.decoded(
            compared, extracted, settings, lambda: _undecodable(job, estimator_id, pictures)
        )
    finally:
        pictures.unpersist()
    current.figures["seconds"] = round(time.monotonic() - clock, 1)
    failures = [f"{name} {count}" for name, count in compared.statuses.items() if count]
    run.progress(
        f"pictures {compared.pictures}, new {compared.new}, changed {compared.changed}, "
        f"unchanged {compared.unchanged}, failed {compared.failed}"
        f"{' (' + ', '.join(failures) + ')' if failures else ''}; "
        f"extracted {extracted.extracted}{extracted.speed()}; {current.figures['seconds']} s in all"
    )
    return current.figures


def _part(run: Run) -> tuple[str, ...]:
    """What names the part of the pictures, where it is one."""
    return () if run.shard[1] == 1 else ("shard {} of {}".format(*run.shard),)


@dataclass(frozen=True)
class Also:
    """Facts, made in the same pass."""

    wanted: Asked
    words: DataFrame
    """image_uri and about: the words of the product's categories."""


@dataclass(frozen=True)
class Tonight:
    """The listed pictures, compared with the table `images`."""

    pictures: DataFrame
    """`fingerprints.FINGERPRINTED`. Persisted, to be let go by whoever asked: the same question
    later in the session would find it again, and with it how the pictures were now."""
    counts: Compared
    altered: list[int]
    """The buckets of the table in which rows differ."""
    read_at: int | None
    """The snapshot of the table that they were compared with."""


def compare_pictures(
    job: Context, images: DataFrame, landmarks: DataFrame | None = None
) -> Tonight:
    """Find what is new or changed since the table `images` was written.

    `images` has the columns of catalogue.schemas.IMAGES; with `landmarks` (schemas.LANDMARKS) the
    pictures' state is taken from those, and no picture is opened.
    """
    settings, run = job.settings, job.run
    read_at = job.warehouse.snapshot_id("images")
    distinct = images.groupBy("image_uri").agg(
        *(F.max(name).alias(name) for name in ("etag", "size", "last_modified"))
    )
    if run.limit:
        distinct = distinct.orderBy(F.xxhash64("image_uri"), "image_uri").limit(run.limit)
    known = frames.read_table(job.spark, job.warehouse, "images").select(
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

    listed = distinct.join(known, "image_uri", "left").select(*fingerprints.LISTED.names)
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
    compared = Compared.of(_totals(counts, "change"), _totals(counts, "status"))
    altered = sorted({number for row in counts for number in row["altered"]})
    return Tonight(tonight, compared, altered, read_at)


def _lost(tonight: DataFrame, statuses: tuple[str, ...]) -> list[str]:
    """Some of the pictures of those statuses, with the reason."""
    lost = tonight.where(F.col("status").isin(*statuses)).select("error")
    return [row["error"] for row in lost.limit(budgets.EXAMPLES).collect()]


def keep_state(job: Context, run_id: str, tonight: Tonight) -> int:
    """Write the pictures' new state into the table `images`; returns its snapshot id.

    Whole buckets are written, where rows differ; others stay as they are. Raises ConflictError
    where another run wrote the table meanwhile.
    """
    warehouse, buckets = job.warehouse, job.settings.warehouse.buckets
    within = {"bucket": tonight.altered}
    known = frames.read_table(job.spark, warehouse, "images", within)
    columns = [field.name for field in known.schema if field.name not in ("bucket", "run_id")]
    others = known.join(tonight.pictures, "image_uri", "left_anti")
    listed = tonight.pictures.where(frames.bucket_of("image_uri", buckets).isin(tonight.altered))
    state = others.select(*columns).unionByName(listed.select(*columns))
    staged = frames.stage(
        frames.with_bucket(state, "image_uri", buckets), warehouse.stage("images", run_id)
    )
    return warehouse.replace_partitions("images", within, staged, run_id, read_at=tonight.read_at)


def extract_contents(
    job: Context,
    run_id: str,
    estimator_id: str,
    tonight: DataFrame,
    landmarks: DataFrame | None = None,
    *,
    also: Also | None = None,
) -> Iterator[Extracted]:
    """Extract contents without landmarks of this estimator; yields after each commit and at last.

    `tonight` has image_uri, content_sha256 and status. With `landmarks` there is nothing to
    compute, and one commit; with `also` each commit is followed by those of the facts. Raises
    ErrorBudgetExceededError where too many are lost or the night's time is over; what is committed
    stays.
    """
    warehouse, settings = job.warehouse, job.settings
    read_at, own = warehouse.snapshot_id("landmarks"), set[int]()
    work, total, unreadable = _work(job, estimator_id, tonight)
    todo = work.where("seen is null").select("content_sha256", "image_uri")
    if also is not None:
        todo = todo.join(also.words, "image_uri", "left")
        since = fact_rows.Since.now(job)
    most = chunks.commits(total, job.chunk_size, settings.pose.commit_chunks, job.tasks)
    groups = most if landmarks is None else min(most, 1)
    done = Extracted(to_extract=total, unreadable_pictures=unreadable)
    if job.run.dry_run:
        work.unpersist()
        yield done
        return
    tally, examples = Tally(), list[str]()
    group_of = F.pmod(F.xxhash64("content_sha256"), F.lit(groups))
    for group in range(groups):
        job.night.check()
        part = todo.where(group_of == group)
        if landmarks is not None:
            rows = landmark_table.extracted(part, landmarks, estimator_id)
        else:
            cut = chunks.cut(ceil(total / groups), job.chunk_size, job.tasks)
            rows = _extract_rows(job, chunked(part, cut), estimator_id, also)
        rows = rows.persist()
        counts, digest = tally.add(rows)
        if lost := counts.pop("lost", 0):
            done = done.losing(lost)
            examples += _why_lost(rows)
            budgets.extracted(done, settings.extraction, examples[: budgets.EXAMPLES])
        writing = time.monotonic()
        staged = _stage_rows(job, run_id, rows)
        snapshot = warehouse.append(
            "landmarks", staged, run_id, part=digest, read_at=read_at, own=own
        )
        own.add(snapshot)
        if also is not None:
            made = rows.where("status in ('ok', 'no_person')")
            fact_rows.keep(job, run_id, also.wanted, made, since)
        rows.unpersist()
        tally.seconds["write"] += time.monotonic() - writing
        done = done.committing(counts, snapshot)
        job.run.progress(f"committed group {group + 1} of {groups}: {done.extracted} of {total}")
        yield done
    done = replace(done, measured=tally.measure(done))
    if done.unreadable:
        broken = _unreadable(job, estimator_id).join(work.where("seen is null"), "content_sha256")
        more = broken.agg(F.sum("pictures")).collect()[0][0] or 0
        done = replace(done, unreadable_pictures=unreadable + more)
    work.unpersist()
    yield done


def _extract_rows(
    job: Context, contents: DataFrame, estimator_id: str, also: Also | None
) -> DataFrame:
    """The rows of `chunks.EXTRACTED`, made on the executors when they are asked for."""
    wanted = None if also is None else also.wanted
    schema = chunks.EXTRACTED if wanted is None else chunks.EXTRACTED_WITH_FACTS
    extra = () if wanted is None else (wanted,)
    web, pose, night = places.allowed(job.settings), job.settings.pose, job.night

    def extract(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        storage.configure(web)
        for found in chunks.extract_chunks(batches, pose, estimator_id, *extra):
            night.check()
            yield found

    return contents.mapInArrow(extract, frames.spark_schema(schema))


def _stage_rows(job: Context, run_id: str, rows: DataFrame) -> list[StagedFile]:
    """Stage the extracted rows, but for those of pictures that were lost."""
    kept = rows.where(~F.col("status").eqNullSafe("lost")).drop("facts", "crops")
    return frames.stage(
        frames.with_bucket(kept, "content_sha256", job.settings.warehouse.buckets),
        job.warehouse.stage("landmarks", run_id),
    )


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


def _why_lost(rows: DataFrame) -> list[str]:
    gone = rows.where("status = 'lost'").select("error").limit(budgets.EXAMPLES)
    return [row["error"] for row in gone.collect()]


def chunked(contents: DataFrame, cut: chunks.Cut) -> DataFrame:
    """Contents with a partition for each chunk; Spark starts them in this order."""
    if not cut.parts:
        return contents.repartition(cut.number)
    # Seeded, so that it has nothing to do with the commit that the content is of.
    share = F.pmod(F.xxhash64("content_sha256", F.lit("chunk")), F.lit(cut.quarters))
    first_part = chunks.PARTS * cut.whole
    chunk = F.when(share < first_part, F.floor(share / chunks.PARTS)).otherwise(
        share - first_part + cut.whole
    )
    return contents.repartitionById(cut.number, chunk.cast("int"))


def _totals(counts: list[Any], column: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in counts:
        found[row[column]] += row["count"]
    return found
