"""The second look over rendered pictures, through the real networks."""

import gc
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unposed_jobs.config import PoseSettings
from unposed_jobs.lab.fitting.second_look import examples
from unposed_jobs.lab.sample.cohorts import Shot
from unposed_jobs.lab.sample.garments import random_garment
from unposed_jobs.lab.sample.shots import Photograph, Studio
from unposed_jobs.networks import engines, weights
from unposed_jobs.pose import estimators
from unposed_jobs.pose.blazepose.estimator import BlazePoseEstimator
from unposed_jobs.pose.estimator import PoseEstimate, PoseEstimator
from unposed_jobs.pose.second_look.estimator import wrap


@pytest.fixture(scope="module", params=["blazepose-full", "mediapipe-full"])
def looking_twice(
    pose_weights: PoseSettings, request: pytest.FixtureRequest
) -> Iterator[PoseEstimator]:
    made = estimators.create(replace(pose_weights, estimator=request.param, second_look=True))
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


def test_what_is_found_does_not_depend_on_the_others_of_a_batch(
    looking_twice: PoseEstimator,
) -> None:
    framings = ("full", "upper", "chest", "legs", "upper", "chest", "full")
    shots = [Shot("person", "front", framing) for framing in framings]
    pictures = [photograph(shot, seed)[0] for seed, shot in enumerate([*shots, Shot("flat_lay")])]
    together = looking_twice.estimate(pictures)
    assert {one.found_by for one in together} >= {"detector", "whole_frame"}
    backwards = looking_twice.estimate(pictures[::-1])[::-1]
    alone = [found for picture in pictures for found in looking_twice.estimate([picture])]
    for one, *others in zip(together, backwards, alone, strict=True):
        for other in others:
            np.testing.assert_array_equal(one.landmarks, other.landmarks)
            assert replace(one, landmarks=None) == replace(other, landmarks=None)


@pytest.mark.parametrize("name", ["blazepose-full", "mediapipe-full"])
def test_both_looks_share_the_networks_and_give_them_back(
    name: str, pose_weights: PoseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_engines = []
    create = engines.create

    def counted(bundle: bytes, **options) -> engines.Engine:
        engine = create(bundle, **options)
        made_engines.append(weakref.ref(engine))
        return engine

    monkeypatch.setattr(engines, "create", counted)
    made = estimators.create(replace(pose_weights, estimator=name, second_look=True))
    picture, _ = photograph(Shot("person", "front", "chest"), 2)
    assert made.estimate([picture])[0].found_by == "whole_frame"
    (engine,) = made_engines
    assert engine() is not None
    made.close()
    gc.collect()
    assert engine() is None


def test_another_bundle_is_not_taken_for_the_second_looks(
    tmp_path: Path, pose_weights: PoseSettings
) -> None:
    path = tmp_path / "other.task"
    path.write_bytes(weights.load(pose_weights)[1])
    made = estimators.create(replace(pose_weights, estimator=f"blazepose:{path}"))
    assert isinstance(made, BlazePoseEstimator)
    assert made.shared(weights.verify(pose_weights).sha256) is not None
    path.write_bytes(path.read_bytes() + b"\n")
    other = estimators.create(replace(pose_weights, estimator=f"blazepose:{path}"))
    assert isinstance(other, BlazePoseEstimator)
    assert other.shared(weights.verify(pose_weights).sha256) is None


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
