"""Plain picture statistics, which separate pictures without a person.

Flat-lay garments, fabric close-ups, size charts and details all come without a pose, and the
paper leaves them in one cluster (section 6, last point). These figures give that branch something
to split on: how plain the border is, how much is text-like, how regular the texture is, how the
garment fills the frame.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

SIDE = 192
"""The longer side, in pixels, of the reduced picture that is measured."""

NAMES: tuple[str, ...] = (
    "aspect",
    "luma_mean",
    "luma_spread",
    "dark_share",
    "white_share",
    "saturation_mean",
    "saturation_spread",
    "entropy",
    "colour_count",
    "bimodality",
    "border_uniformity",
    "border_white_share",
    "centre_border_contrast",
    "foreground_share",
    "foreground_box",
    "foreground_fill",
    "foreground_symmetry",
    "edge_density_fine",
    "edge_density_coarse",
    "horizontal_lines",
    "vertical_lines",
    "text_transitions",
    "smoothness",
    "periodicity",
    "texture_evenness",
    "enclosed_share",
)
"""The order of `describe`'s figures. A stored model goes by it: a new one is added at the end."""

KINDS: tuple[str, ...] = ("kind_flat_lay", "kind_fabric", "kind_chart", "kind_detail")
"""Probabilities of the kinds of picture (`pose.kinds`), which follow where they were judged."""
COLUMNS = NAMES + KINDS
"""All that the column `statistics` may hold."""

_FloatArray = npt.NDArray[np.float32]

_WHITE, _DARK = 0.94, 0.15
_BORDER = 0.05
_FOREGROUND = 0.12
_EDGE = 0.06
_LINE_SHARE = 0.06
_BLOCKS = 6
_OUTLINE_SIDE = 64
_OUTLINE, _OUTLINE_OF_TYPICAL = 0.04, 2.0
_LONGEST_STROKE = 6
_STROKE_DEPTH, _EVEN_GROUND = 0.2, 0.08


def describe(image: Image.Image) -> _FloatArray:
    """The statistics of a picture: (len(NAMES),) float32, each finite and in [0, 1].

    `image` is RGB, of any size from 1 x 1.
    """
    colour = _reduced(image)
    luma = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
    figures = {
        "enclosed_share": _enclosed_share(image),
        **_tone(colour, luma),
        **_composition(colour),
        **_edges(luma),
        **_texture(luma),
        "aspect": image.width / (image.height + image.width),
    }
    values = np.array([figures[name] for name in NAMES], np.float32)
    return np.clip(np.nan_to_num(values), 0.0, 1.0)


def _reduced(image: Image.Image) -> _FloatArray:
    longer = max(image.size)
    if longer > SIDE:
        width, height = (max(1, round(side * SIDE / longer)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BOX, reducing_gap=2.0)
    # By channel, (3, h, w): NumPy is slow at reductions over a last axis of three.
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1), np.float32) / np.float32(255)


def _tone(colour: _FloatArray, luma: _FloatArray) -> dict[str, float]:
    least, most = colour.min(axis=0), colour.max(axis=0)
    saturation = (most - least) / np.maximum(most, 1 / 255)
    histogram = np.bincount((luma * 31.999).astype(np.uint8).ravel(), minlength=32) / luma.size
    known = histogram[histogram > 0]
    red, green, blue = (colour * np.float32(15.999)).astype(np.uint16)
    counts = np.bincount((red * 256 + green * 16 + blue).ravel(), minlength=4096)
    # A colour counts where it fills a thousandth of the picture; 256 such are "very many".
    colours = np.count_nonzero(counts >= max(1, luma.size / 1000))
    return {
        "luma_mean": float(luma.mean()),
        "luma_spread": 2.0 * float(luma.std()),
        "dark_share": float((luma <= _DARK).mean()),
        "white_share": float((least >= _WHITE).mean()),
        "saturation_mean": float(saturation.mean()),
        "saturation_spread": 2.0 * float(saturation.std()),
        "entropy": float(-(known * np.log2(known)).sum()) / 5.0,
        "colour_count": float(np.log2(max(1, int(colours)))) / 8.0,
        "bimodality": _bimodality(histogram),
    }


