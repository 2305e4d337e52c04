"""The log of every write, with undo; and, for owners, who may do what."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from unposed_jobs.decisions import KINDS
from unposed_jobs.web.people import ROLES, People
from unposed_jobs.web.routes.context import TheStore, TheTemplates
from unposed_jobs.web.security import Owner, Reader

ROUTES = APIRouter()
PAGE = 100
ACTIONS = (*KINDS, "undo", "login", "person", "view", "promotion")


@ROUTES.get("/log")
def log(
    request: Request,
    person: Reader,
    store: TheStore,
    templates: TheTemplates,
    before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    who: Annotated[str, Query(max_length=200)] = "",
    action: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Who wrote what, the latest first."""
    lines = store.entries(before=before, who=who, action=action, limit=PAGE + 1)
    shown = lines[:PAGE]
    ids = {line.decision_id for line in shown if line.decision_id and line.action in KINDS}
    return templates.page(
        request,
        "log.html",
        person,
        lines=shown,
        decisions={one.id: one for one in store.some(ids)},
        more=shown[-1].id if len(lines) > PAGE else None,
        who=who,
        action=action,
        actions=ACTIONS,
        people=store.writers(),
    )


@ROUTES.get("/people")
def everybody(request: Request, person: Owner, templates: TheTemplates) -> Response:
    """Who may do what."""
    people: People = request.app.state.people
    return templates.page(
        request, "people.html", person, everybody=people.all(), roles=ROLES, token=None, whose=""
    )


@ROUTES.post("/people")
def change(
    request: Request,
    person: Owner,
    templates: TheTemplates,
    name: Annotated[str, Form(max_length=200)],
    role: Annotated[str, Form(pattern="^(reader|editor|owner|blocked)$")],
) -> Response:
    """Add somebody, give a new token, or let somebody in no more."""
    people: People = request.app.state.people
    token = None
    if role == "blocked":
        people.block(name, person.name)
    else:
        token = people.add(name, role, person.name)
    return templates.page(
        request,
        "people.html",
        person,
        everybody=people.all(),
        roles=ROLES,
        token=token,
        whose=name.strip(),
    )
