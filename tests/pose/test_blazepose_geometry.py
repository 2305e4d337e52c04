"""What lies between the networks: anchors, suppression, regions, sampling, refinement."""

import math

import numpy as np
import pytest
import torch

from unposed_jobs.pose.blazepose import detection, geometry, landmarks, sampling


def test_anchors() -> None:
    anchors = detection.anchors()
    assert anchors.shape == (2254, 2)
    np.testing.assert_allclose(
        anchors[:4].numpy(), [[0.5 / 28, 0.5 / 28]] * 2 + [[1.5 / 28, 0.5 / 28]] * 2
    )
    np.testing.assert_allclose(anchors[-6:].numpy(), [[6.5 / 7, 6.5 / 7]] * 6)


def raw_outputs(boxes: dict[int, list[tuple[int, float, float]]], batch: int):
    """Detector outputs with (anchor, logit, shift in pixels) of boxes of 100 pixels."""
    raw, logits = torch.zeros(batch, 2254, 12), torch.full((batch, 2254, 1), -50.0)
    for picture, found in boxes.items():
        for anchor, logit, shift in found:
            logits[picture, anchor] = logit
            raw[picture, anchor, 2:4] = 100
            raw[picture, anchor, 0] = shift
            raw[picture, anchor, 4:] = torch.tensor([shift, 0.0, shift, -40.0] * 2)
    return raw, logits


def test_weighted_suppression() -> None:
    # Two boxes at one anchor become one; the third is far away.
    raw, logits = raw_outputs({1: [(800, 3.0, 0.0), (801, 1.0, 20.0), (14, 2.0, 0.0)]}, batch=3)
    people = detection.find_people(raw, logits, 0.5, 3)
    assert people.picture.tolist() == [1, 1]
    weights = torch.sigmoid(torch.tensor([3.0, 1.0]))
    shift = float(20 * weights[1] / weights.sum() / detection.SIDE)
    anchor = detection.anchors()[800]
    np.testing.assert_allclose(
        people.points[0, 0].numpy(), [anchor[0] + shift, anchor[1]], atol=1e-6
    )
    np.testing.assert_allclose(
        people.points[1, 0].numpy(), detection.anchors()[14].numpy(), atol=1e-6
    )


def test_most_people_and_least_score() -> None:
    boxes = {0: [(14, 1.0, 0.0), (800, 2.0, 0.0), (1500, 3.0, 0.0)], 2: [(5, -0.1, 0.0)]}
    raw, logits = raw_outputs(boxes, batch=3)
    people = detection.find_people(raw, logits, 0.5, 2)
    assert people.picture.tolist() == [0, 0]
    np.testing.assert_allclose(
        people.points[:, 0].numpy(), detection.anchors()[[1500, 800]].numpy(), atol=1e-6
    )
    raw[0, 1500, 2] = -1
    assert detection.find_people(raw, logits, 0.5, 1).points.shape == (1, 4, 2)
    assert not len(detection.find_people(raw, logits, 0.99, 3).picture)


def test_letterbox_and_region() -> None:
    sizes = torch.tensor([[400.0, 200.0]])
    points = torch.tensor([[[0.5, 0.5], [0.5, 0.25]]])
    pixels = geometry.from_letterbox(points, sizes)
    np.testing.assert_allclose(pixels[0].numpy(), [[200, 100], [200, 0]])
    region = geometry.body_regions(pixels)[0]
    np.testing.assert_allclose(region.numpy(), [200, 100, 250, 0], atol=1e-4)
    lying = geometry.body_regions(torch.tensor([[[200.0, 100.0], [300.0, 100.0]]]))[0]
    assert float(lying[3]) == pytest.approx(math.pi / 2)


def test_there_and_back() -> None:
    regions = torch.tensor([[120.0, 80.0, 90.0, 0.7], [10.0, 300.0, 400.0, -2.5]])
    sizes = torch.tensor([[300.0, 200.0], [640.0, 480.0]])
    corner = torch.tensor([[[64.0, 192.0, 12.8]]]).expand(2, 1, 3) / 256
    placed = geometry.to_picture(corner, regions, sizes)[:, 0]
    maps = geometry.sampling(regions, 256)
    expected = (maps @ torch.tensor([64.0, 192.0, 1.0])) / sizes
    np.testing.assert_allclose(placed[:, :2].numpy(), expected.numpy(), atol=1e-5)
    np.testing.assert_allclose(
        placed[:, 2].numpy(), (0.05 * regions[:, 2] / sizes[:, 0]).numpy(), rtol=1e-5
    )


