"""What opened and closed since another day, and how complete the products were over time."""

from __future__ import annotations

import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from unposed_jobs.web import changes as of_days
from unposed_jobs.web import exports, trends
from unposed_jobs.web.changes import Between, Wanted
from unposed_jobs.web.routes.context import TheDay, TheSettings, TheTemplates
from unposed_jobs.web.security import Reader

ROUTES = APIRouter()


class Asked(BaseModel):
    """Which changes a person wants to see: of a day, since another one, of one kind, reason and
    category; and the column by which the trends are shown."""

    day: datetime.date | None = None
    since: datetime.date | None = None
    change: Annotated[str, Field(pattern="^(opened|closed)?$")] = ""
    why: Annotated[str, Field(max_length=40)] = ""
    category: Annotated[str, Field(max_length=300)] = ""
    after: Annotated[int, Field(ge=0, le=2**53)] = 0
    by: Annotated[str, Field(max_length=200)] = ""

    def days(self, listed: list[dict[str, Any]]) -> tuple[datetime.date, datetime.date | None]:
        """The day, and the one that it is compared with; the latest and the one before it, where
        those that are asked for are not published. None: there is none before."""
        known: list[datetime.date] = [one["run_date"] for one in listed]
        day = self.day if self.day and self.day in known else known[0]
        earlier = [one for one in known if one < day]
        before = self.since if self.since and self.since in earlier else next(iter(earlier), None)
        return day, before

    @property
    def wanted(self) -> Wanted:
        """Which of the changes."""
        return Wanted(self.change, self.why, self.category, self.after)

    def query(self, day: datetime.date, before: datetime.date | None, **changes: Any) -> str:
        """The address's query, of the first page unless `changes` say otherwise."""
        own = {"change": self.change, "why": self.why, "category": self.category, "by": self.by}
        pairs = {"day": self.day and day, "since": before} | own | changes
        return urlencode({name: value for name, value in pairs.items() if value})


class File(Asked):
    """The same as a file."""

    form: Annotated[str, Field(alias="as", pattern="^(csv|xlsx)$")] = "csv"


@ROUTES.get("/changes")
def changes(
    request: Request,
    person: Reader,
    day: TheDay,
    templates: TheTemplates,
    asked: Annotated[Asked, Query()],
) -> Response:
    """Gaps that opened and closed since another published day."""
    listed = of_days.days(day)
    after, before = asked.days(listed)
    between = Between(day, before, after) if before else None
    counts = between.counts() if between else []
    rows, following = between.rows(asked.wanted) if between else ([], None)
    attributes = trends.attributes(day)
    by = asked.by if asked.by in attributes else next(iter(attributes), "")

    def link(**more: Any) -> str:
        return asked.query(after, before, **more)

    return templates.page(
        request,
        "changes.html",
        person,
        about=day.about,
        after=after,
        before=before,
        pairs=of_days.pairs(listed, after),
        days=[one["run_date"] for one in listed if one["run_date"] < after],
        rows=rows,
        count=between.count(asked.wanted) if between else 0,
        link=link,
        next_query=link(after=following) if following else None,
        opened=_sums(counts, "opened", "why"),
        closed=_sums(counts, "closed", "why"),
        categories=_by_category(counts),
        chosen=asked,
        trend=trends.whole(day),
        attributes=attributes,
        by=by,
        trends=trends.by(day, by) if by else [],
    )


@ROUTES.get("/changes/export")
def export(
    person: Reader,
    day: TheDay,
    settings: TheSettings,
    asked: Annotated[File, Query()],
) -> Response:
    """The changes as a file."""
    after, before = asked.days(of_days.days(day))
    found = (
        Between(day, before, after).every(asked.wanted, settings.serve.export_rows)
        if before
        else iter(())
    )
    names = [*of_days.COLUMNS]
    values = ([row[name] for name in names] for row in found)
    return exports.file(f"unposed-changes-{before}-{after}", asked.form, names, values)


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
