"""What opened and closed since another day, and how complete the products were over time."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from unposed_jobs.web import changes as of_days
from unposed_jobs.web.routes.context import TheDay, TheTemplates
from unposed_jobs.web.security import Reader

ROUTES = APIRouter()
TREND_DAYS = 30


class Asked(BaseModel):
    """Which changes a person wants to see: since a day, of one kind, reason and category; and the
    column by which the trends are shown."""

    since: datetime.date | None = None
    change: Annotated[str, Field(pattern="^(opened|closed)?$")] = ""
    why: Annotated[str, Field(max_length=40)] = ""
    category: Annotated[str, Field(max_length=300)] = ""
    by: Annotated[str, Field(max_length=200)] = "category"


@ROUTES.get("/changes")
def changes(
    request: Request,
    person: Reader,
    day: TheDay,
    templates: TheTemplates,
    asked: Annotated[Asked, Query()],
) -> Response:
    """Gaps that opened and closed since another published day."""
    days = of_days.published_days(day)
    pairs = of_days.pairs(days)
    known = [one["run_date"] for one in days if one["run_date"] < day.about.run_date]
    before = asked.since if asked.since in known else (known[0] if known else None)
    after = day.about.run_date
    counts = of_days.counts(day, before, after) if before else []
    rows = (
        of_days.rows(
            day, before, after, change=asked.change, why=asked.why, category=asked.category
        )
        if before
        else []
    )
    attributes = of_days.attributes(day)
    by = asked.by if asked.by in attributes else attributes[0]
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
        chosen=asked.model_dump(include={"change", "why", "category"}),
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
