"""The landmark network over any squares of any pictures, and what it says of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt
import torch

from unposed_jobs.networks import engines
from unposed_jobs.pose.blazepose import geometry, landmarks, sampling
from unposed_jobs.pose.blazepose.estimator import Sampler

Array = npt.NDArray[np.float32]

POINTS = 39
"""The 33 landmarks and the network's six own, for tracking."""


INNER = engines.INSIDE[-1]
"""Inner values of the network at each place."""


@dataclass(frozen=True)
class Sightings:
    """What the network saw in P squares of a picture, or in as many of each of several.

    `regions` (..., P, 4); `points` (..., P, 39, 2) in pixels of the picture; `depth` (..., P, 39)
    in pixels, negative towards the camera; `visibility` and `presence` (..., P, 39) in [0, 1];
    `peaks` (..., P, 39), the hottest cell of each heat map, in [0, 1]; `scores` (..., P), the
    network's own pose flag; `inside` (..., P, 288), the mean and the greatest of each of the
    network's inner values over the square. All float32.
    """

    regions: Array
    points: Array
    depth: Array
    visibility: Array
    presence: Array
    peaks: Array
    scores: Array
    inside: Array

    def __len__(self) -> int:
        return self.scores.shape[-1]

    def take(self, which: npt.NDArray[np.intp] | slice | int) -> Sightings:
        """Those of these rows; of several pictures, those of these pictures."""
        return Sightings(*(value[which] for value in vars(self).values()))

    def chosen(self, rows: npt.NDArray[np.intp]) -> Sightings:
        """One of each picture, in these rows (...): P is 1."""
        axis = self.scores.ndim - 1

        def pick(value: Array) -> Array:
            which = rows.reshape(*rows.shape, *[1] * (value.ndim - axis))
            return np.take_along_axis(value, which, axis)

        return Sightings(*map(pick, vars(self).values()))

    def joined(self, other: Sightings) -> Sightings:
        """These and then those, of the same picture or pictures."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Sightings(*(np.concatenate(pair, self.scores.ndim - 1) for pair in pairs))

    def table(self, row: int, width: int, height: int) -> Array:
        """One sighting as landmarks (33, 5); see `PoseEstimate`."""
        count = landmarks.LANDMARKS
        return np.column_stack(
            [
                self.points[row, :count] / (width, height),
                self.depth[row, :count] / width,
                self.visibility[row, :count],
                self.presence[row, :count],
            ]
        ).astype(np.float32)


def stacked(seen: Sequence[Sightings]) -> Sightings:
    """Equally many sightings of each of several pictures, as one."""
    each = [vars(one).values() for one in seen]
    return Sightings(*(np.stack(values) for values in zip(*each, strict=True)))


BATCH = 64
"""Squares in the network at once: the heat maps of one take 640 kB."""


def look(
    engine: engines.Engine,
    pictures: Sequence[npt.NDArray[np.uint8]],
    indices: Sequence[int],
    regions: Array,
) -> Sightings:
    """Show the network square p, `regions[p]` of `pictures[indices[p]]`.

    `engine` is one that can inspect, `pictures` are (height, width, 3) uint8 RGB,
    `regions` is (P, 4) float32, P from 1.
    """
    sampler = Sampler(pictures, engine.device)
    parts = [
        _look(engine, sampler, indices[start : start + BATCH], regions[start : start + BATCH])
        for start in range(0, len(regions), BATCH)
    ]
    return reduce(Sightings.joined, parts)


@torch.inference_mode()
def _look(
    engine: engines.Engine, sampler: Sampler, indices: Sequence[int], regions: Array
) -> Sightings:
    places = torch.from_numpy(regions).to(engine.device)
    which = torch.tensor(indices, dtype=torch.int64, device=engine.device)
    squares = sampler(which, places, landmarks.SIDE, sampling.Border.NEAREST)
    raw, scores, heat, inside = engine.inspect(squares)
    values = raw.reshape(len(raw), POINTS, 5)
    position = landmarks.refine(values[..., :2] / landmarks.SIDE, heat)
    local = torch.cat([position, values[..., 2:3] / landmarks.SIDE], -1)
    # To pixels: a picture of size 1 x 1.
    placed = geometry.to_picture(local, places, torch.ones_like(places[:, :2]))
    chance = torch.sigmoid(values[..., 3:5])
    seen = (
        places, placed[..., :2], placed[..., 2], chance[..., 0], chance[..., 1],
        torch.sigmoid(heat.amax((1, 2))), scores[:, 0],
        torch.cat([inside.mean((1, 2)), inside.amax((1, 2))], 1),
    )  # fmt: skip
    return Sightings(*(value.float().cpu().numpy() for value in seen))
