"""Nights back-filled by a live Airflow on PostgreSQL, one of which fails and is resumed.

`make test-live` alone, seven of them unless UNPOSED_LIVE_DAYS says otherwise. The catalogue's
poses come from a table of landmarks, so that its nights are short. Somebody follows the runbooks'
commands.
"""

from __future__ import annotations

import csv
import json
import os
import re
from datetime import date, timedelta
from pathlib import Path

import landmark_figures
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from installation import NIGHT, Airflow, Postgres, binaries

pytestmark = [
    pytest.mark.skipif(os.environ.get("UNPOSED_LIVE") != "1", reason="make test-live"),
    pytest.mark.skipif(binaries() is None, reason="no PostgreSQL: apt install postgresql"),
]
FIRST, DAYS = date(2026, 1, 5), int(os.environ.get("UNPOSED_LIVE_DAYS", "7"))
BROKEN, LAST = FIRST + timedelta(days=DAYS // 2), FIRST + timedelta(days=DAYS - 1)
UPKEEP = "unposed_warehouse_maintenance_weekly"
VIEWS = ("front", "back", "left", "right")
PRODUCTS = 24


def write_export(folder: Path, broken: bool) -> None:
    """The lists; `broken`: on one day three of four pictures are gone."""
    with (folder / "images.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("product_id", "image_uri", "added_at", "removed_at"))
        for number in range(PRODUCTS):
            for view in VIEWS[: 3 if number % 4 == 0 else 4]:
                if view == "front" or not broken:
                    writer.writerow((f"p{number}", f"pictures/p{number}/{view}.jpg", "", ""))
                    continue
                until, since = BROKEN, BROKEN + timedelta(days=1)
                writer.writerow((f"p{number}", f"pictures/p{number}/{view}.jpg", "", until))
                writer.writerow((f"p{number}", f"pictures/p{number}/{view}-2.jpg", since, ""))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The shop: lists with a broken day, a table of landmarks, settings."""
    folder = tmp_path_factory.mktemp("home")
    with (folder / "products.csv").open("w") as file:
        file.write("product_id,category,average_rating,rating_count\n")
        for number in range(PRODUCTS):
            file.write(f"p{number},Shirts,{4 - number / 30:.2f},{100 - number}\n")
    write_export(folder, broken=True)
    names = [(n, view) for n in range(PRODUCTS) for view in VIEWS]
    poses = [landmark_figures.Pose(view) for _, view in names]
    figures = landmark_figures.figures(poses, seed=3)
    addresses = [f"pictures/p{n}/{view}{end}.jpg" for end in ("", "-2") for n, view in names]
    rows = [figure.ravel().tolist() for figure in figures] * 2
    pq.write_table(
        pa.table({"image_uri": addresses, "landmarks": rows}), folder / "landmarks.parquet"
    )
    (folder / "unposed.toml").write_text(
        f'[catalogue]\nproducts = "{folder}/products.csv"\nimages = "{folder}/images.csv"\n'
        f'landmarks = "{folder}/landmarks.parquet"\n'
        "[warehouse]\nbuckets = 2\n"
        '[training]\nclusters = 4\nmin_pictures = 3\nembedding = "features"\n'
    )
    return folder


@pytest.fixture(scope="module")
def airflow(tmp_path_factory, home):
    bin_folder = binaries()
    assert bin_folder is not None
    base = tmp_path_factory.mktemp("live")
    database = Postgres(bin_folder)
    made = Airflow(base / "airflow", database, home)
    try:
        made.command("airflow", "db", "migrate")
        made.start()
        made.command("unposed", "train", "--date", str(FIRST))
        made.until("DAGs are read", lambda: len(made.database.ask("SELECT 1 FROM dag")) >= 5)
        yield made
    finally:
        made.stop()
        database.stop()


def query(airflow: Airflow, sql: str) -> list[dict]:
    return json.loads(airflow.command("unposed", "query", "--format", "json", sql))


def back_filled(airflow: Airflow, *states: str) -> bool:
    found = [state for name, state in airflow.states().items() if name.startswith("backfill")]
    return len(found) == DAYS and set(found) <= set(states)


def test_nights_one_of_which_fails_and_is_resumed(airflow, home):
    planned = airflow.command(
        "unposed", "backfill", "--from", str(FIRST), "--to", str(LAST), "--no-sample"
    )
    assert f"{DAYS} days: {DAYS} new" in planned
    # In order, so that each night is compared with one before; of few days one by one.
    command = planned.strip().splitlines()[-1].replace(" --run-backwards", "")
    at_once = 2 if DAYS > 4 else 1
    command = command.replace("--max-active-runs 2", f"--max-active-runs {at_once}").split()
    airflow.command("airflow", "dags", "unpause", NIGHT)
    airflow.command(*command)
    started = "SELECT 1 FROM task_instance WHERE dag_id = %s AND state = 'running'"
    airflow.until("a task runs", lambda: bool(airflow.database.ask(started, NIGHT)))
    airflow.kill("scheduler", group=False)
    airflow.start("scheduler")
    airflow.command("airflow", "dags", "unpause", UPKEEP)
    airflow.command("airflow", "dags", "trigger", UPKEEP)
    airflow.until("all ended", lambda: back_filled(airflow, "success", "failed"), 3600)
    assert airflow.states()[f"backfill {BROKEN}"] == "failed"
    assert sum(state == "failed" for state in airflow.states().values()) == 1
    alarm = next(one for one in airflow.told() if one["task"] == "audit_products")
    assert "exit status 4" in alarm["why"]

    # docs/runbooks/exit-4-check.md, then the-export-was-broken.md.
    failed = query(
        airflow,
        "SELECT run_date, rule, detail FROM check_results WHERE outcome = 'failed'",
    )
    assert {row["run_date"] for row in failed} == {str(BROKEN)}
    assert "pictures_lost" in {row["rule"] for row in failed}
    write_export(home, broken=False)
    until = BROKEN + timedelta(days=1)
    airflow.command(
        *("airflow", "tasks", "clear", "--only-failed", "--downstream", "--yes"),
        *("--start-date", str(BROKEN), "--end-date", str(until), NIGHT),
    )
    airflow.until("all is green", lambda: back_filled(airflow, "success"), 1800)
    upkeep = airflow.database.ask("SELECT state FROM dag_run WHERE dag_id = %s", UPKEEP)
    assert {state for (state,) in upkeep} == {"success"}

    shown = query(
        airflow,
        "SELECT run_date, count(*) AS n, count(DISTINCT product_id) AS products, "
        "count(DISTINCT run_id) AS runs, sum(pictures) AS pictures FROM product_audit "
        f"WHERE run_date <= DATE '{LAST}' GROUP BY run_date ORDER BY run_date",
    )
    days = [str(FIRST + timedelta(days=n)) for n in range(DAYS)]
    assert [row["run_date"] for row in shown] == days
    pictures = PRODUCTS * 4 - len(range(0, PRODUCTS, 4))
    for row in shown:
        assert (row["n"], row["products"], row["runs"]) == (PRODUCTS, PRODUCTS, 1), row
        assert row["pictures"] == pictures, row
    # Each day again, directly: nothing would change.
    told = airflow.command("unposed", "backfill", "--from", str(FIRST), "--to", str(LAST))
    assert re.search(r"against the published day: 0 of 24 products.* 0 of \d+ flags", told)
