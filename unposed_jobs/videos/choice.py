"""Which frames are kept: the best of each of eight angles, and of each attribute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unposed_jobs.orientation import circle
from unposed_jobs.orientation.circle import Floats

_NEAR = np.clip(1 - (circle.apart(circle.MIDDLES, 0.0) / circle.BIN), 0.5, 1) * 2 - 1
"""What an angle is worth that lies so far from a bin's middle, (72,): 1 there, 0 at its border."""


@dataclass(frozen=True)
class Chosen:
    """The frame for one angle: its bin, its place among the frames, the probability of the bin."""

    bin: int
    frame: int
    certainty: float


def of_angles(cells: Floats, quality: Floats, least: float) -> list[Chosen]:
    """The best frame of each bin that one fills with a probability of `least`, ordered by angle.

    `cells` (N, 72) are probabilities of angles, `quality` (N,) in [0, 1]. The best is not the first
    or the surest, but the one likeliest near the bin's middle, where it is sharp.
    """
    if not len(cells):
        return []
    inside = circle.bins(cells)
    step = circle.CELLS // circle.BINS
    near = np.stack([cells @ np.roll(_NEAR, bin_ * step) for bin_ in range(circle.BINS)], -1)
    worth = near * np.sqrt(np.clip(quality, 0.05, 1))[:, None]
    worth[inside < least] = -1
    best = worth.argmax(0)
    found = [
        Chosen(bin_, int(best[bin_]), float(inside[best[bin_], bin_]))
        for bin_ in range(circle.BINS)
        if worth[best[bin_], bin_] >= 0
    ]
    return sorted(found, key=lambda one: circle.middle(one.bin))


MISREAD = 45.0
"""Degrees, over the root of a frame's concentration, by which a person is usually read off there:
what build, pose and clothes hide is hidden in all frames of an angle alike, and neighbours do not
mend it. Of 60 rendered people."""


def misread(concentrations: Floats) -> Floats:
    """Degrees (N,) by which what is said of frames (N,) may be off, however sure it is."""
    return np.asarray(MISREAD / np.sqrt(np.maximum(concentrations, 1.0)))


def coverage(cells: Floats, spans: Floats, off: npt.ArrayLike = 0.0) -> npt.NDArray[np.float32]:
    """Seconds for which each of 72 angles was seen within 22.5°, by frames of `spans` seconds.

    Each frame counts by its probabilities: the surer, the more it adds to its own angle. They are
    spread by `off` degrees, of each frame or of all.
    """
    if not len(cells):
        return np.zeros(circle.CELLS, np.float32)
    waves = np.deg2rad(np.reshape(off, (-1, 1))) * np.arange(circle.CELLS // 2 + 1)
    spread = np.fft.rfft(circle.around(cells)) * np.exp(-0.5 * waves**2) * spans[:, None]
    seconds = np.fft.irfft(spread.sum(0), circle.CELLS)
    return np.maximum(seconds, 0.0).astype(np.float32)


def spans(seconds: Floats, step: float) -> Floats:
    """How long each frame at `seconds` stands: until the next, and the last `step` seconds."""
    return np.append(np.diff(seconds), step)
