"""What stands between a request and the pages: hosts, rates, roles, forged forms, headers."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unposed_jobs.config import ServeSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.web.people import EDITOR, OWNER, READER, Person, same

CSRF_HEADER = "x-csrf-token"
LOGINS_A_MINUTE = 10
LONGEST_BODY = 2_000_000
SAFE = ("GET", "HEAD", "OPTIONS")
_POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "x-robots-tag": "noindex",
}


def check_exposure(settings: ServeSettings) -> None:
    """Raise UnposedError where people would log in over an open network without https."""
    try:
        local = ipaddress.ip_address(settings.host).is_loopback
    except ValueError:
        local = settings.host == "localhost"
    if not local and not settings.https:
        raise UnposedError(
            f"[serve] host {settings.host} is open to the network: put a proxy with https before "
            "it and set https = true and names, or listen on 127.0.0.1"
        )
    if not local and not settings.names:
        raise UnposedError(
            "[serve] names: the host names that people reach it by, for an open host"
        )


class Headers:
    """Puts the headers on every answer; refuses bodies that are too large."""

    def __init__(self, app: ASGIApp, *, https: bool, framed: bool) -> None:
        self._app = app
        self._fixed = _HEADERS | {
            "content-security-policy": _POLICY.format(ancestors="'self'" if framed else "'none'")
        }
        if https:
            self._fixed |= {"strict-transport-security": "max-age=31536000"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._fixed.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        seen = 0

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > LONGEST_BODY:
                raise HTTPException(413, "the request is too large")
            return message

        sizes = [v for k, v in scope["headers"] if k == b"content-length"]
        if sizes and (not sizes[0].isdigit() or int(sizes[0]) > LONGEST_BODY):
            await PlainTextResponse("the request is too large", 413)(scope, receive, headed)
            return
        await self._app(scope, bounded, headed)


class Rates:
    """How often a person, or the address of a stranger, may ask."""

    def __init__(self, settings: ServeSettings) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._usual = RateLimitItemPerMinute(settings.requests_a_minute)
        self._pictures = RateLimitItemPerMinute(settings.requests_a_minute * 10)
        self._logins = RateLimitItemPerMinute(LOGINS_A_MINUTE)

    def check(self, kind: str, whom: str) -> None:
        """Count a request; raises HTTPException 429 where there are too many."""
        limit = {"login": self._logins, "picture": self._pictures}.get(kind, self._usual)
        if not self._limiter.hit(limit, kind, whom):
            raise HTTPException(
                429, "too many requests; wait a minute", headers={"retry-after": "60"}
            )


def hosts(settings: ServeSettings) -> list[str]:
    """The host names that requests may be for: a foreign name that leads here is refused."""
    return ["127.0.0.1", "localhost", *settings.names]


def address_of(request: Request) -> str:
    """The visitor's network address."""
    return request.client.host if request.client else "unknown"


async def _person(request: Request) -> Person:
    found = await request.app.state.door.identify(request)
    rates: Rates = request.app.state.rates
    kind = "picture" if "/picture/" in request.url.path else "page"
    rates.check(kind, f"person {found.name}" if found else address_of(request))
    if found is None:
        raise HTTPException(401, "log in first")
    request.state.person = found
    return found


def _with(role: str) -> Callable[..., Awaitable[Person]]:
    async def check(request: Request, person: Annotated[Person, Depends(_person)]) -> Person:
        if not person.may(role):
            raise HTTPException(403, f"this needs the role {role}; yours is {person.role}")
        if request.method not in SAFE:
            await _check_form(request, person)
        return person

    return check


async def _check_form(request: Request, person: Person) -> None:
    """Refuse what a foreign page makes a browser send."""
    if person.csrf is None:
        return
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403, "the request comes from another site")
    sent = request.headers.get(CSRF_HEADER)
    if sent is None:
        sent = str((await request.form()).get("csrf", ""))
    if not same(sent, person.csrf):
        raise HTTPException(403, "the form is out of date; load the page again")


Reader = Annotated[Person, Depends(_with(READER))]
Editor = Annotated[Person, Depends(_with(EDITOR))]
Owner = Annotated[Person, Depends(_with(OWNER))]


def answers(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route, for its description."""
    known = {
        401: "Nobody is logged in",
        403: "The role does not allow it, or the form is forged",
        404: "There is no such thing",
        409: "It does not stand any more",
        422: "What was sent is not understood",
        429: "Too many requests",
    }
    return {code: {"description": known[code]} for code in codes}
