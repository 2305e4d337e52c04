"""What opened and closed between two published days, and why: the view `changes` over those two.

The view compares each day with the one before; asked for over all days it would read them all. Here
it is asked over two days alone, which may also be a week or a model apart, once for each pair: its
rows lie in a file beside the day's own, from which pages, exports and programs are answered.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from unposed_jobs.sql.changes import CHANGES
from unposed_jobs.web import prepared
from unposed_jobs.web.prepared import Row
from unposed_jobs.web.reading import Ask, Day

FORMAT = 1
"""Of the file; another one is made anew."""
PAGE = 200
_AT_ONCE = 5000


@dataclass(frozen=True)
class Wanted:
    """Which changes; empty texts ask for all."""

    change: str = ""
    why: str = ""
    category: str = ""
    after: int = 0
    """The place in the list that the page begins behind."""

    @property
    def _conditions(self) -> tuple[str, dict[str, str]]:
        values = {"change": self.change, "why": self.why, "category": self.category}
        values = {name: value for name, value in values.items() if value}
        return " AND ".join(["true", *(f"{name} = ${name}" for name in values)]), values


def days(day: Day) -> list[Row]:
    """All published days, the latest first."""
    return day.rows("SELECT * FROM days ORDER BY run_date DESC")


def pairs(listed: Sequence[Row], after: datetime.date) -> list[tuple[str, datetime.date]]:
    """What a day can be compared with: (word, day)."""
    known = [one for one in listed if one["run_date"] <= after]
    if len(known) < 2:
        return []
    latest, rest = known[0], known[1:]
    week = latest["run_date"] - datetime.timedelta(days=7)
    found = [("the day before", rest[0]["run_date"])]
    found += [("a week ago", one["run_date"]) for one in rest if one["run_date"] <= week][:1]
    found += [
        ("the last model", one["run_date"])
        for one in rest
        if one["model_version"] != latest["model_version"]
    ][:1]
    return found


def prepare(day: Day) -> None:
    """Work out what most people ask for, before anybody asks."""
    for _, before in pairs(days(day), day.about.run_date):
        Between(day, before, day.about.run_date).counts()


class Between:
    """The changes between two published days."""

    def __init__(self, day: Day, before: datetime.date, after: datetime.date) -> None:
        self._day, self._before, self._after = day, before, after

    @functools.cached_property
    def _file(self) -> Path:
        runs = {one["run_date"]: one["run_id"] for one in days(self._day)}
        title = self._day.about.title
        what = json.dumps([FORMAT, runs[self._before], runs[self._after], title])
        name = f"changes-{hashlib.sha256(what.encode()).hexdigest()[:32]}"
        return self._day.beside(name, self._fill)

    def _fill(self, views: duckdb.DuckDBPyConnection, target: duckdb.DuckDBPyConnection) -> None:
        pair = f"DATE '{self._before}', DATE '{self._after}'"
        prepared.copy(views, target, "found", _of_two(pair), {"title": self._day.about.title})
        target.execute(_CHANGES)
        target.execute(_COUNTS)
        target.execute("DROP TABLE found")

    def counts(self) -> list[Row]:
        """Gaps by change, reason and category."""
        return self._day.read(self._file, "SELECT * FROM counts")

    def count(self, wanted: Wanted) -> int:
        """How many changes are asked for, on all pages."""
        where, values = wanted._conditions
        sql = f"SELECT CAST(coalesce(sum(gaps), 0) AS BIGINT) AS n FROM counts WHERE {where}"  # noqa: S608
        return self._day.read(self._file, sql, values)[0]["n"]

    def rows(self, wanted: Wanted, size: int = PAGE) -> tuple[list[Row], int | None]:
        """A page of the changes, and the place behind which the next one begins; None at the
        end."""
        where, values = wanted._conditions
        sql = f"""
            SELECT * FROM changes WHERE place > $after AND {where} ORDER BY place LIMIT {size + 1}
        """  # noqa: S608 - our own names; values are bound
        found = self._day.read(self._file, sql, values | {"after": wanted.after})
        for row in found:
            row["ask_name"] = self._day.ask_name(row["ask_id"])
        shown = found[:size]
        return shown, shown[-1]["place"] if len(found) > size else None

    def every(self, wanted: Wanted, limit: int) -> Iterator[Row]:
        """All of them, page by page, at most `limit`."""

        def pages() -> Iterator[Row]:
            after: int | None = 0
            while after is not None:
                one = Wanted(wanted.change, wanted.why, wanted.category, after)
                found, after = self.rows(one, _AT_ONCE)
                yield from found

        return itertools.islice(pages(), limit)


COLUMNS = (
    *("change", "product_id", "title", "category", "ask_id", "ask_name"),
    *("state_before", "state_after", "why", "picture"),
)
"""Of an export."""


def of_product(day: Day, ask: Ask, product_id: str, most_days: int) -> list[Row]:
    """Every time that a gap of a product opened or closed, and why, the latest day first."""
    first = day.about.run_date - datetime.timedelta(days=most_days)
    pictured = day.rows("SELECT run_date FROM days WHERE pictured")
    values = {"product": product_id, "pictured": [row["run_date"] for row in pictured]}
    return ask(_of_one(first), values)


def _of_one(first: datetime.date) -> str:
    own = f"run_date >= DATE '{first}' AND product_id = $product"
    shadowed = ", ".join(
        (
            _shadowed("published_days", f"run_date >= DATE '{first}'"),
            _shadowed("product_audit", own),
            # Days on which the product had no picture had those of others.
            _shadowed(
                "product_images",
                own,
                "SELECT unnest(CAST($pictured AS DATE[])) AS run_date",
            ),
            _shadowed("pose_flags", own, _NEWEST),
        )
    )
    return f"""
        WITH {shadowed}, changes AS ({CHANGES})
        SELECT run_date, ask_id, change, why, picture FROM changes ORDER BY run_date DESC, ask_id
    """  # noqa: S608 - constants, and days


_NEWEST = "SELECT NULL::VARCHAR AS shown_by WHERE false"
"""A file of views from before an upgrade lacks this column."""


def _shadowed(name: str, where: str, further: str = "") -> str:
    """A view of the published ones, of some of its rows."""
    more = f" UNION ALL BY NAME {further}" if further else ""
    return f"{name} AS (SELECT * FROM main.{name} WHERE {where}{more})"  # noqa: S608


def _of_two(pair: str) -> str:
    names = ("published_days", "product_audit", "product_images")
    shadowed = ", ".join(
        [
            *(_shadowed(name, f"run_date IN ({pair})") for name in names),
            _shadowed("pose_flags", f"run_date IN ({pair})", _NEWEST),
        ]
    )
    return f"""
        WITH {shadowed}, changes AS ({CHANGES})
        SELECT change, product_id, category, ask_id, ask_name, state_before, state_after, why,
            picture, carried[$title] AS title
        FROM changes
    """  # noqa: S608 - constants, and days


_CHANGES = """
CREATE TABLE changes AS
SELECT row_number() OVER (ORDER BY change, product_id, ask_id) AS place, * FROM found
ORDER BY place
"""
_COUNTS = (
    "CREATE TABLE counts AS SELECT change, why, category, count(*) AS gaps FROM found GROUP BY ALL"
)
