"""Perceptual hashes: repeated pictures are near in Hamming distance, whatever their bytes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from PIL import Image

_KEPT_SIDE = 128


def perceptual_hash(image: Image.Image) -> str:
    """The 64-bit pHash (signs of the low DCT frequencies) as 16 hexadecimal digits.

    `image` is RGB, of any size.
    """
    import imagehash

    # The hash looks at 32 x 32 pixels; whole-number averaging before that costs little.
    factor = min(image.size) // _KEPT_SIDE
    return str(imagehash.phash(image.reduce(factor) if factor > 1 else image, hash_size=8))


def to_integers(hashes: Iterable[str]) -> npt.NDArray[np.uint64]:
    """Hexadecimal hashes as an (N,) uint64 array, which `distance` takes."""
    return np.array([int(text, 16) for text in hashes], dtype=np.uint64)


def distance(a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Hamming distance, 0 to 64, of uint64 hashes; shapes broadcast.

    All pairs of an (N,) array: ``distance(hashes[:, None], hashes[None, :])``.
    """
    return np.bitwise_count(np.asarray(a, np.uint64) ^ np.asarray(b, np.uint64))
