"""The gallery tells what pictures are worth as it was estimated, and draws each interval."""

from __future__ import annotations

import datetime

import pytest
from report_tables import DAY, Shot, publish
from test_gallery import SETTINGS, Page

from unposed_jobs.influence import rows
from unposed_jobs.influence.estimates import (
    ALL_PRODUCTS,
    DIFFERENCES,
    REGRESSION,
    Estimate,
    Term,
    ask_term,
    refused,
)
from unposed_jobs.report import build, worth

BACK = ask_term(2, "upper body, back")
NUMBERS = {"products": 900, "treated": 300, "low": 0.02, "high": 0.16, "estimate": 0.09}


def estimated(*estimates, day=DAY) -> list[dict]:
    told = rows.table(estimates, "rating_count", "log").to_pylist()
    run = {"run_date": day, "history_to": day, "model_version": "model-1", "run_id": "i"}
    return [row | run for row in told]


def shop(influence):
    return publish({"A-1": ("Tops", "Polo", [Shot(1)])}, influence=influence)


TOLD = estimated(
    Estimate(ALL_PRODUCTS, BACK, DIFFERENCES, claim="effect", **NUMBERS),
    Estimate(ALL_PRODUCTS, BACK, REGRESSION, claim="association", **NUMBERS | {"high": 0.5}),
    Estimate("Tops", BACK, REGRESSION, claim="association", **NUMBERS),
    refused(ALL_PRODUCTS, ask_term(1, "<b>front</b>"), REGRESSION, "all products show it"),
    Estimate(ALL_PRODUCTS, Term("share", "people"), REGRESSION, claim="none", **NUMBERS),
)


def test_each_term_has_its_figure_and_its_sentence(tmp_path):
    day, listing = shop(TOLD)
    build.build(day, SETTINGS, DAY, tmp_path / "out", catalogue=listing)
    page = Page(tmp_path / "out" / "vocabulary.html")
    assert len(page.having("worths")) == 1
    assert len(page.having("interval")) == 3  # A refused one has none, a category's is not here.
    assert "it is called the picture's effect" in page.text
    assert "The data cannot tell what “<b>front</b>” is worth" in page.text
    assert "−71.4 % to +71.4 %" in page.text
    assert page.words.count("Worth") == 1
    (chip,) = Page(tmp_path / "out" / "products.html").having("effect")
    assert "it is called the picture's effect" in chip["title"]


def test_places_on_the_axis_are_those_of_the_shares():
    day, _ = shop(TOLD)
    first, *others = worth.worths(day, DAY).rows
    assert [first.claim, *(one.claim for one in others)] == [
        "effect",
        "association",
        "none",
        "refused",
    ]
    reach = 1.1 * TOLD[1]["high"]
    assert first.place == pytest.approx(0.5 + TOLD[0]["estimate"] / (2 * reach))
    assert 0 <= others[0].low < others[0].high < 1
    assert worth.worths(day, DAY).of_ask(2).claim == "effect"
    assert worth.worths(day, DAY).of_ask(1) is None


def test_an_estimate_of_a_later_day_is_not_shown_and_none_is_no_section(tmp_path):
    later = estimated(
        Estimate(ALL_PRODUCTS, BACK, DIFFERENCES, claim="effect", **NUMBERS),
        day=DAY + datetime.timedelta(days=7),
    )
    day, listing = shop(later)
    assert worth.worths(day, DAY) == worth.Worths()
    build.build(day, SETTINGS, DAY, tmp_path / "out", catalogue=listing)
    assert not Page(tmp_path / "out" / "vocabulary.html").having("worths")
