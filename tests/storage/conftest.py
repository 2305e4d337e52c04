from __future__ import annotations

import boto3
import pytest
from moto.server import ThreadedMotoServer


@pytest.fixture(scope="session")
def s3_server():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server, monkeypatch):
    """An S3 bucket, empty, on the loopback; its name."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3 = boto3.session.Session().client("s3")
    s3.create_bucket(Bucket="pictures")
    yield "pictures"
    for item in s3.list_objects_v2(Bucket="pictures").get("Contents", []):
        s3.delete_object(Bucket="pictures", Key=item["Key"])
    s3.delete_bucket(Bucket="pictures")
