"""People's masks: of the landmarks' own run, and the same landmarks with and without."""

from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from unposed_jobs.errors import UnposedError
from unposed_jobs.networks import engines, weights
from unposed_jobs.pictures import masks, outlines
from unposed_jobs.pose import estimators
from unposed_jobs.pose.estimator import Outline, PoseEstimate


def overlap(one, other) -> float:
    return float((one & other).sum() / (one | other).sum())


def shown(estimate: PoseEstimate, picture: np.ndarray) -> np.ndarray:
    size = picture.shape[1::-1]
    return masks.of_outline(estimate.outline, size, size) >= 128


@pytest.fixture(scope="module")
def told(pose_weights, standing):
    estimator = estimators.create(pose_weights, outlines=True)
    yield estimator.estimate([standing.picture])[0]
    estimator.close()


def test_the_landmarks_are_the_same_with_and_without_outlines(pose_weights, standing, told) -> None:
    estimator = estimators.create(pose_weights)
    plain = estimator.estimate([standing.picture])[0]
    estimator.close()
    assert plain.outline is None
    assert np.array_equal(plain.landmarks, told.landmarks)


def test_the_outline_is_the_rendered_person(standing, told) -> None:
    assert overlap(shown(told, standing.picture), standing.labels > 0) > 0.93


def test_one_that_the_estimate_lacks_is_looked_for_again(pose_weights, standing, told) -> None:
    bare = replace(told, outline=None)
    nobody = PoseEstimate(None, 0.0, 0)
    done = outlines.Outliner(pose_weights)([standing.picture] * 2, [nobody, bare])
    assert done[0] is nobody
    assert overlap(shown(done[1], standing.picture), standing.labels > 0) > 0.9


def test_an_engine_without_outlines_says_so() -> None:
    with pytest.raises(ValueError, match="without outlines"):
        engines.Engine(*(SimpleNamespace(device="cpu") for _ in range(2))).outline(None)


def test_a_turned_region_is_laid_where_it_is() -> None:
    shares = np.zeros((256, 256), np.uint8)
    shares[:128] = (
        255  # The upper half of a square round (60, 50), 40 wide, turned by a right angle.
    )
    outline = Outline(shares, np.array([60, 50, 40, np.pi / 2], np.float32))
    found = masks.of_outline(outline, (120, 100), (120, 100)) >= 128
    rows, columns = np.nonzero(found)
    assert (rows.min(), rows.max()) == pytest.approx((30, 69), abs=1)
    assert (columns.min(), columns.max()) == pytest.approx((60, 79), abs=1)
    half = masks.of_outline(outline, (120, 100), (60, 50)) >= 128
    assert half.sum() == pytest.approx(found.sum() / 4, rel=0.1)


def test_an_outline_moves_with_its_part_of_a_picture() -> None:
    outline = Outline(np.full((256, 256), 255, np.uint8), np.array([10, 10, 8, 0], np.float32))
    moved = masks.of_outline(outline.moved(20, 5), (60, 40), (60, 40)) >= 128
    rows, columns = np.nonzero(moved)
    assert rows.mean() == pytest.approx(15, abs=1)
    assert columns.mean() == pytest.approx(30, abs=1)


def test_a_reduced_mask_follows_the_picture_s_own_edge() -> None:
    picture = np.full((240, 240, 3), 250, np.uint8)
    picture[60:180, 70:170] = (40, 60, 120)
    rough = np.zeros((40, 40), np.uint8)
    rough[10:30, 12:28] = 255
    fine = masks.fitted(rough, picture) >= 128
    assert overlap(fine, picture[..., 0] < 100) > 0.97


def test_outlines_of_an_estimator_that_has_none_are_not_asked_for(pose_weights) -> None:
    with pytest.raises(UnposedError, match="unknown pose estimator"):
        estimators.create(replace(pose_weights, estimator="nothing"), outlines=True)


def test_pytorch_and_openvino_tell_the_same_outline(pose_weights, standing) -> None:
    bundle = weights.load(pose_weights)[1]
    detector, landmarker = engines.graphs(bundle)
    made = engines.TorchEngine(detector, landmarker, torch.device("cpu"), engines._outliner(bundle))
    other = engines.OpenVinoEngine(detector, landmarker, 1, engines._outliner(bundle))
    square = cv2.resize(standing.picture, (256, 256))[None]
    squares = torch.from_numpy(np.ascontiguousarray(square))
    for one, two in zip(made.outline(squares), other.outline(squares), strict=True):
        assert torch.allclose(one, two, atol=2e-2, rtol=1e-3)
