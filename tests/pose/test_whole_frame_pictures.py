"""The second look over rendered pictures, through the real networks."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from unposed_jobs.catalogue.sample.cohorts import Shot
from unposed_jobs.catalogue.sample.garments import random_garment
from unposed_jobs.catalogue.sample.shots import Photograph, Studio
from unposed_jobs.config import PoseSettings
from unposed_jobs.pose import estimators
from unposed_jobs.pose.estimator import PoseEstimate, PoseEstimator
from unposed_jobs.pose.whole_frame.estimator import wrap
from unposed_jobs.pose.whole_frame.fitting import examples


@pytest.fixture(scope="module")
def looking_twice(pose_weights: PoseSettings) -> Iterator[PoseEstimator]:
    made = estimators.create(replace(pose_weights, second_look=True))
    yield made
    made.close()


def photograph(shot: Shot, seed: int) -> tuple[np.ndarray, Photograph]:
    rng = np.random.default_rng(seed)
    taken = Studio(rng, random_garment(rng, "shirt"), True, 400).take(shot, 1, seed)
    return np.ascontiguousarray(np.asarray(taken.image.convert("RGB"))), taken


@pytest.mark.parametrize(("framing", "seed"), [("chest", 2), ("legs", 0)])
def test_only_the_second_look_finds_people_without_a_head(
    framing: str, seed: int, estimator: PoseEstimator, looking_twice: PoseEstimator
) -> None:
    picture, taken = photograph(Shot("person", "front", framing), seed)
    assert estimator.estimate([picture])[0].landmarks is None
    (found,) = looking_twice.estimate([picture])
    assert found.landmarks is not None
    assert found.found_by == "whole_frame"
    assert 0.5 < found.person_confidence < 1
    size = np.array(picture.shape[1::-1], float)
    assert examples.right(found.landmarks[None, :, :2] * size, taken.joints[0], size).all()


class Fooled:
    """Sees the same person in every picture."""

    estimator_id = "fooled"

    def __init__(self, person: PoseEstimate) -> None:
        self._person = person

    def estimate(self, pictures):
        return [self._person for _ in pictures]

    def close(self) -> None:
        pass


def test_a_flat_lay_taken_for_a_person_is_refused(
    pose_weights: PoseSettings, looking_twice: PoseEstimator
) -> None:
    picture, _ = photograph(Shot("person", "front", "chest"), 2)
    (person,) = looking_twice.estimate([picture])
    flat, _ = photograph(Shot("flat_lay"), 0)
    judged = wrap(Fooled(person), pose_weights)
    refused, kept = judged.estimate([flat, picture])
    judged.close()
    assert refused.landmarks is None
    assert refused.person_probability < 0.1
    assert kept.landmarks is not None
    assert kept.person_probability > pose_weights.min_person_probability
