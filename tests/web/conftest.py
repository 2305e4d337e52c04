"""The application over a small day, and people who use it."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from dataclasses import dataclass

import pytest
import web_day
from fastapi import FastAPI

from unposed_jobs import config
from unposed_jobs.decisions import Store
from unposed_jobs.web import app
from unposed_jobs.web.people import People

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # httpx is what the lock has.
    from fastapi.testclient import TestClient


@dataclass
class Served:
    """The application with its parts."""

    settings: config.Settings
    store: Store
    app: FastAPI

    def token(self, name: str, role: str) -> str:
        return People(self.store).add(name, role, "test")

    def stranger(self) -> TestClient:
        return TestClient(
            self.app,
            base_url="http://127.0.0.1",
            follow_redirects=False,
            raise_server_exceptions=False,
        )

    def as_(self, name: str, role: str) -> TestClient:
        """A browser that is logged in."""
        client = self.stranger()
        answer = client.post("/login", data={"token": self.token(name, role)})
        assert answer.status_code == 303, answer.text
        return client

    def program(self, name: str, role: str) -> TestClient:
        """A program with a token."""
        client = self.stranger()
        client.headers["authorization"] = f"Bearer {self.token(name, role)}"
        return client


def csrf(client: TestClient, page: str = "/work") -> str:
    """What the page's forms send back."""
    return client.get(page).text.partition('name="csrf" value="')[2].partition('"')[0]


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
