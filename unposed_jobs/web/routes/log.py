"""The log of every write, with undo; and, for owners, who may do what."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from unposed_jobs.decisions import KINDS
from unposed_jobs.web.languages import COOKIE, LANGUAGES
from unposed_jobs.web.people import ROLES, People
from unposed_jobs.web.rendering import local
from unposed_jobs.web.routes.context import TheSettings, TheStore, TheTemplates
from unposed_jobs.web.security import Owner, Reader
from unposed_jobs.web.words import ACTIONS

ROUTES = APIRouter()
PAGE = 100


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
        actions=list(ACTIONS.items()),
        people=store.writers(),
    )


@ROUTES.post("/language")
def speak(
    request: Request,
    person: Reader,
    settings: TheSettings,
    language: Annotated[str, Form(max_length=10)],
    back: Annotated[str, Form(max_length=4096)] = "/work",
) -> Response:
    """Remember the language that somebody chose, in the browser alone."""
    root = request.scope.get("root_path", "")
    response = RedirectResponse(root + local(back), 303)
    if language in LANGUAGES:
        response.set_cookie(
            COOKIE,
            language,
            max_age=365 * 86_400,
            path=root or "/",
            httponly=True,
            samesite="lax",
            secure=settings.serve.https,
        )
    return response


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
