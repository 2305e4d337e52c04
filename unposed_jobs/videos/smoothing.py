"""Angles over time: what a frame alone cannot tell, its neighbours can.

A person turns on at a speed that changes little within a fifth of a second: a frame that runs ahead
of a steady turn is misread, and backs that read as fronts, one frame or ten, are where the turn
leads. Forward and backward over 72 angles and 13 speeds (a hidden Markov model; Rabiner 1989),
with rare cuts.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from unposed_jobs.orientation import circle
from unposed_jobs.orientation.circle import Floats

Waves = npt.NDArray[np.complex128]

SPEEDS = np.linspace(-180, 180, 13)
"""Degrees a second at which a person may turn."""
_USUAL = 80.0
"""Of them, the spread."""
CHANGE = 200.0
"""Degrees a second by which the speed usually changes, each second."""
SPREAD = 20.0
"""Degrees a second that a turn usually differs from its speed."""
CUTS = 0.01
"""Probability of a step to anywhere: another take follows."""
TRUST = 0.7
"""Power of what a frame says. Neighbours are misread alike: they are less than independent."""

BACKS, FRONTS = 0.1, 0.005
"""Share of backs that are read as fronts, with left and right exchanged, and of fronts as backs: a
pose estimator puts a face where none can be seen. 7 % and 0 % of 315 and 264 rendered ones."""

_ABOUT = (circle.CELLS // 2 - np.arange(circle.CELLS)) % circle.CELLS
"""Of each angle the cell of the one that it is mistaken for: 180 less it."""
_FACING = np.cos(np.deg2rad(circle.MIDDLES))
_MISTAKEN: Floats = np.where(_FACING < 0, -BACKS, FRONTS) * _FACING

_AT_FIRST: Floats = np.exp(-0.5 * (SPEEDS / _USUAL) ** 2)
_AT_FIRST /= _AT_FIRST.sum()


def smoothed(cells: Floats, seconds: Floats) -> Floats:
    """Probabilities (N, 72) of frames at `seconds` (N,), ascending, given all of them."""
    if len(cells) < 2:
        return cells
    read = (1 - _MISTAKEN) * cells + _MISTAKEN * cells[:, _ABOUT]
    likelihoods = np.maximum(read, 1e-9) ** TRUST
    gaps = [round(float(gap), 3) for gap in np.diff(seconds)]
    shape = (len(cells), len(SPEEDS), circle.CELLS)
    before, after = np.empty(shape), np.ones(shape)
    before[0] = _scaled(_AT_FIRST[:, None] * likelihoods[0])
    for number, gap in enumerate(gaps, start=1):
        before[number] = _scaled(likelihoods[number] * _next(before[number - 1], gap))
    for number in range(len(gaps) - 1, -1, -1):
        after[number] = _scaled(
            _previous(likelihoods[number + 1] * after[number + 1], gaps[number])
        )
    both = (before * after).sum(1)
    return np.asarray(both / both.sum(1, keepdims=True))


def _next(states: Floats, gap: float) -> Floats:
    """Probabilities (13, 72) of speeds and angles, `gap` seconds later: a new speed, then a turn
    at it."""
    changes, turns = _step(gap)
    moved = _turned(changes.T @ states, turns)
    return (1 - CUTS) * moved + CUTS * states.sum() * _AT_FIRST[:, None] / circle.CELLS


def _previous(states: Floats, gap: float) -> Floats:
    """What is known of the states (13, 72) `gap` seconds earlier: `_next` transposed."""
    changes, turns = _step(gap)
    moved = changes @ _turned(states, turns.conj())
    return (1 - CUTS) * moved + CUTS * (_AT_FIRST @ states).sum() / circle.CELLS


@lru_cache(64)
def _step(gap: float) -> tuple[Floats, Waves]:
    """Probabilities (13, 13) of the next speed by the last one, and Fourier values (13, 37) of
    those of a turn, by speed."""
    changes = _near(SPEEDS[:, None] - SPEEDS, CHANGE * gap)
    turns = _near(circle.apart(circle.MIDDLES, SPEEDS[:, None] * gap), max(SPREAD * gap, 2.5))
    return changes, np.fft.rfft(turns)


def _near(away: Floats, spread: float) -> Floats:
    """Probabilities by distance along the last axis; their tails are wider than a normal
    distribution's: a speed is either kept or not."""
    near = 1 / (1 + (away / spread) ** 2) ** 2
    return np.asarray(near / near.sum(-1, keepdims=True))


def _turned(states: Floats, turns: Waves) -> Floats:
    return np.maximum(np.fft.irfft(np.fft.rfft(states) * turns, circle.CELLS), 0.0)


def _scaled(states: Floats) -> Floats:
    return np.asarray(states / states.sum())
