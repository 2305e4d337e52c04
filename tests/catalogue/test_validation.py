from __future__ import annotations

import json
import unicodedata

import pyarrow as pa
import pytest

from unposed_jobs.catalogue import packing, schemas, validation
from unposed_jobs.config import CatalogueSettings
from unposed_jobs.errors import UnposedError

SETTINGS = CatalogueSettings()


def product_batch(**columns) -> pa.RecordBatch:
    given = {
        "product_id": ["1"],
        "category": ["Shirts"],
        "average_rating": ["4"],
        "rating_count": ["10"],
    } | columns
    return pa.RecordBatch.from_pydict(given)


def image_batch(**columns) -> pa.RecordBatch:
    given = {"product_id": ["1"], "image_uri": ["/a.jpg"]} | columns
    return pa.RecordBatch.from_pydict(given)


def test_a_whole_product():
    batch = product_batch(product_id=[" 007 "], subcategory=["Polo"], more=["ignored"])
    accepted, rejects = validation.products(batch, SETTINGS)
    assert accepted.schema == schemas.ACCEPTED_PRODUCTS
    assert rejects.schema == schemas.REJECTS
    assert rejects.num_rows == 0
    (row,) = accepted.to_pylist()
    assert row["product_id"] == "007"
    assert (row["average_rating"], row["rating_count"]) == (4.0, 10)
    assert (row["subcategory"], row["product_type"]) == ("Polo", None)


@pytest.mark.parametrize(
    ("columns", "reason", "detail"),
    [
        ({"product_id": ["  "]}, "missing_key", "product_id is empty"),
        ({"category": ["NULL"]}, "missing_category", "category is empty"),
        (
            {"average_rating": ["five"]},
            "bad_number",
            'average_rating "five" is not a number from 0 to 5',
        ),
        ({"average_rating": ["inf"]}, "bad_number", 'average_rating "inf"'),
        ({"average_rating": ["-1"]}, "bad_number", 'average_rating "-1"'),
        ({"average_rating": [5.5]}, "bad_number", 'average_rating "5.5"'),
        ({"rating_count": ["-1"]}, "bad_number", 'rating_count "-1" is not a whole number'),
        ({"rating_count": ["many"], "category": [""]}, "missing_category", ""),
        ({"average_rating": ["x\ny" * 90]}, "bad_number", ""),
    ],
)
def test_products_set_aside(columns, reason, detail):
    accepted, rejects = validation.products(product_batch(**columns), SETTINGS, "/p.csv")
    assert accepted.num_rows == 0
    (row,) = rejects.to_pylist()
    assert (row["source"], row["reason"]) == ("products", reason)
    assert row["detail"].startswith(f"/p.csv row 1: {detail}")
    assert "\n" not in row["detail"]
    assert json.loads(row["row"]) == product_batch(**columns).to_pylist()[0]


def test_an_unrated_product_is_no_mistake():
    batch = product_batch(average_rating=[""], rating_count=pa.array([None], pa.string()))
    accepted, _ = validation.products(batch, SETTINGS)
    assert accepted.to_pylist()[0]["average_rating"] is None
    assert accepted.to_pylist()[0]["rating_count"] == 0


def test_ids_are_one_form_of_unicode():
    batch = product_batch(product_id=[unicodedata.normalize("NFD", "é1")])
    accepted, _ = validation.products(batch, SETTINGS)
    assert accepted.to_pylist()[0]["product_id"] == unicodedata.normalize("NFC", "é1")


