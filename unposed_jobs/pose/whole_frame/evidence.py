"""What speaks for and against a person, in numbers that know nothing of colour or style.

All of it comes out of the networks: scores, visibilities and heat-map peaks by part of the body,
whether the squares agree with each other, and whether the skeleton is one a body could have.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unposed_jobs.pose.principal import pose_score
from unposed_jobs.pose.topology import BLAZEPOSE33_INDEX, BLAZEPOSE33_MIRROR
from unposed_jobs.pose.whole_frame import squares
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
    "score_best", "score_mean", "score_third", "facing", "facing_all",
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
    """Evidence (P, F) about each of a picture's sightings; see `SIGHTED`.

    `detector` is the row of the square round the detector's person, None where there is none.
    """
    points = seen.points[:, :33].astype(np.float64)
    framed = _framed(points, width, height)
    parts = (seen.visibility, seen.presence, seen.peaks, framed)
    columns = [seen.scores.astype(np.float64)]
    columns += [value[:, rows].mean(1) for value in parts for rows in PARTS.values()]
    columns += _shape(points, height)
    torso = _length(points)
    side = seen.regions[:, 2].astype(np.float64)
    columns.append(torso / side)
    columns += _agreement(points, torso, seen.scores.astype(np.float64))
    again = squares.following(seen.points).astype(np.float64)
    columns.append(np.abs(np.log(again[:, 2] / side)))
    columns.append(np.hypot(*(again[:, :2] - seen.regions[:, :2]).T) / side)
    own = np.zeros(len(seen))
    if detector is not None:
        own[detector] = 1.0
    columns += [own, np.full(len(seen), own.max())]
    ranked = np.sort(seen.scores)[::-1]
    for value in (ranked[0], ranked.mean(), ranked[min(2, len(ranked) - 1)]):
        columns.append(np.full(len(seen), float(value)))
    left, right = PARTS["shoulders"]
    turned = (points[:, left, 0] - points[:, right, 0]) / torso
    votes = np.sign(turned) * seen.scores
    columns.append(np.abs(turned))
    columns.append(np.sign(turned) * votes.sum() / np.maximum(np.abs(votes).sum(), 1e-6))
    return np.nan_to_num(np.stack(columns, 1), nan=0.0, posinf=1e3, neginf=-1e3)


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
    """What share of the other sightings, by score, says the same as each."""

    def apart(one: Array, other: Array) -> Array:
        between = np.linalg.norm(one[:, None] - other[None], axis=-1)
        return np.asarray(between.max(-1) / torso[:, None])

    weight = np.broadcast_to(scores, (len(scores), len(scores))) * (1 - np.eye(len(scores)))
    total = np.maximum(weight.sum(1), 1e-6)
    mirrored = points[:, BLAZEPOSE33_MIRROR]
    distances = apart(points[:, _TORSO], points[:, _TORSO])
    others = (
        distances,
        apart(points[:, _TORSO], mirrored[:, _TORSO]),
        apart(points[:, PARTS["shoulders"]], points[:, PARTS["shoulders"]]),
        apart(points[:, _LIMBS], points[:, _LIMBS]),
    )
    shares = [((value < AGREEING) * weight).sum(1) / total for value in others]
    spread = (np.minimum(distances, 2.0) * weight).sum(1) / total
    return [*shares, spread]
