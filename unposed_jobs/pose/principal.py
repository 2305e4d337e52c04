"""Whom a picture is about: the principal person, and how sure an estimator is of them.

For both kinds of landmarks: (33, 5) - x, y, z, visibility, presence - and (17, 3) - x, y, score.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from unposed_jobs.pose.estimator import PoseEstimate

_VISIBILITY, _PRESENCE, _SCORE = 3, 4, 2
_SHOWN, _SCORED = 0.5, 0.3

Landmarks = npt.NDArray[np.float32]


def principal(people: Sequence[Landmarks]) -> PoseEstimate:
    """The person whose visible landmarks span the largest box, among all of a picture.

    Ties are broken by the score.
    """
    if not people:
        return PoseEstimate(None, 0.0, 0)
    chosen = max(people, key=lambda person: (visible_area(person), pose_score(person)))
    return PoseEstimate(chosen, pose_score(chosen), len(people))


def visible_area(landmarks: Landmarks) -> float:
    """Area of the box round a person's visible landmarks, cut at the picture's edges.

    `landmarks` is (33, 5) or (17, 3) float32; the result is a share of the picture. Without a
    visible landmark it is 0. Visible is a visibility of one half; of key points a score of 0.3,
    from which MMPose draws them.
    """
    if landmarks.shape[1] == _SCORE + 1:
        shown = landmarks[landmarks[:, _SCORE] >= _SCORED]
    else:
        shown = landmarks[landmarks[:, _VISIBILITY] >= _SHOWN]
    if not len(shown):
        return 0.0
    corners = np.clip([shown[:, :2].min(0), shown[:, :2].max(0)], 0.0, 1.0)
    return float(np.prod(corners[1] - corners[0]))


def pose_score(landmarks: Landmarks) -> float:
    """Confidence in [0, 1] that the person is there: the better half of the landmarks.

    MediaPipe Tasks keeps the landmark network's own pose score to itself, and a top-down model has
    none, so this is the mean of visibility x presence over the 17 landmarks of the 33 for which
    that product is largest; of key points, the mean of the 9 best scores of the 17. Half, because
    a catalogue's upper-body or lower-body crop shows no more, and is no less a person for it;
    where even the better half is in doubt, so is the person. It is a confidence of the network,
    not calibrated, and a false person can score high.

    `landmarks` is (33, 5) or (17, 3) float32.
    """
    if landmarks.shape[1] == _SCORE + 1:
        shown = landmarks[:, _SCORE]
    else:
        shown = landmarks[:, _VISIBILITY] * landmarks[:, _PRESENCE]
    half = len(shown) // 2 + 1
    return float(np.clip(np.partition(shown, -half)[-half:].mean(), 0.0, 1.0))