def test_mapped_and_further_columns():
    settings = CatalogueSettings(
        product_columns={"average_rating": "stars", "gender": "sex"},
        cohort_attributes=("category", "gender"),
        popularity_signals=("sold", "rating_count"),
    )
    batch = pa.RecordBatch.from_pydict(
        {
            "product_id": ["1", "2", "3"],
            "category": ["A", "B", "C"],
            "stars": ["1", "2", "3"],
            "rating_count": [1, 2, 3],
            "sex": ["w", None, "m"],
            "sold": ["7", "", "lots"],
        }
    )
    accepted, rejects = validation.products(batch, settings)
    assert [dict(row["attributes"]) for row in accepted.to_pylist()] == [
        {"gender": "w"},
        {"gender": None},
    ]
    assert [dict(row["signals"]) for row in accepted.to_pylist()] == [{"sold": 7.0}, {"sold": None}]
    assert rejects.column("reason").to_pylist() == ["bad_number"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            CatalogueSettings(product_columns={"rating_count": "reviews"}),
            "no column reviews; it has: product_id, category, average_rating, rating_count. "
            'Name the right one: [catalogue.product_columns] rating_count = "..."',
        ),
        (CatalogueSettings(cohort_attributes=("gender",)), "no column gender;"),
        (CatalogueSettings(product_columns={"rating_cuont": "x"}), "did you mean rating_count?"),
    ],
)
def test_a_column_that_is_not_there(settings, told):
    with pytest.raises(UnposedError) as caught:
        validation.products(product_batch(), settings, "/p.csv")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_column_that_is_there_twice():
    batch = pa.RecordBatch.from_arrays(
        [pa.array(["1"])] * 3, names=["product_id", "image_uri", "product_id"]
    )
    with pytest.raises(UnposedError, match="product_id more than once"):
        validation.images(batch, SETTINGS)


def test_a_column_of_lists_is_told():
    rows = {"product_id": [["a"]], "category": ["A"], "average_rating": [4], "rating_count": [1]}
    with pytest.raises(UnposedError, match="column product_id holds list"):
        validation.products(pa.RecordBatch.from_pydict(rows), CatalogueSettings())


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"product_id": [None]}, "missing_key"),
        ({"image_uri": [" "]}, "missing_key"),
        ({"added_at": ["2026-02-02"], "removed_at": ["2026-02-01"]}, "removed_before_added"),
        ({"image_uri": ["s3://"]}, "bad_uri"),
        ({"image_uri": ["s3://bucket"]}, "bad_uri"),
        ({"image_uri": ["s3://key:secret@bucket/a.jpg"]}, "bad_uri"),
        ({"image_uri": ["http://"]}, "bad_uri"),
        ({"image_uri": ["file:a.jpg"]}, "bad_uri"),
        ({"image_uri": ["file://host/a.jpg"]}, "bad_uri"),
        ({"image_uri": ["/a\0.jpg"]}, "bad_uri"),
        ({"image_uri": ["/a\nb.jpg"]}, "bad_uri"),
    ],
)
def test_images_set_aside(columns, reason):
    accepted, rejects = validation.images(image_batch(**columns), SETTINGS, root="/r")
    assert accepted.num_rows == 0
    (row,) = rejects.to_pylist()
    assert (row["source"], row["reason"]) == ("images", reason)
    assert "secret" not in row["detail"]
    assert "\n" not in row["detail"]
    json.loads(row["row"])


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("position", "first", "bad_number"),
        ("size", -1, "bad_number"),
        ("last_modified", "yesterday", "bad_date"),
        ("added_at", "2026-02-30", "bad_date"),
        ("size", {"width": 5}, "bad_number"),
    ],
)
def test_an_optional_column_costs_no_picture_unless_it_is_mapped(column, value, reason):
    batch = image_batch(**{column: [value]})
    accepted, rejects = validation.images(batch, SETTINGS, "/i.csv")
    assert accepted.column(column).to_pylist() == [None]
    (row,) = rejects.to_pylist()
    assert row["reason"] == "ignored_value"
    assert row["detail"].startswith(f'/i.csv row 1: {column} "')
    mapped = CatalogueSettings(image_columns={column: column})
    accepted, rejects = validation.images(batch, mapped)
    assert (accepted.num_rows, rejects.column("reason").to_pylist()) == (0, [reason])
    unmapped = CatalogueSettings(image_columns={column: ""})
    accepted, rejects = validation.images(batch, unmapped)
    assert (accepted.num_rows, rejects.num_rows) == (1, 0)


