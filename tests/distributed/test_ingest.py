from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unposed_jobs import config, storage
from unposed_jobs.catalogue import packing
from unposed_jobs.distributed import ingest
from unposed_jobs.distributed.session import session, user_errors
from unposed_jobs.errors import ErrorBudgetExceededError, UnposedError
from unposed_jobs.warehouse import tables

DAY = date(2026, 1, 10)
REAL = Path(__file__).parents[2] / "../shared/data/catalogue"
PRODUCTS = "product_id,category,average_rating,rating_count\n"
IMAGES = "product_id,image_uri\n"


def settings_of(folder: Path, product_rows=None, image_rows=None, **more):
    for name, text in (("products.csv", product_rows), ("images.csv", image_rows)):
        if text is not None:
            (folder / name).write_text(text)
    named = {"products": str(folder / "products.csv"), "images": str(folder / "images.csv")}
    catalogue = {"error_budget": 1.0} | named | more
    return config.load(None, **{f"catalogue__{key}": value for key, value in catalogue.items()})


def counted(catalogue, settings):
    counts = ingest.count(catalogue)
    ingest.check_budget(catalogue, counts, settings)
    return counts


def rows(frame, *columns):
    return sorted(tuple(row[name] for name in columns) for row in frame.collect())


def test_rows_are_accepted_or_set_aside_and_none_is_lost(spark, tmp_path):
    settings = settings_of(
        tmp_path,
        PRODUCTS + "001,Shirts,4.5,10\n2,,4,1\n3,Shirts,nine,1\n4\n5,Shirts,,\n",
        IMAGES + "001,a.jpg\n001,http://cdn/b.jpg\n3,c.jpg\n,d.jpg\n5,\n5,s3://x/y.jpg\n",
    )
    catalogue = ingest.read_catalogue(spark, settings, DAY)
    assert rows(catalogue.products, "product_id", "average_rating", "rating_count") == [
        ("001", 4.5, 10),
        ("5", None, 0),
    ]
    assert rows(catalogue.images, "product_id", "image_uri", "position") == [
        ("001", str(tmp_path / "a.jpg"), 1),
        ("001", "http://cdn/b.jpg", 2),
        ("5", "s3://x/y.jpg", 1),
    ]
    assert rows(catalogue.rejects, "source", "reason") == [
        ("images", "missing_key"),
        ("images", "missing_key"),
        ("images", "unknown_product"),
        ("products", "bad_number"),
        ("products", "malformed_line"),
        ("products", "missing_category"),
    ]
    counts = counted(catalogue, settings)
    assert (counts["products"]["rows"], counts["products"]["accepted"]) == (5, 2)
    assert (counts["images"]["rows"], counts["images"]["set_aside"]) == (6, 3)
    assert counts["images"]["unknown_product"] == 1
    json.dumps(counts)


def test_rejects_fit_their_table(spark, tmp_path):
    settings = settings_of(tmp_path, PRODUCTS + "1,A,4,1\n1,B,4,1\nx\n", IMAGES + "9,a.jpg\n")
    rejects = ingest.read_catalogue(spark, settings, DAY).rejects
    table = tables.CATALOGUE_REJECTS
    assert rejects.columns == [name for name in table.schema.names if name != "run_id"]
    for row in rejects.collect():
        assert row.run_date == DAY
        assert all(row[name] is not None for name in ("source", "reason", "detail", "row"))
        assert "\n" not in row.detail
        json.loads(row.row)
    told = {row.reason: row.detail for row in rejects.collect()}
    assert told["malformed_line"] == (f"{tmp_path}/products.csv row 4: 1 fields, the header has 4")
    assert told["duplicate_key"].startswith("file 1 row 3: ")


