"""The application over a small day."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import web_day
from web_people import Served

from unposed_jobs import config
from unposed_jobs.decisions import Store
from unposed_jobs.web import app


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """A published day; what is written goes to a store of each test's own."""
    home = tmp_path_factory.mktemp("served")
    made = web_day.settings(home)
    web_day.audit(made, home)
    return made


@pytest.fixture(scope="session")
def airflow_database(tmp_path_factory):
    """An empty database of Airflow, to be copied."""
    home = tmp_path_factory.mktemp("airflow database")
    subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env=os.environ | {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"},
        check=True,
        capture_output=True,
    )
    return home / "airflow.db"


@pytest.fixture
def served(published, tmp_path) -> Served:
    import dataclasses

    made = dataclasses.replace(
        published,
        decisions=config.DecisionSettings(store=f"sqlite:///{tmp_path}/decisions.db"),
    )
    store = Store.open(made.decisions.store)
    return Served(made, store, app.create(made, store))
