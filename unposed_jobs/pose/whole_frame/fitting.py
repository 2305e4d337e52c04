"""From evidence to the gate, judged on groups that it was not fitted on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from unposed_jobs.errors import UnposedError
from unposed_jobs.pose.whole_frame import evidence, squares
from unposed_jobs.pose.whole_frame.gate import Logistic
from unposed_jobs.pose.whole_frame.observing import Observed

Array = npt.NDArray[np.float64]
FOLDS = 5
_C = 0.3
_CLEAR_ERRORS = 0.02
"""Of the detector's false persons, so many may pass without a second look."""


@dataclass(frozen=True)
class Judged:
    """Out of fold, by observation: `clear` is -1 without a detector's person, `placed` and
    `there` are -1 without a second look; `right` is whether the believed sighting is.
    """

    clear: Array
    placed: Array
    there: Array
    right: npt.NDArray[np.bool_]


def fit(observed: Sequence[Observed]) -> tuple[dict[str, Any], Judged]:
    """The gate's content, ready for JSON, and its judgements out of fold.

    Raises UnposedError where people or objects are too few to tell them apart.
    """
    people = {one.group for one in observed if one.person}
    objects = {one.group for one in observed if not one.person}
    if min(len(people), len(objects)) < 2 * FOLDS:
        raise UnposedError(
            f"{len(people)} products with people and {len(objects)} with objects are too few; "
            "name more --catalogue folders"
        )
    judged = _out_of_fold(observed)
    everything = np.arange(len(observed))
    clear, placed, there = _models(observed, everything)
    content = {
        "what": "the gate of the second look; fitted by unposed_jobs.pose.whole_frame.fitting",
        "squares": squares.LADDER,
        "clear_from": round(_clear_from(observed, judged.clear), 3),
        "models": {
            "clear": _told(clear, evidence.FOUND),
            "placed": _told(placed, evidence.SIGHTED),
            "there": _told(there, evidence.SIGHTED),
        },
    }
    return content, judged


def _out_of_fold(observed: Sequence[Observed]) -> Judged:
    count = len(observed)
    clear, placed, there = np.full((3, count), -1.0)
    judged = Judged(clear, placed, there, np.zeros(count, bool))
    groups = [one.group for one in observed]
    for known, new in GroupKFold(FOLDS).split(groups, groups=groups):
        clear_of, placed_of, there_of = _models(observed, known)
        for index in new:
            one = observed[index]
            if one.found is not None:
                judged.clear[index] = clear_of.probability(one.found)
            if one.sighted is not None and one.sighted_right is not None:
                chances = placed_of.probability(one.sighted)
                best = int(chances.argmax())
                judged.placed[index] = chances[best]
                judged.there[index] = there_of.probability(one.sighted[best])
                judged.right[index] = one.sighted_right[best]
    return judged


def _models(observed: Sequence[Observed], known: npt.NDArray[np.intp]) -> list[Logistic]:
    chosen = [observed[index] for index in known]
    weights = dict(zip(known.tolist(), _weights(chosen), strict=True))
    found = [i for i in known if observed[i].found is not None]
    clear = _logistic(
        np.stack([observed[i].found for i in found]),
        np.array([bool(observed[i].found_right) for i in found]),
        np.array([weights[i] for i in found]),
    )
    seen = [i for i in known if observed[i].sighted is not None]
    rows = [observed[i].sighted for i in seen]
    lengths = [len(part) for part in rows]
    placed = _logistic(
        np.concatenate(rows),
        np.concatenate([observed[i].sighted_right for i in seen]),
        np.repeat([weights[i] / len(observed[i].sighted) for i in seen], lengths),
    )
    # The maximum over the sightings is surer than they are: learn from what it will be.
    best = np.stack([part[placed.probability(part).argmax()] for part in rows])
    worth = np.array([weights[i] for i in seen])
    right = np.array(
        [
            observed[i].sighted_right[placed.probability(part).argmax()]
            for i, part in zip(seen, rows, strict=True)
        ]
    )
    placed = _calibrated(placed, best, right, worth)
    there = _logistic(best, np.array([observed[i].person for i in seen]), worth)
    return [clear, placed, there]


def _weights(observed: Sequence[Observed]) -> Array:
    """Real pictures weigh as much as rendered ones, and within each all kinds alike."""
    kinds = Counter((one.origin, one.person, one.kind) for one in observed)
    sides = Counter((origin, person) for origin, person, _ in kinds)
    weights = np.array(
        [
            1 / kinds[one.origin, one.person, one.kind] / sides[one.origin, one.person]
            for one in observed
        ]
    )
    return weights * len(observed) / weights.sum()


def _logistic(features: Array, truth: npt.NDArray[np.bool_], weights: Array) -> Logistic:
    average = np.average(features, axis=0, weights=weights)
    variance = np.average((features - average) ** 2, axis=0, weights=weights)
    blank = Logistic(average, np.sqrt(variance) + 1e-3, np.zeros(features.shape[1]), 0.0)
    model = LogisticRegression(C=_C, max_iter=2000)
    model.fit(blank.standardised(features), truth, sample_weight=weights / weights.mean())
    return Logistic(blank.mean, blank.scale, model.coef_[0], float(model.intercept_[0]))


def _calibrated(
    model: Logistic, features: Array, truth: npt.NDArray[np.bool_], weights: Array
) -> Logistic:
    """The same order, with probabilities that hold for the chosen sightings (Platt's way)."""
    logit = model.standardised(features) @ model.weights + model.intercept
    line = LogisticRegression(C=1e3).fit(logit[:, None], truth, sample_weight=weights)
    slope, shift = float(line.coef_[0, 0]), float(line.intercept_[0])
    slope = max(slope, 0.1)
    return Logistic(model.mean, model.scale, model.weights * slope, model.intercept * slope + shift)


def _clear_from(observed: Sequence[Observed], clear: Array) -> float:
    """Least probability from which hardly any false person passes, on other groups."""
    false = sorted(
        chance
        for one, chance in zip(observed, clear, strict=True)
        if chance >= 0 and not one.person
    )
    keep = int(np.ceil(len(false) * (1 - _CLEAR_ERRORS)))
    return float(min(max(false[keep - 1] + 0.01 if keep else 0.9, 0.9), 0.995))


def _told(model: Logistic, names: Sequence[str]) -> dict[str, Any]:
    columns = zip(names, model.mean, model.scale, model.weights, strict=True)
    return {
        "intercept": round(model.intercept, 5),
        "weights": [
            {"evidence": name, "weight": round(weight, 5), "mean": round(mean, 5),
             "scale": round(scale, 5)}
            for name, mean, scale, weight in columns
        ],
    }  # fmt: skip
