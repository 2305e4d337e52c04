"""Change detection: what is read, and what the table `images` must be told."""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
import pytest

from unposed_jobs.catalogue import fingerprints
from unposed_jobs.config import PoseSettings

DAY = date(2026, 1, 5)


def look(day: date, uri: str, known: dict | None = None) -> dict:
    """The picture as it is found, beside an earlier finding of it."""
    kept = {f"known_{name}": value for name, value in (known or {}).items()}
    kept["known_sha256"] = (known or {}).get("content_sha256")
    row = {name: kept.get(name) for name in fingerprints.LISTED.names} | {"image_uri": uri}
    batch = pa.RecordBatch.from_pylist([row], schema=fingerprints.LISTED)
    (found,) = fingerprints.fingerprint(batch, PoseSettings(), day).to_pylist()
    return found


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
