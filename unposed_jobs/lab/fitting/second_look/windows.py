"""People cut off as shops cut them: the head, the legs or the sides left out, in any measure.

The framings of a rendered catalogue are few, and whatever learns from those alone learns where in
the picture a chest lies. Windows of any top, bottom and sides, mirrored or not, leave it nothing
to go by but the body.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from unposed_jobs.lab.fitting.second_look.examples import JOINTS, Array, Example, known_torso

_LEAST_HEIGHT, _LEAST_WIDTH = 80, 60
_BOTTOMS = {"chest": (-0.35, 0.5), "body": (0.5, 2.4), "legs": (1.3, 3.0), "head": (-0.3, 1.5)}
"""How far below the hips a window of each kind ends, in torsos."""
_SHARES = (0.45, 0.25, 0.2, 0.1)
_NOSE = JOINTS.index("nose")
_MIRROR = [
    JOINTS.index(
        name.replace("left", "@").replace("right", "left").replace("@", "right")
    )
    for name in JOINTS
]  # fmt: skip


def windows(example: Example, rng: np.random.Generator, count: float) -> Iterator[Example]:
    """About `count` windows, as a mean; fewer where the person does not stand upright or too
    little of the picture is left.
    """
    for _ in range(int(count + rng.random())):
        found = _window(example, rng)
        if found is not None:
            yield found


def _window(example: Example, rng: np.random.Generator) -> Example | None:
    torso = known_torso(example)
    if torso is None or example.joints is None:
        return None
    shoulders, hips = torso[:2, 1].mean(), torso[2:, 1].mean()
    length = float(np.linalg.norm(torso[:2].mean(0) - torso[2:].mean(0)))
    nose = float(example.joints[_NOSE, 1] * example.size[1])
    if hips - shoulders < 0.5 * length:
        return None
    kind = str(rng.choice(list(_BOTTOMS), p=_SHARES))
    # Below the mouth, or at the shoulders.
    top = nose + (shoulders - nose) * rng.uniform(0.25, 1.0)
    low, high = _BOTTOMS[kind]
    bottom = hips + length * rng.uniform(low, high)
    if kind == "legs":
        top = hips - length * rng.uniform(-0.1, 0.45)
    elif kind == "head":
        top = 0.0
    half = length * rng.uniform(0.45, 1.3)
    left, right = torso[:, 0].mean() + half * rng.uniform(0.8, 1.2, 2) * (-1, 1)
    if not np.isfinite(top):
        return None
    return _cut(example, f"window {kind}", (left, top, right, bottom), rng.random() < 0.5)


def _cut(
    example: Example, kind: str, box: tuple[float, float, float, float], mirrored: bool
) -> Example | None:
    """The part of the picture in `box` (left, top, right, bottom), in pixels."""
    width, height = example.size
    left, top = (int(max(value, 0)) for value in box[:2])
    right, bottom = int(min(box[2], width)), int(min(box[3], height))
    if right - left < _LEAST_WIDTH or bottom - top < _LEAST_HEIGHT or example.joints is None:
        return None
    joints: Array = (example.joints * example.size - (left, top)) / (right - left, bottom - top)
    picture = example.picture[top:bottom, left:right]
    if mirrored:
        picture = picture[:, ::-1]
        joints = joints[_MIRROR] * (-1, 1) + (1, 0)
    part = np.ascontiguousarray(picture)
    return Example(part, example.origin, kind, example.group, joints)