def _bimodality(histogram: npt.NDArray[np.float64]) -> float:
    # Otsu's criterion: the share of the variance that one threshold explains.
    levels = np.arange(len(histogram))
    below = np.cumsum(histogram)
    moment = np.cumsum(histogram * levels)
    mean = moment[-1]
    variance = float((histogram * (levels - mean) ** 2).sum())
    weight = below * (1.0 - below)
    between = np.where(weight > 1e-9, (mean * below - moment) ** 2 / np.maximum(weight, 1e-9), 0)
    return float(between.max()) / variance if variance > 1e-9 else 0.0


def _composition(colour: _FloatArray) -> dict[str, float]:
    height, width = colour.shape[1:]
    thick = max(1, round(min(height, width) * _BORDER))
    ring = np.ones((height, width), bool)
    ring[thick : height - thick, thick : width - thick] = False
    border = colour[:, ring]
    background = np.median(border, axis=1).astype(np.float32)
    foreground = np.abs(colour - background[:, None, None]).max(axis=0) > _FOREGROUND
    core = colour[:, height // 4 : height - height // 4, width // 4 : width - width // 4]
    share = float(foreground.mean())
    box = _box(foreground)
    mirrored = foreground[:, ::-1]
    union = float((foreground | mirrored).mean())
    return {
        "border_uniformity": 1.0 - float(foreground[ring].mean()),
        "border_white_share": float((border.min(axis=0) >= _WHITE).mean()),
        "centre_border_contrast": float(np.abs(core.mean(axis=(1, 2)) - border.mean(axis=1)).max()),
        "foreground_share": share,
        "foreground_box": box,
        "foreground_fill": share / box if box else 0.0,
        "foreground_symmetry": float((foreground & mirrored).mean()) / union if union else 0.0,
    }


def _enclosed_share(image: Image.Image) -> float:
    # The largest thing that an outline parts from the frame: what a way from the border that takes
    # small steps of colour only does not reach. Unlike a comparison with the border's colour it
    # bears shadows and uneven light; stripes reach the border, and prints are small.
    small = image.copy()
    small.thumbnail((_OUTLINE_SIDE, _OUTLINE_SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    if min(small.size) < 8:
        return 0.0
    from scipy import ndimage  # Drivers import this module and describe no picture.

    smooth = ndimage.gaussian_filter(np.asarray(small, np.float32) / 255, (1, 1, 0), truncate=2.0)
    padded = np.pad(smooth, ((1, 1), (1, 1), (0, 0)), mode="edge")
    down = np.abs(padded[2:, 1:-1] - padded[:-2, 1:-1]).max(axis=2)
    across = np.abs(padded[1:-1, 2:] - padded[1:-1, :-2]).max(axis=2)
    step = np.maximum(down, across)
    # A weave or a wooden floor is full of small steps: what counts stands out from them.
    calm, _ = ndimage.label(step < max(_OUTLINE, _OUTLINE_OF_TYPICAL * float(np.median(step))))
    rim = np.ones(step.shape, bool)
    rim[1:-1, 1:-1] = False
    reached = (calm > 0) & np.isin(calm, np.unique(calm[rim]))
    things, count = ndimage.label(ndimage.binary_opening(~reached))
    if not count:
        return 0.0
    sizes = np.bincount(things.ravel())
    sizes[0] = 0
    largest = things == sizes.argmax()
    touching = float(largest[rim].mean())
    return float(largest.mean()) * max(0.0, 1.0 - 2.0 * touching)


def _box(mask: npt.NDArray[np.bool_]) -> float:
    # Rows and columns with a little foreground only - dust, a watermark - do not stretch the box.
    sides = []
    for axis in (0, 1):
        filled = np.flatnonzero(mask.mean(axis=axis) > 0.02)
        sides.append((filled[-1] - filled[0] + 1) / mask.shape[1 - axis] if len(filled) else 0.0)
    return float(sides[0] * sides[1])


def _edges(luma: _FloatArray) -> dict[str, float]:
    down = np.abs(np.diff(luma, axis=0))
    across = np.abs(np.diff(luma, axis=1))
    coarse = _pooled(luma, 4)
    return {
        "edge_density_fine": _density(down, across),
        "edge_density_coarse": _density(
            np.abs(np.diff(coarse, axis=0)), np.abs(np.diff(coarse, axis=1))
        ),
        "horizontal_lines": _line_share(down.mean(axis=1)) if down.size else 0.0,
        "vertical_lines": _line_share(across.mean(axis=0)) if across.size else 0.0,
        "text_transitions": _text_transitions(luma),
    }


def _density(down: _FloatArray, across: _FloatArray) -> float:
    count = down.size + across.size
    return float((down > _EDGE).sum() + (across > _EDGE).sum()) / count if count else 0.0


def _line_share(profile: _FloatArray) -> float:
    # Rules of a table, and hems, gather the steps of brightness in few rows.
    total = float(profile.sum())
    strongest = max(1, round(len(profile) * _LINE_SHARE))
    return float(np.sort(profile)[-strongest:].sum()) / total if total > 1e-6 else 0.0


def _text_transitions(luma: _FloatArray) -> float:
    # Letters and figures, whatever their script: thin strokes on a row, dark on a bright ground
    # or the other way about. A weave has strokes as well, but no even ground behind them.
    return max(_strokes(luma), _strokes(1.0 - luma))


def _strokes(luma: _FloatArray) -> float:
    ground = np.percentile(luma, 80)
    even = float((np.abs(luma - ground) < _EVEN_GROUND).mean())
    marked = np.zeros((luma.shape[0], luma.shape[1] + 2), np.int8)
    marked[:, 1:-1] = luma < ground - _STROKE_DEPTH
    change = np.diff(marked.ravel())
    lengths = np.flatnonzero(change == -1) - np.flatnonzero(change == 1)
    covered = int(lengths[lengths <= _LONGEST_STROKE].sum())
    return 4.0 * even**2 * covered / luma.size


def _texture(luma: _FloatArray) -> dict[str, float]:
    size = min(luma.shape)
    side = min(SIDE // 2, size)
    if side < 16:
        return {"smoothness": 0.0, "periodicity": 0.0, "texture_evenness": 0.0}
    top, left = (luma.shape[0] - side) // 2, (luma.shape[1] - side) // 2
    patch = luma[top : top + side, left : left + side]
    correlation = _autocorrelation(patch)
    return {
        "smoothness": 0.5 + 0.25 * float(correlation[0, 4] + correlation[4, 0]),
        "periodicity": _periodicity(correlation),
        "texture_evenness": _evenness(luma),
    }


def _autocorrelation(patch: _FloatArray) -> npt.NDArray[np.float64]:
    # Rows and columns from lag 0 on; the slow course of light is taken away first, and the
    # edges are faded, so that only the texture itself can repeat.
    side = patch.shape[0]
    grid = np.linspace(-1.0, 1.0, side)
    flat = patch - patch.mean()
    norm = float((grid**2).sum()) * side
    flat = flat - np.outer(np.ones(side), grid) * (flat @ grid).sum() / norm
    flat = flat - np.outer(grid, np.ones(side)) * (grid @ flat).sum() / norm
    window, weight = _window(side)
    faded = _lagged(flat * window)
    variance = faded[0, 0] / weight[0, 0]
    if variance < 1e-6:
        return np.zeros((side, side))
    return faded / np.maximum(weight, 1e-3 * weight[0, 0]) / variance


@cache
def _window(side: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    window = np.outer(np.hanning(side), np.hanning(side))
    return window, _lagged(window)


def _lagged(patch: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    side = len(patch)
    power = np.abs(np.fft.rfft2(patch, s=(2 * side, 2 * side))) ** 2
    return np.fft.irfft2(power)[:side, :side]


def _periodicity(correlation: npt.NDArray[np.float64]) -> float:
    # The highest return of the correlation after its first fall, along a row or a column.
    reach = len(correlation) // 2
    best = 0.0
    for line in (correlation[0, :reach], correlation[:reach, 0]):
        low = np.minimum.accumulate(line)
        best = max(best, float((line - low).max()))
    return best / 1.5


def _evenness(luma: _FloatArray) -> float:
    # Equal contrast in every block of the frame: a fabric fills it, a garment does not.
    rows = np.array_split(np.arange(luma.shape[0]), _BLOCKS)
    columns = np.array_split(np.arange(luma.shape[1]), _BLOCKS)
    contrast = np.array(
        [[luma[r[0] : r[-1] + 1, c[0] : c[-1] + 1].std() for c in columns] for r in rows]
    )
    mean = float(contrast.mean())
    return 1.0 / (1.0 + float(contrast.std()) / mean) if mean > 1e-3 else 0.0


def _pooled(luma: _FloatArray, factor: int) -> _FloatArray:
    height, width = (side // factor * factor for side in luma.shape)
    if not height or not width:
        return luma
    blocks = luma[:height, :width].reshape(height // factor, factor, width // factor, factor)
    return blocks.mean(axis=(1, 3))
