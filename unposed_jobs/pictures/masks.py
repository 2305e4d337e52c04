"""What of a picture is the person or the product, and what is background.

Where somebody is, BlazePose's own mask tells it, of the run that gave the landmarks; where the
landmarks are of several runs, the landmark network looks once more, round the person. Where nobody
is, GrabCut parts the product from its ground (`ground`).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from unposed_jobs.pose.estimator import Outline

OUTLINE, SECOND_OUTLINE, GROUND, NONE = SOURCES = ("outline", "second_outline", "ground", "none")
"""Where a mask is from: the landmarks' run, a look round the person, GrabCut; or there is none."""

_FITTED = 800
"""Pixels of the longer side at which a mask's edge is decided."""
_BAND = 0.007
"""Of the longer side: how far from the mask's edge it may lie."""
_Picture = npt.NDArray[np.uint8]
Shares = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Mask:
    """`shares` (h, w) uint8, 255 where surely the person or product is, of the whole picture at a
    reduced size; `source` is one of `SOURCES`.
    """

    shares: Shares
    source: str

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        """(h, w), where more of a pixel is the product than is not."""
        return np.asarray(self.shares >= 128)


def of_outline(outline: Outline, size: tuple[int, int], shown: tuple[int, int]) -> Shares:
    """Shares (rows, columns) of a picture of `size` = (width, height) pixels, seen at `shown` =
    (columns, rows) pixels.
    """
    cx, cy, side, turned = (float(value) for value in outline.region)
    pixels = len(outline.shares)
    across, down = shown[0] / size[0], shown[1] / size[1]
    step_x, step_y = side * np.cos(turned) / pixels, side * np.sin(turned) / pixels
    half = pixels / 2
    forward = np.array(
        [
            [step_x, -step_y, cx - half * (step_x - step_y)],
            [step_y, step_x, cy - half * (step_y + step_x)],
        ]
    )
    forward *= [[across], [down]]
    found = cv2.warpAffine(
        outline.shares, forward, shown, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    return np.asarray(found, np.uint8)


def fitted(shares: Shares, picture: _Picture) -> Shares:
    """A mask of a reduced picture brought to a picture's own pixels: (height, width) uint8.

    Along the mask's edge GrabCut decides by the colours on both sides; its inside and outside stay.
    """
    height, width = picture.shape[:2]
    scale = min(_FITTED / max(height, width), 1.0)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = picture
    if scale < 1:
        small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    rough = (cv2.resize(shares, size, interpolation=cv2.INTER_CUBIC) >= 128).astype(np.uint8)
    side = max(3, 2 * round(_BAND * max(size)) + 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    labels = np.where(rough > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[cv2.dilate(rough, kernel) == 0] = cv2.GC_BGD
    labels[cv2.erode(rough, kernel) > 0] = cv2.GC_FGD
    found = _decided(small, labels, rough)
    # An edge of a pixel or two, as a lens draws it.
    soft = cv2.GaussianBlur(found.astype(np.float32), (0, 0), 0.7)
    large = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)
    steep = np.clip((large - 0.5) * max(1.0, 1 / scale) + 0.5, 0, 1)
    return np.asarray(np.rint(steep * 255), np.uint8)


def _decided(small: _Picture, labels: npt.NDArray[np.uint8], rough: Shares) -> Shares:
    """GrabCut's word, 0 or 1, or the rough mask where it has nothing to go by."""
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(1)
    try:
        cv2.grabCut(
            cv2.cvtColor(small, cv2.COLOR_RGB2LAB), labels, (0, 0, 1, 1), background, foreground, 1,
            cv2.GC_INIT_WITH_MASK,
        )  # fmt: skip
    except cv2.error:  # All of one kind.
        return rough
    found = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))


def encoded(mask: Mask, longest: int = 128) -> bytes:
    """A mask as a small PNG, its longer side so many pixels."""
    rows, columns = mask.shares.shape
    scale = min(longest / max(rows, columns), 1.0)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    small = cv2.resize(mask.shares, size, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".png", small)[1].tobytes()
