"""Bytes to rows of the table `landmarks` (paper section 3.2, steps 1 to 3)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from unposed_jobs.config import PoseSettings
from unposed_jobs.pose import hashing, statistics
from unposed_jobs.pose.decoding import UnreadablePicture, decode_noted
from unposed_jobs.pose.estimator import PoseEstimate, PoseEstimator
from unposed_jobs.pose.kinds import reading

Row = dict[str, Any]
_Picture = npt.NDArray[np.uint8]

BATCH_PICTURES = 64
BATCH_PIXELS = 32_000_000
"""Pictures are decoded and handed to the estimator in groups of at most so many, so that a chunk
of large pictures fits the memory."""


def extract(data: bytes, estimator: PoseEstimator, settings: PoseSettings) -> Row:
    """One picture's row; see `extract_batch`."""
    return extract_batch([data], estimator, settings)[0]


def extract_batch(
    contents: Sequence[bytes], estimator: PoseEstimator, settings: PoseSettings
) -> list[Row]:
    """One row for each picture, in order: the columns of `landmarks` but `bucket` and `run_id`.

    A bad picture never raises: its status is `unreadable` and `error` has the reason in one line;
    of a readable one that is cut off, `error` has what it lacks. `landmarks` is a flat list of
    floats, None without a person; `statistics` is given for readable pictures without a person, in
    the order of `statistics.COLUMNS`.
    """
    rows: list[Row] = [blank_row(data, estimator.estimator_id) for data in contents]
    for group in _groups(contents, rows, settings):
        estimates = estimator.estimate([picture for _, picture in group])
        for (row, picture), estimate in zip(group, estimates, strict=True):
            fill_row(row, picture, estimate)
    return rows


def blank_row(data: bytes, estimator_id: str) -> Row:
    """The row of a picture of which nothing is known but its bytes: unreadable, until filled."""
    return {
        "estimator_id": estimator_id,
        "content_sha256": hashlib.sha256(data).hexdigest(),
        "status": "unreadable",
        "error": None,
        "width": None,
        "height": None,
        "person_count": None,
        "pose_score": None,
        "person_confidence": None,
        "found_by": None,
        "person_probability": None,
        "landmarks": None,
        "perceptual_hash": None,
        "thumbnail": None,
        "statistics": None,
    }


def _groups(
    contents: Sequence[bytes], rows: list[Row], settings: PoseSettings
) -> Iterator[list[tuple[Row, _Picture]]]:
    group: list[tuple[Row, _Picture]] = []
    pixels = 0
    for data, row in zip(contents, rows, strict=True):
        try:
            picture, row["error"] = decode_noted(data, settings)
        except UnreadablePicture as error:
            row["error"] = str(error)
            continue
        group.append((row, picture))
        pixels += picture.shape[0] * picture.shape[1]
        if len(group) == BATCH_PICTURES or pixels >= BATCH_PIXELS:
            yield group
            group, pixels = [], 0
    if group:
        yield group


def fill_row(row: Row, picture: _Picture, estimate: PoseEstimate) -> None:
    """Complete a row of `blank_row` by what was seen in its picture."""
    row["height"], row["width"] = picture.shape[:2]
    # Once for both: it is a copy, as Pillow's pixels have four bytes.
    image = Image.fromarray(picture)
    row["perceptual_hash"], row["thumbnail"] = hashing.fingerprints(image)
    if estimate.error is not None:
        row["error"] = f"estimator_failed: {estimate.error}"
        return
    if estimate.note is not None:
        row["error"] = "; ".join(filter(None, (row["error"], estimate.note)))
    row["person_count"] = estimate.person_count
    row["pose_score"] = estimate.pose_score
    row["found_by"] = estimate.found_by
    row["person_probability"] = estimate.person_probability
    if estimate.found_by is not None:
        row["person_confidence"] = estimate.person_confidence
    if estimate.landmarks is None:
        row["status"] = "no_person"
        row["statistics"] = _described(image, estimate.kind_evidence).tolist()
    else:
        row["status"] = "ok"
        row["landmarks"] = estimate.landmarks.ravel().tolist()


def _described(
    image: Image.Image, evidence: npt.NDArray[np.float32] | None
) -> npt.NDArray[np.float32]:
    plain = statistics.describe(image)
    if evidence is None:
        return plain
    return np.concatenate([plain, reading.head().probabilities(evidence, plain)])
