"""A picture's row of the table `landmarks` (paper section 3.2, steps 1 to 3)."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from unposed_jobs.pose import hashing, statistics
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.kinds import reading

Status = Literal["ok", "no_person", "unreadable", "lost"]


@dataclass(frozen=True)
class LandmarkRow:
    """What extraction knows of one content: the columns of `landmarks` but `bucket` and `run_id`.

    None is what is not known: all but the first three of an unreadable content, the columns of a
    person where nobody was found.
    """

    content_sha256: str
    """Hexadecimal digest of the file's bytes."""
    estimator_id: str
    status: Status = "unreadable"
    """`ok`: somebody was found; `no_person`; `unreadable`. `lost`: the bytes were there when the
    pictures were compared and not at extraction; no table keeps such a row."""
    error: str | None = None
    """Why it is unreadable; of a readable one, a note (what it lacks, parts that were searched)."""
    width: int | None = None
    """Pixels, upright."""
    height: int | None = None
    """Pixels, upright."""
    person_count: int | None = None
    pose_score: float | None = None
    """In [0, 1], by the estimator's own measure."""
    person_confidence: float | None = None
    """In [0, 1]; null where no second look was taken."""
    found_by: str | None = None
    """`detector` or `whole_frame`; null where no second look was taken."""
    person_probability: float | None = None
    """In [0, 1], that there is anybody at all."""
    landmarks: list[float] | None = None
    """Flat: 33 points of x, y, z, visibility, presence, or 17 of x, y, score; x and y in [0, 1] of
    the picture."""
    perceptual_hash: str | None = None
    """`hashing.fingerprints`."""
    thumbnail: bytes | None = None
    """`hashing.fingerprints`."""
    statistics: list[float] | None = None
    """Of readable pictures without a person, in the order of `statistics.COLUMNS`."""

    @classmethod
    def unread(cls, data: bytes, estimator_id: str, error: str | None = None) -> LandmarkRow:
        """Of bytes that are not decoded, or not yet."""
        return cls(hashlib.sha256(data).hexdigest(), estimator_id, error=error)

    def seen(self, picture: npt.NDArray[np.uint8], estimate: PoseEstimate) -> LandmarkRow:
        """The row with what was found in its picture (height, width, 3), RGB.

        A fault of the estimator leaves the status `unreadable`.
        """
        # Once for both: it is a copy, as Pillow's pixels have four bytes.
        image = Image.fromarray(picture)
        perceptual_hash, thumbnail = hashing.fingerprints(image)
        height, width = picture.shape[:2]
        row = dataclasses.replace(
            self, width=width, height=height, perceptual_hash=perceptual_hash, thumbnail=thumbnail
        )
        if estimate.error is not None:
            return dataclasses.replace(row, error=f"estimator_failed: {estimate.error}")
        row = dataclasses.replace(
            row,
            error="; ".join(filter(None, (self.error, estimate.note))) or None,
            person_count=estimate.person_count,
            pose_score=estimate.pose_score,
            found_by=estimate.found_by,
            person_probability=estimate.person_probability,
            person_confidence=None if estimate.found_by is None else estimate.person_confidence,
        )
        if estimate.landmarks is None:
            described = _described(image, estimate).tolist()
            return dataclasses.replace(row, status="no_person", statistics=described)
        return dataclasses.replace(row, status="ok", landmarks=estimate.landmarks.ravel().tolist())

    def columns(self) -> dict[str, Any]:
        """The row by column, for Arrow."""
        return {name: getattr(self, name) for name in _COLUMNS}


_COLUMNS = tuple(item.name for item in dataclasses.fields(LandmarkRow))


def _described(image: Image.Image, estimate: PoseEstimate) -> npt.NDArray[np.float32]:
    evidence = estimate.kind_evidence
    plain = estimate.plain if estimate.plain is not None else statistics.describe(image)
    if evidence is None:
        return plain
    return np.concatenate([plain, reading.head().probabilities(evidence, plain)])
