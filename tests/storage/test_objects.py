from __future__ import annotations

import io

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unposed_jobs import storage
from unposed_jobs.storage import StorageError, objects


def status_of(call, *arguments, **named) -> str:
    with pytest.raises(StorageError) as caught:
        call(*arguments, **named)
    assert "\n" not in str(caught.value)
    return caught.value.status


def test_write_stat_read(bucket):
    uri = f"s3://{bucket}/été/a b%20c.jpg"
    storage.write_bytes(uri, b"12345")
    seen = storage.stat(uri)
    assert seen.size == 5
    assert seen.etag == "827ccb0eea8a706c4c34a16891f84e7b"
    assert seen.last_modified.utcoffset().total_seconds() == 0
    assert storage.read_bytes(uri) == b"12345"
    assert storage.exists(uri)


def test_change_is_asked_by_tag(bucket):
    uri = f"s3://{bucket}/a"
    storage.write_bytes(uri, b"1")
    seen = storage.stat(uri)
    assert storage.stat_if_changed(uri, seen) is None
    storage.write_bytes(uri, b"22")
    assert storage.stat_if_changed(uri, seen).size == 2


def test_a_large_object_is_not_read(bucket):
    uri = f"s3://{bucket}/a"
    storage.write_bytes(uri, b"12345")
    assert storage.read_bytes(uri, max_bytes=5) == b"12345"
    assert status_of(storage.read_bytes, uri, max_bytes=4) == "too_large"


def test_missing_objects_buckets_and_folders(bucket):
    storage.write_bytes(f"s3://{bucket}/folder/a", b"1")
    for uri in (f"s3://{bucket}/none", "s3://no-such-bucket/a"):
        for call in (storage.stat, storage.read_bytes, storage.open_input, storage.list_files):
            assert status_of(call, uri) == "missing"
    assert not storage.exists(f"s3://{bucket}/none")
    assert status_of(storage.read_bytes, f"s3://{bucket}/folder/") == "refused"
    assert status_of(storage.read_bytes, f"s3://{bucket}") == "refused"
    assert status_of(storage.read_bytes, "s3://not a bucket!/a") == "refused"


def test_list_files(bucket):
    for key in ("p/b", "p/a/c", "p/", "pq/x"):
        boto3.session.Session().client("s3").put_object(Bucket=bucket, Key=key, Body=b"")
    below = [f"s3://{bucket}/p/a/c", f"s3://{bucket}/p/b"]
    assert storage.list_files(f"s3://{bucket}/p") == below
    assert storage.list_files(f"s3://{bucket}/p/") == below
    assert storage.list_files(f"s3://{bucket}/p/b") == [f"s3://{bucket}/p/b"]
    assert len(storage.list_files(f"s3://{bucket}")) == 3
    assert storage.is_folder(f"s3://{bucket}/p")
    assert not storage.is_folder(f"s3://{bucket}/p/b")


def test_parquet_is_read_by_ranges(bucket):
    table = pa.table({"a": list(range(1000))})
    data = io.BytesIO()
    pq.write_table(table, data, row_group_size=100)
    storage.write_bytes(f"s3://{bucket}/a.parquet", data.getvalue())
    with storage.open_input(f"s3://{bucket}/a.parquet") as file:
        assert pq.ParquetFile(file).read_row_group(3).column("a")[0].as_py() == 300
        assert file.seek(-4, io.SEEK_END) == len(data.getvalue()) - 4
        assert file.read() == b"PAR1"


def test_an_object_that_changes_while_it_is_read(bucket):
    uri = f"s3://{bucket}/a"
    storage.write_bytes(uri, b"old")
    with storage.open_input(uri) as file:
        storage.write_bytes(uri, b"new")
        assert status_of(file.read) == "unreachable"


def test_a_storage_that_does_not_answer(bucket, monkeypatch):
    monkeypatch.setattr(objects, "ATTEMPTS", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://user:hunter2@127.0.0.1:9")
    with pytest.raises(StorageError) as caught:
        storage.read_bytes(f"s3://{bucket}/a")
    assert caught.value.status == "unreachable"
    assert "hunter2" not in str(caught.value)


def test_access_denied(bucket, monkeypatch):
    from botocore.exceptions import ClientError

    denied = ClientError(
        {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}},
        "GetObject",
    )

    class Client:
        def get_object(self, **_):
            raise denied

    monkeypatch.setattr(objects, "client", Client)
    with pytest.raises(StorageError, match=r"AccessDenied \(HTTP 403\)") as caught:
        storage.read_bytes(f"s3://{bucket}/a")
    assert caught.value.status == "unreachable"


def test_no_credentials(bucket, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    objects._client.cache_clear()
    try:
        with pytest.raises(StorageError, match="no AWS credentials") as caught:
            storage.read_bytes(f"s3://{bucket}/a")
        assert caught.value.status == "unreachable"
    finally:
        objects._client.cache_clear()


def test_threads_share_one_client(bucket):
    assert objects.client() is objects.client()


def test_a_folder_is_removed_without_its_neighbour(aws: str) -> None:
    client = objects.client()
    client.create_bucket(Bucket="bundles")
    for key in ("models/v1/a", "models/v1/b", "models/v10/a"):
        client.put_object(Bucket="bundles", Key=key, Body=b"x")
    assert objects.remove_folder("s3://bundles/models/v1") == 2
    assert objects.list_files("s3://bundles/models") == ["s3://bundles/models/v10/a"]


def test_objects_that_stay_are_told(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = objects.client()
    client.create_bucket(Bucket="locked")
    client.put_object(Bucket="locked", Key="m/a", Body=b"x")
    answer = {"Errors": [{"Key": "m/a", "Code": "AccessDenied"}]}
    monkeypatch.setattr(client, "delete_objects", lambda **_: answer)
    with pytest.raises(StorageError, match=r"cannot remove 1 objects of .*: AccessDenied"):
        objects.remove_folder("s3://locked/m")
