"""Facts of pictures on executors: in the pass that extracts landmarks, or after it.

`Recorder` makes facts of batches while the pictures are in memory. `fact_chunks` reads contents
whose landmarks are there and whose facts are not: after another facts version, after facts were
switched on, or where a run ended between both tables.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from unposed_jobs import storage
from unposed_jobs.config import PoseSettings, Settings
from unposed_jobs.distributed import devices, loaded
from unposed_jobs.networks import weights
from unposed_jobs.pictures import colours, facts, rows
from unposed_jobs.pictures.facts import FactsReader
from unposed_jobs.pose import pipeline
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.kinds.estimator import KindEstimator
from unposed_jobs.warehouse.picture_tables import PICTURE_CROPS, PICTURE_FACTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

_log = logging.getLogger(__name__)
_KEYS = ("facts_version", "bucket", "content_sha256", "run_id")
FACTS = pa.struct(
    [pa.field(item.name, item.type) for item in PICTURE_FACTS.schema if item.name not in _KEYS]
)
"""A content's columns of `picture_facts`."""
CROPS = pa.list_(
    pa.struct(
        [pa.field(item.name, item.type) for item in PICTURE_CROPS.schema if item.name not in _KEYS]
    )
)
"""A content's columns of `picture_crops`, an entry for each row."""
MADE = pa.schema(
    [
        pa.field("content_sha256", pa.string()),
        pa.field("facts", FACTS),
        pa.field("crops", CROPS),
    ]
)
"""What executors make; facts are null where the picture could not be had any more."""
KNOWN = (
    "landmarks", "pose_score", "person_count", "person_confidence", "found_by",
    "person_probability",
)  # fmt: skip
"""The columns of `landmarks` that facts are made from."""
BATCH_ROWS = 64


@dataclass(frozen=True)
class Asked:
    """What executors need to know."""

    version: str
    text_in: str


def asked(settings: Settings, estimator_id: str) -> Asked | None:
    """What is asked of pictures; None where facts are off, or no picture is opened."""
    if not settings.facts.nightly or settings.catalogue.landmarks:
        return None
    estimator = hashlib.sha256(estimator_id.encode()).hexdigest()[:8]
    text_in = settings.facts.text
    return Asked(f"{facts.version(text_in)}-{estimator}", text_in)


def check(settings: Settings) -> None:
    """Raise UnposedError where facts are asked for and a network's weights are not there."""
    if settings.facts.nightly and not settings.catalogue.landmarks:
        weights.load(settings.pose, weights.FACES)
        if settings.facts.text != facts.OFF:
            weights.load(settings.pose, weights.TEXT)


class Recorder:
    """Makes the facts of batches, and keeps them by content until they are asked for."""

    def __init__(self, pose: PoseSettings, wanted: Asked) -> None:
        """Raises UnposedError for missing or damaged weights."""
        self._reader = reader(pose, wanted.text_in)
        self._files: dict[str, tuple[int, str]] = {}
        self._made: dict[str, dict[str, Any]] = {}

    def read(self, content: str, data: bytes) -> None:
        """Take note of a content's file; from any thread."""
        self._files[content] = (len(data), rows.file_format(data))

    def __call__(self, batch: Sequence[pipeline.Seen[dict[str, Any]]]) -> None:
        """Make the facts of a batch that was estimated."""
        sound = [one for one in batch if _sound(one)]
        try:
            self._look(sound)
        except Exception:  # One picture may break what many pass: each by itself.
            for one in sound:
                try:
                    self._look([one])
                except Exception as error:
                    self._failed(one.item["content_sha256"], error)

    def take(self, content: str) -> dict[str, Any]:
        """The columns `facts` and `crops` of a content, and forget them; null without facts."""
        self._files.pop(content, None)
        return self._made.pop(content, {"facts": None, "crops": None})

    def _look(self, batch: Sequence[pipeline.Seen[dict[str, Any]]]) -> None:
        pictures = [one.picture for one in batch if one.picture is not None]
        estimates = [one.estimate for one in batch if one.estimate is not None]
        contents = [one.item["content_sha256"] for one in batch]
        about = [colours.part_of((one.item.get("about") or "").split()) for one in batch]
        seen = self._reader(pictures, estimates, contents, about)
        for passing, one in zip(batch, seen, strict=True):
            if passing.estimate is not None and one.plain is not None:  # Not to describe it again.
                passing.estimate = replace(passing.estimate, plain=one.plain)
        for content, part, one in zip(contents, about, seen, strict=True):
            row = rows.of_facts(one.facts)
            file_bytes, kind = self._files.get(content, (None, None))
            row |= {"about": part, "file_bytes": file_bytes, "file_format": kind}
            self._made[content] = {"facts": row, "crops": rows.of_crops(one)}

    def _failed(self, content: str, error: Exception) -> None:
        line = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        _log.warning("no facts of the content %s: %s", content, line)
        self._made[content] = {"facts": {"error": line[:200]}, "crops": []}


