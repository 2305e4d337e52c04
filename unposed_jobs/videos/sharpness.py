"""How sharp a frame is where the person stands, also against the blur of a moving camera."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

_REBLUR = 1.0
_STRONG = 0.1
"""Share of the steepest places that is looked at: flat cloth is neither sharp nor blurred."""
_LEAST_SIDE = 16


def sharpness(picture: npt.NDArray[np.uint8], box: tuple[float, float, float, float]) -> float:
    """How much a further blur flattens what is there, from 1 (nothing: it was blurred before).

    Along rows and columns by itself, and the less of the two: a camera that moved sideways blurs
    one alone. `picture` (height, width, 3), `box` left, top, right, bottom as shares of it.
    """
    height, width = picture.shape[:2]
    left, top, right, bottom = (
        int(np.clip(round(share * size), 0, size))
        for share, size in zip(box, (width, height, width, height), strict=True)
    )
    part = picture[top:bottom, left:right]
    if min(part.shape[:2]) < _LEAST_SIDE:
        part = picture
    grey = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY).astype(np.float32)
    again = cv2.GaussianBlur(grey, (0, 0), _REBLUR)
    return min(
        _flattened(np.abs(np.diff(grey, axis=axis)), np.abs(np.diff(again, axis=axis)))
        for axis in (0, 1)
    )


def _flattened(own: npt.NDArray[np.float32], after: npt.NDArray[np.float32]) -> float:
    least = float(np.quantile(own, 1 - _STRONG))
    steep = own >= max(least, 1.0)
    if not steep.any():
        return 1.0
    return float(own[steep].sum() / max(float(after[steep].sum()), 1e-6))


def qualities(sharp: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Each frame's sharpness (N,) as a share of what the sharp frames of its video have."""
    if not len(sharp):
        return sharp
    usual = max(float(np.quantile(sharp, 0.9)) - 1, 1e-6)
    return np.asarray(np.clip((sharp - 1) / usual, 0, 1))
