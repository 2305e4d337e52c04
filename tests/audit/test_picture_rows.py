"""What became of each picture, and what the catalogue says of the products beside it."""

import dataclasses

import numpy as np
import pyarrow as pa
from small_products import EXPECTATIONS, RUN, SETTINGS, batch, lost, picture

from unposed_jobs.audit.inference import audit_products
from unposed_jobs.audit.picture_rows import STATUS_WORDS
from unposed_jobs.audit.pictures import TROUBLES
from unposed_jobs.catalogue import packing

SHOWN = ("image_uri", "status", "reason", "kind", "pose_id", "pose_name", "confidence", "repeat_of")


def rows(*products, expectations=EXPECTATIONS, names=SHOWN):
    found = audit_products(batch(*products), expectations, SETTINGS, RUN).product_images
    return [tuple(row[name] for name in names) for row in found.to_pylist()]


def test_each_picture_says_what_it_counts_as():
    pictures = [
        picture("front", 1, 0.75),
        picture("again", 1, 0.5, position=2, content_sha256="sha of front"),
        picture("doubtful", 2, 0.25, position=3),
        picture("strange", None, 0.0, position=4),
        picture("chart", 8, 0.5, position=5, error="incomplete: 3 % of it are lacking"),
        lost("gone", "gone") | {"position": 6, "error": "HTTP 410"},
        picture("late", position=7, image_status=None, landmark_status=None),
    ]
    front, chart = "full body, front", "size chart"
    assert rows(("A", "Tops", "Polo", pictures)) == [
        ("front", "shown", None, "person", 1, front, 0.75, None),
        (
            *("again", "repeat", "it has the bytes or the look of repeat_of"),
            *("person", 1, front, 0.5, "front"),
        ),
        (
            *("doubtful", "unclear", "its pose is less sure than [audit] min_confidence"),
            *("person", 2, "upper body, back", 0.25, None),
        ),
        ("strange", "unclear", "it is like no known pose", "person", None, None, 0.0, None),
        (
            *("chart", "shown", "incomplete: 3 % of it are lacking"),
            *("no_person", 8, chart, 0.5, None),
        ),
        ("gone", "gone", "HTTP 410", None, None, None, None, None),
        ("late", "not_read", "not read yet", None, None, None, None, None),
    ]


def test_rows_are_of_their_products_in_the_order_shown():
    two = [picture("second", 1, position=9), picture("first", 2, position=0)]
    found = rows(
        ("A", "Tops", "Polo", two),
        ("B", "Tops", "Polo", []),
        ("C", "Tops", "Polo", [picture("first", 3)]),
        names=("product_id", "image_uri", "position", "ask_id", "ask_name", "run_id"),
    )
    assert found == [
        ("A", "first", 0, 2, "upper body, back", "run-1"),
        ("A", "second", 9, 1, "full body, front", "run-1"),
        ("C", "first", 1, 3, "side", "run-1"),
    ]


def test_a_hidden_class_shows_nothing_and_says_so():
    hidden = dataclasses.replace(EXPECTATIONS, hidden=np.isin(EXPECTATIONS.pose_ids, [3]))
    products = ("A", "Tops", "Polo", [picture("s", 3), picture("f", 1)])
    found = rows(products, expectations=hidden, names=("image_uri", "status", "pose_id", "ask_id"))
    assert found == [("f", "shown", 1, 1), ("s", "hidden", 3, None)]


def test_every_trouble_has_a_status_word():
    assert len(STATUS_WORDS) == 4 + len(TROUBLES)


def test_carried_values_are_kept_under_their_names():
    products = batch(
        ("A", "Tops", "Polo", []), ("B", "Tops", "Polo", []), ("C", "Tops", "Polo", [])
    )
    values = packing.pack([pa.array(["Tee", None, "x"]), pa.array(["Acme", "O'Neil", None])])
    products = products.append_column("carried", values)
    run = dataclasses.replace(RUN, carry=("title", "brand"))
    found = audit_products(products.slice(1), EXPECTATIONS, SETTINGS, run).product_audit
    assert found["carried"].to_pylist() == [
        [("title", None), ("brand", "O'Neil")],
        [("title", "x"), ("brand", None)],
    ]
    none = audit_products(products, EXPECTATIONS, SETTINGS, RUN).product_audit
    assert none["carried"].null_count == 3
