"""Other views of the same pose, as a slightly different picture would have shown it.

They teach the autoencoder what does not matter: the person a little larger, nearer an edge or
tilted, the estimator a little off or a point lost. All of it is small. What a pose *is* - which
way it faces, what is in the frame - is kept, so there is no mirroring (it would make a left side
of a right one) and no crop that cuts a part of the body off.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unposed_jobs.embedding.features import pose_features
from unposed_jobs.embedding.topology import Floats, of_array

SCALE = 0.08
SHIFT = 0.04
TILT = np.deg2rad(4)
JITTER = 0.008  # standard deviation of each point, in parts of the picture
DEPTH_STRETCH = 0.2  # z is the least certain of an estimator's values
DROP = 0.05  # chance of a point to be lost


def jittered_features(
    landmarks: Floats,
    views: int,
    seed: int,
    aspect: npt.NDArray[np.floating] | None = None,
) -> Floats:
    """Features of `views` random variations of each picture.

    landmarks: (N, 33, 5) or (N, 17, 3). Returns (views, N, 77 or 61) float32; the same seed gives
    the same values.
    """
    rng = np.random.default_rng(seed)
    return np.stack([pose_features(vary(landmarks, rng), aspect) for _ in range(views)])


def vary(landmarks: Floats, rng: np.random.Generator) -> Floats:
    """One random variation of each picture, in the same layout."""
    topology = of_array(landmarks)
    count, points = landmarks.shape[:2]
    varied = np.array(landmarks, dtype=np.float32)
    grow = rng.uniform(1 - SCALE, 1 + SCALE, (count, 1))
    turn = rng.uniform(-TILT, TILT, (count, 1))
    shift = rng.uniform(-SHIFT, SHIFT, (count, 1, 2))
    x, y = varied[..., 0] - 0.5, varied[..., 1] - 0.5
    varied[..., 0] = 0.5 + grow * (x * np.cos(turn) - y * np.sin(turn))
    varied[..., 1] = 0.5 + grow * (x * np.sin(turn) + y * np.cos(turn))
    varied[..., :2] += shift + rng.normal(0, JITTER, (count, points, 2))
    stretch = rng.uniform(1 - DEPTH_STRETCH, 1 + DEPTH_STRETCH, (count, 1))
    if topology.has_depth:
        varied[..., 2] *= grow * stretch
    varied[..., -1] *= rng.random((count, points)) > DROP
    return varied


def mirrored(landmarks: Floats) -> Floats:
    """The same pictures mirrored: left and right change places; in the same layout.

    Not a variation to learn from; it shows which classes are the two sides of one shot.
    """
    topology = of_array(landmarks)
    order = [topology.index(_other_side(point)) for point in topology.points]
    turned = np.array(landmarks[:, order], dtype=np.float32)
    turned[..., 0] = 1 - turned[..., 0]
    return turned


def _other_side(point: str) -> str:
    for one, other in (("left", "right"), ("right", "left")):
        if point.startswith(f"{one}_"):
            return f"{other}_{point.removeprefix(f'{one}_')}"
        if point.endswith(f"_{one}"):
            return f"{point.removesuffix(f'_{one}')}_{other}"
    return point
