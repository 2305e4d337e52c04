"""From what two networks see of a body to its angle: a small network whose two outputs are a von
Mises distribution.

Its outputs are concentration times the cosine and sine of the angle, the distribution's natural
parameters, as in deep directional statistics (Prokudin, Gehler, Nowozin, ECCV 2018); so a body
that can be read either way gets a small concentration. What it says of itself is then held against
people it was not fitted on: `Calibration` stretches the concentration and leaves the share by which
it was wholly wrong to all angles alike. Fitted on rendered people (`lab.fitting.orientation`).
"""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt
import safetensors.numpy
from scipy import special

from unposed_jobs.orientation import circle
from unposed_jobs.orientation.body import CELLS, CHANNELS, Bodies
from unposed_jobs.orientation.circle import Floats
from unposed_jobs.pose.topology import BLAZEPOSE33_INDEX, COCO17_INDEX

FILE = "head.safetensors"
"""The head, in this package; `lab.fitting.orientation.fit` makes it."""

_SIDED = [f"{side}_{part}" for part in ("shoulder", "hip") for side in ("left", "right")]
_TRUNK = [BLAZEPOSE33_INDEX[name] for name in _SIDED]
_BODY_TRUNK = [COCO17_INDEX[name] for name in _SIDED]
_FARTHEST = 4.0
"""Torsos from the trunk's middle; farther points are misread."""


def features(landmarks: npt.NDArray[np.float32], sizes: npt.ArrayLike) -> Floats:
    """(N, 132) of landmarks (N, 33, 5) in pictures of `sizes` (N, 2), width and height in pixels.

    x, y, z of each point in torsos from the trunk's middle, then the visibilities: what does not
    change with the person's place, size or distance.
    """
    sizes = np.asarray(sizes, np.float64).reshape(-1, 2)
    points = landmarks[..., :3].astype(np.float64) * sizes[:, None, [0, 1, 0]]
    return np.concatenate([_in_torsos(points, _TRUNK, 1e-6), landmarks[..., 3]], 1)


def body_features(points: npt.NDArray[np.float32]) -> Floats:
    """(N, 51) of MoveNet's key points (N, 17, 3): x, y in torsos from the trunk, and scores."""
    return np.concatenate(
        [_in_torsos(points[..., :2].astype(np.float64), _BODY_TRUNK, 1e-3), points[..., 2]], 1
    )


def _in_torsos(points: Floats, trunk: list[int], least: float) -> Floats:
    """(N, P D) of points (N, P, D), x and y from the middle of shoulders and hips; a depth stays
    relative to the hips. In torsos, which are `least` long at least."""
    corners = points[:, trunk]
    middle = corners[..., :2].mean(1, keepdims=True)
    length = np.linalg.norm(corners[:, :2].mean(1) - corners[:, 2:].mean(1), axis=-1)
    spread = np.linalg.norm(corners[..., :2] - middle, axis=-1).max(1)
    unit = np.maximum(np.maximum(length, spread), least)[:, None, None]
    away = points.copy()
    away[..., :2] -= middle
    away = np.clip(away / unit, -_FARTHEST, _FARTHEST)
    return away.reshape(len(points), points.shape[1] * points.shape[2])


@dataclass(frozen=True)
class Summary:
    """MoveNet's inner values in K numbers: of each cell those of `channels` (`CHANNELS`, C), and of
    all cells together those of `places` (`CELLS`² C, K) and `shift` (K,)."""

    channels: Floats
    places: Floats
    shift: Floats

    def __call__(self, inner: npt.NDArray[np.float32]) -> Floats:
        """(N, K) of inner values (N, `CELLS`, `CELLS`, `CHANNELS`)."""
        cells = inner.reshape(-1, CELLS * CELLS, CHANNELS).astype(np.float64) @ self.channels
        return np.asarray(cells.reshape(-1, len(self.places)) @ self.places + self.shift)


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
    """`layers` are weights (out, in) and biases (out,) of (inputs - mean) / scale."""

    summary: Summary
    mean: Floats
    scale: Floats
    layers: tuple[tuple[Floats, Floats], ...]
    calibration: Calibration

    def inputs(
        self, landmarks: npt.NDArray[np.float32], sizes: npt.ArrayLike, bodies: Bodies
    ) -> npt.NDArray[np.float32]:
        """(N, `width`) of people's landmarks (N, 33, 5) in pictures of `sizes` (N, 2), width and
        height in pixels, and what `body` sees of them."""
        parts = (
            features(landmarks, sizes),
            body_features(bodies.points),
            self.summary(bodies.inner),
        )
        return np.concatenate(parts, 1).astype(np.float32)

    @property
    def width(self) -> int:
        """How many inputs there are of a person."""
        return len(self.mean)

    def __call__(self, inputs: npt.NDArray[np.float32]) -> Facing:
        """How N people stand, of whom these are the inputs (N, `width`)."""
        x = (inputs.astype(np.float64) - self.mean) / self.scale
        for number, (weight, bias) in enumerate(self.layers):
            x = x @ weight.T + bias
            if number < len(self.layers) - 1:
                x = np.maximum(x, 0.0)
        angles = np.rad2deg(np.arctan2(x[:, 1], x[:, 0]))
        concentrations = np.linalg.norm(x, axis=1)
        return Facing(angles, concentrations, self.calibration.cells(angles, concentrations))

    def to_bytes(self) -> bytes:
        """The head as safetensors, in single precision."""
        arrays = {
            "channels": self.summary.channels,
            "places": self.summary.places,
            "shift": self.summary.shift,
            "mean": self.mean,
            "scale": self.scale,
            "calibration": np.array(astuple(self.calibration)),
        }
        for number, (weight, bias) in enumerate(self.layers):
            arrays |= {f"weight_{number}": weight, f"bias_{number}": bias}
        return safetensors.numpy.save(
            {name: np.ascontiguousarray(value, np.float32) for name, value in arrays.items()}
        )

    @staticmethod
    def from_bytes(data: bytes) -> Head:
        """Of what `to_bytes` gave."""
        found = {
            name: value.astype(np.float64) for name, value in safetensors.numpy.load(data).items()
        }
        count = sum(name.startswith("weight_") for name in found)
        return Head(
            Summary(found["channels"], found["places"], found["shift"]),
            found["mean"],
            found["scale"],
            tuple((found[f"weight_{number}"], found[f"bias_{number}"]) for number in range(count)),
            Calibration(*found["calibration"].tolist()),
        )


@cache
def head() -> Head:
    """The fitted head."""
    return Head.from_bytes(_bytes())


@cache
def identity() -> str:
    """Names what decides its answers."""
    return f"orientation-{hashlib.sha256(_bytes()).hexdigest()[:10]}"


@cache
def _bytes() -> bytes:
    return resources.files(__package__ or "").joinpath(FILE).read_bytes()
