"""How a request is known to be somebody's: by a session, by a token, or by who mounts the pages."""

from __future__ import annotations

from typing import Protocol

from starlette.requests import Request

from unposed_jobs.config import ServeSettings
from unposed_jobs.web.people import People, Person

COOKIE = "unposed_session"


class Door(Protocol):
    """Tells who asks."""

    own_login: bool
    """Whether the pages have a login of their own."""

    async def identify(self, request: Request) -> Person | None:
        """Who asks; None for a stranger."""


class OwnDoor:
    """Sessions after a login here, and tokens of the API in the header Authorization."""

    own_login = True

    def __init__(self, people: People) -> None:
        self._people = people

    async def identify(self, request: Request) -> Person | None:
        """Who asks; None for a stranger."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            return self._people.by_token(token)
        session = request.cookies.get(COOKIE)
        return self._people.by_session(session) if session else None


def role_of(groups: list[str], settings: ServeSettings) -> str | None:
    """The highest role that any of a provider's groups gives; None for none."""
    for role, named in (
        ("owner", settings.owners),
        ("editor", settings.editors),
        ("reader", settings.readers),
    ):
        if "*" in named or set(groups) & set(named):
            return role
    return None
