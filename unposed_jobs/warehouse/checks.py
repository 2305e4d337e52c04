"""Checks of staged files before a commit. One that fails raises CheckFailedError, and nothing
is published.

All but the keys are read from the files' statistics; the keys are read column by column, in
bounded memory. No row reaches the driver, but for those of small tables, which it writes itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.conversions import from_bytes
from pyiceberg.schema import Schema
from pyiceberg.table import Table as IcebergTable

from unposed_jobs.errors import CheckFailedError
from unposed_jobs.warehouse.columns import Table
from unposed_jobs.warehouse.reading import connect, scan_sql
from unposed_jobs.warehouse.staging import StagedFile

_ROWS_AT_ONCE = 2_000_000
EPOCH = date(1970, 1, 1)
"""Iceberg stores a date as days since then."""


def check_files(
    table: Table, schema: Schema, staged: Sequence[StagedFile], run_id: str | None
) -> None:
    """Each file once, of this table and run, and every row in its file's partition."""
    paths = [file.path for file in staged]
    if len(set(paths)) != len(paths):
        raise CheckFailedError(f"{table.name}: a staged file is listed twice")
    for file in staged:
        if file.table != table.name:
            raise CheckFailedError(f"{table.name}: {file.path} was staged for {file.table}")
        if run_id is not None and file.run_id != run_id:
            raise CheckFailedError(
                f"{table.name}: {file.path} was staged by run {file.run_id}, not {run_id}"
            )
        if file.rows != file.data_file.record_count:
            raise CheckFailedError(
                f"{table.name}: {file.path} does not have the number of rows that was announced"
            )
        expected = dict(file.partition)
        if run_id is not None:
            expected["run_id"] = run_id
        for name, value in expected.items():
            if constant(file.data_file, schema, name) != value:
                raise CheckFailedError(
                    f"{table.name}: rows of {file.path} are not all of {name} {value}"
                )


def constant(data_file: Any, schema: Schema, column: str) -> Any:
    """The one value that the file's statistics prove for `column`; None where they do not.

    The warehouse keeps whole bounds of partition columns and of run_id for this.
    """
    field = schema.find_field(column)
    if (data_file.null_value_counts or {}).get(field.field_id) != 0:
        return None
    lower = (data_file.lower_bounds or {}).get(field.field_id)
    upper = (data_file.upper_bounds or {}).get(field.field_id)
    if lower is None or lower != upper:
        return None
    value = from_bytes(field.field_type, lower)  # type: ignore[arg-type]
    if str(field.field_type) == "date" and isinstance(value, int):
        return EPOCH + timedelta(days=value)
    return value


def check_count(table: Table, staged: Sequence[StagedFile], expected_rows: int | None) -> None:
    """The staged rows are as many as the job counted while it wrote."""
    rows = sum(file.rows for file in staged)
    if expected_rows is not None and rows != expected_rows:
        raise CheckFailedError(f"{table.name}: {rows} rows were staged, {expected_rows} expected")


def check_keys(table: Table, iceberg: IcebergTable, staged: Sequence[StagedFile]) -> None:
    """No two staged rows have the same key.

    Large bucketed tables are read a bucket at a time: equal keys are in equal buckets.
    """
    if not table.key:
        return
    apart = "bucket" in table.partition and sum(file.rows for file in staged) > _ROWS_AT_ONCE
    groups: dict[Any, list[str]] = defaultdict(list)
    for file in staged:
        groups[file.partition if apart else ()].append(file.path)
    for paths in groups.values():
        duplicate = _duplicate(table, iceberg, paths)
        if duplicate is not None:
            raise _repeated(table, duplicate)


def check_rows(table: Table, rows: pa.Table) -> None:
    """No two rows of a small table, which are not staged yet, have the same key."""
    if not table.key:
        return
    counted = rows.group_by(list(table.key)).aggregate([([], "count_all")])
    repeated = counted.filter(pc.field("count_all") > 1)
    if repeated.num_rows:
        (first,) = repeated.slice(0, 1).to_pylist()
        raise _repeated(table, tuple(first.values()))


def _repeated(table: Table, found: tuple[Any, ...]) -> CheckFailedError:
    """What is wrong, of a key's values and the number of its rows."""
    *values, rows = found
    key = ", ".join(f"{name} {value}" for name, value in zip(table.key, values, strict=True))
    return CheckFailedError(f"{table.name}: {rows} rows have the key {key}")


def _duplicate(table: Table, iceberg: IcebergTable, paths: list[str]) -> tuple[Any, ...] | None:
    names = ", ".join(f'"{name}"' for name in table.key)
    with connect() as connection:
        source = scan_sql(connection, table, iceberg.io, paths, name="staged")
        return connection.execute(
            f"SELECT {names}, count(*) FROM {source} GROUP BY {names} "  # noqa: S608
            "HAVING count(*) > 1 LIMIT 1"
        ).fetchone()


def check_new_keys(
    table: Table,
    iceberg: IcebergTable,
    staged: Sequence[StagedFile],
    present: Sequence[str],
) -> None:
    """No staged key is in the table's files `present` already."""
    if not table.key or not present:
        return
    names = ", ".join(f'"{name}"' for name in table.key)
    with connect() as connection:
        new = scan_sql(connection, table, iceberg.io, [file.path for file in staged], "staged")
        old = scan_sql(connection, table, iceberg.io, present, "present")
        found = connection.execute(
            f"SELECT {names}, count(*) OVER () FROM {old} "  # noqa: S608
            f"WHERE ({names}) IN (SELECT ({names}) FROM {new}) LIMIT 1"
        ).fetchone()
    if found is not None:
        key = ", ".join(
            f"{name} {value}" for name, value in zip(table.key, found[:-1], strict=True)
        )
        raise CheckFailedError(
            f"{table.name}: {found[-1]} staged rows are in the table already, such as {key}; "
            "run it again to leave them out"
        )
