"""JPEG by libjpeg-turbo directly: the pixels that Pillow gives, in less time.

Pillow decodes into pixels of four bytes, which are copied to make three; simplejpeg has TurboJPEG
write the array itself. Where simplejpeg is not installed, or will not have the bytes, Pillow does
it all.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt


def decode(data: bytes, width: int, height: int) -> npt.NDArray[np.uint8] | None:
    """The pixels as stored, (height, width, 3) uint8 RGB, or None: ask Pillow.

    `width` and `height` are those of the header. None is the answer to anything that is not
    flawless, so that Pillow alone reports what is wrong with it.
    """
    simplejpeg = _simplejpeg()
    if simplejpeg is None:
        return None
    try:
        rgb: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "RGB", strict=True)
    except (ValueError, RuntimeError):
        return None
    return rgb if rgb.shape == (height, width, 3) else None


def available() -> bool:
    """Whether simplejpeg is installed."""
    return _simplejpeg() is not None


@cache
def _simplejpeg() -> Any:
    try:
        return importlib.import_module("simplejpeg")
    except ImportError:
        return None
