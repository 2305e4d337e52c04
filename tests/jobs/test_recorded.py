"""A job that ends by an error leaves its row in the table `runs`."""

from __future__ import annotations

import datetime as dt

import pytest

from unposed_jobs.config import Settings, WarehouseSettings
from unposed_jobs.errors import CheckFailedError, UnposedError
from unposed_jobs.jobs import entry
from unposed_jobs.warehouse import Warehouse

DAY = dt.date(2026, 1, 5)


@pytest.fixture
def settings(tmp_path):
    where = WarehouseSettings(
        uri=f"sqlite:///{tmp_path}/catalog.db", location=f"{tmp_path}/warehouse", views=""
    )
    return Settings(warehouse=where)


@pytest.mark.parametrize(
    ("error", "state", "line"),
    [
        (UnposedError("no model is promoted yet"), "refused", "no model is promoted yet"),
        (OSError(28, "No space left\non device"), "failed", "OSError: [Errno 28] No space left"),
        (KeyboardInterrupt(), "failed", "KeyboardInterrupt: no message"),
    ],
)
def test_an_error_is_recorded_in_one_line_and_raised(settings, error, state, line):
    warehouse = Warehouse.open(settings.warehouse)
    with pytest.raises(type(error)), entry.recorded("audit", settings, entry.Run(DAY)):
        raise error
    (run,) = warehouse.runs()
    assert (run.job, run.run_date, run.state, run.error) == ("audit", DAY, state, line)
    assert warehouse.latest_published("audit") is None


def test_what_the_job_recorded_itself_is_not_recorded_twice(settings):
    warehouse = Warehouse.open(settings.warehouse)
    error = CheckFailedError("a check")
    error.recorded = True
    with pytest.raises(CheckFailedError), entry.recorded("audit", settings, entry.Run(DAY)):
        raise error
    with entry.recorded("audit", settings, entry.Run(DAY)):
        pass
    assert warehouse.runs() == []


def test_without_a_warehouse_the_error_alone_tells(settings, tmp_path):
    error = UnposedError("a mistake")
    with pytest.raises(UnposedError), entry.recorded("audit", settings, entry.Run(DAY)):
        raise error
    assert list(tmp_path.iterdir()) == []
