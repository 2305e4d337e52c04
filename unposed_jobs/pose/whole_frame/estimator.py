"""An estimator that looks a second time where the first look saw nobody, or somebody doubtful."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from unposed_jobs.config import PoseSettings
from unposed_jobs.pose import weights
from unposed_jobs.pose.blazepose import engines, sampling
from unposed_jobs.pose.estimator import PoseEstimate, PoseEstimator
from unposed_jobs.pose.principal import pose_score
from unposed_jobs.pose.whole_frame import evidence, identity, readings, squares
from unposed_jobs.pose.whole_frame.gate import Gate, load, of_best
from unposed_jobs.pose.whole_frame.looking import Sightings, look

AGAIN = 2
"""So many of the best squares are looked at once more, where the network itself would go on."""

GROUP = 8
"""Pictures whose squares are in memory at once: the heat maps of one square take 640 kB."""

_Picture = npt.NDArray[np.uint8]


def wrap(inner: PoseEstimator, settings: PoseSettings) -> WholeFrameEstimator:
    """`inner` with a second look, by the full landmark network and the shipped gate.

    Raises UnposedError for missing or damaged weights or gate.
    """
    _, bundle = weights.load(settings)
    gate = load()
    estimator_id = identity.identify(inner.estimator_id, settings)
    return WholeFrameEstimator(
        inner, lambda: engines.create(bundle), gate, settings.min_person_probability, estimator_id
    )


class WholeFrameEstimator:
    """Wraps an estimator of 33 landmarks. Fulfils `PoseEstimator`.

    A person of whom the landmarks alone leave no doubt is passed on. Every other picture is shown
    whole to the landmark network; the reading most likely placed right is believed, and the
    gate says whether there is anybody. What the detector saw is one of the sightings.
    """

    def __init__(
        self,
        inner: PoseEstimator,
        engine: Callable[[], engines.Engine],
        gate: Gate,
        threshold: float,
        estimator_id: str,
    ) -> None:
        self._id = estimator_id
        self._inner = inner
        self._make_engine = engine
        self._engine: engines.Engine | None = None
        self._gate = gate
        self._threshold = threshold

    @property
    def estimator_id(self) -> str:
        """The inner estimator's, with whatever can change the second look's answer."""
        return self._id

    def estimate(self, pictures: Sequence[_Picture]) -> list[PoseEstimate]:
        """See `PoseEstimator.estimate`. Landmarks are (33, 5) float32."""
        results = self._inner.estimate(pictures)
        doubtful = []
        for index, (picture, result) in enumerate(zip(pictures, results, strict=True)):
            if result.error is not None or max(picture.shape[:2]) > sampling.LONGEST_SIDE:
                continue
            sure = self._clear(picture, result)
            if sure >= self._gate.clear_from:
                results[index] = replace(result, person_confidence=sure, found_by="detector")
            else:
                doubtful.append(index)
        for start in range(0, len(doubtful), GROUP):
            group = doubtful[start : start + GROUP]
            if self._engine is None:
                self._engine = self._make_engine()
            seen = sight(self._engine, [pictures[i] for i in group], [results[i] for i in group])
            for index, sightings in zip(group, seen, strict=True):
                results[index] = self._judged(pictures[index], results[index], sightings)
        return results

    def close(self) -> None:
        """Give the networks back; the estimator cannot be used afterwards."""
        self._engine = None
        self._inner.close()

    def _clear(self, picture: _Picture, result: PoseEstimate) -> float:
        if result.landmarks is None:
            return -1.0
        height, width = picture.shape[:2]
        features = evidence.of_landmarks(result.landmarks, width, height)
        return float(self._gate.clear.probability(features[None])[0])

    def _judged(
        self, picture: _Picture, result: PoseEstimate, sightings: Sightings
    ) -> PoseEstimate:
        height, width = picture.shape[:2]
        detector = detector_row(result)
        features = evidence.of_sightings(sightings, detector, width, height)
        placed = self._gate.placed.probability(features)
        best = int(placed.argmax())
        if self._gate.there.probability(of_best(features, placed)) < self._threshold:
            return PoseEstimate(None, 0.0, 0)
        confidence = float(placed[best])
        read = readings.averaged(readings.both(sightings), width, height)
        landmarks = read.table(best, width, height)
        return PoseEstimate(
            landmarks,
            pose_score(landmarks),
            max(result.person_count, 1),
            person_confidence=confidence,
            found_by="detector" if best == detector else "whole_frame",
        )


def sight(
    engine: engines.Engine, pictures: Sequence[_Picture], results: Sequence[PoseEstimate]
) -> list[Sightings]:
    """Each picture's sightings: the ladder, the detector's person if any, the best once more."""
    first = [_first_regions(*pair) for pair in zip(pictures, results, strict=True)]
    seen = _look_at(engine, pictures, first)
    again = [squares.following(_worth_more(one).points) for one in seen]
    return [
        one.joined(other)
        for one, other in zip(seen, _look_at(engine, pictures, again), strict=True)
    ]


def detector_row(result: PoseEstimate) -> int | None:
    """Which sighting is of the detector's person."""
    return None if result.landmarks is None else len(squares.LADDER)


def _first_regions(picture: _Picture, result: PoseEstimate) -> npt.NDArray[np.float32]:
    height, width = picture.shape[:2]
    regions = squares.ladder(width, height)
    if result.landmarks is None:
        return regions
    return np.concatenate([regions, squares.around(result.landmarks, width, height)])


def _worth_more(seen: Sightings) -> Sightings:
    ladder = len(squares.LADDER)
    return seen.take(np.argsort(-seen.scores[:ladder], kind="stable")[:AGAIN])


def _look_at(
    engine: engines.Engine,
    pictures: Sequence[_Picture],
    regions: list[npt.NDArray[np.float32]],
) -> list[Sightings]:
    indices = [index for index, part in enumerate(regions) for _ in part]
    seen = look(engine, pictures, indices, np.concatenate(regions))
    ends = np.cumsum([len(part) for part in regions])
    return [seen.take(slice(end - len(part), end)) for part, end in zip(regions, ends, strict=True)]