def test_rows_that_differ_in_carried_columns_alone_are_one_product(spark, tmp_path):
    """A shop's rows of variants: the first one's values are kept, and nothing counts as lost."""
    products = PRODUCTS.strip() + ",brand,price\n1,A,4,1,Acme,9.50\n1,A,4,1,Acme,12\n2,B,,,,7\n"
    settings = settings_of(tmp_path, products, IMAGES, carry=["brand", "price"])
    catalogue = ingest.read_catalogue(spark, settings, DAY, carried=True)
    found = rows(catalogue.products, "product_id", "carried")
    assert [product for product, _ in found] == ["1", "2"]
    values = packing.unpack(pa.array([packed for _, packed in found])).to_pylist()
    assert values == ["Acme", "9.50", None, "7"]
    assert counted(catalogue, settings)["products"]["set_aside"] == 0
    without = ingest.read_catalogue(spark, settings, DAY)
    assert rows(without.products, "product_id", "carried") == [("1", None), ("2", None)]


def test_of_duplicates_across_files_the_first_is_kept(spark, tmp_path):
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "a.csv").write_text(PRODUCTS + "1,First,4,1\n2,X,4,1\n2,Second,4,1\n")
    pq.write_table(
        pa.table(
            {
                "product_id": [1, 3, 2],
                "category": ["Other", "Y", "X"],
                "average_rating": [1.0, 2.0, 4.0],
                "rating_count": [1, 2, 1],
            }
        ),
        folder / "b.parquet",
    )
    (folder / "_SUCCESS").touch()
    settings = settings_of(tmp_path, None, IMAGES, products=str(folder))
    found = set()
    for cut in (1, 2):
        spark.conf.set("spark.sql.shuffle.partitions", str(cut))
        catalogue = ingest.read_catalogue(spark, settings, DAY)
        assert rows(catalogue.products, "product_id", "category") == [
            ("1", "First"),
            ("2", "X"),
            ("3", "Y"),
        ]
        found.add(tuple(rows(catalogue.rejects, "row_key", "reason", "detail", "row")))
    assert len(found) == 1
    assert [(key, reason) for key, reason, *_ in found.pop()] == [
        ("1", "duplicate_key"),
        ("2", "duplicate_key"),
        ("2", "repeated_row"),
    ]


def test_the_pictures_of_a_day(spark, tmp_path):
    images = (
        "product_id,image_uri,added_at,removed_at\n"
        "1,/always.jpg,,\n"
        "1,/until.jpg,,2026-01-10\n"
        "1,/last.jpg,2026-01-01,2026-01-11\n"
        "1,/from.jpg,2026-01-10,\n"
        "1,/later.jpg,2026-01-11,\n"
        "1,/back.jpg,2026-01-01,2026-01-05\n"
        "1,/back.jpg,2026-01-08,\n"
        "1,/always.jpg,2026-01-02,\n"
        "1,/wrong.jpg,2026-01-05,2026-01-01\n"
        "gone,/old.jpg,2025-01-01,2025-02-01\n"
    )
    settings = settings_of(tmp_path, PRODUCTS + "1,A,4,1\n", images)
    catalogue = ingest.read_catalogue(spark, settings, DAY)
    assert rows(catalogue.images, "position", "image_uri") == [
        (1, "/always.jpg"),
        (3, "/last.jpg"),
        (4, "/from.jpg"),
        (7, "/back.jpg"),
    ]
    # a product that is gone has no row any more, and neither do its old pictures
    assert rows(catalogue.rejects, "row_key", "reason") == [
        ("1 /always.jpg", "repeated_row"),
        ("1 /wrong.jpg", "removed_before_added"),
    ]
    assert counted(catalogue, settings)["images"] == {
        "rows": 10,
        "accepted": 4,
        "set_aside": 1,
        "other_day": 4,
        "removed_before_added": 1,
        "repeated_row": 1,
    }
    early = ingest.read_catalogue(spark, settings, date(2026, 1, 4))
    assert [uri for _, uri in rows(early.images, "position", "image_uri")] == [
        "/always.jpg",
        "/until.jpg",
        "/last.jpg",
        "/back.jpg",
    ]


