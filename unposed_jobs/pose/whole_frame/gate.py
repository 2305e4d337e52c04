"""The gate: three logistic regressions over the evidence, shipped as readable JSON.

`clear` judges a detector's person by the landmarks alone, so that most pictures need no second
look. `placed` says of each sighting how likely somebody is there and the points are right; the
best sighting is the one believed. `there` says of that one whether anybody is in the picture.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from unposed_jobs.errors import UnposedError
from unposed_jobs.pose.whole_frame import evidence, identity, squares

Array = npt.NDArray[np.float64]

_FEATURES = {
    "clear": evidence.FOUND,
    "placed": evidence.SIGHTED,
    "there": evidence.SIGHTED,
}


@dataclass(frozen=True)
class Logistic:
    """A logistic regression over standardised, clipped evidence."""

    mean: Array
    scale: Array
    weights: Array
    intercept: float

    CLIP = 4.0
    """Standard deviations: no single piece of evidence decides beyond this."""

    def standardised(self, features: Array) -> Array:
        """What the weights are for."""
        value: Array = np.clip((features - self.mean) / self.scale, -self.CLIP, self.CLIP)
        return value

    def probability(self, features: Array) -> Array:
        """For features (..., F): (...)."""
        logit = self.standardised(features) @ self.weights + self.intercept
        value: Array = 1 / (1 + np.exp(-logit))
        return value


@dataclass(frozen=True)
class Gate:
    """The three models, and the probability from which a person is clear."""

    clear: Logistic
    placed: Logistic
    there: Logistic
    clear_from: float


@lru_cache(maxsize=4)
def load(path: Path | None = None) -> Gate:
    """The gate of this file, by default the shipped one.

    Raises UnposedError where it cannot be read, or was made for other evidence or squares.
    """
    data = identity.read(path)
    try:
        return parse(data)
    except (KeyError, TypeError, ValueError) as error:
        raise UnposedError(
            f"the gate {path or identity.FILE} is damaged ({type(error).__name__}: {error}); "
            "install the package again, or run: python -m unposed_jobs.pose.whole_frame.fit"
        ) from None


def parse(data: bytes) -> Gate:
    """The gate in these bytes. Raises KeyError, TypeError or ValueError where there is none."""
    read = json.loads(data)
    if read["squares"] != [list(square) for square in squares.LADDER]:
        raise ValueError("it was made for other squares")
    models = {name: _logistic(read["models"][name], name) for name in _FEATURES}
    clear_from = float(read["clear_from"])
    if not 0 <= clear_from <= 1:
        raise ValueError(f"clear_from is {clear_from}")
    return Gate(clear_from=clear_from, **models)


def _logistic(read: dict[str, Any], name: str) -> Logistic:
    table = {row["evidence"]: row for row in read["weights"]}
    if tuple(table) != _FEATURES[name]:
        raise ValueError(f"{name} was made for other evidence")
    mean, scale, weights = (
        np.array([float(row[column]) for row in table.values()])
        for column in ("mean", "scale", "weight")
    )
    model = Logistic(mean, scale, weights, float(read["intercept"]))
    finite = all(np.isfinite(value).all() for value in (mean, scale, weights, model.intercept))
    if not finite or (scale <= 0).any():
        raise ValueError(f"{name} holds numbers that make no sense")
    return model
