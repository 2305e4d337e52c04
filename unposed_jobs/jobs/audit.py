"""The day's missing-pose flags: stage on the executors, check, publish.

1. `assign_poses` names the pose of every content the champion has not seen (paper, Algorithm 2:
   GETEMBEDDING, AUTOENC, GETNEARESTCENTROID) and appends to `image_poses`.
2. `products_with_pictures` gathers each product of the day with its pictures.
3. `audit.inference` decides the flags (the rest of Algorithm 2) batch by batch.
4. The rows are checked and published as the day's, in one commit that also records the run; a
   check that fails publishes nothing, nor does a run during which another one was published.
5. `vocabulary` shows what the profile and people's decisions correct, and the analysts' views are
   made anew.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import functions as F

from unposed_jobs import __version__
from unposed_jobs.audit import corrections, inference
from unposed_jobs.audit.expectations import CLASSES, Expectations
from unposed_jobs.audit.profile import Profile
from unposed_jobs.config import Settings
from unposed_jobs.decisions import effective
from unposed_jobs.decisions.effective import Effective
from unposed_jobs.distributed import facts, frames, ingest, loaded
from unposed_jobs.distributed.session import fit_shuffle
from unposed_jobs.errors import CheckFailedError, UnposedError
from unposed_jobs.jobs import (
    crop_poses,
    estimator,
    life,
    product_pictures,
    video_remedies,
    vocabulary_table,
)
from unposed_jobs.jobs.context import Context
from unposed_jobs.jobs.identity import run_identity
from unposed_jobs.jobs.life import Life
from unposed_jobs.reference import registry
from unposed_jobs.reference.bundle import Bundle
from unposed_jobs.remedies import candidates
from unposed_jobs.warehouse import Warehouse, day_checks, tables
from unposed_jobs.warehouse.publishing import Staged

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from unposed_jobs.jobs.entry import Run
    from unposed_jobs.reference.registry import ModelRow

_ASSIGNED = pa.schema(
    [
        pa.field(column.name, column.type)
        for column in tables.IMAGE_POSES.schema
        if column.name not in ("bucket", "run_id", "model_version")
    ]
)
PRODUCTS_A_BATCH = 512
"""Products that one call of `audit.inference` sees: bounds an executor's memory."""


@dataclass(frozen=True)
class _Champion:
    """What the day is audited by; `unused` are lines about entries of the profile that have no
    effect."""

    model: ModelRow
    bundle: Bundle
    expectations: Expectations
    profile: Profile
    unused: tuple[str, ...]
    decided: Effective


def check(settings: Settings) -> None:
    """Validate settings and sources before Spark starts. Raises UnposedError."""
    warehouse = Warehouse.open(settings.warehouse)
    _champion(warehouse, estimator.resolve(warehouse, settings))
    ingest.check_sources(settings)
    product_pictures.check(settings.facts)


def run(spark: SparkSession, settings: Settings, run: Run) -> dict[str, Any]:
    """Audit the day; returns the figures that are also kept in the table `runs`.

    Raises UnposedError where no model is promoted or it was learned from another estimator,
    ErrorBudgetExceededError for a broken source, CheckFailedError where staged rows are wrong,
    ConflictError where another run of the day was published meanwhile.
    """
    with life.begin("audit", settings, run) as current:
        return _audit(spark, settings, run, current)


def _audit(spark: SparkSession, settings: Settings, run: Run, current: Life) -> dict[str, Any]:
    clock, warehouse = time.monotonic(), current.warehouse
    seen = warehouse.seen(run.run_date)
    settings = estimator.resolve(warehouse, settings)
    champion = _champion(warehouse, settings)
    model = champion.model
    current.model_version = model.model_version
    for line in champion.unused:
        run.progress(line)
    catalogue = ingest.read_catalogue(
        spark, settings, run.run_date, landmarks=True, carried=True, videos=True
    )
    rejected = current.figures["rejected"] = ingest.count(catalogue)
    ingest.check_budget(catalogue, rejected, settings)
    fit_shuffle(spark, rejected["images"]["rows"])

    job = Context(spark, settings, run, warehouse)
    wanted = facts.asked(settings, model.estimator_id)
    products, shown = _products(job, catalogue, model, wanted)
    # The joins have gathered by product_id already; where they also sorted, this sorts nothing.
    products = products.sortWithinPartitions("product_id").persist()
    rejects = catalogue.rejects.persist()
    run_id = current.run_id = run_identity(
        "audit",
        run.run_date,
        settings.audit,
        champion.decided.text,
        model.model_version,
        settings.catalogue.carry,
        frames.digest(products),
        frames.digest(rejects),
        *(() if shown is None else (settings.facts, frames.digest(shown))),
    )
    carry = settings.catalogue.carry
    audit_run = inference.AuditRun(run.run_date, run_id, model.model_version, carry)
    staged = _stage_flags(job, products, audit_run, champion.expectations, champion.profile)
    staged["catalogue_rejects"] = frames.stage(
        rejects.coalesce(1), warehouse.stage("catalogue_rejects", run_id)
    )
    expected = _expected_rows(products, champion.expectations)
    if shown is not None:
        staged |= product_pictures.stage(job, shown, run_id)
        expected |= product_pictures.expected(job, expected["product_audit"])
    current.rows = rows = _rows_of(staged)
    figures = current.figures
    figures |= _figures(spark, staged["product_audit"]) | champion.decided.figures()
    figures |= _rules(settings, champion.decided.text)
    figures["seconds"] = round(time.monotonic() - clock, 1)
    _check(job, current, staged, expected)
    _tell_decisions(job, run_id, champion.decided)
    if run.dry_run:
        figures["would_change"] = _discarded(job, staged)
    else:
        current.publish_day(seen, staged)
        vocabulary_table.correct(
            warehouse, model, champion.bundle, champion.profile.corrections, run_id
        )
    _say(run, rows, figures)
    return figures


