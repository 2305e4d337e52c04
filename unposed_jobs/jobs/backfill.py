"""What a back-fill of many days would do and cost, from what the tables know; nothing is written.

The work itself is Airflow's: a back-fill is so many runs of the nightly audit.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from unposed_jobs.reference import registry
from unposed_jobs.reference.registry import ModelRow
from unposed_jobs.sql import statements
from unposed_jobs.warehouse import RunRecord, Warehouse, runs

DAG = "unposed_catalogue_audit_nightly"
_SAMPLES = 20
"""Past runs that the cost is taken from."""


@dataclass(frozen=True)
class Day:
    """What is known of one of the days."""

    run_date: date
    published: RunRecord | None
    """What readers see of it now; None: nothing, the day would be new."""
    failed: str | None
    """Why the last run of the day was not published, where one was tried since."""


@dataclass(frozen=True)
class Cost:
    """What the days would cost, by the median of past runs; None where there were none."""

    pictures: int
    """Readable contents that are known and have no landmarks of the champion's estimator."""
    extraction_seconds: float | None
    audit_seconds: float | None
    """For all of the days, one after the other."""


@dataclass(frozen=True)
class Plan:
    """A back-fill, before it is begun."""

    days: tuple[Day, ...]
    model: ModelRow
    """Today's champion, by which each of the days would be audited."""
    cost: Cost

    @property
    def renamed(self) -> list[date]:
        """The published days that another model audited: their flags may turn."""
        return [
            day.run_date
            for day in self.days
            if day.published and day.published.model_version != self.model.model_version
        ]

    def command(self) -> str:
        """What starts it. A night starts at 02:00: the end, which means midnight, is a day on."""
        first, last = self.days[0].run_date, self.days[-1].run_date + timedelta(days=1)
        return (
            f"airflow backfill create --dag-id {DAG} --from-date {first} --to-date {last} "
            "--run-backwards --max-active-runs 2 --reprocess-behavior completed"
        )


def plan(warehouse: Warehouse, first: date, last: date) -> Plan:
    """Plan the back-fill of the days from `first` to `last`, both included.

    Raises UnposedError where no model is promoted.
    """
    model = registry.require_champion(warehouse)
    records = warehouse.runs()
    shown = runs.published_days(records)
    days = tuple(
        Day(day, shown.get(day), _failed(records, day, shown.get(day)))
        for day in (first + timedelta(days=n) for n in range((last - first).days + 1))
    )
    return Plan(days, model, _cost(warehouse, records, model, len(days)))


def _failed(records: Sequence[RunRecord], day: date, shown: RunRecord | None) -> str | None:
    tried = [run for run in records if run.run_date == day and run.job in ("audit", "extract")]
    last = max(tried, key=lambda run: run.finished_at, default=None)
    if last is None or (shown and last.finished_at <= shown.finished_at):
        return None
    return last.error


def _cost(warehouse: Warehouse, records: Sequence[RunRecord], model: ModelRow, days: int) -> Cost:
    sql = (
        "SELECT count(DISTINCT content_sha256) AS n FROM images WHERE status = 'ok' AND "
        "content_sha256 NOT IN (SELECT content_sha256 FROM landmarks WHERE estimator_id = ?)"
    )
    pictures = statements.query(warehouse, sql, [model.estimator_id])["n"][0].as_py()
    rate = _median(records, "extract", "images_per_second")
    audit = _median(records, "audit", "seconds")
    return Cost(
        pictures,
        0.0 if not pictures else pictures / rate if rate else None,
        None if audit is None else audit * days,
    )


def _median(records: Sequence[RunRecord], job: str, figure: str) -> float | None:
    seconds = [
        float(run.figures[figure])
        for run in records
        if run.job == job and run.state in ("published", "superseded") and run.figures.get(figure)
    ]
    return statistics.median(seconds[-_SAMPLES:]) if seconds else None
