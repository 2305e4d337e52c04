"""Fits what is made of the first squares, for each group without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold

from unposed_jobs.lab.fitting.second_look import moves
from unposed_jobs.lab.fitting.second_look.examples import Example, known_torso
from unposed_jobs.lab.fitting.second_look.weighting import balanced, logistic_regression
from unposed_jobs.pose.second_look.first import First, pooled
from unposed_jobs.pose.second_look.looking import Sightings
from unposed_jobs.pose.second_look.squares import SCREENING

FOLDS = 5
_STRENGTHS = {"screening": 0.05, "body": 0.1, "front": 0.005}
"""C of each regression. Real people are few: more strength learns how rendered ones look."""
_LOST = 0.003
"""So many of the people, all kinds alike, may be lost at the screening."""
_PROFILE = 0.25
"""From the side, shoulders nearer than so much of the torso, nobody faces the camera or away."""

Looks = Sequence[tuple[Example, Sightings]]


def fit(looks: Looks) -> tuple[First, Callable[[str], First]]:
    """From the ladder's sightings of people, whole and cut off, and of objects: what to ship, and
    for each group what was fitted without it.
    """
    groups = [one.group for one, _ in looks]
    made: dict[str, First] = {}
    logits = np.zeros(len(looks))
    for known, new in GroupKFold(FOLDS).split(groups, groups=groups):
        first = _fit([looks[i] for i in known])
        for index in new:
            made[groups[index]] = first
            screened = looks[index][1].take(np.array(SCREENING))
            logits[index] = first.screening.logit(pooled(screened))
    stop = _stop(looks, logits)
    shipped = replace(_fit(looks), stop=stop)
    apart = {group: replace(first, stop=stop) for group, first in made.items()}
    return shipped, lambda group: apart.get(group, shipped)


def _fit(looks: Looks) -> First:
    weights = balanced(_kinds(looks))
    people = np.array([one.joints is not None for one, _ in looks])
    few = np.stack([pooled(seen.take(np.array(SCREENING))) for _, seen in looks])
    every = np.stack([pooled(seen) for _, seen in looks])
    way = np.array([_way(one) for one, _ in looks])
    known = way != 0
    return First(
        moves.fit([look for look in looks if look[0].joints is not None]),
        logistic_regression(few, people, weights, _STRENGTHS["screening"]),
        logistic_regression(every, people, weights, _STRENGTHS["body"]),
        logistic_regression(every[known], way[known] > 0, weights[known], _STRENGTHS["front"]),
        stop=-np.inf,
    )


def _kinds(looks: Looks) -> list[tuple[str, bool, str]]:
    return [(one.origin, one.joints is not None, one.kind) for one, _ in looks]


def _way(example: Example) -> int:
    """1 where the person faces the camera, -1 away, 0 from the side or where nobody knows."""
    torso = known_torso(example)
    if torso is None:
        return 0
    length = float(np.linalg.norm(torso[:2].mean(0) - torso[2:].mean(0)))
    across = float(torso[0, 0] - torso[1, 0])
    return int(np.sign(across)) if abs(across) > _PROFILE * length else 0


def _stop(looks: Looks, logits: npt.NDArray[np.float64]) -> float:
    """The logit below which hardly any person is, on groups that were not fitted on."""
    people = np.array([one.joints is not None for one, _ in looks])
    weights = balanced(_kinds(looks))[people]
    order = np.argsort(logits[people])
    below = np.cumsum(weights[order]) / weights.sum()
    return float(logits[people][order][np.searchsorted(below, _LOST)])
