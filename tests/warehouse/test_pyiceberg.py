"""What `warehouse.commit`, and the reader of S3, lean on in pyiceberg's private classes: an upgrade
that fails here must be answered there, before it loses or doubles rows.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyarrow.fs import PyFileSystem
from pyiceberg.exceptions import ValidationException
from pyiceberg.table.update import snapshot
from warehouse_samples import DAY, NEXT, audit_rows

import unposed_jobs
from unposed_jobs.warehouse import ConflictError, commit, object_store
from unposed_jobs.warehouse.reading import expression


def test_private_classes_are_imported_in_one_file():
    found = set()
    for path in Path(unposed_jobs.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pyiceberg"):
                parts = [*node.module.split("."), *(alias.name for alias in node.names)]
                if any(part.startswith("_") for part in parts):
                    found.add(path.name)
    assert found == {"commit.py"}


def test_the_producer_has_the_methods_that_are_called_and_overridden():
    producer = snapshot._SnapshotProducer
    for name in ("delete_by_predicate", "append_data_file", "delete_data_file", "commit"):
        assert callable(getattr(producer, name)), name
    assert isinstance(producer.snapshot_id, property)
    # An append that was not checked would never conflict: ours gives it the producer's own check.
    assert "_validate_concurrency" in vars(snapshot._FastAppendFiles)
    assert "_validate_concurrency" in vars(producer)
    taken = list(inspect.signature(producer.__init__).parameters)
    assert taken[1:4] == ["operation", "transaction", "io"]


@pytest.mark.parametrize("change", ["replace", "add"])
def test_a_commit_of_the_same_rows_since_then_is_a_conflict_and_one_of_others_is_not(
    warehouse, change
):
    mine = expression({"run_date": DAY, "run_id": "mine"})
    staged = warehouse.stage("product_audit", "mine").write(audit_rows(DAY, ["a"]))

    def write(table):
        if change == "replace":
            return commit.replace(table, mine, staged, {}, gone=[])
        return commit.add(table, mine, staged, {})

    first, second = (warehouse.table("product_audit") for _ in range(2))
    for run_id, day in (("other", DAY), ("other", NEXT)):
        rows = warehouse.stage("product_audit", run_id).write(audit_rows(day, ["b"]))
        warehouse.write_day("product_audit", day, rows, run_id)
    write(first)
    with pytest.raises(ConflictError) as caught:
        write(second)
    assert isinstance(caught.value.__cause__, ValidationException)


def test_a_replacement_is_one_snapshot_and_keeps_what_it_does_not_name(warehouse):
    for run_id, product in (("r1", "a"), ("r2", "b")):
        rows = warehouse.stage("product_audit", run_id).write(audit_rows(DAY, [product]))
        warehouse.write_day("product_audit", DAY, rows, run_id)
    rows = warehouse.stage("product_audit", "r1").write(audit_rows(DAY, ["c"]))
    warehouse.write_day("product_audit", DAY, rows, "r1")
    found = warehouse.read("product_audit", ["run_id", "product_id"], published=False).to_pylist()
    assert sorted((row["run_id"], row["product_id"]) for row in found) == [("r1", "c"), ("r2", "b")]
    assert len(warehouse.table("product_audit").snapshots()) == 3


def test_manifests_that_are_looked_at_at_the_same_time_stay_apart(warehouse):
    """A thread looks at another manifest while one is in the middle of its own."""
    for day in (DAY, NEXT):
        rows = warehouse.stage("product_audit", "r").write(audit_rows(day, ["a"]))
        warehouse.write_day("product_audit", day, rows, "r")
    table = warehouse.table("product_audit")
    own, other = sorted(
        table.current_snapshot().manifests(table.io), key=lambda one: one.partitions[0].lower_bound
    )
    producer = commit._Overwrite(
        commit.Operation.OVERWRITE, commit.KeptTransaction(table), table.io
    )
    neither = DAY.replace(year=DAY.year - 1)
    for day in (neither, DAY):  # The partition is looked at twice.
        producer.delete_by_predicate(expression({"run_date": day}))
    may_hold = producer._build_manifest_evaluator(own.partition_spec_id)
    assert (may_hold(own), may_hold(other)) == (True, False)

    class Disturbed(list):
        def __getitem__(self, place):
            may_hold(other)
            return super().__getitem__(place)

    assert may_hold(SimpleNamespace(partitions=Disturbed(own.partitions)))


def test_a_transactions_metadata_follows_its_changes_and_is_made_once_for_each(warehouse):
    table = warehouse.table("product_audit")
    transaction = commit.KeptTransaction(table)
    before = transaction.table_metadata
    assert transaction.table_metadata is before
    transaction.set_properties({"unposed.test": "1"})
    after = transaction.table_metadata
    assert after.properties["unposed.test"] == "1"
    assert transaction.table_metadata is after
    assert "unposed.test" not in table.metadata.properties


def test_what_is_read_of_s3_passes_our_own_reader(aws):
    io = object_store.VerifiedFileIO({"s3.endpoint": aws, "s3.region": "us-east-1"})
    assert isinstance(io.fs_by_scheme("s3", "shop"), PyFileSystem)
    assert isinstance(io.new_input("s3://shop/a"), object_store._Verified)
    assert not isinstance(io.fs_by_scheme("file", None), PyFileSystem)
