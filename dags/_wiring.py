"""What the DAG files share: tags, parameters, defaults and the Spark task. Wiring only."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from _alerts import callbacks
from _links import DayLink
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Asset, AssetOrTimeSchedule, Context, CronTriggerTimetable, Param
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
SPARK_JOBS = os.environ.get(
    "UNPOSED_SPARK_JOBS", str(Path(__file__).resolve().parents[1] / "spark")
)
"""Where the cluster finds the entry points; ``local:///opt/unposed/spark`` in our images."""

SPARK_POOL = os.environ.get("UNPOSED_SPARK_POOL", "default_pool")
EXTRACT_POOL = os.environ.get("UNPOSED_EXTRACT_POOL", SPARK_POOL)
"""Pools are not needed. Where they are named they must be there, or tasks wait for ever; the
second wants one slot: two extractions at once would both do the same new pictures."""
EXPORT = os.environ.get("UNPOSED_EXPORT_ASSET", "")
"""The asset that the retailer's export updates; a night also starts after it."""


class Tag(StrEnum):
    """The only tags in use; a test enforces them."""

    PROJECT = "unposed"
    NIGHTLY = "schedule/nightly"
    WEEKLY = "schedule/weekly"
    HOURLY = "schedule/hourly"
    BY_HAND = "schedule/by-hand"
    TIER_1 = "impact/tier-1"
    TIER_2 = "impact/tier-2"


DEFAULT_ARGS: dict[str, Any] = {
    "owner": "unposed",
    "retries": 2,
    "retry_delay": timedelta(minutes=5),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=30),
    "on_failure_callback": callbacks("failed"),
    "on_retry_callback": callbacks("tried again"),
}

PARAMS = {
    "date": Param(
        None,
        type=["null", "string"],
        format="date",
        title="Day",
        description="The day to run for (YYYY-MM-DD). Empty: the run's own date.",
    ),
    "estimator": Param(
        None,
        type=["null", "string"],
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/@-]*$",
        title="Pose estimator",
        description="Name of the estimator. Empty: the one in unposed.toml.",
    ),
    "limit": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        title="Limit",
        description="At most so many pictures are extracted, for a trial. Empty: all.",
    ),
    "dry_run": Param(
        False,
        type="boolean",
        title="Dry run",
        description="Compute and check everything, commit nothing.",
    ),
}


def accept_changes(description: str) -> Param:
    """The param with which somebody answers for a day beyond the bounds of its checks."""
    return Param(
        None,
        type=["null", "string"],
        minLength=8,
        maxLength=500,
        title="Accept changes",
        description=description,
    )


RUN_DATE = "{{ params.date or (dag_run.logical_date or dag_run.run_after) | ds }}"
"""The day the run starts on: the schedules' intervals have no width, so the logical date is the
moment of the run. A manual trigger has no logical date: the time it was asked for stands in."""

_COMMON_ARGUMENTS = [
    "--date",
    RUN_DATE,
    "--estimator",
    "{{ params.estimator or '' }}",
    "--dry-run",
    "{{ params.dry_run }}",
]
LIMIT = ["--limit", "{{ params.limit or '' }}"]


FINAL = frozenset({2, 3, 4, 5})
"""Exit statuses of a mistake, an error budget, a check and a write conflict: the same
again changes nothing. Any other failure is retried."""


NOTHING = 99
"""Exit status of a run without data: its task, and what follows, is skipped."""


def nightly(cron: str) -> CronTriggerTimetable | AssetOrTimeSchedule:
    """Every night at that hour, and whenever the export is updated, where it is an asset."""
    hour = CronTriggerTimetable(cron, timezone="UTC")
    return AssetOrTimeSchedule(timetable=hour, assets=[Asset(EXPORT)]) if EXPORT else hour


class SparkJob(SparkSubmitOperator):
    """A ``spark-submit`` that is not retried where its job refused."""

    def execute(self, context: Context) -> None:
        """Run it; a status of `FINAL` fails the task for good, `NOTHING` skips it."""
        try:
            super().execute(context)
        except AirflowFailException:
            raise
        except AirflowException as error:
            found = re.search(r"Error code is: (\d+)", str(error))
            if found is not None and int(found[1]) == NOTHING:
                raise AirflowSkipException("there is nothing to do for the day") from error
            if found is None or int(found[1]) not in FINAL:
                raise
            raise AirflowFailException(
                f"exit status {found[1]}: not retried, the last line of the log has the remedy"
            ) from error


class Audit(SparkJob):
    """The audit of a day, which links to what it found."""

    operator_extra_links = (DayLink(),)


def spark_task(
    script: str,
    *,
    job: type[SparkJob] = SparkJob,
    timeout: timedelta,
    pool: str = SPARK_POOL,
    arguments: Sequence[str] = (),
    common: Sequence[str] = tuple(_COMMON_ARGUMENTS),
    **rest: Any,
) -> SparkJob:
    """A ``spark-submit`` of ``spark/<script>.py`` through the connection `spark_default`.

    The connection alone decides where it runs: ``local[2,2]`` on a laptop, a cluster elsewhere.
    """
    return job(
        task_id=rest.pop("task_id", script),
        name=f"unposed-{script}",
        application=f"{SPARK_JOBS}/{script}.py",
        application_args=[*common, *arguments],
        conn_id="spark_default",
        pool=pool,
        execution_timeout=timeout,
        **rest,
    )


def audit_task(timeout: timedelta, **rest: Any) -> Any:
    """Publish the day; the DAG has the param `accept_changes`."""
    return spark_task(
        "audit_products",
        job=Audit,
        timeout=timeout,
        arguments=["--accept-changes", "{{ params.accept_changes or '' }}"],
        outlets=[
            Asset(f"unposed://{name}") for name in ("pose_flags", "product_audit", "product_images")
        ],
        **rest,
    )
