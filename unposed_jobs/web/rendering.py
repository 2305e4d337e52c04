"""Pages from templates: jinja2 with autoescape, addresses below wherever the pages are mounted."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from unposed_jobs import __version__
from unposed_jobs.report import addresses
from unposed_jobs.web import filters, words
from unposed_jobs.web.languages import COOKIE, LANGUAGES, Speech, choose
from unposed_jobs.web.people import Person
from unposed_jobs.web.pictures import Pictures

HERE = Path(__file__).parent
STATIC = HERE / "static"
SAID = "unposed_said"
"""A cookie with what was just done, shown once."""
MOST_UNDONE = 200
"""Decisions that one button undoes."""


def environment(speech: Speech) -> jinja2.Environment:
    """The templates in one language."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_translations(speech.texts, newstyle=True)  # type: ignore[attr-defined]
    made.filters |= speech.filters() | {
        "twice": lambda value: (value, value),
        "upfirst": lambda text: text[:1].upper() + text[1:],
        "word": speech.word,
    }
    made.globals |= {
        "states": filters.STATES,
        "statuses": filters.STATUSES,
        "words": words,
        "languages": LANGUAGES,
        "original": addresses.on_the_web,
        "version": __version__,
    }
    return made


class Templates:
    """Renders pages, in the language of whoever asks."""

    def __init__(self, pictures: Pictures, *, own_login: bool, usual: str = "en") -> None:
        self._pictures, self._own_login, self._usual = pictures, own_login, usual
        self._of = {language: environment(Speech(language)) for language in LANGUAGES}

    def page(
        self,
        request: Request,
        template: str,
        person: Person | None,
        *,
        status_code: int = 200,
        headers: dict[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """A page for whoever asks."""
        root = request.scope.get("root_path", "")

        def at(path: str) -> str:
            return root + path

        def picture(uri: str, size: str = "small") -> str:
            return root + self._pictures.path(uri, size)

        said = _said(request.cookies.get(SAID, ""))
        language = choose(
            request.cookies.get(COOKIE), request.headers.get("accept-language", ""), self._usual
        )
        text = (
            self._of[language]
            .get_template(template)
            .render(
                **values,
                language=language,
                at=at,
                picture=picture,
                product_at=lambda product_id, **more: (
                    f"{root}/product?{urlencode({'id': product_id} | more)}"
                ),
                here=request.scope["path"].removeprefix(root),
                address=_own_address(request, root),
                person=person,
                csrf=(person and person.csrf) or "",
                own_login=self._own_login,
                said=said,
            )
        )
        own = {"content-language": language, "vary": "accept-language, cookie"}
        response = HTMLResponse(text, status_code, own | (headers or {}))
        if said and status_code == 200:
            response.delete_cookie(SAID, path=root or "/")
        return response

    def login_address(self, request: Request) -> str:
        """The login, from which one comes back here."""
        root = request.scope.get("root_path", "")
        return f"{root}/login?{urlencode({'back': _own_address(request, root)})}"


def say(
    response: Response, what: str, count: int, root: str, *, https: bool, ids: str = ""
) -> Response:
    """Have the next page say once what was done; `ids` are decisions that it offers to undo."""
    response.set_cookie(
        SAID,
        f"{what}.{count}.{ids}",
        max_age=60,
        path=root or "/",
        httponly=True,
        samesite="lax",
        secure=https,
    )
    return response


def _own_address(request: Request, root: str) -> str:
    path = request.scope["path"].removeprefix(root)
    query = request.url.query
    return quote(path, safe="/") + (f"?{query}" if query else "")


def _said(cookie: str) -> dict[str, Any] | None:
    """What was done: the kind of decision, how many, and their ids where they can be undone."""
    kind, _, rest = cookie.partition(".")
    count, _, ids = rest.partition(".")
    if not kind.replace("_", "").isalpha() or len(kind) > 20 or not count.isdecimal():
        return None
    numbers = [int(one) for one in ids.split("-") if one.isdecimal()][:MOST_UNDONE]
    return {"kind": kind, "count": int(count[:7]), "ids": numbers}


def local(back: str) -> str:
    """An address of this server's pages to go back to; the first page for any other."""
    plain = back.startswith("/") and not back.startswith(("//", "/\\"))
    return back if plain and back.isprintable() and "\\" not in back else "/work"
