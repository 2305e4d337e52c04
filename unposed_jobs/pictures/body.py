"""A person's body by named points, from 33 or 17 landmarks, in pixels of the picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from unposed_jobs.pose.topology import BLAZEPOSE33_INDEX, COCO17_INDEX

Point = npt.NDArray[np.float64]
SEEN = 0.5
"""From this visibility, or score, on a point is in sight."""
_SIDES = ("left", "right")
_SIDE, _FACING = 0.3, 0.66
"""Between the shoulders, in torsos: less is a side, from the second on surely the front."""
_DEEPER, _ASIDE = 0.6, 0.14
"""From the front: one shoulder is deeper by more, or the nose is aside, where it is turned."""


@dataclass(frozen=True)
class Body:
    """`points` (N, 2) in pixels, `seen` (N,) visibility or score, `index` of each name; `width` and
    `height` of the picture in pixels. What 17 points do not have is guessed from those they do.
    """

    points: Point
    seen: npt.NDArray[np.float64]
    index: dict[str, int]
    width: int
    height: int
    depth: float = 0.0
    """How much nearer the right shoulder is than the left, in torsos; 0 where nothing tells it."""

    def at(self, name: str) -> Point:
        """A point x, y; ``left_heel`` of 17 points is its ankle, and so on."""
        return np.asarray(self.points[self.index[self._known(name)]])

    def both(self, part: str) -> Point:
        """(2, 2) of the left and the right one."""
        return np.stack([self.at(f"{side}_{part}") for side in _SIDES])

    def middle(self, part: str) -> Point:
        """Of the left and the right one."""
        return np.asarray((self.at(f"left_{part}") + self.at(f"right_{part}")) / 2)

    def in_sight(self, name: str) -> bool:
        """Whether a point is in the frame and likely visible."""
        x, y = self.at(name)
        within = 0 <= x < self.width and 0 <= y < self.height
        return within and bool(self.seen[self.index[self._known(name)]] >= SEEN)

    def in_frame(self, name: str, margin: float = 0.0) -> bool:
        """Whether a point is in the frame, `margin` pixels outside at most."""
        x, y = self.at(name)
        return bool(-margin <= x < self.width + margin and -margin <= y < self.height + margin)

    @cached_property
    def torso(self) -> float:
        """From the shoulders' middle to the hips', in pixels, at least one."""
        return max(float(np.linalg.norm(self.middle("shoulder") - self.middle("hip"))), 1.0)

    @property
    def breadth(self) -> float:
        """Between the shoulders, in torsos: how far the body is turned to the camera."""
        left, right = self.both("shoulder")
        return float(np.linalg.norm(left - right)) / self.torso

    @cached_property
    def chin(self) -> float:
        """Where a chin is, y in pixels, by nose, mouth and shoulders."""
        nose, shoulders = self.at("nose")[1], self.middle("shoulder")[1]
        if "mouth_left" in self.index:
            mouth = (self.at("mouth_left")[1] + self.at("mouth_right")[1]) / 2
            eyes = (self.at("left_eye")[1] + self.at("right_eye")[1]) / 2
            guess = mouth + 0.62 * max(mouth - eyes, 0.0)
        else:
            guess = nose + 0.45 * (shoulders - nose)
        # A head that is bent or misread: between nose and shoulders all the same.
        return float(np.clip(guess, nose, max(nose, shoulders - 0.08 * self.torso)))

    @property
    def view(self) -> str:
        """``front``, ``back`` or ``side``: whose left is on the picture's right faces us."""
        left, right = self.at("left_shoulder")[0], self.at("right_shoulder")[0]
        if abs(left - right) < 0.32 * self.torso:
            return "side"
        return "front" if left > right else "back"

    @property
    def turned(self) -> str:
        """The view in five: front, back, left, right (the side that is shown), three_quarter.

        By how far apart the shoulders are, how much deeper one lies than the other, and the nose.
        """
        left, right = self.at("left_shoulder")[0], self.at("right_shoulder")[0]
        apart = (left - right) / self.torso
        nose = (self.at("nose")[0] - self.middle("shoulder")[0]) / self.torso
        if abs(apart) < _SIDE:
            return "right" if nose > 0 else "left"
        if apart < 0:
            return "back"
        oblique = abs(self.depth) > _DEEPER if self.depth else abs(nose) > _ASIDE
        return "three_quarter" if apart < _FACING and oblique else "front"

    def _known(self, name: str) -> str:
        if name in self.index:
            return name
        side, _, part = name.partition("_")
        return f"{side}_{_INSTEAD[part]}"


_INSTEAD = {
    "heel": "ankle", "foot_index": "ankle", "index": "wrist", "pinky": "wrist", "thumb": "wrist",
}  # fmt: skip


def of_landmarks(landmarks: npt.NDArray[np.float32], width: int, height: int) -> Body:
    """Of (33, 5) or (17, 3) landmarks, x and y in [0, 1] of a picture of this size."""
    index = BLAZEPOSE33_INDEX if len(landmarks) == 33 else COCO17_INDEX
    column = 3 if landmarks.shape[1] == 5 else 2
    points = landmarks[:, :2].astype(np.float64) * (width, height)
    made = Body(points, landmarks[:, column].astype(np.float64), dict(index), width, height)
    if landmarks.shape[1] != 5:
        return made
    deep = [float(landmarks[index[f"{side}_shoulder"], 2]) for side in _SIDES]
    return replace(made, depth=(deep[0] - deep[1]) * width / made.torso)
