"""COCO's 17 key points by MoveNet, of the people that BlazePose's detector finds, or else of whom
the whole picture shows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.networks import task_bundle, weights
from unposed_jobs.pose.batches import LONGEST_SIDE, estimate_batch
from unposed_jobs.pose.coco17.boxes import DetectedPeople, whole_frames
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.movenet import cropping
from unposed_jobs.pose.movenet.network import MoveNet
from unposed_jobs.pose.principal import pose_score
from unposed_jobs.pose.second_look import identity
from unposed_jobs.pose.second_look.presence import Presence

VERSION = 1
"""Raised when the key points of equal weights would change."""

PERSON_SCORE = 0.3
"""Least `pose_score` of a person, as of every model of 17 points."""

CLEAR_SCORE = 0.6
"""From this `pose_score` on a person of the detector's is believed without the gate. Of garments
laid flat that pass for a person on the detector, MoveNet's own scores reach 0.56."""

_BOX_SCALE = 1.1

_Picture = npt.NDArray[np.uint8]


def create(settings: PoseSettings) -> MoveNetEstimator:
    """Make the estimator of ``movenet-{thunder,lightning}``.

    Raises UnposedError for missing, damaged or other weights, or a missing gate.
    """
    kind = _kind(settings)
    name = f"movenet-{kind}"
    bundle = weights.load(settings)[1]
    try:
        network = MoveNet(weights.load(settings, name)[1], kind)
        find = DetectedPeople(bundle, settings)
    except ValueError as error:
        raise UnposedError(
            f"the weights of {name} cannot be used: {error}; run: unposed models fetch "
            f"{weights.FULL} {name}"
        ) from None
    presence = Presence(find.engine, settings) if settings.second_look else None
    return MoveNetEstimator(network, find, presence, identify(settings), settings)


def identify(settings: PoseSettings) -> str:
    """The `estimator_id` that `create` would give, the same on every device.

    Raises UnposedError for missing or damaged weights, or a missing gate.
    """
    kind = _kind(settings)
    own = weights.verify(settings, f"movenet-{kind}").sha256[:12]
    bundle = weights.load(settings)[1]
    detector = hashlib.sha256(task_bundle.members(bundle)[task_bundle.DETECTOR]).hexdigest()[:12]
    made = (
        f"movenet-{VERSION}-{kind}-{own}-detector{detector}-people{settings.max_people}"
        f"-detection{settings.min_detection_confidence:g}"
    )
    if not settings.second_look:
        return made
    return identity.identify(made, replace(settings, headless="off"))


def _kind(settings: PoseSettings) -> str:
    return settings.estimator.removeprefix("movenet-")


class MoveNetEstimator:
    """Detector, MoveNet in squares, and the second look's gate. Fulfils `PoseEstimator`.

    Everybody whom the detector finds is read, and once more in a square round their key
    points; the principal person is the one whose visible key points span the largest box. Where
    nobody is found, or MoveNet is not sure of them, the gate decides whether anybody is there; then
    the key points are those that MoveNet finds in the whole picture, if the detector found none.
    """

    def __init__(
        self,
        network: MoveNet,
        find: DetectedPeople,
        presence: Presence | None,
        estimator_id: str,
        settings: PoseSettings,
    ) -> None:
        self._network, self._find, self._presence = network, find, presence
        self._threshold = settings.min_person_probability
        self._id = estimator_id

    @property
    def estimator_id(self) -> str:
        """Version, digests of the weights, the detector and the gate, and what else matters."""
        return self._id

    def estimate(self, pictures: Sequence[_Picture]) -> list[PoseEstimate]:
        """See `PoseEstimator.estimate`. Landmarks are (17, 3) float32."""
        results = estimate_batch(pictures, self.people)
        if self._presence is None:
            return results
        doubtful = [
            index
            for index, (picture, one) in enumerate(zip(pictures, results, strict=True))
            if one.error is None
            and max(picture.shape[:2]) <= LONGEST_SIDE
            and (one.landmarks is None or one.pose_score < CLEAR_SCORE)
        ]
        there = dict(zip(doubtful, self._presence([pictures[i] for i in doubtful]), strict=True))
        seen = [index for index, chance in there.items() if chance >= self._threshold]
        alone = [index for index in seen if results[index].landmarks is None]
        for index in set(there) - set(seen):
            results[index] = PoseEstimate(None, 0.0, 0)
        whole = estimate_batch([pictures[index] for index in alone], self.whole)
        for index, one in zip(alone, whole, strict=True):
            results[index] = one
        for index, chance in there.items():
            results[index] = replace(results[index], person_probability=chance)
        return results

    def close(self) -> None:
        """Give the networks back; the estimator cannot be used afterwards."""
        del self._network, self._find, self._presence

    def people(self, pictures: Sequence[_Picture]) -> list[list[npt.NDArray[np.float32]]]:
        """Everybody whom the detector finds, its best first: (17, 3) float32 each.

        Raises RuntimeError where a network fails.
        """
        found = self._find(pictures)
        index = np.repeat(np.arange(len(pictures)), [len(boxes) for boxes in found])
        regions = cropping.round_boxes(np.concatenate(found), _BOX_SCALE)
        return self._read(pictures, index, regions, PERSON_SCORE)

    def whole(self, pictures: Sequence[_Picture]) -> list[list[npt.NDArray[np.float32]]]:
        """Somebody in each whole picture: (17, 3) float32. That there is somebody is not asked.

        Raises RuntimeError where the network fails.
        """
        regions = cropping.round_boxes(np.concatenate(whole_frames(pictures)), 1.0)
        return self._read(pictures, np.arange(len(pictures)), regions, 0.0)

    def _read(
        self,
        pictures: Sequence[_Picture],
        index: npt.NDArray[np.intp],
        regions: npt.NDArray[np.float64],
        least: float,
    ) -> list[list[npt.NDArray[np.float32]]]:
        """Of each picture those in its regions whose score is `least`."""
        everyone: list[list[npt.NDArray[np.float32]]] = [[] for _ in pictures]
        found = cropping.read_twice(self._network, pictures, index, regions)
        for picture, person in zip(index, found, strict=True):
            height, width = pictures[picture].shape[:2]
            placed = (person / (width, height, 1)).astype(np.float32)
            if np.isfinite(placed).all() and pose_score(placed) >= least:
                everyone[picture].append(placed)
        return everyone
