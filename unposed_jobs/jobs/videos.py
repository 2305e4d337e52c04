"""The frames worth keeping of the day's new and changed videos, and the angles that they show.

1. Videos are compared with the table `images` as pictures are: etag, size and date first.
2. The contents that this reader has not seen yet are decoded and read on the executors; each group
   is committed to `video_frames` and then to `video_coverage`, which says that a video is done. So
   a lost night goes on where it was, and the same night twice adds nothing.

A video that cannot be had or read becomes a status and costs itself only; too many of them, and the
run is refused. What was read is the audit's: a frame that shows a missing ask is its remedy
(`video_remedies`).
"""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import functions as F

from unposed_jobs import storage
from unposed_jobs.attributes import heads
from unposed_jobs.attributes.reading import all_heads
from unposed_jobs.catalogue import places
from unposed_jobs.config import Settings
from unposed_jobs.distributed import frames, ingest, video_chunks
from unposed_jobs.distributed.session import fit_shuffle
from unposed_jobs.errors import ErrorBudgetExceededError, NothingToDoError, UnposedError
from unposed_jobs.jobs import budgets, estimator, extract, life
from unposed_jobs.jobs.context import Context
from unposed_jobs.jobs.identity import run_identity
from unposed_jobs.jobs.life import Life
from unposed_jobs.pose import estimators
from unposed_jobs.videos import reading
from unposed_jobs.warehouse import Warehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from unposed_jobs.jobs.entry import Run

VIDEOS_A_COMMIT = 64
"""Of each task: what a lost run loses at most."""


def check(settings: Settings) -> None:
    """Validate settings and sources before Spark starts. Raises UnposedError."""
    if not settings.catalogue.videos:
        return
    storage.configure(places.allowed(settings))
    reader_id(estimator.resolve(Warehouse.open(settings.warehouse), settings))
    ingest.check_sources(settings)


def reader_id(settings: Settings) -> str:
    """What decides the rows of a video, of resolved settings. Raises UnposedError for an estimator
    without depth, and for attributes or weights that are missing.
    """
    if settings.catalogue.landmarks:
        raise UnposedError(
            "[catalogue] landmarks and videos exclude each other: frames are read by the pose "
            "estimator, and the pictures' landmarks are another's; leave one of them empty"
        )
    reading.check_estimator(settings.pose)
    attributes = heads.digest(all_heads(settings.videos.attributes))
    return reading.version(settings.videos, estimators.identify(settings.pose), attributes)


def run(spark: SparkSession, settings: Settings, run: Run) -> dict[str, Any]:
    """Read the day's videos; returns the figures that are also kept in the table `runs`.

    Raises NothingToDoError where the catalogue has none, ErrorBudgetExceededError where too many
    rows or videos cannot be read, UnposedError for what a user can mend.
    """
    with life.begin("videos", settings, run) as current:
        if not settings.catalogue.videos:
            raise NothingToDoError("[catalogue] videos is empty: there are no videos to read")
        return _read(spark, settings, run, current)


def _read(spark: SparkSession, settings: Settings, run: Run, current: Life) -> dict[str, Any]:
    clock, warehouse = time.monotonic(), current.warehouse
    storage.configure(places.allowed(settings))
    settings = estimator.resolve(warehouse, settings)
    reader = reader_id(settings)
    catalogue = ingest.read_catalogue(spark, settings, run.run_date, videos=True)
    assert catalogue.videos is not None
    rejected = current.figures["rejected"] = ingest.count(catalogue)
    ingest.check_budget(catalogue, rejected, settings)
    fit_shuffle(spark, rejected["videos"]["rows"])
    run_id = current.run_id = run_identity("videos", run.run_date, reader, run.limit)
    job = Context(
        spark, _as_pictures(settings), run, warehouse,
        budgets.Night(settings.extraction.night_seconds),
    )  # fmt: skip
    listed = catalogue.videos.withColumnRenamed("video_uri", "image_uri")
    tonight = extract.compare_pictures(job, listed)
    current.figures |= {
        name.replace("picture", "video"): value for name, value in tonight.counts.figures().items()
    }
    try:
        if tonight.altered and not run.dry_run:
            current.snapshots["images"] = extract.keep_state(job, run_id, tonight)
        done: Counter[str] = Counter()
        for done in _contents(job, run_id, reader, tonight.pictures, current):
            current.figures["read"] = dict(done)
        _check(done, settings)
    finally:
        tonight.pictures.unpersist()
    current.figures["seconds"] = round(time.monotonic() - clock, 1)
    unread = sum(done[name] for name in _UNREADABLE)
    run.progress(
        f"videos {tonight.counts.pictures}, new {tonight.counts.new}, changed "
        f"{tonight.counts.changed}, failed {tonight.counts.failed}; read {sum(done.values())}"
        f"{f', of which {unread} cannot be' if unread else ''}; "
        f"{current.figures['seconds']} s in all"
    )
    return current.figures


