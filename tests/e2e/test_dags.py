"""Both DAGs as Airflow runs them: `dag.test()`, a real spark-submit for each task, real tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from unposed_jobs.lab.sample.turntables import random_turntable, write_mp4
from unposed_jobs.lab.sample.writer import SampleSettings, write_sample

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
DAY = "2026-01-05"

NIGHT, WEEK = "unposed_catalogue_audit_nightly", "unposed_reference_retrain_weekly"
# Each a DAG, its parameters, and tasks that are taken for done: another run does them (influence:
# that of web/test_promotion_by_a_person), or there is nothing left for them to do.
RUNS = (
    (NIGHT, {"limit": 1000}, "read_facts|read_videos"),
    (WEEK, {}, "extract_landmarks|estimate_influence"),
    (NIGHT, {}, "extract_landmarks|read_facts"),
)
RUN_DAGS = """
import json, sys
from datetime import UTC, datetime
sys.path.insert(0, "dags")
from airflow.dag_processing.dagbag import DagBag

dags = DagBag("dags").dags
for dag_id, params, done in json.loads(sys.argv[2]):
    for task in dags[dag_id].tasks:
        task.retries = 0  # A test does not wait for the second try.
    run = dags[dag_id].test(
        logical_date=datetime.fromisoformat(sys.argv[1]).replace(tzinfo=UTC),
        run_conf=params,
        mark_success_pattern=done,
    )
    states = {t.task_id: str(t.state) for t in run.get_task_instances()}
    print("STATE", run.state, json.dumps(states), flush=True)
"""


def write_videos(catalogue: Path) -> None:
    """A video of somebody who turns for one product, and one that is none for another."""
    table = random_turntable(3, 1, 240)
    frames = [np.asarray(table.picture(angle, 1)) for angle in (0.0, 15.0, 60.0, 90.0)]
    write_mp4(catalogue / "turn.mp4", np.stack(frames), 5.0)
    (catalogue / "notes.mp4").write_text("this is a list of notes")
    (catalogue / "videos.csv").write_text(
        "product_id,video_uri\nP000001,turn.mp4\nP000002,notes.mp4\n"
    )


@pytest.fixture(scope="module")
def installation(tmp_path_factory, pose_weights):
    """The environment of one small installation: a catalogue, an Airflow home, a connection."""
    home = tmp_path_factory.mktemp("installation")
    write_sample(home / "catalogue", SampleSettings(12, 5, 400), 1, progress=False)
    write_videos(home / "catalogue")
    config = home / "unposed.toml"
    config.write_text(
        f'[catalogue]\nerror_budget = 0.2\nvideos = "{home}/catalogue/videos.csv"\n'
        "[videos]\nmax_unreadable = 0.6\n[warehouse]\nbuckets = 2\n"
        "[training]\nclusters = 6\nepochs = 30\nmin_pictures = 6\n"
    )
    environment = os.environ | {
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps(
            {"conn_type": "spark", "host": "local[1,2]", "extra": {"deploy-mode": "client"}}
        ),
        "UNPOSED_HOME": str(home),
        "UNPOSED_CONFIG": str(config),
        "SPARK_CONF_DIR": str(ROOT / "spark/conf/local"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    subprocess.run(["airflow", "db", "migrate"], check=True, capture_output=True, env=environment)
    return home, environment


@pytest.fixture(scope="module")
def runs(installation) -> list[tuple[str, dict[str, str], str]]:
    """Of each of `RUNS` the state, its tasks' states, and everything that was printed."""
    _, environment = installation
    done = subprocess.run(
        [sys.executable, "-c", RUN_DAGS, DAY, json.dumps(RUNS)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    found, printed = [], []
    for line in done.stdout.splitlines():
        printed.append(line)
        if line.startswith("STATE "):
            _, state, tasks = line.split(" ", 2)
            state = state.rsplit(".", 1)[-1].lower()
            found.append((state, json.loads(tasks), "\n".join(printed)))
            printed = []
    assert len(found) == len(RUNS), done.stdout[-4000:]
    return found


def query(environment: dict[str, str], sql: str) -> list[dict]:
    done = subprocess.run(
        ["unposed", "query", "--format", "json", sql],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_a_night_before_any_training_fails_in_one_line(runs):
    state, tasks, output = runs[0]
    assert state == "failed"
    assert tasks["extract_landmarks"] == "success"
    assert tasks["audit_products"] != "success"
    assert "unposed: no model is promoted yet; run: unposed train" in output


def test_the_week_and_the_night_go_through_and_publish(installation, runs):
    home, environment = installation
    for state, tasks, output in runs[1:]:
        # The first model needs no person.
        asked = {tasks.pop(name, None) for name in ("ask_about_candidate", "settle_candidate")}
        assert asked in ({None}, {"skipped"}), output[-4000:]
        assert (state, set(tasks.values())) == ("success", {"success"}), output[-4000:]
    flags = query(
        environment,
        "SELECT state, count(*) AS n, count(DISTINCT product_id) AS products "
        "FROM pose_flags_current GROUP BY state",
    )
    by_state = {row["state"]: row for row in flags}
    assert by_state["missing"]["n"] > 0
    assert by_state["present"]["n"] > 0
    published = query(environment, "SELECT run_date, state FROM runs WHERE job = 'audit'")
    states = sorted((row["run_date"], row["state"]) for row in published)
    assert states == [(DAY, "published"), (DAY, "refused")]  # Refused where nothing was trained.
    assert (home / "gallery/index.html").is_file()
    read = query(environment, "SELECT status, count(*) AS n FROM video_coverage GROUP BY status")
    assert {row["status"]: row["n"] for row in read} == {"ok": 1, "unreadable": 1}
