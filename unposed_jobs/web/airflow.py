"""Airflow's REST API, as far as a page needs it: what a run asks a person, and the answer.

A run that waits for a person holds no process: the answer to its request is what lets it go on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from starlette.requests import Request

from unposed_jobs.config import ServeSettings
from unposed_jobs.errors import MachineError, UnposedError

RETRAINING = "unposed_reference_retrain_weekly"
SUBJECT = "Promote the model "
"""Begins what that DAG asks; the model's version ends it."""
ANSWERS = {"promote": "Promote", "reject": "Reject"}
USER, PASSWORD = "UNPOSED_AIRFLOW_USER", "UNPOSED_AIRFLOW_PASSWORD"
_TIMEOUT_SECONDS = 10
_PAGE = 100
"""Questions that are asked for at a time; Airflow's own settings may give fewer."""


@dataclass(frozen=True)
class Question:
    """What a run of a DAG asks."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int


@dataclass(frozen=True)
class Airflow:
    """One Airflow; `token` is a request's, with which it is asked."""

    address: str
    token: Callable[[Request], str]
    knows_people: bool
    """Whether the token is that of the person who asks, else one of the pages themselves."""

    def about_model(self, request: Request, version: str) -> Question | None:
        """What a run of the training asks about a model; None where none does.

        Raises MachineError where Airflow does not answer, UnposedError where it refuses.
        """
        for one in self._waiting(request):
            if one["subject"] == f"{SUBJECT}{version}":
                task = one["task_instance"]
                return Question(
                    task["dag_id"],
                    task["dag_run_id"],
                    task["task_id"],
                    task["map_index"],
                )
        return None

    def _waiting(self, request: Request) -> Iterator[dict[str, Any]]:
        """All questions of the training that nobody has answered, the latest first."""
        path = f"/dags/{RETRAINING}/dagRuns/~/hitlDetails"
        wanted = {"response_received": "false", "order_by": "-created_at", "limit": _PAGE}
        seen = 0
        while True:
            page = self._ask(request, "GET", path, params=wanted | {"offset": seen}).json()
            yield from page["hitl_details"]
            seen += len(page["hitl_details"])
            if not page["hitl_details"] or seen >= page["total_entries"]:
                return

    def answer(self, request: Request, question: Question, decision: str, why: str) -> None:
        """Let the run go on with ``promote`` or ``reject``. Raises as `about_model`; UnposedError
        also where somebody was first."""
        run, task = quote(question.run_id, safe=""), quote(question.task_id, safe="")
        path = f"/dags/{quote(question.dag_id, safe='')}/dagRuns/{run}/taskInstances/{task}"
        body = {"chosen_options": [ANSWERS[decision]], "params_input": {"why": why}}
        self._ask(request, "PATCH", f"{path}/{question.map_index}/hitlDetails", json=body)

    def _ask(self, request: Request, method: str, path: str, **more: Any) -> requests.Response:
        headers = {"authorization": f"Bearer {self.token(request)}"}
        answer = _send(method, f"{self.address}/api/v2{path}", headers=headers, **more)
        if answer.status_code == 409:
            raise UnposedError("somebody has answered already; load the page again")
        if answer.status_code in (401, 403):
            raise UnposedError("Airflow does not let this be decided by whoever asks here")
        if answer.status_code >= 300:
            raise MachineError(f"Airflow answers {answer.status_code} to {method} {path}")
        return answer


def of_settings(settings: ServeSettings) -> Airflow | None:
    """The Airflow of ``[serve] airflow``, asked as the user of the environment; None for none.

    Raises UnposedError where the address or the user is not to be used.
    """
    address = settings.airflow.rstrip("/")
    if not address:
        return None
    there = urlsplit(address)
    near = there.hostname in ("127.0.0.1", "localhost", "::1")
    if there.scheme != "https" and not (there.scheme == "http" and near):
        raise UnposedError("[serve] airflow must be an https address, or one of this machine")
    if not (os.environ.get(USER) and os.environ.get(PASSWORD)):
        raise UnposedError(f"[serve] airflow needs ${USER} and ${PASSWORD}, a user of Airflow")
    return Airflow(address, lambda _: _log_in(address), knows_people=False)


def _log_in(address: str) -> str:
    user = {"username": os.environ.get(USER, ""), "password": os.environ.get(PASSWORD, "")}
    answer = _send("POST", f"{address}/auth/token", json=user)
    if answer.status_code >= 300:
        raise UnposedError(f"Airflow does not know the user of ${USER}")
    return str(answer.json()["access_token"])


def _send(method: str, address: str, **more: Any) -> requests.Response:
    try:
        return requests.request(
            method, address, timeout=_TIMEOUT_SECONDS, allow_redirects=False, **more
        )
    except requests.RequestException as error:
        raise MachineError(f"Airflow does not answer: {type(error).__name__}") from None
