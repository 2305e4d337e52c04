"""Change detection: what is read, and what the table `images` must be told."""

from __future__ import annotations

import os
import threading
from datetime import date, timedelta

import pyarrow as pa
import pytest
import web_server

from unposed_jobs import storage
from unposed_jobs.catalogue import fingerprints
from unposed_jobs.config import PoseSettings, StorageSettings

DAY = date(2026, 1, 5)


def look(day: date, uri: str, known: dict | None = None) -> dict:
    """The picture as it is found, beside an earlier finding of it."""
    (found,) = look_at([listed(uri, known)], day)
    return found


def listed(uri: str, known: dict | None = None) -> dict:
    kept = {f"known_{name}": value for name, value in (known or {}).items()}
    kept["known_sha256"] = (known or {}).get("content_sha256")
    return {name: kept.get(name) for name in fingerprints.LISTED.names} | {"image_uri": uri}


def look_at(rows: list[dict], day: date = DAY) -> list[dict]:
    batch = pa.RecordBatch.from_pylist(rows, schema=fingerprints.LISTED)
    return fingerprints.fingerprint(batch, PoseSettings(), day).to_pylist()


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"a picture")
    return path


def test_a_week_of_unchanged_nights_alters_nothing_and_then_last_seen(picture):
    first = look(DAY, str(picture))
    assert (first["change"], first["altered"]) == ("new", True)
    for days in range(7):
        later = look(DAY + timedelta(days=days), str(picture), first)
        assert (later["change"], later["altered"]) == ("unchanged", False)
        assert later["last_seen"] == DAY + timedelta(days=days)
    later = look(DAY + timedelta(days=7), str(picture), first)
    assert (later["change"], later["altered"]) == ("unchanged", True)


def test_an_earlier_day_alters_first_seen_only(picture):
    first = look(DAY, str(picture))
    before = look(DAY - timedelta(days=30), str(picture), first)
    assert (before["altered"], before["last_seen"]) == (True, DAY)
    assert before["first_seen"] == DAY - timedelta(days=30)


def test_whatever_else_changes_is_told(picture):
    first = look(DAY, str(picture))
    picture.write_bytes(b"another")
    changed = look(DAY, str(picture), first)
    assert (changed["change"], changed["altered"]) == ("changed", True)
    picture.unlink()
    gone = look(DAY, str(picture), changed)
    assert (gone["status"], gone["change"], gone["altered"]) == ("missing", "failed", True)
    assert not look(DAY, str(picture), gone)["altered"]


@pytest.mark.parametrize("alone", [0.0, 60.0])
def test_every_picture_is_told_in_its_place_whoever_looks(tmp_path, monkeypatch, alone):
    rows, changes = [], ["new", "unchanged", "touched", "changed", "failed", "refused"] * 5
    for place, change in enumerate(changes):
        path = tmp_path / f"{place}.jpg"
        path.write_bytes(b"picture %d" % place)
        known = None if change in ("new", "refused") else look(DAY, str(path))
        if change == "touched":
            os.utime(path, (place, place))
        elif change == "changed":
            path.write_bytes(b"another %d" % place)
        elif change == "failed":
            path.unlink()
        rows.append(listed("ftp://host/picture" if change == "refused" else str(path), known))
    monkeypatch.setattr(fingerprints, "_ALONE", alone)
    found = look_at(rows)
    assert [row["image_uri"] for row in found] == [row["image_uri"] for row in rows]
    told = [row["status"] if row["status"] == "refused" else row["change"] for row in found]
    assert told == changes
    assert {row["status"] for row in found} == {"ok", "missing", "refused"}


def test_a_storage_that_lets_one_wait_is_asked_by_threads(picture, monkeypatch):
    together = threading.Barrier(2, timeout=30)

    def slow(uri):
        together.wait()  # Broken, and the test with it, where nobody else asks meanwhile.
        return storage.local.stat(uri)

    monkeypatch.setattr(fingerprints, "_ALONE", 0.0)
    monkeypatch.setattr(storage, "stat", slow)
    assert {row["change"] for row in look_at([listed(str(picture))] * 4)} == {"new"}


@pytest.fixture
def server():
    storage.configure(StorageSettings(http_hosts=("127.0.0.1",), http_private_addresses=True))
    made = web_server.WebServer()
    yield made
    made.stop()
    storage.configure(storage.ANYWHERE)


def test_of_a_picture_on_the_web_no_body_is_read_while_it_is_unchanged(server):
    server.files["/a.jpg"] = b"a picture"
    uri = f"{server.base}/a.jpg"
    first = look(DAY, uri)
    assert (first["change"], first["size"], bool(first["etag"])) == ("new", 9, True)
    assert server.asked["/a.jpg"] == 1
    again = look(DAY, uri, first)
    assert (again["change"], again["altered"]) == ("unchanged", False)
    assert (server.asked["/a.jpg"], server.bodies["/a.jpg"]) == (2, 1)
    server.files["/a.jpg"] = b"another"
    changed = look(DAY, uri, again)
    assert (changed["change"], changed["altered"]) == ("changed", True)
    assert (server.asked["/a.jpg"], server.bodies["/a.jpg"]) == (3, 2)
    assert changed["content_sha256"] != first["content_sha256"]


def test_without_tag_and_date_the_bytes_decide(server):
    uri = f"{server.base}/a.jpg"
    server.answers["/a.jpg"] = web_server.coded(200, None, b"a picture")
    first = look(DAY, uri)
    again = look(DAY, uri, first)
    assert (again["change"], again["altered"]) == ("touched", False)


def test_where_the_catalogue_tells_the_known_tag_the_host_is_not_asked(server):
    server.files["/a.jpg"] = b"a picture"
    uri = f"{server.base}/a.jpg"
    first = look(DAY, uri)
    (again,) = look_at([listed(uri, first) | {"etag": first["etag"]}])
    assert (again["change"], server.asked["/a.jpg"]) == ("unchanged", 1)


def test_a_fault_of_the_web_becomes_a_status_and_passes(server):
    uri = f"{server.base}/a.jpg"
    server.answers["/a.jpg"] = web_server.coded(410)
    gone = look(DAY, uri)
    assert (gone["status"], gone["change"]) == ("gone", "failed")
    del server.answers["/a.jpg"]
    server.files["/a.jpg"] = b"a picture"
    back = look(DAY, uri, gone)
    assert (back["status"], back["change"]) == ("ok", "changed")
