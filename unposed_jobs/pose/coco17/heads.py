"""From a top-down model's outputs to key points, by the decoders of MMPose's codecs.

All give (P, K, 3) float32: x and y in [0, 1] of the region that the model was shown, and the score,
cut to [0, 1]. A map without heat gives score 0.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
_Ints = npt.NDArray[np.int64]

CODECS = ("msra", "dark", "udp")
"""How heat maps are read: MSRAHeatmap, MSRAHeatmap with unbiased=True, UDPHeatmap."""

_BLUR = 11
_LEAST = {"dark": 1e-10, "udp": 1e-3}
_TINY = float(np.finfo(np.float32).eps)


def decode_heat_maps(maps: Floats, codec: str) -> Floats:
    """Key points of heat maps (P, K, H, W), by one of `CODECS`.

    The hottest cell, moved by a quarter of a cell towards its warmer neighbour (`msra`), or to the
    peak of the Gaussian through its neighbours (`dark`, `udp`; https://arxiv.org/abs/1910.06278).
    """
    people, points, rows, columns = maps.shape
    flat = np.asarray(maps, np.float32).reshape(people * points, rows, columns)
    hottest = flat.reshape(len(flat), -1).argmax(1)
    row, column = np.divmod(hottest, columns)
    score = flat[np.arange(len(flat)), row, column]
    if codec == "msra":
        move = _quarter(_Maps(flat, row, column))
    else:
        blurred = np.log(np.clip(_blurred(flat), _LEAST[codec], None))
        move = _gaussian_peak(_Maps(blurred, row, column), wide=codec == "dark")
    place = np.stack([column, row], axis=1) + move
    # Unbiased cells are the ends of steps: the last one lies on the region's edge.
    cells = np.array([columns, rows]) - (codec == "udp")
    return _points(place / cells, score).reshape(people, points, 3)


def decode_simcc(x: Floats, y: Floats) -> Floats:
    """Key points of SimCC's two classifications, (P, K, Wx) and (P, K, Wy).

    Wx is the input's width times the split ratio, so a position over Wx is one over the width.
    The score is the lesser of both maxima, as in MMPose.
    """
    people, points, columns = x.shape
    place = np.stack([x.argmax(-1) / columns, y.argmax(-1) / y.shape[-1]], axis=-1)
    score = np.minimum(x.max(-1), y.max(-1))
    return _points(place.reshape(-1, 2), score.reshape(-1)).reshape(people, points, 3)


def _points(place: npt.NDArray[np.floating], score: Floats) -> Floats:
    return np.concatenate([place, np.clip(score, 0, 1)[:, None]], axis=1).astype(np.float32)


class _Maps:
    """The values of N maps (N, rows, columns) near one cell of each; the edges are repeated."""

    def __init__(self, values: Floats, row: _Ints, column: _Ints) -> None:
        self._values = values
        self._row, self._column = row, column

    def __call__(self, right: int, down: int) -> Floats:
        _, rows, columns = self._values.shape
        row = np.clip(self._row + down, 0, rows - 1)
        column = np.clip(self._column + right, 0, columns - 1)
        return self._values[np.arange(len(row)), row, column]

    def inside(self, margin: int) -> npt.NDArray[np.bool_]:
        """Where the cell has `margin` others on each side."""
        _, rows, columns = self._values.shape
        return (
            (self._row >= margin)
            & (self._row < rows - margin)
            & (self._column >= margin)
            & (self._column < columns - margin)
        )


def _quarter(at: _Maps) -> Floats:
    toward = np.stack([at(1, 0) - at(-1, 0), at(0, 1) - at(0, -1)], axis=1)
    return np.where(at.inside(1)[:, None], 0.25 * np.sign(toward), 0).astype(np.float32)


def _gaussian_peak(at: _Maps, *, wide: bool) -> Floats:
    """Newton's step on the logarithm, (N, 2) in cells; over two cells where `wide`."""
    centre = at(0, 0)
    dx, dy = (at(1, 0) - at(-1, 0)) / 2, (at(0, 1) - at(0, -1)) / 2
    reach = 2 if wide else 1
    dxx = (at(reach, 0) - 2 * centre + at(-reach, 0)) / reach**2
    dyy = (at(0, reach) - 2 * centre + at(0, -reach)) / reach**2
    if wide:
        dxy = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / 4
    else:
        cross = at(1, 0) + at(-1, 0) + at(0, 1) + at(0, -1)
        dxy = (at(1, 1) + at(-1, -1) - cross + 2 * centre) / 2
    determinant = dxx * dyy - dxy * dxy
    # A flat map has no peak; and where the fit leaves the hottest cell's surroundings it is none.
    sound = (determinant > _TINY) & (dxx < 0)
    if wide:
        sound &= at.inside(2)
    over = np.where(sound, determinant, 1)
    step = np.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], axis=1) / over[:, None]
    return np.where(sound[:, None], np.clip(step, -1, 1), 0).astype(np.float32)


def _blurred(maps: Floats) -> Floats:
    """Blurred with black beyond the edges, each map keeping its greatest value."""
    result = np.empty_like(maps)
    for number, heat in enumerate(maps):
        blurred = cv2.GaussianBlur(heat, (_BLUR, _BLUR), 0, borderType=cv2.BORDER_CONSTANT)
        result[number] = blurred * (heat.max() / max(float(blurred.max()), _TINY))
    return result
