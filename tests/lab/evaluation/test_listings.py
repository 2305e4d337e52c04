"""Real listings: reading them, and judging orders of views that are hidden."""

import csv
from pathlib import Path

import numpy as np
import pytest

from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.evaluation import card, limits, listings, protocols, summary
from unposed_jobs.lab.evaluation.bootstrap import Interval

FOLDER = Path(__file__).parents[3] / "../shared/data/catalogue"
PLAIN = [[3, 2, 1, 0]] * 2
VIEWS = ("front", "back", "left", "top")


def write(folder: Path, products: list[dict], images: list[dict]) -> None:
    for name, rows in ((listings.PRODUCTS, products), (listings.IMAGES, images)):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


def product(number: int, **values: object) -> dict:
    row = {"product_id": f"P{number}", "brand": f"B{number % 3}", "gender": "Men"}
    row |= {"category": "Shirts", "rating": 4.0, "rating_count": 5 + number, "price": 100 + number}
    return row | values


def pictures(number: int, *views: str) -> list[dict]:
    # The shop lists the cover twice, under two names.
    address = f"http://shop.example/{number}"
    return [
        {"product_id": f"P{number}", "view": view, "url": f"{address}/{index or 1}.jpg"}
        for index, view in enumerate(("cover", "search", *views))
    ]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Sixty listings that show the first one, two or three of front, back and left."""
    products = [product(number) for number in range(60)]
    images = [row for number in range(60) for row in pictures(number, *VIEWS[: 1 + number * 7 % 4])]
    write(tmp_path, products, images)
    return tmp_path


def test_listings_are_read_as_the_audit_would_read_them(tmp_path: Path) -> None:
    products = [product(number) for number in range(4)]
    products[1] |= {"rating": 0, "rating_count": 0}
    products.append(product(4, rating=9))  # No rating: set aside.
    products[2] |= {"brand": ""}
    images = [
        *pictures(0, "front", "back"),
        *pictures(1, "front", "back"),
        *pictures(2, "front"),
        *pictures(3, "left"),
        *pictures(4, "front"),
    ]
    write(tmp_path, products, images)
    found = listings.load(tmp_path)
    # All have a cover, one has a left side.
    assert found.views == ("front", "back")
    assert found.shows.tolist() == [[True, True], [True, True], [True, False], [False, False]]
    assert found.pictures == 10
    assert np.isnan(found.rating[1])
    assert found.further["brand"][2] is None
    assert found.further["price"] == ["0", "1", "2", "3"]
    assert found.cohort == {"category": ["Shirts"] * 4, "gender": ["Men"] * 4}


def test_each_order_is_judged_on_other_products_than_it_learned_from(shop: Path) -> None:
    entries = listings.evaluate(shop, repeats=1)
    first = entries[0]
    assert (first.data, first.method) == (listings.DATA, listings.PLAIN)
    assert {entry.data for entry in entries} == {listings.DATA, listings.WEIGHTED}
    methods = [entry.method for entry in entries if entry.data == listings.DATA]
    assert len(methods) == len(set(methods)) == 6
    assert listings.BY_WORTH in methods
    # Fronts are in all, and a product that has all the rest or nothing of it says nothing. The
    # views are nested, so their frequency says what comes next.
    assert first.result.figures["precision@1"].value == 1
    assert first.result.figures["gain"] == Interval(0, 0, 0)
    random = first.result.baselines[listings.RANDOM]
    assert random["precision@1"].high < 0.8
    assert random["gain"].high < 0
    assert first.result.notes[0].startswith("trained on all 60 listings, their views are ordered")
    page = card.render(
        summary.as_json(
            entries, date="today", absent=[], seed=0, repeats=1, clusters=[8], versions={}
        )
    )
    assert "Each view that a product shows is hidden in turn" in page
    for name in (listings.DATA, listings.WEIGHTED, listings.COUNTED, "NDCG@5 points gained"):
        assert name in page
    told = "\n".join(limits.of(summary.as_json(entries)["results"]))
    assert "Of 30 real listings one view at a time was hidden" in told
    assert "first in 100.0%" in told
    assert "a learned order is no better than that" in told


def test_a_hidden_view_competes_with_those_that_the_product_lacks() -> None:
    shows = [[True, False, False, True], [True, True, True, True]]
    found = protocols.hidden_view(shows, PLAIN, PLAIN, {"random": np.zeros((2, 4))})
    # The first comes first of three, the last comes third; who shows all says nothing.
    assert found.products == 1
    assert found.figures["precision@1"].value == pytest.approx(1 / 2)
    assert found.figures["mrr"].value == pytest.approx((1 + 1 / 3) / 2)
    assert found.figures["ndcg@5"].value == pytest.approx((1 + 1 / 2) / 2)
    random = found.baselines["random"]
    assert random["precision@1"].value == pytest.approx(1 / 3)
    assert random["mrr"].value == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    gain = 100 * ((1 + 1 / np.log2(3) + 1 / 2) / 3 - 3 / 4)
    assert random["gain"].value == pytest.approx(gain)


def test_repeats_are_averaged_and_products_weighed() -> None:
    shows = [[True, False], [False, True]]
    scores = [[[1, 0], [1, 0]], [[0, 1], [1, 0]]]
    even = protocols.hidden_view(shows, scores, scores, {})
    assert even.figures["precision@1"].value == pytest.approx(1 / 4)
    heavy = protocols.hidden_view(shows, scores, scores, {}, weights=[3, 1])
    assert heavy.figures["precision@1"].value == pytest.approx(3 / 8)


def test_strange_listings_are_told(tmp_path: Path) -> None:
    assert not listings.there(tmp_path)
    write(tmp_path, [product(0)], [{"product_id": "P0", "url": "http://shop.example/1.jpg"}])
    assert listings.there(tmp_path)
    with pytest.raises(UnposedError, match="no column view"):
        listings.load(tmp_path)
    write(tmp_path, [product(0)], pictures(0, "front"))
    with pytest.raises(UnposedError, match="no view is shown by some"):
        listings.load(tmp_path)


@pytest.mark.skipif(
    not listings.there(FOLDER), reason="the tables of real listings are not beside this checkout"
)
def test_the_audits_order_asks_first_for_what_real_listings_show() -> None:
    found = listings.load(FOLDER)
    assert found.shows.shape == (419, 9)
    scores = listings.held_out(found, repeats=1, seed=0, learned={})
    counted, plain = scores[listings.COUNTED], scores[listings.PLAIN]
    result = protocols.hidden_view(found.shows, plain, counted, {})
    assert result.figures["precision@1"].low > 0.97
    # What the shrinkage is for: it surely beats bare counting.
    assert result.figures["gain"].low > 0
