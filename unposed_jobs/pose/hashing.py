"""Repeated pictures: perceptual hashes, near in Hamming distance whatever their
bytes, and thumbnails, which show a crop or a mirrored copy for what it is.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from PIL import Image

THUMBNAIL_SIDE = 32
"""Pixels of a thumbnail's side."""

_KEPT_SIDE = 128


def perceptual_hash(image: Image.Image) -> str:
    """The 64-bit pHash (signs of the low DCT frequencies) as 16 hexadecimal digits.

    `image` is RGB, of any size.
    """
    return fingerprints(image)[0]


def fingerprints(image: Image.Image) -> tuple[str, bytes]:
    """The `perceptual_hash` and the thumbnail: 32 rows of 32 grey values, a byte each.

    The thumbnail is squeezed into a square. `image` is RGB, of any size.
    """
    import imagehash

    # Both use 32 x 32 pixels; whole-number averaging before that costs little.
    factor = min(image.size) // _KEPT_SIDE
    grey = (image.reduce(factor) if factor > 1 else image).convert("L")
    small = grey.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX)
    return str(imagehash.phash(grey, hash_size=8)), small.tobytes()


def to_integers(hashes: Iterable[str]) -> npt.NDArray[np.uint64]:
    """Hexadecimal hashes as an (N,) uint64 array, which `distance` takes."""
    return np.array([int(text, 16) for text in hashes], dtype=np.uint64)


def distance(a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Hamming distance, 0 to 64, of uint64 hashes; shapes broadcast.

    All pairs of an (N,) array: ``distance(hashes[:, None], hashes[None, :])``.
    """
    return np.bitwise_count(np.asarray(a, np.uint64) ^ np.asarray(b, np.uint64))
