"""Maintenance keeps every row and every file that somebody may still read."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException
from warehouse_samples import (
    DAY,
    NEXT,
    audit_rows,
    landmark_rows,
    publish_day,
    record,
    snapshots,
)

from unposed_jobs.sql import statements, views
from unposed_jobs.warehouse import commit, maintenance
from unposed_jobs.warehouse.maintenance import Report

WEEKS_LATER = dt.datetime.now(dt.UTC) + dt.timedelta(days=30)
DAYS_AGO = (dt.datetime.now(dt.UTC) - dt.timedelta(days=10)).timestamp()


def scatter(warehouse, day=DAY, products="abc"):
    """A day in as many files as products."""
    stager = warehouse.stage("product_audit", "r1")
    staged = [file for one in products for file in stager.write(audit_rows(day, [one]))]
    warehouse.write_day("product_audit", day, staged, "r1")


def rows(warehouse, name="product_audit"):
    found = warehouse.read(name, published=False)
    key = found.schema.names
    return sorted(found.to_pylist(), key=lambda row: str([row[k] for k in key]))


def maintained(warehouse, name="product_audit", **options):
    (found,) = [
        r
        for r in maintenance.maintain(warehouse, **options, renew_views=views.publish)
        if r.table == name
    ]
    return found


def files(warehouse, name="product_audit"):
    return {
        str(path) for path in Path(warehouse.table(name).location()).rglob("*") if path.is_file()
    }


def test_a_dry_run_tells_and_changes_nothing(warehouse):
    scatter(warehouse)
    scatter(warehouse)
    before, snapshot = files(warehouse), warehouse.snapshot_id("product_audit")
    report = maintained(warehouse, now=WEEKS_LATER)
    assert (report.compacted_files, report.compacted_into, report.expired_snapshots) == (3, 1, 1)
    assert files(warehouse) == before
    assert warehouse.snapshot_id("product_audit") == snapshot


def test_small_files_become_one_for_each_partition(warehouse):
    scatter(warehouse)
    scatter(warehouse, NEXT)
    for part, contents in enumerate((["00", "01", "02"], ["03", "04", "05", "06"])):
        staged = warehouse.stage("landmarks", f"e{part}").write(landmark_rows(contents))
        warehouse.append("landmarks", staged, f"e{part}", part)
    before = {name: rows(warehouse, name) for name in ("product_audit", "landmarks")}
    report = maintained(warehouse, apply=True)
    assert (report.compacted_files, report.compacted_into) == (6, 2)
    assert snapshots(warehouse, "product_audit") == 3
    assert len(warehouse.planned_files("product_audit")) == 2
    assert len(warehouse.planned_files("landmarks")) == 4
    assert {name: rows(warehouse, name) for name in before} == before
    assert maintained(warehouse, apply=True).compacted_files == 0


def test_a_compacted_day_is_still_published(warehouse):
    scatter(warehouse)
    warehouse.record_run(record("r1", DAY))
    maintained(warehouse, apply=True)
    seen = statements.query(warehouse, "SELECT product_id FROM product_audit_current ORDER BY ALL")
    assert seen["product_id"].to_pylist() == ["a", "b", "c"]


def test_a_partition_that_is_written_meanwhile_is_left_alone(warehouse, monkeypatch):
    scatter(warehouse)
    replace = commit.replace

    def late(table, *args, **rest):
        monkeypatch.setattr(commit, "replace", replace)
        scatter(warehouse, products="xy")
        return replace(table, *args, **rest)

    monkeypatch.setattr(commit, "replace", late)
    report = Report("product_audit")
    maintenance.compact(warehouse, "product_audit", report, apply=True)
    assert report.skipped == ["run_date 2024-03-01"]
    assert [row["product_id"] for row in rows(warehouse)] == ["x", "y"]
    assert not [path for path in files(warehouse) if "compaction" in path]


def test_many_manifests_are_merged(warehouse, monkeypatch):
    monkeypatch.setattr(maintenance, "_MANY_MANIFESTS", 4)
    for number in range(5):
        scatter(warehouse, DAY + dt.timedelta(days=number), "a")
    before = rows(warehouse)
    assert maintained(warehouse, apply=True).merged_manifests == 5
    table = warehouse.table("product_audit")
    assert len(table.current_snapshot().manifests(table.io)) == 1
    assert rows(warehouse) == before
    scatter(warehouse, DAY, "b")
    assert [row["product_id"] for row in rows(warehouse)] == ["b", "a", "a", "a", "a"]


@pytest.mark.parametrize("what", ["manifests", "snapshots", "metadata"])
def test_what_a_run_commits_meanwhile_is_left_to_the_next_time(warehouse, monkeypatch, what):
    monkeypatch.setattr(maintenance, "_MANY_MANIFESTS", 4)
    for number in range(5):
        scatter(warehouse, DAY + dt.timedelta(days=number), "a")
    steps = {
        "manifests": lambda report: maintenance.merge_manifests(*of(report)),
        "snapshots": lambda report: maintenance.expire(*of(report), WEEKS_LATER),
        "metadata": lambda report: maintenance.trim_metadata(*of(report)),
    }

    def of(report):
        return warehouse, "product_audit", report, True

    def first(*_):
        raise CommitFailedException("another one was first")

    before, report = rows(warehouse), Report("product_audit")
    with monkeypatch.context() as patch:
        patch.setattr(SqlCatalog, "commit_table", first)
        patch.setattr("time.sleep", lambda seconds: None)
        steps[what](report)
    assert report.skipped == [what]
    (line,) = report.left()
    assert line.startswith(f"product_audit: {what} left to the next time")
    assert (report.merged_manifests, report.expired_snapshots, report.old_metadata) == (0, 0, 0)
    assert rows(warehouse) == before
    again = Report("product_audit")
    steps[what](again)
    assert again.skipped == []


def test_snapshots_are_kept_from_when_they_were_replaced(warehouse):
    scatter(warehouse)
    old = warehouse.snapshot_id("product_audit")
    table = warehouse.table("product_audit")
    made = table.metadata.snapshot_log[0].timestamp_ms / 1000
    scatter(warehouse, products="d")
    replaced = warehouse.table("product_audit").metadata.snapshot_log[1].timestamp_ms / 1000
    for moment, expired in ((made + 0.001, 0), (replaced, 0), (replaced + 0.001, 1)):
        report = Report("product_audit")
        before = dt.datetime.fromtimestamp(moment, dt.UTC)
        maintenance.expire(warehouse, "product_audit", report, apply=False, before=before)
        assert report.expired_snapshots == expired
    warehouse.record_run(record("r1", DAY))
    maintained(warehouse, apply=True, now=WEEKS_LATER)
    assert warehouse.table("product_audit").snapshot_by_id(old) is None
    assert [row["product_id"] for row in rows(warehouse)] == ["d"]


def test_orphans_go_and_named_files_stay(warehouse):
    scatter(warehouse)
    scatter(warehouse, products="de")
    stager = warehouse.stage("product_audit", "lost")
    orphan, young = (stager.write(audit_rows(NEXT, [one]))[0].path for one in "xy")
    for path in files(warehouse) - {young}:
        os.utime(path, (DAYS_AGO, DAYS_AGO))
    named = files(warehouse) - {orphan, young}
    report = maintained(warehouse, apply=False)
    assert report.orphans == [orphan]
    assert report.orphan_bytes > 0
    report = Report("product_audit")
    limit = dt.datetime.now(dt.UTC) - maintenance.ORPHAN_AGE
    maintenance.collect_orphans(warehouse, "product_audit", report, apply=True, before=limit)
    assert report.orphans == [orphan]
    assert files(warehouse) == named | {young}


def test_what_expired_is_collected_and_the_rest_reads_on(warehouse):
    publish_day(warehouse, DAY, ["a", "b"], "r1")
    publish_day(warehouse, DAY, ["a", "b", "c"], "r1")
    before = rows(warehouse)
    report = maintained(warehouse, apply=True, now=WEEKS_LATER)
    assert report.expired_snapshots == 1
    assert sum(path.endswith(".parquet") for path in report.orphans) == 1
    assert rows(warehouse) == before
    assert maintained(warehouse, now=WEEKS_LATER).orphans == []
    publish_day(warehouse, NEXT, ["a"], "r2")
    assert len(rows(warehouse)) == 4


def test_young_orphans_may_not_be_asked_for(warehouse):
    with pytest.raises(ValueError, match="3 days"):
        maintenance.maintain(warehouse, orphan_age=dt.timedelta(days=1), renew_views=views.publish)


def test_the_last_snapshot_of_each_month_stays(warehouse):
    days = [dt.datetime(2026, month, day, tzinfo=dt.UTC) for month in (4, 5, 6) for day in (2, 9)]
    for _ in days:
        scatter(warehouse)
    log = warehouse.table("product_audit").metadata.snapshot_log
    made = [entry.snapshot_id for entry in log]
    for entry, day in zip(log, days, strict=True):
        object.__setattr__(entry, "timestamp_ms", int(day.timestamp() * 1000))
    assert maintenance.month_ends(log) == {made[1], made[3]}
    assert maintenance.month_ends([]) == set()


def test_a_table_remembers_few_versions_of_its_metadata(warehouse, monkeypatch):
    monkeypatch.setattr(maintenance, "METADATA_KEPT", 3)
    for _ in range(6):
        scatter(warehouse)
    report = maintained(warehouse)
    assert report.old_metadata > 0
    before = rows(warehouse)
    maintained(warehouse, apply=True)
    scatter(warehouse)
    table = warehouse.table("product_audit")
    assert len(table.metadata.metadata_log) <= 3
    on_disk = [path for path in files(warehouse) if path.endswith(".metadata.json")]
    logged = {entry.metadata_file for entry in table.metadata.metadata_log}
    assert logged | {table.metadata_location} <= {*on_disk}
    assert rows(warehouse) == before