@pytest.fixture
def pictures() -> list[np.ndarray]:
    random = np.random.default_rng(3)
    return [
        random.integers(0, 256, size, np.uint8) for size in ((40, 31, 3), (1, 9, 3), (77, 200, 3))
    ]


@pytest.mark.parametrize("border", list(sampling.Border))
def test_gather_equals_opencv(pictures, border) -> None:
    random = np.random.default_rng(4)
    regions = np.column_stack(
        [random.uniform(-20, 120, (12, 2)), random.uniform(1, 300, 12), random.uniform(-3, 3, 12)]
    )
    regions[0], regions[3:6, 3] = [1e6, -1e6, 5e5, 0.3], 0.0
    maps = geometry.sampling(torch.from_numpy(regions).float(), 64)
    indices = torch.tensor([0, 1, 2] * 4)
    theirs = sampling.on_cpu(pictures, indices.tolist(), maps.double().numpy(), 64, border)
    packed = sampling.Packed(pictures, torch.device("cpu"))
    ours = packed.squares(indices, maps, 64, border)
    np.testing.assert_array_equal(ours.numpy(), theirs)


@pytest.mark.parametrize("border", list(sampling.Border))
def test_upright_squares_of_any_size_and_place(pictures, border) -> None:
    # Larger than the picture, within it, at its edges to a part of a pixel, and beside it.
    random = np.random.default_rng(5)
    pictures.append(random.integers(0, 256, (1, 1, 3), np.uint8))
    places = np.concatenate([random.uniform(-60, 260, 60), random.integers(-2, 80, 60) / 2])
    regions = np.column_stack(
        [random.permutation(places), places, random.permutation([0.02, 3, 64, 200, 900] * 24)]
    )
    regions = np.column_stack([regions, np.zeros(len(regions))])
    maps = geometry.sampling(torch.from_numpy(regions).float(), 64)
    indices = torch.arange(len(regions)) % len(pictures)
    theirs = sampling.on_cpu(pictures, indices.tolist(), maps.double().numpy(), 64, border)
    packed = sampling.Packed(pictures, torch.device("cpu"))
    np.testing.assert_array_equal(packed.squares(indices, maps, 64, border).numpy(), theirs)


def test_sampling_rounds_to_parts_of_a_pixel() -> None:
    # Half way between 10 and 20, a hair off: MediaPipe's 1/32 of a pixel, half up.
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[:, 1], picture[:, 2] = 10, 21
    maps = np.array([[[1.0, 0, 1.504], [0, 1.0, 0]]])
    square = sampling.on_cpu([picture], [0], maps, 2, sampling.Border.BLACK)
    assert square[0, 0, 0].tolist() == [16, 16, 16]
    assert square[0, 0, 1].tolist() == [11, 11, 11]


def test_refinement() -> None:
    heat = torch.full((1, 64, 64, 4), -20.0)
    heat[0, 30, 22, 0] = 5.0
    heat[0, 30, 24, 0] = 5.0
    heat[0, 10, 10, 1] = -0.5
    heat[0, 0, 0, 2] = 8.0
    at = torch.tensor([[[20.5, 30.5], [10.5, 10.5], [-0.5, 1.5], [70.0, 5.0]]]) / 64
    moved = landmarks.refine(at, heat) * 64
    # Only the cell within three of the landmark counts; one of the two lies farther off.
    np.testing.assert_allclose(moved[0, 0].numpy(), [22, 30], atol=1e-3)
    # Too cold, and outside the map: both stay. Less than a cell outside still counts as inside.
    np.testing.assert_allclose(moved[0, 1].numpy(), [10.5, 10.5])
    np.testing.assert_allclose(moved[0, 2].numpy(), [0, 0], atol=1e-3)
    np.testing.assert_allclose(moved[0, 3].numpy(), [70, 5])
