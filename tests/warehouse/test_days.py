"""The promises of a day table, on real tables."""

from __future__ import annotations

import datetime as dt
import multiprocessing
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from warehouse_samples import DAY, NEXT, audit_rows, flag_rows, record, settings, snapshots

from unposed_jobs.errors import CheckFailedError
from unposed_jobs.warehouse import ConflictError, Warehouse


def write(warehouse, day, products, run_id="r1", **changes):
    staged = warehouse.stage("product_audit", run_id).write(audit_rows(day, products, **changes))
    return warehouse.write_day("product_audit", day, staged, run_id, len(products))


def rows(warehouse, day=None):
    found = warehouse.read("product_audit", row_filter=day and {"run_date": day}, published=False)
    return found.sort_by([("run_date", "ascending"), ("product_id", "ascending")]).to_pylist()


def test_running_a_day_again_gives_identical_rows(warehouse):
    write(warehouse, DAY, ["a", "b"])
    before = rows(warehouse)
    write(warehouse, DAY, ["a", "b"])
    assert rows(warehouse) == before
    assert len(before) == 2


def test_no_rows_take_the_runs_rows_of_that_day_and_no_others(warehouse):
    write(warehouse, DAY, ["a", "b"])
    write(warehouse, NEXT, ["a"])
    kept = rows(warehouse, NEXT)
    write(warehouse, DAY, ["c"], "r2")
    warehouse.write_day("product_audit", DAY, [], "r1", 0)
    assert [row["product_id"] for row in rows(warehouse, DAY)] == ["c"]
    warehouse.write_day("product_audit", DAY, [], "r2", 0)
    assert rows(warehouse) == kept


def test_a_past_day_leaves_the_next_one_alone(warehouse):
    write(warehouse, DAY, ["a", "b"])
    write(warehouse, NEXT, ["a", "b", "c"], "r2")
    kept = rows(warehouse, NEXT)
    write(warehouse, DAY, ["b"], "r1")
    assert [row["product_id"] for row in rows(warehouse, DAY)] == ["b"]
    assert rows(warehouse, NEXT) == kept


def test_a_commit_is_one_snapshot_that_names_its_run(warehouse):
    for number, products in enumerate((["a", "b"], ["b"], []), start=1):
        if products:
            snapshot = write(warehouse, DAY, products, "r1")
        else:
            snapshot = warehouse.write_day("product_audit", DAY, [], "r1")
        assert snapshots(warehouse, "product_audit") == number
        assert warehouse.snapshot_id("product_audit") == snapshot
        summary = warehouse.table("product_audit").current_snapshot().summary
        assert summary["unposed.run-id"] == "r1"


def test_a_day_without_rows_needs_no_commit(warehouse):
    warehouse.write_day("product_audit", DAY, [], "r1")
    assert snapshots(warehouse, "product_audit") == 0
    assert warehouse.planned_files("product_audit") == []


def test_the_same_files_committed_twice_are_one_commit(warehouse):
    staged = warehouse.stage("product_audit", "r1").write(audit_rows(DAY, ["a"]))
    first = warehouse.write_day("product_audit", DAY, staged, "r1")
    assert warehouse.write_day("product_audit", DAY, staged, "r1") == first
    assert snapshots(warehouse, "product_audit") == 1
    assert len(rows(warehouse)) == 1


@pytest.mark.parametrize(
    ("staged_rows", "expected", "message"),
    [
        (audit_rows(DAY, ["a", "a"]), 2, "2 rows have the key"),
        (audit_rows(DAY, ["a", "b"]), 3, "2 rows were staged, 3 expected"),
        (audit_rows(NEXT, ["a"]), 1, "run_date 2024-03-02"),
    ],
)
def test_a_failed_check_publishes_nothing(warehouse, staged_rows, expected, message):
    write(warehouse, DAY, ["kept"])
    before, files = rows(warehouse), warehouse.planned_files("product_audit")
    staged = warehouse.stage("product_audit", "r2").write(staged_rows)
    with pytest.raises(CheckFailedError, match=message):
        warehouse.write_day("product_audit", DAY, staged, "r2", expected)
    assert rows(warehouse) == before
    assert warehouse.planned_files("product_audit") == files
    assert snapshots(warehouse, "product_audit") == 1


def test_repeated_keys_are_found_across_files(warehouse):
    stager = warehouse.stage("pose_flags", "r1")
    staged = stager.write(flag_rows(DAY, ["a"])) + stager.write(flag_rows(DAY, ["b", "a"]))
    with pytest.raises(CheckFailedError, match="product_id a"):
        warehouse.write_day("pose_flags", DAY, staged, "r1")


