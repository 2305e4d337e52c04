"""Bytes to rows of the table `landmarks`, for pictures that are in memory."""

from __future__ import annotations

from collections.abc import Sequence

from unposed_jobs.config import PoseSettings
from unposed_jobs.pose import pipeline
from unposed_jobs.pose.estimator import PoseEstimator
from unposed_jobs.pose.rows import LandmarkRow


def extract(data: bytes, estimator: PoseEstimator, settings: PoseSettings) -> LandmarkRow:
    """One picture's row; see `extract_batch`."""
    return extract_batch([data], estimator, settings)[0]


def extract_batch(
    contents: Sequence[bytes], estimator: PoseEstimator, settings: PoseSettings
) -> list[LandmarkRow]:
    """One row for each picture, in order, by the pipeline that the jobs use.

    A bad picture never raises: its status is `unreadable` and `error` has the reason in one line;
    of a readable one that is cut off, `error` has what it lacks.
    """
    stream = pipeline.extract_stream(contents, bytes, estimator, settings)
    return [row for _, row in stream if row is not None]