def _rows_of(staged: Staged) -> dict[str, int]:
    """How many rows of each day table."""
    return {
        table.name: sum(file.rows for file in staged.get(table.name, ()))
        for table in tables.DAY_TABLES
    }


def _discarded(job: Context, staged: Staged) -> dict[str, Any]:
    """What the staged files would change; they are discarded."""
    changes = _would_change(job, staged)
    for name, files in staged.items():
        job.warehouse.discard(name, files)
    return changes


def _say(run: Run, rows: dict[str, int], figures: dict[str, Any]) -> None:
    run.progress(
        f"audited {rows['product_audit']} products: {rows['pose_flags']} flags, "
        f"{rows['catalogue_rejects']} source rows set aside, {figures['seconds']} s"
        + (" (dry run, nothing published)" if run.dry_run else "")
    )


def _products(
    job: Context, catalogue: ingest.Catalogue, model: ModelRow, wanted: facts.Asked | None
) -> tuple[DataFrame, DataFrame | None]:
    """The day's products with their named pictures and what else could show an ask; and, where
    facts are `wanted`, the products with their pictures' facts.
    """
    pictures = pictures_of_day(job, catalogue.images, model)
    assigned = assign_poses(job, pictures, model)
    products = products_with_pictures(catalogue.products, pictures, assigned)
    shown, found = None, list["DataFrame"]()
    if wanted is not None:
        found.append(crop_poses.candidates(job, pictures, assigned, model, wanted, load=_bundle))
        shown = product_pictures.with_facts(job, catalogue.products, pictures, wanted).persist()
    if catalogue.videos is not None:
        found.append(video_remedies.candidates(job, catalogue.videos, model, _bundle))
        products = products.join(_videos_of(catalogue.videos), "product_id", "left")
    return (with_candidates(products, found) if found else products), shown


def pictures_of_day(job: Context, images: DataFrame, model: ModelRow) -> DataFrame:
    """The day's pictures with what is known of them: the struct of `audit.pictures.PICTURE`
    without the pose, and product_id. A picture that was never read has null statuses.
    """
    state = frames.read_table(job.spark, job.warehouse, "images").select(
        "image_uri", F.col("status").alias("image_status"), "content_sha256", "error"
    )
    found = frames.read_landmarks(job.spark, job.warehouse, model.estimator_id)
    found = found.select(
        "content_sha256",
        F.col("status").alias("landmark_status"),
        "person_count",
        "perceptual_hash",
        "thumbnail",
        F.col("error").alias("landmark_error"),
    )
    return (
        images.select("product_id", "image_uri", "position")
        .join(state, "image_uri", "left")
        .join(found, "content_sha256", "left")
        .withColumn("error", F.coalesce("error", "landmark_error"))
        .drop("landmark_error")
    )


