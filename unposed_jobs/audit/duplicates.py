"""Repeated pictures of a product: they fill no slot, so they must not count twice.

A large part of the surveyed products had a repeated picture (paper, abstract and section 5).
Two pictures of one product are repeats when their bytes are the same, or when their 64-bit
perceptual hashes differ in few bits (the same picture in another size or compression). These are
exact.

Altered repeats show the same photograph in another frame, or mirrored (`altered`). A crop may be
asked for in its own right: the chest of a full-length picture serves as the close-up. So an altered
picture is a repeat only where it is of the same pose class as the picture that it repeats, or of
none; of the two, the one that is less sure of its pose is left out, so that nothing is lost.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs.audit.altered import copies
from unposed_jobs.pose.hashing import THUMBNAIL_SIDE

INFORMATIVE_BITS = (16, 48)
"""Set bits that an informative hash has. A pHash bit is whether a frequency exceeds the median, so
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
) -> npt.NDArray[np.int64]:
    """Tell which pictures repeat an earlier one of the same product, and which one.

    The pictures of product i are rows ``offsets[i]:offsets[i + 1]``, in the order they are
    shown; the first of a group of repeats is kept. A picture is compared with *kept* pictures
    only, so a chain of small changes does not collapse into one.

    `offsets` is (P + 1,); the two string arrays have N rows; `distance` is the largest Hamming
    distance of two repeats; `considered` (N,) bool leaves the other rows out altogether: they
    neither are repeats nor have any. Returns (N,): the row that is repeated, -1 for none.

    Work is the number of pairs within products, memory is N; the loop runs over the places
    within a product, not over rows.
    """
    total = int(offsets[-1]) if len(offsets) else 0
    repeated = np.full(total, -1, dtype=np.int64)
    rows = np.arange(total) if considered is None else np.flatnonzero(considered)
    if len(rows) == 0:
        return repeated
    product = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))[rows]
    content = pc.fill_null(pc.dictionary_encode(content_sha256).indices, -1).to_numpy()[rows]
    values, telling = parse_hashes(perceptual_hash)
    values, telling = values[rows], telling[rows]

    first = np.flatnonzero(np.r_[True, product[1:] != product[:-1]])
    sizes = np.diff(np.r_[first, len(rows)])
    start = np.repeat(first, sizes)
    place = np.arange(len(rows)) - start
    open_rows = np.arange(len(rows))
    found = np.full(len(rows), -1, dtype=np.int64)
    for leading_place in range(int(sizes.max()) - 1):
        open_rows = open_rows[place[open_rows] > leading_place]
        leader = start[open_rows] + leading_place
        same = (content[open_rows] == content[leader]) & (content[leader] >= 0)
        near = np.bitwise_count(values[open_rows] ^ values[leader]) <= distance
        same |= near & telling[open_rows] & telling[leader]
        same &= found[leader] < 0
        found[open_rows[same]] = leader[same]
        open_rows = open_rows[~same]
    repeated[rows] = np.where(found >= 0, rows[found], -1)
    return repeated


def altered_pictures(
    product: npt.NDArray[np.int64],
    thumbnail: pa.Array,
    pose_ids: npt.NDArray[np.int64],
    confidence: npt.NDArray[np.floating],
    considered: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int64]:
    """Tell which pictures are a crop or a mirrored copy of another one that stands for the same,
    and which one.

    `product` (N,) ascending; `thumbnail` binary, as `pose.hashing.fingerprints` makes them, others
    and nulls are passed over; `pose_ids` (N,) -1 for none. Only pictures of one product and of one
    class, or of which one has none, are compared. Returns (N,): the row that is copied, -1 for
    none.
    """
    copied = np.full(len(product), -1, dtype=np.int64)
    size = THUMBNAIL_SIDE**2
    whole = pc.equal(pc.binary_length(thumbnail), size).fill_null(False)
    rows = np.flatnonzero(considered & whole.to_numpy(zero_copy_only=False))
    one, other = _pairs(product[rows], pose_ids[rows])
    if not len(one):
        return copied
    one, other = rows[one], rows[other]
    used, places = np.unique(np.concatenate([one, other]), return_inverse=True)
    values = np.frombuffer(b"".join(thumbnail.take(pa.array(used)).to_pylist()), dtype=np.uint8)
    values = values.reshape(-1, THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    same = copies(values[places[: len(one)]], values[places[len(one) :]])
    # The surest first: whoever is a copy of one that stays is left out.
    order = np.lexsort((np.arange(len(product)), -confidence, pose_ids < 0))
    rank = np.empty(len(product), dtype=np.int64)
    rank[order] = np.arange(len(product))
    worse = np.where(rank[one] > rank[other], one, other)[same]
    better = (one + other)[same] - worse
    for row in np.argsort(rank[worse], kind="stable").tolist():
        if copied[worse[row]] < 0 and copied[better[row]] < 0:
            copied[worse[row]] = better[row]
    return copied


def _pairs(
    product: npt.NDArray[np.int64], pose_ids: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows of each two pictures of a product of which the poses are the same, or one is none."""
    place = np.arange(len(product))
    first, second = [place[:0]], [place[:0]]
    # By distance within the product: as many rounds as the largest product has pictures.
    for apart in range(1, len(product)):
        later = place[apart:]
        near = product[later] == product[later - apart]
        if not near.any():
            break
        poses = pose_ids[later], pose_ids[later - apart]
        alike = near & ((poses[0] == poses[1]) | (poses[0] < 0) | (poses[1] < 0))
        first.append(later[alike] - apart)
        second.append(later[alike])
    return np.concatenate(first), np.concatenate(second)
