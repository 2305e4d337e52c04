"""The `runs` table: what was run, and what of it is published.

For each day one audit at most is `published`: the one whose rows readers see. The commit that
records it here publishes the day's tables, all at once; see `publishing`.
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

State = Literal["published", "superseded", "refused", "failed", "skipped", "dry_run"]
DAY_JOB = "audit"
"""The job whose published runs decide which rows of the day tables are seen."""
CLEAR_JOB = "clear"
"""What takes a day back."""


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


def published_days(records: list[RunRecord], job: str = DAY_JOB) -> dict[date, RunRecord]:
    """The run that readers see, for each day that the job published.

    Warehouses of before days were published by one commit may hold several for a day: the one
    that was recorded last counts.
    """
    chosen: dict[date, RunRecord] = {}
    ordered = sorted(records, key=lambda record: record.run_id, reverse=True)
    for record in sorted(ordered, key=lambda record: record.finished_at):
        if record.state == "published" and record.job == job:
            chosen[record.run_date] = record
    return chosen


def added(records: list[RunRecord], record: RunRecord) -> tuple[list[RunRecord], RunRecord]:
    """All records with `record` among them, and what is stored of it.

    A published audit, and a clearing, supersede what was published of their day.
    """
    stored = merged({item.run_id: item for item in records}.get(record.run_id), record)
    before = published_days(records)
    if record.state == "published" and record.job in (DAY_JOB, CLEAR_JOB):
        before.pop(record.run_date, None)
    shown = {item.run_id for item in before.values()} | {stored.run_id}
    kept = [
        dataclasses.replace(item, state="superseded")
        if item.state == "published" and item.job == DAY_JOB and item.run_id not in shown
        else item
        for item in records
        if item.run_id != record.run_id
    ]
    return [*kept, stored], stored
