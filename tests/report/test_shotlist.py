"""The studio's list: what it costs, and what of a catalogue's text it never lets run."""

import csv
import datetime
import io

from report_tables import DAY as PUBLISHED
from report_tables import Shot, publish

from unposed_jobs.config import RemedySettings
from unposed_jobs.report import shotlist

SETTINGS = RemedySettings()
DAY = datetime.date(2026, 1, 5)


def row(**rest):
    return {
        "category": "Tops", "subcategory": "Tees", "view": "back", "shot_code": "BACK",
        "product_id": "P1", "title": None, "remedy": "shoot", "advice": "Photograph: back",
        "source": None, "second": None, "example": None, "rank": 1,
    } | rest  # fmt: skip


def test_each_remedy_costs_what_is_configured_and_a_chart_is_not_photographed():
    rows = [
        row(remedy="crop"),
        row(remedy="frame", source="a.mp4", second=3.2),
        row(),
        row(remedy="make", advice="Make a chart or text: size chart"),
    ]
    listed = shotlist.shots(rows, SETTINGS)
    assert [one.cost for one in listed] == [0.2, 0.5, 12.0, 2.0]
    assert shotlist.totals(listed) == {
        "crop": (1, 0.2), "frame": (1, 0.5), "shoot": (1, 12.0), "make": (1, 2.0),
    }  # fmt: skip


def test_the_table_has_a_row_for_each_and_no_cell_that_a_spreadsheet_would_run():
    listed = shotlist.shots([row(product_id="=cmd|' /C calc'!A0"), row(title="+1")], SETTINGS)
    rows = list(csv.DictReader(io.StringIO(shotlist.to_csv(listed, "EUR"))))
    assert list(rows[0]) == list(shotlist.COLUMNS)
    assert rows[0]["product_id"].startswith("'=")
    assert rows[1]["title"] == "'+1"
    assert {one["currency"] for one in rows} == {"EUR"}


def test_the_page_is_grouped_and_holds_no_markup_of_the_catalogue():
    rows = [row(product_id="<script>x</script>"), row(view="front"), row(category="Legs")]
    page = shotlist.to_html(shotlist.shots(rows, SETTINGS), DAY, SETTINGS, lambda uri: uri)
    assert "<script>" not in page
    assert page.count("<h2>") == 2
    assert page.count("<h3>") == 3
    assert "3 to photograph (36.00 EUR)" in page
    assert "1 day in the studio" in page
    assert "Nothing is missing" in shotlist.to_html([], DAY, SETTINGS, lambda uri: uri)


def test_what_a_published_day_lacks_is_listed_by_category_and_view():
    memory, _ = publish({"A-1": ("Tops", "Polo", [Shot(1)]), "B-1": ("Legs", "Jeans", [])})
    every = ["crop", "frame", "shoot", "make"]
    rows = memory.query(shotlist.SQL, ["title", PUBLISHED, every, 0, 0]).to_pylist()
    missing = memory.query("SELECT * FROM pose_flags WHERE state = 'missing'").num_rows
    assert len(rows) == missing > 3
    order = [(row["category"], row["subcategory"], row["view"]) for row in rows]
    assert order == sorted(order)
    first = memory.query(shotlist.SQL, ["title", PUBLISHED, every, 1, 1]).to_pylist()
    assert {row["rank"] for row in first} == {1}
    assert memory.query(shotlist.SQL, ["", PUBLISHED, ["crop"], 0, 0]).num_rows == 0
    assert all(one.cost > 0 for one in shotlist.shots(rows, SETTINGS))
