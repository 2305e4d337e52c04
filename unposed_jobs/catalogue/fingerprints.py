"""Change detection: etag, size and date first; the bytes are hashed only where those differ."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from unposed_jobs import storage
from unposed_jobs.catalogue.addresses import nearest
from unposed_jobs.config import PoseSettings

_TIME = pa.timestamp("us", tz="UTC")
_FINGERPRINT = [
    ("etag", pa.string()),
    ("size", pa.int64()),
    ("last_modified", _TIME),
]

LISTED = pa.schema(
    [
        ("image_uri", pa.string()),
        *_FINGERPRINT,
        ("known_status", pa.string()),
        *((f"known_{name}", kind) for name, kind in _FINGERPRINT),
        ("known_sha256", pa.string()),
        ("known_first_seen", pa.date32()),
        ("known_last_seen", pa.date32()),
    ]
)
"""A picture the day's catalogue lists, with what the table `images` knows of it (null: new).
etag, size and last_modified are the catalogue's word, null where it has none."""

FINGERPRINTED = pa.schema(
    [
        ("image_uri", pa.string()),
        *_FINGERPRINT,
        ("content_sha256", pa.string()),
        ("status", pa.string()),
        ("error", pa.string()),
        ("first_seen", pa.date32()),
        ("last_seen", pa.date32()),
        ("change", pa.string()),
        ("altered", pa.bool_()),
    ]
)
"""The columns of the table `images` but bucket and run_id; `change`: new, changed, touched
(another date, the same bytes), unchanged or failed; `altered`: whether the table must be
written."""

_GUESSES = 8
"""Missing files of a batch for which a merely similar name is searched."""

_ALONE = 0.02
"""Seconds: 256 files of this machine take a tenth of it, one object of a store as long."""


@dataclass(frozen=True)
class _Read:
    """A picture whose bytes came with its state, as one request of the web gives both."""

    stat: storage.ObjectStat
    sha256: str


_Found = storage.ObjectStat | _Read | storage.StorageError | None

LAST_SEEN_LAG = timedelta(days=7)
"""How far last_seen may stay behind. It alone changes in every row on every night, and a table
that is written anew for it each night takes longer than comparing the pictures."""


def fingerprint(batch: pa.RecordBatch, settings: PoseSettings, run_date: date) -> pa.RecordBatch:
    """Fingerprint a batch of `LISTED` pictures; returns `FINGERPRINTED`, in order.

    A picture whose catalogue row or storage still has the known etag (else size and date)
    is not read; of one on the web the host is asked by one conditional request, unless the
    catalogue's own word is enough. A picture that cannot be had becomes a status, never an error.
    """
    rows = batch.to_pylist()

    def tell(row: dict[str, Any], found: _Found) -> dict[str, Any]:
        result = _seen(row, run_date) | _compare(row, found, settings)
        return result | {"altered": _altered(result, row)}

    threads = settings.read_threads
    if any(_on_web(row) for row in rows):
        threads = max(threads, storage.most_requests())
    with ThreadPoolExecutor(threads) as pool:
        found_stats = _stat_all(rows, pool, settings)
        readings = [
            pool.submit(tell, row, found) if isinstance(found, storage.ObjectStat) else None
            for row, found in zip(rows, found_stats, strict=True)
        ]
        results = [
            tell(row, found) if reading is None else reading.result()
            for row, found, reading in zip(rows, found_stats, readings, strict=True)
        ]
    _explain(results)
    return pa.RecordBatch.from_pylist(results, schema=FINGERPRINTED)


def _explain(results: list[dict[str, Any]]) -> None:
    """Say of missing files what there is near them; of many in other words for the first alone."""
    names: dict[str, list[str]] = {}
    missing = [result for result in results if result["status"] == "missing"]
    for place, result in enumerate(missing):
        result["error"] += nearest(result["image_uri"], names, guess=place < _GUESSES)


def fingerprint_batches(
    batches: Iterator[pa.RecordBatch], settings: PoseSettings, run_date: date
) -> Iterator[pa.RecordBatch]:
    """`fingerprint` over a partition, a bounded number of pictures at a time."""
    for batch in batches:
        for start in range(0, batch.num_rows, settings.chunk_size):
            yield fingerprint(batch.slice(start, settings.chunk_size), settings, run_date)


