"""Opening: what is made, and what is refused in one line."""

from __future__ import annotations

import dataclasses
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from warehouse_samples import DAY, NEXT, audit_rows, publish_day, record, settings

from unposed_jobs.errors import UnposedError
from unposed_jobs.sql import statements, views
from unposed_jobs.warehouse import Warehouse, maintenance
from unposed_jobs.warehouse.opening import catalog_properties, open_catalog
from unposed_jobs.warehouse.tables import TABLES


def test_every_table_is_made_as_its_contract_says(warehouse):
    for name, contract in TABLES.items():
        table = warehouse.table(name)
        assert table.format_version == 2
        assert [field.name for field in table.schema().fields] == contract.schema.names
        docs = {field.name: field.doc for field in table.schema().fields}
        assert docs == {c.name: c.metadata[b"doc"].decode() for c in contract.schema}
        assert tuple(f.name for f in table.spec().fields) == contract.partition
        assert all(str(field.transform) == "identity" for field in table.spec().fields)
        assert table.properties["commit.retry.num-retries"] == "20"
        assert (
            warehouse.read(name).schema.remove_metadata().equals(contract.schema.remove_metadata())
        )


def test_the_name_mapping_reads_files_without_field_ids(warehouse):
    """What another engine wrote is read by name, lists too."""
    publish_day(warehouse, DAY, ["a", "b"], "r1")
    rows = warehouse.read("product_audit")
    (path,) = warehouse.planned_files("product_audit")
    bare = pq.read_table(path).replace_schema_metadata(None)
    bare = bare.cast(TABLES["product_audit"].schema.remove_metadata())
    pq.write_table(bare, path)
    assert b"PARQUET:field_id" not in pq.read_schema(path).field("product_id").metadata
    assert warehouse.read("product_audit").equals(rows)
    mapping = json.loads(warehouse.table("product_audit").properties["schema.name-mapping.default"])
    assert [entry["names"] for entry in mapping] == [
        [name] for name in TABLES["product_audit"].schema.names
    ]


def test_opening_again_changes_nothing(tmp_path):
    first = Warehouse.open(settings(tmp_path))
    staged = first.stage("product_audit", "r1").write(audit_rows(DAY, ["a"]))
    first.write_day("product_audit", DAY, staged, "r1")
    again = Warehouse.open(settings(tmp_path))
    assert again.snapshot_id("product_audit") == first.snapshot_id("product_audit")
    assert again.read("product_audit", published=False).num_rows == 1


def test_file_locations_and_brackets_in_folders(tmp_path):
    folder = tmp_path / "a [new] folder"
    warehouse = Warehouse.open(settings(folder, location=f"file://{folder}/warehouse"))
    publish_day(warehouse, DAY, ["a", "b"], "r1")
    assert all(path.startswith(str(folder)) for path in warehouse.planned_files("pose_flags"))
    assert statements.query(warehouse, "SELECT count(*) AS n FROM pose_flags").to_pylist() == [
        {"n": 4}
    ]


def test_the_embedded_catalogue_waits_for_another_process(tmp_path):
    assert catalog_properties(settings(tmp_path))["uri"].endswith("catalog.db?timeout=60")


def test_properties_choose_another_catalogue(tmp_path):
    glue = catalog_properties(
        settings(tmp_path, location="s3://bucket/warehouse/", properties={"type": "glue"})
    )
    assert (glue["type"], glue["warehouse"]) == ("glue", "s3://bucket/warehouse")
    assert "uri" not in glue
    postgres = catalog_properties(settings(tmp_path, uri="postgresql+psycopg2://db/iceberg"))
    assert (postgres["type"], postgres["uri"]) == ("sql", "postgresql+psycopg2://db/iceberg")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"location": "gs://bucket/x"}, "gs:// is not supported"),
        ({"uri": "nonsense"}, r"cannot open the warehouse catalogue"),
        ({"uri": "sqlite:////proc/nowhere/catalog.db"}, "cannot make the folder"),
        ({"properties": {"type": "granite"}}, "cannot open the warehouse catalogue"),
        ({"uri": "http://127.0.0.1:9/", "properties": {"type": "rest"}}, r"\(127.0.0.1\)"),
    ],
)
def test_a_wrong_setting_is_one_line(tmp_path, changes, message):
    with pytest.raises(UnposedError, match=message) as caught:
        Warehouse.open(settings(tmp_path, **changes))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_catalogue_is_one_line(tmp_path):
    (tmp_path / "catalog.db").write_text("this is not a database" * 100)
    with pytest.raises(UnposedError, match="cannot open the warehouse catalogue"):
        Warehouse.open(settings(tmp_path, uri=f"sqlite:///{tmp_path}/catalog.db"))


