"""A part of a picture by an address: ``a.jpg#xywh=percent:10,20,50,40``.

As Media Fragments URI 1.0 has it (W3C, section 4.2.2): left, top, width and height in hundredths of
the upright picture.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Box = tuple[float, float, float, float]
"""Left, top, width, height in [0, 1]."""
_NUMBER = r"\d{1,3}(?:\.\d{1,4})?"
_PART = re.compile(rf"^(.*)#xywh=percent:({_NUMBER}),({_NUMBER}),({_NUMBER}),({_NUMBER})$", re.S)


def address(uri: str, box: Sequence[float]) -> str:
    """The address of a part."""
    values = (f"{round(100 * value, 2):g}" for value in box)
    return f"{uri}#xywh=percent:{','.join(values)}"


def split(part: str) -> tuple[str, Box | None]:
    """A picture's address and the part that is meant; None for all of it."""
    found = _PART.match(part)
    if found is None:
        return part, None
    left, top, width, height = (float(value) / 100 for value in found.groups()[1:])
    return found[1], (left, top, width, height)


def cut(picture: npt.NDArray[np.uint8], box: Box | None) -> npt.NDArray[np.uint8]:
    """That part of a picture (height, width, 3), at least one pixel; all of it without a box."""
    if box is None:
        return picture
    high, wide = picture.shape[:2]
    left, top = min(round(box[0] * wide), wide - 1), min(round(box[1] * high), high - 1)
    right, bottom = round((box[0] + box[2]) * wide), round((box[1] + box[3]) * high)
    return np.ascontiguousarray(picture[top : max(bottom, top + 1), left : max(right, left + 1)])
