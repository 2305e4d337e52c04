"""The picture gallery of the audited day: a bounded number of cards, so no executors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unposed_jobs import config
from unposed_jobs.jobs import life
from unposed_jobs.jobs.identity import run_identity
from unposed_jobs.report import build, facts
from unposed_jobs.sql import statements

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from unposed_jobs.config import Settings
    from unposed_jobs.jobs.entry import Run


def run(spark: SparkSession | None, settings: Settings, run: Run) -> Path | None:
    """Build ``$UNPOSED_HOME/gallery``; returns its first page, None where it is not rebuilt.

    It always shows the latest published day: a past day that is done again, or a dry run, leaves
    it. ``unposed report --date`` draws any day elsewhere. Raises UnposedError where no day is
    published.
    """
    with life.begin("gallery", settings, run, create=False, renew_views=False) as current:
        started = current.started_at.isoformat()
        current.run_id = run_identity("gallery", run.run_date, started)
        if run.dry_run:
            run.progress("gallery not rebuilt: dry run")
            return None
        warehouse = statements.Pinned(current.warehouse)
        latest = facts.latest_day(warehouse)
        if run.run_date < latest:
            run.progress(f"gallery not rebuilt: it already shows a later day, {latest}")
            current.figures["not_rebuilt"] = f"shows {latest}"
            return None
        page = build.build(warehouse, settings, run.run_date, config.home() / "gallery")
        current.figures["page"] = str(page)
        run.progress(f"gallery: {page}")
        return page
