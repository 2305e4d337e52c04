"""Delta tables as a catalogue: the rows of the present version, and nothing that was removed."""

from __future__ import annotations

import datetime
import json
import pickle

import boto3
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from unposed_jobs.catalogue import sources
from unposed_jobs.errors import UnposedError


def rows_of(uri):
    files = pickle.loads(pickle.dumps(sources.plan(str(uri))))
    rows = [row for file in files for batch in sources.read(file) for row in batch.to_pylist()]
    return [{k: v for k, v in row.items() if not k.startswith("__")} for row in rows]


@pytest.fixture
def table(tmp_path):
    """A table with a column that its first files lack, partitions, and a removed row."""
    root = str(tmp_path / "t")
    rows = {"id": ["a", "b", "c"], "n": [1, 2, 3], "cat": ["T Shirts", None, "x=y/ü"]}
    write_deltalake(root, pa.table(rows), partition_by=["cat"])
    more = pa.table({"id": ["d"], "n": [4], "cat": ["z"], "new": ["q"]})
    write_deltalake(root, more, mode="append", schema_mode="merge", partition_by=["cat"])
    DeltaTable(root).delete("n = 2")
    return tmp_path / "t"


def test_the_present_rows_with_their_partitions(table):
    expected = [("a", "T Shirts", None), ("c", "x=y/ü", None), ("d", "z", "q")]
    for uri in (table, f"{table}/", table.as_uri()):
        rows = sorted(rows_of(uri), key=lambda row: row["id"])
        assert [(row["id"], row["cat"], row["new"]) for row in rows] == expected


def test_partitions_of_any_type_are_text(tmp_path):
    rows = {"id": ["a"], "day": [datetime.date(2026, 1, 5)], "n": [7], "t": [True]}
    write_deltalake(str(tmp_path / "t"), pa.table(rows), partition_by=["day", "n", "t"])
    assert rows_of(tmp_path / "t") == [{"id": "a", "day": "2026-01-05", "n": "7", "t": "true"}]


def test_a_table_without_rows_has_its_columns(table):
    DeltaTable(str(table)).delete()
    files = sources.plan(str(table))
    assert files == []
    assert sources.columns(str(table), files, None) == ["id", "n", "new", "cat"]


def test_a_table_in_the_store(table, aws):
    client = boto3.client("s3")
    client.create_bucket(Bucket="delta")
    for path in table.rglob("*"):
        if path.is_file():
            client.put_object(
                Bucket="delta", Key=f"t/{path.relative_to(table)}", Body=path.read_bytes()
            )
    assert sorted(row["id"] for row in rows_of("s3://delta/t")) == ["a", "c", "d"]


def altered(root, change):
    """Rewrite each action of a new table's log."""
    write_deltalake(str(root), pa.table({"id": ["a", "b"], "n": [1, 2]}))
    log = root / "_delta_log" / f"{0:020}.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        change(action)
    log.write_text("".join(json.dumps(action) + "\n" for action in actions))


def features(name):
    return {
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": [name],
        "writerFeatures": [name],
    }


def test_columns_that_were_renamed(tmp_path):
    def change(action):
        if "protocol" in action:
            action["protocol"] = {"minReaderVersion": 2, "minWriterVersion": 5}
        if "metaData" in action:
            kept = action["metaData"]
            kept["configuration"] = {
                "delta.columnMapping.mode": "name",
                "delta.columnMapping.maxColumnId": "2",
            }
            schema = json.loads(kept["schemaString"])
            for number, field in enumerate(schema["fields"], 1):
                field["metadata"] = {
                    "delta.columnMapping.id": number,
                    "delta.columnMapping.physicalName": field["name"],
                }
                field["name"] = f"my {field['name']}"
            kept["schemaString"] = json.dumps(schema)

    altered(tmp_path / "t", change)
    assert rows_of(tmp_path / "t") == [{"my id": "a", "my n": 1}, {"my id": "b", "my n": 2}]


def test_deletion_vectors_are_refused_where_there_is_one(tmp_path):
    vector = {"storageType": "u", "pathOrInlineDv": "vBn[lx{q8@P<9BNH/isA", "offset": 1}
    vector |= {"sizeInBytes": 36, "cardinality": 1}

    def change(action, present=False):
        if "protocol" in action:
            action["protocol"] = features("deletionVectors")
        if "add" in action and present:
            action["add"]["deletionVector"] = vector

    altered(tmp_path / "allowed", change)
    assert len(rows_of(tmp_path / "allowed")) == 2
    altered(tmp_path / "used", lambda action: change(action, True))
    with pytest.raises(UnposedError, match=r"the Delta table .*used has deletion vectors"):
        sources.plan(str(tmp_path / "used"))


def test_what_cannot_be_read_is_told_in_a_line(tmp_path, table):
    altered(
        tmp_path / "later",
        lambda action: (
            action.update(protocol=features("laterOn")) if "protocol" in action else None
        ),
    )
    with pytest.raises(
        UnposedError, match=r"cannot read the Delta table .*laterOn.* not supported"
    ):
        sources.plan(str(tmp_path / "later"))
    with pytest.raises(
        UnposedError, match=r"holds a Delta table in a folder of its own; .*/t$|later"
    ):
        sources.plan(str(tmp_path))


@pytest.mark.parametrize("path", ["/etc/passwd", "../other.parquet", "file:///etc/passwd"])
def test_files_outside_of_the_tables_folder_are_not_read(tmp_path, path):
    def change(action):
        if "add" in action:
            action["add"]["path"] = path

    altered(tmp_path / "t", change)
    with pytest.raises(UnposedError, match="names a file that is not in its folder"):
        sources.plan(str(tmp_path / "t"))
