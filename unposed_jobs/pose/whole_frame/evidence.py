"""What speaks for and against a person, in numbers that know nothing of colour or style.

All of it comes out of the networks: scores, visibilities and heat-map peaks by part of the body,
whether the squares agree with each other, and whether the skeleton is one a body could have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

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


class Inside(NamedTuple):
    """What the network's inner values say, in log odds: over the ladder whether there is anybody,
    and whether they face the camera; over the first squares alone whether there is anybody.
    """

    body: float
    front: float
    glance: float


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
    "agree_corrected", "agree_corrected_mirrored", "agree_corrected_legs", "spread_corrected",
    "corrected", "moved",
    "drift_size", "drift_place", "detector", "detector_there",
    "score_best", "score_mean", "score_third", "turned", "facing", "facing_all", "front",
    "front_of_face", "body", "front_inside", "front_told",
    "shoulders_x", "hips_x", "shoulders_y", "hips_y", "knees_y", "ankles_y", "nose_y",
    "square", "torso_of_width", "off_agreed", "off_agreed_mirrored", "off_agreed_either",
)  # fmt: skip
"""Names of `of_sightings`' columns."""


def of_landmarks(landmarks: npt.NDArray[np.float32], sizes: npt.ArrayLike) -> Array:
    """Evidence (P, F) about P people told by landmarks (P, 33, 5) alone; see `FOUND`.

    `sizes` (P, 2) are the widths and heights of their pictures.
    """
    size = np.asarray(sizes, np.float64).reshape(-1, 1, 2)
    points = landmarks[..., :2] * size
    seen = landmarks.astype(np.float64)
    columns = [np.array([pose_score(person) for person in landmarks], np.float64)]
    columns += _by_part([seen[..., 3], seen[..., 4], _framed(points, size)])
    columns += _shape(points, size[:, 0, 1])
    return np.stack(columns, 1)


def of_sightings(
    seen: Sightings,
    corrected: Sightings,
    inside: Inside,
    detector: int | None,
    size: tuple[int, int],
) -> Array:
    """Evidence (4 P, F) about a picture's readings (`readings.every`); see `SIGHTED`.

    `corrected` are the sightings corrected, `detector` is the row of the square round the
    detector's person, None where there is none; `size` is the picture's width and height.
    """
    width, height = size
    read = readings.every(seen, corrected)
    points = read.points[:, :33].astype(np.float64)
    framed = _framed(points, np.array(size))
    columns: list[npt.NDArray[Any]] = [read.scores.astype(np.float64)]
    columns += _by_part([read.visibility, read.presence, read.peaks, framed])
    columns += _shape(points, height)
    torso = _length(points)
    side = read.regions[:, 2].astype(np.float64)
    columns.append(torso / side)
    scores = seen.scores.astype(np.float64)
    columns += _agreement(points, torso, scores)
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
    columns += _facing(points, torso, scores)
    front = columns[-1]
    columns.append(front * read.visibility[:, PARTS["face"]].mean(1))
    columns += [np.full(len(read), inside.body), front * inside.front]
    columns.append(np.full(len(read), inside.front))
    columns += _framing(points, side, torso, width, height)
    columns += _off(points, corrected.points[readings.agreed(corrected)])
    return np.nan_to_num(np.stack(columns, 1), nan=0.0, posinf=1e3, neginf=-1e3)


def _facing(points: Array, torso: Array, scores: Array) -> list[Array]:
    """Whether turned about; how wide the shoulders are; whether all sightings together face the
    same way; and whether that is the front, as most pictures of a shop show it.
    """
    left, right = PARTS["shoulders"]
    across = (points[:, left, 0] - points[:, right, 0]) / torso
    front = np.clip(across * 2, -1.0, 1.0)
    votes = (front[: len(scores)] * scores).sum() / max(float(scores.sum()), 1e-6)
    turned = np.arange(len(points)) >= len(points) // 2
    return [turned.astype(np.float64), np.abs(across), front * votes, front]


