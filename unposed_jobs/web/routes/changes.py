"""What opened and closed since another day, and how complete the products were over time."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from unposed_jobs.web import changes as of_days
from unposed_jobs.web.routes.context import TheDay, TheTemplates
from unposed_jobs.web.security import Reader

ROUTES = APIRouter()
TREND_DAYS = 30


@ROUTES.get("/changes")
def changes(
    request: Request,
    person: Reader,
    day: TheDay,
    templates: TheTemplates,
    since: Annotated[datetime.date | None, Query()] = None,
    change: Annotated[str, Query(pattern="^(opened|closed)?$")] = "",
    why: Annotated[str, Query(max_length=40)] = "",
    category: Annotated[str, Query(max_length=300)] = "",
    by: Annotated[str, Query(max_length=200)] = "category",
) -> Response:
    """Gaps that opened and closed since another published day."""
    days = of_days.published_days(day)
    pairs = of_days.pairs(days)
    known = [one["run_date"] for one in days if one["run_date"] < day.about.run_date]
    before = since if since in known else (known[0] if known else None)
    after = day.about.run_date
    counts = of_days.counts(day, before, after) if before else []
    rows = (
        of_days.rows(day, before, after, change=change, why=why, category=category)
        if before
        else []
    )
    attributes = of_days.attributes(day)
    by = by if by in attributes else attributes[0]
    for row in rows:
        row["ask_name"] = day.ask_name(row["ask_id"])
    return templates.page(
        request,
        "changes.html",
        person,
        about=day.about,
        before=before,
        pairs=pairs,
        days=known,
        rows=rows,
        most=of_days.MOST_SHOWN,
        opened=_sums(counts, "opened", "why"),
        closed=_sums(counts, "closed", "why"),
        categories=_by_category(counts),
        chosen={"change": change, "why": why, "category": category},
        trend=of_days.trend(day, TREND_DAYS),
        attributes=attributes,
        by=by,
        trends=of_days.trends(day, TREND_DAYS, by),
    )


def _sums(counts: list[dict[str, Any]], change: str, name: str) -> list[tuple[str, int]]:
    sums: dict[str, int] = {}
    for row in counts:
        if row["change"] == change:
            sums[row[name]] = sums.get(row[name], 0) + row["gaps"]
    return sorted(sums.items(), key=lambda one: (-one[1], one[0]))


def _by_category(counts: list[dict[str, Any]]) -> list[tuple[str, int, int]]:
    opened, closed = (
        dict(
            _sums([row | {"category": row["category"] or ""} for row in counts], change, "category")
        )
        for change in ("opened", "closed")
    )
    names = sorted({*opened, *closed}, key=lambda n: (-(opened.get(n, 0) + closed.get(n, 0)), n))
    return [(name, opened.get(name, 0), closed.get(name, 0)) for name in names[:40]]
