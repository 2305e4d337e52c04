"""What opened and closed between two published days, and why: the view `changes` over those two.

The view compares each day with the one before; asked for over all days it would read them all. Here
it is asked over two days alone, which may also be a week or a model apart.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from unposed_jobs.sql.changes import CHANGES
from unposed_jobs.web.reading import Day, Row

MOST_SHOWN = 200
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
    return day.from_views(sql, {"before": before, "after": after})


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
    return day.from_views(_of_two(columns, where), values | {"title": day.about.title})


def trend(day: Day, days: int) -> list[Row]:
    """How complete the products were, day by day, the earliest first."""
    return day.from_views(
        """
        SELECT run_date, count(*) AS products,
            count(*) FILTER (status = 'complete') AS complete,
            CAST(sum(missing_count) AS BIGINT) AS missing
        FROM product_audit
        WHERE run_date IN (SELECT run_date FROM published_days ORDER BY run_date DESC LIMIT ?)
        GROUP BY run_date ORDER BY run_date
        """,
        [days],
    )