_UNREADABLE = ("unreadable", "too_long", "too_large")


def _as_pictures(settings: Settings) -> Settings:
    """The settings by which videos are compared: their own bound of bytes, one at a time."""
    pose = dataclasses.replace(
        settings.pose, max_bytes=settings.videos.max_bytes, read_threads=1, chunk_size=8
    )
    return dataclasses.replace(settings, pose=pose)


def _contents(
    job: Context, run_id: str, reader: str, tonight: DataFrame, current: Life
) -> Iterator[Counter[str]]:
    """Read the contents that this reader has not seen; yields counts by status after each commit
    and at last."""
    done: Counter[str] = Counter()
    seen = frames.read_table(job.spark, job.warehouse, "video_coverage", {"reader_id": reader})
    seen = seen.where(F.col("reader_id") == reader).select("content_sha256")
    todo = (
        tonight.where("status = 'ok'")
        .groupBy("content_sha256")
        .agg(F.min("image_uri").alias("image_uri"))
        .join(seen, "content_sha256", "left_anti")
        .persist()
    )
    total = todo.count()
    groups = -(-total // (VIDEOS_A_COMMIT * job.tasks))
    if job.run.dry_run:
        groups = 0
    for group in range(groups):
        job.night.check()
        part = todo.where(F.pmod(F.xxhash64("content_sha256"), F.lit(groups)) == group)
        rows = _rows(job, part.repartition(4 * job.tasks)).persist()
        counts = {row["status"]: row["count"] for row in rows.groupBy("status").count().collect()}
        current.snapshots |= _commit(job, run_id, reader, rows)
        rows.unpersist()
        done += Counter(counts)
        job.run.progress(f"committed group {group + 1} of {groups}: {sum(done.values())} videos")
        yield done
    todo.unpersist()
    yield done


def _rows(job: Context, contents: DataFrame) -> DataFrame:
    """`video_chunks.READ`, made on the executors when it is asked for."""
    web, night = places.allowed(job.settings), job.night
    pose, settings = job.settings.pose, job.settings.videos

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        storage.configure(web)
        for found in video_chunks.read_videos(batches, pose, settings):
            night.check()
            yield found

    return contents.mapInArrow(read, frames.spark_schema(video_chunks.READ))


def _commit(job: Context, run_id: str, reader: str, rows: DataFrame) -> dict[str, int]:
    """Append a group's frames, then its videos; returns the snapshots by table.

    Frames of a run that was lost between the two are there already: they are left out.
    """
    kept = rows.where("status <> 'lost'").withColumn("reader_id", F.lit(reader))
    part = frames.digest(kept, "content_sha256")
    chosen = kept.select("reader_id", "content_sha256", F.explode("frames").alias("frame"))
    chosen = chosen.select("reader_id", "content_sha256", "frame.*")
    snapshots = {}
    for name, part_rows in (("video_frames", chosen), ("video_coverage", kept.drop("frames"))):
        staged = frames.stage(
            frames.with_bucket(part_rows, "content_sha256", job.settings.warehouse.buckets),
            job.warehouse.stage(name, run_id),
        )
        snapshots[name] = job.warehouse.append(
            name, staged, run_id, part=part, leave_out_repeats=True
        )
    return snapshots


def _check(done: Counter[str], settings: Settings) -> None:
    """Raise ErrorBudgetExceededError where too many of what was read cannot be."""
    unread, total = sum(done[name] for name in _UNREADABLE), sum(done.values())
    share = settings.videos.max_unreadable
    if budgets.exceeded(unread, total, share):
        raise ErrorBudgetExceededError(
            f"{unread} of {total} new videos cannot be read, more than [videos] max_unreadable = "
            f"{share:g}; the others are kept. video_coverage says why; mend them, or raise the "
            "bound"
        )
