from __future__ import annotations

import os
import pickle

import pytest

from unposed_jobs import storage
from unposed_jobs.storage import StorageError


def status_of(call, *arguments, **named) -> str:
    with pytest.raises(StorageError) as caught:
        call(*arguments, **named)
    assert "\n" not in str(caught.value)
    return caught.value.status


@pytest.mark.parametrize(
    ("uri", "scheme"),
    [
        ("a.jpg", "file"),
        ("/a b/c.jpg", "file"),
        ("front:1.jpg", "file"),
        ("file:///a", "file"),
        ("FILE:/a", "file"),
        ("S3://b/k", "s3"),
        ("https://h/a", "https"),
        ("data:image/png;base64,AA", "data"),
    ],
)
def test_scheme(uri, scheme):
    assert storage.scheme(uri) == scheme


@pytest.mark.parametrize(
    "uri",
    [
        "http://h/a.jpg",
        "https://h/a.jpg",
        "ftp://h/a",
        "s3a://b/k",
        "gs://b/k",
        "data:image/png;base64,AA",
        "file://elsewhere/a",
        "file:a.jpg",
        "s3://",
        "s3://key:secret@bucket/a",
        "",
        "a\0b",
    ],
)
def test_other_addresses_are_refused(uri):
    for call in (storage.stat, storage.read_bytes, storage.open_input, storage.list_files):
        assert status_of(call, uri) == "refused"


def test_messages_hold_no_secret_and_are_one_line():
    with pytest.raises(StorageError) as caught:
        storage.read_bytes("https://user:hunter2@h/a.jpg?X-Amz-Signature=abc\n")
    assert "https://h/a.jpg" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "Signature" not in str(caught.value)
    with pytest.raises(StorageError) as caught:
        storage.read_bytes("s3://KEY:hunter2@bucket/a")
    assert "hunter2" not in str(caught.value)


def test_a_percent_encoded_file_uri_names_the_file(tmp_path):
    path = tmp_path / "robe d'été 100%.jpg"
    path.write_bytes(b"x")
    assert storage.read_bytes(path.as_uri()) == b"x"
    assert storage.read_bytes(str(path)) == b"x"
    assert storage.list_files(tmp_path.as_uri()) == [path.as_uri()]
    assert storage.join(tmp_path.as_uri(), path.name) == path.as_uri()
    assert storage.read_bytes(path.as_uri().replace("file://", "file://localhost")) == b"x"


def test_stat_and_change(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    seen = storage.stat(str(path))
    assert (seen.size, seen.etag) == (5, None)
    assert seen.last_modified.isoformat() == "2023-11-14T22:13:20+00:00"
    assert storage.stat_if_changed(str(path), seen) is None
    path.write_bytes(b"123456")
    assert storage.stat_if_changed(str(path), seen).size == 6


def test_the_limit_is_inclusive(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert storage.read_bytes(str(path), max_bytes=5) == b"12345"
    assert status_of(storage.read_bytes, str(path), max_bytes=4) == "too_large"


@pytest.mark.parametrize("path", ["/proc/self/status", "/proc/kmsg", "/sys/kernel/notes"])
def test_what_the_kernel_makes_up_is_refused(path):
    assert status_of(storage.read_bytes, path, max_bytes=10) == "refused"
    assert status_of(storage.stat, path) == "refused"


def test_missing_files(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    for name in ("none.jpg", "a/below.jpg", "x" * 300, "\udcff\ud800"):
        assert status_of(storage.read_bytes, str(tmp_path / name)) == "missing"
    assert not storage.exists(str(tmp_path / "none.jpg"))
    assert not storage.exists(str(tmp_path))
    assert storage.exists(str(tmp_path / "a"))


def test_folders_pipes_and_devices_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "/dev/zero"):
        assert status_of(storage.read_bytes, str(path)) == "refused"
        assert status_of(storage.stat, str(path)) == "refused"
    assert storage.list_files(str(tmp_path)) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"x")
    path.chmod(0)
    assert status_of(storage.read_bytes, str(path)) == "unreachable"


def test_write_makes_folders_and_leaves_no_part(tmp_path):
    target = tmp_path / "a" / "b c" / "d.bin"
    storage.write_bytes(target.as_uri(), b"1")
    storage.write_bytes(str(target), b"22")
    assert target.read_bytes() == b"22"
    assert storage.list_files(str(tmp_path)) == [str(target)]
    (tmp_path / "file").write_bytes(b"")
    assert status_of(storage.write_bytes, str(tmp_path / "file" / "x"), b"1") != "refused"
    assert status_of(storage.write_bytes, str(target.parent), b"1") == "unreachable"
    assert storage.list_files(str(tmp_path)) == [str(target), str(tmp_path / "file")]


@pytest.mark.parametrize(
    ("base", "part", "joined"),
    [
        ("/a/b", "c/d.jpg", "/a/b/c/d.jpg"),
        ("/a/b/", "../c.jpg", "/a/c.jpg"),
        ("s3://b", "c.jpg", "s3://b/c.jpg"),
        ("s3://b/x//y/", "c d.jpg", "s3://b/x//y/c d.jpg"),
        ("s3://b/x/y", "../c.jpg", "s3://b/x/c.jpg"),
        ("file:///a%20b", "c#d.jpg", "file:///a%20b/c%23d.jpg"),
    ],
)
def test_join(base, part, joined):
    assert storage.join(base, part) == joined


def test_join_stays_in_the_bucket():
    assert status_of(storage.join, "s3://b/x", "../../y") == "refused"


def test_an_error_travels_between_processes():
    error = pickle.loads(pickle.dumps(StorageError("missing", "no file a")))
    assert (error.status, str(error)) == ("missing", "no file a")


def test_what_cannot_be_written_is_not_told_as_missing(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"cannot write .*/file/model: ") as told:
        storage.write_bytes(str(tmp_path / "file" / "model"), b"x")
    assert told.value.status == "unreachable"
