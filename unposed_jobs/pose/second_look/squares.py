"""The landmark network's regions where no detector gives one.

The network wants the circle round the whole body, hips in the middle, also of a body of which
the picture shows a part only. Each square of the ladder suits one way of cutting a standing
person: the smaller the part, the larger the square, and the farther from the middle the hips.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unposed_jobs.pose.blazepose.geometry import REGION_SCALE
from unposed_jobs.pose.topology import BLAZEPOSE33_INDEX

Array = npt.NDArray[np.float32]

LADDER = (
    (1.1, 0.0), (1.4, -0.4), (1.8, 0.0), (2.2, -0.2), (2.4, 0.3), (3.0, 0.5), (3.5, 0.2),
    (4.0, 0.2),
)  # fmt: skip
"""Side in picture heights, the smallest first; how far down the centre lies, from -1 (the picture
at the square's bottom) to 1 (at its top)."""

SCREENING = (0, 2, 3, 5)
"""The squares of the ladder that are read first; the others only where these may show somebody."""

_WIDEST = 0.6
"""A picture wider than high counts as at least this share of its width high."""
_HIPS, _SHOULDERS = (
    [BLAZEPOSE33_INDEX[f"{side}_{part}"] for side in ("left", "right")]
    for part in ("hip", "shoulder")
)
_CENTRE, _REACH = 33, 34
"""The network's own points for tracking: the hips' middle, and one on the circle above it."""


def ladder(width: int, height: int) -> Array:
    """The regions (S, 4) to look at first, as in `blazepose.geometry`: cx, cy, side, rotation."""
    base = max(height, _WIDEST * width)
    sides = np.array([size for size, _ in LADDER]) * base
    down = np.array([place for _, place in LADDER]) * np.abs(sides - height) / 2
    middle = np.full(len(LADDER), width / 2)
    return np.stack([middle, height / 2 + down, sides, np.zeros_like(sides)], 1).astype(np.float32)


def following(points: Array) -> Array:
    """Where to look again, as BlazePose does from frame to frame: (..., 4), from points
    (..., 39, 2) in pixels.
    """
    return _circle(points[..., _CENTRE, :], points[..., _REACH, :])


def around(landmarks: Array, width: int, height: int) -> Array:
    """The region (1, 4) of a person with 33 landmarks (33, 5), x and y in [0, 1]."""
    points = landmarks[:, :2] * (width, height)
    hips = points[_HIPS].mean(0)
    up = points[_SHOULDERS].mean(0) - hips
    length = float(np.linalg.norm(up))
    up = up / length if length > 0 else np.array([0.0, -1.0])
    reach = float(np.linalg.norm(points - hips, axis=1).max())
    return _circle(hips[None], (hips + up * reach)[None])


def _circle(centre: Array, edge: Array) -> Array:
    reach = edge - centre
    x, y = reach[..., 0], reach[..., 1]
    side = np.maximum(np.hypot(x, y) * (2 * REGION_SCALE), 1.0)
    rotation = np.pi / 2 - np.arctan2(-y, x)
    rotation = rotation - 2 * np.pi * np.floor((rotation + np.pi) / (2 * np.pi))
    return np.stack([centre[..., 0], centre[..., 1], side, rotation], -1).astype(np.float32)
