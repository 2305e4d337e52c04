"""What is made of the first squares, before the readings are judged.

The network's inner values show a body where its points do not: pooled over each square, so that
no place in it enters, and over squares of like size, three logistic regressions ask them whether
anybody is there (of a few squares, and of all) and whether they face the camera. What a value means
depends on how large the body is in the square: squares of unlike sizes are not mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unposed_jobs.pose import logistic
from unposed_jobs.pose.logistic import Logistic
from unposed_jobs.pose.second_look import correction
from unposed_jobs.pose.second_look.correction import Correction
from unposed_jobs.pose.second_look.evidence import Inside
from unposed_jobs.pose.second_look.looking import INNER, Sightings
from unposed_jobs.pose.second_look.squares import SCREENING

Array = npt.NDArray[np.float64]

SIZES = 4
"""Parts that the squares are pooled in, by their size."""
POOLED = tuple(
    f"{what}_{number}_of_size_{size}"
    for size in range(SIZES)
    for what in ("mean", "greatest")
    for number in range(INNER)
)
"""Names of `pooled`'s values."""

_HEADS = ("glance", "body", "front")
"""The names in the gate's file of the screening, of anybody, and of facing the camera."""


def pooled(seen: Sightings) -> Array:
    """Inner values (1152,) of these sightings, the ladder's or some of it, from `SIZES` on: of
    each size of square the means' mean and the greatest's greatest.
    """
    parts = np.array_split(seen.inside.astype(np.float64), SIZES)
    return np.concatenate(
        [value for part in parts for value in (part[:, :INNER].mean(0), part[:, INNER:].max(0))]
    )


@dataclass(frozen=True)
class First:
    """`screening` asks a few squares whether anybody is there: below `stop` (log odds), nobody is.
    `body` and `front` ask the whole ladder; `correction` puts right what the squares say.
    """

    correction: Correction
    screening: Logistic
    body: Logistic
    front: Logistic
    stop: float

    def chance(self, screened: Sightings) -> tuple[float, bool]:
        """The probability, by the squares of `SCREENING` alone, that anybody is there, and
        whether they leave no doubt that nobody is.
        """
        values = pooled(screened)
        hopeless = bool(self.screening.logit(values) < self.stop)
        return float(self.screening.probability(values)), hopeless

    def inside(self, ladder: Sightings) -> Inside:
        """What the inner values of the ladder's squares say."""
        values = pooled(ladder)
        screening = self.screening.logit(pooled(ladder.take(np.array(SCREENING))))
        return Inside(
            float(self.body.logit(values)), float(self.front.logit(values)), float(screening)
        )

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON; see `parse`."""
        fitted = (self.screening, self.body, self.front)
        heads = {
            name: logistic.as_json(head, POOLED) for name, head in zip(_HEADS, fitted, strict=True)
        }
        return {"stop": round(self.stop, 4), "correction": self.correction.as_json()} | heads


def parse(read: dict[str, Any]) -> First:
    """The inverse of `First.as_json`. Raises KeyError, TypeError or ValueError."""
    screening, body, front = (logistic.parse(read[name], POOLED, name) for name in _HEADS)
    stop = float(read["stop"])
    if not np.isfinite(stop):
        raise ValueError(f"stop is {stop}")
    return First(correction.parse(read["correction"]), screening, body, front, stop)
