"""Stick figures as landmarks: known view and framing, for tests of what is learned from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unposed_jobs.lab.bench import made
from unposed_jobs.pose.topology import BLAZEPOSE33, BLAZEPOSE33_INDEX, coco17_from_blazepose33

_ARM = [
    index
    for index, name in enumerate(BLAZEPOSE33)
    if name.endswith(("elbow", "wrist", "pinky", "index", "thumb")) and "foot" not in name
]
FRAMES = {
    "full": (-2.2, 2.0),
    "upper": (-1.75, 0.3),
    "chest": (-1.15, 0.35),
    "legs": (-0.12, 2.0),
}
YAWS = {"front": 0, "back": 180, "left": 90, "right": -90}
"""Degrees; "left" shows the left side: the person looks to the picture's left."""


@dataclass(frozen=True)
class Pose:
    view: str = "front"
    frame: str = "full"
    arms_up: bool = False
    turn: float = 0.0
    """Degrees from the view towards the picture's left: 45 from the front is three-quarter."""

    @property
    def label(self) -> str:
        return f"{self.view} {self.frame}"


def figure(pose: Pose, rng: np.random.Generator | None = None, noise: float = 1.0) -> np.ndarray:
    """(33, 5) float32 of one figure; with `rng`, turned, placed and measured a little off."""
    points = made.figure()
    if pose.arms_up:
        points[_ARM, 1] = -2.0 - points[_ARM, 1]
    yaw, top, bottom, shift = YAWS[pose.view] + pose.turn, *FRAMES[pose.frame], 0.0
    if rng is not None:
        yaw += rng.normal(0, 8 * noise)
        top += rng.normal(0, 0.04 * noise)
        bottom += rng.normal(0, 0.04 * noise)
        shift = rng.normal(0, 0.04 * noise)
        points += rng.normal(0, 0.015 * noise, points.shape)
    turn = np.deg2rad(yaw)
    x = points[:, 0] * np.cos(turn) + points[:, 2] * np.sin(turn)
    z = -points[:, 0] * np.sin(turn) + points[:, 2] * np.cos(turn)
    height = bottom - top
    landmarks = np.zeros((33, 5), np.float32)
    landmarks[:, 0] = 0.5 + shift + x / height
    landmarks[:, 1] = (points[:, 1] - top) / height
    landmarks[:, 2] = z / height
    inside = (landmarks[:, 1] > 0) & (landmarks[:, 1] < 1)
    landmarks[:, 3] = np.where(inside, 0.98, 0.02)
    landmarks[:, 4] = np.where(inside, 0.99, 0.05)
    return landmarks


def figures(poses: list[Pose], seed: int = 0) -> np.ndarray:
    """(N, 33, 5), one for each pose."""
    rng = np.random.default_rng(seed)
    return np.stack([figure(pose, rng) for pose in poses])


def coco(landmarks: np.ndarray) -> np.ndarray:
    """(N, 17, 3) of the same figures."""
    return coco17_from_blazepose33(landmarks)


def mirrored(landmarks: np.ndarray) -> np.ndarray:
    """The same figures in a looking glass."""
    order = [
        BLAZEPOSE33_INDEX[
            name.replace("left", "right") if "left" in name else name.replace("right", "left")
        ]
        for name in BLAZEPOSE33
    ]
    glass = landmarks[:, order].copy()
    glass[..., 0] = 1 - glass[..., 0]
    return glass
