"""Extraction, training, promotion and the audit's side tables: ended at any step, nothing is lost.

Each of their writes is one commit; between two of them a table may be ahead of another, but no
key is doubled, there is one champion, and the same job again gives the undisturbed rows.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import threading
from collections import Counter

import pyarrow as pa
import pytest
from fault_points import audit, by_query, deaths, kept, prepare, said
from warehouse_samples import DAY, NEXT, landmark_rows, record, settings

from unposed_jobs.reference import registry
from unposed_jobs.reference.registry import ModelRow
from unposed_jobs.sql import views
from unposed_jobs.warehouse import ConflictError, Warehouse, maintenance
from unposed_jobs.warehouse.tables import TABLES

LONG = os.environ.get("UNPOSED_FAULTS") == "long"
KNOWN, NEW = [f"{n:064x}" for n in range(8)], [f"{n:064x}" for n in range(8, 20)]
OLD = ModelRow("m1", "champion", "e1", "", {}, {}, {}, DAY, DAY, None, "r")
THIRD = NEXT + dt.timedelta(days=1)


def images(warehouse, contents, run_id):
    """Write the table's state: those pictures, seen on that day."""
    rows = [
        {
            "image_uri": f"{content}.jpg",
            "content_sha256": content,
            "status": "ok",
            "first_seen": DAY,
            "last_seen": NEXT,
        }
        for content in contents
    ]
    schema = TABLES["images"].schema
    table = pa.Table.from_pylist(rows, schema).drop_columns(["bucket", "run_id"])
    read_at = warehouse.snapshot_id("images")
    staged = warehouse.stage("images", run_id).write(table)
    within = {"bucket": sorted({dict(file.partition)["bucket"] for file in staged})}
    warehouse.replace_partitions("images", within, staged, run_id, read_at=read_at)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults") / "home"
    prepare(folder)
    warehouse = Warehouse.open(settings(folder))
    images(warehouse, KNOWN, "first")
    staged = warehouse.stage("landmarks", "first").write(landmark_rows(KNOWN))
    warehouse.append("landmarks", staged, "first", "1")
    registry.record(warehouse, [OLD], "first")
    return folder


@pytest.fixture
def shop(prepared):
    """The prepared folder, for one test."""
    with kept(prepared):
        yield prepared


def extracted(folder):
    """What an extraction does: the state, then two groups, then its row of `runs`."""
    warehouse = Warehouse.open(settings(folder))
    if len(warehouse.read("images", ["image_uri"])) == len(KNOWN):
        images(warehouse, KNOWN + NEW, "night")
    read_at, own = warehouse.snapshot_id("landmarks"), set()
    known = set(warehouse.read("landmarks", ["content_sha256"])["content_sha256"].to_pylist())
    left = [content for content in NEW if content not in known]
    for start in range(0, len(left), 6):
        group = left[start : start + 6]
        staged = warehouse.stage("landmarks", "night").write(landmark_rows(group))
        part = f"{len(group)} {group[0]}"
        own.add(warehouse.append("landmarks", staged, "night", part, read_at=read_at, own=own))
    warehouse.record_run(dataclasses.replace(record("night", NEXT), job="extract"))
    views.publish(warehouse)


def promoted(folder):
    """What a training and a promotion do."""
    warehouse = Warehouse.open(settings(folder))
    new = ModelRow("m2", "candidate", "e1", "", {}, {}, {}, NEXT, None, None, "train")
    champion = registry.champion(warehouse)
    if champion == OLD:
        registry.record(warehouse, [new], "train")
        chosen = dataclasses.replace(new, status="champion", promoted_on=NEXT)
        registry.promote(warehouse, chosen, champion, "promote")
    warehouse.record_run(dataclasses.replace(record("promote", NEXT), job="promote"))
    views.publish(warehouse)


def audited(folder):
    """What an audit writes beside its day: the checks' results, and people's decisions."""
    warehouse = Warehouse.open(settings(folder))
    check = {"run_date": NEXT, "rule": "empty", "outcome": "passed", "rows": 0, "detail": "none"}
    schema = TABLES["check_results"].schema
    rows = pa.Table.from_pylist([check], schema).drop_columns(["run_id"])
    staged = warehouse.stage("check_results", "after").write(rows)
    warehouse.write_day("check_results", NEXT, staged, "after")
    audit(folder, "after", ["a", "c"])


