"""The product without its background: with transparency, or laid out in a marketplace's frame."""

from __future__ import annotations

import io
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor

from unposed_jobs.pictures import ground, masks
from unposed_jobs.pictures.facts import Seen
from unposed_jobs.pictures.standards import Frame

_Picture = npt.NDArray[np.uint8]
_EDGE = 3


@dataclass(frozen=True)
class LaidOut:
    """A picture in a frame; `scale` of the product against the source, above 1 where it was
    enlarged; `note` says what of the frame could not be had.
    """

    picture: _Picture
    scale: float
    note: str = ""


def alpha(seen: Seen) -> npt.NDArray[np.uint8] | None:
    """How much of each pixel (height, width) is the product; None where nothing stands out from
    its ground.
    """
    if seen.mask.source == masks.NONE:
        return None
    shares = seen.mask.shares
    if seen.mask.source == masks.GROUND:
        closer = ground.parted(seen.picture)
        shares = shares if closer is None else closer
    return masks.fitted(shares, seen.picture)


def png(picture: _Picture, opaque: npt.NDArray[np.uint8]) -> bytes:
    """A PNG with alpha of the picture, cut to what is not clear."""
    clean = _without_spill(picture, opaque)
    left, top, right, bottom = _box(opaque)
    layers = np.dstack([clean, opaque])[top:bottom, left:right]
    stream = io.BytesIO()
    Image.fromarray(layers, "RGBA").save(stream, "PNG")
    return stream.getvalue()


def laid_out(
    picture: _Picture, opaque: npt.NDArray[np.uint8], frame: Frame, *, enlarge: bool = False
) -> LaidOut:
    """The product in a marketplace's frame: its ratio, size, fill, colour, in the middle.

    A side of the picture that cuts the product off stays at the frame's edge. Without `enlarge`
    nothing is drawn larger than it is: the frame is made smaller, and the note says so where that
    is less than the marketplace takes.
    """
    clean = _without_spill(picture, opaque)
    left, top, right, bottom = _box(opaque)
    wide, high = right - left, bottom - top
    scale = frame.fill * min(frame.width / wide, frame.height / high)
    size, note = (frame.width, frame.height), ""
    if scale > 1 and not enlarge:
        share = 1 / scale
        size = (max(1, round(frame.width * share)), max(1, round(frame.height * share)))
        scale = 1.0
        if size[0] < frame.least_width or size[1] < frame.least_height:
            note = (
                f"{size[0]} x {size[1]} pixels, the least is {frame.least_width} x "
                f"{frame.least_height}: a larger original is needed, or --enlarge"
            )
    elif scale > 1:
        note = f"enlarged {scale:.2f} times: no sharper than the original"
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    target = (max(1, round(wide * scale)), max(1, round(high * scale)))
    product = cv2.resize(clean[top:bottom, left:right], target, interpolation=method)
    cover = cv2.resize(opaque[top:bottom, left:right], target, interpolation=method)
    height, width = opaque.shape
    x, y = (
        _start(room, at_start, at_end)
        for room, at_start, at_end in (
            (size[0] - target[0], left == 0, right == width),
            (size[1] - target[1], top == 0, bottom == height),
        )
    )
    canvas = np.empty((size[1], size[0], 3), np.float32)
    canvas[:] = ImageColor.getrgb(frame.background)[:3]
    part = canvas[y : y + target[1], x : x + target[0]]
    share_ = cover[..., None].astype(np.float32) / 255
    part[:] = part * (1 - share_) + product.astype(np.float32) * share_
    return LaidOut(np.asarray(np.rint(canvas), np.uint8), scale, note)


def jpeg(picture: _Picture, quality: int = 92) -> bytes:
    """A JPEG without colour subsampling."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality, subsampling=0)
    return stream.getvalue()


def _start(room: int, at_start: bool, at_end: bool) -> int:
    """Where the product begins: in the middle, or at the edge that cuts it off."""
    if at_start == at_end:
        return room // 2
    return 0 if at_start else room


def _box(opaque: npt.NDArray[np.uint8]) -> tuple[int, int, int, int]:
    shown = opaque >= 24
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    if not len(rows):
        return 0, 0, opaque.shape[1], opaque.shape[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _without_spill(picture: _Picture, opaque: npt.NDArray[np.uint8]) -> _Picture:
    """The product's own colour also where its edge is mixed with the old background's: the nearest
    colour from well inside.
    """
    core = cv2.erode((opaque >= 250).astype(np.uint8), np.ones((_EDGE, _EDGE), np.uint8))
    edge = (opaque > 0) & (core == 0)
    if not core.any() or not edge.any():
        return picture
    weight = cv2.boxFilter(core.astype(np.float32), -1, (9, 9), normalize=False)
    total = cv2.boxFilter(picture.astype(np.float32) * core[..., None], -1, (9, 9), normalize=False)
    known = edge & (weight > 0)
    clean = picture.copy()
    clean[known] = np.clip(total[known] / weight[known][:, None], 0, 255).astype(np.uint8)
    return clean
