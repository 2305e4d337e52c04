"""Fits the correction: how far off the torso is, from what the network says in a square."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import Ridge

from unposed_jobs.lab.fitting.second_look.examples import Example, known_torso
from unposed_jobs.pose.second_look import correction, squares
from unposed_jobs.pose.second_look.correction import Correction
from unposed_jobs.pose.second_look.looking import Sightings

Array = npt.NDArray[np.float64]
_ALPHA = 3000.0
_NEAR = 0.7
"""A square that is off by more than this share of the torso saw something else than the person."""


def fit(looks: Sequence[tuple[Example, Sightings]]) -> Correction:
    """From people with known shoulders and hips, and what was seen of them on the ladder.

    Kinds of which there are many count less each, by the root of their number.
    """
    kinds = Counter((one.origin, one.kind) for one, _ in looks)
    evidence, moves, weights = [], [], []
    for one, seen in looks:
        true = known_torso(one)
        if true is None:
            continue
        ladder = seen.take(slice(0, len(squares.LADDER)))
        move, off, length = _moves(ladder, true)
        near = off < _NEAR * length
        evidence.append(correction.evidence_of(ladder, one.size)[near])
        moves.append(move[near].reshape(-1, 8))
        weights.append(1 / np.sqrt(kinds[one.origin, one.kind]) / length[near])
    return _ridge(np.concatenate(evidence), np.concatenate(moves), np.concatenate(weights))


def _moves(seen: Sightings, true: Array) -> tuple[Array, Array, Array]:
    """What would put each sighting's torso right, how much the worst point is off, and the
    torso's length, in sides of the square. Which side is left is as the network took it.
    """
    count = len(seen)
    regions = seen.regions.astype(np.float64)
    own = correction.torso_in_square(seen.points, regions)
    every = np.zeros((count, 33, 2))
    moves, off = [], []
    for order in ([0, 1, 2, 3], [1, 0, 3, 2]):
        every[:, correction.TORSO] = true[order]
        moves.append(correction.torso_in_square(every, regions) - own)
        off.append(np.linalg.norm(moves[-1], axis=-1).max(1))
    better = np.where((off[0] <= off[1])[:, None, None], *moves)
    length = np.linalg.norm(true[:2].mean(0) - true[2:].mean(0)) / regions[:, 2]
    return better, np.minimum(*off), length


def _ridge(evidence: Array, moves: Array, weights: Array) -> Correction:
    blank = Correction(
        evidence.mean(0), evidence.std(0) + 1e-3, np.zeros((evidence.shape[1], 8)), np.zeros(8)
    )
    model = Ridge(alpha=_ALPHA)
    model.fit(blank.standardised(evidence), moves, sample_weight=weights / weights.mean())
    return Correction(blank.mean, blank.scale, model.coef_.T, model.intercept_)
