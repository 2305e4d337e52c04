"""Make the day's candidate the champion, or reject it with the reason.

Both models name the same pictures: those of a bounded sample of the whole catalogue, so that the
share of flags that would change is what tonight's audit would see.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import functions as F

from unposed_jobs.distributed import ingest
from unposed_jobs.errors import UnposedError
from unposed_jobs.jobs import life, train
from unposed_jobs.jobs.context import Context
from unposed_jobs.jobs.identity import run_identity
from unposed_jobs.jobs.life import Life
from unposed_jobs.reference import promotion, registry
from unposed_jobs.reference.bundle import Bundle
from unposed_jobs.sql import views
from unposed_jobs.warehouse import RunRecord, Warehouse

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import SparkSession

    from unposed_jobs.config import Settings
    from unposed_jobs.jobs.entry import Run
    from unposed_jobs.reference.registry import ModelRow

JUDGED_PRODUCTS = 2_000
"""Products whose flags are compared: enough for a share to a percent."""


def run(spark: SparkSession, settings: Settings, run: Run) -> ModelRow:
    """Decide on the day's candidate; returns its row of `models` as it is afterwards.

    A rejected candidate is no error: tonight's audit goes on with the champion. Where
    `run.promote_anyway` names who accepts it and why, it is promoted nevertheless, and both
    reasons are recorded; with `run.ask` it stays a candidate until a person decides (`settle`).
    Raises UnposedError where the day has no candidate.
    """
    with life.begin("promote", settings, run) as current:
        return _promote(spark, settings, run, current)


def _promote(spark: SparkSession, settings: Settings, run: Run, current: Life) -> ModelRow:
    warehouse = current.warehouse
    champion = registry.champion(warehouse)
    candidate = _trained(warehouse, run, "candidate")
    if candidate is None:
        refused = _trained(warehouse, run, "rejected")
        promoted = champion if champion and champion.run_date == run.run_date else None
        if promoted is not None and not (refused and run.promote_anyway):
            run.progress(f"promoted {promoted.model_version} already: {promoted.reason}")
            current.recorded = True  # By the run that promoted it.
            return promoted
        candidate = refused
    if candidate is None:
        raise UnposedError(
            f"no candidate was trained for {run.run_date}; run: unposed train --date {run.run_date}"
        )
    current.model_version = candidate.model_version
    run_id = current.run_id = run_identity("promote", run.run_date, candidate.model_version)
    decision = _decide(Context(spark, settings, run, warehouse), candidate, champion)
    status = "champion" if decision.promote else "rejected"
    if run.promote_anyway and not decision.promote:
        decision, status = promotion.accept(decision, run.promote_anyway), "champion"
    elif run.ask and not decision.promote:
        decision, status = promotion.wait(decision), "candidate"
    current.figures |= decision.figures
    if decision.turned is not None and not run.dry_run:
        # Before the model's row, which is what says that the comparison is there.
        current.rows["candidate_flags"] = decision.turned.num_rows
        current.snapshots["candidate_flags"] = registry.record_turned(
            warehouse, candidate.model_version, decision.turned, run_id
        )
    decided = dataclasses.replace(
        candidate,
        status=status,
        reason=decision.reason,
        metrics=candidate.metrics | {"promotion": decision.figures},
    )
    return _settle(current, decided, champion)


def _settle(current: Life, decided: ModelRow, champion: ModelRow | None) -> ModelRow:
    """Record what became of a model, in one snapshot with the champion it takes the place of."""
    run, promoted = current.run, decided.status == "champion"
    decided = dataclasses.replace(
        decided, promoted_on=run.run_date if promoted else None, run_id=current.run_id
    )
    current.rows["models"] = 2 if promoted and champion is not None else 1
    if not run.dry_run:
        current.snapshots["models"] = (
            registry.promote(current.warehouse, decided, champion, current.run_id)
            if promoted
            else registry.record(current.warehouse, [decided], current.run_id)
        )
    word = {"champion": "promoted", "rejected": "rejected"}.get(decided.status, "left")
    stays = f"; {champion.model_version} stays the champion" if champion and not promoted else ""
    dry = " (dry run, nothing changed)" if run.dry_run else ""
    run.progress(f"{word} {decided.model_version}: {decided.reason}{stays}{dry}")
    return decided


def settle(spark: SparkSession | None, settings: Settings, run: Run) -> ModelRow:
    """Do with the day's waiting candidate as a person decided; needs no Spark.

    `run.decision` is ``promote`` or ``reject``, `run.decided_by` who says so and why. Done again
    it changes nothing. Raises UnposedError where no candidate of the day waits, or where another
    model is the champion than the one it was compared with.
    """
    with life.begin("promote", settings, run, create=False) as current:
        warehouse, by = current.warehouse, run.decided_by
        champion, candidate = (
            registry.champion(warehouse),
            registry.waiting(warehouse, run.run_date),
        )
        status = {"promote": "champion", "reject": "rejected"}[run.decision]
        if candidate is None:
            for row in registry.models(warehouse):
                decider = row.metrics.get("promotion", {}).get("decided_by")
                if (row.run_date, row.status, decider) == (run.run_date, status, by):
                    run.progress(f"{row.model_version} is {status} already: {row.reason}")
                    current.recorded = True  # By the run that did it.
                    return row
            raise UnposedError(f"no candidate of {run.run_date} waits for a person")
        figures = candidate.metrics["promotion"]
        if champion is None or champion.model_version != figures["champion"]:
            raise UnposedError(
                f"{candidate.model_version} was compared with {figures['champion']}, which is not "
                f"the champion any more; compare again: unposed train --date {run.run_date}"
            )
        current.model_version = candidate.model_version
        current.run_id = run_identity(
            "promote", run.run_date, candidate.model_version, run.decision, by
        )
        word = "accepted" if status == "champion" else "rejected"
        kept = {name: value for name, value in figures.items() if name != "waits"}
        current.figures |= (decision := kept | {"decided": run.decision, "decided_by": by})
        decided = dataclasses.replace(
            candidate,
            status=status,
            reason=f"{word} by hand ({by}); without that: {figures['refused_because']}",
            metrics=candidate.metrics | {"promotion": decision},
        )
        return _settle(current, decided, champion)


def by_hand(warehouse: Warehouse, version: str, reason: str, day: date) -> ModelRow:
    """Make a model of before the champion again, in one commit; returns its row.

    The audits after it use it; published days stay as they are until they are done again. Raises
    UnposedError where there is no such model, its bundle is gone or damaged, or it is the champion.
    """
    started = datetime.now(UTC)
    known = {row.model_version: row for row in registry.models(warehouse)}
    if version not in known:
        raise UnposedError(f"no model {version}; known: {', '.join(known) or 'none'}")
    before = registry.champion(warehouse)
    if before is not None and before.model_version == version:
        raise UnposedError(f"{version} is the champion already")
    Bundle.load(known[version].artefact_uri)
    run_id = run_identity("promote", day, version, started.isoformat())
    chosen = dataclasses.replace(
        known[version],
        status="champion",
        promoted_on=day,
        reason=f"made champion by hand: {reason}",
        run_id=run_id,
    )
    snapshot = registry.promote(warehouse, chosen, before, run_id)
    warehouse.record_run(
        RunRecord(
            run_id=run_id,
            job="promote",
            run_date=day,
            state="published",
            started_at=started,
            model_version=version,
            rows={"models": 1 if before is None else 2},
            figures={"by_hand": reason, "before": before.model_version if before else None},
            snapshots={"models": snapshot},
        )
    )
    views.publish(warehouse)
    return chosen


def _trained(warehouse: Warehouse, run: Run, status: str) -> ModelRow | None:
    """The day's model of that status, the latest of several."""
    found = [
        row
        for row in registry.models(warehouse)
        if row.status == status and row.run_date == run.run_date
    ]
    return found[-1] if found else None


def _decide(job: Context, candidate: ModelRow, champion: ModelRow | None) -> promotion.Decision:
    new = Bundle.load(candidate.artefact_uri)
    if champion is None or champion.estimator_id != candidate.estimator_id:
        old = None if champion is None else Bundle.load(champion.artefact_uri)
        return promotion.decide(new, old, pa.table({}), job.settings.training)
    catalogue = ingest.read_catalogue(job.spark, job.settings, job.run.run_date)
    sample = catalogue.products.orderBy(F.xxhash64("product_id"), "product_id").limit(
        JUDGED_PRODUCTS
    )
    pictures = train.pictures_with_landmarks(
        job, catalogue.images, sample.withColumn("popularity", F.lit(0.0)), candidate.estimator_id
    )
    # A picture that no night has read yet gives no difference between the two models.
    known = pictures.filter(pc.field("status") != "unreadable")
    return promotion.decide(
        new, Bundle.load(champion.artefact_uri), known, job.settings.training, job.settings.audit
    )
