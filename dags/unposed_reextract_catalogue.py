"""
### Another pose estimator for the whole catalogue

Started by hand with the param `estimator`. The nightly audit goes on with the old one meanwhile.

1. **extract_landmarks** runs once for each of eight parts of the catalogue, one after the other;
   each commits chunk by chunk, and what a shard has done is not done again.
2. **train_reference** learns a vocabulary from the new landmarks: a candidate.
3. **promote_candidate** makes it the champion. This one commit is the switch: from here on whatever
   runs with `[pose] estimator = "champion"` uses the new estimator and model.
4. **audit_products** publishes the day with them: readers have the old flags, whole, until then.

**Idempotent?** Yes. **To resume:** clear the failed task. **To go back:** see
docs/runbooks/roll-a-model-back.md; the old landmarks are still there.
**Before:** `[pose] estimator = "champion"` in unposed.toml, or set it to the new name between 3 and
the next night: until both agree nights are refused, and yesterday's flags stand. A change of the
estimator turns flags: give `accept_changes`.
"""

from __future__ import annotations

from datetime import timedelta

from _wiring import (
    DEFAULT_ARGS,
    EXTRACT_POOL,
    PARAMS,
    START,
    Tag,
    accept_changes,
    audit_task,
    spark_task,
)
from airflow.sdk import DAG, Asset, Param, chain

with DAG(
    dag_id="unposed_reextract_catalogue",
    description="Another estimator over the whole catalogue, then one switch of model and flags.",
    doc_md=__doc__,
    schedule=None,
    start_date=START,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(days=14),
    default_args=DEFAULT_ARGS,
    params={
        "date": PARAMS["date"],
        "dry_run": PARAMS["dry_run"],
        "estimator": Param(
            "blazepose-full",
            type="string",
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/@-]*$",
            title="Pose estimator",
            description="The new one; `unposed models list` prints their names.",
        ),
        "accept_changes": accept_changes(
            "Who accepts the flags that another estimator turns, and why."
        ),
    },
    tags=[Tag.PROJECT.value, Tag.BY_HAND.value, Tag.TIER_2.value],
) as dag:
    shards = [
        spark_task(
            "extract_landmarks",
            task_id=f"extract_landmarks_{shard}_of_8",
            pool=EXTRACT_POOL,
            timeout=timedelta(hours=40),
            arguments=["--shard", f"{shard}/8"],
        )
        for shard in range(1, 9)
    ]
    train = spark_task("train_reference", timeout=timedelta(hours=4))
    promote = spark_task(
        "promote_candidate", timeout=timedelta(hours=1), outlets=[Asset("unposed://models")]
    )
    audit = audit_task(timedelta(hours=6))
    chain(*shards, train, promote, audit)
