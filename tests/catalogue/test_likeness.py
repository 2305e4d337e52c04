from __future__ import annotations

from unposed_jobs.catalogue.likeness import alike

PRODUCTS = ("product_id", "category", "average_rating", "rating_count")


def test_case_blanks_and_other_words() -> None:
    found = alike(["Product ID", "productCategory", "Stars", "Review Count", "Title"], PRODUCTS)
    assert found == {
        "product_id": "Product ID",
        "category": "productCategory",
        "average_rating": "Stars",
        "rating_count": "Review Count",
    }


def test_own_names_stay_and_a_column_is_taken_once() -> None:
    found = alike(["sku", "category", "rating"], PRODUCTS)
    assert found == {"product_id": "sku", "average_rating": "rating", "rating_count": ""}
    assert alike(["id", "Photo"], ("product_id", "image_uri")) == {
        "product_id": "id",
        "image_uri": "Photo",
    }


def test_what_is_not_there_stays_lacking() -> None:
    assert alike(["title"], ("product_id", "category")) == {}
    # Its title and its page, as likely as not.
    assert alike(["product", "url"], ("product_id", "image_uri")) == {}
