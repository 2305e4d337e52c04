"""The same warehouse on Glue and S3, by catalogue properties alone."""

from __future__ import annotations

import pickle

import boto3
import pytest
from moto.server import ThreadedMotoServer
from warehouse_samples import DAY, NEXT, landmark_rows, publish_day, record, settings, snapshots

from unposed_jobs.warehouse import Warehouse, maintenance


@pytest.fixture
def glue(tmp_path, monkeypatch):
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="lake")
    yield settings(
        tmp_path,
        location="s3://lake/warehouse",
        properties={
            "type": "glue",
            "glue.endpoint": endpoint,
            "glue.region": "us-east-1",
            "s3.endpoint": endpoint,
            "s3.region": "us-east-1",
            "s3.path-style-access": "true",
        },
    )
    server.stop()


def test_glue_and_s3(glue):
    Warehouse.open(glue)
    warehouse = Warehouse.open(glue)
    publish_day(warehouse, DAY, ["a", "b"], "r1")
    publish_day(warehouse, NEXT, ["a"], "r2")
    publish_day(warehouse, DAY, ["b"], "r1")
    warehouse.replace_day("product_audit", NEXT, [], "r3")
    warehouse.replace_day("pose_flags", NEXT, [], "r3")
    warehouse.record_run(record("r3", NEXT))
    assert snapshots(warehouse, "product_audit") == 4
    (path,) = warehouse.planned_files("product_audit")
    assert path.startswith("s3://lake/warehouse/")

    stager = pickle.loads(pickle.dumps(warehouse.stage("landmarks", "e1")))
    staged = stager.write(landmark_rows(["00", "01", "02"]))
    first = warehouse.append("landmarks", staged, "e1", 0, expected_rows=3)
    assert warehouse.append("landmarks", staged, "e1", 0) == first
    assert warehouse.read("landmarks").num_rows == 3

    assert warehouse.publish_views() is None
    rows = warehouse.query(
        "SELECT product_id, run_id FROM product_audit WHERE run_date = $day", {"day": DAY}
    )
    assert rows.to_pylist() == [{"product_id": "b", "run_id": "r1"}]
    reports = {report.table: report for report in maintenance.maintain(warehouse)}
    assert reports["runs"].orphans == []
