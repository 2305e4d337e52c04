"""The studio's list for a day: what closes each gap, grouped by category and view.

Rows are published flags that are missing. A new picture is the studio's; a crop, a frame and a
chart are a desk's. Each has what it costs (``[remedies]``).
"""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from unposed_jobs.config.remedies import RemedySettings
from unposed_jobs.remedies.candidates import CROP, FRAME, KINDS, MAKE, SHOOT
from unposed_jobs.report import pages

COLUMNS = (
    "category", "subcategory", "view", "shot_code", "product_id", "title", "remedy", "cost",
    "currency", "source", "second", "advice", "example",
)  # fmt: skip

SQL = """
SELECT coalesce(f.category, '') AS category, coalesce(f.subcategory, '') AS subcategory,
    coalesce(f.ask_name, f.pose_name) AS view, f.shot_code, f.product_id, f.remedy, f.advice,
    f.remedy_uri AS source, f.remedy_seconds AS second, f.example_images[1] AS example, f.rank,
    map_extract_value(a.carried, ?) AS title
FROM pose_flags f LEFT JOIN product_audit a USING (run_date, product_id)
WHERE f.run_date = ? AND f.state = 'missing' AND f.remedy IN (SELECT unnest(?))
    AND (? = 0 OR f.rank <= ?)
ORDER BY category, subcategory, view, f.remedy, f.product_id
"""
"""Bound: the carried column that is a title, the day, the remedies, and twice the last rank that is
listed (0: all)."""


@dataclass(frozen=True)
class Shot:
    """One gap to be closed; `second` is of a frame, `source` of a crop or frame."""

    category: str
    subcategory: str
    view: str
    shot_code: str | None
    product_id: str
    title: str | None
    remedy: str
    cost: float
    source: str | None
    second: float | None
    advice: str
    example: str | None


def shots(rows: Iterable[dict[str, Any]], settings: RemedySettings) -> list[Shot]:
    """Of the rows that `SQL` gives, in their order."""
    return [
        Shot(
            row["category"],
            row["subcategory"],
            row["view"],
            row["shot_code"],
            row["product_id"],
            row["title"],
            row["remedy"],
            cost(row["remedy"], settings),
            row["source"],
            row["second"],
            row["advice"] or "",
            row["example"],
        )
        for row in rows
    ]


def cost(remedy: str, settings: RemedySettings) -> float:
    """What one remedy costs."""
    return {
        CROP: settings.crop_cost,
        FRAME: settings.frame_cost,
        SHOOT: settings.shoot_cost,
        MAKE: settings.chart_cost,
    }[remedy]


def to_csv(listed: Sequence[Shot], currency: str) -> str:
    """A row for each shot, as `COLUMNS`; cells that a spreadsheet would compute are quoted so."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for one in listed:
        row = vars(one) | {"currency": currency, "cost": f"{one.cost:.2f}"}
        writer.writerow({name: _plain(row[name]) for name in COLUMNS})
    return text.getvalue()


def _plain(value: Any) -> Any:
    """Text that begins as a formula does would be run by a spreadsheet."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value


def to_html(
    listed: Sequence[Shot],
    when: datetime.date,
    settings: RemedySettings,
    shown: Callable[[str], str],
) -> str:
    """A page to print: a table for each category and view, with a box to tick for each shot.

    `shown` makes an address that may be printed: without a password in it.
    """
    groups = [
        ((category, subcategory), [
            (view, list(of_view))
            for view, of_view in groupby(list(of_category), key=lambda one: one.view)
        ])
        for (category, subcategory), of_category in groupby(
            listed, key=lambda one: (one.category, one.subcategory)
        )
    ]  # fmt: skip
    return (
        pages.environment()
        .get_template("shotlist.html")
        .render(
            when=when,
            groups=groups,
            totals=totals(listed),
            settings=settings,
            days=-(-sum(one.remedy == SHOOT for one in listed) // settings.shots_a_day),
            shown=shown,
        )
    )


def totals(listed: Sequence[Shot]) -> dict[str, tuple[int, float]]:
    """Shots and cost by remedy, in the order of `KINDS`."""
    found = {}
    for remedy in KINDS:
        of = [one.cost for one in listed if one.remedy == remedy]
        if of:
            found[remedy] = (len(of), sum(of))
    return found
