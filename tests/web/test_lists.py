"""The lists: which rows, in which order, on which page, in which state."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import html
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import web_day
from web_people import Served, csrf

from unposed_jobs.decisions import Decision, Store
from unposed_jobs.errors import UnposedError
from unposed_jobs.web import reading
from unposed_jobs.web.app import create
from unposed_jobs.web.exports import marketplace_code
from unposed_jobs.web.filters import GAP_SORTS, PRODUCT_SORTS, Filter, Place


@pytest.fixture
def day(served) -> reading.Day:
    return served.app.state.days.latest()


def keys(day, me="Ed", **wanted):
    return {(row["product_id"], row["ask_id"]) for row in day.gaps(Filter(**wanted), me).rows}


def all_pages(read, wanted):
    rows = []
    while True:
        page = read(wanted)
        rows += page.rows
        if page.after is None:
            return rows
        wanted = dataclasses.replace(wanted, after=page.after.written())


@pytest.mark.parametrize("sort", GAP_SORTS)
def test_pages_have_every_gap_once_in_order(day, sort):
    rows = all_pages(lambda wanted: day.gaps(wanted, "Ed"), Filter(state="all", sort=sort, size=7))
    found = [(row["product_id"], row["ask_id"]) for row in rows]
    assert len(set(found)) == len(found) == day.count_gaps(Filter(state="all"), "Ed")[0]
    values = [row["sorted_by"] for row in rows]
    assert values == sorted(values, reverse=GAP_SORTS[sort][2] == "DESC")


@pytest.mark.parametrize("sort", PRODUCT_SORTS)
def test_pages_have_every_product_once(day, sort):
    rows = all_pages(day.products, Filter(sort=sort, size=5))
    ids = [row["product_id"] for row in rows]
    assert len(set(ids)) == len(ids) == day.count_products(Filter()) == 16


def test_filters_narrow(day):
    everything = keys(day)
    assert keys(day, category="Tops") < everything
    assert keys(day, category="Tops", subcategory="Tee") < keys(day, category="Tops")
    assert {ask for _, ask in keys(day, ask=8)} == {8}
    assert {product for product, _ in keys(day, q="sHiRt b-1")} == {"B-1"}
    assert (
        keys(day, columns=(("brand", "Ö"),)) | keys(day, columns=(("brand", "=B"),)) == everything
    )
    assert {ask for _, ask in keys(day, remedy="make")} == {8}
    assert keys(day, state="unclear") == {("A-3", 2)}
    assert [row["product_id"] for row in day.products(Filter(status="complete")).rows] == ["A-1"]


def test_a_gap_goes_from_state_to_state_and_back(served, day):
    gap = ("A-2", 3)

    def decide(kind, **more):
        made = Decision(kind, product_id=gap[0], ask_id=gap[1], **more)
        return served.store.decide([made], "Rossi")[0].id

    assert gap in keys(day)
    assign = decide("assign", assignee="Ed", due=datetime.date(2026, 3, 6))
    assert keys(day, state="assigned") == {gap} == keys(day, assignee="me")
    assert keys(day, due="2026-03-06") == {gap}
    assert gap in keys(day)
    assert gap not in keys(day, state="open")
    done = decide("done")
    assert gap not in keys(day)
    assert keys(day, state="done") == {gap}
    waive = decide("waive", until=datetime.date(2999, 1, 1))
    assert keys(day, state="waived") == {gap}
    decide("waive", until=datetime.date(2020, 1, 1))
    assert keys(day, state="done") == {gap}, "a waiver that is over waives nothing"
    assert not served.store.find(waive).stands
    for one in (served.store.standing(["waive"])[0].id, waive, done, assign):
        served.store.undo(one, "Kim")
    assert gap in keys(day, state="open")


def test_what_nobody_is_asked_for_leaves_the_list_at_once(served, day):
    before = keys(day)
    made = [
        Decision("not_applicable", ask_id=8, category="Tops", subcategory="Tee"),
        Decision("not_applicable", ask_id=3, category="Legs"),
        Decision("hide", ask_id=2),
    ]
    ids = [one.id for one in served.store.decide(made, "Rossi")]
    left = before - keys(day)
    assert {ask for _, ask in left} == {2, 3, 8}
    assert {product for product, ask in left if ask == 8} == {"A-3", "A-4", "=1+2"}
    assert keys(day, state="excluded") == left
    for one in ids:
        served.store.undo(one, "Rossi")
    assert keys(day) == before


def test_another_server_sees_what_this_one_writes(served, day):
    other = Store.open(served.settings.decisions.store)
    other.decide([Decision("done", product_id="A-2", ask_id=3)], "Kim")
    assert ("A-2", 3) not in keys(day)


def test_what_is_done_and_still_missing_is_to_do_again(tmp_path):
    settings = web_day.settings(tmp_path)
    web_day.audit(settings, tmp_path)
    store = Store.open(settings.decisions.store)
    served = Served(settings, store, create(settings, store))
    (made,) = store.decide([Decision("done", product_id="A-2", ask_id=3)], "Kim")
    days = served.app.state.days
    assert ("A-2", 3) not in keys(days.latest())
    # The next audit ends after it was said.
    tomorrow = made.at.date() + datetime.timedelta(days=1)
    web_day.audit(settings, tmp_path, tomorrow)
    days.renew()
    assert days.latest().about.run_date == tomorrow
    assert ("A-2", 3) in keys(days.latest())
    page = served.as_("Ed", "reader").get("/work").text
    assert "still missing" in page
    changes = served.as_("Ed", "reader").get("/changes").text
    assert "0 closed, 0 opened" in changes
    (row,) = [r for r in days.latest().gaps(Filter(), "Ed").rows if r["product_id"] == "A-2"][:1]
    assert row["since"] == web_day.DAY


def test_a_whole_list_is_decided_by_its_address(served, day):
    client = served.as_("Ed", "editor")
    wanted = keys(day, category="Legs")
    form = {"csrf": csrf(client), "kind": "assign", "whole": "category=Legs", "assignee": "me"}
    assert client.post("/decide/gaps", data=form | {"due": "2026-03-06"}).status_code == 303
    assert keys(day, state="assigned") == wanted == keys(day, assignee="Ed")
    page = client.get("/work").text
    assert f"{len(wanted)} gaps assigned" in re.sub(r"\s+", " ", page)
    undo = re.findall(r'name="decision" value="(\d+)"', page)
    client.post("/undo", data={"csrf": csrf(client), "decision": undo})
    assert keys(day, state="assigned") == set()


def test_a_form_that_is_not_understood_says_why(served):
    client = served.as_("Ed", "editor")
    secret = csrf(client)
    for form, problem in (
        ({"kind": "waive"}, "nothing was chosen"),
        ({"kind": "waive", "item": "[]"}, "not understood"),
        ({"kind": "waive", "item": '["A-2", 3]', "until": "soon"}, "is no day"),
        ({"kind": "assign", "item": '["A-2", 3]'}, "needs a person or a day"),
        ({"kind": "waive", "item": '["A-2", 77]'}, "no ask or pose 77"),
        ({"kind": "waive", "item": '["nobody", 3]'}, "lists no product"),
    ):
        answer = client.post("/decide/gaps", data=form | {"csrf": secret})
        assert answer.status_code == 422, form
        assert problem.casefold() in html.unescape(answer.text).casefold()
    form = {"csrf": secret, "product": "A-2", "image": "/etc/passwd", "ask": 3}
    assert "does not list" in client.post("/decide/picture", data=form).text
    assert served.store.standing() == []


def test_a_saved_view_keeps_its_address(served):
    client, other = served.as_("Ed", "editor"), served.as_("Kim", "reader")
    form = {"csrf": csrf(client), "name": "Tees for Friday", "page": "work"}
    query = "subcategory=Tee&due=2026-03-06&unknown=1&col.brand=Ö&after=x"
    saved = client.post("/views", data=form | {"query": query}).headers["location"]
    assert saved.startswith("/v/tees-for-friday-")
    goes_to = other.get(saved).headers["location"]
    assert goes_to == "/work?subcategory=Tee&due=2026-03-06&sort=worth&col.brand=%C3%96"
    assert "Tees for Friday" in other.get("/work").text
    client.post("/views/remove", data={"csrf": csrf(client), "slug": saved.removeprefix("/v/")})
    assert other.get(saved).status_code == 404
    form = {"csrf": csrf(client), "name": "Incomplete tops", "page": "products"}
    saved = client.post("/views", data=form | {"query": "category=Tops&status=gaps"})
    slug = saved.headers["location"].removeprefix("/v/")
    assert other.get(f"/v/{slug}").headers["location"].startswith("/products?category=Tops")
    assert "Incomplete tops" in other.get("/products").text
    assert "Incomplete tops" not in other.get("/work").text
    gone = client.post("/views/remove", data={"csrf": csrf(client), "slug": slug})
    assert gone.headers["location"] == "/products"


def test_a_place_that_is_nonsense_is_said_and_one_of_a_lost_product_is_kept(day):
    with pytest.raises(UnposedError, match="first page"):
        Place.read("nonsense")
    place = Place(1.0, "A-2 and a half", 0)
    assert Place.read(place.written()) == place
    assert day.gaps(Filter(state="all", sort="worth", after=place.written()), "Ed").rows


def test_an_address_and_its_filter_are_the_same():
    query = "q=a+b&category=Tops&state=done&ask=3&assignee=me&sort=age&size=100&col.brand=x%26y"
    from urllib.parse import parse_qsl

    assert Filter.read(dict(parse_qsl(query)), ["brand"], GAP_SORTS).query() == query


def test_a_products_page_tells_all(served):
    client = served.as_("Ed", "editor")
    form = {"csrf": csrf(client), "kind": "waive", "item": json.dumps(["A-3", 8])}
    client.post("/decide/gaps", data=form | {"reason": "no chart there"})
    text = re.sub(r"\s+", " ", client.get("/product", params={"id": "A-3"}).text)
    for part in ("Unclear", "90% sure", "no chart there", "upper body, back", "This picture does"):
        assert part in text, part
    strange = client.get("/product", params={"id": "a/../b?c"})
    assert strange.status_code == 200
    assert "a/../b?c" in strange.text
    content = re.search(r"content=([0-9a-f]{64})", text)
    drawn = client.get("/overlay", params={"content": content[1]}).json()
    assert len(drawn["points"]) == 33
    assert len(drawn["bones"]) > 15
    nothing = client.get("/overlay", params={"content": "0" * 64}).json()
    assert nothing == {"points": [], "bones": [], "mask": None, "crops": []}


def test_a_picture_has_its_mask_and_crops_to_draw(served):
    client = served.as_("Ed", "reader")
    text = client.get("/product", params={"id": "A-1"}).text
    for layer in ("landmarks", "mask", "crops"):
        assert f'data-layer="{layer}"' in text
    content = re.search(r"content=([0-9a-f]{64})", text)
    drawn = client.get("/overlay", params={"content": content[1]}).json()
    assert drawn["mask"].startswith("data:image/png;base64,")
    assert [crop["name"] for crop in drawn["crops"]] == ["upper_garment", "shoes"]
    assert drawn["crops"][0]["box"] == pytest.approx([0.2, 0.1, 0.6, 0.4])
    assert 'data-layer="mask"' not in client.get("/product", params={"id": "A-4"}).text


def test_marketplaces_rules_narrow_the_list_and_are_on_the_products_page(served, day):
    assert {product for product, _ in keys(day, unready="amazon")} == {"A-2"}
    assert {product for product, _ in keys(day, rule="views")} == {"A-2"}
    assert keys(day, unready="zalando") == keys(day, rule="' OR true --") == set()
    wanted = Filter(unready="amazon", rule="white_ground")
    assert {row["product_id"] for row in day.products(wanted).rows} == {"A-1", "A-2"}
    client = served.as_("Ed", "reader")
    assert "Failing rule" in client.get("/work").text
    text = re.sub(r"\s+", " ", client.get("/product", params={"id": "A-1"}).text)
    for part in ("not ready", "82% of the background is white", "picture 1", "Every rule holds."):
        assert part in text, part


def test_what_closes_a_gap_is_shown(served, day):
    client = served.as_("Ed", "reader")
    rows = {row["product_id"]: row for row in day.gaps(Filter(ask=3), "Ed").rows}
    assert rows["B-7"]["crop"].endswith("#xywh=percent:10,20,50,40")
    assert rows["B-4"]["crop"] is None
    assert keys(day, remedy="crop") == {("B-7", 3)}
    for page in ("/work?ask=3&q=B-7", "/product?id=B-7"):
        text = html.unescape(client.get(page).text)
        cut = re.search(r'src="(/picture/small/[^"]*xywh[^"]*)"', text)
        assert client.get(cut[1]).headers["content-type"] == "image/webp", page
    assert 'src="data:image/jpeg;base64,' in client.get("/product?id=B-4").text
    exported = client.get("/work/export?as=csv&ask=3&q=B-4").content.decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(exported))
    assert (row["remedy_uri"], row["remedy_part"], row["remedy_seconds"]) == ("turn.mp4", "", "1.5")


def test_many_read_at_once(served):
    client = served.as_("Ed", "reader")
    served.app.state.days.latest()

    def read(product):
        return client.get("/product", params={"id": product}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, ["A-1", "A-2", "A-3", "B-1"] * 8)) == {200}


def test_links_out_are_of_the_product_and_of_nobody_else(served):
    from unposed_jobs.web.routes.product import links

    wanted = ("Shop = https://shop.example.com/p/{product_id}?from=unposed",)
    assert links(wanted, "a/../b?c") == [
        ("Shop", "https://shop.example.com/p/a%2F..%2Fb%3Fc?from=unposed")
    ]
    for bad in ("https://shop.example.com", "Shop=javascript:alert(1)", "Shop=http://x.example"):
        with pytest.raises(UnposedError, match=r"\[serve\] links"):
            links((bad,), "A-1")


def test_names_of_marketplaces():
    for name, code, expected in (
        ("upper body, back", None, "BACK"),
        ("left side", None, "LEFT"),
        ("full body, three-quarter front", None, ""),
        ("as we say", "FRNT", "FRNT"),
        ("size chart", "SIZE", ""),
    ):
        assert marketplace_code("amazon", name, code) == expected
    assert marketplace_code("", "back", "BACK") == ""