def assign_poses(job: Context, pictures: DataFrame, model: ModelRow) -> DataFrame:
    """Name the poses of the contents that `model` has not named yet, and append them.

    Returns (content_sha256, pose_id, confidence, near_pose_ids, kind) of the day's contents.
    """
    warehouse, run, buckets = job.warehouse, job.run, job.settings.warehouse.buckets
    version, uri = model.model_version, model.artefact_uri
    run_id = run_identity("assign", run.run_date, version)
    columns = ("content_sha256", "pose_id", "confidence", "near_pose_ids", "kind")
    read_at = warehouse.snapshot_id("image_poses")
    named = frames.read_table(job.spark, warehouse, "image_poses", {"model_version": version})
    named = named.where(F.col("model_version") == version).select(*columns)
    named = named.dropDuplicates(["content_sha256"])
    contents = pictures.where("landmark_status is not null").select("content_sha256").distinct()
    fresh = contents.join(named, "content_sha256", "left_anti")
    landmarks = frames.read_landmarks(job.spark, job.warehouse, model.estimator_id).join(
        fresh, "content_sha256", "left_semi"
    )

    def assign(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        bundle = _bundle(uri)
        for batch in frames.gathered(batches):
            yield from (
                bundle.assign(pa.Table.from_batches([batch]))
                .select(_ASSIGNED.names)
                .cast(_ASSIGNED)
                .to_batches()
            )

    assigned = landmarks.mapInArrow(assign, frames.spark_schema(_ASSIGNED)).persist()
    if not run.dry_run and not assigned.isEmpty():
        rows = assigned.withColumn("model_version", F.lit(version))
        staged = frames.stage(
            frames.with_bucket(rows, "content_sha256", buckets),
            warehouse.stage("image_poses", run_id),
        )
        part = frames.digest(assigned, "content_sha256")
        warehouse.append("image_poses", staged, run_id, part, read_at=read_at)
    return named.unionByName(assigned.select(*columns))


def products_with_pictures(
    products: DataFrame, pictures: DataFrame, assigned: DataFrame
) -> DataFrame:
    """One row for each product of the day: its columns and `pictures`, a list of structs, in their
    order.
    """
    shown = F.struct(
        "position",  # First: structs are ordered by their fields, one after the other.
        "image_uri",
        "image_status",
        "landmark_status",
        "pose_id",
        "confidence",
        "near_pose_ids",
        "kind",
        "perceptual_hash",
        "thumbnail",
        "content_sha256",
        "person_count",
        "error",
    )
    gathered = (
        pictures.join(assigned, "content_sha256", "left")
        .groupBy("product_id")
        .agg(F.sort_array(F.collect_list(shown)).alias("pictures"))
    )
    return products.join(gathered, "product_id", "left")


def with_candidates(products: DataFrame, found: Sequence[DataFrame]) -> DataFrame:
    """Add what else of each product could show an ask (`remedies.candidates`), of several frames
    (product_id, candidates).
    """
    gathered = (
        reduce(lambda one, more: one.unionByName(more), found)
        .groupBy("product_id")
        .agg(F.sort_array(F.flatten(F.collect_list("candidates"))).alias(candidates.COLUMN))
    )
    return products.join(gathered, "product_id", "left")


def _videos_of(listed: DataFrame) -> DataFrame:
    """(product_id, videos), the addresses of each product's videos in the catalogue's order."""
    ordered = F.sort_array(F.collect_list(F.struct("position", "video_uri")))
    return listed.groupBy("product_id").agg(ordered["video_uri"].alias("videos"))


def _stage_flags(
    job: Context,
    products: DataFrame,
    audit_run: inference.AuditRun,
    expectations: Expectations,
    profile: Profile,
) -> dict[str, list[Any]]:
    """Run `audit.inference` on the executors; its tables are staged in one pass."""
    warehouse, audit_settings = job.warehouse, job.settings.audit
    names = [field.name for field in dataclasses.fields(inference.AuditTables)]
    stagers = [warehouse.stage(name, audit_run.run_id) for name in names]

    def audit(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        results: list[list[pa.Table]] = [[] for _ in names]
        for batch in batches:
            for start in range(0, batch.num_rows, PRODUCTS_A_BATCH):
                part = batch.slice(start, PRODUCTS_A_BATCH)
                done = inference.audit_products(
                    part, expectations, audit_settings, audit_run, profile
                )
                for rows, name in zip(results, names, strict=True):
                    rows.append(getattr(done, name))
        for stager, rows in zip(stagers, results, strict=True):
            if rows:
                yield frames.staged_batch(stager.table, stager.write(pa.concat_tables(rows)))

    return frames.collect_staged(products.mapInArrow(audit, frames.STAGED))


def _expected_rows(products: DataFrame, expectations: Expectations) -> dict[str, int]:
    """How many rows the day's products must give, by table."""
    pictured = F.when(F.col("pictures").isNotNull(), F.size("pictures")).otherwise(0)
    counted = products.agg(F.count(F.lit(1)), F.coalesce(F.sum(pictured), F.lit(0)))
    listed, shown = counted.collect()[0]
    return {
        "product_audit": listed,
        "pose_flags": listed * len(expectations.ask_ids),
        "product_images": shown,
    }


def _champion(warehouse: Warehouse, settings: Settings) -> _Champion:
    """The promoted model with what people have corrected, if it and the settings fit together."""
    model = registry.require_champion(warehouse)
    _check_estimator(model, settings)
    path, flags = settings.audit.profile, settings.audit.flags
    decided = effective.load(settings)
    profile = decided.profile
    bundle = Bundle.load(model.artefact_uri)
    learned = Expectations.from_bundle(bundle, settings.catalogue.cohort_attributes, flags)
    known = warehouse.read("vocabulary", ["pose_id"])["pose_id"].to_pylist()
    source = path or effective.SOURCE
    corrections.check_known(profile.corrections, [*known, *learned.pose_ids.tolist()], source)
    unused = list(decided.overruled)
    if flags == CLASSES and any(one.of == corrections.ASK for one in profile.corrections):
        unused.append(
            "classes are flagged, not asks: what the profile corrects of asks is not used"
        )
        usable = tuple(one for one in profile.corrections if one.of == corrections.POSE)
        profile = dataclasses.replace(profile, corrections=usable)
    expectations, lines = corrections.apply(learned, profile.corrections)
    lines += profile.meaningless(expectations)
    return _Champion(model, bundle, expectations, profile, (*unused, *lines), decided)


def _check_estimator(model: ModelRow, settings: Settings) -> None:
    wanted = estimator.identify(settings)
    if wanted != model.estimator_id:
        table = settings.catalogue.landmarks
        how = f"--landmarks {table}" if table else f"--estimator {settings.pose.estimator}"
        raise UnposedError(
            f"model {model.model_version} was learned from {model.estimator_id}, but the "
            f"estimator is {wanted}; run: unposed train {how}"
        )


def _check(job: Context, current: Life, staged: Staged, expected: dict[str, int]) -> None:
    """Hold the staged rows to the checks; what they found is kept in `check_results`.

    Raises CheckFailedError where one fails; the staged files stay until maintenance, for whoever
    investigates it.
    """
    warehouse, run = job.warehouse, job.run
    verdict = day_checks.judge(
        warehouse,
        run.run_date,
        staged,
        expected,
        settings=job.settings.checks,
        accepted=run.accept_changes,
    )
    current.figures["checks"] = day_checks.figures(verdict)
    if not run.dry_run:
        results = warehouse.stage(day_checks.TABLE, current.run_id)
        rows = results.write(verdict.table(run.run_date))
        warehouse.write_day(day_checks.TABLE, run.run_date, rows, current.run_id)
    for outcome in ("warned", "accepted"):
        if results_of := verdict.of(outcome):
            run.progress(f"checks {outcome}: {day_checks.summary(results_of)}")
    failed = verdict.of("failed")
    if not failed:
        return
    changed = all(result.rule in day_checks.CHANGES for result in failed)
    raise CheckFailedError(
        f"nothing was published for {run.run_date}, {len(failed)} of {len(verdict.results)} checks "
        f"failed: {day_checks.summary(failed)}; its staged rows are kept (run={current.run_id})"
        + ('. If it is right all the same: --accept-changes "who: why"' if changed else "")
    )


def _would_change(job: Context, staged: Staged) -> dict[str, str]:
    """Of a dry run: what publishing its rows would change of the day as it is published, in words,
    by rule; empty where nothing is published.
    """
    found = day_checks.replaced(job.warehouse, job.run.run_date, staged, job.settings.checks)
    if found:
        job.run.progress(f"against the published day: {'; '.join(one.detail for one in found)}")
    return {one.rule: one.detail for one in found}


def _tell_decisions(job: Context, run_id: str, decided: Effective) -> None:
    """Keep in the table `decisions` what people had decided when the run began."""
    if job.run.dry_run:
        return
    staged = job.warehouse.stage("decisions", run_id).write(
        effective.rows(decided.decisions).append_column(
            "run_date", pa.repeat(pa.scalar(job.run.run_date, pa.date32()), len(decided.decisions))
        )
    )
    job.warehouse.write_day("decisions", job.run.run_date, staged, run_id)


def _figures(spark: SparkSession, staged: list[Any]) -> dict[str, Any]:
    """Products by status, pictures and missing poses, from the staged rows."""
    if not staged:
        return {"products": 0}
    frame = frames.read_files(spark, [file.path for file in staged], "product_audit")
    sums = ("pictures", "usable", "unreadable", "duplicates", "missing_count")
    counts = frame.groupBy("status").agg(
        F.count(F.lit(1)).alias("products"), *(F.sum(name).alias(name) for name in sums)
    )
    rows = counts.collect()
    figures = {name: sum(row[name] for row in rows) for name in ("products", *sums)}
    return figures | {row["status"]: row["products"] for row in rows}


def _rules(settings: Settings, profile: str) -> dict[str, str]:
    """Digests of what decides, apart from the model, what is missing: the view `changes` compares
    those of two days. `profile` is all that the profile and the decisions say.
    """
    rules = dataclasses.replace(settings.audit, profile="")
    texts = {"profile": profile, "settings": f"{__version__} {rules}"}
    return {name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in texts.items()}


@loaded.once
def _bundle(uri: str) -> Bundle:
    """One bundle for each worker process."""
    return Bundle.load(uri)
