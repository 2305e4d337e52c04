"""The driver's door to the warehouse."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.catalog import Catalog
from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression
from pyiceberg.expressions.visitors import expression_evaluator
from pyiceberg.schema import Schema
from pyiceberg.table import Table as IcebergTable

from unposed_jobs.config import WarehouseSettings
from unposed_jobs.errors import CheckFailedError
from unposed_jobs.warehouse import checks, commit, publishing, reading, repeats, runs
from unposed_jobs.warehouse.columns import Table
from unposed_jobs.warehouse.opening import contract, identifier, open_catalog
from unposed_jobs.warehouse.publishing import Seen
from unposed_jobs.warehouse.reading import Filter
from unposed_jobs.warehouse.runs import RunRecord
from unposed_jobs.warehouse.staging import StagedFile, Stager
from unposed_jobs.warehouse.tables import DAY_TABLES, RUNS

_ATTEMPTS = 20


class Warehouse:
    """Iceberg tables of one catalogue. Lives on the driver; what travels is a `Stager`."""

    def __init__(self, settings: WarehouseSettings, catalog: Catalog) -> None:
        self.settings = settings
        self.catalog = catalog

    @classmethod
    def open(cls, settings: WarehouseSettings, create: bool = True) -> Warehouse:
        """Open the warehouse; tables that are absent are made, unless `create` is false.

        Raises UnposedError where it cannot be reached, is absent (`create` false) or was made
        by another version or with another number of buckets.
        """
        return cls(settings, open_catalog(settings, create))

    def table(self, name: str) -> IcebergTable:
        """The Iceberg table as it is now."""
        return self.catalog.load_table(identifier(contract(name).name))

    def snapshot_id(self, name: str) -> int | None:
        """The table's current snapshot; None before the first commit."""
        snapshot = self.table(name).current_snapshot()
        return None if snapshot is None else snapshot.snapshot_id

    # Reading

    def planned_files(self, name: str, row_filter: Filter = None) -> list[str]:
        """Paths of the Parquet files of the current snapshot that may hold such rows.

        For ``spark.read.schema(…).parquet(*paths)``. Raises UnposedError where delete files
        are planned, which reading the Parquet files alone would not honour.
        """
        return [file.file_path for file in reading.data_files(self.table(name), row_filter)]

    def read(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        row_filter: Filter = None,
        published: bool = True,
    ) -> pa.Table:
        """Rows of a small table, in the contract's types; all of them come to the driver.

        Of the day tables those that are published; with `published` false those of every run.
        """
        known, predicate = contract(name), reading.expression(row_filter)
        if published and known in DAY_TABLES:
            shown = {record.run_id for record in runs.published_days(self.runs()).values()}
            predicate = And(predicate, reading.expression({"run_id": shown}))
        return reading.read(known, self.table(name), columns, predicate)

    # Writing: stage, check, commit

    def stage(self, name: str, run_id: str) -> Stager:
        """What executors write the run's rows of this table with."""
        return Stager.of(self.table(name), contract(name).name, run_id)

    def write_day(
        self,
        name: str,
        run_date: date,
        staged: Sequence[StagedFile],
        run_id: str,
        expected_rows: int | None = None,
    ) -> int | None:
        """Make the staged rows those of this run and day, in one snapshot; returns its id.

        Rows of other runs of the day stay: readers see none of them until `publish_day`. Where
        the run has no rows and had none nothing is committed. Raises CheckFailedError where a
        check fails (rows of another day or run, repeated keys, not `expected_rows` rows), and
        ConflictError where another process wrote rows of the same run at the same moment.
        """
        if not contract(name).of_days:
            raise ValueError(f"{name} is not a table of days")
        table, known = self.table(name), contract(name)
        checks.check_files(known, table.schema(), staged, run_id)
        checks.check_count(known, staged, expected_rows)
        checks.check_keys(known, table, staged)
        _check_within(known, table.schema(), reading.expression({"run_date": run_date}), staged)
        present = [
            file
            for file in reading.data_files(table, {"run_date": run_date})
            if publishing.run_of(table, file) == run_id
        ]
        if not staged and not present:
            return self.snapshot_id(name)
        predicate = reading.expression({"run_date": run_date, "run_id": run_id})
        return commit.replace(table, predicate, staged, {commit.RUN_ID: run_id}, gone=present)

    def seen(self, run_date: date) -> Seen:
        """What is published of the day now: to be asked when a run of the day begins."""
        return publishing.now(self, run_date)

    def publish_day(self, seen: Seen, record: RunRecord, staged: publishing.Staged) -> RunRecord:
        """Publish the staged rows of all day tables as the day's, at once; see `publishing`.

        Raises ConflictError where another run of the day was published since `seen`.
        """
        return publishing.publish(self, seen, record, staged)

    def clear_day(self, run_date: date, reason: str) -> RunRecord:
        """Take back what is published of a day; see ``publishing.clear``."""
        return publishing.clear(self, run_date, reason)

    def replace_partitions(
        self,
        name: str,
        row_filter: Filter,
        staged: Sequence[StagedFile],
        run_id: str,
        *,
        expected_rows: int | None = None,
        read_at: int | Literal["any"] | None = "any",
    ) -> int:
        """Replace whole partitions by the staged files, in one snapshot; returns its id.

        `row_filter` names partition columns only; None is the whole table. `read_at` is the
        `snapshot_id` that the rows were derived from: a commit to the table since then is a
        conflict. Raises as `write_day` does.
        """
        table, known = self.table(name), contract(name)
        predicate = reading.expression(row_filter)
        if read_at != "any":
            current = table.current_snapshot()
            if read_at != (None if current is None else current.snapshot_id):
                raise commit.ConflictError(
                    f"{name} was written by another run since it was read; run it again"
                )
        checks.check_files(known, table.schema(), staged, run_id)
        checks.check_count(known, staged, expected_rows)
        checks.check_keys(known, table, staged)
        _check_within(known, table.schema(), predicate, staged)
        return commit.replace(table, predicate, staged, {commit.RUN_ID: run_id})

    def append(
        self,
        name: str,
        staged: Sequence[StagedFile],
        run_id: str,
        part: str | int,
        *,
        expected_rows: int | None = None,
        leave_out_repeats: bool = False,
        read_at: int | Literal["any"] | None = "any",
        own: Collection[int] = (),
    ) -> int:
        """Add a part of a run's rows, in one snapshot; returns its id. Idempotent.

        A part of the run that is committed already is not added again: its snapshot's id is
        returned. A key that the part or the table has already is refused, also after the
        snapshots that name the part have expired; with `leave_out_repeats` its row
        is left out instead (`expected_rows` is what was staged).

        Looking for keys in the whole table grows with it. Who has left out the keys that the
        table had at the snapshot `read_at` names it: then only what was committed since is
        searched, except the snapshots `own`, the caller's of other keys.

        Raises CheckFailedError where a check fails, and nothing is published then.
        """
        known = contract(name)
        values = {
            column: {dict(file.partition)[column] for file in staged} for column in known.partition
        }
        predicate = reading.expression(values) if staged else AlwaysTrue()
        properties = {commit.RUN_ID: run_id, commit.PART: str(part)}
        for attempt in range(_ATTEMPTS):
            table = self.table(name)
            done = commit.find_part(table, run_id, str(part))
            if done is not None:
                return done.snapshot_id
            if attempt == 0:
                checks.check_files(known, table.schema(), staged, run_id)
                checks.check_count(known, staged, expected_rows)
            chosen = list(staged)
            if staged:
                since = None if read_at == "any" else commit.added_since(table, read_at, own)
                found = reading.data_files(table, predicate) if since is None else since
                present = [file.file_path for file in found]
                if leave_out_repeats:
                    chosen = repeats.leave_out(known, table, staged, present)
                else:
                    checks.check_keys(known, table, staged)
                    checks.check_new_keys(known, table, staged, present)
            try:
                return commit.add(table, predicate, chosen, properties)
            except commit.ConflictError:
                given = {file.path for file in staged}
                commit.remove_staged(table, [f for f in chosen if f.path not in given])
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def discard(self, name: str, staged: Sequence[StagedFile]) -> None:
        """Remove staged files that were not given to any commit: those of a dry run."""
        commit.remove_staged(self.table(name), staged)

    def replace_rows(
        self, name: str, row_filter: Mapping[str, Any], rows: pa.Table, run_id: str
    ) -> int:
        """Replace the rows that have these column values by `rows`, in one snapshot.

        For the small, unpartitioned tables only: the whole table is read and written anew.
        Raises CheckFailedError where keys would repeat or a column does not fit.
        """

        def transform(known: pa.Table) -> pa.Table:
            return pa.concat_tables([known.filter(pc.invert(_matches(known, row_filter))), rows])

        return self.rewrite(name, transform, run_id)

    def rewrite(self, name: str, transform: Callable[[pa.Table], pa.Table], run_id: str) -> int:
        """Replace a small, unpartitioned table by ``transform(its rows)``, in one snapshot.

        `transform` is called again on the new rows where another writer was first, so that
        no writer's change is lost.
        """
        known = contract(name)
        if known.partition:
            raise ValueError(f"{name} is partitioned: use replace_partitions")
        for attempt in range(_ATTEMPTS):
            table = self.table(name)
            before = reading.read(known, table, None, None)
            after = transform(before).select(known.schema.names).cast(known.schema)
            checks.check_rows(known, after)
            staged = Stager.of(table, name, run_id, keep_run_id=True).write(after)
            try:
                checks.check_files(known, table.schema(), staged, run_id=None)
                return commit.replace(table, AlwaysTrue(), staged, {commit.RUN_ID: run_id})
            except (CheckFailedError, commit.ConflictError) as error:
                commit.remove_staged(table, staged)
                if isinstance(error, CheckFailedError) or attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    # Runs

    def record_run(
        self,
        record: RunRecord,
        allow: Callable[[Mapping[str, RunRecord]], None] = lambda _: None,
    ) -> RunRecord:
        """Record the run, replacing an earlier attempt of it; returns what is stored.

        A published audit supersedes the one of its day: to publish rows, use `publish_day`.
        `allow` is given what is recorded, by run id, before each try to commit, and raises where
        the record may not follow it.
        """
        stored: list[RunRecord] = []

        def transform(rows: pa.Table) -> pa.Table:
            known = runs.from_table(rows)
            allow({item.run_id: item for item in known})
            every, done = runs.added(known, record)
            stored[:] = [done]
            return runs.to_table(every)

        self.rewrite(RUNS.name, transform, record.run_id)
        return stored[0]

    def runs(self) -> list[RunRecord]:
        """Every recorded run, by day and time."""
        records = runs.from_table(self.read(RUNS.name))
        return sorted(records, key=lambda record: (record.run_date, record.finished_at))

    def latest_published(self, job: str, run_date: date | None = None) -> RunRecord | None:
        """The job's published run of that day; without a day, of the latest published one."""
        return runs.latest(self.runs(), job, run_date)


def _matches(rows: pa.Table, row_filter: Mapping[str, Any]) -> pa.ChunkedArray | pa.Array:
    if not row_filter:
        raise ValueError("no filter: every row would be replaced")
    found: Any = pa.repeat(pa.scalar(True), rows.num_rows)
    for name, value in row_filter.items():
        values = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
        kind = rows.schema.field(name).type
        found = pc.and_(found, pc.is_in(rows[name], value_set=pa.array(values, kind)))
    return found


def _check_within(
    known: Table, schema: Schema, predicate: BooleanExpression, staged: Sequence[StagedFile]
) -> None:
    """Every staged file lies in what is replaced, else old rows would stay, too."""
    columns = Schema(*(schema.find_field(name) for name in known.partition))
    try:
        evaluate = expression_evaluator(columns, predicate, case_sensitive=True)
    except ValueError as error:
        raise ValueError(f"{predicate} is not of partition columns: {error}") from None
    for file in staged:
        if not evaluate(file.data_file.partition):
            where = ", ".join(f"{name} {value}" for name, value in file.partition)
            raise CheckFailedError(f"{known.name}: rows of {where} are not of {predicate}")
