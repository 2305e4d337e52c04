"""Where the people are, for a model that does not find them itself: left, top, right, bottom in
pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from unposed_jobs.config import PoseSettings
from unposed_jobs.networks import engines
from unposed_jobs.pose.blazepose import detection, geometry, sampling
from unposed_jobs.pose.blazepose.estimator import Sampler

_Picture = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float64]

_BREADTH = 0.5
"""A body with its arms, over its height."""


def whole_frames(pictures: Sequence[_Picture]) -> list[Boxes]:
    """One box for each picture, (1, 4): the picture."""
    return [np.array([[0.0, 0.0, picture.shape[1], picture.shape[0]]]) for picture in pictures]


class DetectedPeople:
    """Boxes of the people whom BlazePose's detector finds, the surest first: (N, 4) a picture."""

    def __init__(self, bundle: bytes, settings: PoseSettings) -> None:
        """`bundle` holds BlazePose's networks. Raises ValueError where it does not."""
        self.engine = engines.create(bundle)
        self._min_score = settings.min_detection_confidence
        self._max_people = settings.max_people

    @torch.inference_mode()
    def __call__(self, pictures: Sequence[_Picture]) -> list[Boxes]:
        """As `whole_frames`, for any number of people."""
        device = self.engine.device
        sizes = torch.tensor(
            [(picture.shape[1], picture.shape[0]) for picture in pictures],
            dtype=torch.float32,
            device=device,
        )
        every = torch.arange(len(pictures), device=device)
        squares = Sampler(pictures, device)(
            every, geometry.whole(sizes), detection.SIDE, sampling.Border.BLACK
        )
        found = detection.find_people(
            *self.engine.detect(squares), self._min_score, self._max_people
        )
        points = geometry.from_letterbox(found.points, sizes[found.picture])
        boxes = body_boxes(
            points[:, :2].double().cpu().numpy(), sizes[found.picture].double().cpu().numpy()
        )
        picture = found.picture.cpu().numpy()
        sound = np.isfinite(boxes).all(1) & (boxes[:, 2:] - boxes[:, :2] > 1).all(1)
        return [boxes[sound & (picture == index)] for index in range(len(pictures))]


def body_boxes(points: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64]) -> Boxes:
    """Boxes (P, 4), cut at the picture's edges, from the detector's points (P, 2, 2) in pixels.

    Point 0 is the middle of the hips, point 1 lies above the head on the circle round the whole
    body. The circle would do for somebody who stretches out both arms; the box is that of a body
    as long as its diameter and half as broad, turned as the points say.
    """
    centre, reach = points[:, 0], np.abs(points[:, 1] - points[:, 0])
    half = reach + _BREADTH * reach[:, ::-1]
    return np.concatenate([np.maximum(centre - half, 0), np.minimum(centre + half, sizes)], axis=1)
