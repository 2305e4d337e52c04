"""What the cards show of videos: from where a product is seen, and the frames of each angle."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unposed_jobs.report.facts import Day, Tables
from unposed_jobs.report.model import Frame, Product, Video
from unposed_jobs.videos import picture

FOLDER = "frames"

_VIDEOS = """
WITH listed AS (
    SELECT product_id, unnest(videos) AS uri FROM product_audit
    WHERE run_date = ? AND product_id IN (SELECT unnest(?))
)
SELECT listed.product_id, listed.uri, read.reader_id, read.content_sha256, read.status, read.error,
    read.seconds, read.coverage
FROM listed
JOIN images ON images.image_uri = listed.uri
JOIN video_coverage AS read ON read.content_sha256 = images.content_sha256
LEFT JOIN runs ON runs.run_id = read.run_id
QUALIFY row_number() OVER (
    PARTITION BY listed.product_id, listed.uri ORDER BY runs.started_at DESC NULLS LAST, reader_id
) = 1
ORDER BY listed.product_id, listed.uri
"""
"""The latest reading of each video of the products of a day."""

_FRAMES = """
SELECT reader_id, content_sha256, value, second, certainty, angle, preview FROM video_frames
WHERE reason = 'angle' AND content_sha256 IN (SELECT unnest(?)) ORDER BY angle
"""


def gather(tables: Tables, day: Day, ids: Sequence[str]) -> dict[str, tuple[Video, ...]]:
    """The videos of each product of `ids` that has any and whose videos were read."""
    rows = tables.query(_VIDEOS, [day.run_date, list(ids)]).to_pylist()
    if not rows:
        return {}
    contents = sorted({row["content_sha256"] for row in rows})
    frames: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in tables.query(_FRAMES, [contents]).to_pylist():
        frames[row["reader_id"], row["content_sha256"]].append(row)
    found: dict[str, list[Video]] = defaultdict(list)
    for row in rows:
        kept = frames[row["reader_id"], row["content_sha256"]]
        found[row["product_id"]].append(_video(row, kept))
    return {product: tuple(videos) for product, videos in found.items()}


def _video(row: dict[str, Any], kept: list[dict[str, Any]]) -> Video:
    filled = [one["value"] for one in kept]
    readable = row["status"] in ("ok", "no_person")
    return Video(
        row["uri"],
        row["seconds"],
        row["error"] or ("" if row["status"] == "ok" else "Nobody is seen in it"),
        picture.coverage_svg(row["coverage"], filled) if readable and row["coverage"] else "",
        tuple(
            Frame(
                one["value"].replace("_", " "),
                one["second"],
                one["certainty"],
                one["preview"] or b"",
            )
            for one in kept
        ),
    )


def write(products: Sequence[Product], folder: Path) -> None:
    """Write the frames' small JPEGs into the pages' folder, each content once."""
    for product in products:
        for video in product.videos:
            for frame in video.frames:
                path = folder / address(frame)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(frame.preview)


def address(frame: Frame) -> str:
    """Of a frame's file, from the pages' folder."""
    return f"{FOLDER}/{hashlib.sha256(frame.preview).hexdigest()[:32]}.jpg"
