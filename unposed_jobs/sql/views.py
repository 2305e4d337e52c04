"""Tables and views in DuckDB: for a query, and as a file that analysts open.

A view reads the Parquet files that were planned when it was made, so it is rebuilt after each
publish: under another name first, then renamed over the old one, which readers keep until then.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import duckdb
import pyarrow as pa
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table as IcebergTable

from unposed_jobs import machine
from unposed_jobs.errors import MachineError, UnposedError
from unposed_jobs.sql import damage
from unposed_jobs.sql.definitions import (
    CURRENT,
    CURRENT_VIEWS,
    DAY_NAMES,
    DERIVED_VIEWS,
    View,
    column_docs,
    published_days,
)
from unposed_jobs.warehouse import reading, runs
from unposed_jobs.warehouse.checks import constant
from unposed_jobs.warehouse.columns import Table
from unposed_jobs.warehouse.locations import local_path
from unposed_jobs.warehouse.runs import RunRecord
from unposed_jobs.warehouse.tables import RUNS, TABLES

if TYPE_CHECKING:
    from unposed_jobs.warehouse.warehouse import Warehouse

_log = logging.getLogger(__name__)
_PLAN_ATTEMPTS = 10
_WRITING = (duckdb.IOException, duckdb.TransactionException, duckdb.FatalException)
_TYPES = {
    pa.string(): "VARCHAR",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.binary(): "BLOB",
    pa.date32(): "DATE",
    pa.timestamp("us", tz="UTC"): "TIMESTAMPTZ",
}


@dataclass(frozen=True)
class Plan:
    """The files behind every view at one moment."""

    snapshots: dict[str, int | None]
    files: dict[str, list[str]]
    current: dict[str, list[str]]
    """Of the latest published day, for the tables of `CURRENT`."""
    published: dict[date, str]
    """The run that is shown of each day."""
    io: dict[str, FileIO]
    """How each table's files are opened."""
    uneven: frozenset[str] = frozenset()
    """Tables some files of which lack columns that others have: those of an earlier version."""
    days: Mapping[date, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    """Of `files`, those of each published day, by table."""

    def without(self, left_out: Collection[date]) -> Plan:
        """The plan as if those days were not published."""
        days = {day: files for day, files in self.days.items() if day not in left_out}
        files = {
            name: _of_all(days, name) if name in DAY_NAMES else paths
            for name, paths in self.files.items()
        }
        published = {day: run_id for day, run_id in self.published.items() if day in days}
        return replace(self, files=files, current=_of_latest(days), published=published, days=days)


def _of_all(days: Mapping[date, Mapping[str, Sequence[str]]], name: str) -> list[str]:
    return [path for paths in days.values() for path in paths[name]]


def _of_latest(days: Mapping[date, Mapping[str, Sequence[str]]]) -> dict[str, list[str]]:
    latest = max(days, default=None)
    return {name: [] if latest is None else list(days[latest][name]) for name in CURRENT}


def plan(warehouse: Warehouse) -> Plan:
    """What readers may see now: of the day tables, the rows of each day's published run.

    A day is left out, and `_current` is the one before it, where rows that its run recorded are
    not there: warehouses of before days were published by one commit may hold such a day.
    """
    # What is published comes first: its rows are there from before until long after.
    tables = {name: warehouse.table(name) for name in (RUNS.name, *TABLES)}
    recorded = runs.from_table(reading.read(RUNS, tables[RUNS.name], None, None))
    files: dict[str, list[str]] = {}
    days: dict[str, dict[date, list[DataFile]]] = {}
    uneven = set()
    for name, table in tables.items():
        planned = reading.data_files(table)
        if len({frozenset(file.value_counts or ()) for file in planned}) > 1:
            uneven.add(name)
        if name not in DAY_NAMES:
            files[name] = [file.file_path for file in planned]
            continue
        days[name] = defaultdict(list)
        for file in planned:
            days[name][constant(file, table.schema(), "run_date")].append(file)
    shown = {
        day: _paths(tables, {name: by_day[day] for name, by_day in days.items()}, run)
        for day, run in sorted(runs.published_days(recorded).items())
    }
    whole = {day: paths for day, paths in shown.items() if paths is not None}
    for name in days:
        files[name] = _of_all(whole, name)
    snapshots = {
        name: None if table.current_snapshot() is None else table.metadata.current_snapshot_id
        for name, table in tables.items()
    }
    published = {day: run.run_id for day, run in runs.published_days(recorded).items()}
    return Plan(
        snapshots,
        files,
        _of_latest(whole),
        {day: run_id for day, run_id in published.items() if day in whole},
        {name: table.io for name, table in tables.items()},
        frozenset(uneven),
        whole,
    )


def _paths(
    tables: Mapping[str, IcebergTable], files: Mapping[str, Sequence[DataFile]], run: RunRecord
) -> dict[str, list[str]] | None:
    """A day's files that hold rows of its run, by table; None where rows of it are missing."""
    found: dict[str, list[str]] = {}
    for name, listed in files.items():
        owners = [constant(file, tables[name].schema(), "run_id") for file in listed]
        # Another engine's compaction may put rows of several runs into a file.
        own = [
            (file, owner)
            for file, owner in zip(listed, owners, strict=True)
            if owner in (run.run_id, None)
        ]
        count = sum(file.record_count for file, _ in own)
        if all(owner is not None for _, owner in own) and (
            count != run.rows[name] if name in run.rows else bool(listed) and not own
        ):
            return None
        found[name] = [file.file_path for file, _ in own]
    return found


def create(connection: duckdb.DuckDBPyConnection, planned: Plan, *, comments: bool = True) -> None:
    """Make a view of each table and the derived ones in the connection.

    `comments`: with what each of them and of their columns is, which takes longer than the views.
    """

    def source(table: Table, paths: Sequence[str], name: str) -> str:
        if not paths:
            return ""
        uneven = table.name in planned.uneven
        return reading.scan_sql(
            connection, table, planned.io[table.name], paths, name, uneven=uneven
        )

    make = _Maker(connection, comments)
    published = "WHERE (run_date, run_id) IN (SELECT (run_date, run_id) FROM published_days)"
    # One transaction: a file would be flushed for each comment.
    connection.begin()
    # `runs` comes first: what is published decides about the days.
    make.table(RUNS, source(RUNS, planned.files[RUNS.name], "runs_files"))
    make.view(published_days(planned.published.values()))
    for name, table in TABLES.items():
        if name == RUNS.name:
            continue
        where = ""
        if name in DAY_NAMES:
            where = published
        make.table(table, source(table, planned.files[name], f"{name}_files"), where)
    for view in CURRENT_VIEWS:
        name = view.name.removesuffix("_current")
        rows = source(TABLES[name], planned.current[name], f"{view.name}_files")
        make.table(TABLES[name], rows, published, name=view.name, doc=view.doc)
    for view in DERIVED_VIEWS:
        make.view(view)
    connection.commit()


class _Maker:
    def __init__(self, connection: duckdb.DuckDBPyConnection, comments: bool) -> None:
        self.connection = connection
        self.comments = comments
        self.docs = column_docs()

    def table(
        self,
        table: Table,
        source: str,
        where: str = "",
        name: str | None = None,
        doc: str | None = None,
    ) -> None:
        """A view of the table's columns in exact types; without files it has no rows, and what
        files of an earlier version lack is null."""
        there = set()
        if source:
            there = {
                row[0] for row in self.connection.execute(f"DESCRIBE FROM {source}").fetchall()
            }
        values = ((f'"{c.name}"' if c.name in there else "NULL", c) for c in table.schema)
        columns = ", ".join(
            f'CAST({value} AS {duckdb_type(column.type)}) AS "{column.name}"'
            for value, column in values
        )
        rows = f"FROM {source} {where}" if source else "WHERE FALSE"
        name = name or table.name
        self.connection.execute(f"CREATE VIEW {name} AS SELECT {columns} {rows}")
        if self.comments:
            docs = {
                column.name: (column.metadata or {}).get(b"doc", b"").decode()
                for column in table.schema
            }
            self._comment(name, doc or table.doc, docs)

    def view(self, view: View) -> None:
        self.connection.execute(f"CREATE VIEW {view.name} AS {view.sql}")
        if not self.comments:
            return
        columns = self.connection.execute(f"DESCRIBE {view.name}").fetchall()
        docs = {**self.docs, **view.columns}
        self._comment(view.name, view.doc, {column: docs[column] for column, *_ in columns})

    def _comment(self, name: str, doc: str, docs: Mapping[str, str]) -> None:
        """The view's comment, and those of its columns."""
        self.connection.execute(
            f"COMMENT ON VIEW {name} IS {reading.quote(doc)};"
            + "".join(
                f'COMMENT ON COLUMN {name}."{column}" IS {reading.quote(text)};'
                for column, text in docs.items()
            )
        )


def duckdb_type(kind: pa.DataType) -> str:
    """DuckDB's name of an Arrow type of the contracts."""
    if pa.types.is_list(kind):
        return f"{_TYPES[kind.value_type]}[]"
    if pa.types.is_map(kind):
        return f"MAP({_TYPES[kind.key_type]}, {_TYPES[kind.item_type]})"
    return _TYPES[kind]


def publish(warehouse: Warehouse) -> Path | None:
    """Write the DuckDB file of views anew; returns its path.

    Where the tables are remote, DuckDB could not read them by itself: no file is written and
    None is returned. `statements.query` reads those through Arrow.

    To be called after each publish: the views read the files of that moment. A day with a file
    that cannot be opened any more is left out, with a warning, so that it holds up no other.

    Raises UnposedError where the file cannot be written.
    """
    target = local_path(warehouse.settings.views)
    if target is None:
        raise UnposedError(
            f"[warehouse] views must be a local path, not {warehouse.settings.views}"
        )
    if local_path(warehouse.table(RUNS.name).location()) is None:
        _log.info("the tables are remote: no file of views is written; use unposed query")
        return None
    path = Path(target)
    for _ in range(_PLAN_ATTEMPTS):
        planned = plan(warehouse)
        _write(path, planned)
        # Another publish may have renamed a newer file just before this one.
        if all(warehouse.snapshot_id(name) == known for name, known in planned.snapshots.items()):
            break
    return path


def _write(path: Path, planned: Plan) -> None:
    unfinished = path.with_name(f"{path.name}.{uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(unfinished)) as connection:
            try:
                create(connection, planned)
            except duckdb.Error as error:
                with contextlib.suppress(duckdb.TransactionException):
                    connection.rollback()  # A commit that failed has ended it.
                readable, damaged = damage.leave_out(planned, error)
                for one in damaged:
                    _log.warning("%s", one.line())
                create(connection, readable)
            # Else what was committed may be in the log beside the file alone: where the disk is
            # full, closing says nothing, and the file would be one without views.
            connection.execute("CHECKPOINT")
        os.replace(unfinished, path)
    except (OSError, *_WRITING) as error:
        where = f"cannot write the views to {path}"
        if (found := machine.explain(error)) is not None:
            raise MachineError(f"{where}: {found}") from None
        raise UnposedError(f"{where}: {str(error).splitlines()[0]}") from None
    finally:
        for left in (unfinished, unfinished.with_name(f"{unfinished.name}.wal")):
            with contextlib.suppress(OSError):
                left.unlink()
