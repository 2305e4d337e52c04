"""From evidence to the gate, judged on groups that it was not fitted on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from unposed_jobs.boosting import lightgbm
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.fitting.second_look.observing import Observed
from unposed_jobs.lab.fitting.second_look.weighting import balanced, logistic_regression
from unposed_jobs.pose import logistic
from unposed_jobs.pose.logistic import Logistic
from unposed_jobs.pose.second_look import evidence, squares
from unposed_jobs.pose.second_look.first import First
from unposed_jobs.pose.second_look.gate import THERE, Boosted, of_inside

Array = npt.NDArray[np.float64]
FOLDS = 5
_C = 0.3
_INNER = 3
"""Folds within the rest, on which the trees are judged that `there` learns from."""
_TREES: dict[str, Any] = {
    "objective": "binary", "num_iterations": 120, "num_leaves": 15, "learning_rate": 0.05,
    "min_data_in_leaf": 40, "bagging_fraction": 0.7, "bagging_freq": 1, "feature_fraction": 0.4,
    "lambda_l2": 5.0, "num_threads": 1, "seed": 20221012, "deterministic": True,
    "force_row_wise": True, "verbosity": -1,
}  # fmt: skip
_MANY = {"num_iterations": 200, "num_leaves": 31}
"""The readings, of which there are many, bear more trees."""
_OBJECTS = 1.25
"""A false person is worse than one lost: the pictures of nobody weigh so much more."""
_CLEAR_ERRORS = 0.01
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


class _Look(NamedTuple):
    """One picture's second look: evidence (4 P, F), whether each reading is right (4 P,), and what
    the inner values say (2,).
    """

    group: str
    person: bool
    features: Array
    right: npt.NDArray[np.bool_]
    inside: Array


def fit(observed: Sequence[Observed], first: First) -> tuple[dict[str, Any], Judged]:
    """The gate's content, ready for JSON, and its judgements out of fold.

    `first` is what to ship; what was observed of a group is to have been observed with one that
    was fitted without the group.

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
        "what": "the gate of the second look; made by unposed_jobs.lab.fitting.second_look.fit",
        "squares": squares.LADDER,
        "clear_from": round(_clear_from(observed, judged.clear), 3),
        "first": first.as_json(),
        "models": {
            "clear": _trees_as_json(clear, evidence.FOUND),
            "there": logistic.as_json(there, THERE),
            "placed": _trees_as_json(placed, evidence.SIGHTED),
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
                judged.clear[index] = clear_of.probability(one.found[None])[0]
            if one.sighted is not None and one.sighted_right is not None and one.inside is not None:
                chances = placed_of.probability(one.sighted)
                best = int(chances.argmax())
                judged.placed[index] = chances[best]
                judged.there[index] = there_of.probability(of_inside(one.inside))
                judged.right[index] = one.sighted_right[best]
    return judged


def _models(
    observed: Sequence[Observed], known: npt.NDArray[np.intp]
) -> tuple[Boosted, Boosted, Logistic]:
    chosen = [observed[index] for index in known]
    weights = balanced([(one.origin, one.person, one.kind) for one in chosen])
    found = [i for i, one in enumerate(chosen) if one.found is not None]
    clear = _trees(
        np.stack([chosen[i].found for i in found]),
        np.array([bool(chosen[i].found_right) for i in found]),
        weights[found] * np.array([1.0 if chosen[i].person else 2.0 for i in found]),
        num_leaves=7, n_estimators=100, min_child_samples=20,
    )  # fmt: skip
    looks = {
        i: _Look(one.group, one.person, one.sighted, one.sighted_right, of_inside(one.inside))
        for i, one in enumerate(chosen)
        if one.sighted is not None and one.sighted_right is not None and one.inside is not None
    }
    placed, there = _of_looks(list(looks.values()), weights[list(looks)])
    return clear, placed, there


def _of_looks(looks: Sequence[_Look], weights: Array) -> tuple[Boosted, Logistic]:
    """The best of the readings is surer than they are, and surest where the trees learnt from it:
    its probability is learnt from what trees say that were fitted without the picture.
    """
    groups = [look.group for look in looks]
    scores: list[Array] = [np.empty(0)] * len(looks)
    for known, new in GroupKFold(_INNER).split(groups, groups=groups):
        trees = _of_readings([looks[i] for i in known], weights[known])
        for index in new:
            scores[index] = trees.score(looks[index].features)
    best = np.array([score.max() for score in scores])
    right = np.array([look.right[s.argmax()] for look, s in zip(looks, scores, strict=True)])
    line = LogisticRegression(C=1e3).fit(best[:, None], right, sample_weight=weights)
    slope, shift = max(float(line.coef_[0, 0]), 0.1), float(line.intercept_[0])
    person = np.array([look.person for look in looks])
    worth = np.where(person, weights, _OBJECTS * weights)
    there = logistic_regression(np.stack([look.inside for look in looks]), person, worth, _C)
    everything = _of_readings(looks, weights)
    return Boosted(everything.trees, slope, shift), there


def _of_readings(looks: Sequence[_Look], weights: Array) -> Boosted:
    lengths = [len(look.features) for look in looks]
    return _trees(
        np.concatenate([look.features for look in looks]),
        np.concatenate([look.right for look in looks]),
        np.repeat(weights / lengths, lengths),
        **_MANY,
    )


def _trees(features: Array, truth: npt.NDArray[np.bool_], weights: Array, **other: Any) -> Boosted:
    parameters = _TREES | other
    weights = weights / weights.mean()
    data = lightgbm().Dataset(features, truth, weight=weights, params={"verbosity": -1})
    return Boosted(lightgbm().train(parameters, data), 1.0, 0.0)


def _clear_from(observed: Sequence[Observed], clear: Array) -> float:
    """Least probability from which hardly any false person passes, on other groups."""
    false = sorted(
        chance
        for one, chance in zip(observed, clear, strict=True)
        if chance >= 0 and not one.person
    )
    keep = int(np.ceil(len(false) * (1 - _CLEAR_ERRORS)))
    return float(min(max(false[keep - 1] + 0.01 if keep else 0.8, 0.8), 0.995))


def _trees_as_json(model: Boosted, names: Sequence[str]) -> dict[str, Any]:
    text = model.trees.model_to_string()
    return {
        "slope": model.slope,
        "shift": model.shift,
        "evidence": names,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "trees": text.split("\n"),
    }
