"""Estimates as rows of the table `influence`, but for the columns that name the run."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pyarrow as pa

from unposed_jobs.influence import wording
from unposed_jobs.influence.estimates import Estimate
from unposed_jobs.warehouse.influence_table import INFLUENCE

OF_THE_RUN = ("run_date", "history_from", "history_to", "model_version", "run_id")
SCHEMA = pa.schema(
    [pa.field(item.name, item.type) for item in INFLUENCE.schema if item.name not in OF_THE_RUN]
)


def table(estimates: Sequence[Estimate], outcome: str, scale: str) -> pa.Table:
    """One row of `SCHEMA` for each estimate; on the scale `log` differences become shares."""
    log = scale == "log"
    return pa.Table.from_pylist([_row(one, outcome, scale, log) for one in estimates], SCHEMA)


def _row(one: Estimate, outcome: str, scale: str, log: bool) -> dict[str, object]:
    def share(value: float | None) -> float | None:
        if value is None or not math.isfinite(value):
            return None
        return math.expm1(value) if log else value

    return {
        "cohort": one.cohort,
        "term": one.term.id,
        "term_name": one.term.name,
        "ask_id": one.term.ask_id,
        "method": one.method,
        "outcome": outcome,
        "scale": scale,
        **{
            name: share(getattr(one, name))
            for name in ("estimate", "low", "high", "before", "placebo")
        },
        "standard_error": one.standard_error,
        **{name: getattr(one, name) for name in ("p_value", "p_adjusted", "before_p", "placebo_p")},
        "n": one.products,
        "treated": one.treated,
        "clusters": one.clusters,
        "claim": one.claim,
        "by_period": [share(value) for value in one.by_period] or None,
        "warning": "; ".join(one.warnings) or None,
        "says": wording.sentence(one, outcome, log),
    }
