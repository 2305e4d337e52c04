"""Who stands before the camera, and how: builds and poses, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from unposed_jobs.lab.sample.geometry import Array

REFERENCE = 1.75
"""Height in metres of the figure that all measures of the body describe."""


@dataclass(frozen=True)
class Build:
    """A person's body: `masculine` and `heavy` in [0, 1], height in metres, looks."""

    height: float
    masculine: float
    heavy: float
    skin: tuple[int, int, int]
    hair_colour: tuple[int, int, int]
    hair_style: str
    eye_colour: tuple[int, int, int]
    beard: float
    jaw: float
    lips: tuple[int, int, int]

    @property
    def scale(self) -> float:
        """Of this body to the reference body."""
        return self.height / REFERENCE


SKINS = (
    (243, 208, 184), (234, 192, 162), (222, 176, 140), (205, 152, 114),
    (178, 124, 86), (146, 98, 66), (112, 74, 52), (84, 56, 42),
)  # fmt: skip
HAIRS = (
    (28, 22, 20), (44, 32, 26), (74, 48, 32), (104, 70, 42),
    (150, 106, 60), (196, 158, 100), (128, 54, 30), (150, 148, 146),
)  # fmt: skip
STYLES_F = ("long", "bob", "ponytail", "bun", "afro", "pixie", "long")
STYLES_M = ("short", "buzz", "quiff", "bald", "afro", "short", "quiff")


def random_build(rng: np.random.Generator, womenswear: bool) -> Build:
    """A person; dark skin goes with dark hair more often than not."""
    skin = int(rng.integers(len(SKINS)))
    hairs = HAIRS[:3] if skin >= 5 and rng.random() < 0.85 else HAIRS
    masculine = float(rng.uniform(0.0, 0.2) if womenswear else rng.uniform(0.8, 1.0))
    tone = np.array(SKINS[skin]) + rng.normal(0, 4, 3)
    lips = tone * np.array([0.86, 0.62, 0.64]) if womenswear else tone * np.array([0.84, 0.7, 0.7])
    eyes = ((62, 42, 30), (48, 34, 26), (86, 66, 40), (70, 96, 120), (84, 104, 78))
    return Build(
        height=float(rng.normal(1.70, 0.045) if womenswear else rng.normal(1.81, 0.05)),
        masculine=masculine,
        heavy=float(rng.beta(1.6, 3.0)),
        skin=_colour(tone),
        hair_colour=hairs[int(rng.integers(len(hairs)))],
        hair_style=str(rng.choice(STYLES_F if womenswear else STYLES_M)),
        eye_colour=eyes[int(rng.integers(2 if skin >= 5 else len(eyes)))],
        beard=float(rng.choice([0.0, 0.35, 0.8])) if not womenswear else 0.0,
        jaw=float(rng.uniform(0.0, 1.0)) * 0.5 + 0.5 * masculine,
        lips=_colour(lips),
    )


def _colour(value: Array) -> tuple[int, int, int]:
    red, green, blue = (int(channel) for channel in np.clip(value, 0, 255))
    return red, green, blue


ARMS = ("down", "down", "away", "hip", "pocket", "front", "hair", "bent")
LEGS = ("stand", "relaxed", "stride", "apart", "cross")


@dataclass(frozen=True)
class Pose:
    """How the body is held. Angles in radians; `left` and `right` name what the arms do.

    `jitter` holds eight numbers in [-1, 1] that vary steps and hands.
    """

    left: str = "down"
    right: str = "down"
    legs: str = "stand"
    twist: float = 0.0
    lean: float = 0.0
    sway: float = 0.0
    head_yaw: float = 0.0
    head_pitch: float = 0.0
    head_roll: float = 0.0
    jitter: tuple[float, ...] = field(default=(0.0,) * 8)


def random_pose(rng: np.random.Generator, view: str) -> Pose:
    """A catalogue model's pose that suits the view."""
    calm = rng.random() < 0.45
    choices: tuple[str, ...] = ("down", "away") if calm else ARMS
    if not calm and view in ("left", "right", "back"):
        choices = tuple(arm for arm in ARMS if arm != "hair")  # it would hide the head
    left, right = str(rng.choice(choices)), str(rng.choice(choices))
    if left == right == "hair":
        right = "down"
    legs = str(rng.choice(("stand", "apart", "relaxed") if view in ("front", "back") else LEGS))
    if rng.random() < 0.12:
        legs = "stride"
    return Pose(
        left=left,
        right=right,
        legs=legs,
        twist=float(rng.normal(0, 0.07)),
        lean=float(rng.normal(0, 0.03)),
        sway=float(rng.normal(0, 0.02)),
        head_yaw=float(np.clip(rng.normal(0, 0.16), -0.45, 0.45)),
        head_pitch=float(np.clip(rng.normal(0.02, 0.06), -0.15, 0.25)),
        head_roll=float(rng.normal(0, 0.04)),
        jitter=tuple(float(value) for value in rng.uniform(-1, 1, 8)),
    )
