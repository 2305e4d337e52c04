"""The counts of each published day: how complete its products were, by each column.

They are the table `trend` of the day's file: a row for each day, column and value, and one of each
day with no column, of all products together. What is new is counted; the days before are taken over
from the file before.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from unposed_jobs.web import prepared

DAYS = 30
OWN_COLUMNS = ("category", "subcategory", "product_type")
"""Columns of the catalogue by which is counted, before those that are carried."""
_MOST_COUNTED = 1000
"""Values of a column that are counted of a day: those that miss most."""
_TABLE = """
CREATE TABLE trend (
    run_date DATE, run_id VARCHAR, name VARCHAR, value VARCHAR,
    products BIGINT, complete BIGINT, missing BIGINT
)
"""
_WANTED = f"SELECT run_date, run_id FROM days ORDER BY run_date DESC LIMIT {DAYS}"  # noqa: S608


def fill(
    views: duckdb.DuckDBPyConnection,
    target: duckdb.DuckDBPyConnection,
    carried: Sequence[str],
    before: Path | None,
) -> None:
    """Make the table `trend` of a file that has `days`, by the catalogue's own columns and those
    carried ones; `before` is an earlier file, whose counts are taken over."""
    target.execute(_TABLE)
    names = [*OWN_COLUMNS, *(name for name in carried if name not in OWN_COLUMNS)]
    if before is not None:
        _take_over(target, names, before)
    absent = target.execute(
        f"SELECT run_date FROM ({_WANTED}) WHERE run_id NOT IN (SELECT run_id FROM trend)"  # noqa: S608
    ).fetchall()
    if not absent:
        return
    days = ", ".join(f"DATE '{run_date}'" for (run_date,) in absent)
    values = {f"n{place}": name for place, name in enumerate(names)}
    prepared.copy(views, target, "counted", _counting(names, days), values)
    target.execute(
        "INSERT INTO trend SELECT run_date, d.run_id, c.* EXCLUDE (run_date) "
        "FROM counted c JOIN days d USING (run_date)"
    )
    target.execute("DROP TABLE counted")


def _take_over(target: duckdb.DuckDBPyConnection, names: Sequence[str], before: Path) -> None:
    """The counts of days that are still published as they were, where all columns are counted."""
    target.execute(f"ATTACH '{prepared.quoted(before)}' AS earlier (READ_ONLY)")
    known = target.execute("SELECT DISTINCT name FROM earlier.trend").fetchall()
    if {*names} <= {name for (name,) in known}:
        target.execute(
            f"INSERT INTO trend SELECT t.* FROM earlier.trend t "  # noqa: S608
            f"JOIN ({_WANTED}) d ON d.run_date = t.run_date AND d.run_id = t.run_id"
        )
    target.execute("DETACH earlier")


def _counting(names: Sequence[str], days: str) -> str:
    """Counts of the days, of all products and by each column; the columns' names are $n0, ..."""
    columns = [
        f"{name if name in OWN_COLUMNS else f'carried[$n{place}]'} AS a{place}"
        for place, name in enumerate(names)
    ]
    places = range(len(names))
    which = " ".join(f"WHEN grouping(a{place}) = 0 THEN $n{place}" for place in places)
    value = " ".join(f"WHEN grouping(a{place}) = 0 THEN a{place}" for place in places)
    sets = ", ".join(f"(run_date, a{place})" for place in places)
    return f"""
        WITH listed AS (
            SELECT run_date, status, missing_count, {", ".join(columns)}
            FROM product_audit WHERE run_date IN ({days})
        )
        SELECT run_date, CASE {which} ELSE '' END AS name, CASE {value} END AS value,
            count(*) AS products, count(*) FILTER (status = 'complete') AS complete,
            CAST(coalesce(sum(missing_count), 0) AS BIGINT) AS missing
        FROM listed GROUP BY GROUPING SETS ((run_date), {sets})
        QUALIFY row_number() OVER (PARTITION BY run_date, name ORDER BY missing DESC, value)
            <= {_MOST_COUNTED}
    """  # noqa: S608 - places of parameters, and days
