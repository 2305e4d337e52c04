"""
### Is the warehouse behind?

**check_freshness** fails, and so raises the alarm (`UNPOSED_NOTIFIERS`), where the last published
day is older than the param `max_age`, whatever the reason: a night that failed, was never started,
or was cleared. docs/runbooks/the-warehouse-is-behind.md has the remedy.

**Idempotent?** It changes nothing. **To resume:** nothing to do, the next hour checks again.
"""

from __future__ import annotations

from datetime import timedelta

from _wiring import DEFAULT_ARGS, START, Tag, spark_task
from airflow.sdk import DAG, CronTriggerTimetable, Param

with DAG(
    dag_id="unposed_freshness_hourly",
    description="An alarm where the last published day is too old.",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("30 * * * *", timezone="UTC"),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=50),
    default_args=DEFAULT_ARGS,
    params={
        "max_age": Param(
            "36h",
            type="string",
            pattern=r"^[1-9][0-9]*[hd]$",
            title="Age",
            description="Hours or days since the midnight that the last published day began.",
        )
    },
    tags=[Tag.PROJECT.value, Tag.HOURLY.value, Tag.TIER_1.value],
) as dag:
    spark_task(
        "check_freshness",
        timeout=timedelta(minutes=20),
        common=[],
        arguments=["--max-age", "{{ params.max_age }}"],
    )
