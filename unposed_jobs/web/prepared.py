"""DuckDB files that are made of published rows once and then read as often as anybody asks.

Such a file is made under another name, and renamed when it is whole: readers of the one before keep
it until then. Whatever is in it can be made again.
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from unposed_jobs.errors import UnposedError
from unposed_jobs.sql import statements

_BATCH = 100_000
_MAKING, _LEFT_SECONDS = "making-", 86_400.0
Row = dict[str, Any]


@contextlib.contextmanager
def making(path: Path, memory_mib: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that fills the file; it is there once the block has ended without an error.

    Raises UnposedError where its folder cannot be written.
    """
    beside = path.with_name(f"{_MAKING}{uuid.uuid4().hex}")
    limit: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_mib}MiB",
        "temp_directory": str(path.parent / "spill"),
        "preserve_insertion_order": "false",
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        with statements.one_line_errors(), duckdb.connect(str(beside), config=limit) as target:
            target.execute("SET enable_progress_bar = false")
            yield target
            target.execute("CHECKPOINT")
        os.replace(beside, path)
    except OSError as error:
        raise UnposedError(f"cannot write {path}: {error.strerror}; see [serve] folder") from None
    finally:
        for left in (beside, beside.with_name(beside.name + ".wal")):
            left.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what processes that were ended have left half made."""
    for left in folder.glob(f"{_MAKING}*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _LEFT_SECONDS:
                left.unlink()


def copy(
    views: duckdb.DuckDBPyConnection,
    target: duckdb.DuckDBPyConnection,
    name: str,
    sql: str,
    parameters: Sequence[Any] | Mapping[str, Any] | None = None,
) -> None:
    """The rows of a SELECT over the views as a table; they pass by as a stream."""
    reader = views.sql(sql, params=parameters).to_arrow_reader(_BATCH)
    target.register("passing", reader)
    target.execute(f"CREATE TABLE {name} AS FROM passing")
    target.unregister("passing")


def read(
    path: Path, memory_mib: int, sql: str, values: Mapping[str, Any] | None = None
) -> list[Row]:
    """The rows of a question to such a file; values are bound to ``$name``."""
    limit: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_mib}MiB",
        "threads": 2,
    }
    with (
        statements.one_line_errors(),
        duckdb.connect(str(path), read_only=True, config=limit) as connection,
    ):
        statements.lock(connection, [])
        return rows_of(connection.execute(sql, values or None))


def quoted(path: Path) -> str:
    """A path within a literal of SQL."""
    return str(path).replace("'", "''")


def rows_of(result: duckdb.DuckDBPyConnection) -> list[Row]:
    """The rows of an executed statement, by their columns' names."""
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
