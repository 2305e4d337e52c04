"""What is published, for reading alone: the file of views, or the tables where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb

from unposed_jobs.config import WarehouseSettings
from unposed_jobs.errors import MachineError
from unposed_jobs.sql import damage, statements
from unposed_jobs.warehouse.locations import local_path


@contextmanager
def open_views(
    settings: WarehouseSettings, memory_mib: int | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A locked, read-only connection to what is published, which uses at most so much memory.

    The file of views where there is one, else (tables that are remote) the tables themselves.
    Raises UnposedError where there is no warehouse yet.
    """
    views, location = local_path(settings.views), local_path(settings.location)
    if views is not None and location is not None and Path(views).is_file():
        limit: dict[str, str | bool | int | float | list[str]] = {}
        if memory_mib is not None:
            limit["memory_limit"] = f"{memory_mib}MiB"
        with (
            statements.one_line_errors(),
            duckdb.connect(views, read_only=True, config=limit) as connection,
        ):
            statements.lock(connection, [location])
            yield connection
        return
    from unposed_jobs.warehouse.warehouse import Warehouse  # Slow to import, seldom needed.

    with statements.live(Warehouse.open(settings, create=False), comments=True) as connection:
        yield connection


@contextmanager
def ask(
    settings: WarehouseSettings, sql: str, parameters: statements.Parameters = None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[damage.Damaged]]]:
    """The executed statement, for its rows, over what is published; and what is damaged.

    Where a file of a day cannot be read, the statement is executed over the other days.
    Raises UnposedError for SQL that does not run, and MachineError for damage to anything else.
    """
    damaged: list[damage.Damaged] = []
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(open_views(settings))
            result = _execute(connection, sql, parameters)
        except MachineError as error:
            from unposed_jobs.sql import views
            from unposed_jobs.warehouse.warehouse import Warehouse

            warehouse = Warehouse.open(settings, create=False)
            readable, damaged = damage.leave_out(views.plan(warehouse), error)
            connection = stack.enter_context(statements.live(warehouse, readable))
            result = _execute(connection, sql, parameters)
        yield result, damaged


def _execute(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: statements.Parameters
) -> duckdb.DuckDBPyConnection:
    with statements.one_line_errors():
        return connection.execute(sql, parameters or None)
