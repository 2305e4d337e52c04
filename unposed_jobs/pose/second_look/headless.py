"""MoveNet reads those whose head is not in the picture, and BlazePose's reading is refined by it.

BlazePose tells front from back, and so left from right, by the face; without one it guesses, and
puts hips and shoulders where they are in its whole bodies. MoveNet's key points are each searched
where they are, and `movenet.left_right` decides which side is left. Each point is drawn to its
place by MoveNet, as far as MoveNet is sure of it; what MoveNet does not know is carried along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.networks import weights
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.movenet import left_right
from unposed_jobs.pose.movenet.network import MoveNet
from unposed_jobs.pose.second_look import correction, identity
from unposed_jobs.pose.topology import (
    BLAZEPOSE33_INDEX,
    BLAZEPOSE33_MIRROR,
    BLAZEPOSE33_TO_COCO17,
    COCO17_INDEX,
    COCO17_MIRROR,
)

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]

_TOP = 0.3
"""A nose less than so many torsos below the picture's top has no head round it in the picture."""
_FACE_SCORE = 0.5
"""Where MoveNet sees a point of the face this well, there is one."""
_NO_FACE = 0.15
"""Where it sees none even so well, a head that BlazePose puts in the picture is invented: of 19
people on photographs, eight of them from behind, the best of nose, eyes and ears had .27 at least;
of two whose head was cut off .03 and .07."""
_SURE = 0.1
"""MoveNet's score from which on its place alone counts; below, in proportion."""
_EDGE = 0.08
"""What lies beyond the picture MoveNet puts at its edge: within so many torsos of it a place counts
for nothing where BlazePose's is outside the picture."""
_DECISIVE = 12.0
"""Log odds of left against right from which on more of them make nothing surer."""
_CONFIDENCE = (0.25, 0.8, -0.14, 3.77)
"""What the log odds of being right are made of: a share of those that the reading had, a shift,
whether left and right were exchanged, and how surely, as a share of `_DECISIVE`. By logistic
regression on 837 readings of cut-off people of rendered catalogues (seeds 42 and 52): of those
above .95 99 % were right, of those between .8 and .9 80 %. How far apart both readings are says
nothing more."""

_LIMBS = list(range(COCO17_INDEX["left_shoulder"], len(COCO17_INDEX)))
_ROWS = [BLAZEPOSE33_TO_COCO17[point] for point in _LIMBS]
_TORSO = [
    COCO17_INDEX[f"{side}_{part}"] for part in ("shoulder", "hip") for side in ("left", "right")
]
_FACE = list(range(BLAZEPOSE33_INDEX["left_shoulder"]))
_FOLLOWING = {
    f"{side}_{joint}": [BLAZEPOSE33_INDEX[f"{side}_{name}"] for name in names]
    for side in ("left", "right")
    for joint, names in (("wrist", ("pinky", "index", "thumb")), ("ankle", ("heel", "foot_index")))
}
"""Hands and feet, which MoveNet does not know, and their joint."""


def create(settings: PoseSettings) -> HeadlessReader | None:
    """What refines readings without a head; None where the settings want none.

    Raises UnposedError for missing, damaged or other weights.
    """
    if settings.headless == identity.OFF:
        return None
    name = settings.headless
    data = weights.load(settings, name)[1]
    try:
        return HeadlessReader(MoveNet(data, name.removeprefix("movenet-"), sided=True))
    except ValueError as error:
        raise UnposedError(
            f"the weights {name} cannot be used: {error}; run: unposed models fetch {name}, or "
            f'set [pose] headless = "{identity.OFF}"'
        ) from None


class HeadlessReader:
    """Refines the readings of those whose head is not in the picture."""

    def __init__(self, network: MoveNet) -> None:
        self._network = network

    def __call__(
        self,
        pictures: Sequence[npt.NDArray[np.uint8]],
        placed: Sequence[PoseEstimate],
        *,
        doubted: bool = False,
    ) -> list[PoseEstimate]:
        """One estimate for each of BlazePose's, `placed`, in order; all pictures together.

        Where these are `doubted`, a head in the picture is, too.
        """
        refined_ = list(placed)
        sizes = np.array([picture.shape[1::-1] for picture in pictures], np.float64)
        least = {
            row: _FACE_SCORE if cut else _NO_FACE
            for row, one in enumerate(placed)
            if one.landmarks is not None
            and ((cut := may_be_headless(one.landmarks, sizes[row])) or doubted)
        }
        if not least:
            return refined_
        rows = list(least)
        seen = left_right.first(self._network, [pictures[row] for row in rows])
        faceless = np.isfinite(seen.points).all((1, 2)) & (
            seen.points[:, : _LIMBS[0], 2].max(1) < list(least.values())
        )
        rows = [rows[index] for index in np.flatnonzero(faceless)]
        read = left_right.further(self._network, [pictures[row] for row in rows], seen.of(faceless))
        for row, points, odds in zip(rows, *read, strict=True):
            refined_[row] = refined(placed[row], points, float(odds), sizes[row])
        return refined_


