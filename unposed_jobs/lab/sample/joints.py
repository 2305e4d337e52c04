"""Where a drawn figure's joints are: the truth that found landmarks are measured against."""

from __future__ import annotations

import numpy as np

from unposed_jobs.lab.sample.figure import Figure
from unposed_jobs.lab.sample.geometry import Array

JOINTS = (
    "nose", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
    "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""Left and right are the person's own, as in `pose.topology`."""

_NOSE = np.array([0.0, -0.036, 0.114])
"""Its tip in the head's own metres at the reference height; see `head`."""


def joints(figure: Figure) -> Array:
    """The joints (13, 3) in metres, in the order of `JOINTS`, before the figure is turned."""
    nose = figure.head + figure.head_turn @ (_NOSE * figure.scale)
    both = ("left", "right")
    rows = [nose, *(figure.shoulders[side] for side in both)]
    rows += [figure.arms[side][part] for part in (1, 2) for side in both]
    rows += [figure.hips[side] for side in both]
    rows += [figure.legs[side][part] for part in (1, 2) for side in both]
    return np.stack(rows)
