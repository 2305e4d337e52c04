"""The warehouse's upkeep as a job: its tables, and the bundles of models that are no more used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from unposed_jobs import storage
from unposed_jobs.errors import UnposedError
from unposed_jobs.jobs import life
from unposed_jobs.jobs.identity import run_identity
from unposed_jobs.jobs.life import Life
from unposed_jobs.reference import registry
from unposed_jobs.sql import views
from unposed_jobs.warehouse import Warehouse, maintenance

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from unposed_jobs.config import Settings
    from unposed_jobs.jobs.entry import Run
    from unposed_jobs.reference.registry import ModelRow

BUNDLE_AGE = timedelta(days=90)
BUNDLES_KEPT = 5
"""Of the models that are no champions, those that were promoted last: one may be wanted back."""
_COUNTS = (
    "superseded_files",
    "compacted_files",
    "merged_manifests",
    "expired_snapshots",
    "old_metadata",
)


def run(spark: SparkSession | None, settings: Settings, run: Run) -> dict[str, Any]:
    """Maintain all tables and remove retired bundles, or with `run.dry_run` only report; returns
    the figures that are also kept in the table `runs`.

    Raises UnposedError where there is no warehouse.
    """
    with life.begin("maintain", settings, run, create=False, renew_views=False) as current:
        return _maintain(run, current)


def _maintain(run: Run, current: Life) -> dict[str, Any]:
    warehouse, figures = current.warehouse, current.figures
    current.run_id = run_identity("maintain", run.run_date, current.started_at.isoformat())
    reports = maintenance.maintain(
        warehouse,
        apply=not run.dry_run,
        snapshot_age=timedelta(days=run.keep_days),
        renew_views=views.publish,
    )
    bundles = retire_bundles(warehouse, run)
    figures |= {name: sum(getattr(report, name) for report in reports) for name in _COUNTS}
    figures |= {
        "orphans": sum(len(report.orphans) for report in reports),
        "orphan_bytes": sum(report.orphan_bytes for report in reports),
        "skipped": sum(len(report.skipped) for report in reports),
        "damaged": [f"{report.table} {one}" for report in reports for one in report.damaged],
        "bundles": len(bundles),
    }
    for report in reports:
        counts = {name: getattr(report, name) for name in _COUNTS} | {
            "orphans": len(report.orphans)
        }
        if any(counts.values()):
            run.progress(
                f"{report.table}: "
                + ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in counts.items() if n)
            )
        for line in report.left():
            run.progress(line)
    would = "would be" if run.dry_run else "were"
    run.progress(f"maintained: {len(bundles)} bundles {would} removed, see the lines above")
    return figures


def retire_bundles(warehouse: Warehouse, run: Run) -> list[str]:
    """Remove the bundles of models that were retired or rejected long ago; returns their versions.

    Their rows stay. Never the champion's, a candidate's, the `BUNDLES_KEPT` that were promoted last
    before, or one of the last `BUNDLE_AGE`.
    """
    gone = []
    for row in unused(registry.models(warehouse), run):
        try:
            if not storage.is_folder(row.artefact_uri):
                continue
            if not run.dry_run:
                storage.remove_folder(row.artefact_uri)
        except UnposedError as error:
            run.progress(f"the bundle of {row.model_version} stays: {error}")
            continue
        gone.append(row.model_version)
    return gone


def unused(models: Sequence[ModelRow], run: Run) -> list[ModelRow]:
    """Which models' bundles nobody will want back."""
    retired = [row for row in models if row.status in ("retired", "rejected")]
    promoted = sorted(
        (row for row in retired if row.promoted_on), key=lambda row: row.promoted_on or row.run_date
    )
    kept = {row.model_version for row in promoted[-BUNDLES_KEPT:]}
    return [
        row
        for row in retired
        if row.model_version not in kept
        and (row.promoted_on or row.run_date) < run.run_date - BUNDLE_AGE
    ]
