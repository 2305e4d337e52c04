"""How complete the products were, day by day: counted once of each published day, by each column.

The counts are the table `trend` of the day's file: a row for each day, column and value, and one of
each day with no column, of all products together. What is new is counted; the days before are taken
over from the file before.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import duckdb

from unposed_jobs.web import prepared
from unposed_jobs.web.prepared import Row

if TYPE_CHECKING:
    from unposed_jobs.web.reading import Day

DAYS = 30
MOST_VALUES = 20
"""Values of an attribute whose trends are shown."""
_MOST_COUNTED = 1000
"""Values of a column that are counted of a day: those that miss most."""
_OWN_COLUMNS = ("category", "subcategory", "product_type")
_TABLE = """
CREATE TABLE trend (
    run_date DATE, run_id VARCHAR, name VARCHAR, value VARCHAR,
    products BIGINT, complete BIGINT, missing BIGINT
)
"""
_WANTED = f"SELECT run_date, run_id FROM days ORDER BY run_date DESC LIMIT {DAYS}"  # noqa: S608


@dataclass(frozen=True)
class Trend:
    """How many pictures the products of one value missed, day by day."""

    value: str | None
    missing: tuple[int | None, ...]
    """Of each day of `whole`; None where no product had the value."""
    complete: float | None
    """Share of its products that miss nothing on the latest day."""
    query: str
    """Of the work list of its products; empty where a list cannot be asked for it."""


def fill(
    views: duckdb.DuckDBPyConnection,
    target: duckdb.DuckDBPyConnection,
    carried: Sequence[str],
    before: Path | None,
) -> None:
    """Make the table `trend` of a file that has `days`, by the catalogue's own columns and those
    carried ones; `before` is an earlier file, whose counts are taken over."""
    target.execute(_TABLE)
    names = [*_OWN_COLUMNS, *(name for name in carried if name not in _OWN_COLUMNS)]
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
        f"{name if name in _OWN_COLUMNS else f'carried[$n{place}]'} AS a{place}"
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


def whole(day: Day) -> list[Row]:
    """How complete all products were, day by day, the earliest first."""
    return day.rows("SELECT * FROM trend WHERE name = '' ORDER BY run_date")


def attributes(day: Day) -> list[str]:
    """What trends can be told apart by: columns that any product of the latest day has."""
    found = day.rows(
        "SELECT DISTINCT name FROM trend WHERE name <> '' AND value IS NOT NULL AND run_date = $d",
        {"d": day.about.run_date},
    )
    known = {row["name"] for row in found}
    return [name for name in (*_OWN_COLUMNS, *sorted(known - {*_OWN_COLUMNS})) if name in known]


def by(day: Day, attribute: str) -> list[Trend]:
    """The values of an attribute that miss most on the latest day, each with its days."""
    rows = day.rows(
        f"""
        WITH most AS (
            SELECT value FROM trend WHERE name = $name AND run_date = $latest
            ORDER BY missing DESC, value LIMIT {MOST_VALUES}
        )
        SELECT t.* FROM trend t JOIN most ON t.value IS NOT DISTINCT FROM most.value
        WHERE t.name = $name ORDER BY t.run_date
        """,  # noqa: S608 - a constant
        {"name": attribute, "latest": day.about.run_date},
    )
    days = [row["run_date"] for row in whole(day)]
    by_value: dict[str | None, dict[datetime.date, Row]] = {}
    for row in rows:
        by_value.setdefault(row["value"], {})[row["run_date"]] = row
    found = [_trend(attribute, value, counted, days) for value, counted in by_value.items()]
    return sorted(found, key=lambda one: (-(one.missing[-1] or 0), one.value or ""))


def _trend(
    attribute: str,
    value: str | None,
    counted: dict[datetime.date, Row],
    days: Sequence[datetime.date],
) -> Trend:
    missing = tuple(counted[one]["missing"] if one in counted else None for one in days)
    last = counted.get(days[-1]) if days else None
    name = attribute if attribute in ("category", "product_type") else f"col.{attribute}"
    query = "" if value is None or attribute == "subcategory" else urlencode({name: value})
    return Trend(value, missing, last["complete"] / last["products"] if last else None, query)
