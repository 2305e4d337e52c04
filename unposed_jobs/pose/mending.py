"""Files that every viewer shows though they are not sound: JPEGs short of their end, and PNGs
whose text or colour profile is damaged or larger than Pillow allows.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import Image

MOST_MISSING = 0.2
"""Largest share of a JPEG that may be missing; of a plain one its area, of a progressive one, which
is whole in rough already, its bytes."""

_END = b"\xff\xd9"
_PNG = b"\x89PNG\r\n\x1a\n"
_KEPT = {b"tRNS", b"eXIf"}
_PROGRESSIVE = {0xC2, 0xCA}
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
# Data that no encoder has written, without a marker in it.
_NOISE = hashlib.shake_128(b"noise").digest(4096).replace(b"\xff", b"\x55")


def mended(data: bytes) -> tuple[bytes, str | None] | None:
    """Bytes that can be decoded in these bytes' place, and what they lack, in one line; or None.

    The number of pixels is to be checked before: a JPEG is decoded to see how much there is of it.
    """
    if data.startswith(_PNG):
        bare = without_metadata(data)
        return None if bare == data else (bare, None)
    if data.startswith(b"\xff\xd8\xff"):
        return _with_end(data)
    return None


def lacks_end(data: bytes) -> str | None:
    """What there is to note of a JPEG all of whose pixels could be decoded, though its end is cut
    off; None where it is whole.
    """
    if not data.startswith(b"\xff\xd8\xff") or data.endswith(_END) or _markers(data).ended:
        return None
    return _note(0.0, "its area")


def without_metadata(png: bytes) -> bytes:
    """The PNG without what is not needed for its pixels: text, profiles, times."""
    kept, at = [_PNG], len(_PNG)
    while at + 8 <= len(png):
        size, kind = int.from_bytes(png[at : at + 4], "big"), png[at + 4 : at + 8]
        following = at + 12 + size
        # An upper-case first letter marks a chunk that cannot be left out.
        if kind[:1].isupper() or kind in _KEPT:
            kept.append(png[at:following])
        at = following
    return b"".join(kept)


@dataclass
class _Jpeg:
    """What the markers of a JPEG hold, up to where it ends."""

    progressive: bool = False
    components: tuple[int, ...] = ()
    row: int = 8
    """Pixels of one row of coded units."""
    scans: list[tuple[int, int]] = field(default_factory=list)
    """Where the data of each scan begin and end."""
    ended: bool = False
    latest: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    """By component and coefficient: the last scan that was begun of it, and the bits still to
    come after it."""

    def absent(self) -> int | None:
        """Bytes of the scans that were not begun, estimated; None where they are too many to
        estimate.

        The last bit of the coefficients takes about twice what the bit before it took.
        """
        last = 64 if self.progressive else 1
        wanted = [self.latest.get((one, at)) for one in self.components for at in range(last)]
        if not wanted or any(found is None or found[1] > 1 for found in wanted):
            return None
        begun = {found[0] for found in wanted if found is not None and found[1] == 1}
        return sum(2 * (self.scans[scan][1] - self.scans[scan][0]) for scan in begun)


def _with_end(data: bytes) -> tuple[bytes, str | None] | None:
    jpeg = _markers(data)
    absent = jpeg.absent()
    if jpeg.ended or absent is None:
        return None
    start, end = jpeg.scans[-1]
    cut = data[:end].rstrip(b"\xff")
    whole = _pixels(cut + _END)
    done = _done(whole, _pixels(cut + _NOISE + _END), jpeg.row)
    if jpeg.progressive:
        read = end - start
        lost = read / max(done, 1e-6) - read + absent
        missing, of = lost / (end + lost), "its data"
    else:
        missing, of = 1.0 - done, "its area"
    if missing > MOST_MISSING:
        return None
    return cut + _END, _note(missing, of)


def _note(missing: float, of: str) -> str:
    share = f"about {100 * missing:.1f} %" if missing >= 0.001 else "less than 0.1 %"
    return f"incomplete: the file is cut off, {share} of {of} is missing"


def _done(whole: npt.NDArray[np.uint8], noisy: npt.NDArray[np.uint8], row: int) -> float:
    """The share of the area before the place from which on the two differ: other data after the
    end change only what they are data of.
    """
    differ = whole != noisy
    if differ.ndim == 3:
        differ = differ.any(axis=2)
    height, width = differ.shape
    rows = np.flatnonzero(differ.any(axis=1))
    if not len(rows):
        return 1.0
    top = int(rows[0]) // row * row
    band = differ[top : top + row]
    left = int(np.flatnonzero(band.any(axis=0))[0])
    return (top * width + left * len(band)) / (height * width)


def _pixels(data: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        return np.asarray(image)


def _markers(data: bytes) -> _Jpeg:
    jpeg, at = _Jpeg(), 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return jpeg
        kind = data[at + 1]
        if kind == 0xFF:  # Markers may be padded.
            at += 1
            continue
        if kind == 0xD9:
            jpeg.ended = True
            return jpeg
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        body, at = data[at + 4 : at + 2 + size], at + 2 + size
        if kind in _FRAMES:
            _frame(jpeg, kind, body)
        elif kind == 0xDA and at <= len(data):
            _scan(jpeg, body)
            start, at = at, _after(data, at)
            jpeg.scans.append((start, at))
    jpeg.ended = jpeg.ended or data[at : at + 2] == _END
    return jpeg


def _frame(jpeg: _Jpeg, kind: int, body: bytes) -> None:
    count = body[5]
    parts = [body[6 + 3 * index : 9 + 3 * index] for index in range(count)]
    jpeg.progressive = kind in _PROGRESSIVE
    jpeg.components = tuple(part[0] for part in parts)
    jpeg.row = 8 * (max(part[1] & 15 for part in parts) if count > 1 else 1)


def _scan(jpeg: _Jpeg, body: bytes) -> None:
    count = body[0]
    first, last, bits = body[1 + 2 * count : 4 + 2 * count]
    for index in range(count):
        for place in range(first, last + 1):
            jpeg.latest[body[1 + 2 * index], place] = len(jpeg.scans), bits & 15


def _after(data: bytes, at: int) -> int:
    """Where the marker is that ends a scan's data; their end where there is none."""
    while 0 <= (at := data.find(b"\xff", at)) < len(data) - 1:
        if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 2
    return len(data)