def may_be_headless(landmarks: Floats, size: Array) -> bool:
    """Whether a person's head, by landmarks (33, 5), is hardly in the picture.

    The nose lies outside it, or so near its top that no head has room. `size` is the picture's
    width and height in pixels.
    """
    nose = landmarks[BLAZEPOSE33_INDEX["nose"], :2] * size
    joints = landmarks[list(BLAZEPOSE33_TO_COCO17), :2] * size
    inside = bool(((nose >= 0) & (nose <= size)).all())
    return not inside or float(nose[1]) < _TOP * _length(joints)


def refined(one: PoseEstimate, seen: Floats, odds: float, size: Array) -> PoseEstimate:
    """BlazePose's reading refined by MoveNet's key points (17, 3), in pixels, whose left and right
    have these log `odds` of not being exchanged.

    Left and right are MoveNet's. The confidence is what is left of BlazePose's after that.
    """
    assert one.landmarks is not None
    landmarks = one.landmarks.astype(np.float64)
    points, score = seen[:, :2].astype(np.float64), seen[:, 2].astype(np.float64)
    joints = landmarks[list(BLAZEPOSE33_TO_COCO17), :2] * size
    straight, crossed = (_apart(joints[order], points) for order in (slice(None), _CROSSED))
    differ = bool(crossed @ score[_TORSO] < straight @ score[_TORSO])
    if differ:
        landmarks = landmarks[list(BLAZEPOSE33_MIRROR)] * (1, 1, -1, 1, 1)
    joints = landmarks[list(BLAZEPOSE33_TO_COCO17), :2] * size
    beyond = (_within(joints, size) < 0) & (_within(points, size) < _EDGE * _length(joints))
    share = np.clip(score / _SURE, 0, 1) * ~beyond
    landmarks = _drawn(landmarks, points, share[:, None], size)
    return replace(
        one,
        landmarks=landmarks.astype(np.float32),
        person_confidence=_confidence(one.person_confidence, differ, odds),
    )


_CROSSED = list(COCO17_MIRROR)


def _drawn(landmarks: Array, points: Array, share: Array, size: Array) -> Array:
    """Landmarks (33, 5) with each joint drawn by its share (17, 1) to its point (17, 2).

    What MoveNet does not know goes with the wrist or the ankle, and the face with the torso.
    """
    pixels = landmarks[:, :2] * size
    moves = np.zeros_like(pixels)
    moves[_ROWS] = share[_LIMBS] * (points[_LIMBS] - pixels[_ROWS])
    for joint, rows in _FOLLOWING.items():
        moves[rows] = moves[BLAZEPOSE33_INDEX[joint]]
    carried, scale = correction.carried(pixels, moves[correction.TORSO])
    placed = pixels + moves
    placed[_FACE] = carried[_FACE]
    return np.column_stack([placed / size, landmarks[:, 2] * scale, landmarks[:, 3:]])


def _within(points: Array, size: Array) -> Array:
    """How far (17,) inside the picture points (17, 2) are; negative outside it."""
    return np.asarray(np.minimum(points, size - points).min(1))


def _apart(joints: Array, points: Array) -> Array:
    return np.asarray(np.linalg.norm(joints[_TORSO] - points[_TORSO], axis=1))


def _length(joints: Array) -> float:
    """From the shoulders' middle to the hips', in pixels, at least one; `joints` (17, 2)."""
    left, right, low, other = joints[_TORSO]
    return max(float(np.linalg.norm((left + right) / 2 - (low + other) / 2)), 1.0)


def _confidence(before: float, differ: bool, odds: float) -> float:
    share, shift, exchanged, deciding = _CONFIDENCE
    sure = float(np.clip(before, 1e-6, 1 - 1e-6))
    logit = share * np.log(sure / (1 - sure)) + shift + exchanged * differ
    logit += deciding * min(odds / _DECISIVE, 1.0)
    return float(1 / (1 + np.exp(-logit)))
