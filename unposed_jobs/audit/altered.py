"""Pictures made of one photograph: cropped, mirrored, in another size, colour depth or brightness.

A perceptual hash bears compression, not another frame. Here a thumbnail is laid upon another one:
first roughly, by normalised correlation with every part that a crop may have left, then exactly, by
Gauss-Newton steps on place, size, contrast and brightness (Lucas and Kanade, 1981; Baker and
Matthews, 2004). What is left over then separates a copy from another photograph of the same pose in
the same light: of a copy it is small against the picture's own fine structure, everywhere.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unposed_jobs.pose.hashing import THUMBNAIL_SIDE

Floats = npt.NDArray[np.float32]

SCALES = (1.0, 0.94, 0.88, 0.82, 0.76, 0.7)
"""Sides of the crops that are tried, as shares of the whole picture's."""
ROUGHLY = 0.85
"""Correlation of thumbnails that are worth laying upon each other exactly."""
LEFT_OVER = 0.33
"""Largest difference that a copy leaves, of the fine structure: both as root mean square."""
LEFT_ANYWHERE = 0.45
"""Largest difference within any part, of the picture's contrast: a raised arm is another photo."""
LEAST_FINE = 1.5
"""Grey levels of fine structure without which pictures cannot be compared."""

_COARSE, _EXACT, _PARTS = 12, 24, 6
_STEPS, _LONGEST_STEP = 6, 0.04
_FINE = 2.0
_PAIRS = 256


