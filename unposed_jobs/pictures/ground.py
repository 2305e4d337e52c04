"""A product without a person, parted from the ground it lies on: GrabCut from two starts.

One start takes what differs from the border's colours for the product, the other all but a rim.
Where the first does not leave it clear, the better of both is the one whose outline lies where the
picture has edges.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

SIDE = 256
"""Pixels of the longer side that is looked at for a cut-out."""
QUICK_SIDE = 128
"""The same where a mask is only measured: a quarter of the time, and as right on seed 21."""

_RIM = 0.04
_NO_BOX = (0, 0, 1, 1)
"""GrabCut begins with a mask: a box is not looked at."""
_ROUNDS, _QUICK_ROUNDS = 3, 2
_LEAST, _MOST = 0.01, 0.97
"""Of the frame: less or more is no product on a ground."""
_DIFFERS = 3.5
_EVEN_RIM = 0.06
"""Of the rim: with less of it both starts agreed to .98 and more on the development seeds."""
_CLEAR = 0.93
"""Intersection over union with what differs from the ground's colours: then the second start, which
holds the rim for the ground, could only lose what the frame cuts."""
_LIGHT = 24.0
"""How far, in 8-bit Lab, light alone moves the colour of one ground across a picture."""
_Picture = npt.NDArray[np.uint8]
_Shares = npt.NDArray[np.uint8]


def parted(picture: _Picture, longest: int = SIDE) -> _Shares | None:
    """Shares (rows, columns) of a (height, width, 3) uint8 RGB picture, reduced to `longest`.

    255 where the product is; None where nothing is parted from a ground (a fabric, a chart).
    """
    lab = _reduced(picture, longest)
    steps = _steps(lab)
    best: _Shares | None = None
    best_score = 0.0
    differs = _differing(lab)
    quick = longest <= QUICK_SIDE
    rounds = _QUICK_ROUNDS if quick else _ROUNDS
    for start in (_by_colour(differs), _by_place(lab)):
        if start is None or (
            best is not None and (_clear(best, differs) or (quick and _even(differs)))
        ):
            continue
        found = _to_frame(_grown(lab, start, rounds), differs)
        share = float(found.mean())
        if not _LEAST <= share <= _MOST:
            continue
        score = _edge_strength(found, steps)
        if best is None or score > best_score:
            best, best_score = found, score
    if best is None:
        return None
    soft = cv2.GaussianBlur(best.astype(np.float32), (0, 0), 0.8)
    return np.asarray(np.rint(soft * 255), np.uint8)


def standing_out(picture: _Picture) -> _Shares | None:
    """0 or 1 (rows, columns): what differs from the ground, of a picture reduced to `QUICK_SIDE`.

    A fifth of the time of `parted`, and on a plain ground the same. None where nothing does.
    """
    differs = _differing(_reduced(picture, QUICK_SIDE))
    return None if differs is None else _tidied(differs.astype(np.uint8))


def _reduced(picture: _Picture, longest: int) -> _Picture:
    """8-bit Lab of the picture, its longer side so many pixels."""
    height, width = picture.shape[:2]
    scale = min(longest / max(height, width), 1.0)
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.uint8)


def _grown(lab: _Picture, start: _Shares, rounds: int) -> _Shares:
    """GrabCut's foreground (rows, columns), 0 or 1: without specks, without holes."""
    labels = start.copy()
    models = np.zeros((2, 1, 65), np.float64)
    cv2.setRNGSeed(1)
    try:
        cv2.grabCut(lab, labels, _NO_BOX, models[0], models[1], rounds, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # All of one kind.
        return np.zeros(lab.shape[:2], np.uint8)
    found = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    return _tidied(found)


def _tidied(found: _Shares) -> _Shares:
    """Without specks, holes filled. A pair of shoes are two large things."""
    opened = np.asarray(
        cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8
    )
    count, labels, figures, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    if count < 2:
        return opened
    areas = figures[:, cv2.CC_STAT_AREA].astype(np.float64)
    areas[0] = 0
    kept = np.isin(labels, np.flatnonzero(areas >= 0.15 * areas.max())).astype(np.uint8)
    outer, _ = cv2.findContours(kept, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(kept)
    cv2.drawContours(filled, outer, -1, 1, cv2.FILLED)
    # A hole as large as a sleeve's inside is the ground's; a smaller one is a light spot.
    holes = (filled - kept).astype(np.uint8)
    number, parts, sizes, _ = cv2.connectedComponentsWithStats(holes, connectivity=4)
    for part in range(1, number):
        if sizes[part, cv2.CC_STAT_AREA] > 0.02 * filled.sum():
            filled[parts == part] = 0
    return filled


def _rim(shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    rows, columns = shape
    thick = max(2, round(_RIM * min(rows, columns)))
    rim = np.ones((rows, columns), bool)
    rim[thick : rows - thick, thick : columns - thick] = False
    return rim


def _by_place(lab: _Picture) -> _Shares:
    """All but the rim may be the product."""
    start = np.full(lab.shape[:2], cv2.GC_PR_FGD, np.uint8)
    start[_rim(lab.shape[:2])] = cv2.GC_BGD
    return start


def _differing(lab: _Picture) -> npt.NDArray[np.bool_] | None:
    """What differs from the rim's colours, whose light may change across the picture."""
    values = lab.astype(np.float32)
    rim = _rim(lab.shape[:2])
    rows, columns = np.mgrid[0 : lab.shape[0], 0 : lab.shape[1]].astype(np.float32)
    places = np.stack([rows / lab.shape[0], columns / lab.shape[1]], -1) - 0.5
    # Light that falls off: a plane through the rim's values, by the middle two thirds of them.
    inputs = np.concatenate([places, np.ones((*lab.shape[:2], 1), np.float32)], -1)
    # A product that covers a part of the rim is no light: begin with what most of the rim is like.
    usual = np.linalg.norm(values - np.median(values[rim], axis=0), axis=-1)
    kept = rim & (usual <= max(3.0 * float(np.median(usual[rim])), _LIGHT))
    for _ in range(3):
        plane, *_ = np.linalg.lstsq(inputs[kept], values[kept], rcond=None)
        away = np.linalg.norm(values - inputs @ plane, axis=-1)
        spread = max(float(np.median(away[rim])), 1.5)
        kept = rim & (away < 2.0 * spread)
        if kept.sum() < 20:
            return None
    differs = np.asarray(away > _DIFFERS * spread)
    return differs if 0.01 < differs.mean() < 0.98 else None


def _even(differs: npt.NDArray[np.bool_] | None) -> bool:
    """Whether hardly a pixel of the rim differs: then the second start finds the same."""
    return differs is not None and float(differs[_rim(differs.shape)].mean()) < _EVEN_RIM


def _clear(found: _Shares, differs: npt.NDArray[np.bool_] | None) -> bool:
    """Whether what was found is all but what differs from the ground."""
    if differs is None:
        return False
    inside = found > 0
    return float((inside & differs).sum()) >= _CLEAR * float((inside | differs).sum())


def _by_colour(differs: npt.NDArray[np.bool_] | None) -> _Shares | None:
    """What differs from the rim's colours may be the product, and its middle surely is."""
    if differs is None:
        return None
    rim = _rim(differs.shape)
    start = np.where(differs, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    start[rim & ~differs] = cv2.GC_BGD
    core = cv2.erode(differs.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    start[core & ~rim] = cv2.GC_FGD
    return start


def _to_frame(found: _Shares, differs: npt.NDArray[np.bool_] | None) -> _Shares:
    """A product that the frame cuts goes on to the frame, where the rim is not the ground's."""
    if differs is None or not found.any():
        return found
    added = found | (differs & _rim(found.shape)).astype(np.uint8)
    _, labels = cv2.connectedComponents(added, connectivity=8)
    kept = np.unique(labels[found > 0])
    return np.isin(labels, kept).astype(np.uint8)


def _steps(lab: _Picture) -> npt.NDArray[np.float32]:
    """How strongly each pixel differs from its neighbours."""
    smooth = cv2.GaussianBlur(lab, (0, 0), 1.0).astype(np.float32)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3)
    return np.asarray(np.sqrt((across**2 + down**2).sum(-1)), np.float32)


def _edge_strength(found: _Shares, steps: npt.NDArray[np.float32]) -> float:
    """Mean step along the outline; what the frame cuts has none, and counts half."""
    outline = cv2.morphologyEx(found, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    rim = np.ones_like(outline)
    rim[1:-1, 1:-1] = False
    at_frame = float((found.astype(bool) & rim).sum())
    own = outline & ~rim
    if not own.any():
        return 0.0
    strength = float(np.minimum(steps[own], np.percentile(steps, 98)).sum())
    return strength / (float(own.sum()) + 0.5 * at_frame)
