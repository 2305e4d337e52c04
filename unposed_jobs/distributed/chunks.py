"""A chunk of pictures on an executor: references in, rows of landmarks out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from unposed_jobs import storage
from unposed_jobs.config import PoseSettings
from unposed_jobs.distributed import devices, facts, loaded
from unposed_jobs.pose import estimators, isolation, pipeline
from unposed_jobs.pose.rows import LandmarkRow
from unposed_jobs.warehouse import tables

if TYPE_CHECKING:
    from unposed_jobs.pose.estimator import PoseEstimator

BATCH_ROWS = 64
"""Rows in one batch that a worker yields."""

MOST_COMMITS = 64
"""Most commits of one run. Each carries the table's history, so a commit takes longer the more
there are, and leaves as many small files as there are buckets; with this many a lost run loses
little."""

PARTS = 4
"""Parts per chunk in the last wave; more would cost more in task start-up than they save."""

TURNS_A_COMMIT = 8
"""Chunks that each task does for one commit at least: all wait for the last of them, and then for
the commit. What a lost run loses is a minute's work of the cluster."""

EXTRACTED = pa.schema(
    [
        *(
            pa.field(column.name, column.type)
            for column in tables.LANDMARKS.schema
            if column.name not in ("bucket", "run_id")
        ),
        *(pa.field(f"{stage}_seconds", pa.float64()) for stage in pipeline.STAGES),
        pa.field("gpu", pa.string()),
    ]
)
"""The table's columns, the time that they took and where; the rest is for the run's figures."""

EXTRACTED_WITH_FACTS = pa.schema([*EXTRACTED, *(facts.MADE.field(n) for n in ("facts", "crops"))])
"""The same with a content's rows of `picture_facts` and `picture_crops`."""


@dataclass(frozen=True)
class Cut:
    """Pictures cut into `whole` chunks, and `parts` of a quarter of one, which come last."""

    whole: int
    parts: int

    @property
    def number(self) -> int:
        """Chunks in all."""
        return self.whole + self.parts

    @property
    def quarters(self) -> int:
        """Equal shares of the pictures: four are a whole chunk."""
        return PARTS * self.whole + self.parts


def cut(pictures: int, chunk_size: int, tasks: int) -> Cut:
    """Chunks of so many pictures, where `tasks` run at once; on average none is larger than
    `chunk_size`.

    All tasks have as many, and the last is cut into quarters: chunks of as many pictures take
    unequal time, and with small ones at the end the tasks still end together.
    """
    turns = ceil(ceil(pictures / chunk_size) / tasks)
    if turns < 2:
        return Cut(min(pictures, turns * tasks), 0)
    return Cut((turns - 1) * tasks, PARTS * tasks)


def commits(pictures: int, chunk_size: int, commit_chunks: int, tasks: int = 1) -> int:
    """In how many commits of at least `commit_chunks` chunks so many pictures are kept, where
    `tasks` run at once.
    """
    chunks = ceil(pictures / chunk_size)
    gathered = max(commit_chunks, TURNS_A_COMMIT * tasks)
    return min(ceil(chunks / gathered), MOST_COMMITS)


def extract_chunks(
    batches: Iterable[pa.RecordBatch],
    pose: PoseSettings,
    estimator_id: str,
    wanted: facts.Asked | None = None,
) -> Iterator[pa.RecordBatch]:
    """On an executor: references (image_uri, content_sha256) to rows of landmarks.

    Where facts are `wanted`, references have `about`, the words of the product's categories, and
    rows the columns of `EXTRACTED_WITH_FACTS`.

    Reads ahead with threads while the estimator works, on the GPU that Spark gave the task. A
    picture that vanished or changed since it was fingerprinted yields a row of the status
    ``lost``, which no table keeps: the next run sees it as it is then. One that its decoder cannot
    stand is unreadable, on the task's second try (`pose.isolation`). Returns `EXTRACTED`.
    Raises UnposedError where PyTorch cannot use that GPU.
    """
    gpu = devices.take_gpu()
    estimator = ready(pose, wanted is not None)
    recorder = facts.Recorder(pose, wanted) if wanted is not None else None
    devices.require(gpu)
    clock = pipeline.Clock()
    references = (item for batch in batches for item in batch.to_pylist())
    failures: dict[str, str] = {}
    schema = EXTRACTED if recorder is None else EXTRACTED_WITH_FACTS
    with isolation.decoding(apart=devices.tried_before()) as decode:
        stream = pipeline.extract_stream(
            references,
            lambda item: _read(item, pose, failures, recorder),
            estimator,
            pose,
            decoders=devices.decoders(),
            batch_pictures=devices.batch_pictures(pipeline.BATCH_PICTURES),
            clock=clock,
            hooks=pipeline.Hooks(decode, recorder),
        )
        while part := list(islice(stream, BATCH_ROWS)):
            found = [
                row
                if row is not None and row.content_sha256 == item["content_sha256"]
                else _lost(item, failures)
                for item, row in part
            ]
            rows = [row.columns() | {"estimator_id": estimator_id, "gpu": gpu} for row in found]
            if recorder is not None:
                rows = [row | recorder.take(row["content_sha256"]) for row in rows]
            # The first row bears the time of the batch: only sums are asked for.
            rows[0] |= {f"{stage}_seconds": spent for stage, spent in clock.take().items()}
            yield pa.RecordBatch.from_pylist(rows, schema=schema)


@loaded.once
def ready(pose: PoseSettings, outlines: bool = False) -> PoseEstimator:
    """The one estimator of a worker process; Spark reuses the process for many chunks."""
    return estimators.create(pose, outlines=outlines)


def _read(
    item: dict[str, Any],
    pose: PoseSettings,
    failures: dict[str, str],
    recorder: facts.Recorder | None,
) -> bytes | None:
    try:
        data = storage.pictures.read_bytes(item["image_uri"], pose.max_bytes)
    except storage.StorageError as error:
        failures[item["content_sha256"]] = str(error)
        return None
    if recorder is not None:
        recorder.read(item["content_sha256"], data)
    return data


def _lost(item: dict[str, Any], failures: dict[str, str]) -> LandmarkRow:
    content = item["content_sha256"]
    changed = f"{storage.shown(item['image_uri'])} changed since it was compared"
    return LandmarkRow(content, "", "lost", failures.pop(content, changed))
