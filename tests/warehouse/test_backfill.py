"""The plan of a back-fill: what is published, what it would do and cost, and its command."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pyarrow as pa
import pytest
from warehouse_samples import DAY, NEXT, landmark_rows, publish_day, record, settings

from unposed_jobs.cli import main
from unposed_jobs.errors import UnposedError
from unposed_jobs.jobs import backfill
from unposed_jobs.reference import registry
from unposed_jobs.reference.registry import ModelRow
from unposed_jobs.warehouse import Warehouse
from unposed_jobs.warehouse.tables import TABLES

THIRD = NEXT + dt.timedelta(days=1)
CHAMPION = ModelRow("m2", "champion", "mediapipe-full@1", "", {}, {}, {}, DAY, DAY, None, "r")


def images(contents):
    moment = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)
    return [
        {
            "image_uri": f"{content}.jpg",
            "content_sha256": content,
            "status": "ok",
            "first_seen": moment.date(),
            "last_seen": moment.date(),
        }
        for content in contents
    ]


@pytest.fixture
def warehouse(tmp_path):
    """Two days, one by an earlier model; a refused third; three contents, two with landmarks."""
    made = Warehouse.open(settings(tmp_path, buckets=1))
    publish_day(made, DAY, ["a"], "r1")
    publish_day(made, NEXT, ["a", "b"], "r2")
    for run_id, day, model, seconds in (("r1", DAY, "m1", 60), ("r2", NEXT, "m2", 100)):
        known = next(run for run in made.runs() if run.run_id == run_id)
        done = dataclasses.replace(known, model_version=model, figures={"seconds": seconds})
        made.record_run(dataclasses.replace(done, run_date=day))
    refused = dataclasses.replace(record("r3", THIRD), state="refused", error="empty: 0 products")
    made.record_run(refused)
    extracted = dataclasses.replace(record("x", DAY), job="extract")
    made.record_run(dataclasses.replace(extracted, figures={"images_per_second": 0.5}))
    registry.record(made, [CHAMPION], "train")
    keys = [letter * 64 for letter in "abc"]
    staged = made.stage("landmarks", "x").write(landmark_rows(keys[:2]))
    made.append("landmarks", staged, "x", "1")
    schema = TABLES["images"].schema
    rows = pa.Table.from_pylist(images(keys), schema).drop_columns(["bucket", "run_id"])
    staged = made.stage("images", "x").write(rows)
    made.replace_partitions("images", {"bucket": [0]}, staged, "x")
    return made


def test_the_plan_tells_what_is_there_and_what_the_days_would_cost(warehouse):
    planned = backfill.plan(warehouse, DAY, THIRD)
    shown = [day.published.run_id if day.published else None for day in planned.days]
    assert shown == ["r1", "r2", None]
    assert [day.failed for day in planned.days] == [None, None, "empty: 0 products"]
    assert planned.renamed == [DAY]
    assert planned.cost == backfill.Cost(1, 2.0, 240.0)
    assert "--from-date 2024-03-01 --to-date 2024-03-04 --run-backwards" in planned.command()


def test_without_a_champion_there_is_nothing_to_plan(tmp_path):
    with pytest.raises(UnposedError, match="no model is promoted"):
        backfill.plan(Warehouse.open(settings(tmp_path)), DAY, NEXT)


def test_the_command_prints_the_plan_and_how_to_start_it(warehouse, tmp_path, capsys):
    chosen = warehouse.settings
    (tmp_path / "unposed.toml").write_text(
        f'[warehouse]\nuri = "{chosen.uri}"\nlocation = "{chosen.location}"\n'
        f'views = "{chosen.views}"\nbuckets = 1\n'
    )
    flags = ("--config", str(tmp_path / "unposed.toml"), "--from", str(DAY), "--to")
    assert main(["backfill", *flags, str(THIRD), "--no-sample"]) == 0
    told = capsys.readouterr().out
    assert "3 days: 1 new, 2 done again" in told
    assert "1 known pictures to extract (2 s)" in told
    assert told.strip().splitlines()[-1].startswith("airflow backfill create --dag-id")
    assert main(["backfill", *flags, str(DAY - dt.timedelta(days=1))]) == 2
    assert "--to is before --from" in capsys.readouterr().err
