"""Who may do what: people with roles, their tokens, and sessions after a login.

Tokens and sessions are kept as digests: who reads the store can be nobody. A reader looks, an
editor decides, an owner also says who the others are.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import secrets
from dataclasses import dataclass

import sqlalchemy as sa

from unposed_jobs.decisions import Store
from unposed_jobs.decisions.schema import PEOPLE, SESSIONS
from unposed_jobs.errors import UnposedError

READER, EDITOR, OWNER = "reader", "editor", "owner"
ROLES = (READER, EDITOR, OWNER)
LONGEST_NAME = 120


@dataclass(frozen=True)
class Person:
    """Somebody who is logged in."""

    name: str
    role: str
    csrf: str | None = None
    """What forms have to send back; None where the request proves itself by a token of its own,
    which no foreign page can send."""

    def may(self, role: str) -> bool:
        """Whether the person's role includes another."""
        return ROLES.index(self.role) >= ROLES.index(role)


@dataclass(frozen=True)
class Known:
    """A person of the store."""

    name: str
    role: str
    since: datetime.datetime
    blocked: bool


class People:
    """The store's people and sessions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, name: str, role: str, by: str) -> str:
        """Add a person, or give one a new role and token; returns the token, which is not kept."""
        name = name.strip()
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise UnposedError(f"a name is one line of at most {LONGEST_NAME} characters")
        if role not in ROLES:
            raise UnposedError(f"no role is called {role}; known: {', '.join(ROLES)}")
        token = secrets.token_urlsafe(24)
        values = {
            "role": role,
            "token_sha256": digest(token),
            "since": now(),
            "blocked": False,
        }
        with self._store.writing.begin() as connection:
            connection.execute(sa.delete(PEOPLE).where(PEOPLE.c.name == name))
            connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.name == name))
            connection.execute(sa.insert(PEOPLE).values(name=name, **values))
        self._store.log(by, "person", f"{name} is {role} now, by a new token")
        return token

    def block(self, name: str, by: str) -> None:
        """Let a person in no more; sessions end. Raises UnposedError for nobody."""
        with self._store.writing.begin() as connection:
            done = connection.execute(
                sa.update(PEOPLE)
                .where(PEOPLE.c.name == name)
                .values(blocked=True, token_sha256=None)
            )
            connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.name == name))
        if not done.rowcount:
            raise UnposedError(f"nobody is called {name}")
        self._store.log(by, "person", f"{name} is blocked")

    def all(self) -> list[Known]:
        """Everybody, by name."""
        columns = (PEOPLE.c.name, PEOPLE.c.role, PEOPLE.c.since, PEOPLE.c.blocked)
        with self._store.engine.connect() as connection:
            rows = connection.execute(sa.select(*columns).order_by(PEOPLE.c.name))
            return [Known(**row) for row in rows.mappings()]

    def by_token(self, token: str) -> Person | None:
        """Whose token it is; None for nobody's."""
        wanted = sa.select(PEOPLE.c.name, PEOPLE.c.role).where(
            PEOPLE.c.token_sha256 == digest(token), PEOPLE.c.blocked.is_(False)
        )
        with self._store.engine.connect() as connection:
            row = connection.execute(wanted).first()
        return Person(row.name, row.role) if row else None

    def begin(self, name: str, role: str, hours: int) -> str:
        """Begin a session; returns its token."""
        token = secrets.token_urlsafe(32)
        ends = now() + datetime.timedelta(hours=hours)
        values = {"name": name, "role": role, "csrf": secrets.token_urlsafe(24), "ends_at": ends}
        with self._store.writing.begin() as connection:
            connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.ends_at < now()))
            connection.execute(sa.insert(SESSIONS).values(token_sha256=digest(token), **values))
        return token

    def by_session(self, token: str) -> Person | None:
        """Whose session it is; None where it ended."""
        wanted = sa.select(SESSIONS).where(
            SESSIONS.c.token_sha256 == digest(token), SESSIONS.c.ends_at > now()
        )
        with self._store.engine.connect() as connection:
            row = connection.execute(wanted).first()
        return Person(row.name, row.role, row.csrf) if row else None

    def end(self, token: str) -> None:
        """End a session."""
        with self._store.writing.begin() as connection:
            ended = SESSIONS.c.token_sha256 == digest(token)
            connection.execute(sa.delete(SESSIONS).where(ended))


def digest(token: str) -> str:
    """What is kept of a token. Tokens are long and random: no slow digest is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two secrets are the same, in a time that tells nothing."""
    return hmac.compare_digest(one.encode(), other.encode())


def now() -> datetime.datetime:
    """This moment, UTC."""
    return datetime.datetime.now(datetime.UTC)