@pytest.mark.parametrize(
    ("name", "column", "other"),
    [
        ("size", ["L", "M", None], True),
        ("size", ["38", "39.5", "40"], True),
        ("size", ["18234", "20991", ""], False),
        ("position", ["left chest", "2", "back"], True),
        ("position", ["1", "2", "x"], False),
        ("added_at", ["spring", "N/A", None], True),
        ("added_at", [None, "N/A", "2026-01-31"], False),
        ("product_type", ["variable", "Simple", "variation"], True),
        ("product_type", ["Polo", "Simple", None], False),
        ("position", [{"x": 1}, None, None], True),
    ],
)
def test_a_column_that_means_something_else(name, column, other):
    batch = pa.RecordBatch.from_pydict({name: column})
    assert list(validation.other_meanings(batch, SETTINGS)) == ([name] if other else [])
    mapped = CatalogueSettings(product_columns={name: name}, image_columns={name: name})
    assert not validation.other_meanings(batch, mapped)


def test_words_for_no_value():
    batch = product_batch(
        product_id=["1", "nan", "NA", "4"],
        category=["nan", "A", "None", ""],
        subcategory=["-", "B", "#N/A", "C"],
        average_rating=["N/A", "4", "NaN", "4"],
        rating_count=["-", "1", "nan", "1"],
    )
    accepted, rejects = validation.products(batch, SETTINGS)
    found = accepted.select(["product_id", "category", "subcategory", "average_rating"])
    assert found.to_pylist() == [
        {"product_id": "1", "category": None, "subcategory": None, "average_rating": None},
        {"product_id": "NA", "category": None, "subcategory": None, "average_rating": None},
    ]
    assert rejects.column("reason").to_pylist() == ["missing_key", "missing_category"]
    own = CatalogueSettings(missing_values=("nan",))
    accepted, _ = validation.products(product_batch(category=["None"]), own)
    assert accepted.column("category").to_pylist() == ["None"]


def test_rows_without_any_value():
    settings = CatalogueSettings(only_rows={"kind": "Product | Bundle"})
    batch = product_batch(
        product_id=["", " ", None, "4", "5"],
        category=["", "", "NULL", "A", "B"],
        average_rating=["", "4", "", "4", "4"],
        rating_count=["", "", "", "1", "1"],
        kind=["Product"] * 3 + ["SKU", "Bundle"],
    )
    accepted, rejects = validation.products(batch.drop_columns(["kind"]), SETTINGS)
    assert accepted.column("product_id").to_pylist() == ["4", "5"]
    assert rejects.column("reason").to_pylist() == ["empty_row", "missing_key", "empty_row"]
    accepted, rejects = validation.products(batch, settings)
    assert accepted.column("product_id").to_pylist() == ["5"]
    assert rejects.column("reason").to_pylist()[-1] == "other_row"


def test_several_pictures_in_a_row():
    settings = CatalogueSettings(picture_columns=("main", "other *"))
    batch = pa.RecordBatch.from_pydict(
        {
            "product_id": ["1", "2", "3"],
            "position": ["1", "1", "1"],
            "main": ["/a.jpg", "", "/m.jpg|/n.jpg"],
            "other 10": ["/c.jpg", None, None],
            "other 2": ["/b.jpg,/a.jpg", None, None],
        }
    )
    accepted, rejects = validation.images(batch, settings)
    assert accepted.select(["product_id", "image_uri", "position"]).to_pylist() == [
        {"product_id": "1", "image_uri": uri, "position": place}
        for place, uri in enumerate(("/a.jpg", "/b.jpg", "/c.jpg"), 1)
    ] + [
        {"product_id": "3", "image_uri": "/m.jpg", "position": 1},
        {"product_id": "3", "image_uri": "/n.jpg", "position": 2},
    ]
    assert rejects.column("reason").to_pylist() == ["no_picture"]
    with pytest.raises(UnposedError, match=r"none of the columns main, other \*"):
        validation.images(image_batch(), settings)


def test_alternatives_and_parts_of_columns():
    settings = CatalogueSettings(
        image_columns={"product_id": "parent | id", "image_uri": "/{id:3}/{id}.jpg"}
    )
    batch = pa.RecordBatch.from_pydict({"parent": ["", "P"], "id": ["01234", "05678"]})
    accepted, _ = validation.images(batch, settings)
    assert accepted.column("product_id").to_pylist() == ["01234", "P"]
    assert accepted.column("image_uri").to_pylist() == ["/012/01234.jpg", "/056/05678.jpg"]
    accepted, _ = validation.images(batch.drop_columns(["parent"]), settings)
    assert accepted.column("product_id").to_pylist() == ["01234", "05678"]


