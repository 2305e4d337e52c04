"""What can be measured of a picture and its mask: frame, background, sharpness, exposure.

Lengths are shares of the frame. The background is what the mask leaves; without a mask, all.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

SIDE = 320
"""Pixels of the longer side at which colours and the frame are measured."""
WHITE = 250
"""Least of the channels of a pure white pixel; JPEG moves one by a few."""
NEAR_PLAIN = 10.0
"""ΔE76 within which a pixel has the background's own colour."""

_SEEN_SHARP = 512
"""Pixels of the longer side at which edges are measured at most."""
_REBLUR = 1.0
_STRONGEST = 0.02
_EDGE_AT_LEAST = 6.0
"""Grey levels a pixel: weaker steps than this are grain."""
_SHADOWED, _BURNT = 8, 253
_TOUCHED = 0.012
_SAMPLE = 4000
_Picture = npt.NDArray[np.uint8]
_Inside = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Placed:
    """Where the product lies in the frame.

    `share` of the frame's area; `fill`, the larger of its width and height over the frame's;
    `off_centre_x`, `off_centre_y` of its box's middle from the frame's, from -0.5 to 0.5;
    `box` left, top, right, bottom; `cut_off` the sides that it touches.
    """

    share: float
    fill: float
    off_centre_x: float
    off_centre_y: float
    box: tuple[float, float, float, float]
    cut_off: tuple[str, ...]


@dataclass(frozen=True)
class Ground:
    """The background: shares of it that are pure white and of one plain colour, that colour."""

    white_share: float
    plain_share: float
    colour: tuple[int, int, int]


def reduced(picture: _Picture, longest: int = SIDE) -> _Picture:
    """The picture with its longer side so many pixels, or as it is where it is smaller."""
    height, width = picture.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def placed(inside: _Inside) -> Placed | None:
    """Of a mask (rows, columns); None where nothing is inside."""
    if not inside.any():
        return None
    rows, columns = inside.shape
    # A line of a few pixels is a speck's, not the product's.
    down = np.flatnonzero(inside.mean(1) > 0.004)
    across = np.flatnonzero(inside.mean(0) > 0.004)
    if not len(down) or not len(across):
        return None
    box = (
        across[0] / columns,
        down[0] / rows,
        (across[-1] + 1) / columns,
        (down[-1] + 1) / rows,
    )
    edges = {
        "left": inside[:, 0],
        "top": inside[0],
        "right": inside[:, -1],
        "bottom": inside[-1],
    }
    return Placed(
        float(inside.mean()),
        float(max(box[2] - box[0], box[3] - box[1])),
        float((box[0] + box[2]) / 2 - 0.5),
        float((box[1] + box[3]) / 2 - 0.5),
        (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
        tuple(side for side, line in edges.items() if float(line.mean()) > _TOUCHED),
    )


def ground(small: _Picture, inside: _Inside | None) -> Ground:
    """Of a reduced picture (rows, columns, 3) and its mask; pixels at its outline are left out."""
    outside = np.ones(small.shape[:2], bool)
    if inside is not None:
        grown = cv2.dilate(inside.astype(np.uint8), np.ones((9, 9), np.uint8))
        outside = grown == 0
    places = np.flatnonzero(outside)
    if len(places) < 0.005 * outside.size:
        return Ground(0.0, 0.0, (0, 0, 0))
    # Enough for a share to within one in a hundred.
    pixels = small.reshape(-1, 3)[places[:: max(1, len(places) // _SAMPLE)]]
    red, green, blue = (int(value) for value in np.median(pixels, axis=0))
    lab = cv2.cvtColor(pixels[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    own = np.median(lab, axis=0).astype(np.float32)
    return Ground(
        float((pixels.min(axis=1) >= WHITE).mean()),
        float((np.linalg.norm(lab - own, axis=1) < NEAR_PLAIN).mean()),
        (red, green, blue),
    )


def edge_width(picture: _Picture, box: tuple[float, float, float, float]) -> float:
    """Standard deviation in pixels of the blur of the picture's sharpest edges; 0 without an edge.

    How much a further blur of known width flattens an edge tells how wide it was (Zhuo & Sim 2011,
    *Defocus map estimation from a single image*). `box`, in shares, is where to look.
    """
    height, width = picture.shape[:2]
    left, top, right, bottom = (
        round(value * size) for value, size in zip(box, (width, height, width, height), strict=True)
    )
    part = picture[top : max(bottom, top + 16), left : max(right, left + 16)]
    if min(part.shape[:2]) < 16:
        return 0.0
    scale = min(_SEEN_SHARP / max(part.shape[:2]), 1.0)
    if scale < 1:
        # Only a part, so that a pixel stays a pixel: the middle of it.
        rows, columns = (round(side * scale) for side in part.shape[:2])
        top, left = (part.shape[0] - rows) // 2, (part.shape[1] - columns) // 2
        part = part[top : top + rows, left : left + columns]
    grey = cv2.GaussianBlur(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 0.6)
    again = cv2.GaussianBlur(grey, (0, 0), _REBLUR)
    own, flattened = (_slope(np.asarray(one, np.float32)) for one in (grey, again))
    least = max(_EDGE_AT_LEAST, float(np.quantile(own[::3, ::3], 1 - _STRONGEST)))
    strong = own >= least
    if strong.sum() < 50:
        return 0.0
    ratio = np.maximum(own[strong] / np.maximum(flattened[strong], 1e-3), 1.0001)
    widths = _REBLUR / np.sqrt(ratio**2 - 1)
    return float(np.quantile(widths, 0.3))


def exposure(small: _Picture, inside: _Inside | None) -> tuple[float, float, float]:
    """Mean brightness of the product in [0, 1], and its shares that are black and burnt out."""
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    values = grey[inside] if inside is not None and inside.any() else grey.ravel()
    return (
        float(values.mean()) / 255,
        float((values <= _SHADOWED).mean()),
        float((values >= _BURNT).mean()),
    )


def _slope(grey: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    return np.asarray(cv2.magnitude(across, down), np.float32)
