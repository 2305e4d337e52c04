"""A catalogue of which nothing is carried, as a new user has it: every page and export is there."""

from __future__ import annotations

import pytest
import web_day
from web_people import Served

from unposed_jobs.decisions import Store
from unposed_jobs.web import app
from unposed_jobs.web.filters import GAP_SORTS, PRODUCT_SORTS


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Served:
    home = tmp_path_factory.mktemp("plain")
    made = web_day.settings(home, catalogue__carry=[])
    web_day.audit(made, home)
    store = Store.open(made.decisions.store)
    return Served(made, store, app.create(made, store))


def test_every_page_and_export(plain):
    client = plain.as_("Ed", "owner")
    exports = [
        f"/{page}/export?as={form}{rest}"
        for page, rest in (("work", "&state=all"), ("products", ""))
        for form in ("csv", "xlsx")
    ]
    sorts = [f"/work?state=all&sort={name}" for name in GAP_SORTS]
    sorts += [f"/products?sort={name}" for name in PRODUCT_SORTS]
    pages = ["/work", "/work/print", "/work?q=A-2", "/products?q=A-2", "/product?id=A-2"]
    for page in (*pages, "/changes", "/poses", "/log", "/people", *sorts, *exports):
        answer = client.get(page)
        assert answer.status_code == 200, (page, answer.text[-600:])
        if page not in exports and "/print" not in page:
            assert "Binder" not in answer.text
    assert "A-2" in client.get("/work").text


def test_the_interface_for_programs(plain):
    client = plain.program("robot", "reader")
    for path in ("day", "work", "products", "product?id=A-2", "decisions"):
        answer = client.get(f"/api/v1/{path}")
        assert answer.status_code == 200, (path, answer.text)
