"""What people write: decisions about many gaps at once, about poses, and their undoing."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field

from unposed_jobs.config import ServeSettings
from unposed_jobs.decisions import Decision, Recorded, Store
from unposed_jobs.decisions.kinds import LONGEST_ADDRESS
from unposed_jobs.decisions.store import MOST_AT_ONCE
from unposed_jobs.errors import UnposedError
from unposed_jobs.web import webhook
from unposed_jobs.web.filters import GAP_SORTS, ME, Filter
from unposed_jobs.web.people import Person
from unposed_jobs.web.reading import Day
from unposed_jobs.web.rendering import MOST_UNDONE, local, say
from unposed_jobs.web.routes.context import TheDay, TheSettings, TheStore
from unposed_jobs.web.rows import gap_rows
from unposed_jobs.web.security import Editor, address_of

ROUTES = APIRouter()
Text = Annotated[str, Field(max_length=LONGEST_ADDRESS)]


class _Form(BaseModel):
    """What every form of a decision has."""

    reason: Text = ""
    back: Text = "/work"


class GapForm(_Form):
    """A decision about chosen gaps, or, with `whole`, about all of a list's query."""

    kind: Literal["waive", "assign", "done"]
    item: list[Text] = Field(default_factory=list, max_length=MOST_AT_ONCE)
    whole: Text = ""
    until: Text = ""
    assignee: Text = ""
    due: Text = ""


class PictureForm(_Form):
    """A picture and the ask that it shows."""

    product: Text
    image: Text
    ask: int
    content: Annotated[str, Field(pattern="^[0-9a-f]{0,64}$")] = ""


class PoseForm(_Form):
    """A correction of poses or asks, or a category that one does not apply to."""

    kind: Literal["rename", "merge", "hide", "not_applicable"]
    pose: int | None = None
    ask: list[int] = Field(default_factory=list, max_length=100)
    name: Text = ""
    category: Text = ""


@dataclass(frozen=True)
class Desk:
    """Who writes, and what about."""

    request: Request
    person: Person
    day: Day
    store: Store
    serve: ServeSettings

    def record(self, made: Sequence[Decision]) -> list[Recorded]:
        """Record decisions about what the day knows, and tell who wants to know.

        Raises UnposedError for a product, ask or pose that it does not know.
        """
        settled = [self._known(one) for one in made]
        products = list({one.product_id for one in settled if one.product_id})
        unknown = set(products) - self.day.known_products(products)
        if unknown:
            raise UnposedError(f"the day lists no product {min(unknown)!r}")
        done = self.store.decide(settled, self.person.name, address=self.address)
        webhook.tell(self.serve, done)
        return done

    def _known(self, made: Decision) -> Decision:
        if made.pose_id is not None:
            self.day.ask(made.pose_id)
        ask_id = self.day.ask(made.ask_id) if made.ask_id is not None else None
        asks = tuple(dict.fromkeys(self.day.ask(one) for one in made.ask_ids))
        return dataclasses.replace(made, ask_id=ask_id, ask_ids=asks)

    @property
    def address(self) -> str | None:
        """The network address, where the log keeps them."""
        return address_of(self.request) if self.serve.log_addresses else None

    def done(self, kind: str, back: str, made: Sequence[Recorded], count: int = 0) -> Response:
        """Go back, and say there what was done."""
        root = self.request.scope.get("root_path", "")
        response = RedirectResponse(root + local(back), 303)
        ids = "-".join(str(one.id) for one in made) if len(made) <= MOST_UNDONE else ""
        https = self.serve.https
        return say(response, kind, len(made) or count, root, https=https, ids=ids)


def _desk(
    request: Request, person: Editor, day: TheDay, store: TheStore, settings: TheSettings
) -> Desk:
    return Desk(request, person, day, store, settings.serve)


TheDesk = Annotated[Desk, Depends(_desk)]


@ROUTES.post("/decide/gaps")
def decide_gaps(desk: TheDesk, form: Annotated[GapForm, Form()]) -> Response:
    """Decide about the chosen gaps."""
    more: dict[str, Any] = {}
    if form.kind == "waive":
        more = {"until": _day(form.until)}
    elif form.kind == "assign":
        whom = desk.person.name if form.assignee == ME else form.assignee
        more = {"assignee": whom or None, "due": _day(form.due)}
    made = [
        Decision(form.kind, product_id=product, ask_id=ask, reason=form.reason or None, **more)
        for product, ask in _chosen(desk, form.item, form.whole)
    ]
    return desk.done(form.kind, form.back, desk.record(made))


@ROUTES.post("/decide/picture")
def decide_picture(desk: TheDesk, form: Annotated[PictureForm, Form()]) -> Response:
    """This picture does show it."""
    listed = desk.day.from_views(
        "SELECT 1 FROM product_images_current WHERE product_id = ? AND image_uri = ?",
        [form.product, form.image],
    )
    if not listed:
        raise UnposedError("the product does not list that picture")
    made = Decision(
        "shows",
        product_id=form.product,
        image_uri=form.image,
        ask_id=form.ask,
        content_sha256=form.content or None,
        reason=form.reason or None,
    )
    return desk.done("shows", form.back, desk.record([made]))


@ROUTES.post("/decide/pose")
def decide_pose(desk: TheDesk, form: Annotated[PoseForm, Form()]) -> Response:
    """Rename, merge or hide poses and asks, or say where one does not apply."""
    place, _, part = form.category.partition("\x1f")
    asks = list(dict.fromkeys(form.ask))
    made = Decision(
        form.kind,
        pose_id=form.pose,
        ask_id=asks[0] if asks and form.kind != "merge" else None,
        ask_ids=tuple(asks) if form.kind == "merge" else (),
        name=form.name or None,
        category=place or None,
        subcategory=part or None,
        reason=form.reason or None,
    )
    return desk.done(form.kind, form.back, desk.record([made]))


@ROUTES.post("/undo")
def undo(
    desk: TheDesk,
    decision: Annotated[list[int], Form(max_length=MOST_UNDONE)],
    back: Annotated[str, Form()] = "/log",
) -> Response:
    """Undo decisions."""
    for one in decision:
        desk.store.undo(one, desk.person.name, address=desk.address)
    return desk.done("undo", back, [], len(decision))


def _chosen(desk: Desk, items: Iterable[str], whole: str) -> list[tuple[str, int]]:
    """(product, ask) of the ticked rows, or of all that a list's query finds."""
    if whole:
        wanted = Filter.read(dict(parse_qsl(whole)), desk.day.about.columns, GAP_SORTS)
        rows = gap_rows(desk.day, wanted, desk.person.name, MOST_AT_ONCE + 1)
        found = [(row["product_id"], row["ask_id"]) for row in rows]
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
