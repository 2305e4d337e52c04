"""Puts right what the network misplaces by habit when it is shown part of a body.

Shown a chest, it puts the hips too high: it has learnt from whole bodies. How far it is off follows
from where the picture ends in the square, from where the points lie and from how sure it is of
them. A ridge regression in the square's own coordinates tells, so neither the framing nor the
size of a picture enters but by its borders.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from unposed_jobs.pose.second_look.looking import Sightings
from unposed_jobs.pose.topology import BLAZEPOSE33_INDEX

Array = npt.NDArray[np.float64]

_SIDES = ("left", "right")
_TORSO = [f"{side}_{part}" for part in ("shoulder", "hip") for side in _SIDES]
TORSO = [BLAZEPOSE33_INDEX[name] for name in _TORSO]
"""The points that are put right; the others follow."""

MOVES = tuple(f"{axis}_{name}" for name in _TORSO for axis in ("x", "y"))
"""Names of the moves, in order."""

_PARTS = ("ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_NAMED = ("nose", *(f"{side}_{part}" for part in _PARTS for side in _SIDES))
_POINTS = [BLAZEPOSE33_INDEX[name] for name in _NAMED] + [33, 34]
_NAMES = (*_NAMED, "middle", "reach")
EVIDENCE: tuple[str, ...] = (
    *(f"{axis}_{name}" for name in _NAMES for axis in ("x", "y")),
    "border_left", "border_right", "border_top", "border_bottom", "score",
    *(f"{what}_{name}" for what in ("visibility", "presence", "peak", "depth") for name in _NAMES),
)  # fmt: skip
"""Names of `evidence_of`'s columns; lengths in sides of the square, from its middle."""


def evidence_of(seen: Sightings, size: npt.ArrayLike) -> Array:
    """The evidence of sightings (..., P): (..., P, F), the columns of `EVIDENCE`.

    `size` (..., 2) is the width and height of the picture, or of each.
    """
    regions = seen.regions.astype(np.float64)
    width, height = np.moveaxis(np.asarray(size)[..., None, :], -1, 0)
    side = regions[..., 2]
    local = _to_square(seen.points[..., _POINTS, :].astype(np.float64), regions)
    x, y = regions[..., 0], regions[..., 1]
    borders = np.stack([-x, width - x, -y, height - y], -1) / side[..., None]
    sure = (seen.visibility, seen.presence, seen.peaks, seen.depth / side[..., None])
    columns: list[npt.NDArray[Any]] = [local.reshape(*side.shape, -1), borders]
    columns += [seen.scores[..., None], *(value[..., _POINTS] for value in sure)]
    return np.nan_to_num(np.concatenate(columns, -1).astype(np.float64), posinf=1e3, neginf=-1e3)


def torso_in_square(points: npt.NDArray[np.floating], regions: npt.NDArray[np.floating]) -> Array:
    """Shoulders and hips (..., 4, 2) of points (..., N, 2) in pixels, in the coordinates of the
    squares (..., 4).
    """
    return _to_square(points[..., TORSO, :].astype(np.float64), regions.astype(np.float64))


@dataclass(frozen=True)
class Correction:
    """A ridge regression over standardised, clipped evidence (F,) to eight moves (8,)."""

    mean: Array
    scale: Array
    weights: Array
    shift: Array

    CLIP = 5.0
    """Standard deviations: no single piece of evidence moves more than this."""

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON: a row for each piece of evidence; see `parse`."""

        def named(values: Array) -> dict[str, float]:
            return dict(zip(MOVES, values.round(6).tolist(), strict=True))

        columns = zip(EVIDENCE, self.mean, self.scale, self.weights, strict=True)
        return {
            "shift": named(self.shift),
            "weights": [
                {"evidence": name, "mean": round(mean, 5), "scale": round(scale, 5)} | named(row)
                for name, mean, scale, row in columns
            ],
        }

    def standardised(self, evidence: Array) -> Array:
        """What the weights (F, 8) are for."""
        value: Array = np.clip((evidence - self.mean) / self.scale, -self.CLIP, self.CLIP)
        return value

    def moves(self, evidence: Array) -> Array:
        """By how much shoulders and hips are off: (..., 4, 2), in sides of the square, for
        evidence (..., F).
        """
        moves = self.standardised(evidence) @ self.weights + self.shift
        value: Array = np.clip(moves, -0.5, 0.5).reshape(*moves.shape[:-1], 4, 2)
        return value

    def corrected(self, seen: Sightings, size: npt.ArrayLike) -> Sightings:
        """The sightings with shoulders and hips put right and all else moved along with them.

        `size` (..., 2) is the width and height of the picture, or of each.
        """
        if not len(seen):
            return seen
        regions = seen.regions.astype(np.float64)
        moves = self.moves(evidence_of(seen, size))
        target = _turned(moves, regions[..., 3]) * regions[..., 2, None, None]
        points, scale = carried(seen.points.astype(np.float64), target)
        depth = seen.depth * scale[..., None]
        return replace(seen, points=points.astype(np.float32), depth=depth.astype(np.float32))


def parse(read: dict[str, Any]) -> Correction:
    """The inverse of `Correction.as_json`. Raises KeyError, TypeError or ValueError."""
    rows = read["weights"]
    if tuple(row["evidence"] for row in rows) != EVIDENCE:
        raise ValueError("the correction was made for other evidence")
    mean, scale = (np.array([float(row[name]) for row in rows]) for name in ("mean", "scale"))
    weights = np.array([[float(row[name]) for name in MOVES] for row in rows])
    shift = np.array([float(read["shift"][name]) for name in MOVES])
    if (
        not all(np.isfinite(value).all() for value in (mean, scale, weights, shift))
        or (scale <= 0).any()
    ):
        raise ValueError("the correction holds numbers that make no sense")
    return Correction(mean, scale, weights, shift)


def carried(points: Array, moves: Array) -> tuple[Array, Array]:
    """All points (..., N, 2) by the similarity that suits the torso's moves (..., 4, 2) best; its
    scale (...).
    """
    torso = points[..., TORSO, :]
    old, new = torso @ [1, 1j], (torso + moves) @ [1, 1j]
    centre, goal = old.mean(-1, keepdims=True), new.mean(-1, keepdims=True)
    spread = np.maximum((np.abs(old - centre) ** 2).sum(-1), 1e-6)
    turn = (np.conj(old - centre) * (new - goal)).sum(-1) / spread
    # A torso that collapses or explodes is no correction.
    size = np.clip(np.abs(turn), 0.5, 2.0)
    turn = np.where(np.abs(turn) > 0, turn / np.maximum(np.abs(turn), 1e-9), 1.0) * size
    every = (points @ [1, 1j] - centre) * turn[..., None] + goal
    placed = np.stack([every.real, every.imag], -1)
    placed[..., TORSO, :] = torso + moves
    return placed, size


def _to_square(points: Array, regions: Array) -> Array:
    from_middle = points - regions[..., None, :2]
    return _turned(from_middle, -regions[..., 3]) / regions[..., 2, None, None]


def _turned(vectors: Array, angle: Array) -> Array:
    """Vectors (..., N, 2) turned by angles (...), clockwise as seen."""
    cos, sin = np.cos(angle)[..., None], np.sin(angle)[..., None]
    x, y = vectors[..., 0], vectors[..., 1]
    return np.stack([cos * x - sin * y, sin * x + cos * y], -1)
