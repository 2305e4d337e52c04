"""How complete the products were, day by day, as the table `trend` of the day's file has it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from unposed_jobs.web.day_counts import OWN_COLUMNS
from unposed_jobs.web.prepared import Row
from unposed_jobs.web.reading import Day

MOST_VALUES = 20
"""Values of an attribute whose trends are shown."""


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
    return [name for name in (*OWN_COLUMNS, *sorted(known - {*OWN_COLUMNS})) if name in known]


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
