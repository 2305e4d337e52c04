"""Ask the warehouse with SQL.

Reads the tables and the views of what is published: pose_flags_current,
product_audit_current, top_missing_by_category, missing_trend, unassessable_products, and one
view for each table. Read only.

examples:
  unposed query "SHOW TABLES"
  unposed query "DESCRIBE pose_flags_current"
  unposed query "SELECT * FROM top_missing_by_category WHERE place <= 3"
  unposed query --param day=2024-03-01 --format csv \\
      "SELECT product_id, ask_name FROM pose_flags
       WHERE run_date = $day AND state = 'missing' ORDER BY product_id, rank"
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from unposed_jobs.arguments import add_format, console_of_stdout

_TABLE_ROWS = 200
_BATCH = 1000


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "sql", metavar="SQL", help="one SELECT, WITH, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN"
    )
    add_format(
        parser, f"table (the default) shows {_TABLE_ROWS} rows at most; csv and json give all"
    )
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="value of $NAME in the SQL; may be given again",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the statement and print its rows; of a damaged day none, and the status is 6."""
    import sys

    from unposed_jobs import config
    from unposed_jobs.errors import MachineError
    from unposed_jobs.sql import published, statements

    parameters = dict(_parameter(item) for item in arguments.param)
    settings = config.load(arguments.config).warehouse
    statements.check(arguments.sql)
    with (
        published.ask(settings, arguments.sql, parameters) as (result, damaged),
        statements.one_line_errors(),
    ):
        names = [column[0] for column in result.description or []]
        write = {"table": _table, "csv": _csv, "json": _json}[arguments.format]
        write(names, _rows(result))
    for one in damaged:
        print(f"unposed: {one.line()}", file=sys.stderr)
    return MachineError.exit_code if damaged else 0


def _parameter(item: str) -> tuple[str, str]:
    from unposed_jobs.errors import UnposedError

    name, separator, value = item.partition("=")
    if not separator or not name.isidentifier():
        raise UnposedError(f"--param {item}: give it as NAME=VALUE, for $NAME in the SQL")
    return name, value


def _rows(result: Any) -> Iterator[tuple[Any, ...]]:
    while batch := result.fetchmany(_BATCH):
        yield from batch


def _table(names: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    import itertools

    from rich.table import Table

    table = Table(*names)
    for row in itertools.islice(rows, _TABLE_ROWS):
        table.add_row(*("" if value is None else _plain(value) for value in row))
    more = sum(1 for _ in rows)
    console = console_of_stdout()
    console.print(table)
    if more:
        console.print(f"{more} more rows: add LIMIT, or --format csv for all")


def _plain(value: Any) -> Any:
    from rich.text import Text

    if isinstance(value, float):
        value = f"{value:.6g}"
    elif isinstance(value, list):
        value = ", ".join(str(item) for item in value)
    # Text, not str: a square bracket in a value is no markup.
    return Text(str(value))


def _csv(names: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    import csv
    import json
    import sys

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow(
            json.dumps(value, default=str) if isinstance(value, list | dict) else value
            for value in row
        )


def _json(names: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    import json

    print("[", end="")
    for number, row in enumerate(rows):
        print(",\n " if number else "\n ", end="")
        print(json.dumps(dict(zip(names, row, strict=True)), default=str), end="")
    print("\n]")
