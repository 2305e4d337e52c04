"""Appending parts of a run, bucketed tables, and what travels to executors."""

from __future__ import annotations

import datetime as dt
import pickle
import zlib
from concurrent.futures import ThreadPoolExecutor
from operator import itemgetter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.manifest import ManifestFile
from warehouse_samples import audit_rows, landmark_rows, snapshots

from unposed_jobs.errors import CheckFailedError
from unposed_jobs.sql import views
from unposed_jobs.warehouse import ConflictError, bucket_of, checks, commit, maintenance

CONTENTS = [f"{number:064x}" for number in range(20)]


def append(warehouse, contents, run_id="r1", part=0, **options):
    staged = warehouse.stage("landmarks", run_id).write(landmark_rows(contents))
    return warehouse.append("landmarks", staged, run_id, part, **options)


def contents_of(warehouse):
    return sorted(warehouse.read("landmarks", ["content_sha256"])["content_sha256"].to_pylist())


def test_a_part_is_appended_once(warehouse):
    first = append(warehouse, CONTENTS)
    assert append(warehouse, CONTENTS) == first
    assert snapshots(warehouse, "landmarks") == 1
    assert contents_of(warehouse) == CONTENTS


def test_parts_and_runs_add_up(warehouse):
    append(warehouse, CONTENTS[:5], part=0)
    append(warehouse, CONTENTS[5:9], part=1)
    append(warehouse, CONTENTS[9:], run_id="r2", part=0)
    assert contents_of(warehouse) == CONTENTS
    assert snapshots(warehouse, "landmarks") == 3


def test_a_part_that_expired_snapshots_told_of_is_still_not_doubled(warehouse):
    append(warehouse, CONTENTS[:5])
    append(warehouse, CONTENTS[5:], part=1)
    table = warehouse.table("landmarks")
    table.maintenance.expire_snapshots().older_than(
        dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    ).commit()
    assert commit.find_part(warehouse.table("landmarks"), "r1", "0") is None
    with pytest.raises(CheckFailedError, match="5 staged rows are in the table already"):
        append(warehouse, CONTENTS[:5])
    assert contents_of(warehouse) == CONTENTS


def test_repeats_can_be_left_out(warehouse):
    append(warehouse, CONTENTS[:5])
    stager = warehouse.stage("landmarks", "r2")
    staged = stager.write(landmark_rows(CONTENTS[3:8])) + stager.write(landmark_rows(CONTENTS[6:]))
    with pytest.raises(CheckFailedError, match="2 rows have the key"):
        warehouse.append("landmarks", staged, "r2", 0)
    warehouse.append("landmarks", staged, "r2", 0, expected_rows=19, leave_out_repeats=True)
    assert contents_of(warehouse) == CONTENTS
    kept = warehouse.read("landmarks", ["content_sha256", "run_id", "landmarks"])
    runs = dict(zip(kept["content_sha256"].to_pylist(), kept["run_id"].to_pylist(), strict=True))
    assert [runs[content] for content in CONTENTS] == ["r1"] * 5 + ["r2"] * 15
    assert {len(values) for values in kept["landmarks"].to_pylist()} == {165}


def test_a_part_of_repeats_only_is_an_empty_commit(warehouse):
    append(warehouse, CONTENTS)
    append(warehouse, CONTENTS, run_id="r2", leave_out_repeats=True)
    assert contents_of(warehouse) == CONTENTS
    assert commit.find_part(warehouse.table("landmarks"), "r2", "0") is not None


def test_two_writers_of_the_same_part_make_one(warehouse):
    """A plain Iceberg append never conflicts: both would land."""
    with ThreadPoolExecutor(3) as pool:
        ids = set(pool.map(lambda _: append(warehouse, CONTENTS), range(3)))
    assert len(ids) == 1
    assert contents_of(warehouse) == CONTENTS


def test_what_another_writer_added_since_the_table_was_read_is_refused_or_left_out(warehouse):
    append(warehouse, CONTENTS[:5])
    read_at = warehouse.snapshot_id("landmarks")
    append(warehouse, CONTENTS[5:9], run_id="other")
    maintenance.maintain(
        warehouse, apply=True, renew_views=views.publish
    )  # Whichever file the rows are in by now.
    with pytest.raises(CheckFailedError, match="2 staged rows are in the table already"):
        append(warehouse, CONTENTS[7:], run_id="r2", read_at=read_at)
    append(warehouse, CONTENTS[7:], run_id="r2", read_at=read_at, leave_out_repeats=True)
    assert contents_of(warehouse) == CONTENTS


def test_two_runs_that_read_the_same_table_double_nothing(warehouse):
    """Both found the same contents missing; neither knows of the other."""
    read_at = warehouse.snapshot_id("landmarks")

    def run(name):
        append(warehouse, CONTENTS, run_id=name, read_at=read_at, leave_out_repeats=True)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run, ("r1", "r2", "r3")))
    assert contents_of(warehouse) == CONTENTS


