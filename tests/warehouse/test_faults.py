"""A day is one run's or the run's before, whatever dies and whoever else writes.

`make test-faults` runs the long form: UNPOSED_FAULTS=long tries every order and ends real
processes, too. Both forms try every step that a run takes.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import interleaving
import pytest
from fault_points import (
    COUNTS,
    READERS,
    Steps,
    audit,
    by_file,
    by_join,
    by_query,
    deaths,
    kept,
    prepare,
    said,
    stage,
    watched,
)
from warehouse_samples import DAY, NEXT, record, settings

from unposed_jobs.sql import statements, views
from unposed_jobs.warehouse import ConflictError, Warehouse, maintenance

LONG = os.environ.get("UNPOSED_FAULTS") == "long"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with a warehouse that holds an earlier day, and the day as run `before` left it."""
    folder = tmp_path_factory.mktemp("faults") / "home"
    prepare(folder)
    return folder


@pytest.fixture
def day(prepared):
    """The prepared folder, for one test."""
    with kept(prepared):
        yield prepared


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


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_process_that_ends_at_any_step_leaves_before_or_after(day, scenario, record_property):
    before = {reader: reader(day) for reader in READERS}
    with kept(day):
        scenario(day)
        after = {reader: reader(day) for reader in READERS}
    steps, looks = [], 0
    for death in deaths(day, scenario):
        steps.append(death.step)
        if death.shown:
            looks += 1
            # The views of this moment take longest, and are made as those of the file are.
            for reader in READERS if LONG or looks % 2 else (by_file, by_join):
                assert reader(day) in (before[reader], after[reader]), (death, reader)
        if LONG or death.number % 20 == 10:
            scenario(day)
            # Queries plan what the file of views was just made of.
            for reader in READERS if death.shown else (by_file, by_join):
                assert reader(day) == after[reader], (death, reader)
    assert len(steps) > 5
    record_property(
        "tried",
        f"{scenario.__name__.replace('_', ' ')}: ended before each of its {len(steps)} steps, "
        f"{looks} of which show readers something else; days that mixed runs: 0, rows lost: 0\n"
        f"    {said(steps)}",
    )


@pytest.mark.skipif(not LONG, reason="the long form: make test-faults")
def test_real_processes_that_end_at_any_step(day, record_property):
    """What is left is what the test above takes it to be."""
    before = {reader: reader(day) for reader in READERS}
    with kept(day):
        another_run(day)
        after = {reader: reader(day) for reader in READERS}
    number, ended = 0, True
    while ended:
        number += 1
        with kept(day):
            ended = ends_at(another_run, day, number)
            for reader in READERS if ended else ():
                assert reader(day) in (before[reader], after[reader]), (number, reader)
    assert number > 20
    record_property(
        "tried", f"real processes of another run ended before each of its {number - 1} steps"
    )


def ends_at(scenario, folder, number):
    """Run the scenario in a process that ends before the n-th step; whether it came to that."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["fault_points", "unposed_jobs.warehouse.maintenance"])
    process = context.Process(target=_end_at, args=(scenario.__name__, folder, number))
    process.start()
    process.join(120)
    assert process.exitcode in (0, 9)
    return process.exitcode == 9


def _end_at(name, folder, number):
    with watched(Steps(number, exits=True)):
        globals()[name](folder)


FLAGS, AUDIT = "pose_flags", "product_audit"
WAYS = {
    "loads and commits": interleaving.steps([FLAGS, AUDIT], loads=True, removal=False),
    "removal, too": interleaving.steps([FLAGS], loads=True, removal=True),
    "four tables": interleaving.steps(
        [FLAGS, AUDIT, "product_images", "catalogue_rejects"], loads=False, removal=False
    ),
}


@pytest.fixture
def rivals(day):
    """The staged rows of two runs of the day, in every table."""
    warehouse = Warehouse.open(settings(day))
    return {
        name: stage(warehouse, name, products)
        for name, products in (("A", ["a", "b"]), ("B", ["b", "c", "d"]))
    }


@pytest.mark.parametrize("way", WAYS)
def test_of_two_runs_of_a_day_one_wins_whole_in_every_order(day, rivals, way, record_property):
    """Of every order that differs from the others in what is seen: see `interleaving`.

    Which one wins is told by the order alone: whoever is recorded first, and where the other asked
    after that, the other one."""
    of_each = WAYS[way]
    names = {table for what, table in of_each if what == "commit"} - {"runs"}
    chosen = {run: {name: files[name] for name in names} for run, files in rivals.items()}
    recorded = of_each.index(("commit", "runs"))
    every = list(interleaving.orders(of_each))
    found = Counter()
    for number, order in enumerate(every if LONG else every[:: len(every) // 2]):
        with kept(day):
            ends = interleaving.compete(settings(day), chosen, order, of_each)
            rows = by_join(day) if number % 8 else by_query(day)
            states = {run.run_id: run.state for run in Warehouse.open(settings(day)).runs()}
        first = min("AB", key=lambda run: interleaving.place(order, run, recorded))
        other = {"A": "B", "B": "A"}[first]
        asked = interleaving.place(order, other, 0)
        if asked > interleaving.place(order, first, recorded):
            wins, expected = other, {first: "published", other: "published"}
            assert (states[first], states[other]) == ("superseded", "published"), order
        else:
            wins, expected = first, {first: "published", other: "exit 5"}
            assert (states[first], states[other]) == ("published", "refused"), order
        assert ends == expected, order
        own = {name: [row for row in rows[name] if row["run_date"] == NEXT] for name in COUNTS}
        counts = {name: sum(f.rows for f in chosen[wins].get(name, ())) for name in COUNTS}
        assert {name: len(listed) for name, listed in own.items()} == counts, order
        assert {row["run_id"] for listed in own.values() for row in listed} == {wins}, order
        found[" and ".join(sorted(ends.values()))] += 1
    told = "; ".join(f"{how}: {count}" for how, count in sorted(found.items()))
    record_property(
        "tried",
        f"two runs of a day ({way}) in {found.total()} of {len(every)} orders that differ; "
        f"mixed: 0, rows lost: 0; {told}",
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
