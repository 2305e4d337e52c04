"""Whatever becomes of a run, it leaves one row in the table `runs`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from unposed_jobs.config import Settings, WarehouseSettings
from unposed_jobs.errors import (
    CheckFailedError,
    ErrorBudgetExceededError,
    MachineError,
    NothingToDoError,
    UnposedError,
)
from unposed_jobs.jobs import life
from unposed_jobs.jobs.entry import Run
from unposed_jobs.sql import published
from unposed_jobs.warehouse import Warehouse

DAY = dt.date(2026, 1, 5)
RUN = Run(DAY, progress=lambda line: None)
REJECTED = {"products": {"rows": 9, "set_aside": 7, "missing_key": 7}}


@pytest.fixture
def settings(tmp_path):
    where = WarehouseSettings(
        uri=f"sqlite:///{tmp_path}/catalog.db",
        location=f"{tmp_path}/warehouse",
        views=f"{tmp_path}/views.duckdb",
    )
    return Settings(warehouse=where)


def attempt(settings, error=None, run=RUN):
    with life.begin("extract", settings, run) as current:
        current.figures["rejected"] = REJECTED
        current.run_id = "extract-1"
        if error is not None:
            raise error
        current.rows["landmarks"] = 3


@pytest.mark.parametrize(("dry_run", "state"), [(False, "published"), (True, "dry_run")])
def test_a_run_that_ends_well_is_recorded(settings, dry_run, state):
    attempt(settings, run=Run(DAY, dry_run=dry_run))
    (run,) = Warehouse.open(settings.warehouse).runs()
    assert (run.run_id, run.job, run.run_date, run.state) == ("extract-1", "extract", DAY, state)
    assert (run.rows, run.error, run.attempts) == ({"landmarks": 3}, None, 1)
    assert run.started_at <= run.finished_at


@pytest.mark.parametrize(
    ("error", "state", "line"),
    [
        (CheckFailedError("nothing was published: rows"), "refused", "nothing was published: rows"),
        (ErrorBudgetExceededError("7 of 9 rows"), "refused", "7 of 9 rows"),
        (UnposedError("no model is promoted yet"), "refused", "no model is promoted yet"),
        (NothingToDoError("no picture"), "skipped", "no picture"),
        (KeyError("defect"), "failed", "KeyError: 'defect'"),
        (KeyboardInterrupt(), "failed", "KeyboardInterrupt: no message"),
    ],
)
def test_an_error_is_recorded_with_the_rejects_and_raised(settings, error, state, line):
    with pytest.raises(type(error)):
        attempt(settings, error)
    (run,) = Warehouse.open(settings.warehouse).runs()
    assert (run.run_id, run.state, run.error) == ("extract-1", state, line)
    assert run.figures["rejected"] == REJECTED
    assert Warehouse.open(settings.warehouse).latest_published("extract") is None
    # Whoever looks for the reason sees it, by the file of views as well.
    with published.ask(settings.warehouse, "SELECT state, error FROM runs") as (rows, damaged):
        assert (rows.fetchall(), damaged) == ([(state, line)], [])
    assert Path(settings.warehouse.views).is_file()


def test_a_fault_of_the_machine_is_recorded_as_it_is_told(settings):
    with pytest.raises(MachineError) as caught:
        attempt(settings, OSError(28, "No space left on device"))
    (run,) = Warehouse.open(settings.warehouse).runs()
    assert (run.state, run.error) == ("failed", str(caught.value))


def test_attempts_of_one_run_are_counted_until_it_is_published(settings):
    for _ in range(2):
        with pytest.raises(ErrorBudgetExceededError):
            attempt(settings, ErrorBudgetExceededError("7 of 9 rows"))
    attempt(settings)
    (run,) = Warehouse.open(settings.warehouse).runs()
    assert (run.state, run.attempts, run.error) == ("published", 3, None)
    with pytest.raises(UnposedError):
        attempt(settings, UnposedError("a later mistake"))
    (run,) = Warehouse.open(settings.warehouse).runs()
    assert (run.state, run.attempts, run.rows) == ("published", 4, {"landmarks": 3})
    assert run.error == "attempt 4 was not published: a later mistake"


def test_what_fails_after_the_row_is_written_leaves_it_as_it_is(settings, monkeypatch):
    monkeypatch.setattr(life.views, "publish", lambda warehouse: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        attempt(settings)
    published, failed = sorted(
        Warehouse.open(settings.warehouse).runs(), key=lambda run: run.finished_at
    )
    assert (published.state, published.run_id, published.error) == ("published", "extract-1", None)
    assert (failed.state, failed.error) == ("failed", "ZeroDivisionError: division by zero")


def test_what_ends_a_run_before_its_job_is_recorded_once(settings):
    Warehouse.open(settings.warehouse)
    for place in (life.before, life.begin):
        error = UnposedError("no Java found")
        outer, inner = life.before("audit", settings, RUN), place("audit", settings, RUN)
        with pytest.raises(UnposedError), outer, inner:
            raise error
    runs = Warehouse.open(settings.warehouse).runs()
    assert [(run.job, run.state, run.error) for run in runs] == [
        ("audit", "refused", "no Java found")
    ] * 2


def test_without_a_warehouse_the_error_alone_tells(settings, tmp_path):
    begun = life.begin("audit", settings, RUN, create=False)
    for place in (life.before("audit", settings, RUN), begun):
        with pytest.raises(UnposedError), place:
            raise UnposedError("a mistake")
    assert list(tmp_path.iterdir()) == []
