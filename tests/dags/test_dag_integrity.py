"""The DAG files hold what operators rely on: they parse, are documented, bounded and thin."""

from __future__ import annotations

import copy
import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
JOBS = {"unposed_catalogue_audit_nightly", "unposed_reference_retrain_weekly"}
BY_HAND = {"unposed_reextract_catalogue"}
ASKS = "ask_about_candidate"
DAGS = JOBS | BY_HAND | {"unposed_freshness_hourly", "unposed_warehouse_maintenance_weekly"}


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
        assert task.pool == "default_pool"  # Others would have to be made first.
        if task.task_id == ASKS:  # It holds no worker; what it waits for is bounded as well.
            assert task.response_timeout < dag.dagrun_timeout
            continue
        assert task.execution_timeout is not None
        assert task.execution_timeout <= dag.dagrun_timeout
        assert task.task_id.startswith(Path(task.application).stem)
        assert Path(task.application).is_file()
        assert task.on_failure_callback
        assert task.on_retry_callback


def test_the_spark_connection_exists_or_the_hook_would_fall_back_to_yarn(airflow_home):
    from airflow.sdk import Connection

    assert Connection.get("spark_default").host == "local[2,2]"


@pytest.mark.parametrize("dag_id", sorted(JOBS))
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


def test_a_person_is_asked_where_a_candidate_waits_and_else_nobody(dag_bag, monkeypatch, tmp_path):
    from airflow.providers.standard.operators.hitl import HITLOperator
    from airflow.sdk.exceptions import AirflowSkipException

    from unposed_jobs.reference import registry
    from unposed_jobs.warehouse import Warehouse

    monkeypatch.setenv("UNPOSED_HOME", str(tmp_path))
    monkeypatch.delenv("UNPOSED_CONFIG", raising=False)
    from unposed_jobs import config

    warehouse = Warehouse.open(config.load().warehouse)
    task = dag_bag.dags["unposed_reference_retrain_weekly"].get_task(ASKS)
    task.day = "2026-01-05"
    monkeypatch.setattr(HITLOperator, "execute", lambda self, context: (self.subject, self.body))
    with pytest.raises(AirflowSkipException):
        type(task).execute(task, {})
    compared = {"waits": True, "turned": 412, "champion": "old"}
    day = datetime.date(2026, 1, 5)
    row = ("new", "candidate", "e", "", {}, {}, {"promotion": compared}, day, None, "waits", "r")
    registry.record(warehouse, [registry.ModelRow(*row)], "promote")
    subject, body = type(task).execute(task, {})
    assert subject == "Promote the model new"
    assert "412 flags would turn" in body

    def answered(user, options, why=""):
        event = {
            "chosen_options": options,
            "params_input": {"why": why},
            "responded_by_user": user,
            "responded_at": datetime.datetime.now(datetime.UTC),
        }
        return type(task).execute_complete(task, {}, event)

    told = answered({"id": "1", "name": "Rossi"}, ["Promote"], "seen on its page")
    assert told == {"decision": "promote", "by": "Rossi: seen on its page"}
    silence = {"decision": "reject", "by": "nobody answered in time"}
    assert answered(None, task.defaults) == silence


def test_the_pages_know_the_question_again(airflow_home):
    import _people

    from unposed_jobs.web import airflow

    assert (
        airflow.SUBJECT,
        list(airflow.ANSWERS.values()),
    ) == (_people.SUBJECT, [_people.PROMOTE, _people.REJECT])


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
        "import unposed_reextract_catalogue, unposed_warehouse_maintenance_weekly;"
        "import unposed_freshness_hourly;"
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


@pytest.mark.parametrize("dag_id", sorted(DAGS - BY_HAND))
def test_a_scheduled_or_back_filled_run_is_for_the_day_it_starts_on(dag_bag, dag_id):
    from datetime import timedelta

    from airflow.sdk.definitions.timetables.trigger import CronTriggerTimetable

    timetable = dag_bag.dags[dag_id].timetable
    assert isinstance(timetable, CronTriggerTimetable)
    # With a width, a run's logical date would be the day before: the interval's start.
    assert timetable.interval == timedelta(0)


def test_an_audit_links_to_its_day_in_the_pages(dag_bag, monkeypatch):
    from airflow.serialization.serialized_objects import DagSerialization

    monkeypatch.syspath_prepend(ROOT / "plugins")
    from unposed_pages import PREFIX

    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com")
    dag = dag_bag.dags["unposed_catalogue_audit_nightly"]
    task = copy.copy(dag.get_task("audit_products"))
    task.application_args = ["--date", "2026-01-05", "--estimator", ""]
    (link,) = task.operator_extra_links
    address = f"https://airflow.example.com{PREFIX}/changes?day=2026-01-05"
    assert link.get_link(task, ti_key=None) == address
    # What the API server has is the DAG as it is kept in the database.
    kept = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    links = {one.task_id: one.extra_links for one in kept.tasks}
    assert links["audit_products"] == [link.name]
    assert links["extract_landmarks"] == []


