"""Objects of a store whose answers break, are cut, altered or do not come."""

from __future__ import annotations

import hashlib
import io
import time

import boto3
import pytest
from faulty_store import FAULTS, FaultyStore

from unposed_jobs import storage
from unposed_jobs.config import StorageSettings
from unposed_jobs.storage import StorageError, objects, pacing, retrying

DATA = bytes(range(256)) * 5000


@pytest.fixture(scope="module")
def faulty(s3_server):
    """A faulty way to a store with the bucket `pictures`, in force for the module."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        made = FaultyStore(s3_server)
        patch.setenv("AWS_ENDPOINT_URL", made.base)
        boto3.session.Session().client("s3").create_bucket(Bucket="failing")
        storage.write_bytes("s3://failing/a", DATA)
        yield made
        made.stop()


@pytest.fixture
def bucket(faulty):
    return "failing"


@pytest.fixture
def store(faulty, monkeypatch):
    """The faulty way without faults yet, and quick."""
    monkeypatch.setattr(retrying, "PAUSE", 0.001)
    faulty.share, faulty.faults, faulty.silent = 0.0, FAULTS, False
    faulty.met.clear()
    faulty.most = 10**9
    storage.configure(StorageSettings(request_seconds=0.5))
    yield faulty
    faulty.share, faulty.silent = 0.0, False
    storage.configure(storage.ANYWHERE)


def once(store, fault, times=2):
    """The next requests meet the fault, and no later one."""
    store.share, store.faults, store.most = 1.0, (fault,), times


@pytest.mark.parametrize("fault", FAULTS)
def test_what_passes_is_read_again(store, bucket, fault):
    once(store, fault, 1 if fault == "late" else 2)
    assert storage.read_bytes(f"s3://{bucket}/a") == DATA
    assert store.met[fault] >= 1


def test_a_large_object_is_read_by_parts_that_are_whole(store, bucket):
    with storage.open_input(f"s3://{bucket}/a") as file:
        once(store, "cut")
        file.seek(1000)
        assert file.read(500_000) == DATA[1000:501_000]
    assert store.met["cut"] == 2


def test_looking_writing_and_listing_are_tried_again(store, bucket):
    store.share, store.faults = 0.3, ("busy", "broken")
    for number in range(10):
        storage.write_bytes(f"s3://{bucket}/p/{number}", b"x")
        seen = storage.stat(f"s3://{bucket}/p/{number}")
        assert storage.stat_if_changed(f"s3://{bucket}/p/{number}", seen) is None
    assert len(storage.list_files(f"s3://{bucket}/p")) == 10
    assert store.met.total() > 3


def test_what_never_passes_has_one_line(store, bucket, monkeypatch):
    monkeypatch.setattr(objects, "ATTEMPTS", 3)
    said = {"busy": "SlowDown", "cut": "of 1280000 bytes came", "broken": "cannot read"}
    for fault, told in said.items():
        once(store, fault, 3)
        store.met.clear()
        with pytest.raises(StorageError, match=told) as caught:
            storage.read_bytes(f"s3://{bucket}/a")
        assert caught.value.status == "unreachable"
        assert store.met[fault] == 3


def test_a_tag_that_is_no_digest_is_believed_when_the_bytes_stay_the_same(bucket, monkeypatch):
    class Client:
        def get_object(self, **_):
            tag = hashlib.md5(b"another").hexdigest()
            return {"ContentLength": 3, "ETag": f'"{tag}"', "Body": io.BytesIO(b"abc")}

    monkeypatch.setattr(objects, "client", Client)
    monkeypatch.setattr(retrying, "PAUSE", 0.001)
    assert storage.read_bytes(f"s3://{bucket}/a") == b"abc"


def test_bytes_that_drip_end_when_the_time_of_a_picture_is_over(store, bucket, monkeypatch):
    storage.configure(StorageSettings(request_seconds=5.0, picture_seconds=0.6))

    class Dripping:
        def read(self, _):
            time.sleep(0.05)
            return b"x"

        def close(self):
            pass

    class Client:
        def get_object(self, **_):
            return {"ContentLength": 10**6, "Body": Dripping()}

    monkeypatch.setattr(objects, "client", Client)
    with pytest.raises(StorageError) as caught:
        storage.read_bytes(f"s3://{bucket}/a")
    assert caught.value.status == "timeout"


def test_a_body_is_read_as_it_comes(store, bucket):
    """What `_body` leans on in botocore and urllib3: an upgrade may take it away."""
    body = objects.client().get_object(Bucket=bucket, Key="a")["Body"]
    assert body._raw_stream.read1(2) == DATA[:2]
    body.close()


def test_a_store_that_is_silent_is_left_alone_after_a_while(store, bucket):
    storage.configure(StorageSettings(request_seconds=0.1))
    store.silent = True
    objects._patience.cache_clear()
    try:
        for _ in range(pacing.SILENT // retrying.SILENT_ATTEMPTS):
            with pytest.raises(StorageError, match="cannot read"):
                storage.read_bytes(f"s3://{bucket}/a")
        with pytest.raises(StorageError, match="has not answered for a while"):
            storage.read_bytes(f"s3://{bucket}/a")
    finally:
        objects._patience.cache_clear()
