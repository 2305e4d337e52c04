"""Saved views: a list's query under a name and a stable address."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

import sqlalchemy as sa

from unposed_jobs.decisions import Store
from unposed_jobs.decisions.schema import VIEWS
from unposed_jobs.errors import UnposedError
from unposed_jobs.web.people import now

PAGES = ("work", "products")
LONGEST_NAME = 80
LONGEST_QUERY = 4000


@dataclass(frozen=True)
class View:
    """One saved view."""

    slug: str
    name: str
    page: str
    query: str
    owner: str


def save(store: Store, name: str, page: str, query: str, by: str) -> View:
    """Keep a view. Raises UnposedError for a name or query that is none."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or page not in PAGES or len(query) > LONGEST_QUERY:
        raise UnposedError(f"a view needs a name of at most {LONGEST_NAME} characters")
    words = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")[:40]
    view = View(f"{words or 'view'}-{secrets.token_hex(3)}", name, page, query, by)
    with store.writing.begin() as connection:
        connection.execute(sa.insert(VIEWS).values(**view.__dict__, since=now()))
    store.log(by, "view", f"saved the view {name}")
    return view


def remove(store: Store, slug: str, by: str) -> str:
    """Remove a view; its address ends. Returns the page that it was of."""
    view = find(store, slug)
    with store.writing.begin() as connection:
        done = connection.execute(sa.delete(VIEWS).where(VIEWS.c.slug == slug))
    if view is None or not done.rowcount:
        raise UnposedError("there is no such view")
    store.log(by, "view", f"removed the view {view.name}")
    return view.page


def everything(store: Store, page: str) -> list[View]:
    """All views of a page, by name."""
    wanted = sa.select(*_COLUMNS).where(VIEWS.c.page == page).order_by(VIEWS.c.name)
    with store.engine.connect() as connection:
        return [View(**row) for row in connection.execute(wanted).mappings()]


def find(store: Store, slug: str) -> View | None:
    """One view."""
    with store.engine.connect() as connection:
        found = sa.select(*_COLUMNS).where(VIEWS.c.slug == slug)
        row = connection.execute(found).mappings().first()
    return View(**row) if row else None


_COLUMNS = tuple(VIEWS.c[name] for name in ("slug", "name", "page", "query", "owner"))
