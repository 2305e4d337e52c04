"""Whose reading of a person is kept: the detector's, or the second look's.

The detector finds a person by the face. Where a head is in the picture it has seen which way the
body is turned; the second look, which learned from rendered people and from headless torsos, takes
a back for a front more often. Where no head is in the picture the detector sees nobody, or puts a
head where there is none, and the second look is right. So the detector's reading is kept where both
place at least a part of a face within the picture and it is no side view, in which left and right
lie one before the other; and it is kept whole: its points and its left and right belong together.

Where the two contradict each other, one of them is wrong and neither's word outweighs the other's:
the kept reading is then as likely wrong as right, whatever the second look says of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from unposed_jobs.pose.second_look import readings
from unposed_jobs.pose.topology import BLAZEPOSE33_INDEX, BLAZEPOSE33_MIRROR

Floats = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

CONTRADICTED = 0.5
"""The most that a reading is worth that the other look contradicts."""

_FACE = slice(0, 11)
_TORSO = [
    BLAZEPOSE33_INDEX[f"{side}_{part}"]
    for part in ("shoulder", "hip")
    for side in ("left", "right")
]


class Kept(NamedTuple):
    """Of N people: `landmarks` (N, 33, 5) float32, NaN where neither look saw anybody,
    `confidence` (N,) that they are placed right, and whether they are the `detector`'s (N,).
    """

    landmarks: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float64]
    detector: Mask


def kept(
    detector: Floats,
    second: Floats,
    confidence: npt.ArrayLike,
    aspect: npt.ArrayLike = 1.0,
) -> Kept:
    """Of each of N people the reading to keep.

    detector, second: (N, 33, 5) x, y in [0, 1] of the picture, z, visibility, presence; NaN where
    that look saw nobody. What the second look did not see is nobody's.
    confidence: (N,) the second look's, that its own reading is placed right.
    aspect: (N,) or one for all, width over height of the pictures.
    """
    detector, second = (np.asarray(value, dtype=np.float32) for value in (detector, second))
    shape = np.asarray(aspect, dtype=np.float64)
    sided = ~_alike(detector, detector[:, BLAZEPOSE33_MIRROR], shape)
    own = head_in_frame(detector) & head_in_frame(second) & sided
    sure = np.asarray(confidence, dtype=np.float64)
    doubted = own & ~_alike(detector, second, shape)
    return Kept(
        np.where(own[:, None, None], detector, second),
        np.where(doubted, np.minimum(sure, CONTRADICTED), sure),
        own,
    )


def head_in_frame(landmarks: Floats) -> Mask:
    """(N,) whether any point of the face lies in the picture, of landmarks (N, 33, 5).

    Visibility is not asked: the network is as sure of a face that it guesses above the picture.
    """
    face = landmarks[:, _FACE, :2]
    return np.asarray(((face >= 0) & (face <= 1)).all(axis=-1).any(axis=-1))


def _alike(one: Floats, two: Floats, aspect: Floats) -> Mask:
    """(N,) whether both put each of the shoulders and hips in one place: `readings.SAME`."""
    scale = np.stack([np.broadcast_to(aspect, len(one)), np.ones(len(one))], axis=-1)[:, None]
    torso, other = (value[:, _TORSO, :2] * scale for value in (one, two))
    up = torso[:, :2].mean(axis=1) - torso[:, 2:].mean(axis=1)
    apart = np.linalg.norm(torso - other, axis=-1).max(axis=1)
    return np.asarray(apart <= readings.SAME * np.linalg.norm(up, axis=-1))
