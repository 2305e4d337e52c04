"""Logging in and out: by a token on a laptop, at an OpenID provider where one is set."""

from __future__ import annotations

import os
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Form, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.middleware.sessions import SessionMiddleware

from unposed_jobs.config import ServeSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.web.doors import COOKIE, role_of
from unposed_jobs.web.people import People
from unposed_jobs.web.rendering import local
from unposed_jobs.web.routes.context import TheSettings, TheStore, TheTemplates
from unposed_jobs.web.security import Reader, address_of

SECRET = "UNPOSED_OIDC_SECRET"  # noqa: S105 - the name of a variable
_BACK = "back"


def check(settings: ServeSettings) -> None:
    """Raise UnposedError where a provider is asked for and not wholly named."""
    if settings.login != "oidc":
        return
    if not settings.oidc_issuer or not settings.oidc_client:
        raise UnposedError("[serve] login = oidc needs oidc_issuer and oidc_client")
    if not os.environ.get(SECRET):
        raise UnposedError(f"[serve] login = oidc needs ${SECRET}, which the provider gave")


def routes(settings: ServeSettings) -> APIRouter:
    """The pages of the login that the settings name."""
    made = APIRouter()
    made.add_api_route("/login", _page, methods=["GET"])
    made.add_api_route("/logout", _out, methods=["POST"])
    if settings.login == "token":
        made.add_api_route("/login", _by_token, methods=["POST"])
        return made
    check(settings)
    made.add_api_route("/login/start", _to_provider, methods=["GET"])
    made.add_api_route("/login/back", _from_provider, methods=["GET"])
    return made


def add_state(app: FastAPI, secret: str, *, https: bool) -> None:
    """What a login at a provider has to remember: a signed cookie for ten minutes."""
    from authlib.integrations.starlette_client import OAuth

    settings: ServeSettings = app.state.settings.serve
    app.add_middleware(
        SessionMiddleware,
        secret_key=secret,
        session_cookie="unposed_login",
        max_age=600,
        same_site="lax",
        https_only=https,
    )
    oauth = OAuth()
    oauth.register(
        "provider",
        client_id=settings.oidc_client,
        client_secret=os.environ[SECRET],
        server_metadata_url=(
            f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration"
        ),
        client_kwargs={
            "scope": "openid profile email",
            "code_challenge_method": "S256",
            "timeout": 10,
        },
    )
    app.state.provider = oauth.provider


def _page(
    request: Request, templates: TheTemplates, back: Annotated[str, Query(max_length=4000)] = ""
) -> Response:
    settings: ServeSettings = request.app.state.settings.serve
    return templates.page(
        request, "login.html", None, back=local(back), how=settings.login, problem=""
    )


def _by_token(
    request: Request,
    templates: TheTemplates,
    settings: TheSettings,
    store: TheStore,
    token: Annotated[str, Form(max_length=200)],
    back: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    request.app.state.rates.check("login", address_of(request))
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403, "the request comes from another site")
    people: People = request.app.state.people
    found = people.by_token(token.strip())
    if found is None:
        return templates.page(
            request,
            "login.html",
            None,
            status_code=403,
            back=local(back),
            how="token",
            problem="That token is nobody's.",
        )
    store.log(found.name, "login", "logged in by a token")
    return _let_in(request, found.name, found.role, back)


async def _to_provider(
    request: Request, back: Annotated[str, Query(max_length=4000)] = ""
) -> Response:
    request.app.state.rates.check("login", address_of(request))
    request.session[_BACK] = local(back)
    # The proxy ends https: the provider has to know the outer address.
    answer = request.url_for("_from_provider")
    if request.app.state.settings.serve.https:
        answer = answer.replace(scheme="https")
    return await request.app.state.provider.authorize_redirect(request, str(answer))


async def _from_provider(request: Request, store: TheStore, settings: TheSettings) -> Response:
    from authlib.common.errors import AuthlibBaseError
    from httpx import HTTPError
    from joserfc.errors import JoseError

    request.app.state.rates.check("login", address_of(request))
    try:
        token = await request.app.state.provider.authorize_access_token(request)
    except AuthlibBaseError as error:
        raise HTTPException(403, f"the provider refused: {error.error}") from None
    except JoseError as error:
        raise HTTPException(403, f"the provider's word does not hold: {error.error}") from None
    except HTTPError:
        raise HTTPException(503, "the provider does not answer; try again") from None
    claims: dict[str, Any] = dict(token.get("userinfo") or {})
    if not claims.get("sub"):
        raise HTTPException(403, "the provider does not say who this is")
    groups = claims.get(settings.serve.oidc_claim) or []
    role = role_of([groups] if isinstance(groups, str) else list(groups), settings.serve)
    if role is None:
        raise HTTPException(403, "none of your groups may see these pages")
    name = str(claims.get("email") or claims.get("preferred_username") or claims["sub"])[:120]
    store.log(name, "login", "logged in at the provider")
    return _let_in(request, name, role, request.session.pop(_BACK, ""))


def _let_in(request: Request, name: str, role: str, back: str) -> Response:
    settings: ServeSettings = request.app.state.settings.serve
    people: People = request.app.state.people
    root = request.scope.get("root_path", "")
    response = RedirectResponse(root + local(back), 303)
    response.set_cookie(
        COOKIE,
        people.begin(name, role, settings.session_hours),
        max_age=settings.session_hours * 3600,
        path=root or "/",
        httponly=True,
        samesite="lax",
        secure=settings.https,
    )
    return response


def _out(request: Request, person: Reader) -> Response:
    people: People = request.app.state.people
    if session := request.cookies.get(COOKIE):
        people.end(session)
    root = request.scope.get("root_path", "")
    response = RedirectResponse(f"{root}/login", 303)
    response.delete_cookie(COOKIE, path=root or "/")
    return response
