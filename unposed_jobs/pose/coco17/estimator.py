"""COCO's 17 key points by a top-down model in ONNX: HRNet, ViTPose, RTMPose and their like."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.networks import task_bundle, weights
from unposed_jobs.pose.batches import estimate_batch
from unposed_jobs.pose.coco17 import crops, model
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.principal import pose_score

if TYPE_CHECKING:
    from unposed_jobs.pose.coco17.boxes import Boxes

VERSION = 1
"""Raised when the key points of an equal model would change."""

PERSON_SCORE = 0.3
"""Least `pose_score` of a person: the score from which MMPose draws a key point."""

_Picture = npt.NDArray[np.uint8]
_FindBoxes = Callable[[Sequence[_Picture]], "list[Boxes]"]


def create(settings: PoseSettings) -> Coco17Estimator:
    """Make the estimator of ``onnx:PATH``.

    Raises UnposedError for a missing, altered, damaged or unfit model, missing weights of the
    detector, or CUDA where there is none.
    """
    from unposed_jobs.pose.coco17 import boxes

    name, data, digest = model.read(settings)
    estimator_id = _identity(name, digest, settings)
    find: _FindBoxes = boxes.whole_frames
    if settings.onnx_person_box == "detector":
        try:
            find = boxes.DetectedPeople(weights.load(settings)[1], settings)
        except ValueError as error:
            raise UnposedError(
                f"the weights {weights.FULL} hold no detector: {error}; run: unposed models fetch"
            ) from None
    return Coco17Estimator(model.Model(name, data, settings), find, estimator_id, settings)


def identify(settings: PoseSettings) -> str:
    """The `estimator_id` that `create` would give, the same on every device.

    Raises UnposedError for missing or altered files.
    """
    name, _, digest = model.read(settings)
    return _identity(name, digest, settings)


def _identity(name: str, digest: str, settings: PoseSettings) -> str:
    box = "frame"
    if settings.onnx_person_box == "detector":
        detector = task_bundle.members(weights.load(settings)[1])[task_bundle.DETECTOR]
        box = (
            f"detector{hashlib.sha256(detector).hexdigest()[:12]}-people{settings.max_people}"
            f"-detection{settings.min_detection_confidence:g}"
        )
    reading = (
        settings.onnx_heat_maps,
        settings.onnx_input_size,
        settings.onnx_colour_order,
        settings.onnx_mean,
        settings.onnx_std,
    )
    options = hashlib.sha256(repr(reading).encode()).hexdigest()[:8]
    plain = re.sub(r"[^\w.]+", "_", name)
    return f"onnx-{VERSION}-{plain}-{digest[:12]}-{box}-input{options}"


class Coco17Estimator:
    """Boxes, crops, the model and its head, over batches. Fulfils `PoseEstimator`.

    Everybody in a picture is read. Who has a `pose_score` below `PERSON_SCORE` is nobody;
    the principal person is the one whose visible key points span the largest box.
    """

    def __init__(
        self, points: model.Model, find: _FindBoxes, estimator_id: str, settings: PoseSettings
    ) -> None:
        self._model = points
        self._find = find
        self._id = estimator_id
        self._settings = settings

    @property
    def estimator_id(self) -> str:
        """Version, digests of the model and the detector, and the settings that matter."""
        return self._id

    def estimate(self, pictures: Sequence[_Picture]) -> list[PoseEstimate]:
        """See `PoseEstimator.estimate`. Landmarks are (17, 3) float32."""
        return estimate_batch(pictures, self.people)

    def close(self) -> None:
        """Give the session back; the estimator cannot be used afterwards."""
        del self._model, self._find

    def people(self, pictures: Sequence[_Picture]) -> list[list[npt.NDArray[np.float32]]]:
        """Everybody found in each picture, in the order of the boxes: (17, 3) float32 each.

        Raises RuntimeError where a network fails.
        """
        found = self._find(pictures)
        index = np.repeat(np.arange(len(pictures)), [len(boxes) for boxes in found])
        width, height = self._model.size
        regions = crops.regions(np.concatenate(found), width / height)
        everyone: list[list[npt.NDArray[np.float32]]] = [[] for _ in pictures]
        for start in range(0, len(index), self._model.largest_batch):
            part = slice(start, start + self._model.largest_batch)
            points = self._model(self._inputs(pictures, index[part], regions[part]))
            sizes = np.array([pictures[i].shape[1::-1] for i in index[part]], np.float64)
            for i, person in zip(
                index[part], crops.to_picture(points, regions[part], sizes), strict=True
            ):
                if np.isfinite(person).all() and pose_score(person) >= PERSON_SCORE:
                    everyone[i].append(person)
        return everyone

    def _inputs(
        self, pictures: Sequence[_Picture], index: npt.NDArray[np.int64], regions: Boxes
    ) -> npt.NDArray[np.float32]:
        cut = [
            crops.crop(pictures[i], region, self._model.size, unbiased=self._model.unbiased)
            for i, region in zip(index, regions, strict=True)
        ]
        return crops.normalised(np.stack(cut), self._settings)
