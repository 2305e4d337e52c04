"""Who is notified of a task that fails or is retried, and of a night that is late.

`UNPOSED_NOTIFIERS` names Airflow's own notifiers, as JSON: a list of
``{"class": "airflow.providers.smtp.notifications.smtp.SmtpNotifier", "arguments": {...}}``, whose
templates are rendered as theirs are. Without it one line is logged, with what happened and
which page of docs/runbooks helps. Wiring only.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from airflow.sdk import (
    BaseNotifier,
    Context,
)
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from airflow.sdk.module_loading import import_string

VARIABLE = "UNPOSED_NOTIFIERS"
DEADLINE_HOURS = float(os.environ.get("UNPOSED_DEADLINE_HOURS", "0"))
"""How long after it was queued a run of the nightly audit is late; 0: never. Not set unless asked
for: with one, `airflow dags test` (Airflow 3.3) ends in an error after the last task, since it
keeps no alerts in its database.
"""
PAGES = {
    "2": "exit-2-mistake",
    "3": "exit-3-budget",
    "4": "exit-4-check",
    "5": "exit-5-conflict",
    "6": "exit-6-machine",
}

WAITS = "waits for a person"
EVENT_PAGES = {"late": "late-night", WAITS: "a-candidate-waits"}
"""Of what is no failure."""

_log = logging.getLogger("unposed.alerts")


class LogNotifier(BaseNotifier):
    """One line in the log."""

    def __init__(self, event: str = "failed") -> None:
        super().__init__()
        self.event = event

    def notify(self, context: Context) -> None:
        """Log it."""
        _log.error("%s", line(self.event, dict(context)))


def line(event: str, context: dict[str, Any]) -> str:
    """What happened, in one line; a deadline's context is the plain `dag_run`."""
    run, task = context.get("dag_run"), context.get("task_instance") or context.get("ti")
    parts = [
        f"unposed alarm: {event}",
        f"dag {_of(run, 'dag_id') or _of(task, 'dag_id')}",
        # Of a missed deadline the run is what Airflow's API answers, which has another name for it.
        f"run {_of(run, 'run_id') or _of(run, 'dag_run_id') or _of(task, 'run_id')}",
    ]
    if task is not None:
        parts.append(f"task {_of(task, 'task_id')} try {_of(task, 'try_number')}")
    why = str(context.get("exception") or "").strip()
    if why:
        parts.append(why.splitlines()[0][:300])
    status = next((code for code in PAGES if f"exit status {code}:" in why), None)
    if _of(task, "task_id") == "check_freshness":
        return f"{', '.join(parts)}; see docs/runbooks/the-warehouse-is-behind.md"
    page = PAGES[status] if status else EVENT_PAGES.get(event, "task-failed")
    return f"{', '.join(parts)}; see docs/runbooks/{page}.md"


def _of(thing: Any, name: str) -> Any:
    return thing.get(name) if isinstance(thing, dict) else getattr(thing, name, None)


def callbacks(event: str) -> list[Callable[..., Any]]:
    """The notifiers of an event, for an ``on_..._callback``.

    Raises ValueError, which Airflow shows as the DAG's import error, for what is no such list.
    """
    configured = os.environ.get(VARIABLE, "").strip()
    if not configured:
        return [LogNotifier(event)]
    try:
        listed = json.loads(configured)
        return [import_string(one["class"])(**one.get("arguments", {})) for one in listed]
    except (ValueError, KeyError, TypeError, ImportError) as error:
        raise ValueError(f"{VARIABLE} is no list of notifiers: {error}") from error


def late(context: dict[str, Any] | None = None) -> None:
    """What a missed deadline does, in a process of the executor."""
    for notifier in callbacks("late"):
        notifier(context or {})


def deadline() -> DeadlineAlert | None:
    """The alarm of a late run. It counts from when the run was queued, so that a past day that is
    done again is not late.
    """
    if not DEADLINE_HOURS:
        return None
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(hours=DEADLINE_HOURS),
        callback=SyncCallback(late),
        name="unposed late",
    )
