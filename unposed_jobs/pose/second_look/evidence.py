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
from unposed_jobs.pose.second_look import readings, squares
from unposed_jobs.pose.second_look.looking import Sightings
from unposed_jobs.pose.topology import BLAZEPOSE33_INDEX

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
_LEVELS = ("shoulders", "hips", "knees", "ankles")
_TORSO = _rows("shoulder", "hip")
_LIMBS = _rows("hip", "knee", "ankle")
AGREEING = 0.25
"""Two squares agree where no point differs by more than this share of the torso."""


class Inside(NamedTuple):
    """What the network's inner values say, in log odds: over the ladder whether there is anybody,
    and whether they face the camera; over the first squares alone whether there is anybody. Of a
    picture, or (...) of several.
    """

    body: float | Array
    front: float | Array
    screening: float | Array


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
    """Evidence (P, F) about P people from landmarks (P, 33, 5) alone; see `FOUND`.

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
    size: npt.ArrayLike,
) -> Array:
    """Evidence (..., 4 P, F) about each picture's readings (`readings.every`); see `SIGHTED`.

    `corrected` are the sightings corrected, `detector` is the row of the square round the
    detector's person, None where there is none; `size` (..., 2) is the width and height of the
    picture, or of each.
    """
    size = np.asarray(size)[..., None, :]
    read = readings.every(seen, corrected)
    points = read.points[..., :33, :].astype(np.float64)
    framed = _framed(points, size[..., None, :])
    columns: list[npt.NDArray[Any]] = [read.scores.astype(np.float64)]
    columns += _by_part([read.visibility, read.presence, read.peaks, framed])
    columns += _shape(points, size[..., 1])
    torso = _length(points)
    side = read.regions[..., 2].astype(np.float64)
    columns.append(torso / side)
    scores = seen.scores.astype(np.float64)
    columns += _agreement(points, torso, scores)
    again = squares.following(read.points).astype(np.float64)
    columns.append(np.abs(np.log(again[..., 2] / side)))
    away = again[..., :2] - read.regions[..., :2]
    columns.append(np.hypot(away[..., 0], away[..., 1]) / side)
    own = np.zeros(len(read))
    if detector is not None:
        own[detector] = 1.0
    columns += [own, np.full(len(read), own.max())]
    ranked = np.sort(seen.scores, axis=-1)[..., ::-1]
    for value in (ranked[..., 0], ranked.mean(-1), ranked[..., min(2, len(seen) - 1)]):
        columns.append(np.asarray(value, np.float64)[..., None])
    columns += _facing(points, torso, scores)
    front = columns[-1]
    columns.append(front * read.visibility[..., PARTS["face"]].mean(-1))
    body, facing = (np.asarray(value)[..., None] for value in (inside.body, inside.front))
    columns += [body, front * facing, facing]
    columns += _framing(points, side, torso, size)
    agreed = corrected.chosen(readings.agreed(corrected))
    columns += _off(points, agreed.points[..., 0, :, :])
    columns = [np.broadcast_to(value, read.scores.shape) for value in columns]
    return np.nan_to_num(np.stack(columns, -1), nan=0.0, posinf=1e3, neginf=-1e3)


def _facing(points: Array, torso: Array, scores: Array) -> list[Array]:
    """Whether turned about; how wide the shoulders are; whether all sightings together face the
    same way; and whether that is the front, as most pictures of a shop show it.
    """
    left, right = PARTS["shoulders"]
    across = (points[..., left, 0] - points[..., right, 0]) / torso
    front = np.clip(across * 2, -1.0, 1.0)
    votes = (front[..., : scores.shape[-1]] * scores).sum(-1) / np.maximum(scores.sum(-1), 1e-6)
    count = torso.shape[-1]
    turned = np.arange(count) >= count // 2
    return [turned.astype(np.float64), np.abs(across), front * votes[..., None], front]


def _framing(points: Array, side: Array, torso: Array, size: npt.NDArray[Any]) -> list[Array]:
    """Where the body lies in the picture, and how large square and torso are against it."""
    width, height = size[..., 0], size[..., 1]
    shoulders, hips, knees, ankles = (_middle(points, PARTS[part]) for part in _LEVELS)
    nose = points[..., 0, :]
    across = [value[..., 0] / width for value in (shoulders, hips)]
    down = [value[..., 1] / height for value in (shoulders, hips, knees, ankles, nose)]
    return [*across, *down, side / height, np.log(torso / width)]


def _off(points: Array, agreed: npt.NDArray[np.float32]) -> list[Array]:
    """How far each torso is off the one that the corrected sightings agree on, in its lengths: as
    it is, turned about, and the less of both.
    """
    top, low = PARTS["shoulders"], PARTS["hips"]
    up = _middle(agreed, top) - _middle(agreed, low)
    length = np.maximum(np.linalg.norm(up, axis=-1), 1.0)[..., None]
    off = []
    for rows in (_TORSO, [*top[::-1], *low[::-1]]):
        apart = np.linalg.norm(points[..., _TORSO, :] - agreed[..., None, rows, :], axis=-1)
        off.append(np.minimum(apart.max(-1) / length, 3.0))
    return [*off, np.minimum(*off)]


def _by_part(values: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    """Means (...) over each of `PARTS`, of each of the values (..., 33)."""
    # Contiguous, so that a row's sum does not depend on how many rows there are.
    return [
        np.ascontiguousarray(value[..., rows]).mean(-1)
        for value in values
        for rows in PARTS.values()
    ]


def _framed(points: Array, size: Array) -> Array:
    """Which points (..., 33, 2) lie in pictures of this width and height: (..., 33), 1 or 0."""
    inside = (points >= 0) & (points <= size)
    return np.asarray(np.all(inside, axis=-1), np.float64)


def _length(points: Array) -> Array:
    """From the shoulders' middle to the hips': (...), at least one pixel."""
    up = _middle(points, PARTS["shoulders"]) - _middle(points, PARTS["hips"])
    return np.asarray(np.maximum(np.linalg.norm(up, axis=-1), 1.0))


def _middle(points: npt.NDArray[Any], rows: list[int]) -> npt.NDArray[Any]:
    return np.asarray(points[..., rows, :].mean(-2))


def _shape(points: Array, height: Array) -> list[Array]:
    """Size, width, tilt and legs of the skeletons, in units of the torso; the size is a share of
    the picture's height.
    """
    torso = _length(points)
    shoulders, hips, knees, ankles = (points[..., PARTS[part], :] for part in _LEVELS)
    up = hips.mean(-2) - shoulders.mean(-2)
    across = [
        np.linalg.norm(pair[..., 0, :] - pair[..., 1, :], axis=-1) for pair in (shoulders, hips)
    ]
    thigh = np.linalg.norm(knees - hips, axis=-1).mean(-1)
    shin = np.linalg.norm(ankles - knees, axis=-1).mean(-1)
    return [
        np.log(torso / height),
        sum(across) / (2 * torso),
        np.abs(np.arctan2(up[..., 0], up[..., 1])),
        np.minimum(thigh / torso, 3.0),
        np.minimum(shin / torso, 3.0),
    ]


def _agreement(points: Array, torso: Array, scores: Array) -> list[Array]:
    """What share of the other squares, by score, says the same as each reading (..., 4 P): as they
    are, and corrected; whether the reading is corrected, and how far that has moved it.
    """
    count = scores.shape[-1]
    plain, turned = points[..., : 2 * count, :, :], points[..., 2 * count :, :, :]
    weight = np.tile(scores[..., None, :] * (1 - np.eye(count)), (4, 1))
    total = np.maximum(weight.sum(-1), 1e-6)

    def apart(rows: list[int], others: Array) -> Array:
        own, other = points[..., :, None, rows, :], others[..., None, :, rows, :]
        return np.asarray(np.linalg.norm(own - other, axis=-1).max(-1) / torso[..., None])

    torsos, mirrored = apart(_TORSO, plain), apart(_TORSO, turned)
    shoulders, limbs = apart(PARTS["shoulders"], plain), apart(_LIMBS, plain)

    def share(distances: Array) -> Array:
        return np.asarray(((distances < AGREEING) * weight).sum(-1) / total)

    def spread(distances: Array) -> Array:
        return np.asarray((np.minimum(distances, 2.0) * weight).sum(-1) / total)

    own, better = slice(0, count), slice(count, 2 * count)
    corrected = np.arange(4 * count) // count % 2 == 1
    moved = np.minimum(np.diagonal(torsos[..., own, better], axis1=-2, axis2=-1), 2.0)
    return [
        *(share(value[..., own]) for value in (torsos, mirrored, shoulders, limbs)),
        spread(torsos[..., own]),
        *(share(value[..., better]) for value in (torsos, mirrored, limbs)),
        spread(torsos[..., better]),
        corrected.astype(np.float64),
        np.tile(moved, 4),
    ]