def test_passwords_are_not_told(tmp_path):
    with pytest.raises(UnposedError) as caught:
        Warehouse.open(settings(tmp_path, uri="postgresql+nope://me:secret@db/iceberg"))
    assert "secret" not in str(caught.value)


def test_absent_is_told_with_the_remedy(tmp_path):
    with pytest.raises(UnposedError, match=r"no warehouse yet at .*run: unposed train"):
        Warehouse.open(settings(tmp_path), create=False)
    assert list(tmp_path.iterdir()) == []


def test_another_number_of_buckets_is_refused(tmp_path):
    Warehouse.open(settings(tmp_path))
    with pytest.raises(UnposedError, match="set \\[warehouse\\] buckets = 4"):
        Warehouse.open(settings(tmp_path, buckets=8))


def test_a_table_of_another_version_is_refused(tmp_path):
    catalog = open_catalog(settings(tmp_path))
    table = catalog.load_table(("unposed", "models"))
    with table.update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("status")
    with pytest.raises(UnposedError, match=r"unposed\.models .* has no column status; it was made"):
        Warehouse.open(settings(tmp_path))


def test_a_table_of_an_earlier_version_gets_the_optional_columns_it_lacks(tmp_path):
    first = Warehouse.open(settings(tmp_path))
    publish_day(first, DAY, ["a", "b"], "r1")
    table = first.table("product_audit")
    with table.update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("top_missing")
    with pytest.raises(UnposedError, match="no column top_missing; the next train or audit adds"):
        Warehouse.open(settings(tmp_path), create=False)
    again = Warehouse.open(settings(tmp_path))
    rows = again.read("product_audit")
    assert rows.schema.names == TABLES["product_audit"].schema.names
    assert rows["top_missing"].null_count == rows.num_rows == 2
    publish_day(again, DAY, ["a", "c"], "r2")
    assert again.read("product_audit")["product_id"].to_pylist() == ["a", "c"]


def test_rows_of_an_earlier_version_are_read_beside_those_of_this_one(tmp_path, monkeypatch):
    known = TABLES["product_audit"]
    place = known.schema.get_field_index("carried")
    before = dataclasses.replace(known, schema=known.schema.remove(place))
    with monkeypatch.context() as patch:
        patch.setitem(TABLES, "product_audit", before)
        old = Warehouse.open(settings(tmp_path))
        stager = old.stage("product_audit", "r1")
        staged = [
            file
            for product in "ab"
            for file in stager.write(audit_rows(DAY, [product]).drop_columns(["carried"]))
        ]
        old.write_day("product_audit", DAY, staged, "r1")
        old.record_run(record("r1", DAY))
    shown = "SELECT product_id, carried['brand'] AS brand FROM product_audit ORDER BY ALL"
    found = [{"product_id": one, "brand": None} for one in "ab"]
    warehouse = Warehouse.open(settings(tmp_path))
    assert statements.query(warehouse, shown).to_pylist() == found
    brand = pa.array([[("brand", "Acme")]], known.schema.field("carried").type)
    staged = warehouse.stage("product_audit", "r2").write(audit_rows(NEXT, ["c"], carried=brand))
    warehouse.write_day("product_audit", NEXT, staged, "r2")
    warehouse.record_run(record("r2", NEXT))
    found.append({"product_id": "c", "brand": "Acme"})
    assert statements.query(warehouse, shown).to_pylist() == found
    (report,) = [
        report
        for report in maintenance.maintain(warehouse, apply=True, renew_views=views.publish)
        if report.table == "product_audit"
    ]
    assert (report.compacted_files, report.compacted_into) == (2, 1)
    assert statements.query(warehouse, shown).to_pylist() == found
    assert warehouse.read("product_audit")["carried"].null_count == 2


def test_unknown_tables_are_named(warehouse):
    with pytest.raises(UnposedError, match="no table flags; known: images"):
        warehouse.read("flags")
    with pytest.raises(UnposedError, match="models has no column nope"):
        warehouse.read("models", ["nope"])
