"""The same warehouse on Glue and S3, by catalogue properties alone."""

from __future__ import annotations

import pickle

import boto3
import pytest
from warehouse_samples import DAY, NEXT, landmark_rows, publish_day, settings, snapshots

from unposed_jobs.sql import statements, views
from unposed_jobs.warehouse import Warehouse, maintenance


@pytest.fixture
def glue(tmp_path, aws):
    boto3.client("s3").create_bucket(Bucket="lake")
    return settings(
        tmp_path,
        location="s3://lake/warehouse",
        properties={
            "type": "glue",
            "glue.endpoint": aws,
            "glue.region": "us-east-1",
            "s3.endpoint": aws,
            "s3.region": "us-east-1",
            "s3.path-style-access": "true",
        },
    )


def test_glue_and_s3(glue):
    Warehouse.open(glue)
    warehouse = Warehouse.open(glue)
    publish_day(warehouse, DAY, ["a", "b"], "r1")
    publish_day(warehouse, NEXT, ["a"], "r2")
    publish_day(warehouse, DAY, ["b"], "r1")
    warehouse.clear_day(NEXT, "a test")
    assert snapshots(warehouse, "product_audit") == 3
    paths = warehouse.planned_files("product_audit")
    assert len(paths) == 2
    assert all(path.startswith("s3://lake/warehouse/") for path in paths)

    stager = pickle.loads(pickle.dumps(warehouse.stage("landmarks", "e1")))
    staged = stager.write(landmark_rows(["00", "01", "02"]))
    first = warehouse.append("landmarks", staged, "e1", 0, expected_rows=3)
    assert warehouse.append("landmarks", staged, "e1", 0) == first
    assert warehouse.read("landmarks").num_rows == 3

    assert views.publish(warehouse) is None
    rows = statements.query(
        warehouse,
        "SELECT product_id, run_id FROM product_audit WHERE run_date = $day",
        {"day": DAY},
    )
    assert rows.to_pylist() == [{"product_id": "b", "run_id": "r1"}]
    reports = {
        report.table: report
        for report in maintenance.maintain(warehouse, renew_views=views.publish)
    }
    assert reports["runs"].orphans == []
