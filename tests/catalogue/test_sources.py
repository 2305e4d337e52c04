from __future__ import annotations

import os
import pickle

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unposed_jobs.catalogue import sources
from unposed_jobs.catalogue.schemas import FILE, ROW
from unposed_jobs.config import WarehouseSettings
from unposed_jobs.errors import UnposedError


def rows_of(uri, *columns, warehouse=None):
    """The named columns of every row, read after the plan has travelled."""
    files = pickle.loads(pickle.dumps(sources.plan(str(uri), warehouse)))
    return [
        tuple(row[name] for name in columns)
        for file in files
        for batch in sources.read(file, 2)
        for row in batch.to_pylist()
    ]


@pytest.fixture
def table():
    return pa.table({"product_id": ["a", "b", "c"], "n": [1, 2, 3]})


@pytest.mark.parametrize("name", ["x.csv", "X.CSV", "x.tsv", "x.txt"])
def test_a_csv_file(tmp_path, name):
    (tmp_path / name).write_text("product_id\tn\n007\t1\n")
    for uri in (tmp_path / name, (tmp_path / name).as_uri()):
        assert rows_of(uri, "product_id", "n", FILE, ROW) == [("007", "1", 0, 2)]


def test_a_relative_path_means_the_same_everywhere(tmp_path, monkeypatch):
    (tmp_path / "x.csv").write_text("a\n1\n")
    monkeypatch.chdir(tmp_path)
    (file,) = sources.plan("x.csv")
    assert file.uri == str(tmp_path / "x.csv")
    assert sources.folder("x.csv") == str(tmp_path)
    assert sources.folder(str(tmp_path)) == str(tmp_path)


def test_parquet_is_split_by_row_groups(tmp_path, table, monkeypatch):
    monkeypatch.setattr(sources, "_PART_BYTES", 1)
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=2)
    assert rows_of(tmp_path / "x.parquet", "product_id", FILE, ROW) == [
        ("a", 0, 1),
        ("b", 0, 2),
        ("c", 1, 3),
    ]


def test_parquet_without_rows(tmp_path, table):
    pq.write_table(table.slice(0, 0), tmp_path / "x.parquet")
    (file,) = sources.plan(str(tmp_path / "x.parquet"))
    assert file.columns == ("product_id", "n")
    assert rows_of(tmp_path / "x.parquet", "product_id") == []


def test_a_folder_of_parts(tmp_path, table):
    pq.write_table(table, tmp_path / "part-1.parquet")
    (tmp_path / "part-0.csv").write_text("product_id,n\nz,0\n")
    (tmp_path / "_temporary").mkdir()
    for name in ("_SUCCESS", ".part-1.parquet.crc", "_temporary/part-9.csv"):
        (tmp_path / name).touch()
    found = [("z", "0", 0), ("a", 1, 1), ("b", 2, 1), ("c", 3, 1)]
    assert rows_of(tmp_path, "product_id", "n", FILE) == found
    for uri in (f"{tmp_path}/", tmp_path.as_uri()):
        assert rows_of(uri, "product_id", "n", FILE) == found


def test_foreign_files_in_a_folder(tmp_path, table):
    pq.write_table(table, tmp_path / "part.parquet")
    (tmp_path / "pictures").mkdir()
    for name in ("READ ME.txt", "pictures/a.jpg", "export.log"):
        (tmp_path / name).write_text("x")
    assert rows_of(tmp_path, "product_id") == [("a",), ("b",), ("c",)]


def test_a_column_that_is_filled_down(tmp_path):
    (tmp_path / "x.csv").write_text("id,v\nP1,1\n,2\n,3\nP2,4\nx\n,5\n")
    (file,) = sources.plan(
        str(tmp_path / "x.csv"), reading=sources.Reading(fill_down=("id", "absent"))
    )
    rows = [row for batch in sources.read(file, 2) for row in batch.to_pylist()]
    good = [(row["id"], row["v"]) for row in rows if row["v"]]
    assert good == [("P1", "1"), ("P1", "2"), ("P1", "3"), ("P2", "4"), ("P2", "5")]


