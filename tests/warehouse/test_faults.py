"""A day is one run's or the run's before, whatever dies and whoever else writes.

`make test-faults` runs the long form: UNPOSED_FAULTS=long tries every order and ends real
processes, too. Both forms try every step that a run takes.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from fault_points import (
    COUNTS,
    READERS,
    Died,
    Steps,
    Turns,
    audit,
    by_file,
    by_query,
    kept,
    orders,
    prepare,
    stage,
    watched,
)
from pyiceberg.catalog.sql import SqlCatalog
from warehouse_samples import DAY, NEXT, record, settings

from unposed_jobs.sql import statements, views
from unposed_jobs.warehouse import ConflictError, Warehouse, maintenance

LONG = os.environ.get("UNPOSED_FAULTS") == "long"


@pytest.fixture
def day(tmp_path):
    """A folder with a warehouse that holds an earlier day, and the day as run `before` left it."""
    folder = tmp_path / "home"
    prepare(folder)
    return folder


def another_run(folder):
    audit(folder, "after", ["a", "b", "c"])


def a_new_day(folder):
    audit(folder, "new", ["a", "z"], NEXT.replace(day=NEXT.day + 1))


def the_same_run_again(folder):
    audit(folder, "before", ["a", "b"])


def the_same_run_with_other_rows(folder):
    audit(folder, "before", ["a", "x"])


def cleared(folder):
    warehouse = Warehouse.open(settings(folder))
    if warehouse.seen(NEXT).run_id:
        warehouse.clear_day(NEXT, "a test")
    views.publish(warehouse)


def maintained(folder):
    now = maintenance.datetime.now(maintenance.UTC) + maintenance.timedelta(days=30)
    maintenance.maintain(
        Warehouse.open(settings(folder)), apply=True, now=now, renew_views=views.publish
    )


SCENARIOS = [another_run]
if LONG:
    SCENARIOS += [
        a_new_day,
        the_same_run_again,
        the_same_run_with_other_rows,
        cleared,
        maintained,
    ]


def died_at(scenario, folder, number, exits):
    """Run the scenario and let it die before its n-th step; the steps, and whether it died."""
    if exits:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["fault_points", "unposed_jobs.warehouse.maintenance"])
        process = context.Process(target=_end_at, args=(scenario.__name__, folder, number))
        process.start()
        process.join(120)
        assert process.exitcode in (0, 9)
        return [], process.exitcode == 9
    with watched(Steps(number)) as steps:
        try:
            scenario(folder)
        except Died:
            return steps.done, True
    return steps.done, False


def _end_at(name, folder, number):
    with watched(Steps(number, exits=True)):
        globals()[name](folder)


@pytest.mark.parametrize(
    ("scenario", "exits"),
    [*((scenario, False) for scenario in SCENARIOS), *([(another_run, True)] if LONG else [])],
)
def test_a_process_that_ends_at_any_step_leaves_before_or_after(
    day, scenario, exits, record_property
):
    before = {reader: reader(day) for reader in READERS}
    with kept(day):
        scenario(day)
        after = {reader: reader(day) for reader in READERS}
    number, steps, died = 0, [], True
    while died:
        number += 1
        with kept(day):
            done, died = died_at(scenario, day, number, exits)
            if not died:
                break
            steps += done[-1:]
            seen = {reader: reader(day) for reader in READERS}
            for reader in READERS:
                assert seen[reader] in (before[reader], after[reader]), (number, done, reader)
            if LONG or number % 7 == 0:
                scenario(day)
                again = {reader: reader(day) for reader in READERS}
                assert again == after, (number, done)
    assert number > 5 or scenario is the_same_run_again
    tally = ", ".join(f"{what} {count}" for what, count in sorted(Counter(steps).items()))
    how = "real processes ended, each" if exits else "ended"
    record_property(
        "tried",
        f"{scenario.__name__.replace('_', ' ')}: {how} before each of its {number - 1} steps; "
        "days that mixed runs: 0, rows lost: 0" + (f"\n    {tally}" if tally else ""),
    )


def compete(folder, order):
    """Runs A and B of one day, their steps in that order; each one's outcome.

    A step is to ask what is published, or a commit.
    """
    turns, outcome = Turns(order), {}
    original = SqlCatalog.commit_table

    def commit_table(self, *args, **rest):
        with turns.turn():
            return original(self, *args, **rest)

    def run(name, products):
        warehouse = Warehouse.open(settings(folder))
        staged = {
            table: files
            for table, files in stage(warehouse, name, products).items()
            if table not in ("product_colours", "ready_for")  # More steps say nothing more.
        }
        rows = dict.fromkeys(COUNTS, 0)
        rows |= {table: sum(file.rows for file in files) for table, files in staged.items()}
        try:
            with turns.turn():
                seen = warehouse.seen(NEXT)
            warehouse.publish_day(seen, record(name, NEXT, rows=rows), staged)
            outcome[name] = "published"
        except ConflictError as error:
            outcome[name] = f"exit {error.exit_code}"
        finally:
            turns.leave()

    SqlCatalog.commit_table = commit_table
    try:
        threads = [
            threading.Thread(target=run, args=(name, products), name=name)
            for name, products in (("A", ["a", "b"]), ("B", ["b", "c", "d"]))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    finally:
        SqlCatalog.commit_table = original
    return outcome


ORDERS = {"some": ["AABBBBBBAAAA", "ABABABABABAB", "AAAAAABBBBBB"]}
if LONG:
    ORDERS = {
        begin: [order for order in orders(6, 6) if order.startswith(begin)]
        for begin in ("AA", "AB", "BA", "BB")
    }


@pytest.mark.parametrize("begin", ORDERS)
def test_of_two_runs_of_a_day_one_wins_whole_in_every_order(day, begin, record_property):
    """A step each to ask, to commit four tables, and to commit the run."""
    found = Counter()
    for order in ORDERS[begin]:
        with kept(day):
            outcome = compete(day, order)
            rows = by_query(day)
            states = {run.run_id: run.state for run in Warehouse.open(settings(day)).runs()}
        found[tuple(sorted(outcome.values()))] += 1
        last = next(name for name in ("A", "B") if states[name] == "published")
        size = {"A": 2, "B": 3}[last]
        own = {name: [r for r in rows[name] if r["run_date"] == NEXT] for name in COUNTS}
        assert {name: len(listed) for name, listed in own.items()} == {
            "pose_flags": 2 * size,
            "product_audit": size,
            "product_images": size,
            "product_colours": 0,
            "ready_for": 0,
            "catalogue_rejects": 1,
        }, order
        assert {row["run_id"] for listed in own.values() for row in listed} == {last}, order
        if set(outcome.values()) == {"published"}:
            # One began after the other had published: it may follow.
            assert order in ("A" * 6 + "B" * 6, "B" * 6 + "A" * 6)
        else:
            assert set(outcome.values()) == {"published", "exit 5"}, order
            assert states[{"A": "B", "B": "A"}[last]] == "refused", order
    ends = "; ".join(f"{' and '.join(ends)}: {count}" for ends, count in sorted(found.items()))
    record_property(
        "tried", f"two runs of a day in {len(ORDERS[begin])} orders ({begin}...); mixed: 0; {ends}"
    )


def test_back_fills_of_different_days_at_once_are_all_published(day, record_property):
    count = 8 if LONG else 4
    days = [NEXT + dt.timedelta(days=number) for number in range(count)]
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(lambda run_date: audit(day, f"run-{run_date}", ["a", "b"], run_date), days))
    shown = by_query(day)["product_audit"]
    own = [(row["run_date"], row["run_id"], row["product_id"]) for row in shown]
    assert own == [
        (DAY, "earlier", "a"),
        *((run_date, f"run-{run_date}", one) for run_date in days for one in "ab"),
    ]
    assert by_file(day)["product_audit"] == shown
    record_property("tried", f"{count} back-fills of different days at once: all published")


def test_what_is_superseded_stays_for_readers_and_goes_with_the_next_run(day):
    """`old` was superseded by `before`; the next run removes the rows of `old` alone."""
    warehouse = Warehouse.open(settings(day))
    slow = statements.Pinned(warehouse)
    shown = slow.query("FROM pose_flags_current").to_pylist()
    audit(day, "after", ["a"])
    assert slow.query("FROM pose_flags_current").to_pylist() == shown
    kept_runs = warehouse.read("pose_flags", ["run_id"], {"run_date": NEXT}, published=False)
    assert set(kept_runs["run_id"].to_pylist()) == {"before", "after"}
    maintained(day)
    kept_runs = warehouse.read("pose_flags", ["run_id"], {"run_date": NEXT}, published=False)
    assert set(kept_runs["run_id"].to_pylist()) == {"after"}


def test_maintenance_leaves_the_rows_of_a_run_that_is_not_published_yet(day):
    warehouse = Warehouse.open(settings(day))
    seen = warehouse.seen(NEXT)
    staged = stage(warehouse, "running", ["a", "q"])
    warehouse.write_day("pose_flags", NEXT, staged["pose_flags"], "running")
    maintenance.maintain(warehouse, apply=True, renew_views=views.publish)
    warehouse.publish_day(seen, record("running", NEXT), staged)
    assert {row["product_id"] for row in by_query(day)["pose_flags_current"]} == {"a", "q"}


def test_a_cleared_day_is_gone_at_once_and_the_last_whole_one_is_current(day):
    cleared(day)
    assert {row["run_date"] for rows in by_query(day).values() for row in rows} == {DAY}
    with pytest.raises(Exception, match="nothing to clear"):
        Warehouse.open(settings(day)).clear_day(NEXT, "again")
    another_run(day)
    assert {row["run_id"] for row in by_query(day)["pose_flags_current"]} == {"after"}


def test_a_day_cleared_during_a_run_is_not_published_by_it(day):
    warehouse = Warehouse.open(settings(day))
    seen = warehouse.seen(NEXT)
    cleared(day)
    with pytest.raises(ConflictError, match="the day was cleared"):
        warehouse.publish_day(seen, record("late", NEXT), stage(warehouse, "late", ["a"]))


def test_a_run_again_leaves_its_rows_as_they_are(day):
    warehouse = Warehouse.open(settings(day))
    files = {name: warehouse.planned_files(name, {"run_date": NEXT}) for name in COUNTS}
    kept_files = {name: [path for path in files[name] if "run=before" in path] for name in COUNTS}
    the_same_run_again(day)
    assert {
        name: warehouse.planned_files(name, {"run_date": NEXT}) for name in COUNTS
    } == kept_files
    assert {run.run_id: run.attempts for run in warehouse.runs()}["before"] == 2


def test_a_run_again_with_other_rows_is_published_under_an_id_of_its_own(day):
    the_same_run_with_other_rows(day)
    shown = by_query(day)["product_audit_current"]
    assert [(row["product_id"], row["run_id"]) for row in shown] == [
        ("a", "before.2"),
        ("x", "before.2"),
    ]
    states = {run.run_id: run.state for run in Warehouse.open(settings(day)).runs()}
    assert (states["before"], states["before.2"]) == ("superseded", "published")
    # The same once more, whose first answer was lost: it is the run that is published.
    the_same_run_with_other_rows(day)
    assert by_query(day)["product_audit_current"] == shown
    attempts = {run.run_id: run.attempts for run in Warehouse.open(settings(day)).runs()}
    assert "before.3" not in attempts
    assert attempts["before.2"] == 2
