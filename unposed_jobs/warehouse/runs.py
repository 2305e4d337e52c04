"""The `runs` table: what was run, and what of it is published.

A day's rows count as published when a run says so here, after its last commit: readers that
ask this table never see half a day.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal

import pyarrow as pa

from unposed_jobs.warehouse.tables import RUNS

State = Literal["published", "refused", "dry_run"]


@dataclass(frozen=True)
class RunRecord:
    """One row of `runs`. `rows`, `figures` and `snapshots` are stored as JSON objects."""

    run_id: str
    job: str
    run_date: date
    state: State
    started_at: datetime
    finished_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    model_version: str | None = None
    attempts: int = 1
    """Counted by `record`; what is given here is not used."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """Rows written, by table."""
    figures: Mapping[str, Any] = field(default_factory=dict)
    snapshots: Mapping[str, int] = field(default_factory=dict)
    """Iceberg snapshot id, by table."""
    error: str | None = None


_JSON = ("rows", "figures", "snapshots")


def to_table(records: list[RunRecord]) -> pa.Table:
    """The records as rows of `runs`. Times without a time zone raise ValueError."""
    rows = []
    for record in records:
        if record.started_at.tzinfo is None or record.finished_at.tzinfo is None:
            raise ValueError(f"run {record.run_id}: times need a time zone")
        row = {item.name: getattr(record, item.name) for item in dataclasses.fields(record)}
        row |= {name: json.dumps(dict(row[name]), sort_keys=True) for name in _JSON}
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=RUNS.schema)


def from_table(rows: pa.Table) -> list[RunRecord]:
    """The rows of `runs` as records."""
    return [
        RunRecord(**{**row, **{name: json.loads(row[name] or "{}") for name in _JSON}})
        for row in rows.to_pylist()
    ]


def merged(known: RunRecord | None, record: RunRecord) -> RunRecord:
    """`record` after `known`, an earlier attempt of the same run.

    Attempts are counted. What is published stays published, with its rows, figures, snapshots
    and times: a later attempt that was refused or dry took nothing back, it only leaves its
    error.
    """
    if known is None:
        return dataclasses.replace(record, attempts=1)
    attempts = known.attempts + 1
    if known.state == "published" and record.state != "published":
        reason = record.error or record.state
        return dataclasses.replace(
            known, attempts=attempts, error=f"attempt {attempts} was not published: {reason}"
        )
    return dataclasses.replace(record, attempts=attempts)


def latest(records: list[RunRecord], job: str, run_date: date | None) -> RunRecord | None:
    """The job's published run of that day (of the latest day, for None) that finished last."""
    found = [
        record
        for record in records
        if record.state == "published" and record.job == job and run_date in (None, record.run_date)
    ]
    return max(found, key=lambda record: (record.run_date, record.finished_at), default=None)


def published_days(records: list[RunRecord], job: str) -> dict[date, str]:
    """The run that readers see, for each day that the job published."""
    chosen: dict[date, RunRecord] = {}
    ordered = sorted(records, key=lambda record: record.run_id, reverse=True)
    for record in sorted(ordered, key=lambda record: record.finished_at):
        if record.state == "published" and record.job == job:
            chosen[record.run_date] = record
    return {day: record.run_id for day, record in chosen.items()}
