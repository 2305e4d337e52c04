"""Videos on an executor: references in, rows of coverage and of chosen frames out."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from unposed_jobs import storage
from unposed_jobs.config import PoseSettings
from unposed_jobs.config.videos import VideoSettings
from unposed_jobs.distributed import devices, loaded
from unposed_jobs.pose import estimators
from unposed_jobs.videos.decoding import UnreadableVideo
from unposed_jobs.videos.reading import ANGLE, ChosenFrame, VideoReader, VideoReading
from unposed_jobs.warehouse import video_tables
from unposed_jobs.warehouse.columns import Table

_OWN = ("reader_id", "bucket", "content_sha256", "run_id")


def _columns(table: Table) -> list[pa.Field]:
    return [pa.field(item.name, item.type) for item in table.schema if item.name not in _OWN]


FRAME = pa.struct(_columns(video_tables.FRAMES))
READ = pa.schema(
    [
        pa.field("content_sha256", pa.string()),
        *_columns(video_tables.COVERAGE),
        pa.field("frames", pa.list_(FRAME)),
    ]
)
"""A video's row of `video_coverage`, without what all rows of a run share, and its rows of
`video_frames`. Of the status ``lost``, which no table keeps: it was there when it was compared."""


def read_videos(
    batches: Iterable[pa.RecordBatch], pose: PoseSettings, settings: VideoSettings
) -> Iterator[pa.RecordBatch]:
    """On an executor: references (image_uri, content_sha256) to `READ`, a batch for each video.

    A video that cannot be read is a row with its reason. One that vanished or changed since it was
    compared is `lost`: the next run sees it as it is then. Raises UnposedError where PyTorch cannot
    use the GPU that Spark gave the task.
    """
    gpu = devices.take_gpu()
    reader = _ready(pose, settings)
    devices.require(gpu)
    for batch in batches:
        for item in batch.to_pylist():
            yield pa.RecordBatch.from_pylist([read(item, reader, settings)], schema=READ)


@loaded.once
def _ready(pose: PoseSettings, settings: VideoSettings) -> VideoReader:
    """The one reader of a worker process."""
    return VideoReader(estimators.create(pose), pose, settings)


def read(item: dict[str, Any], reader: VideoReader, settings: VideoSettings) -> dict[str, Any]:
    """The row of one reference."""
    row = {"content_sha256": item["content_sha256"]}
    try:
        data = storage.pictures.read_bytes(item["image_uri"], settings.max_bytes)
    except storage.StorageError as error:
        return row | {"status": "lost", "error": str(error)}
    if hashlib.sha256(data).hexdigest() != item["content_sha256"]:
        changed = f"{storage.shown(item['image_uri'])} changed since it was compared"
        return row | {"status": "lost", "error": changed}
    try:
        return row | columns_of(reader(data))
    except UnreadableVideo as error:
        return row | {"status": error.status, "error": str(error)}


def columns_of(reading: VideoReading) -> dict[str, Any]:
    """The columns of a video that was read."""
    header = reading.header
    return {
        "status": "ok" if reading.with_person else "no_person",
        "width": header.width,
        "height": header.height,
        "frame_rate": header.rate,
        "seconds": reading.seconds,
        "frames_looked_at": reading.looked_at,
        "frames_with_person": reading.with_person,
        "angles_filled": sum(one.reason == ANGLE for one in reading.chosen),
        "coverage": reading.coverage.tolist(),
        "frames": [_frame(one) for one in reading.chosen],
    }


def _frame(chosen: ChosenFrame) -> dict[str, Any]:
    row = {item.name: getattr(chosen, item.name) for item in dataclasses.fields(chosen)}
    points = chosen.landmarks
    return row | {"landmarks": None if points is None else points.ravel().tolist()}
