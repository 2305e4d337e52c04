"""From landmarks to an angle: a small network whose two outputs are a von Mises distribution.

Its outputs are concentration times the cosine and sine of the angle, the distribution's natural
parameters, as in deep directional statistics (Prokudin, Gehler, Nowozin, ECCV 2018); so a body
that can be read either way gets a small concentration. What it says of itself is then held against
people it was not fitted on: `Calibration` stretches the concentration and leaves the share by which
it was wholly wrong to all angles alike. Fitted on rendered people (`lab.fitting.orientation`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from unposed_jobs.orientation import circle
from unposed_jobs.orientation.circle import Floats
from unposed_jobs.pose.topology import BLAZEPOSE33

FILE = "head.json"
"""The head, in this package; `lab.fitting.orientation.fit` makes it."""

_POINTS = len(BLAZEPOSE33)
_INDEX = {name: number for number, name in enumerate(BLAZEPOSE33)}
_TRUNK = [_INDEX[f"{side}_{part}"] for part in ("shoulder", "hip") for side in ("left", "right")]
_FARTHEST = 4.0
"""Torsos from the trunk's middle; farther points are misread."""


def _mirrored_names() -> list[int]:
    swapped = {"left": "right", "right": "left"}
    order = []
    for name in BLAZEPOSE33:
        parts = "_".join(swapped.get(word, word) for word in name.split("_"))
        order.append(_INDEX[parts])
    return order


_MIRRORED = _mirrored_names()


def features(landmarks: npt.NDArray[np.float32], sizes: npt.ArrayLike) -> Floats:
    """(N, 132) of landmarks (N, 33, 5) in pictures of `sizes` (N, 2), width and height in pixels.

    x, y, z of each point in torsos from the trunk's middle, then the visibilities: what does not
    change with the person's place, size or distance.
    """
    sizes = np.asarray(sizes, np.float64).reshape(-1, 2)
    points = landmarks[..., :3].astype(np.float64) * sizes[:, None, [0, 1, 0]]
    trunk = points[:, _TRUNK]
    middle = trunk.mean(1, keepdims=True)
    length = np.linalg.norm(trunk[:, :2].mean(1) - trunk[:, 2:].mean(1), axis=-1)
    spread = np.linalg.norm(trunk[..., :2] - middle[..., :2], axis=-1).max(1)
    unit = np.maximum(np.maximum(length, spread), 1e-6)[:, None, None]
    middle[..., 2] = 0.0
    placed = np.clip((points - middle) / unit, -_FARTHEST, _FARTHEST)
    seen = landmarks[..., 3].astype(np.float64)
    return np.concatenate([placed.reshape(len(placed), -1), seen], 1)


def mirrored(values: Floats) -> Floats:
    """The features of the same person in a mirror: left and right change places."""
    placed = values[:, : 3 * _POINTS].reshape(-1, _POINTS, 3)[:, _MIRRORED] * (-1, 1, 1)
    seen = values[:, 3 * _POINTS :][:, _MIRRORED]
    return np.concatenate([placed.reshape(len(values), -1), seen], 1)


@dataclass(frozen=True)
class Calibration:
    """`stretch` and `power` make a concentration k into exp(stretch) k^power; a share of
    sigmoid(astray + slope ln k) is taken to be anywhere."""

    stretch: float = 0.0
    power: float = 1.0
    astray: float = -6.0
    slope: float = 0.0

    def cells(self, angles: Floats, concentrations: Floats) -> Floats:
        """Probabilities (N, 72) of `circle.MIDDLES`; angles in degrees."""
        known = np.log(np.maximum(concentrations, 1e-3))
        sharp = np.exp(np.clip(self.stretch + self.power * known, -8, 8))[:, None]
        lost = special.expit(self.astray + self.slope * known)[:, None]
        # Five places a cell: a sharp distribution is narrower than one.
        fine = np.arange(5 * circle.CELLS) * circle.CELL / 5 - 2 * circle.CELL / 5
        away = np.deg2rad(circle.wrapped(fine[None] - angles[:, None]))
        mass = np.exp(sharp * (np.cos(away) - 1))
        mass = mass.reshape(len(angles), circle.CELLS, 5).sum(-1)
        mass /= np.maximum(mass.sum(-1, keepdims=True), 1e-300)
        return (1 - lost) * mass + lost / circle.CELLS


@dataclass(frozen=True)
class Facing:
    """How N bodies stand: `angles` (N,) in degrees, `concentrations` (N,) of von Mises, and the
    calibrated probabilities `cells` (N, 72)."""

    angles: Floats
    concentrations: Floats
    cells: Floats

    @property
    def certainty(self) -> Floats:
        """(N,) the probability that each angle is right within 22.5°."""
        whole = circle.around(self.cells)
        nearest = np.round(self.angles / circle.CELL).astype(int) % circle.CELLS
        return np.asarray(whole[np.arange(len(whole)), nearest])


@dataclass(frozen=True)
class Head:
    """`layers` are weights (out, in) and biases (out,); features are (values - mean) / scale."""

    mean: Floats
    scale: Floats
    layers: tuple[tuple[Floats, Floats], ...]
    calibration: Calibration

    def __call__(self, landmarks: npt.NDArray[np.float32], sizes: npt.ArrayLike) -> Facing:
        """Of people's landmarks (N, 33, 5) in pictures of `sizes` (N, 2), width and height."""
        if not len(landmarks):
            return Facing(np.empty(0), np.empty(0), np.empty((0, circle.CELLS)))
        return self.of_features(features(landmarks, sizes))

    def of_features(self, values: Floats) -> Facing:
        """As a call, of `features`. The mirror image gives the mirrored angle exactly."""
        natural = (self._outputs(values) + self._outputs(mirrored(values)) * (1, -1)) / 2
        angles = np.rad2deg(np.arctan2(natural[:, 1], natural[:, 0]))
        concentrations = np.linalg.norm(natural, axis=1)
        return Facing(angles, concentrations, self.calibration.cells(angles, concentrations))

    def _outputs(self, values: Floats) -> Floats:
        x = (values - self.mean) / self.scale
        for number, (weight, bias) in enumerate(self.layers):
            x = x @ weight.T + bias
            if number < len(self.layers) - 1:
                x = np.maximum(x, 0.0)
        return x

    def state(self) -> dict[str, Any]:
        """For JSON, in five digits."""
        return {
            "mean": _rounded(self.mean),
            "scale": _rounded(self.scale),
            "layers": [[_rounded(weight), _rounded(bias)] for weight, bias in self.layers],
            "calibration": {name: round(one, 5) for name, one in vars(self.calibration).items()},
        }

    @staticmethod
    def of_state(state: dict[str, Any]) -> Head:
        """Of what `state` gave."""
        return Head(
            np.array(state["mean"], np.float64),
            np.array(state["scale"], np.float64),
            tuple(
                (np.array(weight, np.float64), np.array(bias, np.float64))
                for weight, bias in state["layers"]
            ),
            Calibration(**state["calibration"]),
        )


def _rounded(values: Floats) -> list[Any]:
    return np.vectorize(lambda one: float(f"{one:.5g}"))(values).tolist()


@cache
def head() -> Head:
    """The fitted head."""
    return Head.of_state(json.loads(_text()))


@cache
def identity() -> str:
    """Names what decides its answers."""
    return f"orientation-{hashlib.sha256(_text().encode()).hexdigest()[:10]}"


@cache
def _text() -> str:
    return resources.files(__package__ or "").joinpath(FILE).read_text(encoding="utf-8")
