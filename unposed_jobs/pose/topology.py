"""The points that estimators return: BlazePose's 33 and COCO's 17, by name.

"Left" and "right" are the person's own, not the picture's. The paper (section 4.2, Figure 4)
uses both topologies: BlazePose's from MediaPipe and COCO's from MMPose.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BLAZEPOSE33: tuple[str, ...] = (
    "nose",
    "left_eye_inner",
    "left_eye",
    "left_eye_outer",
    "right_eye_inner",
    "right_eye",
    "right_eye_outer",
    "left_ear",
    "right_ear",
    "mouth_left",
    "mouth_right",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_pinky",
    "right_pinky",
    "left_index",
    "right_index",
    "left_thumb",
    "right_thumb",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
    "left_heel",
    "right_heel",
    "left_foot_index",
    "right_foot_index",
)
"""Names of BlazePose's landmarks, in the order of the (33, 5) array."""

COCO17: tuple[str, ...] = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)
"""Names of COCO's key points, in the order of the (17, 3) array."""

BLAZEPOSE33_INDEX: dict[str, int] = {name: index for index, name in enumerate(BLAZEPOSE33)}
"""Row of each BlazePose landmark by its name."""

COCO17_INDEX: dict[str, int] = {name: index for index, name in enumerate(COCO17)}
"""Row of each COCO key point by its name."""

BLAZEPOSE33_TO_COCO17: tuple[int, ...] = tuple(BLAZEPOSE33_INDEX[name] for name in COCO17)
"""For each COCO key point, the row of the BlazePose landmark of the same name."""


def _mirror_name(name: str) -> str:
    if "left" in name:
        return name.replace("left", "right")
    return name.replace("right", "left")


BLAZEPOSE33_MIRROR: tuple[int, ...] = tuple(
    BLAZEPOSE33_INDEX[_mirror_name(name)] for name in BLAZEPOSE33
)
"""Row order that swaps left and right, as a mirrored picture does."""

COCO17_MIRROR: tuple[int, ...] = tuple(COCO17_INDEX[_mirror_name(name)] for name in COCO17)
"""Row order that swaps left and right, as a mirrored picture does."""


def coco17_from_blazepose33(landmarks: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Take COCO's key points out of BlazePose's landmarks.

    `landmarks` is (..., 33, 5): x, y, z, visibility, presence. Returns (..., 17, 3) float32:
    x, y in the same frame and a score, the visibility (a BlazePose landmark that lies outside
    the picture or is hidden has a low one).
    """
    chosen = np.asarray(landmarks, np.float32)[..., list(BLAZEPOSE33_TO_COCO17), :]
    return np.ascontiguousarray(chosen[..., [0, 1, 3]])