@pytest.mark.parametrize("status", [1, 2, 3, 4, 5, 137])
def test_what_a_job_refuses_is_not_retried_and_what_broke_is(dag_bag, monkeypatch, status):
    from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    def submit(self, context):
        raise AirflowException(f"Cannot execute: ['spark-submit']. Error code is: {status}.")

    monkeypatch.setattr(SparkSubmitOperator, "execute", submit)
    for dag_id in DAGS:
        for task in dag_bag.dags[dag_id].tasks:
            if task.task_id == ASKS:
                continue
            with pytest.raises(AirflowException) as caught:
                type(task).execute(task, {})
            assert isinstance(caught.value, AirflowFailException) == (status in {2, 3, 4, 5})


def test_a_run_without_data_is_skipped(dag_bag, monkeypatch):
    from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
    from airflow.sdk.exceptions import AirflowException, AirflowSkipException

    def submit(self, context):
        raise AirflowException("Cannot execute: ['spark-submit']. Error code is: 99.")

    monkeypatch.setattr(SparkSubmitOperator, "execute", submit)
    task = dag_bag.dags["unposed_catalogue_audit_nightly"].get_task("extract_landmarks")
    with pytest.raises(AirflowSkipException):
        type(task).execute(task, {})


def test_every_argument_of_a_task_is_one_that_its_job_takes(dag_bag, monkeypatch):
    import runpy

    from jinja2 import Environment

    from unposed_jobs.jobs import entry

    class Parsed(Exception):
        pass

    class Answered:
        @staticmethod
        def xcom_pull(task_ids):
            assert task_ids == ASKS
            return {"decision": "reject", "by": "nobody answered in time"}

    def parse(self, *rest, real=entry.Parser.parse_args):
        real(self, *rest)
        raise Parsed

    monkeypatch.setattr(entry.Parser, "parse_args", parse)
    environment = Environment()
    environment.filters["ds"] = str
    for dag in dag_bag.dags.values():
        params = {name: dag.params[name] for name in dag.params} | {"date": "2026-01-05"}
        for task in dag.tasks:
            if task.task_id == ASKS:
                continue
            told = [
                environment.from_string(one).render(params=params, dag_run={}, ti=Answered)
                for one in task.application_args
            ]
            monkeypatch.setattr(sys, "argv", [task.application, *told])
            with pytest.raises(Parsed):
                runpy.run_path(task.application, run_name="__main__")


def test_an_alarm_is_one_line_that_names_its_page(airflow_home, caplog, monkeypatch):
    sys.path.insert(0, str(ROOT / "dags"))
    import _alerts

    monkeypatch.delenv(_alerts.VARIABLE, raising=False)
    task = {"dag_id": "d", "run_id": "r", "task_id": "audit_products", "try_number": 1}
    failure = Exception("exit status 4: not retried, the last line of the log\nmore")
    for event, context, page in (
        ("failed", {"task_instance": task, "exception": failure}, "exit-4-check"),
        ("failed", {"task_instance": task, "exception": Exception("killed")}, "task-failed"),
        ("late", {"dag_run": {"dag_id": "d", "dag_run_id": "r"}}, "late-night"),
        (_alerts.WAITS, {"task_instance": task}, "a-candidate-waits"),
    ):
        told = _alerts.line(event, context)
        assert told.startswith(f"unposed alarm: {event}, dag d, run r")
        assert "\n" not in told
        assert told.endswith(f"docs/runbooks/{page}.md")
        assert (ROOT / "docs/runbooks" / f"{page}.md").is_file()
    with caplog.at_level("ERROR"):
        _alerts.late({"dag_run": {"dag_id": "d", "run_id": "r"}})
    assert "unposed alarm: late, dag d" in caplog.text
    for page in _alerts.PAGES.values():
        assert (ROOT / "docs/runbooks" / f"{page}.md").is_file()


def test_alarms_go_to_the_notifiers_that_are_configured(airflow_home, monkeypatch):
    sys.path.insert(0, str(ROOT / "dags"))
    import _alerts

    told = [{"class": "_alerts.LogNotifier", "arguments": {"event": "mine"}}]
    monkeypatch.setenv(_alerts.VARIABLE, json.dumps(told))
    (notifier,) = _alerts.callbacks("failed")
    assert notifier.event == "mine"
    monkeypatch.setenv(_alerts.VARIABLE, '[{"class": "no.such.Notifier"}]')
    with pytest.raises(ValueError, match="UNPOSED_NOTIFIERS"):
        _alerts.callbacks("failed")


def test_a_late_night_raises_an_alarm_where_asked_and_a_back_filled_day_does_not(
    dag_bag, monkeypatch
):
    import _alerts
    from airflow.sdk.definitions.deadline import DagRunQueuedAtDeadline

    # `airflow dags test` cannot end well with one.
    assert not dag_bag.dags["unposed_catalogue_audit_nightly"].deadline
    monkeypatch.setattr(_alerts, "DEADLINE_HOURS", 6.0)
    alert = _alerts.deadline()
    assert isinstance(alert.reference, DagRunQueuedAtDeadline)
    assert alert.callback.path == "_alerts.late"
    assert alert.interval.total_seconds() == 6 * 3600


def test_a_night_follows_the_export_where_that_is_an_asset(airflow_home, monkeypatch):
    sys.path.insert(0, str(ROOT / "dags"))
    import _wiring
    from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable

    assert isinstance(_wiring.nightly("0 2 * * *"), CronTriggerTimetable)
    monkeypatch.setattr(_wiring, "EXPORT", "s3://shop/export")
    assert isinstance(_wiring.nightly("0 2 * * *"), AssetOrTimeSchedule)