def test_one_export_of_products_variants_and_pictures(spark, tmp_path):
    (tmp_path / "shop.csv").write_text(
        "Handle,Type,Image Src,Image Position\n"
        'tee,Shirts,"/a.jpg,/b.jpg",1\ntee,,/c.jpg,3\ntee,,,\n,,,\ncap,,/d.jpg,1\ntee,,/a.jpg,4\n'
    )
    settings = config.load(
        None,
        catalogue__layout="shopify",
        catalogue__products=str(tmp_path / "shop.csv"),
        catalogue__error_budget=0.5,
    )
    catalogue = ingest.read_catalogue(spark, settings, DAY)
    assert rows(catalogue.products, "product_id", "category") == [("tee", "Shirts")]
    assert rows(catalogue.images, "position", "image_uri") == [
        (1, "/a.jpg"),
        (2, "/b.jpg"),
        (3, "/c.jpg"),
    ]
    counts = counted(catalogue, settings)
    assert counts["products"] == {
        "rows": 6,
        "accepted": 1,
        "set_aside": 1,
        "other_day": 0,
        "empty_row": 1,
        "missing_category": 1,
        "continuation_row": 3,
    }
    assert (counts["images"]["set_aside"], counts["images"]["no_picture"]) == (1, 1)
    assert rows(catalogue.rejects, "source", "reason") == [
        ("images", "repeated_row"),
        ("images", "unknown_product"),
        ("products", "missing_category"),
    ]
    strict = settings_of(tmp_path, PRODUCTS + "1,A,4,1\n2,A,x,1\n", IMAGES, error_budget=0.1)
    with pytest.raises(ErrorBudgetExceededError, match=r'Such as: .*row 3: average_rating "x"'):
        counted(ingest.read_catalogue(spark, strict, DAY), strict)


def test_a_source_past_its_budget_is_refused(spark, tmp_path):
    settings = settings_of(
        tmp_path,
        PRODUCTS + "1,A,4,1\n2,A,x,1\n",
        IMAGES + "1,/a.jpg\n" * 50,
        error_budget=0.4,
    )
    catalogue = ingest.read_catalogue(spark, settings, DAY)
    with pytest.raises(
        ErrorBudgetExceededError, match=r"1 of 2 rows of the products.*bad_number 1"
    ):
        counted(catalogue, settings)
    # 49 repeats of one picture are no loss
    settings = settings_of(tmp_path, PRODUCTS + "1,A,4,1\n", error_budget=0.0)
    catalogue = ingest.read_catalogue(spark, settings, DAY)
    assert counted(catalogue, settings)["images"]["repeated_row"] == 49


def test_an_empty_catalogue_is_a_catalogue(spark, tmp_path):
    settings = settings_of(tmp_path, PRODUCTS, IMAGES, error_budget=0.0)
    catalogue = ingest.read_catalogue(spark, settings, DAY)
    for frame in (catalogue.products, catalogue.images, catalogue.rejects):
        assert frame.count() == 0
    assert counted(catalogue, settings)["products"]["rows"] == 0