def _sound(one: pipeline.Seen[dict[str, Any]]) -> bool:
    """Whether there is something to tell facts of: the content that was asked for."""
    if one.picture is None or one.estimate is None or one.estimate.error is not None:
        return False
    return one.row is not None and one.row.content_sha256 == one.item["content_sha256"]


@loaded.once
def reader(pose: PoseSettings, text_in: str) -> FactsReader:
    """The one reader of a worker process."""
    return FactsReader(pose, text_in)


def fact_chunks(
    batches: Iterable[pa.RecordBatch], pose: PoseSettings, wanted: Asked
) -> Iterator[pa.RecordBatch]:
    """On an executor: references (image_uri, content_sha256, about, `KNOWN`) to rows of `MADE`.

    A picture that vanished or changed has null facts, which no table keeps. Raises UnposedError
    for missing weights, or where PyTorch cannot use the GPU that Spark gave.
    """
    gpu = devices.take_gpu()
    recorder, recall = Recorder(pose, wanted), _Recall(pose)
    devices.require(gpu)

    def after(batch: Sequence[pipeline.Seen[dict[str, Any]]]) -> None:
        recall(batch)
        recorder(batch)

    def load(item: dict[str, Any]) -> bytes | None:
        try:
            data = storage.pictures.read_bytes(item["image_uri"], pose.max_bytes)
        except storage.StorageError:
            return None
        recorder.read(item["content_sha256"], data)
        return data

    references = (item for batch in batches for item in batch.to_pylist())
    stream = pipeline.estimate_stream(
        references,
        load,
        _Unasked(),
        pose,
        decoders=devices.decoders(),
        batch_pictures=devices.batch_pictures(pipeline.BATCH_PICTURES),
        hooks=pipeline.Hooks(after=after),
    )
    found = (one.item["content_sha256"] for batch in stream for one in batch)
    while part := list(islice(found, BATCH_ROWS)):
        made = [recorder.take(content) | {"content_sha256": content} for content in part]
        yield pa.RecordBatch.from_pylist(made, schema=MADE)


class _Unasked:
    """Fulfils `PoseEstimator`: landmarks are known already."""

    estimator_id = ""

    def estimate(self, pictures: Sequence[NDArray[np.uint8]]) -> list[PoseEstimate]:
        return [PoseEstimate(None, 0.0, 0) for _ in pictures]

    def close(self) -> None:
        pass


class _Known(_Unasked):
    """Gives the estimates that it was given, in order."""

    estimates: Sequence[PoseEstimate] = ()

    def estimate(self, pictures: Sequence[NDArray[np.uint8]]) -> list[PoseEstimate]:
        return list(self.estimates)


class _Recall:
    """Gives a batch the estimates that the table `landmarks` has of it."""

    def __init__(self, pose: PoseSettings) -> None:
        self._known = _Known()
        self._kinds = KindEstimator(self._known, pose) if pose.picture_kinds else self._known

    def __call__(self, batch: Sequence[pipeline.Seen[dict[str, Any]]]) -> None:
        decoded = [one for one in batch if one.picture is not None]
        self._known.estimates = [estimate_of(one.item) for one in decoded]
        estimates = self._kinds.estimate(
            [one.picture for one in decoded if one.picture is not None]
        )
        for one, estimate in zip(decoded, estimates, strict=True):
            one.estimate = estimate


def estimate_of(row: dict[str, Any]) -> PoseEstimate:
    """What a row of `landmarks` tells, by the columns of `KNOWN`."""
    flat = row["landmarks"]
    landmarks = None
    if flat:
        landmarks = np.array(flat, np.float32).reshape(-1, 5 if len(flat) == 165 else 3)
    return PoseEstimate(
        landmarks,
        row["pose_score"] or 0.0,
        row["person_count"] or 0,
        person_confidence=row["person_confidence"] or 0.0,
        found_by=row["found_by"],
        person_probability=row["person_probability"],
    )
