"""Change detection: etag, size and date first; the bytes are hashed only where those differ."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from unposed_jobs import storage
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
"""A picture the day's catalogue lists, beside what the table `images` knows of it (null: new).
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
(another date, the same bytes), unchanged or failed; `altered`: whether the table must be told."""

LAST_SEEN_LAG = timedelta(days=7)
"""How far last_seen may stay behind. It alone changes in every row on every night, and a table
that is written anew for it each night costs more than looking at the pictures."""


def fingerprint(batch: pa.RecordBatch, settings: PoseSettings, run_date: date) -> pa.RecordBatch:
    """Fingerprint a batch of `LISTED` pictures; returns `FINGERPRINTED`, in order.

    A picture whose catalogue row or storage still tells the known etag (else size and date)
    is not read. A picture that cannot be had becomes a status, never an error.
    """

    def one(row: dict[str, Any]) -> dict[str, Any]:
        return _fingerprint_one(row, settings, run_date)

    with ThreadPoolExecutor(settings.read_threads) as pool:
        rows = list(pool.map(one, batch.to_pylist()))
    return pa.RecordBatch.from_pylist(rows, schema=FINGERPRINTED)


def fingerprint_batches(
    batches: Iterator[pa.RecordBatch], settings: PoseSettings, run_date: date
) -> Iterator[pa.RecordBatch]:
    """`fingerprint` over a partition, a bounded number of pictures at a time."""
    for batch in batches:
        for start in range(0, batch.num_rows, settings.chunk_size):
            yield fingerprint(batch.slice(start, settings.chunk_size), settings, run_date)


def _fingerprint_one(row: dict[str, Any], settings: PoseSettings, run_date: date) -> dict[str, Any]:
    result = _looked_at(row, settings, run_date)
    return result | {"altered": _altered(result, row)}


def _looked_at(row: dict[str, Any], settings: PoseSettings, run_date: date) -> dict[str, Any]:
    told = storage.ObjectStat(row["size"], row["etag"], row["last_modified"])
    known = storage.ObjectStat(row["known_size"], row["known_etag"], row["known_last_modified"])
    is_known = row["known_status"] == "ok" and row["known_sha256"] is not None
    result = {
        "image_uri": row["image_uri"],
        "content_sha256": row["known_sha256"] if is_known else None,
        "status": "ok",
        "error": None,
        "first_seen": min(row["known_first_seen"] or run_date, run_date),
        "last_seen": max(row["known_last_seen"] or run_date, run_date),
        "change": "unchanged",
    }
    try:
        if is_known and _same(told, known):
            return result | _columns(known)
        found = (
            storage.stat_if_changed(row["image_uri"], known)
            if is_known
            else storage.stat(row["image_uri"])
        )
        if found is None:
            return result | _columns(known)
        data = storage.read_bytes(row["image_uri"], settings.max_bytes)
    except storage.StorageError as error:
        failed = {"content_sha256": None, "status": error.status, "error": str(error)}
        return result | failed | {"change": "failed"} | _columns(told)
    digest = hashlib.sha256(data).hexdigest()
    change = "new" if row["known_status"] is None else "changed"
    if is_known and digest == row["known_sha256"]:
        # Touched, not changed: the new fingerprint is kept so that it is not read again.
        return result | _columns(found) | {"change": "touched"}
    return result | _columns(found) | {"content_sha256": digest, "change": change}


def _altered(found: dict[str, Any], row: dict[str, Any]) -> bool:
    if row["known_status"] is None or found["content_sha256"] != row["known_sha256"]:
        return True
    if any(found[name] != row[f"known_{name}"] for name in _COMPARED):
        return True
    return bool(found["last_seen"] - row["known_last_seen"] >= LAST_SEEN_LAG)


_COMPARED = ("status", "first_seen", *(name for name, _ in _FINGERPRINT))


def _same(told: storage.ObjectStat, known: storage.ObjectStat) -> bool:
    """Whether the catalogue's own word is enough to know that the picture is as it was."""
    if told.etag and known.etag:
        return told.etag == known.etag
    return (
        told.size is not None
        and told.last_modified is not None
        and (told.size, told.last_modified) == (known.size, known.last_modified)
    )


def _columns(stat: storage.ObjectStat) -> dict[str, Any]:
    return {"etag": stat.etag, "size": stat.size, "last_modified": stat.last_modified}
