"""A day is published whole: its rows first, in every day table, then one commit that shows them.

Rows of a run lie in the day tables together with those of the run before. Nobody sees them until
the commit to `runs` that makes the run the day's published one and supersedes the one before;
views, queries and the documented join go by that. The commit holds only where the day's published
run is still what it was when the run began. So at any moment, whatever dies, a day is one run's or
the run's before, and of two runs at once one wins whole and the other raises ConflictError.

Superseded rows are removed later: by the next run of the day, after its own commit, but for those
of the run that it superseded, which readers may be at; and by maintenance.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table as IcebergTable

from unposed_jobs.errors import UnposedError
from unposed_jobs.warehouse import commit, reading, runs
from unposed_jobs.warehouse.checks import constant
from unposed_jobs.warehouse.commit import ConflictError
from unposed_jobs.warehouse.runs import RunRecord
from unposed_jobs.warehouse.staging import StagedFile, Stager
from unposed_jobs.warehouse.tables import DAY_TABLES, TABLES

if TYPE_CHECKING:
    from unposed_jobs.warehouse.warehouse import Warehouse

Staged = Mapping[str, Sequence[StagedFile]]
"""Staged files by table."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seen:
    """What is published of a day at one moment: a run's id and when it was recorded, or nothing."""

    run_date: date
    run_id: str | None = None
    finished_at: datetime | None = None

    @classmethod
    def of(cls, run_date: date, record: RunRecord | None) -> Seen:
        """What that record, or none, shows of the day."""
        if record is None:
            return cls(run_date)
        return cls(run_date, record.run_id, record.finished_at)


def publish(warehouse: Warehouse, seen: Seen, record: RunRecord, staged: Staged) -> RunRecord:
    """Publish the staged rows of every day table as the day's; returns what is recorded.

    `seen` is what was published when the run began, `record` the run. A run that is published
    already and gives the same rows again is only recorded, under the id that is published; where it
    gives other rows (a new version of the code) they are published under an id of their own. Checks
    of the staged files are the caller's.

    Raises ConflictError where another run of the day was published since `seen`, or the same run
    is written by another process; nothing is published then.
    """
    superseded = _others(warehouse, seen, record.run_id)
    try:
        _compare(seen, now(warehouse, seen.run_date))
        snapshots = dict(record.snapshots)
        again = seen.run_id is not None and _is_of(seen.run_id, record.run_id)
        if again and _same_rows(warehouse, seen, staged):
            known = {known.run_id: known for known in warehouse.runs()}[str(seen.run_id)]
            record = dataclasses.replace(record, run_id=known.run_id)
            snapshots = dict(known.snapshots)
            for name, files in staged.items():
                warehouse.discard(name, files)
        else:
            if again:
                record, staged = _renamed(warehouse, record, staged)
            for table in DAY_TABLES:
                snapshot = warehouse.write_day(
                    table.name, seen.run_date, staged.get(table.name, ()), record.run_id
                )
                if snapshot is not None:
                    snapshots[table.name] = snapshot
        done = _flip(warehouse, seen, dataclasses.replace(record, snapshots=snapshots))
    except ConflictError as error:
        refused = dataclasses.replace(record, state="refused", error=str(error), snapshots={})
        warehouse.record_run(refused)
        error.recorded = True
        raise
    _remove(warehouse, seen.run_date, superseded)
    return done


def now(warehouse: Warehouse, run_date: date) -> Seen:
    """What is published of the day now."""
    return Seen.of(run_date, runs.published_days(warehouse.runs()).get(run_date))


def clear(warehouse: Warehouse, run_date: date, reason: str) -> RunRecord:
    """Take back what is published of the day, in one commit; returns the record of it.

    Readers then see the other days only. The rows are removed by maintenance; another audit of
    the day publishes it again. Raises UnposedError where nothing is published for the day, and
    ConflictError where another run was published meanwhile.
    """
    seen, started = now(warehouse, run_date), datetime.now(UTC)
    if seen.run_id is None:
        raise UnposedError(f"no audit is published for {run_date}: there is nothing to clear")
    record = RunRecord(
        run_id=f"clear-{run_date}-{started:%Y%m%dT%H%M%S%f}",
        job=runs.CLEAR_JOB,
        run_date=run_date,
        state="published",
        started_at=started,
        figures={"cleared": seen.run_id, "reason": reason},
    )
    return _flip(warehouse, seen, record)


def _compare(seen: Seen, found: Seen) -> None:
    if found != seen:
        shown = f"run {found.run_id} was published" if found.run_id else "the day was cleared"
        raise ConflictError(
            f"{shown} for {seen.run_date} since this run began; nothing of it was "
            "published, run it again"
        )


