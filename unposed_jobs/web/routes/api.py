"""The REST API: the same lists and decisions as JSON."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from unposed_jobs.decisions import KINDS, Decision
from unposed_jobs.web import changes as of_days
from unposed_jobs.web.changes import Between
from unposed_jobs.web.filters import GAP_SORTS, PRODUCT_SORTS, Filter
from unposed_jobs.web.reading import Page
from unposed_jobs.web.routes.changes import Asked
from unposed_jobs.web.routes.context import TheDay, TheStore
from unposed_jobs.web.routes.writes import TheDesk
from unposed_jobs.web.security import Editor, Reader, answers
from unposed_jobs.web.webhook import as_json

ROUTES = APIRouter(prefix="/api/v1", tags=["Unposed"], responses=answers(401, 403, 422, 429))
Kind = Literal["rename", "merge", "hide", "waive", "not_applicable", "shows", "assign", "done"]
assert Kind.__args__ == KINDS  # type: ignore[attr-defined]
_Id = Annotated[int, Field(ge=0, le=2**31 - 1)]
_Text = Annotated[str, Field(min_length=1, max_length=500)]


class DayOut(BaseModel):
    """The published day that is shown."""

    run_date: datetime.date
    run_id: str
    model_version: str
    finished_at: datetime.datetime
    columns: list[str] = Field(description="Carried columns: filter by them as col.NAME")
    asks: list[dict[str, Any]]


class Listed(BaseModel):
    """Rows of a list, and the `after` of the next page."""

    rows: list[dict[str, Any]]
    after: str | None


class DecisionIn(BaseModel):
    """Something to decide; which fields are needed depends on the kind."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    pose_id: _Id | None = None
    ask_id: _Id | None = None
    ask_ids: list[_Id] = Field(default_factory=list, max_length=50)
    product_id: _Text | None = None
    category: _Text | None = None
    subcategory: _Text | None = None
    image_uri: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    content_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    name: _Text | None = None
    until: datetime.date | None = None
    assignee: _Text | None = None
    due: datetime.date | None = None
    reason: _Text | None = None


class DecisionOut(BaseModel):
    """A decision as it is kept; fields that say nothing are left out."""

    model_config = ConfigDict(extra="allow")

    id: int
    kind: Kind
    by: str
    at: datetime.datetime
    stands: bool


@ROUTES.get("/openapi.json", include_in_schema=False)
def description(request: Request, person: Reader) -> Response:
    """The API's own description."""
    return JSONResponse(request.app.openapi())


@ROUTES.get("/day")
def the_day(person: Reader, day: TheDay) -> DayOut:
    """The latest published day and what it was audited by."""
    about = day.about
    return DayOut(
        run_date=about.run_date,
        run_id=about.run_id,
        model_version=about.model_version,
        finished_at=about.finished_at,
        columns=list(about.columns),
        asks=list(day.asks.values()),
    )


class ListQuery(BaseModel):
    """What a list shows; carried columns are filtered by as ``col.NAME``."""

    q: Annotated[str, Field(max_length=300, description="Part of an id or title")] = ""
    category: Annotated[str, Field(max_length=300)] = ""
    subcategory: Annotated[str, Field(max_length=300)] = ""
    product_type: Annotated[str, Field(max_length=300)] = ""
    unready: Annotated[
        str, Field(max_length=300, description="A marketplace whose rules the product fails")
    ] = ""
    rule: Annotated[str, Field(max_length=300, description="A rule that the product fails")] = ""
    sort: Annotated[str, Field(max_length=20)] = ""
    size: Annotated[str, Field(max_length=4, description="25, 50, 100 or 200")] = "50"
    after: Annotated[str, Field(max_length=2000, description="Of the page before")] = ""


class WorkQuery(ListQuery):
    """Of the work list."""

    state: Annotated[str, Field(max_length=20)] = "todo"
    ask: Annotated[int | None, Field(ge=0, le=2**31 - 1)] = None
    remedy: Annotated[str, Field(max_length=20, description="crop, frame, photograph or add")] = ""
    assignee: Annotated[str, Field(max_length=300, description="A name, or: me")] = ""
    due: Annotated[str, Field(max_length=10, description="A studio day, or: none")] = ""