def test_a_part_is_held_against_others_parts_but_not_against_its_own(warehouse, monkeypatch):
    looked = []

    def check(table, iceberg, staged, present):
        looked.append(present)

    monkeypatch.setattr(checks, "check_new_keys", check)
    read_at = warehouse.snapshot_id("landmarks")
    own = {append(warehouse, CONTENTS[:5], part=0, read_at=read_at)}
    own.add(append(warehouse, CONTENTS[5:9], part=1, read_at=read_at, own=own))
    before = set(warehouse.planned_files("landmarks"))
    append(warehouse, CONTENTS[9:14], run_id="other")
    others = set(warehouse.planned_files("landmarks")) - before
    append(warehouse, CONTENTS[14:], part=2, read_at=read_at, own=own)
    assert (looked[0], looked[1], set(looked[3])) == ([], [], others)


def test_a_part_opens_nothing_of_the_parts_before_it(warehouse, monkeypatch):
    opened = []
    fetch = ManifestFile.fetch_manifest_entry

    def counted(self, *given, **options):
        opened.append(self.added_snapshot_id)
        return fetch(self, *given, **options)

    own = {append(warehouse, CONTENTS[:5], part=0)}
    read_at = warehouse.snapshot_id("landmarks")
    monkeypatch.setattr(ManifestFile, "fetch_manifest_entry", counted)
    for part in range(1, 5):
        contents = CONTENTS[4 * part + 1 : 4 * part + 5]
        own.add(append(warehouse, contents, part=part, read_at=read_at, own=own))
    assert opened == []
    assert snapshots(warehouse, "landmarks") == 5


def test_what_was_read_is_not_read_again(warehouse):
    append(warehouse, CONTENTS[:5])
    read_at = warehouse.snapshot_id("landmarks")
    for path in warehouse.planned_files("landmarks"):
        Path(path).rename(f"{path}.away")
    append(warehouse, CONTENTS[5:], run_id="r2", read_at=read_at)
    with pytest.raises(Exception, match="No files found"):
        append(warehouse, CONTENTS[5:], run_id="r3")


def test_a_snapshot_that_is_no_longer_told_of_is_checked_against_everything(warehouse):
    append(warehouse, CONTENTS[:5])
    append(warehouse, CONTENTS[5:9], part=1)
    for read_at in (1, None):
        table = warehouse.table("landmarks")
        later = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
        table.maintenance.expire_snapshots().older_than(later).commit()
        with pytest.raises(CheckFailedError, match="1 staged rows are in the table already"):
            append(warehouse, CONTENTS[4:5], run_id="r2", read_at=read_at)


def test_the_bucket_is_a_hash_of_the_key(warehouse):
    append(warehouse, CONTENTS)
    rows = warehouse.read("landmarks", ["bucket", "content_sha256"]).to_pylist()
    assert {row["bucket"] for row in rows} == {0, 1, 2, 3}
    for row in rows:
        assert row["bucket"] == zlib.crc32(row["content_sha256"].encode()) % 4
    assert bucket_of(CONTENTS, 4).equals(bucket_of(pa.array(CONTENTS), 4))
    assert bucket_of([], 4).type == pa.int32()


def test_planned_files_are_pruned_by_partition(warehouse):
    append(warehouse, CONTENTS)
    staged = warehouse.stage("landmarks", "r2").write(landmark_rows(CONTENTS, "other@2"))
    warehouse.append("landmarks", staged, "r2", 0)
    everything = warehouse.planned_files("landmarks")
    (one,) = warehouse.planned_files("landmarks", {"estimator_id": "other@2", "bucket": 2})
    assert len(everything) == 8
    assert set(pq.read_table(one)["estimator_id"].to_pylist()) == {"other@2"}
    assert len(warehouse.planned_files("landmarks", {"bucket": [1, 2]})) == 4


def test_partitions_are_replaced_whole_and_others_stay(warehouse):
    append(warehouse, CONTENTS)
    before = warehouse.read("landmarks", ["bucket", "content_sha256", "run_id"]).to_pylist()
    mine = [row["content_sha256"] for row in before if row["bucket"] == 1]
    read_at = warehouse.snapshot_id("landmarks")
    staged = warehouse.stage("landmarks", "r2").write(landmark_rows(mine[:1]))
    warehouse.replace_partitions("landmarks", {"bucket": 1}, staged, "r2", read_at=read_at)
    after = warehouse.read("landmarks", ["bucket", "content_sha256", "run_id"]).to_pylist()
    after, before = (sorted(rows, key=itemgetter("content_sha256")) for rows in (after, before))
    assert [row for row in after if row["run_id"] == "r2"] == [
        {"bucket": 1, "content_sha256": mine[0], "run_id": "r2"}
    ]
    others = [row for row in before if row["bucket"] != 1]
    assert [row for row in after if row["run_id"] == "r1"] == others
    assert snapshots(warehouse, "landmarks") == 2
    with pytest.raises(ConflictError, match="since it was read"):
        warehouse.replace_partitions("landmarks", None, staged, "r2", read_at=read_at)


