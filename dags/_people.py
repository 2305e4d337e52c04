"""Where a run waits for a person. Wiring only: what is asked about is read when the task runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from _alerts import WAITS, callbacks
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Context, Param
from airflow.sdk.exceptions import AirflowSkipException

PROMOTE, REJECT = "Promote", "Reject"
SUBJECT = "Promote the model "
"""Begins what is asked; the model's version ends it, by which the pages know it again."""


class AskAboutCandidate(HITLOperator):
    """Asks a person about the day's candidate, where one waits; else it is skipped.

    It waits in the database, without a process. The pages' candidate page answers it, as does
    Airflow's own under "Required actions". Where nobody answers in time the answer is no.
    """

    template_fields = ("day",)

    def __init__(self, *, day: str, **rest: Any) -> None:
        super().__init__(**rest)
        self.day = day

    def execute(self, context: Context) -> Any:
        """Ask, and give up the worker until there is an answer."""
        from datetime import date

        from unposed_jobs import config
        from unposed_jobs.reference import registry
        from unposed_jobs.warehouse import Warehouse

        warehouse = Warehouse.open(config.load().warehouse, create=False)
        candidate = registry.waiting(warehouse, date.fromisoformat(self.day))
        if candidate is None:
            raise AirflowSkipException("no candidate of the day waits for a person")
        figures = candidate.metrics["promotion"]
        self.subject = f"{SUBJECT}{candidate.model_version}"
        self.body = (
            f"{candidate.reason}. On a sample {figures['turned']} flags would turn. Its page, in "
            "*Missing pictures* under *Models*, has them with their pictures."
        )
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, str]:
        """What was decided, and by whom."""
        answer = super().execute_complete(context, event)
        user = (answer["responded_by_user"] or {}).get("name")
        why = str((answer["params_input"] or {}).get("why") or "").strip()
        by = ": ".join(part for part in (user, why) if part) if user else "nobody answered in time"
        return {"decision": answer["chosen_options"][0].lower(), "by": by}


def ask_about_candidate(day: str, waits: timedelta) -> AskAboutCandidate:
    """The task, which waits at most so long."""
    return AskAboutCandidate(
        task_id="ask_about_candidate",
        day=day,
        subject=SUBJECT,
        options=[PROMOTE, REJECT],
        defaults=REJECT,
        params={"why": Param("", type="string", maxLength=400, title="Why")},
        notifiers=callbacks(WAITS),
        response_timeout=waits,
    )
