"""What repeated pictures are known by: perceptual hashes, which are near in Hamming distance
whatever the bytes, and thumbnails, which tell a crop or a mirrored copy from the same picture.
"""

from __future__ import annotations

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