def test_files_of_another_run_are_refused(warehouse):
    staged = warehouse.stage("product_audit", "r1").write(audit_rows(DAY, ["a"]))
    with pytest.raises(CheckFailedError, match="run r1, not r2"):
        warehouse.write_day("product_audit", DAY, staged, "r2")
    with pytest.raises(CheckFailedError, match="listed twice"):
        warehouse.write_day("product_audit", DAY, staged * 2, "r1")


def publish_in_process(folder, run_id, barrier, results):
    warehouse = Warehouse.open(settings(folder))
    seen = warehouse.seen(DAY)
    products = [f"{run_id}-{number}" for number in range(5)]
    staged = {
        "pose_flags": warehouse.stage("pose_flags", run_id).write(flag_rows(DAY, products)),
        "product_audit": warehouse.stage("product_audit", run_id).write(audit_rows(DAY, products)),
    }
    barrier.wait()
    try:
        warehouse.publish_day(seen, record(run_id, DAY), staged)
        results.put((run_id, True))
    except ConflictError:
        results.put((run_id, False))


def test_two_processes_on_one_day_never_mix_rows(tmp_path):
    """They also open a warehouse that is not there yet, both at once."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    writers = [
        context.Process(target=publish_in_process, args=(tmp_path, name, barrier, results))
        for name in ("left", "right")
    ]
    for writer in writers:
        writer.start()
    outcome = dict(results.get(timeout=120) for _ in writers)
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    warehouse = Warehouse.open(settings(tmp_path))
    assert sorted(outcome.values()) == [False, True]
    (winner,) = (run_id for run_id, won in outcome.items() if won)
    for name, count in (("product_audit", 5), ("pose_flags", 10)):
        found = warehouse.read(name).to_pylist()
        assert [row["run_id"] for row in found] == [winner] * count
    assert {run.run_id: run.state for run in warehouse.runs()} == {
        run_id: "published" if won else "refused" for run_id, won in outcome.items()
    }


def test_a_writer_that_comes_second_is_told(warehouse):
    """Both read the same state, then both commit."""
    from unposed_jobs.warehouse import commit
    from unposed_jobs.warehouse.reading import expression

    predicate = expression({"run_date": DAY})
    stale = warehouse.table("product_audit")
    staged = warehouse.stage("product_audit", "late").write(audit_rows(DAY, ["late"]))
    write(warehouse, DAY, ["first"], "first")
    with pytest.raises(ConflictError, match="run it again"):
        commit.replace(stale, predicate, staged, {})
    assert [row["product_id"] for row in rows(warehouse)] == ["first"]


def test_writers_of_different_days_all_succeed(warehouse):
    days = [DAY + dt.timedelta(days=number) for number in range(6)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda day: write(warehouse, day, ["a", "b"], f"run-{day}"), days))
    assert len(rows(warehouse)) == 12
    assert {row["run_id"] for row in rows(warehouse)} == {f"run-{day}" for day in days}


def test_only_day_tables_have_days(warehouse):
    with pytest.raises(ValueError, match="not a table of days"):
        warehouse.write_day("images", DAY, [], "r1")


def test_columns_must_fit(warehouse):
    stager = warehouse.stage("product_audit", "r1")
    good = audit_rows(DAY, ["a"])
    for bad, message in (
        (good.drop_columns("status"), "column status is missing"),
        (good.append_column("extra", pa.array([1])), "unknown columns extra"),
        (audit_rows(DAY, ["a"], status=[None]), "1 rows have no status"),
        (audit_rows(DAY, ["a"], pictures=[2**40]), "pictures is int64, not int32"),
        (good.append_column("run_id", pa.array(["other"])), "rows of another run"),
    ):
        with pytest.raises(CheckFailedError, match=message):
            stager.write(bad)


def test_whoever_comes_second_with_each_new_table_opens_the_warehouse(tmp_path, monkeypatch):
    """Another process is faster with every single one, however many tables there are."""
    from unposed_jobs.warehouse import opening

    create = opening._create_table

    def second(catalog, table, buckets):
        create(catalog, table, buckets)
        create(catalog, table, buckets)

    monkeypatch.setattr(opening, "_create_table", second)
    write(Warehouse.open(settings(tmp_path)), DAY, ["a"], "r1")
    assert len(rows(Warehouse.open(settings(tmp_path)))) == 1