def _stat_all(
    rows: list[dict[str, Any]], pool: ThreadPoolExecutor, settings: PoseSettings
) -> list[_Found]:
    """`_look` at each, by threads where the storage lets one wait.

    To hand a picture to a thread takes longer than to stat a file of this machine.
    """
    found_stats: list[_Found] = []
    until = time.monotonic() + _ALONE
    while len(found_stats) < len(rows) and time.monotonic() < until:
        found_stats.append(_stat_one(rows[len(found_stats)], settings))
    return found_stats + list(
        pool.map(lambda row: _stat_one(row, settings), rows[len(found_stats) :])
    )


def _stat_one(row: dict[str, Any], settings: PoseSettings) -> _Found:
    """The storage's state of a picture that may have changed; None where it is not."""
    try:
        if _on_web(row):
            return _ask(row, settings)
        if not _is_known(row):
            return storage.pictures.stat(row["image_uri"])
        if _same(_listed_stat(row), known := _known(row)):
            return None
        return storage.pictures.stat_if_changed(row["image_uri"], known)
    except storage.StorageError as error:
        return error


def _on_web(row: dict[str, Any]) -> bool:
    return storage.scheme(row["image_uri"]) in ("http", "https")


def _ask(row: dict[str, Any], settings: PoseSettings) -> _Found:
    known = _known(row) if _is_known(row) else None
    if known is not None and _same(_listed_stat(row), known):
        return None
    found = storage.pictures.fetch_if_changed(row["image_uri"], known, settings.max_bytes)
    if found is None:
        return None
    # The digest at once: a batch of pictures is not to be held.
    return _Read(found.stat, hashlib.sha256(found.data).hexdigest())


def _compare(row: dict[str, Any], found: _Found, settings: PoseSettings) -> dict[str, Any]:
    """The columns that say what the picture is now, read if `found` is not what is known."""
    if found is None:
        same = {"content_sha256": row["known_sha256"], "status": "ok", "change": "unchanged"}
        return same | _columns(_known(row))
    try:
        if isinstance(found, storage.StorageError):
            raise found
        if not isinstance(found, _Read):
            data = storage.pictures.read_bytes(row["image_uri"], settings.max_bytes)
            found = _Read(found, hashlib.sha256(data).hexdigest())
    except storage.StorageError as error:
        failed = {"status": error.status, "error": str(error), "change": "failed"}
        return failed | _columns(_listed_stat(row))
    digest = found.sha256
    change = "new" if row["known_status"] is None else "changed"
    if _is_known(row) and digest == row["known_sha256"]:
        # Touched, not changed: the new fingerprint is kept so that it is not read again.
        change = "touched"
    return {"content_sha256": digest, "status": "ok", "change": change} | _columns(found.stat)


def _seen(row: dict[str, Any], run_date: date) -> dict[str, Any]:
    return {
        "image_uri": row["image_uri"],
        "first_seen": min(row["known_first_seen"] or run_date, run_date),
        "last_seen": max(row["known_last_seen"] or run_date, run_date),
    }


def _altered(found: dict[str, Any], row: dict[str, Any]) -> bool:
    if row["known_status"] is None or found.get("content_sha256") != row["known_sha256"]:
        return True
    if any(found[name] != row[f"known_{name}"] for name in _COMPARED):
        return True
    return bool(found["last_seen"] - row["known_last_seen"] >= LAST_SEEN_LAG)


_COMPARED = ("status", "first_seen", *(name for name, _ in _FINGERPRINT))


def _same(found: storage.ObjectStat, known: storage.ObjectStat) -> bool:
    """Whether the catalogue's own word is enough to know that the picture is as it was."""
    if found.etag and known.etag:
        return found.etag == known.etag
    return (
        found.size is not None
        and found.last_modified is not None
        and (found.size, found.last_modified) == (known.size, known.last_modified)
    )


def _is_known(row: dict[str, Any]) -> bool:
    return row["known_status"] == "ok" and row["known_sha256"] is not None


def _listed_stat(row: dict[str, Any]) -> storage.ObjectStat:
    return storage.ObjectStat(row["size"], row["etag"], row["last_modified"])


def _known(row: dict[str, Any]) -> storage.ObjectStat:
    return storage.ObjectStat(row["known_size"], row["known_etag"], row["known_last_modified"])


def _columns(stat: storage.ObjectStat) -> dict[str, Any]:
    return {"etag": stat.etag, "size": stat.size, "last_modified": stat.last_modified}
