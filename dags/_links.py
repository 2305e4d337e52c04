"""A link from a task, in Airflow's interface, to the pages that our plugin shows there."""

from __future__ import annotations

from typing import Any

from airflow.configuration import conf
from airflow.sdk import BaseOperatorLink

PAGES = "/unposed"
"""Where the plugin has them."""


class DayLink(BaseOperatorLink):
    """From a run of the audit to its day: what opened and closed in that night.

    Airflow keeps the link when the task ends, with the date that it then ran for. It is the
    operator's own: one of a plugin is for an operator's very class, which that of our tasks is not.
    """

    name = "What is missing"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The page of the day's changes."""
        arguments = list(operator.application_args)
        day = arguments[arguments.index("--date") + 1]
        base = conf.get("api", "base_url", fallback="").rstrip("/")
        return f"{base}{PAGES}/changes?day={day}"
