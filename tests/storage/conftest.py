from __future__ import annotations

import boto3
import pytest


@pytest.fixture
def bucket(aws):
    """An S3 bucket, empty, on the loopback; its name."""
    s3 = boto3.session.Session().client("s3")
    s3.create_bucket(Bucket="pictures")
    yield "pictures"
    for item in s3.list_objects_v2(Bucket="pictures").get("Contents", []):
        s3.delete_object(Bucket="pictures", Key=item["Key"])
    s3.delete_bucket(Bucket="pictures")
