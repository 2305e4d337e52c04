"""Which way a headless torso is turned: a logistic regression for each kind of MoveNet.

The heat of left and right key points forgets a good part of what the network knows: backs without
a head are given fronts. Its inner values over the torso know more. Fitted on rendered people
(`lab.fitting.sides`) and held against photographs that it was not fitted on.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from unposed_jobs.pose import logistic
from unposed_jobs.pose.logistic import Logistic

FILE = "sides.json"
"""The regressions, in this package; `lab.fitting.sides.fit` makes them."""


def evidence(inner: int) -> tuple[str, ...]:
    """Names of the regression's columns, of so many inner values."""
    return (*(f"inner_{number}" for number in range(inner)), "heat")


def left_is_left(
    kind: str, torso: npt.NDArray[np.floating], heat: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """Log odds (P,) that what lies to the left in the picture is the person's left.

    `torso` (P, C) is the mean of all deciding readings of P people, `heat` (P,) the sum of
    their evidence by heat (`left_right`).
    """
    model = regression(kind)
    columns = model.standardised(np.column_stack([torso, heat]).astype(np.float64))
    # No matrix product: its last digits depend on how many rows there are.
    return np.asarray((columns * model.weights).sum(1) + model.intercept)


@cache
def regression(kind: str) -> Logistic:
    """Of this kind of MoveNet."""
    held = json.loads(read())[kind]
    return logistic.parse(held, evidence(len(held["weights"]) - 1), "the regression of sides")


def read() -> bytes:
    """The file's bytes: they decide what is answered."""
    return resources.files(__package__ or "").joinpath(FILE).read_bytes()
