"""Pictures of coloured dots to 17 key points, through a real session of ONNX Runtime."""

import dataclasses
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import dotted_figures as dots
import numpy as np
import pytest

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.sample.writer import SampleSettings, write_sample
from unposed_jobs.pose import estimators
from unposed_jobs.pose.batches import LONGEST_SIDE
from unposed_jobs.pose.decoding import UnreadablePicture, decode
from unposed_jobs.pose.estimator import PoseEstimator
from unposed_jobs.pose.topology import COCO17_INDEX, coco17_from_blazepose33

SIZES = [(300, 400), (640, 360), (250, 250), (1000, 1400), (90, 400)]
FACE = [COCO17_INDEX[name] for name in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def spread() -> np.ndarray:
    """(5, 17, 3): points anywhere, but none so near another that its dot would cover it."""
    rng = np.random.default_rng(3)
    grid = np.stack(np.meshgrid([0.2, 0.5, 0.8], np.linspace(0.1, 0.9, 6)), axis=-1).reshape(-1, 2)
    points = np.ones((len(SIZES), 17, 3), np.float32)
    for one in points:
        place = rng.permutation(grid)[:17]
        one[:, :2] = place + rng.uniform(-1, 1, (17, 2)) * [0.05, 0.03]
        one[rng.permutation(17)[:5], 2] = 0
    return points


@pytest.fixture(scope="module")
def framed(folder) -> Iterator[PoseEstimator]:
    made = estimators.create(frame(dots.saved(folder)))
    yield made
    made.close()


@pytest.fixture(scope="module")
def rendered_people(
    tmp_path_factory, pose_weights, estimator
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Rendered pictures with a whole person, and their 17 points as MediaPipe has them."""
    out = tmp_path_factory.mktemp("rendered") / "sample"
    write_sample(out, SampleSettings(products=4, size=320), workers=1, progress=False)
    pictures = []
    for path in sorted((out / "pictures").rglob("*.jpg")):
        with suppress(UnreadablePicture):
            pictures.append(decode(path.read_bytes(), pose_weights))
    people = [
        (picture, coco17_from_blazepose33(one.landmarks))
        for picture, one in zip(pictures, estimator.estimate(pictures), strict=True)
        if one.landmarks is not None and one.landmarks[:, 3].min() > 0.2
    ]
    assert len(people) >= 4
    return [picture for picture, _ in people], [points for _, points in people]


def frame(estimator: str, **more: object) -> PoseSettings:
    return PoseSettings(estimator=estimator, onnx_person_box="frame", picture_kinds=False, **more)


HEADS = [
    ({}, {"onnx_heat_maps": "msra"}, 1.5),
    ({}, {"onnx_heat_maps": "dark"}, 0.8),
    ({"unbiased": True}, {"onnx_heat_maps": "udp"}, 0.8),
    ({"head": "simcc"}, {}, 1.2),
    ({"size": None}, {"onnx_input_size": (192, 256)}, 1.5),
    ({"size": None, "head": "simcc"}, {"onnx_input_size": (192, 256)}, 1.2),
    ({"size": (288, 384), "batch": 2}, {"onnx_heat_maps": "dark"}, 0.8),
]


@pytest.mark.parametrize(("options", "more", "tolerance"), HEADS)
def test_points_lie_where_they_were_drawn(folder, spread, options, more, tolerance) -> None:
    estimator = estimators.create(frame(dots.saved(folder, name="head.onnx", **options), **more))
    pictures = [dots.draw(p, size) for p, size in zip(spread, SIZES, strict=True)]
    found = estimator.estimate(pictures)
    estimator.close()
    for truth, size, one in zip(spread, SIZES, found, strict=True):
        assert one.person_count == 1
        assert one.landmarks is not None
        assert one.landmarks.shape == (17, 3)
        assert one.landmarks.dtype == np.float32
        seen = truth[:, 2] >= 0.5
        # In pixels of the model's input: what one of them shows is the picture's own affair.
        shown = max(size[0] / 192, size[1] / 256) * 1.25
        error = np.abs(one.landmarks[seen, :2] - truth[seen, :2]) * size / shown
        assert error.max() < tolerance
        assert one.landmarks[seen, 2].min() > 0.4
        assert one.landmarks[~seen, 2].max() < 0.1
        best = np.sort(one.landmarks[:, 2])[-9:]
        assert one.pose_score == pytest.approx(best.mean(), abs=1e-5)


@pytest.mark.parametrize("head", ["heat_maps", "simcc"])
def test_a_batch_of_mixed_sizes_equals_one_by_one(folder, spread, head) -> None:
    estimator = estimators.create(frame(dots.saved(folder, head, name="mix.onnx")))
    pictures = [dots.draw(p, size) for p, size in zip(spread, SIZES, strict=True)]
    pictures = [*pictures, np.full((40, 30, 3), 128, np.uint8), *pictures[::-1]]
    together = estimator.estimate(pictures)
    assert [one.person_count for one in together] == [1] * 5 + [0] + [1] * 5
    for picture, one in zip(pictures, together, strict=True):
        (alone,) = estimator.estimate([picture])
        assert alone.pose_score == pytest.approx(one.pose_score, abs=1e-5)
        if alone.landmarks is None:
            assert one.landmarks is None
        else:
            np.testing.assert_allclose(alone.landmarks, one.landmarks, atol=1e-5)


def test_an_empty_frame_is_nobody(framed) -> None:
    (empty,) = framed.estimate([np.full((200, 150, 3), 128, np.uint8)])
    assert (empty.landmarks, empty.pose_score, empty.person_count) == (None, 0.0, 0)
    assert framed.estimate([]) == []


def test_a_picture_that_cannot_be_cut_has_an_error(framed, spread) -> None:
    good = dots.draw(spread[0], (300, 400))
    long = np.zeros((1, LONGEST_SIDE + 1, 3), np.uint8)
    first, second, third = framed.estimate([good, long, np.zeros((1, 1, 3), np.uint8)])
    assert first.landmarks is not None
    assert "longer than" in second.error
    assert (third.person_count, third.error) == (0, None)


def test_a_failing_run_costs_only_its_picture(framed, spread, monkeypatch) -> None:
    whole = framed._model._run

    def breaks(inputs: np.ndarray) -> list[np.ndarray]:
        if (inputs[:, 0, 128, 96] > 2).any():
            raise RuntimeError("out of memory\nand more")
        return whole(inputs)

    monkeypatch.setattr(framed._model, "_run", breaks)
    good = dots.draw(spread[2], (300, 400))
    results = framed.estimate([good, np.full((9, 9, 3), 255, np.uint8), good])
    assert [one.error for one in results] == [None, "out of memory", None]
    assert results[0].landmarks is not None
    assert results[2].landmarks is not None


def test_the_larger_of_two_people_is_the_principal_one(framed, spread, monkeypatch) -> None:
    small, large = spread[0].copy(), spread[1].copy()
    small[:, :2] = small[:, :2] * [0.3, 0.5] + [0.05, 0.25]
    large[:, :2] = large[:, :2] * [0.5, 0.9] + [0.45, 0.05]
    picture = np.full((600, 800, 3), 128, np.uint8)
    for points, radius in ((small, 6), (large, 10)):
        dots.add(picture, points, radius)
    people = [np.array([[40, 150, 280, 450], [360, 30, 760, 570]], float)]
    monkeypatch.setattr(framed, "_find", lambda pictures: people)
    (found,) = framed.estimate([picture])
    assert found.person_count == 2
    seen = large[:, 2] >= 0.5
    np.testing.assert_allclose(found.landmarks[seen, :2], large[seen, :2], atol=0.01)


def test_the_id_is_known_without_a_session_and_tells_what_matters(folder, pose_weights) -> None:
    settings = dataclasses.replace(
        pose_weights, estimator=dots.saved(folder, name="a model (1).onnx")
    )
    detector = estimators.create(settings)
    assert detector.estimator_id == estimators.identify(settings)
    detector.close()
    assert estimators.identify(settings).startswith("onnx-1-a_model_1_-")
    others = [
        {"onnx_person_box": "frame"},
        {"onnx_heat_maps": "udp"},
        {"onnx_input_size": (192, 256)},
        {"onnx_colour_order": "bgr"},
        {"onnx_mean": (0.0, 0.0, 0.0)},
        {"onnx_std": (1.0, 1.0, 1.0)},
        {"max_people": 1},
        {"min_detection_confidence": 0.7},
    ]
    ids = [estimators.identify(dataclasses.replace(settings, **other)) for other in others]
    Path(settings.estimator.partition(":")[2]).write_bytes(dots.model("simcc"))
    ids.append(estimators.identify(settings))
    assert len({detector.estimator_id, *ids}) == len(others) + 2
    # What only decides how fast it goes makes no other landmarks.
    faster = dataclasses.replace(settings, onnx_batch_size=64, onnx_device="cuda", chunk_size=1)
    assert estimators.identify(faster) == ids[-1]


def test_the_detector_says_where_the_people_are(folder, pose_weights, rendered_people) -> None:
    settings = dataclasses.replace(pose_weights, estimator=dots.saved(folder))
    estimator = estimators.create(settings)
    pictures, reference = rendered_people
    dotted = []
    for picture, truth in zip(pictures, reference, strict=True):
        marked = picture.copy()
        points = truth.copy()
        points[FACE, 2] = 0
        dots.add(marked, points, max(picture.shape) / 60)
        dotted.append(marked)
    found = estimator.estimate([*dotted, np.full((300, 200, 3), 200, np.uint8)])
    alone = [picture for picture, one in zip(dotted, found, strict=False) if one.person_count == 1]
    side_by_side = estimator.estimate([np.concatenate([one, one], axis=1) for one in alone])
    estimator.close()
    # A box round the whole picture would hold one person.
    assert max(one.person_count for one in side_by_side) == 2
    assert (found[-1].landmarks, found[-1].person_count) == (None, 0)
    placed = [one for one in found[:-1] if one.landmarks is not None]
    assert len(placed) >= 0.8 * len(dotted)
    for truth, one in zip(reference, found, strict=False):
        if one.landmarks is not None:
            body = (truth[:, 2] > 0.8) & (one.landmarks[:, 2] > 0.6)
            body[FACE] = False
            error = np.abs(one.landmarks[body, :2] - truth[body, :2]).max(-1)
            assert np.median(error) < 0.02


def test_missing_weights_of_the_detector_name_the_remedy(folder, tmp_path) -> None:
    settings = PoseSettings(
        estimator=dots.saved(folder), weights=str(tmp_path), picture_kinds=False
    )
    for start in (estimators.create, estimators.identify):
        with pytest.raises(UnposedError, match="run: unposed models fetch"):
            start(settings)
