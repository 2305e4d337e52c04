"""Runs and the other small tables."""

from __future__ import annotations

import dataclasses
import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from warehouse_samples import DAY, NEXT, record, snapshots

from unposed_jobs.errors import CheckFailedError

LATER = dt.datetime(2024, 3, 9, tzinfo=dt.UTC)


def model(version, status="candidate"):
    return {
        "model_version": version,
        "status": status,
        "estimator_id": "mediapipe-full@1",
        "artefact_uri": f"/models/{version}",
        "checksums": "{}",
        "parameters": "{}",
        "metrics": "{}",
        "run_date": DAY,
        "promoted_on": None,
        "reason": None,
        "run_id": f"train-{version}",
    }


def models(*rows):
    from unposed_jobs.warehouse.tables import MODELS

    return pa.Table.from_pylist(list(rows), schema=MODELS.schema)


def test_a_run_comes_back_as_it_was(warehouse):
    given = record(
        "r1",
        DAY,
        model_version="m1",
        rows={"pose_flags": 8},
        figures={"seconds": 1.5, "by_status": {"ok": 3}},
        snapshots={"pose_flags": 2**62},
    )
    assert warehouse.record_run(given) == given
    assert warehouse.runs() == [given]


def test_the_same_run_again_is_one_row_with_its_attempts(warehouse):
    for _ in range(3):
        stored = warehouse.record_run(record("r1", DAY))
    warehouse.record_run(record("r2", NEXT))
    assert stored.attempts == 3
    assert [(run.run_id, run.attempts) for run in warehouse.runs()] == [("r1", 3), ("r2", 1)]


@pytest.mark.parametrize("state", ["refused", "dry_run"])
def test_a_later_attempt_takes_back_nothing_that_is_published(warehouse, state):
    first = warehouse.record_run(record("r1", DAY, rows={"pose_flags": 8}))
    stored = warehouse.record_run(
        record("r1", DAY, state, error="too many failed", finished_at=LATER)
    )
    assert stored == dataclasses.replace(
        first, attempts=2, error="attempt 2 was not published: too many failed"
    )
    again = warehouse.record_run(record("r1", DAY, finished_at=LATER))
    assert (again.state, again.error, again.finished_at) == ("published", None, LATER)


def test_a_refused_run_may_be_published_later(warehouse):
    warehouse.record_run(record("r1", DAY, "refused", error="too many failed"))
    assert warehouse.latest_published("audit", DAY) is None
    warehouse.record_run(record("r1", DAY))
    assert warehouse.latest_published("audit", DAY).attempts == 2


def test_the_latest_published_run_of_a_day_and_of_all(warehouse):
    warehouse.record_run(record("older", DAY))
    warehouse.record_run(record("old", DAY, finished_at=LATER))
    warehouse.record_run(record("next", NEXT))
    warehouse.record_run(record("refused", NEXT, "refused", finished_at=LATER))
    warehouse.record_run(record("weekly", NEXT, job="train"))
    assert warehouse.latest_published("audit", DAY).run_id == "old"
    assert warehouse.latest_published("audit").run_id == "next"
    assert warehouse.latest_published("train").run_id == "weekly"
    assert warehouse.latest_published("extract") is None


def test_runs_recorded_at_once_are_all_kept(warehouse):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: warehouse.record_run(record(f"r{n % 4}", DAY)), range(8)))
    assert {run.run_id: run.attempts for run in warehouse.runs()} == {
        f"r{number}": 2 for number in range(4)
    }


def test_times_without_a_zone_are_refused(warehouse):
    with pytest.raises(ValueError, match="time zone"):
        warehouse.record_run(record("r1", DAY, started_at=dt.datetime(2024, 3, 1)))


def test_rows_are_replaced_by_key_in_one_snapshot(warehouse):
    warehouse.replace_rows("models", {"model_version": "m1"}, models(model("m1", "champion")), "a")
    warehouse.replace_rows(
        "models",
        {"model_version": ["m1", "m2"]},
        models(model("m1", "retired"), model("m2", "champion")),
        "b",
    )
    assert snapshots(warehouse, "models") == 2
    found = warehouse.read("models", ["model_version", "status"]).sort_by("model_version")
    assert found.to_pylist() == [
        {"model_version": "m1", "status": "retired"},
        {"model_version": "m2", "status": "champion"},
    ]


def test_replaced_rows_are_checked(warehouse):
    warehouse.replace_rows("models", {"model_version": "m1"}, models(model("m1")), "a")
    with pytest.raises(CheckFailedError, match="2 rows have the key model_version m1"):
        warehouse.replace_rows("models", {"model_version": "m2"}, models(model("m1")), "b")
    bad = models(model("m2") | {"status": None})
    with pytest.raises(CheckFailedError, match="no status"):
        warehouse.replace_rows("models", {"model_version": "m2"}, bad, "b")
    with pytest.raises(ValueError, match="no filter"):
        warehouse.replace_rows("models", {}, models(), "b")
    with pytest.raises(ValueError, match="is partitioned"):
        warehouse.replace_rows("landmarks", {"bucket": 1}, models(), "b")
    assert snapshots(warehouse, "models") == 1


def test_all_rows_of_a_key_may_go(warehouse):
    warehouse.replace_rows("models", {"model_version": "m1"}, models(model("m1")), "a")
    warehouse.replace_rows("models", {"model_version": "m1"}, models(), "b")
    assert warehouse.read("models").num_rows == 0
