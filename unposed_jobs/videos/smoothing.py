"""Angles over time: what a frame alone cannot tell, its neighbours can.

A person turns on, not back and forth within a fifth of a second: a frame that reads as the back
between two that read as the front is the front. Forward and backward over 72 angles (a hidden
Markov model; Rabiner 1989), with steps of a bounded speed and rare cuts.
"""

from __future__ import annotations

import numpy as np

from unposed_jobs.orientation import circle
from unposed_jobs.orientation.circle import Floats

SPEED = 75.0
"""Degrees a second that are usual, as the spread of a step."""
CUTS = 0.002
"""Probability of a step to anywhere: another take follows."""
TRUST = 0.8
"""Power of what a frame says. Neighbours are misread alike: they are less than independent."""


def smoothed(cells: Floats, seconds: Floats) -> Floats:
    """Probabilities (N, 72) of frames at `seconds` (N,), ascending, given all of them."""
    if len(cells) < 2:
        return cells
    likelihoods = np.maximum(cells, 1e-9) ** TRUST
    steps = [_step(float(gap)) for gap in np.diff(seconds)]
    before, after = np.empty_like(likelihoods), np.ones_like(likelihoods)
    before[0] = likelihoods[0] / likelihoods[0].sum()
    for number, step in enumerate(steps, start=1):
        before[number] = likelihoods[number] * _turned(before[number - 1], step)
        before[number] /= before[number].sum()
    for number in range(len(steps) - 1, -1, -1):
        after[number] = _turned(likelihoods[number + 1] * after[number + 1], steps[number])
        after[number] /= after[number].sum()
    both = before * after
    return np.asarray(both / both.sum(1, keepdims=True))


def _step(gap: float) -> Floats:
    """Fourier values of the probabilities of a turn within `gap` seconds."""
    spread = max(SPEED * gap, circle.CELL)
    away = circle.apart(circle.MIDDLES, 0.0)
    # A speed is either kept or not: the tails are wider than a normal distribution's.
    turn = 1 / (1 + (away / spread) ** 2) ** 2
    turn = (1 - CUTS) * turn / turn.sum() + CUTS / circle.CELLS
    return np.fft.rfft(turn)  # type: ignore[return-value]


def _turned(cells: Floats, step: Floats) -> Floats:
    return np.maximum(np.fft.irfft(np.fft.rfft(cells) * step, circle.CELLS), 1e-12)
