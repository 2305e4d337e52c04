"""Where a region lies, what the model sees of it, and the way back."""

import numpy as np
import pytest

from unposed_jobs.config import PoseSettings
from unposed_jobs.pose.coco17 import boxes, crops

BOXES = np.array([[30, 20, 90, 220], [0, 0, 400, 50], [-20, 10, 30, 60], [5, 5, 25, 600]], float)
SIZES = [(192, 256), (256, 192), (288, 384), (100, 100)]


@pytest.mark.parametrize("size", SIZES)
def test_a_region_has_the_inputs_aspect_and_holds_the_padded_box(size) -> None:
    found = crops.regions(BOXES, size[0] / size[1])
    np.testing.assert_allclose(found[:, 2] / found[:, 3], size[0] / size[1])
    np.testing.assert_allclose(found[:, :2], (BOXES[:, :2] + BOXES[:, 2:]) / 2)
    padded = 1.25 * (BOXES[:, 2:] - BOXES[:, :2])
    np.testing.assert_allclose((found[:, 2:] / padded).min(1), 1)


@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("box", BOXES.tolist())
def test_what_a_crop_shows_is_put_back_where_it_was(size, box, unbiased) -> None:
    # A picture of two slopes: its values are its coordinates, so a crop tells where it looked.
    height, width = 640, 420
    slopes = np.zeros((height, width, 3), np.uint8)
    slopes[..., 0] = np.arange(width) / width * 255
    slopes[..., 1] = np.arange(height)[:, None] / height * 255
    slopes[..., 2] = 255
    region = crops.regions(np.array([box]), size[0] / size[1])
    shown = crops.crop(slopes, region[0], size, unbiased=unbiased)
    assert shown.shape == (size[1], size[0], 3)
    inside = np.argwhere(shown[..., 2] == 255)
    rows, columns = inside[:: max(1, len(inside) // 200)].T
    ends = np.array(size) - (1 if unbiased else 0)
    points = np.stack([columns / ends[0], rows / ends[1], np.ones(len(rows))], axis=1)
    placed = crops.to_picture(points[None].astype(np.float32), region, np.array([[width, height]]))
    values = shown[rows, columns, :2] / 255
    np.testing.assert_allclose(placed[0, :, :2], values, atol=2.5 / 255)


def test_outside_of_the_picture_is_black() -> None:
    white = np.full((50, 40, 3), 255, np.uint8)
    region = crops.regions(np.array([[0.0, 0, 40, 50]]), 0.75)[0]
    shown = crops.crop(white, region, (192, 256), unbiased=False)
    assert (shown[0] == 0).all()
    assert (shown[128, 96] == 255).all()


def test_values_are_mmposes() -> None:
    pixel = np.full((1, 2, 2, 3), [123, 116, 200], np.uint8)
    found = crops.normalised(pixel, PoseSettings())
    assert found.shape == (1, 3, 2, 2)
    assert found.dtype == np.float32
    wanted = (np.array([123, 116, 200]) - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375]
    np.testing.assert_allclose(found[0, :, 0, 0], wanted, rtol=1e-5)
    settings = PoseSettings(onnx_colour_order="bgr", onnx_mean=(0, 0, 0), onnx_std=(1, 2, 4))
    np.testing.assert_allclose(crops.normalised(pixel, settings)[0, :, 0, 0], [200, 58, 30.75])


@pytest.mark.parametrize(
    ("reach", "box"),
    [
        ((0, -80), (60, 20, 140, 180)),  # Upright: as long as the circle, half as broad.
        ((80, 0), (20, 60, 180, 140)),  # Lying.
        ((0, -160), (20, 0, 180, 200)),  # Larger than the picture: cut at its edges.
    ],
)
def test_a_body_box_follows_the_detectors_points(reach, box) -> None:
    hips = np.array([100.0, 100.0])
    points = np.stack([hips, hips + reach])[None]
    found = boxes.body_boxes(points, np.array([[200.0, 200.0]]))
    np.testing.assert_allclose(found, [box])


def test_a_whole_frame_is_one_box() -> None:
    found = boxes.whole_frames([np.zeros((30, 20, 3), np.uint8), np.zeros((5, 9, 3), np.uint8)])
    np.testing.assert_array_equal(np.concatenate(found), [[0, 0, 20, 30], [0, 0, 9, 5]])
