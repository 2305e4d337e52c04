"""A night that waits for a pool which is not there raises the alarm soon after its deadline."""

from __future__ import annotations

import os

import pytest
from installation import DEADLINE_SECONDS, NIGHT, Airflow, Postgres, binaries

pytestmark = [
    pytest.mark.skipif(os.environ.get("UNPOSED_LIVE") != "1", reason="make test-live"),
    pytest.mark.skipif(binaries() is None, reason="no PostgreSQL: apt install postgresql"),
]


@pytest.fixture
def airflow(tmp_path):
    bin_folder = binaries()
    assert bin_folder is not None
    database = Postgres(bin_folder)
    where = tmp_path / "airflow"
    made = Airflow(where, database, tmp_path / "home", UNPOSED_SPARK_POOL="not_made")
    try:
        made.command("airflow", "db", "migrate")
        made.start("api", "dag-processor", "scheduler")
        made.until("DAGs are read", lambda: len(made.database.ask("SELECT 1 FROM dag")) >= 5)
        yield made
    finally:
        made.stop()
        database.stop()


def test_a_late_night_is_told_within_a_minute_of_its_deadline(airflow):
    airflow.command("airflow", "dags", "unpause", NIGHT)  # The last night is due at once.
    airflow.until("an alarm", lambda: bool(airflow.told()), 600)
    alarm = airflow.told()[0]
    assert not alarm["task"]
    sql = "SELECT extract(epoch FROM queued_at) FROM dag_run WHERE dag_id = %s AND run_id = %s"
    ((queued,),) = airflow.database.ask(sql, NIGHT, alarm["run_id"])
    delay = alarm["time"] - float(queued) - DEADLINE_SECONDS
    print(f"a late night: the alarm came {delay:.0f} s after its deadline")
    assert -1 < delay < 60
    # docs/runbooks/late-night.md, point 1: why does it wait?
    assert "not_made" not in airflow.command("airflow", "pools", "list")
    states = airflow.command("airflow", "tasks", "states-for-dag-run", NIGHT, alarm["run_id"])
    assert "scheduled" in states
