"""What opened and closed between two published days, and why: the view `changes` over those two.

The view compares each day with the one before; asked for over all days it would read them all. Here
it is asked over two days alone, which may also be a week or a model apart.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from unposed_jobs.sql.changes import CHANGES
from unposed_jobs.web.reading import Day, Row

MOST_SHOWN = 200
MOST_VALUES = 20
"""Values of an attribute whose trends are shown."""
_OWN_COLUMNS = ("category", "subcategory", "product_type")
_COMPLETENESS = (
    "count(*) AS products, count(*) FILTER (status = 'complete') AS complete, "
    "CAST(sum(missing_count) AS BIGINT) AS missing"
)
_LAST_DAYS = "run_date IN (SELECT run_date FROM published_days ORDER BY run_date DESC LIMIT $days)"
_PAIR = "CAST([$before, $after] AS DATE[])"
_SHADOWED = ", ".join(
    # A file of views from before an upgrade lacks the newest column.
    f"{name} AS (SELECT * FROM main.{name} WHERE list_contains({_PAIR}, run_date)"  # noqa: S608
    + (" UNION ALL BY NAME SELECT NULL::VARCHAR AS shown_by WHERE false" if new else "")
    + ")"
    for name, new in (
        *(("published_days", False), ("product_audit", False), ("product_images", False)),
        ("pose_flags", True),
    )
)


@dataclass(frozen=True)
class Trend:
    """How many pictures the products of one value missed, day by day."""

    value: str | None
    missing: tuple[int | None, ...]
    """Of each day of `trend`; None where no product had the value."""
    complete: float | None
    """Share of its products that miss nothing on the latest day."""
    query: str
    """Of the work list of its products; empty where a list cannot be asked for it."""


def _of_two(columns: str, further: str) -> str:
    return f"""
        WITH {_SHADOWED}, changes AS ({CHANGES})
        SELECT {columns} FROM changes {further}
    """  # noqa: S608 - constants


def published_days(day: Day) -> list[Row]:
    """All published days, the latest first."""
    return day.from_views(
        "SELECT run_date, model_version FROM published_days ORDER BY run_date DESC"
    )


def pairs(days: Sequence[Row]) -> list[tuple[str, datetime.date]]:
    """What the latest day can be compared with: (word, day)."""
    if len(days) < 2:
        return []
    latest, rest = days[0], days[1:]
    week = latest["run_date"] - datetime.timedelta(days=7)
    found = [("the day before", rest[0]["run_date"])]
    found += [("a week ago", one["run_date"]) for one in rest if one["run_date"] <= week][:1]
    found += [
        ("the last model", one["run_date"])
        for one in rest
        if one["model_version"] != latest["model_version"]
    ][:1]
    return found


def counts(day: Day, before: datetime.date, after: datetime.date) -> list[Row]:
    """Gaps by change and reason, and by category."""
    sql = _of_two("change, why, category, count(*) AS gaps", "GROUP BY ALL ORDER BY ALL")
    pair = {"before": before, "after": after}
    return day.kept(("counts", before, after), lambda: day.from_views(sql, pair))


def rows(
    day: Day, before: datetime.date, after: datetime.date, *, change: str, why: str, category: str
) -> list[Row]:
    """The changes themselves, the first of them; empty texts ask for all."""
    where = (
        "WHERE ($change = '' OR change = $change) AND ($why = '' OR why = $why) "
        f"AND ($category = '' OR category = $category) ORDER BY ALL LIMIT {MOST_SHOWN}"
    )
    columns = (
        "change, product_id, category, ask_id, ask_name, state_before, state_after, why, picture, "
        "carried[$title] AS title"
    )
    values = {"before": before, "after": after, "change": change, "why": why, "category": category}
    key = ("changes", *values.values())
    asked = values | {"title": day.about.title}
    return day.kept(key, lambda: day.from_views(_of_two(columns, where), asked))


def trend(day: Day, days: int) -> list[Row]:
    """How complete the products were, day by day, the earliest first."""
    return day.kept(
        ("trend", days),
        lambda: day.from_views(
            f"SELECT run_date, {_COMPLETENESS} FROM product_audit WHERE {_LAST_DAYS} "  # noqa: S608
            "GROUP BY run_date ORDER BY run_date",
            {"days": days},
        ),
    )


def attributes(day: Day) -> list[str]:
    """What trends can be told apart by: the catalogue's own columns and those carried along."""
    carried = [name for name in day.about.columns if name in day.choices()]
    return [*_OWN_COLUMNS, *(name for name in carried if name not in _OWN_COLUMNS)]


def trends(day: Day, days: int, attribute: str) -> list[Trend]:
    """The values of an attribute that miss most on the latest day, each with its days."""
    column = attribute if attribute in _OWN_COLUMNS else "carried[$attribute]"
    values = {"days": days} | ({} if attribute in _OWN_COLUMNS else {"attribute": attribute})
    rows = day.kept(
        ("trends", days, attribute),
        lambda: day.from_views(
            f"""
            WITH counted AS (
                SELECT run_date, {column} AS value, {_COMPLETENESS}
                FROM product_audit WHERE {_LAST_DAYS} GROUP BY ALL
            ), most AS (
                SELECT value FROM counted WHERE run_date = (SELECT max(run_date) FROM counted)
                ORDER BY missing DESC, value LIMIT {MOST_VALUES}
            )
            SELECT counted.* FROM counted JOIN most ON counted.value IS NOT DISTINCT FROM most.value
            ORDER BY run_date
            """,  # noqa: S608 - our own column names
            values,
        ),
    )
    all_days = [row["run_date"] for row in trend(day, days)]
    by_value: dict[str | None, dict[datetime.date, Row]] = {}
    for row in rows:
        by_value.setdefault(row["value"], {})[row["run_date"]] = row
    found = [_trend(attribute, value, of_days, all_days) for value, of_days in by_value.items()]
    return sorted(found, key=lambda one: (-(one.missing[-1] or 0), one.value or ""))


def _trend(
    attribute: str,
    value: str | None,
    of_days: dict[datetime.date, Row],
    all_days: Sequence[datetime.date],
) -> Trend:
    missing = tuple(of_days[one]["missing"] if one in of_days else None for one in all_days)
    last = of_days.get(all_days[-1]) if all_days else None
    name = attribute if attribute in ("category", "product_type") else f"col.{attribute}"
    query = "" if value is None or attribute == "subcategory" else urlencode({name: value})
    return Trend(value, missing, last["complete"] / last["products"] if last else None, query)
