"""
### Weekly maintenance of the warehouse

**maintain_warehouse** removes rows of superseded runs, compacts small files, merges manifests,
expires snapshots but the last of each month, trims the tables' old metadata, collects files that
nothing names and that are three days old, and removes the bundles of models that were retired or
rejected long ago. What is published stays as it is, and what another run is writing is left for the
next week, so that it may run at the same time as an audit, a training or a back-fill.

**Idempotent?** Yes: a second run finds nothing left. **To resume:** clear the task.
**To see first what it would do:** trigger with `dry_run`; the log lists it for each table.
"""

from __future__ import annotations

from datetime import timedelta

from _wiring import DEFAULT_ARGS, PARAMS, RUN_DATE, START, Tag, spark_task
from airflow.sdk import DAG, CronTriggerTimetable, Param

with DAG(
    dag_id="unposed_warehouse_maintenance_weekly",
    description="Compaction, expiry, orphans, old metadata, superseded runs, retired bundles.",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("0 12 * * 0", timezone="UTC"),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=8),
    default_args=DEFAULT_ARGS,
    params={
        "date": PARAMS["date"],
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Say what would be done, do nothing.",
        ),
        "keep_days": Param(
            7,
            type="integer",
            minimum=1,
            title="Days of snapshots",
            description="Snapshots of so many days are kept, for time travel; month ends always.",
        ),
    },
    tags=[Tag.PROJECT.value, Tag.WEEKLY.value, Tag.TIER_2.value],
) as dag:
    spark_task(
        "maintain_warehouse",
        timeout=timedelta(hours=6),
        common=["--date", RUN_DATE, "--dry-run", "{{ params.dry_run }}"],
        arguments=["--keep-days", "{{ params.keep_days }}"],
    )