def _framing(points: Array, side: Array, torso: Array, width: int, height: int) -> list[Array]:
    """Where the body lies in the picture, and how large square and torso are against it."""
    shoulders, hips, knees, ankles = (
        points[:, PARTS[part]].mean(1) for part in ("shoulders", "hips", "knees", "ankles")
    )
    across = [value[:, 0] / width for value in (shoulders, hips)]
    down = [value[:, 1] / height for value in (shoulders, hips, knees, ankles, points[:, 0])]
    return [*across, *down, side / height, np.log(torso / width)]


def _off(points: Array, agreed: npt.NDArray[np.float32]) -> list[Array]:
    """How far each torso is off the one that the corrected sightings agree on, in its lengths: as
    it is, turned about, and the less of both.
    """
    top, low = PARTS["shoulders"], PARTS["hips"]
    length = max(float(np.linalg.norm(agreed[top].mean(0) - agreed[low].mean(0))), 1.0)
    off = [
        np.minimum(np.linalg.norm(points[:, _TORSO] - agreed[rows], axis=-1).max(1) / length, 3.0)
        for rows in (_TORSO, [*top[::-1], *low[::-1]])
    ]
    return [*off, np.minimum(*off)]


def _by_part(values: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    """Means (P,) over each of `PARTS`, of each of the values (P, 33)."""
    # Contiguous, so that a row's sum does not depend on how many rows there are.
    return [
        np.ascontiguousarray(value[:, rows]).mean(1) for value in values for rows in PARTS.values()
    ]


def _framed(points: Array, size: Array) -> Array:
    """Which points (P, 33, 2) lie in pictures of this width and height: (P, 33), 1 or 0."""
    inside = (points >= 0) & (points <= size)
    return np.asarray(np.all(inside, axis=-1), np.float64)


def _length(points: Array) -> Array:
    """From the shoulders' middle to the hips': (P,), at least one pixel."""
    up = points[:, PARTS["shoulders"]].mean(1) - points[:, PARTS["hips"]].mean(1)
    return np.maximum(np.linalg.norm(up, axis=1), np.ones(len(up)))


def _shape(points: Array, height: int | Array) -> list[Array]:
    """Size, width, tilt and legs of the skeletons, in units of the torso; the size is a share of
    the picture's height.
    """
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
    """What share of the other squares, by score, says the same as each reading (4 P): as they
    are, and corrected; whether the reading is corrected, and how far that has moved it.
    """
    count = len(scores)
    plain, turned = points[: 2 * count], points[2 * count :]
    weight = np.tile(scores * (1 - np.eye(count)), (4, 1))
    total = np.maximum(weight.sum(1), 1e-6)

    def apart(rows: list[int], others: Array) -> Array:
        between = np.linalg.norm(points[:, None, rows] - others[None][:, :, rows], axis=-1)
        return np.asarray(between.max(-1) / torso[:, None])

    torsos, mirrored = apart(_TORSO, plain), apart(_TORSO, turned)
    shoulders, limbs = apart(PARTS["shoulders"], plain), apart(_LIMBS, plain)

    def share(distances: Array) -> Array:
        return np.asarray(((distances < AGREEING) * weight).sum(1) / total)

    def spread(distances: Array) -> Array:
        return np.asarray((np.minimum(distances, 2.0) * weight).sum(1) / total)

    own, better = slice(0, count), slice(count, 2 * count)
    corrected = np.arange(len(points)) // count % 2 == 1
    moved = np.minimum(np.diagonal(torsos[own, better]), 2.0)
    return [
        *(share(value[:, own]) for value in (torsos, mirrored, shoulders, limbs)),
        spread(torsos[:, own]),
        *(share(value[:, better]) for value in (torsos, mirrored, limbs)),
        spread(torsos[:, better]),
        corrected.astype(np.float64),
        np.tile(moved, 4),
    ]
