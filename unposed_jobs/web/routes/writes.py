"""What people write: decisions about many gaps at once, about poses, and their undoing."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from unposed_jobs.config import ServeSettings
from unposed_jobs.decisions import Decision, Recorded, Store
from unposed_jobs.decisions.store import MOST_AT_ONCE
from unposed_jobs.errors import UnposedError
from unposed_jobs.web import webhook
from unposed_jobs.web.filters import GAP_SORTS, Filter
from unposed_jobs.web.people import Person
from unposed_jobs.web.reading import Day
from unposed_jobs.web.rendering import MOST_UNDONE, SAID, local
from unposed_jobs.web.routes.context import TheDay, TheSettings, TheStore
from unposed_jobs.web.routes.lists import gap_rows
from unposed_jobs.web.security import Editor, address_of

ROUTES = APIRouter()
OF_GAPS = ("waive", "assign", "done")


@ROUTES.post("/decide/gaps")
def decide_gaps(
    request: Request,
    person: Editor,
    day: TheDay,
    store: TheStore,
    settings: TheSettings,
    kind: Annotated[str, Form(pattern="^(waive|assign|done)$")],
    item: Annotated[list[str] | None, Form()] = None,
    whole: Annotated[str, Form(max_length=4000)] = "",
    reason: Annotated[str, Form()] = "",
    until: Annotated[str, Form()] = "",
    assignee: Annotated[str, Form()] = "",
    due: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "/work",
) -> Response:
    """Decide about the chosen gaps, or, with `whole`, about all of a list's query."""
    chosen = _chosen(day, person, item or (), whole)
    made = [
        Decision(
            kind,
            product_id=product_id,
            ask_id=ask_id,
            reason=reason or None,
            until=_day(until) if kind == "waive" else None,
            assignee=(person.name if assignee == "me" else assignee or None)
            if kind == "assign"
            else None,
            due=_day(due) if kind == "assign" else None,
        )
        for product_id, ask_id in chosen
    ]
    return _done(request, record(request, day, store, settings.serve, person, made), kind, back)


@ROUTES.post("/decide/picture")
def decide_picture(
    request: Request,
    person: Editor,
    day: TheDay,
    store: TheStore,
    settings: TheSettings,
    product: Annotated[str, Form()],
    image: Annotated[str, Form()],
    ask: Annotated[int, Form()],
    content: Annotated[str, Form(pattern="^[0-9a-f]{0,64}$")] = "",
    reason: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "/work",
) -> Response:
    """This picture does show it."""
    listed = day.from_views(
        "SELECT 1 FROM product_images_current WHERE product_id = ? AND image_uri = ?",
        [product, image],
    )
    if not listed:
        raise UnposedError("the product does not list that picture")
    made = Decision(
        "shows",
        product_id=product,
        image_uri=image,
        ask_id=ask,
        content_sha256=content or None,
        reason=reason or None,
    )
    return _done(request, record(request, day, store, settings.serve, person, [made]), "shows", back)


@ROUTES.post("/decide/pose")
def decide_pose(
    request: Request,
    person: Editor,
    day: TheDay,
    store: TheStore,
    settings: TheSettings,
    kind: Annotated[str, Form(pattern="^(rename|merge|hide|not_applicable)$")],
    pose: Annotated[int | None, Form()] = None,
    ask: Annotated[list[int] | None, Form()] = None,
    name: Annotated[str, Form()] = "",
    category: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "/poses",
) -> Response:
    """Rename, merge or hide poses and asks, or say where one does not apply."""
    place, _, part = category.partition("\x1f")
    asks = list(dict.fromkeys(ask or ()))
    made = Decision(
        kind,
        pose_id=pose,
        ask_id=asks[0] if asks and kind != "merge" else None,
        ask_ids=tuple(asks) if kind == "merge" else (),
        name=name or None,
        category=place or None,
        subcategory=part or None,
        reason=reason or None,
    )
    return _done(request, record(request, day, store, settings.serve, person, [made]), kind, back)


@ROUTES.post("/undo")
def undo(
    request: Request,
    person: Editor,
    store: TheStore,
    decision: Annotated[list[int], Form()],
    back: Annotated[str, Form()] = "/log",
) -> Response:
    """Undo decisions."""
    for one in decision[:MOST_UNDONE]:
        store.undo(one, person.name, address=_kept_address(request))
    return _done(request, [], "undo", back, count=len(decision))


def record(
    request: Request,
    day: Day,
    store: Store,
    settings: ServeSettings,
    person: Person,
    made: list[Decision],
) -> list[Recorded]:
    """Record decisions about what the day knows, and tell who wants to know.

    Raises UnposedError for a product, ask or pose that it does not know.
    """
    settled = [_known(day, one) for one in made]
    products = list({one.product_id for one in settled if one.product_id})
    unknown = set(products) - day.known_products(products)
    if unknown:
        raise UnposedError(f"the day lists no product {min(unknown)!r}")
    done = store.decide(settled, person.name, address=_kept_address(request))
    webhook.tell(settings, done)
    return done


def _known(day: Day, made: Decision) -> Decision:
    import dataclasses

    if made.pose_id is not None:
        day.ask(made.pose_id)
    ask_id = day.ask(made.ask_id) if made.ask_id is not None else None
    asks = tuple(dict.fromkeys(day.ask(one) for one in made.ask_ids))
    return dataclasses.replace(made, ask_id=ask_id, ask_ids=asks)


def _kept_address(request: Request) -> str | None:
    keeps = request.app.state.settings.serve.forget_log_days
    return address_of(request) if keeps else None


def _chosen(
    day: Day, person: Person, items: Iterable[str], whole: str
) -> list[tuple[str, int]]:
    """(product, ask) of the ticked rows, or of all that a list's query finds."""
    if whole:
        wanted = Filter.read(dict(parse_qsl(whole)), day.about.columns, GAP_SORTS)
        found = [
            (row["product_id"], row["ask_id"])
            for row in gap_rows(day, wanted, person.name, MOST_AT_ONCE + 1)
        ]
        if len(found) > MOST_AT_ONCE:
            raise UnposedError(f"the list has more than {MOST_AT_ONCE} gaps; narrow it first")
    else:
        found = [_item(text) for text in items]
    if not found:
        raise UnposedError("nothing was chosen")
    return found


def _item(text: str) -> tuple[str, int]:
    try:
        product_id, ask_id = json.loads(text)
        return str(product_id), int(ask_id)
    except (ValueError, TypeError, RecursionError):
        raise UnposedError("a chosen row is not understood; load the page again") from None


def _day(text: str) -> datetime.date | None:
    if not text:
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise UnposedError(f"{text[:20]!r} is no day such as 2026-12-31") from None


def _done(
    request: Request, made: list[Recorded], kind: str, back: str, *, count: int | None = None
) -> Response:
    root = request.scope.get("root_path", "")
    response = RedirectResponse(root + local(back), 303)
    ids = "-".join(str(one.id) for one in made) if len(made) <= MOST_UNDONE else ""
    said = f"{kind}.{len(made) if count is None else count}.{ids}"
    response.set_cookie(
        SAID, said, max_age=60, path=root or "/", httponly=True, samesite="lax",
        secure=request.app.state.settings.serve.https,
    )
    return response
