"""What speaks for and against a person, in numbers that know nothing of colour or style.

All of it comes out of the networks: scores, visibilities and heat-map peaks by part of the body,
whether the squares agree with each other, and whether the skeleton is one a body could have.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unposed_jobs.pose.principal import pose_score
from unposed_jobs.pose.topology import BLAZEPOSE33_INDEX
from unposed_jobs.pose.whole_frame import readings, squares
from unposed_jobs.pose.whole_frame.looking import Sightings

Array = npt.NDArray[np.float64]


def _rows(*parts: str) -> list[int]:
    return [BLAZEPOSE33_INDEX[f"{side}_{part}"] for part in parts for side in ("left", "right")]


PARTS = {
    "face": list(range(11)),
    "shoulders": _rows("shoulder"),
    "arms": _rows("elbow", "wrist"),
    "hips": _rows("hip"),
    "knees": _rows("knee"),
    "ankles": _rows("ankle"),
}
_TORSO = _rows("shoulder", "hip")
_LIMBS = _rows("hip", "knee", "ankle")
AGREEING = 0.25
"""Two squares agree where no point differs by more than this share of the torso."""

FOUND: tuple[str, ...] = (
    "pose_score",
    *(f"visibility_{part}" for part in PARTS),
    *(f"presence_{part}" for part in PARTS),
    *(f"framed_{part}" for part in PARTS),
    "log_torso", "width", "tilt", "thigh", "shin",
)  # fmt: skip
"""Names of `of_landmarks`' columns."""

SIGHTED: tuple[str, ...] = (
    "score",
    *(f"visibility_{part}" for part in PARTS),
    *(f"presence_{part}" for part in PARTS),
    *(f"peak_{part}" for part in PARTS),
    *(f"framed_{part}" for part in PARTS),
    "log_torso", "width", "tilt", "thigh", "shin", "torso_in_square",
    "agree_torso", "agree_mirrored", "agree_shoulders", "agree_legs", "spread",
    "drift_size", "drift_place", "detector", "detector_there",
    "score_best", "score_mean", "score_third", "turned", "facing", "facing_all", "front",
    "front_of_face",
)  # fmt: skip
"""Names of `of_sightings`' columns."""


def of_landmarks(landmarks: npt.NDArray[np.float32], width: int, height: int) -> Array:
    """Evidence (F,) about a person told by landmarks (33, 5) alone; see `FOUND`."""
    points = landmarks[None, :, :2].astype(np.float64) * (width, height)
    seen = landmarks[None].astype(np.float64)
    parts = [seen[..., 3], seen[..., 4], _framed(points, width, height)]
    columns = [np.array([pose_score(landmarks)])]
    columns += [value[:, rows].mean(1) for value in parts for rows in PARTS.values()]
    columns += _shape(points, height)
    row: Array = np.stack(columns, 1)[0]
    return row


def of_sightings(seen: Sightings, detector: int | None, width: int, height: int) -> Array:
    """Evidence (2 P, F) about a picture's sightings, as they are and turned about; see `SIGHTED`.

    `detector` is the row of the square round the detector's person, None where there is none.
    """
    read = readings.both(seen)
    points = read.points[:, :33].astype(np.float64)
    framed = _framed(points, width, height)
    parts = (read.visibility, read.presence, read.peaks, framed)
    columns = [read.scores.astype(np.float64)]
    columns += [value[:, rows].mean(1) for value in parts for rows in PARTS.values()]
    columns += _shape(points, height)
    torso = _length(points)
    side = read.regions[:, 2].astype(np.float64)
    columns.append(torso / side)
    columns += _agreement(points, torso, seen.scores.astype(np.float64))
    again = squares.following(read.points).astype(np.float64)
    columns.append(np.abs(np.log(again[:, 2] / side)))
    columns.append(np.hypot(*(again[:, :2] - read.regions[:, :2]).T) / side)
    own = np.zeros(len(read))
    if detector is not None:
        own[detector] = 1.0
    columns += [own, np.full(len(read), own.max())]
    ranked = np.sort(seen.scores)[::-1]
    for value in (ranked[0], ranked.mean(), ranked[min(2, len(ranked) - 1)]):
        columns.append(np.full(len(read), float(value)))
    columns += _facing(points, torso, seen.scores.astype(np.float64))
    columns.append(columns[-1] * read.visibility[:, PARTS["face"]].mean(1))
    return np.nan_to_num(np.stack(columns, 1), nan=0.0, posinf=1e3, neginf=-1e3)


def _facing(points: Array, torso: Array, scores: Array) -> list[Array]:
    """Whether turned about; how wide the shoulders are; whether all sightings together face the
    same way; and whether that is the front, as most pictures of a shop show it.
    """
    left, right = PARTS["shoulders"]
    across = (points[:, left, 0] - points[:, right, 0]) / torso
    front = np.clip(across * 2, -1.0, 1.0)
    votes = (front[: len(scores)] * scores).sum() / max(float(scores.sum()), 1e-6)
    turned = np.arange(len(points)) >= len(scores)
    return [turned.astype(np.float64), np.abs(across), front * votes, front]


def _framed(points: Array, width: int, height: int) -> Array:
    """Which points (P, 33, 2) lie in the picture: (P, 33), 1 or 0."""
    inside = (points >= 0) & (points <= (width, height))
    return np.asarray(np.all(inside, axis=-1), np.float64)


def _length(points: Array) -> Array:
    """From the shoulders' middle to the hips': (P,), at least one pixel."""
    up = points[:, PARTS["shoulders"]].mean(1) - points[:, PARTS["hips"]].mean(1)
    return np.maximum(np.linalg.norm(up, axis=1), np.ones(len(up)))


def _shape(points: Array, height: int) -> list[Array]:
    """Size, width, tilt and legs of the skeletons, in units of the torso."""
    torso = _length(points)
    shoulders, hips, knees, ankles = (
        points[:, PARTS[part]] for part in ("shoulders", "hips", "knees", "ankles")
    )
    up = hips.mean(1) - shoulders.mean(1)
    across = [np.linalg.norm(pair[:, 0] - pair[:, 1], axis=1) for pair in (shoulders, hips)]
    thigh = np.linalg.norm(knees - hips, axis=-1).mean(1)
    shin = np.linalg.norm(ankles - knees, axis=-1).mean(1)
    return [
        np.log(torso / height),
        sum(across) / (2 * torso),
        np.abs(np.arctan2(up[:, 0], up[:, 1])),
        np.minimum(thigh / torso, 3.0),
        np.minimum(shin / torso, 3.0),
    ]


def _agreement(points: Array, torso: Array, scores: Array) -> list[Array]:
    """What share of the other sightings, by score, says the same as each reading (2 P)."""
    count = len(scores)
    plain = points[:count]

    def apart(one: Array, other: Array) -> Array:
        between = np.linalg.norm(one[:, None] - other[None], axis=-1)
        return np.asarray(between.max(-1) / torso[:, None])

    weight = np.tile(scores * (1 - np.eye(count)), (2, 1))
    total = np.maximum(weight.sum(1), 1e-6)
    distances = apart(points[:, _TORSO], plain[:, _TORSO])
    others = (
        distances,
        apart(points[:, _TORSO], points[count:][:, _TORSO]),
        apart(points[:, PARTS["shoulders"]], plain[:, PARTS["shoulders"]]),
        apart(points[:, _LIMBS], plain[:, _LIMBS]),
    )
    shares = [((value < AGREEING) * weight).sum(1) / total for value in others]
    spread = (np.minimum(distances, 2.0) * weight).sum(1) / total
    return [*shares, spread]