def test_hive_folders_are_columns(tmp_path, table):
    for category in ("category=T%2DShirts", "category=__HIVE_DEFAULT_PARTITION__"):
        (tmp_path / category).mkdir()
        pq.write_table(table.slice(0, 1), tmp_path / category / "0.parquet")
    found = rows_of(tmp_path, "product_id", "category")
    assert sorted(found, key=str) == [("a", "T-Shirts"), ("a", None)]


def test_a_file_that_is_replaced_after_the_plan(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a\n1\n")
    (file,) = sources.plan(str(path))
    path.write_text("a\n2\n")
    os.utime(path, (1, 1))
    with pytest.raises(UnposedError, match="changed during the run; run again"):
        list(sources.read(file))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: None, "cannot read the catalogue: no file"),
        (lambda path: path.mkdir(), "holds no file that is read"),
        (lambda path: path.write_text("x"), "is neither .csv, .csv.gz nor .parquet"),
    ],
)
def test_sources_that_are_none(tmp_path, make, told):
    make(tmp_path / "x")
    with pytest.raises(UnposedError, match=told) as caught:
        sources.plan(str(tmp_path / "x"))
    assert "\n" not in str(caught.value)


def test_more_sources_that_are_none(tmp_path):
    (tmp_path / "x.parquet").write_bytes(b"PAR1 nonsense PAR1")
    with pytest.raises(UnposedError, match=r"x.parquet is not a Parquet file") as caught:
        sources.plan(str(tmp_path / "x.parquet"))
    assert "\n" not in str(caught.value)
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "shoe.jpg").touch()
    with pytest.raises(UnposedError, match=r"f holds no file that is read"):
        sources.plan(str(tmp_path / "f"))
    with pytest.raises(UnposedError, match="https: is not read"):
        sources.plan("https://example.org/x.csv")


def test_damage_inside_a_parquet_file(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": [str(i) for i in range(1000)]}), path, compression="zstd")
    data = bytearray(path.read_bytes())
    data[4:400] = bytes(396)
    path.write_bytes(data)
    with pytest.raises(UnposedError, match=r"x.parquet is damaged") as caught:
        rows_of(path, "a")
    assert "\n" not in str(caught.value)


@pytest.fixture
def iceberg(tmp_path):
    from pyiceberg.catalog import load_catalog

    from unposed_jobs.warehouse.opening import CATALOG, catalog_properties

    settings = WarehouseSettings(
        uri=f"sqlite:///{tmp_path}/catalog.db", location=str(tmp_path / "warehouse")
    )
    catalog = load_catalog(CATALOG, **catalog_properties(settings))
    catalog.create_namespace("shop")
    return settings, catalog


def test_an_iceberg_table_whose_column_was_renamed(iceberg, table):
    settings, catalog = iceberg
    made = catalog.create_table("shop.products", table.schema)
    assert rows_of("iceberg:shop.products", "product_id", warehouse=settings) == []
    assert sources.columns("iceberg:shop.products", [], settings) == ["product_id", "n"]
    made.append(table)
    with made.update_schema() as update:
        update.rename_column("n", "rating_count")
        from pyiceberg.types import StringType

        update.add_column("category", StringType())
    made.append(pa.table({"product_id": ["d"], "rating_count": [4], "category": ["Shirts"]}))
    found = rows_of(
        "iceberg:shop.products", "product_id", "rating_count", "category", warehouse=settings
    )
    assert sorted(found) == [("a", 1, None), ("b", 2, None), ("c", 3, None), ("d", 4, "Shirts")]
    made.delete("product_id == 'a'")
    assert ("a",) not in rows_of("iceberg:shop.products", "product_id", warehouse=settings)


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("iceberg:shop.none", "no Iceberg table shop.none"),
        ("iceberg:none.none", "no Iceberg table none.none"),
        ("iceberg:products", "write iceberg:namespace.table"),
    ],
)
def test_no_such_iceberg_table(iceberg, uri, told):
    with pytest.raises(UnposedError, match=told):
        sources.plan(uri, iceberg[0])
