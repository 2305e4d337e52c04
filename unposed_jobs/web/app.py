"""Puts the application together: store, published day, doors, pages, API."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.staticfiles import StaticFiles

from unposed_jobs import __version__, storage
from unposed_jobs.catalogue import places
from unposed_jobs.config import Settings
from unposed_jobs.decisions import Store
from unposed_jobs.errors import MachineError, UnposedError
from unposed_jobs.report.pages import TEMPLATES as GALLERY
from unposed_jobs.web import changes as of_days
from unposed_jobs.web import security
from unposed_jobs.web.airflow import Airflow, of_settings
from unposed_jobs.web.doors import Door, OwnDoor
from unposed_jobs.web.people import People
from unposed_jobs.web.pictures import Pictures
from unposed_jobs.web.reading import Days
from unposed_jobs.web.rendering import STATIC, Templates
from unposed_jobs.web.routes import (
    api,
    changes,
    lists,
    log,
    login,
    models,
    poses,
    product,
    writes,
)

DESCRIPTION = """\
What Unposed found out about each product's pictures on the latest published day, and what people
decide about it. Send a token of `unposed people add` as `Authorization: Bearer TOKEN`."""


def create(
    settings: Settings,
    store: Store,
    *,
    door: Door | None = None,
    framed: bool = False,
    airflow: Airflow | None = None,
) -> FastAPI:
    """The application; `door` tells who asks, by default its own login.

    `airflow` is asked and answered about candidates, by default that of `[serve] airflow`.
    With `framed` pages of the same origin may show it in a frame. Raises UnposedError for settings
    that would let people log in over an open network.
    """
    storage.configure(places.allowed(settings))
    product.links(settings.serve.links, "")  # Said at once where one is none.
    app = FastAPI(
        title="Unposed",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    people = People(store)
    secret = store.remember("picture secret", secrets.token_hex(32))
    app.state.settings = settings
    app.state.store = store
    app.state.people = people
    app.state.door = door or OwnDoor(people)
    app.state.days = Days(settings, store, of_days.prepare)
    app.state.rates = security.Rates(settings.serve)
    app.state.pictures = Pictures(settings, secret)
    app.state.airflow = airflow or of_settings(settings.serve)
    app.state.templates = Templates(
        app.state.pictures,
        own_login=app.state.door.own_login,
        usual=settings.serve.language,
    )
    for routes in (lists, product, changes, poses, models, log, writes):
        app.include_router(routes.ROUTES, include_in_schema=False)
    if app.state.door.own_login:
        app.include_router(login.routes(settings.serve), include_in_schema=False)
    app.include_router(api.ROUTES)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.mount("/gallery-style", StaticFiles(directory=GALLERY), name="gallery-style")
    _refusals(app)
    if settings.serve.login == "oidc" and app.state.door.own_login:
        login.add_state(app, secret, https=settings.serve.https)
    app.add_middleware(security.Headers, https=settings.serve.https, framed=framed)
    if not framed:
        app.add_middleware(
            TrustedHostMiddleware,
            allowed_hosts=security.hosts(settings.serve),
            www_redirect=False,
        )
    return app


def _refusals(app: FastAPI) -> None:
    """Errors as pages for people and as JSON for programs; never a stack trace."""

    async def refused(request: Request, error: Any) -> Response:
        return _answer(request, error.status_code, str(error.detail), error.headers)

    async def mistaken(request: Request, error: Any) -> Response:
        return _answer(request, 503 if isinstance(error, MachineError) else 422, str(error))

    async def misunderstood(request: Request, error: Any) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return _answer(request, 422, f"{where}: {first['msg']}".replace("\n", " "))

    async def broken(request: Request, error: Exception) -> Response:
        return _answer(request, 500, "something went wrong here; see the server's log")

    handlers: tuple[tuple[Any, Callable[..., Awaitable[Response]]], ...] = (
        (HTTPException, refused),
        (404, refused),
        (405, refused),
        (UnposedError, mistaken),
        (RequestValidationError, misunderstood),
        (Exception, broken),
    )
    for kind, handler in handlers:
        app.add_exception_handler(kind, handler)


def _answer(
    request: Request, code: int, message: str, headers: dict[str, str] | None = None
) -> Response:
    # Where it is mounted the path has the prefix too.
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    if path.startswith("/api/") or request.method not in (*security.SAFE, "POST"):
        return JSONResponse({"detail": message}, code, headers)
    templates: Templates = request.app.state.templates
    if code == 401 and request.app.state.door.own_login and request.method in security.SAFE:
        return RedirectResponse(templates.login_address(request), 303)
    person = getattr(request.state, "person", None)
    return templates.page(
        request, "error.html", person, status_code=code, code=code, message=message, headers=headers
    )