def test_a_first_write_conflicts_with_one_that_came_before_it(warehouse):
    read_at = warehouse.snapshot_id("landmarks")
    assert read_at is None
    append(warehouse, CONTENTS)
    with pytest.raises(ConflictError):
        warehouse.replace_partitions("landmarks", None, [], "r2", read_at=read_at)
    assert contents_of(warehouse) == CONTENTS


def test_rows_outside_the_replaced_partitions_are_refused(warehouse):
    staged = warehouse.stage("landmarks", "r1").write(landmark_rows(CONTENTS))
    with pytest.raises(CheckFailedError, match="are not of"):
        warehouse.replace_partitions("landmarks", {"bucket": 1}, staged, "r1")
    assert snapshots(warehouse, "landmarks") == 0


def test_a_filter_over_parts_of_files_is_refused(warehouse):
    append(warehouse, CONTENTS)
    with pytest.raises(ValueError, match="is not of partition columns"):
        warehouse.replace_partitions("landmarks", {"content_sha256": CONTENTS[0]}, [], "r2")
    assert contents_of(warehouse) == CONTENTS


def test_stagers_and_staged_files_travel_small(warehouse):
    """Only bytes go to an executor and come back."""
    stager = pickle.dumps(warehouse.stage("landmarks", "r1"))
    assert len(stager) < 10_000
    answers = [
        pickle.dumps(pickle.loads(stager).write(landmark_rows(contents)))
        for contents in (CONTENTS[:9], CONTENTS[9:])
    ]
    staged = [file for answer in answers for file in pickle.loads(answer)]
    assert max(map(len, answers)) / 4 < 1_500
    assert sum(file.rows for file in staged) == 20
    warehouse.append("landmarks", staged, "r1", 0, expected_rows=20)
    assert contents_of(warehouse) == CONTENTS


def test_a_stager_stays_small_after_many_commits(warehouse):
    before = len(pickle.dumps(warehouse.stage("landmarks", "r1")))
    for part in range(5):
        append(warehouse, CONTENTS[part : part + 1], part=part)
    assert len(pickle.dumps(warehouse.stage("landmarks", "r1"))) == before


def test_batches_stream_into_one_file_for_each_partition(warehouse, monkeypatch):
    from unposed_jobs.warehouse import staging

    monkeypatch.setattr(staging, "_BUFFER_BYTES", 1)
    day = dt.date(2024, 3, 1)
    batches = (
        audit_rows(day + dt.timedelta(days=number % 2), [f"p{number}"]).to_batches()[0]
        for number in range(6)
    )
    staged = warehouse.stage("product_audit", "r1").write(batches)
    assert [(file.rows, dict(file.partition)["run_date"]) for file in staged] == [
        (3, day),
        (3, day + dt.timedelta(days=1)),
    ]
    assert pq.ParquetFile(staged[0].path).num_row_groups == 3


def test_a_write_that_fails_half_way_leaves_no_file(warehouse):
    def batches():
        yield from landmark_rows(CONTENTS).to_batches()
        raise RuntimeError("the task died")

    stager = warehouse.stage("landmarks", "r1")
    with pytest.raises(RuntimeError, match="the task died"):
        stager.write(batches())
    import pathlib

    assert list(pathlib.Path(stager.location).rglob("*.parquet")) == []


def test_no_rows_stage_no_files(warehouse):
    assert warehouse.stage("landmarks", "r1").write(landmark_rows([])) == []
    assert warehouse.stage("landmarks", "r1").write([]) == []


def test_times_need_a_zone(warehouse):
    row = {
        "image_uri": "/a.jpg",
        "etag": None,
        "size": 1,
        "last_modified": dt.datetime(2024, 3, 1),
        "content_sha256": None,
        "status": "ok",
        "error": None,
        "first_seen": dt.date(2024, 3, 1),
        "last_seen": dt.date(2024, 3, 1),
    }
    stager = warehouse.stage("images", "r1")
    with pytest.raises(CheckFailedError, match="without a time zone"):
        stager.write(pa.Table.from_pylist([row]))
    aware = row | {"last_modified": dt.datetime(2024, 3, 1, 12, tzinfo=dt.UTC)}
    staged = stager.write(pa.Table.from_pylist([aware]))
    warehouse.replace_partitions("images", None, staged, "r1")
    assert warehouse.read("images")["last_modified"].to_pylist() == [aware["last_modified"]]
