"""A logistic regression over evidence, as the gate's readable file holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


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

    def logit(self, features: Array) -> Array:
        """Log odds, for features (..., F): (...)."""
        value: Array = self.standardised(features) @ self.weights + self.intercept
        return value

    def probability(self, features: Array) -> Array:
        """For features (..., F): (...)."""
        value: Array = 1 / (1 + np.exp(-self.logit(features)))
        return value


def as_json(model: Logistic, names: Sequence[str]) -> dict[str, Any]:
    """The model, ready for JSON: a row for each piece of evidence."""
    columns = zip(names, model.mean, model.scale, model.weights, strict=True)
    return {
        "intercept": round(model.intercept, 5),
        "weights": [
            {"evidence": name, "weight": round(weight, 5), "mean": round(mean, 5),
             "scale": round(scale, 5)}
            for name, mean, scale, weight in columns
        ],
    }  # fmt: skip


def parse(read: dict[str, Any], names: tuple[str, ...], what: str) -> Logistic:
    """The inverse of `as_json`. Raises KeyError, TypeError or ValueError."""
    table = {row["evidence"]: row for row in read["weights"]}
    if tuple(table) != names:
        raise ValueError(f"{what} was made for other evidence")
    mean, scale, weights = (
        np.array([float(row[column]) for row in table.values()])
        for column in ("mean", "scale", "weight")
    )
    model = Logistic(mean, scale, weights, float(read["intercept"]))
    finite = all(np.isfinite(value).all() for value in (mean, scale, weights, model.intercept))
    if not finite or (scale <= 0).any():
        raise ValueError(f"{what} holds numbers that make no sense")
    return model
