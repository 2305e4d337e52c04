"""
### Nightly catalogue audit

Finds the poses that each product's pictures lack on one day and publishes them to
`pose_flags` and `product_audit`.

1. **extract_landmarks** finds new or changed pictures of the day's catalogue and runs the
   pose estimator on those alone; it commits chunk by chunk. In the same pass it keeps what each
   picture is like in `picture_facts` and `picture_crops` (`[facts] nightly`).
2. **read_facts** makes facts of pictures that were extracted before and have none: after a new
   facts version, or a night that ended in between. On other nights there is nothing to do.
3. **audit_products** names each picture's pose with the champion model, compares each product
   with its cohort's vocabulary, checks the rows and publishes that day at once.
4. **build_gallery** draws the pages a catalogue manager reads.

**Idempotent?** Yes: a day run twice holds the same rows, and no other day is touched.
**To resume:** clear the failed task; pictures already extracted are not extracted again.
**To re-do past days:** `airflow backfill create --dag-id unposed_catalogue_audit_nightly
--from-date D --to-date D+1`. A run belongs to the day it starts on (02:00), so `--to-date D`
alone, which means midnight, leaves D out.
**A day without pictures** is skipped. **Alarms:** a task that fails or is retried, and a run
that is late by `UNPOSED_DEADLINE_HOURS` (sent by `UNPOSED_NOTIFIERS`, else one line in the log).
**Nothing is published when** a check or an error budget fails; the last line of the task's log
names it, and the task is not retried. If a day that changed much is right all the same, trigger
it with the param `accept_changes`. **No model yet?** Run `unposed_reference_retrain_weekly` first.
"""

from __future__ import annotations

from datetime import timedelta

from _alerts import deadline
from _wiring import (
    DEFAULT_ARGS,
    EXTRACT_POOL,
    LIMIT,
    PARAMS,
    START,
    Tag,
    accept_changes,
    audit_task,
    nightly,
    spark_task,
)
from airflow.sdk import DAG, Asset

with DAG(
    dag_id="unposed_catalogue_audit_nightly",
    description="Which poses does each product lack? Into pose_flags and product_audit.",
    doc_md=__doc__,
    schedule=nightly("0 2 * * *"),
    deadline=deadline(),
    start_date=START,
    catchup=False,
    max_active_runs=2,
    dagrun_timeout=timedelta(hours=12),
    default_args=DEFAULT_ARGS,
    params=PARAMS
    | {
        "accept_changes": accept_changes(
            "Who accepts a day beyond the bounds of [checks], and why. Empty: nobody."
        ),
    },
    tags=[Tag.PROJECT.value, Tag.NIGHTLY.value, Tag.TIER_1.value],
) as dag:
    extract = spark_task(
        "extract_landmarks",
        pool=EXTRACT_POOL,
        timeout=timedelta(hours=8),
        arguments=LIMIT,
        max_active_tis_per_dag=1,
        outlets=[Asset("unposed://landmarks")],
    )
    facts = spark_task(
        "read_facts",
        pool=EXTRACT_POOL,
        timeout=timedelta(hours=8),
        max_active_tis_per_dag=1,
        outlets=[Asset("unposed://picture_facts")],
    )
    audit = audit_task(timedelta(hours=3))
    gallery = spark_task(
        "build_gallery", timeout=timedelta(hours=1), outlets=[Asset("unposed://gallery")]
    )
    extract >> facts >> audit >> gallery
