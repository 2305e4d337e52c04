"""The pages in a real Airflow API server: Airflow's login, Airflow's rights."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def answered(served, airflow_database, tmp_path):
    made = tmp_path / "unposed.toml"
    settings = served.settings
    made.write_text(
        f'[warehouse]\nuri = "{settings.warehouse.uri}"\n'
        f'location = "{settings.warehouse.location}"\nviews = "{settings.warehouse.views}"\n'
        f'[decisions]\nstore = "{settings.decisions.store}"\n'
        f'[serve]\nfolder = "{tmp_path}/serve"\n'
        '[catalogue]\ncarry = ["title", "brand"]\n'
    )
    environment = os.environ | {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "no dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "UNPOSED_CONFIG": str(made),
        "PYTHONPATH": str(ROOT),
    }
    (tmp_path / "airflow").mkdir()
    shutil.copy(airflow_database, tmp_path / "airflow/airflow.db")
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("airflow_server.py"))],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    line = [line for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    assert line, done.stderr[-3000:]
    return json.loads(line[0].removeprefix("ANSWER "))


def test_airflows_people_see_and_write_what_airflow_lets_them(served, answered):
    assert answered["loaded"] == []
    assert answered["stranger"] == 401
    whole = {"page": 200, "name": True, "styles": True, "asset": 200, "framed": True}
    assert answered["viewer"] == whole | {"forged": 403, "decided": 403, "back": None}
    for role in ("user", "admin"):
        assert answered[role] == whole | {
            "forged": 403,
            "decided": 303,
            "back": "/unposed/work",
        }
    assert answered["views"] == ["/unposed/work"]
    assert [line.who for line in served.store.entries(action="waive")] == ["Admin", "User"]
