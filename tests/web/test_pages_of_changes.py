"""What opened and closed between published days: why, by which picture, and how it went on."""

from __future__ import annotations

import csv
import datetime
import io
import os
import re

import pytest
import web_day
from web_people import Served

from unposed_jobs.decisions import Store
from unposed_jobs.web import trends
from unposed_jobs.web.app import create
from unposed_jobs.web.changes import Between, Wanted

LATER = web_day.NEXT + datetime.timedelta(days=1)


def made(home, days) -> Served:
    """Published days, the last of them shown; `days` have what becomes of the products."""
    settings = web_day.settings(home)
    for day, change in days.items():
        (home / "pictures").mkdir(exist_ok=True)
        listed = web_day.products(home / "pictures")
        change(listed)
        web_day.audit(settings, home, day, listed)
    store = Store.open(settings.decisions.store)
    return Served(settings, store, create(settings, store))


def as_before(listed) -> None:
    """Nothing changes."""


def completed(listed) -> None:
    """A-2, of which side and chart were missing, gets both; B-1 loses its only picture."""
    listed["A-2"] = listed["A-1"]
    listed["B-1"] = ("Legs", "Jeans", [])


@pytest.fixture(scope="module")
def moved(tmp_path_factory) -> Served:
    home = tmp_path_factory.mktemp("moved")
    return made(home, {web_day.DAY: as_before, web_day.NEXT: completed, LATER: completed})


@pytest.fixture
def robot(moved):
    return moved.program("Robot", "reader")


def test_a_night_tells_which_gaps_a_new_picture_closed(moved, robot):
    night = {"day": str(web_day.NEXT)}
    found = robot.get("/api/v1/changes", params=night | {"why": "picture added"}).json()
    assert (found["day"], found["since"], found["after"]) == (
        *(str(web_day.NEXT), str(web_day.DAY), None),
    )
    closed = {(row["product_id"], row["ask_id"]): row for row in found["rows"]}
    assert set(closed) == {("A-2", 3), ("A-2", 8)}
    assert closed["A-2", 3]["picture"].endswith("side.jpg")
    assert {row["change"] for row in found["rows"]} == {"closed"}
    assert robot.get("/api/v1/changes").json()["rows"] == [], "the last night changed nothing"
    # An address of a day that is not published, or is no day before it, shows the usual one.
    odd = robot.get("/api/v1/changes", params={"day": "1999-01-01", "since": "2999-01-01"}).json()
    assert (odd["day"], odd["since"]) == (str(LATER), str(web_day.NEXT))
    page = moved.as_("Ed", "reader").get("/changes", params=night).text
    assert "closed by a new picture" in page
    assert "side.jpg" in page


def test_pages_and_exports_have_every_change_once(moved, robot):
    day = moved.app.state.days.latest()
    between = Between(day, web_day.DAY, LATER)
    whole, following = between.rows(Wanted())
    assert following is None
    assert len(whole) == between.count(Wanted()) == 3
    pages, after = [], 0
    while after is not None:
        rows, after = between.rows(Wanted(after=after), size=2)
        pages += rows
    assert pages == whole
    assert list(between.every(Wanted(), 3)) == whole[:3]
    legs = Wanted(category="Legs")
    assert {row["product_id"] for row in between.rows(legs)[0]} == {"B-1"}
    assert between.count(legs) == len(between.rows(legs)[0])
    assert between.rows(Wanted(category="' OR true --")) == ([], None)
    client = moved.as_("Ed", "reader")
    answer = client.get("/changes/export", params={"since": str(web_day.DAY), "change": "closed"})
    exported = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(row["product_id"], row["ask_id"]) for row in exported] == [
        (row["product_id"], str(row["ask_id"])) for row in whole if row["change"] == "closed"
    ]
    assert exported[0]["title"] == web_day.TITLE
    assert client.get("/changes/export", params={"as": "xlsx"}).content.startswith(b"PK")


def test_a_products_history_says_why(moved):
    text = moved.as_("Ed", "reader").get("/product", params={"id": "A-2"}).text
    history = re.sub(r"\s+", " ", text.partition('<ol class="history">')[2])
    assert history.count("closed by a new picture") == 2
    assert "side.jpg" in history
    lost = moved.as_("Ed", "reader").get("/product", params={"id": "B-1"}).text
    assert "picture removed" in lost.partition('<ol class="history">')[2]


def test_trends_are_those_of_the_tables(moved):
    day = moved.app.state.days.latest()
    days = trends.whole(day)
    assert [row["run_date"] for row in days] == [web_day.DAY, web_day.NEXT, LATER]
    tables = day.from_views(
        "SELECT run_date, sum(missing_count) AS missing, count(*) FILTER (status = 'complete') AS "
        "complete FROM product_audit GROUP BY run_date ORDER BY run_date"
    )
    assert [(row["missing"], row["complete"]) for row in days] == [
        (row["missing"], row["complete"]) for row in tables
    ]
    assert trends.attributes(day) == ["category", "subcategory", "brand"]
    tops = next(one for one in trends.by(day, "category") if one.value == "Tops")
    assert tops.missing[0] == tops.missing[1] + 2 == tops.missing[2] + 2
    assert tops.query == "category=Tops"
    assert {one.value for one in trends.by(day, "brand")} == {"Ö", "=B"}


def test_what_is_counted_is_taken_over_and_a_day_published_anew_is_counted_anew(tmp_path):
    served = made(tmp_path, {web_day.DAY: as_before})
    days = served.app.state.days
    first = trends.whole(days.latest())
    left = tmp_path / "serve" / "making-of-a-process-that-was-ended"
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    web_day.audit(served.settings, tmp_path, web_day.NEXT)
    assert trends.whole(days.renew())[:1] == first
    assert not left.exists()
    listed = web_day.products(tmp_path / "pictures")
    del listed["A-4"]
    web_day.audit(served.settings, tmp_path, web_day.DAY, listed, run_id="anew")
    anew = trends.whole(days.renew())
    assert [row["run_date"] for row in anew] == [web_day.DAY, web_day.NEXT]
    assert anew[0]["products"] == first[0]["products"] - 1
    (row,) = (
        served.program("Robot", "reader")
        .get("/api/v1/changes", params={"why": "new product"})
        .json()["rows"][:1]
    )
    assert row["product_id"] == "A-4"
