"""MoveNet as an estimator of 17 points: rendered and real people, and nobody."""

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_whole_frame_pictures import photograph

from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.fitting.second_look import examples
from unposed_jobs.lab.sample.cohorts import Shot
from unposed_jobs.networks import weights
from unposed_jobs.pose import estimators
from unposed_jobs.pose.decoding import decode
from unposed_jobs.pose.estimator import PoseEstimator
from unposed_jobs.pose.movenet import cropping
from unposed_jobs.pose.movenet.network import MoveNet
from unposed_jobs.pose.movenet_estimator import CLEAR_SCORE, MoveNetEstimator
from unposed_jobs.pose.topology import COCO17

JOINTS = [COCO17.index(name) for name in examples.JOINTS]
SIGMAS = 2 * np.array([0.26, *[0.25] * 2, *[0.35] * 2, *[0.79] * 2, *[0.72] * 2, *[0.62] * 2,
                       *[1.07] * 2, *[0.87] * 2, *[0.89] * 2]) / 10  # fmt: skip
"""COCO's own tolerance of each key point."""


@pytest.fixture(scope="module")
def thunder(movenet_weights) -> Iterator[PoseEstimator]:
    settings = replace(movenet_weights, estimator="movenet-thunder", second_look=True)
    made = estimators.create(settings)
    yield made
    made.close()


def off(found, taken, picture) -> np.ndarray:
    """How far shoulders and hips are off, in torsos."""
    size = np.array(picture.shape[1::-1], float)
    true = taken.joints[0] * size
    place = found.landmarks[JOINTS, :2] * size
    torso = [examples.JOINTS.index(f"{side}_{part}") for part in ("shoulder", "hip")
             for side in ("left", "right")]  # fmt: skip
    length = np.linalg.norm(true[torso[:2]].mean(0) - true[torso[2:]].mean(0))
    return np.linalg.norm(place - true, axis=1)[torso] / length


def test_a_rendered_person_is_found_by_the_detector(thunder) -> None:
    for view in ("front", "back"):
        picture, taken = photograph(Shot("person", view, "full"), 1)
        (found,) = thunder.estimate([picture])
        assert found.landmarks.shape == (17, 3)
        assert found.landmarks.dtype == np.float32
        assert off(found, taken, picture).max() < 0.25


def test_whom_the_detector_does_not_find_the_whole_picture_shows(thunder, movenet_weights) -> None:
    picture, taken = photograph(Shot("person", "front", "chest"), 2)
    plain = estimators.create(
        replace(movenet_weights, estimator="movenet-thunder", second_look=False)
    )
    assert plain.estimate([picture])[0].landmarks is None
    plain.close()
    (found,) = thunder.estimate([picture])
    assert found.person_probability > movenet_weights.min_person_probability
    assert off(found, taken, picture).max() < 0.4


def test_pictures_of_nobody_stay_so(thunder) -> None:
    pictures = [photograph(Shot(kind), seed)[0] for seed, kind in enumerate(("flat_lay", "fabric"))]
    for found in thunder.estimate([*pictures, np.zeros((50, 40, 3), np.uint8)]):
        assert found.landmarks is None
        assert found.error is None
        assert found.person_probability < 0.5


def test_a_picture_does_not_depend_on_its_neighbours(thunder) -> None:
    shots = [Shot("person", "front", name) for name in ("full", "chest", "upper")]
    pictures = [photograph(shot, seed)[0] for seed, shot in enumerate([*shots, Shot("flat_lay")])]
    together = thunder.estimate(pictures)
    assert sum(one.landmarks is not None for one in together) == 3
    backwards = thunder.estimate(pictures[::-1])[::-1]
    alone = [found for picture in pictures for found in thunder.estimate([picture])]
    for one, *others in zip(together, backwards, alone, strict=True):
        for other in others:
            np.testing.assert_array_equal(one.landmarks, other.landmarks)
            assert replace(one, landmarks=None) == replace(other, landmarks=None)
    assert thunder.estimate([]) == []


class Fixed:
    """In place of MoveNet: everybody stands in the middle of the square, seen this well."""

    side, device = 192, torch.device("cpu")

    def __init__(self, score: float) -> None:
        self.score = score

    def __call__(self, squares: torch.Tensor) -> torch.Tensor:
        points = torch.full((len(squares), 17, 3), 0.5)
        points[:, ::2, 0], points[:, ::3, 1] = 0.4, 0.3
        points[..., 2] = self.score
        return points


