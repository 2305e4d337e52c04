"""A second network's opinion on whether anybody is there, where the gate leaves it open.

BlazePose's landmark network was made for people with a head. Stout torsos, dark clothes and people
from behind hardly differ for it from a garment laid flat, and the gate, which sees nothing else,
refuses some. EfficientNet sees cloth, skin and ground instead. It is asked only where the gate is
neither sure nor content, and can only find somebody: nobody is lost by it. Fitted on rendered
people and garments and on photographs of both (`lab.fitting.opinion`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from unposed_jobs.config import PoseSettings
from unposed_jobs.networks import weights
from unposed_jobs.networks.threads import threads
from unposed_jobs.pose import logistic
from unposed_jobs.pose.kinds import identity as kinds
from unposed_jobs.pose.kinds.estimator import squared
from unposed_jobs.pose.logistic import Logistic
from unposed_jobs.pose.second_look import identity
from unposed_jobs.pose.second_look.evidence import Inside
from unposed_jobs.pose.second_look.gate import THERE, of_inside

if TYPE_CHECKING:
    from unposed_jobs.pose.kinds import efficientnet

Array = npt.NDArray[np.float64]

WIDTH = 1280
"""Values of EfficientNet's last layer."""
OPEN_FROM = 0.1
"""Below this probability of the gate's nobody is there. Of 80 photographs of whole garments laid
flat none lies above it."""

SEEN = tuple(f"seen_{number}" for number in range(WIDTH))
TOGETHER = ("seen", *THERE)
"""Names of what each regression judges."""


class Regressions(NamedTuple):
    """`seen` judges EfficientNet's values by themselves, `together` what it says with what
    the landmark network's inner values say."""

    seen: Logistic
    together: Logistic

    def probability(self, values: npt.NDArray[np.floating], inside: Array) -> Array:
        """(P,) that anybody is there, by values (P, 1280) and the gate's evidence (P, 2)."""
        odds = _logit(self.seen, values.astype(np.float64))
        logits = _logit(self.together, np.column_stack([odds, inside]))
        return np.asarray(1 / (1 + np.exp(-logits)))


def create(settings: PoseSettings) -> Opinion | None:
    """None where the settings do without the network (``picture_kinds``)."""
    return Opinion(settings) if settings.picture_kinds else None


class Opinion:
    """Asks EfficientNet, which is loaded with the first picture that is open."""

    def __init__(self, settings: PoseSettings) -> None:
        self._settings = settings
        self._network: efficientnet.Network | None = None

    def __call__(
        self,
        pictures: Sequence[npt.NDArray[np.uint8]],
        chances: Sequence[float],
        insides: Sequence[Inside | None],
    ) -> list[float]:
        """The gate's probabilities that anybody is in each picture, raised where this one's is
        higher. `insides` are None where the gate has no doubt. Raises UnposedError for missing or
        damaged weights.
        """
        found = list(chances)
        asked = [
            (row, of_inside(inside))
            for row, inside in enumerate(insides)
            if inside is not None
            and OPEN_FROM <= chances[row] < self._settings.min_person_probability
        ]
        if not asked:
            return found
        rows = [row for row, _ in asked]
        values = self._values([pictures[row] for row in rows])
        said = regressions().probability(values, np.stack([evidence for _, evidence in asked]))
        for row, chance in zip(rows, said, strict=True):
            found[row] = max(found[row], float(chance))
        return found

    def _values(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        if self._network is None:
            from unposed_jobs.pose.kinds import efficientnet  # PyTorch takes seconds to import.

            _, data = weights.load(self._settings, kinds.WEIGHTS)
            self._network = efficientnet.create(data, threads())
        return self._network(np.stack([squared(one) for one in pictures]))[1]


@cache
def regressions() -> Regressions:
    """The shipped ones."""
    return parse(json.loads(read()))


def parse(held: dict[str, Any]) -> Regressions:
    """Of the file's content. Raises KeyError, TypeError or ValueError where it is none."""
    return Regressions(
        logistic.parse(held["seen"], SEEN, "the opinion"),
        logistic.parse(held["together"], TOGETHER, "the opinion with the gate"),
    )


def read() -> bytes:
    """The file's bytes: they decide what is answered."""
    return resources.files(__package__ or "").joinpath(identity.OPINION).read_bytes()


def _logit(model: Logistic, columns: Array) -> Array:
    # No matrix product: its last digits depend on how many rows there are.
    return np.asarray((model.standardised(columns) * model.weights).sum(1) + model.intercept)