@pytest.mark.parametrize(
    ("root", "address", "expected"),
    [
        ("/r", "a.jpg", "/r/a.jpg"),
        ("/r/", "./b c/é.jpg", "/r/b c/é.jpg"),
        ("/r/x", "b/../a.jpg", "/r/x/a.jpg"),
        ("/r", "front:1.jpg", "/r/front:1.jpg"),
        ("file:///r%20s", "a%20b.jpg", "/r s/a%20b.jpg"),
        ("s3://b/r", "a.jpg", "s3://b/r/a.jpg"),
        ("s3://b/r", "x/../a.jpg", "s3://b/r/a.jpg"),
        ("https://cdn/", "a.jpg", "https://cdn/a.jpg"),
        ("/r", "/a.jpg", "/a.jpg"),
        ("/r", "https://h/a.jpg?x=1", "https://h/a.jpg?x=1"),
        ("/r", "file:///a.jpg", "file:///a.jpg"),
        ("/r", "file://localhost/a.jpg", "file://localhost/a.jpg"),
        ("/r", "data:image/png;base64,AA", "data:image/png;base64,AA"),
        ("", "a.jpg", None),
        ("s3://b/r", "../../a.jpg", None),
        ("s3://b/r", "../a.jpg", None),
        ("s3://b/r", "../rest/a.jpg", None),
        ("/r/x", "../../etc/passwd", None),
        ("/r/x", "./../../etc/passwd", None),
        ("/r/x", "b/../../x-files/a.jpg", None),
        ("/r/x/", "..", None),
    ],
)
def test_addresses(root, address, expected):
    batch = image_batch(image_uri=[address])
    accepted, rejects = validation.images(batch, CatalogueSettings(image_root=root))
    if expected is None:
        assert rejects.column("reason").to_pylist() == ["bad_uri"]
    else:
        assert accepted.column("image_uri").to_pylist() == [expected]


def test_a_path_that_leaves_the_folder_is_told_and_can_be_allowed():
    batch = image_batch(image_uri=["../../etc/passwd"])
    accepted, rejects = validation.images(batch, SETTINGS, "/i.csv", root="/r/s")
    assert accepted.num_rows == 0
    assert rejects.column("detail").to_pylist() == [
        '/i.csv row 1: image_uri "../../etc/passwd" leaves the folder of the list; '
        "[catalogue] allow_parent_paths = true would allow it"
    ]
    allowed = CatalogueSettings(allow_parent_paths=True)
    for root, expected in (("/r/s/t", "/r/etc/passwd"), ("s3://b/r/s/t", "s3://b/r/etc/passwd")):
        accepted, _ = validation.images(batch, allowed, "/i.csv", root=root)
        assert accepted.column("image_uri").to_pylist() == [expected]


def test_an_address_made_of_columns():
    settings = CatalogueSettings(image_columns={"image_uri": "s3://b/{style}/{shot}.jpg"})
    batch = pa.RecordBatch.from_pydict(
        {"product_id": ["1", "1", "2"], "style": ["a", "a", "b"], "shot": [1, 2, None]}
    )
    accepted, rejects = validation.images(batch, settings)
    assert accepted.column("image_uri").to_pylist() == ["s3://b/a/1.jpg", "s3://b/a/2.jpg"]
    assert rejects.column("reason").to_pylist() == ["missing_key"]
    with pytest.raises(UnposedError, match=r"no column shot; .* image_uri = "):
        validation.images(batch.drop_columns(["shot"]), settings)


def test_ratings_that_the_source_does_not_have():
    settings = CatalogueSettings(product_columns={"average_rating": "", "rating_count": ""})
    batch = product_batch().drop_columns(["average_rating"])
    accepted, _ = validation.products(batch, settings)
    (row,) = accepted.to_pylist()
    assert (row["average_rating"], row["rating_count"]) == (None, 0)


