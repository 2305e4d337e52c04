"""Repeated pictures of a product: they fill no slot, so they must not count twice.

A large part of the surveyed products had a repeated picture (paper, abstract and section 5).
Two pictures of one product are repeats when their bytes are the same, or when their 64-bit
perceptual hashes differ in few bits (the same picture in another size or compression).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

INFORMATIVE_BITS = (16, 48)
"""Set bits that a telling hash has. A pHash bit says whether a frequency exceeds the median, so
half of the 64 are set whenever the frequencies differ; in a picture of one colour nearly all
are zero, the median too, and every such picture of every colour gets the same few bits. Those
hashes say "flat", not "the same": only equal bytes make such pictures repeats."""

_HEX = np.full(256, 255, dtype=np.uint8)
_HEX[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = np.arange(16)
_HEX[np.frombuffer(b"ABCDEF", dtype=np.uint8)] = np.arange(10, 16)


def parse_hashes(hashes: pa.Array) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """Read 16-digit hexadecimal hashes.

    Returns (N,) uint64 values and (N,) bool: whether the hash is there, well-formed and
    informative. A null or malformed hash is not an error: the picture is then compared by its
    bytes alone.
    """
    well_formed = pc.match_substring_regex(hashes, "^[0-9a-fA-F]{16}$").fill_null(False)
    telling = np.asarray(well_formed.to_numpy(zero_copy_only=False), dtype=bool)
    values = np.zeros(len(hashes), dtype=np.uint64)
    if telling.any():
        text = pa.concat_arrays([hashes.filter(well_formed).cast(pa.binary()).cast(pa.binary(16))])
        characters = np.frombuffer(text.buffers()[1], dtype=np.uint8)[: 16 * len(text)]
        digits = _HEX[characters.reshape(-1, 16)]
        octets = (digits[:, 0::2] << 4) | digits[:, 1::2]
        values[telling] = np.ascontiguousarray(octets).view(">u8")[:, 0].astype(np.uint64)
    bits = np.bitwise_count(values)
    telling &= (bits >= INFORMATIVE_BITS[0]) & (bits <= INFORMATIVE_BITS[1])
    return values, telling


def repeated_pictures(
    offsets: npt.NDArray[np.int64],
    content_sha256: pa.Array,
    perceptual_hash: pa.Array,
    distance: int,
    considered: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.bool_]:
    """Tell which pictures repeat an earlier one of the same product.

    The pictures of product i are rows ``offsets[i]:offsets[i + 1]``, in the order they are
    shown; the first of a group of repeats is kept. A picture is compared with *kept* pictures
    only, so a chain of small changes does not collapse into one.

    `offsets` is (P + 1,); the two string arrays have N rows; `distance` is the largest Hamming
    distance of two repeats; `considered` (N,) bool leaves the other rows out altogether: they
    neither are repeats nor have any. Returns (N,) bool.

    Work is the number of pairs within products, memory is N; the loop runs over the places
    within a product, not over rows.
    """
    total = int(offsets[-1]) if len(offsets) else 0
    repeat = np.zeros(total, dtype=bool)
    rows = np.arange(total) if considered is None else np.flatnonzero(considered)
    if len(rows) == 0:
        return repeat
    product = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))[rows]
    content = pc.fill_null(pc.dictionary_encode(content_sha256).indices, -1).to_numpy()[rows]
    values, telling = parse_hashes(perceptual_hash)
    values, telling = values[rows], telling[rows]

    first = np.flatnonzero(np.r_[True, product[1:] != product[:-1]])
    sizes = np.diff(np.r_[first, len(rows)])
    start = np.repeat(first, sizes)
    place = np.arange(len(rows)) - start
    open_rows = np.arange(len(rows))
    found = np.zeros(len(rows), dtype=bool)
    for leading_place in range(int(sizes.max()) - 1):
        open_rows = open_rows[place[open_rows] > leading_place]
        leader = start[open_rows] + leading_place
        same = (content[open_rows] == content[leader]) & (content[leader] >= 0)
        near = np.bitwise_count(values[open_rows] ^ values[leader]) <= distance
        same |= near & telling[open_rows] & telling[leader]
        same &= ~found[leader]
        found[open_rows[same]] = True
        open_rows = open_rows[~same]
    repeat[rows] = found
    return repeat