def copies(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Which of n pairs of thumbnails, (n, 32, 32) uint8 each, are of one photograph.

    Either may be a crop of the other down to 0.7 of its sides, and mirrored. Returns (n,) bool.
    """
    found = np.zeros(len(one), dtype=bool)
    for start in range(0, len(one), _PAIRS):
        part = slice(start, start + _PAIRS)
        found[part] = _copies(one[part].astype(np.float32), other[part].astype(np.float32))
    return found


def _copies(one: Floats, other: Floats) -> npt.NDArray[np.bool_]:
    found = np.zeros(len(one), dtype=bool)
    for whole, cut in ((one, other), (other, one)):
        parts = _every_part(whole)
        for turned in (cut, cut[:, :, ::-1]):
            likeness = np.einsum("nhd,nd->nh", parts, _rough(turned))
            best = likeness.argmax(1)
            likely = ~found & (likeness[np.arange(len(best)), best] >= ROUGHLY)
            if likely.any():
                frames = _FRAMES[best[likely]]
                found[likely] = _laid_upon(whole[likely], turned[likely], frames)
    return found


def _means(start: float, size: float, count: int) -> Floats:
    """(count, 32): the means of equal parts of a side from `start` on, both of the whole side."""
    edges = np.linspace(start, start + size, count + 1) * THUMBNAIL_SIDE
    pixels = np.arange(THUMBNAIL_SIDE)
    shared = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights = np.clip(shared, 0, None)
    return np.asarray(weights / weights.sum(1, keepdims=True), dtype=np.float32)


def _offsets(scale: float) -> npt.NDArray[np.float64]:
    return np.linspace(0, 1 - scale, 1 + round((1 - scale) * 16))


_CUTTERS = [np.stack([_means(at, scale, _COARSE) for at in _offsets(scale)]) for scale in SCALES]
_FRAMES = np.array(
    [(x, y, scale, scale) for scale in SCALES for y in _offsets(scale) for x in _offsets(scale)]
)
_ALL = _means(0.0, 1.0, _COARSE)


def _every_part(whole: Floats) -> Floats:
    """(n, frames, 144): what each of `_FRAMES` shows of a picture, normalised."""
    shown = []
    for cutters in _CUTTERS:
        rows = np.einsum("pij,njk->npik", cutters, whole, optimize=True)
        parts = np.einsum("npik,qmk->npqim", rows, cutters, optimize=True)
        shown.append(parts.reshape(len(whole), -1, _COARSE**2))
    return _normalised(np.concatenate(shown, axis=1))


def _rough(picture: Floats) -> Floats:
    parts = np.einsum("ij,njk,lk->nil", _ALL, picture, _ALL, optimize=True)
    return _normalised(parts.reshape(len(picture), -1))


def _normalised(values: Floats) -> Floats:
    values = values - values.mean(-1, keepdims=True)
    norm = np.linalg.norm(values, axis=-1, keepdims=True)
    return np.asarray(values / np.maximum(norm, 1e-6), dtype=np.float32)


def _laid_upon(
    whole: Floats, cut: Floats, frames: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Whether `cut` is what the whole picture shows near its frame: x, y, width, height (n, 4)."""
    from scipy import ndimage  # Drivers import this module and compare no pictures.

    target = _seen(cut, np.tile((0.0, 0.0, 1.0, 1.0), (len(cut), 1)))
    frames = frames.copy()
    for _ in range(_STEPS):
        frames += np.clip(_step(whole, target, frames), -_LONGEST_STEP, _LONGEST_STEP)
        frames[:, 2:] = np.clip(frames[:, 2:], min(SCALES) - 0.1, 1.06)
    seen = _seen(whole, frames)
    fine = target - ndimage.gaussian_filter(target, (0, _FINE, _FINE))
    detail, contrast = fine.std((1, 2)), target.std((1, 2))
    difference = (_standard(seen) - _standard(target)) ** 2
    side = _EXACT // _PARTS
    parts = difference.reshape(-1, _PARTS, side, _PARTS, side).mean((2, 4))
    left = np.sqrt(difference.mean((1, 2))) * np.maximum(contrast, 1e-6)
    telling = detail >= LEAST_FINE
    everywhere = np.sqrt(parts.max((1, 2))) <= LEFT_ANYWHERE
    return np.asarray(telling & everywhere & (left <= LEFT_OVER * detail))


def _step(
    whole: Floats, target: npt.NDArray[np.float64], frames: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """How to move each frame (n, 4): least squares, with contrast and brightness as they may be."""
    pixel = 1 / THUMBNAIL_SIDE
    seen = _seen(whole, frames)
    right, low = np.eye(4)[:2] * pixel / 2
    across = (_seen(whole, frames + right) - _seen(whole, frames - right)) / pixel
    down = (_seen(whole, frames + low) - _seen(whole, frames - low)) / pixel
    place = (np.arange(_EXACT) + 0.5) / _EXACT
    columns = (across, down, across * place, down * place[:, None], seen, np.ones_like(seen))
    matrix = np.stack(columns, axis=-1).reshape(len(whole), -1, len(columns))
    squares = np.einsum("nij,nik->njk", matrix, matrix)
    moved = np.arange(4)
    squares[:, moved, moved] *= 1.01  # Levenberg's: where nothing differs, nothing moves.
    squares += 1e-3 * np.eye(len(columns))
    wanted = np.einsum("nij,ni->nj", matrix, target.reshape(len(whole), -1))
    solved = np.linalg.solve(squares, wanted[..., None])[..., 0]
    gain = np.where(np.abs(solved[:, 4:5]) < 0.2, 1.0, solved[:, 4:5])
    return np.asarray(solved[:, :4] / gain)


def _standard(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    spread = np.maximum(values.std((1, 2), keepdims=True), 1e-6)
    return np.asarray((values - values.mean((1, 2), keepdims=True)) / spread)


def _seen(picture: Floats, frames: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n, 24, 24): what the frames (n, 4) show of the pictures, between pixels bilinear."""
    place = (np.arange(_EXACT) + 0.5) / _EXACT
    last = THUMBNAIL_SIDE - 1.001
    x = np.clip((frames[:, :1] + place * frames[:, 2:3]) * THUMBNAIL_SIDE - 0.5, 0, last)
    y = np.clip((frames[:, 1:2] + place * frames[:, 3:]) * THUMBNAIL_SIDE - 0.5, 0, last)
    left, top = x.astype(np.int64)[:, None, :], y.astype(np.int64)[:, :, None]
    right, low = x[:, None, :] - left, y[:, :, None] - top
    row = np.arange(len(picture))[:, None, None]
    above = picture[row, top, left] * (1 - right) + picture[row, top, left + 1] * right
    below = picture[row, top + 1, left] * (1 - right) + picture[row, top + 1, left + 1] * right
    return np.asarray(above * (1 - low) + below * low)