def test_a_source_on_s3(spark, tmp_path, s3_bucket):
    base = f"s3://{s3_bucket}/export"
    storage.write_bytes(f"{base}/products.csv", (PRODUCTS + "1,A,4,1\n").encode())
    storage.write_bytes(f"{base}/images.csv", (IMAGES + "1,é/a b.jpg\n1,x/../c.jpg\n").encode())
    settings = settings_of(tmp_path, products=f"{base}/products.csv", images=f"{base}/images.csv")
    # Workers started by earlier tests keep the environment they were born with.
    spark.sparkContext.environment.update(
        {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    )
    catalogue = ingest.read_catalogue(spark, settings, DAY)
    assert rows(catalogue.images, "product_id", "image_uri") == [
        ("1", f"{base}/c.jpg"),
        ("1", f"{base}/é/a b.jpg"),
    ]


def test_a_file_that_is_damaged_on_the_way_is_one_line(spark, tmp_path):
    settings = settings_of(tmp_path, PRODUCTS, IMAGES)
    catalogue = ingest.read_catalogue(spark, settings, DAY)
    (tmp_path / "products.csv").write_text(PRODUCTS + "1,A,4,1\n")
    with pytest.raises(UnposedError, match=r"^/.*products.csv changed during the run; run again$"):
        counted(catalogue, settings)
    with pytest.raises(ZeroDivisionError), user_errors():
        raise ZeroDivisionError


def test_a_missing_column_is_told_before_anything_is_read(spark, tmp_path):
    settings = settings_of(tmp_path, "product_id,category,stars,reviews\n", IMAGES)
    with pytest.raises(
        UnposedError, match=r"\[catalogue.product_columns\] average_rating"
    ) as caught:
        ingest.read_catalogue(spark, settings, DAY)
    assert "it has: product_id, category, stars, reviews" in str(caught.value)


def test_further_columns_are_attributes_and_signals(spark, tmp_path):
    settings = config.load(
        None,
        catalogue__products=str(tmp_path / "products.csv"),
        catalogue__images=str(tmp_path / "images.csv"),
        catalogue__cohort_attributes=("category", "gender"),
        catalogue__product_columns={"gender": "sex"},
        training__popularity="sold",
    )
    header = PRODUCTS.strip() + ",sex,sold\n"
    settings_of(tmp_path, header + "1,A,4,1,w,7.5\n2,A,4,1,,\n", IMAGES)
    catalogue = ingest.read_catalogue(spark, settings, DAY)
    assert rows(catalogue.products, "product_id", "attributes", "signals") == [
        ("1", {"gender": "w"}, {"sold": 7.5}),
        ("2", {"gender": None}, {"sold": None}),
    ]


@pytest.mark.skipif(not REAL.is_dir(), reason="the folder ../shared/data is not here")
@pytest.mark.parametrize(
    ("name", "products", "images", "expected"),
    [
        ("amazon_fashion", {}, {"image_uri": "url"}, (500, 2291 - 38, 38)),
        (
            "myntra",
            {"average_rating": "rating", "product_type": "article_type"},
            {"image_uri": "url"},
            (419, 2707 - 419, 419),
        ),
    ],
)
def test_real_exports_load_by_mapping_alone(spark, name, products, images, expected):
    settings = config.load(
        None,
        catalogue__products=str(REAL / f"{name}_products.csv"),
        catalogue__images=str(REAL / f"{name}_images.csv"),
        catalogue__product_columns=products,
        catalogue__image_columns=images,
    )
    catalogue = ingest.read_catalogue(spark, settings, DAY)
    counts = counted(catalogue, settings)
    assert counts["products"] == {
        "rows": expected[0],
        "accepted": expected[0],
        "set_aside": 0,
        "other_day": 0,
    }
    assert (counts["images"]["accepted"], counts["images"]["repeated_row"]) == expected[1:]
    assert counts["images"]["set_aside"] == 0


def test_the_session_is_shared_and_set_up(spark):
    again = session("another")
    assert again.sparkContext is spark.sparkContext
    assert again.conf.get("spark.sql.parquet.outputTimestampType") == "TIMESTAMP_MICROS"
    assert again.conf.get("spark.sql.session.timeZone") == "UTC"


@pytest.mark.parametrize(("rows", "through_the_driver"), [(1_000, True), (1_000_000, False)])
def test_only_what_is_small_is_joined_through_the_driver(spark, rows, through_the_driver):
    joined = spark.range(10_000_000).join(spark.range(rows), "id")
    planned = joined._jdf.queryExecution().executedPlan().toString()
    assert ("BroadcastExchange" in planned) is through_the_driver


def test_no_java_is_one_line(monkeypatch, tmp_path):
    from unposed_jobs.distributed import session as module

    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnposedError, match="install default-jre-headless, or set JAVA_HOME"):
        module._require_java()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(UnposedError, match="no bin/java"):
        module._require_java()
