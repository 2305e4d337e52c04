"""The DAG files hold what operators rely on: they parse, are documented, bounded and thin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DAGS = {"unposed_catalogue_audit_nightly", "unposed_reference_retrain_weekly"}


def test_every_dag_parses(dag_bag):
    assert dag_bag.import_errors == {}
    assert set(dag_bag.dags) == DAGS


@pytest.mark.parametrize("dag_id", sorted(DAGS))
def test_a_dag_is_documented_owned_tagged_and_bounded(dag_bag, dag_id):
    from _wiring import Tag

    dag = dag_bag.dags[dag_id]
    known = {tag.value for tag in Tag}
    assert Tag.PROJECT.value in dag.tags
    assert set(dag.tags) <= known
    assert "Idempotent?" in dag.doc_md
    assert "To resume" in dag.doc_md
    assert dag.dagrun_timeout is not None
    assert not dag.catchup
    for task in dag.tasks:
        assert task.owner == "unposed"
        assert task.retries >= 1
        assert task.execution_timeout is not None
        assert task.execution_timeout <= dag.dagrun_timeout
        assert task.pool in {"unposed_spark", "unposed_extract"}
        assert task.application.endswith(f"/{task.task_id}.py")
        assert Path(task.application).is_file()


def test_the_spark_connection_exists_or_the_hook_would_fall_back_to_yarn(airflow_home):
    from airflow.sdk import Connection

    assert Connection.get("spark_default").host == "local[2]"


@pytest.mark.parametrize("dag_id", sorted(DAGS))
def test_params_refuse_what_a_job_could_not_use(dag_bag, dag_id):
    from airflow.sdk.definitions.param import ParamsDict

    params = dag_bag.dags[dag_id].params
    assert {"date", "estimator", "limit", "dry_run"} <= set(params)
    for name, bad in (
        ("date", "last week"),
        ("estimator", "x; rm -rf /"),
        ("limit", 0),
        ("dry_run", "yes"),
    ):
        tried = ParamsDict(dict(params.items()))
        with pytest.raises(Exception, match=r"Invalid|not"):
            tried[name] = bad


def test_a_refused_candidate_is_accepted_only_with_a_reason_in_words(dag_bag):
    from airflow.sdk.definitions.param import ParamsDict

    dag = dag_bag.dags["unposed_reference_retrain_weekly"]
    tried = ParamsDict(dict(dag.params.items()))
    assert tried["promote_anyway"] is None
    with pytest.raises(Exception, match=r"Invalid|short"):
        tried["promote_anyway"] = "yes"
    told = dag.get_task("promote_candidate").application_args
    assert "promote_anyway" in told[told.index("--promote-anyway") + 1]


def test_a_run_belongs_to_its_own_date_and_a_manual_one_to_today():
    from _wiring import RUN_DATE
    from jinja2 import Environment

    environment = Environment()
    environment.filters["ds"] = lambda moment: moment.strftime("%Y-%m-%d")
    template = environment.from_string(RUN_DATE)
    from datetime import UTC, datetime
    from types import SimpleNamespace

    scheduled = SimpleNamespace(logical_date=datetime(2026, 1, 5, 2, tzinfo=UTC), run_after=None)
    manual = SimpleNamespace(logical_date=None, run_after=datetime(2026, 2, 1, tzinfo=UTC))
    nothing = SimpleNamespace(date=None)
    asked = SimpleNamespace(date="2025-12-24")
    assert template.render(params=nothing, dag_run=scheduled) == "2026-01-05"
    assert template.render(params=nothing, dag_run=manual) == "2026-02-01"
    assert template.render(params=asked, dag_run=scheduled) == "2025-12-24"


def test_parsing_loads_no_heavy_library(airflow_home):
    code = (
        "import sys, json; sys.path.insert(0, 'dags');"
        "import unposed_catalogue_audit_nightly, unposed_reference_retrain_weekly;"
        "print(json.dumps([m for m in ('torch','mediapipe','pyspark','faiss','lightgbm','cv2')"
        " if m in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        env=os.environ,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_a_dag_file_is_wiring_only():
    files = list((ROOT / "dags").glob("unposed_*.py"))
    assert len(files) == len(DAGS)
    for file in files:
        assert len(file.read_text().splitlines()) <= 120, file


def test_only_the_jobs_meet_spark_and_nothing_meets_airflow():
    for file in (ROOT / "unposed_jobs").rglob("*.py"):
        text = file.read_text()
        assert "import airflow" not in text, file
        assert "from airflow" not in text, file
        # The benchmarks measure Spark itself, so they meet it too.
        if file.parent.name not in {"jobs", "bench"}:
            assert "import pyspark" not in text, file
            assert "from pyspark" not in text, file


@pytest.mark.parametrize("dag_id", sorted(DAGS))
def test_a_scheduled_or_back_filled_run_is_for_the_day_it_starts_on(dag_bag, dag_id):
    from datetime import timedelta

    from airflow.sdk.definitions.timetables.trigger import CronTriggerTimetable

    timetable = dag_bag.dags[dag_id].timetable
    assert isinstance(timetable, CronTriggerTimetable)
    # With a width, a run's logical date would be the day before: the interval's start.
    assert timetable.interval == timedelta(0)


@pytest.mark.parametrize("status", [1, 2, 3, 4, 5, 137])
def test_what_a_job_refuses_is_not_retried_and_what_broke_is(dag_bag, monkeypatch, status):
    from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    def submit(self, context):
        raise AirflowException(f"Cannot execute: ['spark-submit']. Error code is: {status}.")

    monkeypatch.setattr(SparkSubmitOperator, "execute", submit)
    for dag_id in DAGS:
        for task in dag_bag.dags[dag_id].tasks:
            with pytest.raises(AirflowException) as caught:
                type(task).execute(task, {})
            assert isinstance(caught.value, AirflowFailException) == (status in {2, 3, 4, 5})
