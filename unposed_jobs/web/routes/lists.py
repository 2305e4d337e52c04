"""The work list and the list of products: pages, print sheets, exports, saved views."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response

from unposed_jobs.web import exports, views
from unposed_jobs.web.filters import GAP_SORTS, PRODUCT_SORTS, REMEDIES, Filter, Place
from unposed_jobs.web.reading import Day
from unposed_jobs.web.routes.context import TheDay, TheSettings, TheStore, TheTemplates
from unposed_jobs.web.rows import every, export_names, export_row, gap_rows
from unposed_jobs.web.security import Editor, Reader

ROUTES = APIRouter()
PRINTED = 500
"""Rows of a print sheet."""


def gap_filter(request: Request, day: Day) -> Filter:
    """The work list that an address asks for."""
    return Filter.read(request.query_params, day.about.columns, GAP_SORTS)


@ROUTES.get("/")
def first(request: Request, person: Reader) -> Response:
    """The first page is the work list."""
    return RedirectResponse(request.scope.get("root_path", "") + "/work", 303)


@ROUTES.get("/work")
def work(
    request: Request, person: Reader, day: TheDay, store: TheStore, templates: TheTemplates
) -> Response:
    """What is to be done."""
    wanted = gap_filter(request, day)
    page = day.gaps(wanted, person.name)
    gaps, products = day.count_gaps(wanted, person.name)
    return templates.page(
        request,
        "work.html",
        person,
        day=day,
        about=day.about,
        wanted=wanted,
        page=page,
        gaps=gaps,
        products=products,
        next_query=wanted.query(after=page.after.written()) if page.after else None,
        choices=(choices := day.choices()),
        parts=_parts(choices, wanted.category),
        asks=sorted(((ask, day.ask_name(ask)) for ask in day.asks), key=lambda one: one[1]),
        assignees=day.assignees(),
        sorts=GAP_SORTS,
        remedies=REMEDIES,
        views=views.everything(store, "work"),
    )


def _parts(choices: dict[str, list[tuple[str, int]]], category: str) -> list[tuple[str, str]]:
    """The subcategories of a category."""
    pairs = [value.partition("\x1f") for value, _ in choices.get("subcategory", [])]
    return [(part, part) for whole, _, part in pairs if whole == category]


@ROUTES.get("/work/print")
def sheet(request: Request, person: Reader, day: TheDay, templates: TheTemplates) -> Response:
    """The list on paper: what a studio takes along."""
    wanted = gap_filter(request, day)
    page = day.gaps(wanted, person.name, limit=PRINTED)
    gaps, products = day.count_gaps(wanted, person.name)
    return templates.page(
        request,
        "print.html",
        person,
        about=day.about,
        wanted=wanted,
        rows=page.rows,
        gaps=gaps,
        products=products,
        day=day,
    )


@ROUTES.get("/work/next")
def step(
    request: Request,
    person: Reader,
    day: TheDay,
    product: Annotated[str, Query(max_length=500)],
) -> Response:
    """The next product of the list behind one; back to the list at its end."""
    wanted = dataclasses.replace(gap_filter(request, day), size=100)
    root = request.scope.get("root_path", "")
    back = f"{root}/work?{wanted.query(size=None)}"
    # Of a product that has no row any more the page's own place tells where to go on.
    for _ in range(50):
        page = day.gaps(wanted, person.name)
        for row in page.rows:
            if row["product_id"] != product:
                place = Place(row["sorted_by"], row["product_id"], row["ask_id"])
                query = wanted.query(after=place.written(), size=None)
                more = {"id": row["product_id"], "list": query}
                return RedirectResponse(f"{root}/product?{urlencode(more)}", 303)
        if page.after is None:
            break
        wanted = dataclasses.replace(wanted, after=page.after.written())
    return RedirectResponse(back, 303)


@ROUTES.get("/products")
def products(
    request: Request, person: Reader, day: TheDay, store: TheStore, templates: TheTemplates
) -> Response:
    """All products."""
    wanted = Filter.read(request.query_params, day.about.columns, PRODUCT_SORTS)
    page = day.products(wanted)
    return templates.page(
        request,
        "products.html",
        person,
        day=day,
        about=day.about,
        wanted=wanted,
        page=page,
        count=day.count_products(wanted),
        next_query=wanted.query(after=page.after.written()) if page.after else None,
        choices=day.choices(),
        sorts=PRODUCT_SORTS,
        views=views.everything(store, "products"),
    )


@ROUTES.get("/work/export")
def export(
    request: Request,
    person: Reader,
    day: TheDay,
    settings: TheSettings,
    form: Annotated[str, Query(alias="as", pattern="^(csv|xlsx)$")] = "csv",
    marketplace: Annotated[str, Query(pattern="^(amazon)?$")] = "",
) -> Response:
    """The list as a file."""
    wanted = gap_filter(request, day)
    rows = gap_rows(day, wanted, person.name, settings.serve.export_rows)
    names = export_names(day, marketplace)
    values = (export_row(day, row, marketplace) for row in rows)
    return exports.file(f"unposed-{day.about.run_date}", form, names, values)


@ROUTES.get("/products/export")
def export_products(
    request: Request,
    person: Reader,
    day: TheDay,
    settings: TheSettings,
    form: Annotated[str, Query(alias="as", pattern="^(csv|xlsx)$")] = "csv",
) -> Response:
    """The products as a file."""
    wanted = Filter.read(request.query_params, day.about.columns, PRODUCT_SORTS)
    columns = day.about.columns
    names = [*_PRODUCT_NAMES, *columns]
    carried = [f"c{place}" for place in range(len(columns))]
    rows = every(day.products, wanted, settings.serve.export_rows)
    values = ([row[name] for name in (*_PRODUCT_NAMES, *carried)] for row in rows)
    return exports.file(f"unposed-products-{day.about.run_date}", form, names, values)


_PRODUCT_NAMES = (
    *("product_id", "title", "category", "subcategory", "product_type", "status", "completeness"),
    *("missing_count", "pictures", "usable", "reason"),
)


@ROUTES.get("/v/{slug}")
def saved(request: Request, slug: str, person: Reader, store: TheStore) -> Response:
    """A saved view's address."""
    view = views.find(store, slug)
    if view is None:
        raise HTTPException(404, "there is no such view; it may have been removed")
    root = request.scope.get("root_path", "")
    return RedirectResponse(f"{root}/{view.page}?{view.query}", 303)


@ROUTES.post("/views")
def save_view(
    request: Request,
    person: Editor,
    store: TheStore,
    day: TheDay,
    name: Annotated[str, Form(max_length=200)],
    page: Annotated[str, Form(pattern="^(work|products)$")],
    query: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Save the list that is shown."""
    from urllib.parse import parse_qsl

    sorts: Any = GAP_SORTS if page == "work" else PRODUCT_SORTS
    wanted = Filter.read(dict(parse_qsl(query)), day.about.columns, sorts)
    view = views.save(store, name, page, wanted.query(), person.name)
    return RedirectResponse(f"{request.scope.get('root_path', '')}/v/{view.slug}", 303)


@ROUTES.post("/views/remove")
def remove_view(
    request: Request, person: Editor, store: TheStore, slug: Annotated[str, Form()]
) -> Response:
    """Remove a saved view."""
    page = views.remove(store, slug, person.name)
    return RedirectResponse(f"{request.scope.get('root_path', '')}/{page}", 303)
