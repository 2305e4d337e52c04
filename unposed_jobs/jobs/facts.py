"""Facts of the day's pictures that have landmarks and no facts yet.

Nights make facts in the pass that extracts landmarks. What is left for this job are contents that
were extracted before: after a new facts version, after facts were switched on, or where a run
ended between the tables. Landmarks stay as they are; each group of chunks is a commit.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from math import ceil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import functions as F

from unposed_jobs import storage
from unposed_jobs.catalogue import places
from unposed_jobs.config import Settings
from unposed_jobs.distributed import chunks, facts, frames, ingest
from unposed_jobs.distributed.session import fit_shuffle
from unposed_jobs.jobs import budgets, estimator, fact_rows, life
from unposed_jobs.jobs.context import Context
from unposed_jobs.jobs.extract import chunked
from unposed_jobs.jobs.identity import run_identity
from unposed_jobs.jobs.life import Life

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from unposed_jobs.distributed.facts import Asked
    from unposed_jobs.distributed.ingest import Catalogue
    from unposed_jobs.jobs.entry import Run


def run(spark: SparkSession, settings: Settings, run: Run) -> dict[str, Any]:
    """Make the facts that are lacking; returns the figures that the table `runs` keeps.

    Raises UnposedError for what a user can mend: source, weights, estimator.
    """
    with life.begin("facts", settings, run) as current:
        return _facts(spark, settings, run, current)


def _facts(spark: SparkSession, settings: Settings, run: Run, current: Life) -> dict[str, Any]:
    clock = time.monotonic()
    storage.configure(places.allowed(settings))
    settings = estimator.resolve(current.warehouse, settings)
    estimator_id = estimator.identify(settings)
    wanted = facts.asked(settings, estimator_id)
    current.run_id = run_identity("facts", run.run_date, settings.facts, estimator_id)
    if wanted is None:
        run.progress("facts: none are asked for ([facts] nightly, or landmarks from a table)")
        current.figures["to_make"] = 0
        return current.figures
    current.run_id = run_identity("facts", run.run_date, wanted.version)
    night = budgets.Night(settings.extraction.night_seconds)
    job = Context(spark, settings, run, current.warehouse, night)
    catalogue = ingest.read_catalogue(spark, settings, run.run_date)
    rejected = current.figures["rejected"] = ingest.count(catalogue)
    fit_shuffle(spark, rejected["images"]["rows"])
    since = fact_rows.Since.now(job)
    todo = lacking(job, catalogue, wanted, estimator_id).persist()
    try:
        total = todo.count()
        current.figures |= {"to_make": total, "facts_version": wanted.version}
        since = since.halves(job, wanted, todo)
        made = 0 if run.dry_run else _make(job, current.run_id, wanted, todo, since)
    finally:
        todo.unpersist()
    current.rows["picture_facts"] = made
    current.figures["seconds"] = round(time.monotonic() - clock, 1)
    run.progress(
        f"facts: {total} contents lacked them, made {made}, {current.figures['seconds']} s"
    )
    return current.figures


def lacking(job: Context, catalogue: Catalogue, wanted: Asked, estimator_id: str) -> DataFrame:
    """The day's readable contents without facts: content_sha256, image_uri, about and what
    landmarks tell (`facts.KNOWN`).
    """
    have = frames.read_table(
        job.spark, job.warehouse, "picture_facts", {"facts_version": wanted.version}
    ).where(F.col("facts_version") == wanted.version)
    state = frames.read_table(job.spark, job.warehouse, "images").where("status = 'ok'")
    contents = (
        fact_rows.with_words(catalogue.images, catalogue)
        .join(state.select("image_uri", "content_sha256"), "image_uri")
        .groupBy("content_sha256")
        .agg(F.min(F.struct("image_uri", "about")).alias("one"))
        .select("content_sha256", "one.image_uri", "one.about")
        .join(have.select("content_sha256"), "content_sha256", "left_anti")
    )
    landmarks = frames.read_landmarks(job.spark, job.warehouse, estimator_id)
    landmarks = landmarks.where("status in ('ok', 'no_person')")
    return contents.join(landmarks.select("content_sha256", *facts.KNOWN), "content_sha256")


def _make(job: Context, run_id: str, wanted: Asked, todo: DataFrame, since: fact_rows.Since) -> int:
    total, made = todo.count(), 0
    settings = job.settings
    groups = chunks.commits(total, job.chunk_size, settings.pose.commit_chunks, job.tasks)
    web, pose, night = places.allowed(settings), settings.pose, job.night

    def look(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        storage.configure(web)
        for found in facts.fact_chunks(batches, pose, wanted):
            night.check()
            yield found

    group_of = F.pmod(F.xxhash64("content_sha256"), F.lit(groups))
    for group in range(groups):
        job.night.check()
        cut = chunks.cut(ceil(total / groups), job.chunk_size, job.tasks)
        part = chunked(todo.where(group_of == group), cut)
        rows = part.mapInArrow(look, frames.spark_schema(facts.MADE)).persist()
        made += fact_rows.keep(job, run_id, wanted, rows, since)
        rows.unpersist()
        job.run.progress(f"facts: committed group {group + 1} of {groups}: {made} of {total}")
    return made
