"""Brings the features of `pose_features` to the weights with which they count in a distance.

k-means adds squared differences, so a feature's scale is its weight. The ratios are bounded and
of known meaning, so their weights are set by what they mean, not by how they happen to vary in
one catalogue: standardising would blow up the noise of whatever a catalogue does not vary. The
three ratios that say which way the body is turned weigh 1; whether head and feet are in the frame
weighs half; the rest breaks ties. Which side a side view shows is among the rest: left and right
are one pose to a retailer, and two clusters of it would be taken from poses that differ. The
coordinates add little to the ratios, and much about where in the frame a person stands:
together they get a fixed, small share of the variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unposed_jobs.embedding.features import DEPTH, RATIOS, names
from unposed_jobs.embedding.topology import BLAZEPOSE_33, COCO_17, Floats

WEIGHTS = {
    "shoulder_width": 1.0,
    "hip_width": 1.0,
    "facing": 1.0,
    "profile": 0.15,
    "head": 0.5,
    "hips": 0.1,
    "knees": 0.1,
    "ankles": 0.5,
    "scale": 0.1,
    "arms": 0.1,
    DEPTH: 0.1,
}
COORDINATES_SHARE = 0.02
"""Variance of all coordinates together, in parts of the weighted ratios' variance."""


@dataclass(frozen=True)
class Scaler:
    """(features - `mean`) * `scale`; both (D,) float32. Also the embedding "features" (Table 1).

    D is 77 or 61.
    """

    FILE: ClassVar[str] = "scaler.safetensors"

    mean: Floats
    scale: Floats

    @classmethod
    def fit(cls, features: Floats) -> Scaler:
        """Learn from the reference set: (N, 77) or (N, 61), N >= 1.

        Raises ValueError for another width or no rows.
        """
        values = np.asarray(features, dtype=np.float64)
        topology = {77: BLAZEPOSE_33, 61: COCO_17}.get(values.shape[1])
        if topology is None or not len(values):
            raise ValueError(f"features must be (N, 77) or (N, 61), N > 0, not {values.shape}")
        labels = names(topology)
        scale = np.array([WEIGHTS.get(label, 0.0) for label in labels])
        coordinates = ~np.isin(labels, (*RATIOS, DEPTH))
        variance = values.var(axis=0)
        spread = (variance * scale**2).sum()
        raw = variance[coordinates].sum()
        # Where nothing varies there is nothing to balance; any small weight will do.
        share = COORDINATES_SHARE * spread / raw if raw > 1e-9 and spread > 1e-9 else 1e-4
        scale[coordinates] = np.sqrt(share)
        return cls(values.mean(axis=0).astype(np.float32), scale.astype(np.float32))

    @property
    def width(self) -> int:
        """Features expected: 77 or 61."""
        return len(self.mean)

    @property
    def dimensions(self) -> int:
        """Values of an embedding: the same."""
        return len(self.mean)

    def encode(self, features: Floats) -> Floats:
        """(N, D) -> (N, D) float32. Raises ValueError for another width."""
        values = np.asarray(features, dtype=np.float32)
        if values.ndim != 2 or values.shape[1] != self.width:
            raise ValueError(f"features must be (N, {self.width}), not {values.shape}")
        return (values - self.mean) * self.scale

    def state(self) -> dict[str, Floats]:
        """Arrays by name, for a file without code in it."""
        return {"mean": self.mean, "scale": self.scale}

    @classmethod
    def from_state(cls, state: dict[str, Floats]) -> Scaler:
        """The inverse of `state`."""
        return cls(state["mean"], state["scale"])
