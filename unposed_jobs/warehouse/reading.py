"""Reading tables: planned files, small tables as Arrow, and DuckDB over both.

DuckDB's own Iceberg and S3 extensions are not needed: local files are read by DuckDB, remote
ones by Arrow, which streams them to it.
"""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset
from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression, EqualTo, In
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table as IcebergTable

from unposed_jobs.errors import UnposedError
from unposed_jobs.warehouse.columns import Table
from unposed_jobs.warehouse.locations import local_path

Filter = BooleanExpression | Mapping[str, Any] | None
"""Rows: an expression, ``{column: value or values}`` (all must hold), or None for all."""

_MEMORY_LIMIT = "512MB"


def expression(row_filter: Filter) -> BooleanExpression:
    """The filter as an Iceberg expression."""
    if row_filter is None:
        return AlwaysTrue()
    if isinstance(row_filter, BooleanExpression):
        return row_filter
    terms: list[BooleanExpression] = []
    for name, value in row_filter.items():
        if isinstance(value, Collection) and not isinstance(value, str | bytes):
            terms.append(In(name, {_literal(item) for item in value}))  # type: ignore[call-arg,arg-type]
        else:
            terms.append(EqualTo(name, _literal(value)))  # type: ignore[call-arg,arg-type]
    return And(*terms) if len(terms) > 1 else terms[0] if terms else AlwaysTrue()


def _literal(value: Any) -> Any:
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value


def data_files(table: IcebergTable, row_filter: Filter = None) -> list[DataFile]:
    """The data files of the current snapshot that may hold rows of the filter.

    Raises UnposedError where delete files are planned: whoever reads the Parquet files alone
    would see deleted rows.
    """
    tasks = list(table.scan(row_filter=expression(row_filter)).plan_files())
    if any(task.delete_files for task in tasks):
        raise UnposedError(
            f"table {'.'.join(table.name())} has delete files, written by another engine; "
            "compact it there first"
        )
    return [task.file for task in tasks]


def read(
    contract: Table, table: IcebergTable, columns: Sequence[str] | None, row_filter: Filter
) -> pa.Table:
    """Rows of a small table, in the contract's types and column order."""
    names = contract.schema.names if columns is None else list(columns)
    unknown = [name for name in names if name not in contract.schema.names]
    if unknown:
        raise UnposedError(f"{contract.name} has no column {', '.join(unknown)}")
    schema = pa.schema([contract.schema.field(name) for name in names])
    scan = table.scan(row_filter=expression(row_filter), selected_fields=tuple(names))
    return scan.to_arrow().select(names).cast(schema)


@contextmanager
def connect(checking: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB that spills to a temporary folder.

    For `checking`, while the driver does other work, it uses little memory and keeps no order.
    """
    bounded: dict[str, Any] = {"memory_limit": _MEMORY_LIMIT, "preserve_insertion_order": False}
    with (
        tempfile.TemporaryDirectory(prefix="unposed-") as folder,
        duckdb.connect(
            config={
                "temp_directory": folder,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                **(bounded if checking else {}),
            }
        ) as connection,
    ):
        # It would fill the log of a job.
        connection.execute("SET enable_progress_bar = false")
        yield connection


def quote(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def local_paths(paths: Sequence[str]) -> list[str] | None:
    """The paths as local ones; None where any is remote."""
    found = [local_path(path) for path in paths]
    return None if None in found else [path for path in found if path is not None]


def scan_sql(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    io: FileIO,
    paths: Sequence[str],
    name: str,
    *,
    uneven: bool = False,
) -> str:
    """SQL that stands for the rows of the Parquet files, to be put after FROM.

    Local files are named in it. Remote ones are registered as an Arrow dataset called `name`,
    of which DuckDB streams the columns and rows it needs; it lives as long as the connection.
    `uneven` files do not all have the same columns: those of an earlier version lack some. DuckDB
    then opens all of them at once, where else it opens those that it reads.
    """
    local = local_paths(paths)
    if local is not None and local:
        # Our folders are called column=value: without this DuckDB would make columns of them.
        options = "hive_partitioning = false" + (", union_by_name = true" if uneven else "")
        return f"read_parquet([{', '.join(map(quote, local))}], {options})"
    connection.register(name, dataset(table, io, paths))
    return name


def dataset(table: Table, io: FileIO, paths: Sequence[str]) -> pyarrow.dataset.Dataset:
    """The Parquet files as an Arrow dataset of the contract's schema."""
    schema = table.schema.remove_metadata()
    if not paths:
        return pyarrow.dataset.dataset(schema.empty_table())
    if not isinstance(io, PyArrowFileIO):
        raise TypeError(f"{type(io).__name__} is not PyArrow's")
    parsed = [PyArrowFileIO.parse_location(path, io.properties) for path in paths]
    scheme, netloc, _ = parsed[0]
    return pyarrow.dataset.dataset(
        [path for _, _, path in parsed],
        schema=schema,
        filesystem=io.fs_by_scheme(scheme, netloc),
        format="parquet",
    )
