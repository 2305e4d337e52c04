"""The gate: three models over the evidence, and what makes it, shipped as readable JSON.

`clear` judges a detector's person by the landmarks alone, so that most pictures need no second
look. `there` says whether anybody is in the picture. `placed` says of each reading how likely the
points are right; the best reading is the one believed. `clear` and `placed` are boosted trees;
`there`, which has the fewest examples, is a logistic regression over what the network's inner
values say.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from unposed_jobs.boosting import lightgbm
from unposed_jobs.errors import UnposedError
from unposed_jobs.pose import logistic
from unposed_jobs.pose.logistic import Logistic
from unposed_jobs.pose.second_look import evidence, first, identity, squares
from unposed_jobs.pose.second_look.evidence import Inside
from unposed_jobs.pose.second_look.first import First

if TYPE_CHECKING:
    from lightgbm import Booster

Array = npt.NDArray[np.float64]

THERE = ("body", "glance")
"""Names of what `there` judges; see `of_inside`."""


def of_inside(inside: Inside) -> Array:
    """Evidence (2,) on the whole picture."""
    return np.array([inside.body, inside.screening])


@dataclass(frozen=True)
class Boosted:
    """Boosted trees; of what they say, `slope` and `shift` make a probability that holds for the
    likeliest of a picture's readings.
    """

    trees: Booster
    slope: float
    shift: float

    def score(self, features: Array) -> Array:
        """For features (P, F): (P,), uncalibrated log odds; use them for ranking only."""
        return np.asarray(self.trees.predict(features, raw_score=True, num_threads=1))

    def probability(self, features: Array) -> Array:
        """For features (P, F): (P,)."""
        value: Array = 1 / (1 + np.exp(-(self.slope * self.score(features) + self.shift)))
        return value


@dataclass(frozen=True)
class Gate:
    """What is made of the first squares, the three models, and the probability from which a
    person is clear.
    """

    first: First
    clear: Boosted
    placed: Boosted
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
            "install the package again, or run: python -m unposed_jobs.lab.fitting.second_look.fit"
        ) from None


def parse(data: bytes) -> Gate:
    """The gate in these bytes. Raises KeyError, TypeError or ValueError where there is none."""
    read = json.loads(data)
    if read["squares"] != [list(square) for square in squares.LADDER]:
        raise ValueError("it was made for other squares")
    look = first.parse(read["first"])
    clear = _boosted(read["models"]["clear"], evidence.FOUND)
    placed = _boosted(read["models"]["placed"], evidence.SIGHTED)
    there = logistic.parse(read["models"]["there"], THERE, "there")
    clear_from = float(read["clear_from"])
    if not 0 <= clear_from <= 1:
        raise ValueError(f"clear_from is {clear_from}")
    return Gate(look, clear, placed, there, clear_from)


def _boosted(read: dict[str, Any], names: tuple[str, ...]) -> Boosted:
    if tuple(read["evidence"]) != names:
        raise ValueError("the trees were made for other evidence")
    text = "\n".join(read["trees"])
    # LightGBM itself reads a damaged text without complaint, or ends the process.
    if hashlib.sha256(text.encode()).hexdigest() != read["sha256"]:
        raise ValueError("the trees are not those that were fitted")
    slope, shift = float(read["slope"]), float(read["shift"])
    if not (np.isfinite([slope, shift]).all() and slope > 0):
        raise ValueError("the trees' slope and shift make no sense")
    return Boosted(lightgbm().Booster(model_str=text), slope, shift)
