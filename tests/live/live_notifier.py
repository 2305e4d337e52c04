"""A notifier that writes each alarm, with its time, to a file."""

from __future__ import annotations

import json
import time
from typing import Any

from airflow.sdk import BaseNotifier


class FileNotifier(BaseNotifier):
    """One line of JSON for each alarm."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def notify(self, context: Any) -> None:
        """Append it."""
        run = context.get("dag_run")
        late = isinstance(run, dict)  # As the API answers it: a deadline's.
        run_id = run.get("dag_run_id") if late else getattr(run, "run_id", None)
        task = context.get("task_instance") or context.get("ti")
        told = {
            "time": time.time(),
            "run_id": run_id,
            "task": getattr(task, "task_id", None),
            "why": str(context.get("exception") or ""),
        }
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")
