"""Angles as shares of a circle: 72 cells of 5°, eight bins of 45°.

Angles are degrees, from -180 to 180: 0 faces the camera, 90 shows the person's right side, 180 the
back, -90 the left side. Cell i is centred on 5 i degrees, bin k on 45 k, so that nine cells are a
bin.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

CELLS, BINS = 72, 8
CELL, BIN = 360 / CELLS, 360 / BINS
"""Degrees."""
MIDDLES = np.arange(CELLS) * CELL
"""Of the cells, degrees from 0."""
NAMES = (
    "front", "front_right", "right", "back_right", "back", "back_left", "left", "front_left",
)  # fmt: skip
"""What each bin shows of the person."""

_REACH = CELLS // BINS // 2


def wrapped(degrees: npt.ArrayLike) -> Floats:
    """The same angles from -180 to 180."""
    return (np.asarray(degrees, np.float64) + 180) % 360 - 180


def apart(one: npt.ArrayLike, other: npt.ArrayLike) -> Floats:
    """Degrees between angles, from 0 to 180."""
    return np.abs(wrapped(np.asarray(one, np.float64) - np.asarray(other, np.float64)))


def bin_of(degrees: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """The bin in which each angle lies."""
    return np.round(np.asarray(degrees, np.float64) / BIN).astype(np.int64) % BINS


def middle(which: int) -> float:
    """Of a bin, in degrees from -180 to 180."""
    return float(wrapped(which * BIN))


def around(cells: Floats) -> Floats:
    """What lies within 22.5° of each cell's middle: sums of nine of (..., 72)."""
    return sum((np.roll(cells, by, -1) for by in range(-_REACH, _REACH + 1)), np.zeros(1))


def bins(cells: Floats) -> Floats:
    """What lies in each bin, (..., 8), of cells (..., 72)."""
    return np.asarray(around(cells)[..., :: CELLS // BINS])


def mean(cells: Floats) -> tuple[Floats, Floats]:
    """Mean angle in degrees and length of the mean vector in [0, 1] of masses (..., 72)."""
    turns = np.exp(1j * np.deg2rad(MIDDLES))
    vector = (cells * turns).sum(-1) / np.maximum(cells.sum(-1), 1e-300)
    return wrapped(np.rad2deg(np.angle(vector))), np.abs(vector)