def state(folder):
    """The rows of the tables that are no day's, without the times of the runs."""
    warehouse = Warehouse.open(settings(folder))
    names = ("images", "landmarks", "models", "check_results")
    rows = {
        name: sorted(warehouse.read(name, published=False).to_pylist(), key=repr) for name in names
    }
    runs = sorted((run.run_id, run.state) for run in warehouse.runs())
    return rows | {"runs": runs, "days": by_query(folder)}


@pytest.mark.parametrize("writer", [extracted, promoted, audited] if LONG else [extracted])
def test_a_job_that_ends_at_any_step_loses_nothing(shop, writer, record_property):
    with kept(shop):
        writer(shop)
        after = state(shop)
    steps = []
    for death in deaths(shop, writer):
        steps.append(death.step)
        if death.shown:
            found = state(shop)
            keys = [row["content_sha256"] for row in found["landmarks"]]
            assert len(keys) == len(set(keys)), death
            assert set(KNOWN) <= set(keys) <= {*KNOWN, *NEW}
            assert len(found["images"]) in (len(KNOWN), len(KNOWN) + len(NEW))
            assert [row["status"] for row in found["models"]].count("champion") == 1
        if LONG or death.number % 10 == 5:
            writer(shop)
            assert state(shop) == after, death
    assert len(steps) > 5
    record_property(
        "tried",
        f"{writer.__name__}: ended before each of its {len(steps)} steps; rows lost or doubled: 0"
        f"\n    {said(steps)}",
    )


def test_of_two_models_one_becomes_the_champion(shop):
    """Both were compared with the same champion."""
    warehouse = Warehouse.open(settings(shop))
    new = [dataclasses.replace(OLD, model_version=name, run_date=NEXT) for name in ("m2", "m3")]
    registry.promote(warehouse, new[0], OLD, "weekly")
    with pytest.raises(ConflictError, match="m2 became the champion since m3 was compared"):
        registry.promote(warehouse, new[1], OLD, "by another estimator")
    status = {row.model_version: row.status for row in registry.models(warehouse)}
    assert status == {"m1": "retired", "m2": "champion"}
    # The same promotion again, whose answer was lost.
    registry.promote(warehouse, new[0], OLD, "weekly")
    assert registry.champion(warehouse).model_version == "m2"


def test_back_fills_beside_extraction_training_promotion_and_maintenance(shop, record_property):
    """All at once, in threads of their own; whoever meets a conflict does it again, as is told."""
    days = [THIRD + dt.timedelta(days=n) for n in range(8 if LONG else 3)]
    errors, again = [], Counter()

    def maintained(folder):
        warehouse = Warehouse.open(settings(folder))
        maintenance.maintain(warehouse, apply=True, renew_views=views.publish)

    def work(name, do):
        for _ in range(20):
            try:
                return do()
            except ConflictError:
                again[name] += 1
            except BaseException as error:
                errors.append((name, error))
                return None
        errors.append((name, "never done"))
        return None

    jobs = {
        "extract": lambda: extracted(shop),
        "promote": lambda: promoted(shop),
        "maintain": lambda: maintained(shop),
        **{
            f"day {day}": lambda day=day: audit(shop, f"run-{day}", ["a", "b"], day) for day in days
        },
    }
    threads = [threading.Thread(target=work, args=job) for job in jobs.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert not errors
    shown = by_query(shop)["product_audit"]
    rows = sorted((row["run_date"], row["product_id"]) for row in shown if row["run_date"] > NEXT)
    assert rows == [(day, product) for day in days for product in "ab"]
    warehouse = Warehouse.open(settings(shop))
    found = warehouse.read("landmarks", ["content_sha256"])["content_sha256"].to_pylist()
    assert sorted(found) == KNOWN + NEW
    assert registry.champion(warehouse).model_version == "m2"
    record_property(
        "tried",
        f"{len(days)} back-fills of different days beside extraction, promotion, maintenance: all "
        f"done, rows lost or doubled: 0; done again after a conflict: {dict(again) or 'none'}",
    )
