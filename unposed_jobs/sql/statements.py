"""Analysts' SQL: one SELECT, read only, over the views and nothing else."""

from __future__ import annotations

import re
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import duckdb

from unposed_jobs import machine
from unposed_jobs.errors import UnposedError
from unposed_jobs.warehouse.locations import local_path

if TYPE_CHECKING:
    import pyarrow as pa

    from unposed_jobs.sql.views import Plan
    from unposed_jobs.warehouse.warehouse import Warehouse

Parameters = Mapping[str, Any] | Sequence[Any] | None


def check(sql: str) -> None:
    """Refuse anything but one statement that only reads.

    Raises UnposedError for several statements, for one that writes, and for bad syntax.
    """
    with one_line_errors():
        statements = duckdb.extract_statements(sql)
    kinds = duckdb.StatementType
    if len(statements) != 1:
        raise UnposedError(f"one statement at a time, not {len(statements)}")
    (statement,) = statements
    # EXPLAIN ANALYZE runs what it explains, a COPY too.
    explains = statement.type == kinds.EXPLAIN and not re.search(r"analy[sz]e", sql, re.IGNORECASE)
    if statement.type != kinds.SELECT and not explains:
        raise UnposedError(
            f"{statement.type.name} is refused: only SELECT, WITH, DESCRIBE, SHOW, SUMMARIZE "
            "and EXPLAIN are allowed"
        )


@contextmanager
def one_line_errors() -> Iterator[None]:
    """DuckDB's errors as one line."""
    try:
        yield
    except duckdb.Error as error:
        # What its reader of Parquet stumbles over comes as the plain Error.
        read = isinstance(error, duckdb.InvalidInputException | duckdb.IOException)
        if (read or type(error) is duckdb.Error) and (found := machine.explain(error)):
            raise found from None
        message = " ".join(str(error).split("\n\nLINE ")[0].split())
        raise UnposedError(message) from None


_LOCKING = threading.Lock()


def lock(connection: duckdb.DuckDBPyConnection, folders: Sequence[str]) -> None:
    """Let the connection read files of `folders` only, and keep it so.

    Connections of one process to one file share their configuration: where another one has locked
    it, which does so for the same folders, there is nothing left to do.
    """
    allowed = ", ".join("'" + folder.replace("'", "''") + "'" for folder in folders)
    with _LOCKING:
        found = connection.execute("SELECT current_setting('lock_configuration')").fetchone()
        if found and found[0]:
            return
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        connection.execute("SET autoinstall_known_extensions = false")
        connection.execute("SET autoload_known_extensions = false")
        connection.execute(f"SET allowed_directories = [{allowed}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")


@contextmanager
def live(
    warehouse: Warehouse, plan: Plan | None = None, *, comments: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A locked in-memory connection to the views of this moment, or of the planned one; local or
    remote tables. `comments` are for people who ask what there is."""
    from unposed_jobs.sql import views
    from unposed_jobs.warehouse.reading import connect

    with connect(checking=False) as connection:
        views.create(connection, plan or views.plan(warehouse), comments=comments)
        location = local_path(warehouse.settings.location)
        lock(connection, [] if location is None else [location])
        yield connection


def query(warehouse: Warehouse, sql: str, parameters: Parameters = None) -> pa.Table:
    """The rows of one SELECT over the tables and views as they are now, wherever they are.

    `parameters` are bound: a list to ``?``, a mapping to ``$name``. Of the day tables only
    published rows are seen. Raises UnposedError, in one line, for SQL that does not only read or
    does not run.
    """
    return Pinned(warehouse).query(sql, parameters)


class Pinned:
    """The views of one moment, for several questions that must agree.

    They are made for the first question, and kept as long as this object: they take longer than
    most questions.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        from unposed_jobs.sql import views

        self._warehouse = warehouse
        self._plan = views.plan(warehouse)
        self._connection: duckdb.DuckDBPyConnection | None = None

    def query(self, sql: str, parameters: Parameters = None) -> pa.Table:
        """As the function `query`, of that moment."""
        check(sql)
        connection = self._opened()
        with one_line_errors():
            return connection.sql(sql, params=parameters).to_arrow_table()

    def _opened(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            opened = ExitStack()
            self._connection = opened.enter_context(live(self._warehouse, self._plan))
            weakref.finalize(self, opened.close)
        return self._connection
