"""People who use the application, in a browser or by a program."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from fastapi import FastAPI

from unposed_jobs import config
from unposed_jobs.decisions import Store
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
