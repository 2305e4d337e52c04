"""How old the last published day is, and whether that is too old."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from unposed_jobs.errors import CheckFailedError
from unposed_jobs.warehouse import Warehouse, runs

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from unposed_jobs.config import Settings
    from unposed_jobs.jobs.entry import Run


def age(day: date, now: datetime) -> timedelta:
    """Since the day's midnight, UTC."""
    return now - datetime(day.year, day.month, day.day, tzinfo=UTC)


def check(warehouse: Warehouse, max_age: timedelta, now: datetime | None = None) -> str:
    """What is published last, in one line.

    Raises CheckFailedError where it is older than `max_age`, or there is nothing.
    """
    days = runs.published_days(warehouse.runs())
    if not days:
        raise CheckFailedError("no day is published yet; run: unposed audit")
    last = max(days)
    hours = age(last, now or datetime.now(UTC)) / timedelta(hours=1)
    line = f"the last published day is {last}, {hours:.0f} h old"
    if hours > max_age / timedelta(hours=1):
        raise CheckFailedError(
            f"{line}, more than {max_age / timedelta(hours=1):g} h; "
            "see docs/runbooks/the-warehouse-is-behind.md"
        )
    return line


def run(spark: SparkSession | None, settings: Settings, run: Run) -> dict[str, Any]:
    """The check as a job; nothing is recorded. Raises as `check` does."""
    warehouse = Warehouse.open(settings.warehouse, create=False)
    try:
        line = check(warehouse, run.max_age)
    except CheckFailedError as error:
        error.recorded = True  # An alarm each hour is no run.
        raise
    run.progress(line)
    return {"line": line}