class ProductQuery(ListQuery):
    """Of the products."""

    status: Annotated[str, Field(max_length=20)] = ""


@ROUTES.get("/work")
def work(
    request: Request, person: Reader, day: TheDay, asked: Annotated[WorkQuery, Query()]
) -> Listed:
    """A page of the work list."""
    wanted = Filter.read(request.query_params, day.about.columns, GAP_SORTS)
    return _listed(day.gaps(wanted, person.name))


@ROUTES.get("/products")
def products(
    request: Request, person: Reader, day: TheDay, asked: Annotated[ProductQuery, Query()]
) -> Listed:
    """A page of products."""
    wanted = Filter.read(request.query_params, day.about.columns, PRODUCT_SORTS)
    return _listed(day.products(wanted))


def _listed(page: Page) -> Listed:
    after = page.after.written() if page.after else None
    return Listed(rows=[_plain(row) for row in page.rows], after=after)


@ROUTES.get("/product", responses=answers(404))
def product(
    person: Reader, day: TheDay, id: Annotated[str, Query(min_length=1, max_length=500)]
) -> dict[str, Any]:
    """A product with its gaps."""
    row = day.product(id)
    if row is None:
        raise HTTPException(404, "the day lists no such product")
    return _plain(row) | {"gaps": [_plain(gap) for gap in day.gaps_of(id).values()]}


class ChangesQuery(BaseModel):
    """Which changes: of a day, since another one; without either what the latest audit changed."""

    day: Annotated[datetime.date | None, Field(description="A published day")] = None
    since: Annotated[datetime.date | None, Field(description="A published day before it")] = None
    change: Annotated[str, Field(pattern="^(opened|closed)?$")] = ""
    why: Annotated[str, Field(max_length=40, description="Such as: picture added")] = ""
    category: Annotated[str, Field(max_length=300)] = ""
    after: Annotated[int, Field(ge=0, le=2**53, description="Of the page before")] = 0


class ChangesOut(BaseModel):
    """Gaps that opened and closed between two days, and the `after` of the next page."""

    day: datetime.date
    since: datetime.date | None = Field(description="Null: there is no day before")
    rows: list[dict[str, Any]]
    after: int | None


@ROUTES.get("/changes")
def changes(person: Reader, day: TheDay, asked: Annotated[ChangesQuery, Query()]) -> ChangesOut:
    """A page of what opened and closed, each with its reason: a new picture, a waiver, a model."""
    wanted = Asked(**asked.model_dump())
    after, before = wanted.days(of_days.days(day))
    if before is None:
        return ChangesOut(day=after, since=None, rows=[], after=None)
    rows, following = Between(day, before, after).rows(wanted.wanted)
    return ChangesOut(day=after, since=before, rows=rows, after=following)


@ROUTES.get("/decisions")
def decisions(person: Reader, store: TheStore) -> list[DecisionOut]:
    """All decisions that stand."""
    return [DecisionOut(**as_json(one)) for one in store.standing()]


@ROUTES.post("/decisions", status_code=201)
def decide(
    desk: TheDesk, wanted: Annotated[list[DecisionIn], Field(min_length=1, max_length=1000)]
) -> list[DecisionOut]:
    """Record decisions, all or none."""
    made = [Decision(**(one.model_dump() | {"ask_ids": tuple(one.ask_ids)})) for one in wanted]
    done = desk.record(made)
    return [DecisionOut(**as_json(one)) for one in done]


@ROUTES.delete("/decisions/{decision_id}", responses=answers(404, 409))
def undo(
    person: Editor,
    store: TheStore,
    decision_id: Annotated[int, Path(ge=1, le=2**53)],
) -> DecisionOut:
    """Undo a decision; it stays in the log."""
    found = store.find(decision_id)
    if found is None:
        raise HTTPException(404, "there is no such decision")
    if not found.stands:
        raise HTTPException(409, "it does not stand any more")
    store.undo(decision_id, person.name)
    ended = store.find(decision_id)
    assert ended is not None
    return DecisionOut(**as_json(ended))


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in row.items() if name not in ("pid", "sorted_by", "sought")
    }
