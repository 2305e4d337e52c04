"""
### Weekly reference training

Learns, without labels, the vocabulary of poses and their ranking from the top-K popular products.

1. **extract_landmarks** makes sure that the reference products' pictures have landmarks.
2. **train_reference** selects the reference set, learns embedding, pose classes and ranking, and
   saves a checksummed bundle with status *candidate*.
3. **promote_candidate** makes it the champion if it is no worse than today's and few enough flags
   would flip with no picture changed. Otherwise it waits:
4. **ask_about_candidate** asks a person, who sees on the candidate's page (*Missing pictures*,
   under *Models*) what would change, and promotes or rejects it there or here, under *Required
   actions*. Nights go on with the old champion. After five days without an answer it is rejected.
5. **settle_candidate** does what was decided, and keeps who said so and why.
6. **estimate_influence** estimates from the published days, by the champion of that hour, what
   pictures are worth: the table `influence`, the view `worth_of_gaps`. Before the first published
   day it is skipped.

**Idempotent?** Yes: the model's version is a digest of its inputs; the same week gives the same
bundle, and the same days the same estimates. **To resume:** clear the failed task. **To force a
date:** trigger with `date`. **Without a person:** with `ask` off a candidate that is refused is
*rejected* at once. **To accept a rejected candidate:** trigger with its `date` and, in
`promote_anyway`, who accepts it and why; the text is kept in `models.reason`.
"""

from __future__ import annotations

from datetime import timedelta

from _people import ask_about_candidate
from _wiring import (
    DEFAULT_ARGS,
    EXTRACT_POOL,
    LIMIT,
    PARAMS,
    RUN_DATE,
    START,
    Tag,
    spark_task,
)
from airflow.sdk import DAG, Asset, CronTriggerTimetable, Param

with DAG(
    dag_id="unposed_reference_retrain_weekly",
    description="The vocabulary of poses and their ranking, from the top-K popular products.",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("0 22 * * 6", timezone="UTC"),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(days=6, hours=12),
    default_args=DEFAULT_ARGS,
    params=PARAMS
    | {
        "promote_anyway": Param(
            None,
            type=["null", "string"],
            minLength=8,
            maxLength=500,
            title="Promote anyway",
            description="Who accepts a candidate that is refused, and why. Empty: nobody does.",
        ),
        "ask": Param(
            True,
            type="boolean",
            title="Ask a person",
            description="About a candidate that is refused. Off: it is rejected at once.",
        ),
    },
    tags=[Tag.PROJECT.value, Tag.WEEKLY.value, Tag.TIER_2.value],
) as dag:
    extract = spark_task(
        "extract_landmarks",
        pool=EXTRACT_POOL,
        timeout=timedelta(hours=16),
        max_active_tis_per_dag=1,
        arguments=["--scope", "reference", *LIMIT],
    )
    train = spark_task("train_reference", timeout=timedelta(hours=4))
    promote = spark_task(
        "promote_candidate",
        timeout=timedelta(hours=1),
        arguments=[
            *("--promote-anyway", "{{ params.promote_anyway or '' }}"),
            *("--ask", "{{ params.ask }}"),
        ],
        outlets=[Asset("unposed://models")],
    )
    influence = spark_task(
        "estimate_influence",
        timeout=timedelta(hours=2),
        outlets=[Asset("unposed://influence")],
    )
    ask = ask_about_candidate(RUN_DATE, timedelta(days=5))
    answer = "ti.xcom_pull(task_ids='ask_about_candidate')"
    settle = spark_task(
        "settle_candidate",
        timeout=timedelta(hours=1),
        arguments=[
            *("--decision", f"{{{{ {answer}['decision'] }}}}"),
            *("--decided-by", f"{{{{ {answer}['by'] }}}}"),
        ],
        outlets=[Asset("unposed://models")],
    )
    extract >> train >> promote >> ask >> settle
    promote >> influence  # Does not wait for a person.