def _flip(warehouse: Warehouse, seen: Seen, record: RunRecord) -> RunRecord:
    """The commit to `runs` that publishes `record`, if the day is still as it was `seen`."""

    def allow(records: Mapping[str, RunRecord]) -> None:
        landed = records.get(record.run_id)
        if landed is not None and landed.finished_at == record.finished_at:
            return  # The commit landed and its answer was lost.
        published = runs.published_days(list(records.values())).get(seen.run_date)
        _compare(seen, Seen.of(seen.run_date, published))

    return warehouse.record_run(record, allow)


def _others(warehouse: Warehouse, seen: Seen, run_id: str) -> dict[str, set[str]]:
    """Files of the day that neither the run, the one before it nor readers need, by table.

    Listed before the commit that publishes: whoever wrote them began before it, and can no
    longer be published after it.
    """
    found: dict[str, set[str]] = {}
    for name in (table.name for table in DAY_TABLES):
        table = warehouse.table(name)
        found[name] = {
            file.file_path
            for file in reading.data_files(table, {"run_date": seen.run_date})
            if run_of(table, file) not in (None, run_id, seen.run_id)
        }
    return found


def run_of(table: IcebergTable, file: DataFile) -> str | None:
    """The run that all rows of a data file are of; None for rows of several."""
    found: str | None = constant(file, table.schema(), "run_id")
    return found


def _remove(warehouse: Warehouse, run_date: date, paths: Mapping[str, set[str]]) -> None:
    """Take superseded files out of the tables; what fails is left to maintenance."""
    for name, listed in paths.items():
        try:
            table = warehouse.table(name)
            files = [
                file
                for file in reading.data_files(table, {"run_date": run_date})
                if file.file_path in listed
            ]
            remove_files(table, run_date, files)
        except (ConflictError, OSError) as error:
            _log.warning("superseded rows of %s stay until maintenance: %s", name, error)


def remove_files(table: IcebergTable, run_date: date, files: Sequence[DataFile]) -> None:
    """Take those files of a day out of a day table, in one snapshot."""
    if not files:
        return
    owners = {run_id for file in files if (run_id := run_of(table, file)) is not None}
    predicate = reading.expression({"run_date": run_date, "run_id": owners})
    properties = {commit.OPERATION: "remove-superseded"}
    commit.replace(table, predicate, [], properties, gone=files)


def _same_rows(warehouse: Warehouse, seen: Seen, staged: Staged) -> bool:
    """Whether the staged rows are, but for the run's id, those that are published."""
    for known in DAY_TABLES:
        table = warehouse.table(known.name)
        old = [
            file.file_path
            for file in reading.data_files(table, {"run_date": seen.run_date})
            if run_of(table, file) == seen.run_id
        ]
        try:
            before, after = (
                _digest(table, known.name, paths)
                for paths in (old, [file.path for file in staged.get(known.name, ())])
            )
        except (OSError, duckdb.Error) as error:
            _log.warning("published rows of %s cannot be read: %s", known.name, error)
            return False
        if before != after:
            return False
    return True


def _digest(table: IcebergTable, name: str, paths: Sequence[str]) -> tuple[int, int]:
    """Number of the rows and the sum of their hashes, whatever their order."""
    if not paths:
        return 0, 0
    known = TABLES[name]
    columns = ", ".join(f'"{column}"' for column in known.schema.names if column != "run_id")
    with reading.connect() as connection:
        source = reading.scan_sql(connection, known, table.io, paths, "rows_of_run")
        row = connection.execute(
            f"SELECT count(*), sum(hash({columns})) FROM {source}"  # noqa: S608
        ).fetchone()
    count, total = row or (0, 0)
    return int(count), int(total or 0)


def _is_of(published: str, run_id: str) -> bool:
    """Whether an id is the run's, or one that `_renamed` made of it."""
    return published == run_id or re.fullmatch(rf"{re.escape(run_id)}\.\d+", published) is not None


def _renamed(
    warehouse: Warehouse, record: RunRecord, staged: Staged
) -> tuple[RunRecord, dict[str, list[StagedFile]]]:
    """The record and the staged rows under an id that is not published.

    Rows of a published run are never exchanged under it: each table would take a commit.
    """
    known = {known.run_id for known in warehouse.runs()}
    run_id = next(
        name
        for number in range(2, len(known) + 3)
        if (name := f"{record.run_id}.{number}") not in known
    )
    renamed: dict[str, list[StagedFile]] = {}
    for name, files in staged.items():
        table = warehouse.table(name)
        rows = _batches(table, files)
        renamed[name] = Stager.of(table, name, run_id).write(rows)
        warehouse.discard(name, files)
    return dataclasses.replace(record, run_id=run_id), renamed


def _batches(table: IcebergTable, files: Sequence[StagedFile]) -> Iterator[pa.RecordBatch]:
    for file in files:
        with table.io.new_input(file.path).open() as stream:
            for batch in pq.ParquetFile(stream).iter_batches():
                yield batch.drop_columns(["run_id"])