@pytest.mark.parametrize("boxes", [1, 0])
@pytest.mark.parametrize("score", [0.31, CLEAR_SCORE - 0.01, CLEAR_SCORE + 0.01])
def test_the_gate_is_asked_where_movenet_is_not_sure(pose_weights, boxes, score) -> None:
    asked: list[int] = []

    def presence(pictures) -> list[float]:
        asked.append(len(pictures))
        return [0.9, 0.1][: len(pictures)]

    def find(pictures) -> list[np.ndarray]:
        return [np.array([[10.0, 10, 90, 190]] * boxes).reshape(-1, 4)] * len(pictures)

    made = MoveNetEstimator(Fixed(score), find, presence, "id", pose_weights)
    found = made.estimate([np.zeros((200, 100, 3), np.uint8)] * 2)
    if boxes and score > CLEAR_SCORE:
        assert asked == [0]
        assert [one.person_probability for one in found] == [None, None]
        assert all(one.landmarks is not None for one in found)
    else:
        assert asked == [2]
        assert [one.person_probability for one in found] == [0.9, 0.1]
        assert [one.landmarks is not None for one in found] == [True, False]


def test_a_broken_network_fails_alone(pose_weights) -> None:
    class Broken(Fixed):
        def __call__(self, squares: torch.Tensor) -> torch.Tensor:
            if (squares > 200).any():
                raise RuntimeError("broken")
            return super().__call__(squares)

    def find(pictures) -> list[np.ndarray]:
        return [np.array([[10.0, 10, 90, 190]])] * len(pictures)

    made = MoveNetEstimator(Broken(0.9), find, None, "id", pose_weights)
    dark, bright = np.zeros((200, 100, 3), np.uint8), np.full((200, 100, 3), 255, np.uint8)
    found = made.estimate([dark, bright, dark])
    assert [one.error for one in found] == [None, "broken", None]


def test_the_id_is_known_without_the_networks(thunder, movenet_weights, monkeypatch) -> None:
    settings = replace(movenet_weights, estimator="movenet-thunder", second_look=True)
    assert estimators.identify(settings) == thunder.estimator_id
    others = [
        replace(settings, estimator="movenet-lightning"),
        replace(settings, second_look=False),
        replace(settings, max_people=1),
        replace(settings, min_person_probability=0.9),
    ]
    assert len({estimators.identify(one) for one in [settings, *others]}) == 5
    # What reads BlazePose's people without a head is nothing to it.
    assert estimators.identify(replace(settings, headless="off")) == thunder.estimator_id


def test_missing_weights_name_the_remedy(pose_weights, tmp_path) -> None:
    bundle, data = weights.load(pose_weights)
    weights.store.write(tmp_path, bundle.name, "task", data, bundle.source)
    settings = replace(pose_weights, estimator="movenet-lightning", weights=str(tmp_path))
    with pytest.raises(UnposedError, match=r"run: unposed models fetch movenet-lightning$"):
        estimators.create(settings)
    weights.store.write(tmp_path, "movenet-lightning", "zip", b"other", "here")
    with pytest.raises(UnposedError, match="the weights of movenet-lightning cannot be used"):
        estimators.create(settings)


@pytest.mark.parametrize(("kind", "least"), [("thunder", 0.78), ("lightning", 0.7)])
def test_real_people_in_their_boxes(data, movenet_weights, kind, least) -> None:
    """Mean object key point similarity, as COCO has it; BlazePose has .50 on such crops."""
    told = json.loads((data / "coco-people/annotations.json").read_text())
    network = MoveNet(weights.load(movenet_weights, f"movenet-{kind}")[1], kind)
    found = []
    for row in told:
        picture = decode((data / "coco-people" / row["file"]).read_bytes(), movenet_weights)
        boxes = np.array([one["bbox"] for one in row["people"]], float)
        areas = boxes[:, 2:].prod(1) * 0.53
        boxes[:, 2:] += boxes[:, :2]
        index = np.zeros(len(boxes), np.intp)
        points = cropping.read(network, [picture], index, cropping.round_boxes(boxes, 1.0))
        for one, seen, area in zip(row["people"], points, areas, strict=True):
            true = np.array(one["keypoints"], float).reshape(17, 3)
            apart = ((seen[:, :2] - true[:, :2]) ** 2).sum(1)
            similar = np.exp(-apart / (2 * area * SIGMAS**2))
            found.append(similar[true[:, 2] > 0].mean())
    assert np.mean(found) > least
