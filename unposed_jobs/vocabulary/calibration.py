"""What a confidence is worth: the chance that the pose is the same when all is done again.

The share of the likelihood that `Clusters` reads off distances is no probability. Without labels
one thing can be measured: take the picture again (its landmarks jittered), learn the classes again
from other products (a bootstrap sample), and see whether it comes into the same class. That rate,
as a rising function of the raw share, is what is stated from then on. It describes how far a class
can be relied on to be the same, not that the class is rightly drawn: two poses that always fall
into one class stay surely in it. The trials, `vocabulary.retaking`, ask both what is stated of
pictures that were learned from and what is stated of others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

BINS = 12
BIN_TRIALS = 40
"""Fewer trials than this are no bin of their own."""


@dataclass(frozen=True)
class Calibration:
    """A rising, piecewise linear map: `raw` (M,) ascending in [0, 1] to `probability` (M,)."""

    raw: Floats
    probability: Floats

    def __call__(self, confidence: Floats) -> Floats:
        """The probabilities that raw confidences (N,) stand for."""
        return np.interp(confidence, self.raw, self.probability)


def fit(raw: Floats, same: npt.NDArray[np.bool_]) -> Calibration | None:
    """From T trials: the raw confidence and whether the class was the same. None for too few.

    Isotonic over bins of equally many trials, each with one trial added of either outcome: ten
    successes in ten are no certainty. No confidence at all stays none, and is no trial.
    """
    from sklearn.isotonic import IsotonicRegression  # Training only: slow to import.

    known = raw > 0
    raw, same = raw[known], same[known]
    if len(raw) < BIN_TRIALS:
        return None
    bins = max(1, min(BINS, len(raw) // BIN_TRIALS))
    # Narrower where the confidence is low: that is where it is decided what is unknown.
    inner = np.unique(np.quantile(raw, np.linspace(0, 1, bins + 1)[1:-1] ** 1.5))
    place = np.searchsorted(inner, raw, side="left")
    count = np.bincount(place)
    kept = count > 0
    middle = np.bincount(place, raw)[kept] / count[kept]
    rate = (np.bincount(place, same)[kept] + 1) / (count[kept] + 2)
    isotonic = IsotonicRegression(y_min=0, y_max=1).fit(middle, rate, count[kept])
    rising = isotonic.predict(middle)
    return Calibration(
        np.array([0.0, *middle], dtype=np.float32), np.array([0.0, *rising], dtype=np.float32)
    )
