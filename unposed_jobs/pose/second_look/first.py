"""What is made of the first squares, before the readings are judged.

The network's inner values tell of a body where its points do not: pooled over each square, so that
no place in it enters, and over squares of like size, three logistic regressions ask them whether
anybody is there (of a few squares, and of all) and whether they face the camera. What a value means
depends on how large the body is in the square: squares of unlike sizes are not mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unposed_jobs.pose.second_look import correction, logistic
from unposed_jobs.pose.second_look.correction import Correction
from unposed_jobs.pose.second_look.evidence import Inside
from unposed_jobs.pose.second_look.logistic import Logistic
from unposed_jobs.pose.second_look.looking import INNER, Sightings
from unposed_jobs.pose.second_look.squares import GLANCE

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
    """`glance` asks a few squares whether anybody is there: below `stop`, in log odds, nobody is.
    `body` and `front` ask the whole ladder; `correction` puts right what the squares say.
    """

    correction: Correction
    glance: Logistic
    body: Logistic
    front: Logistic
    stop: float

    def chance(self, glanced: Sightings) -> tuple[float, bool]:
        """Probability, by the few squares of the glance alone, that anybody is there, and whether
        they leave no doubt that nobody is.
        """
        values = pooled(glanced)
        hopeless = bool(self.glance.logit(values) < self.stop)
        return float(self.glance.probability(values)), hopeless

    def inside(self, ladder: Sightings) -> Inside:
        """What the inner values of the ladder's squares say."""
        values = pooled(ladder)
        glance = self.glance.logit(pooled(ladder.take(np.array(GLANCE))))
        return Inside(
            float(self.body.logit(values)), float(self.front.logit(values)), float(glance)
        )

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON; see `parse`."""
        heads = {name: logistic.as_json(getattr(self, name), POOLED) for name in _HEADS}
        return {"stop": round(self.stop, 4), "correction": self.correction.as_json()} | heads


def parse(read: dict[str, Any]) -> First:
    """The inverse of `First.as_json`. Raises KeyError, TypeError or ValueError."""
    glance, body, front = (logistic.parse(read[name], POOLED, name) for name in _HEADS)
    stop = float(read["stop"])
    if not np.isfinite(stop):
        raise ValueError(f"stop is {stop}")
    return First(correction.parse(read["correction"]), glance, body, front, stop)