def test_mixed_rows_keep_their_order_and_place():
    batch = image_batch(
        product_id=["1", None, "1", "1"], image_uri=["a.jpg", "b.jpg", "t/../c.jpg", None]
    )
    accepted, rejects = validation.images(batch, SETTINGS, "/i.csv", root="/r/s")
    assert accepted.column("image_uri").to_pylist() == ["/r/s/a.jpg", "/r/s/c.jpg"]
    assert accepted.column(schemas.ROW).to_pylist() == [1, 3]
    assert rejects.column("row_key").to_pylist() == [" b.jpg", "1 "]
    assert rejects.column("detail").to_pylist() == [
        "/i.csv row 2: product_id is empty",
        "/i.csv row 4: image_uri is empty",
    ]


def test_no_rows():
    for check, batch in (
        (validation.products, product_batch().slice(0, 0)),
        (validation.images, image_batch().slice(0, 0)),
    ):
        assert [part.num_rows for part in check(batch, SETTINGS)] == [0, 0]


def carried_of(batch: pa.RecordBatch, *names: str, **columns: str) -> list:
    settings = CatalogueSettings(carry=names, product_columns=columns)
    accepted, rejects = validation.products(batch, settings, carried=True)
    assert accepted.schema == schemas.ACCEPTED_PRODUCTS
    assert rejects.num_rows == 0
    values = packing.unpack(accepted.column("carried")).to_pylist()
    return [values[at : at + len(names)] for at in range(0, len(values), len(names))]


def test_carried_columns_are_text_in_their_order_and_cost_no_row():
    batch = product_batch(
        product_id=["1", "2", "3"],
        category=["A", "B", "C"],
        average_rating=["4", "", "3"],
        rating_count=["1", "2", "3"],
        Title=[" Tee ", None, "<b>Cap</b>"],
        price=[9.5, 10.0, None],
        new=[True, None, False],
        tags=pa.array([["a", "b"], [], None]),
        brand=["Acme", "N/A", ""],
    )
    assert carried_of(batch, "price", "title", "tags", "new", "brand", title="Title") == [
        ["9.5", "Tee", "a, b", "true", "Acme"],
        ["10", None, "", None, None],
        [None, "<b>Cap</b>", None, "false", None],
    ]
    # One of ours is kept as it was written.
    assert carried_of(batch, "average_rating") == [["4"], [None], ["3"]]
    assert carried_of(batch.slice(1, 1), "brand", "Title") == [[None, None]]


def test_carried_columns_are_read_only_where_they_are_asked_for():
    accepted, _ = validation.products(
        product_batch(brand=["Acme"]), CatalogueSettings(carry=("brand",))
    )
    assert accepted.column("carried").null_count == 1


def test_a_carried_column_that_is_not_there_or_holds_no_text_is_one_line():
    with pytest.raises(UnposedError) as caught:
        carried_of(product_batch(brand=["Acme"]), "brand", "seller")
    assert str(caught.value) == (
        "products has no column seller; it has: product_id, category, average_rating, "
        'rating_count, brand. Name the right one: [catalogue.product_columns] seller = "..."'
    )
    with pytest.raises(UnposedError, match="column size holds struct<a: int64>, not text"):
        carried_of(product_batch(size=[{"a": 1}]), "size")


@pytest.mark.parametrize(
    "column",
    [
        pa.array([["Clothing", "Tops"], ["Caps"], []], pa.list_(pa.string())),
        pa.array(['["Clothing", "Tops"]', "Caps", "[]"], pa.string()),
        pa.array([["Clothing", None, "Tops"], ["Caps"], None], pa.large_list(pa.string())),
    ],
)
def test_categories_that_are_lists_of_levels(column):
    rows = {"product_id": ["a", "b", "c"], "average_rating": [None] * 3, "rating_count": [None] * 3}
    batch = pa.RecordBatch.from_pydict(rows).append_column("category", column)
    good, bad = validation.products(batch, CatalogueSettings())
    assert good.column("category").to_pylist() == ["Clothing > Tops", "Caps"]
    assert bad.column("reason").to_pylist() == ["missing_category"]


def test_brackets_that_are_no_list_stay():
    rows = {"product_id": ["a"], "category": ["[sale]"], "average_rating": [4], "rating_count": [1]}
    good, _ = validation.products(pa.RecordBatch.from_pydict(rows), CatalogueSettings())
    assert good.column("category").to_pylist() == ["[sale]"]
