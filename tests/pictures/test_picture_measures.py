"""Frame, background, sharpness and exposure of drawn pictures."""

import cv2
import numpy as np
import pytest

from unposed_jobs.pictures import measures


def drawn(box, size=(400, 300), background=(255, 255, 255)) -> tuple[np.ndarray, np.ndarray]:
    width, height = size
    picture = np.full((height, width, 3), background, np.uint8)
    inside = np.zeros((height, width), bool)
    left, top, right, bottom = box
    inside[top:bottom, left:right] = True
    picture[inside] = (30, 60, 90)
    return picture, inside


def test_where_the_product_lies() -> None:
    _, inside = drawn((40, 60, 140, 240))
    placed = measures.placed(inside)
    assert placed.box == pytest.approx((0.1, 0.2, 0.35, 0.8))
    assert placed.fill == pytest.approx(0.6)
    assert placed.off_centre_x == pytest.approx(-0.275)
    assert placed.off_centre_y == pytest.approx(0.0)
    assert placed.cut_off == ()


def test_the_sides_that_cut_it() -> None:
    _, inside = drawn((0, 60, 140, 300))
    assert measures.placed(inside).cut_off == ("left", "bottom")


def test_of_an_empty_mask_nothing_is_told() -> None:
    assert measures.placed(np.zeros((20, 20), bool)) is None


@pytest.mark.parametrize(
    ("background", "white", "plain"),
    [((255, 255, 255), 1.0, 1.0), ((244, 246, 250), 0.0, 1.0), ((120, 130, 140), 0.0, 1.0)],
)
def test_what_the_background_is(background, white, plain) -> None:
    picture, inside = drawn((100, 60, 300, 240), background=background)
    ground = measures.ground(picture, inside)
    assert ground.white_share == pytest.approx(white)
    assert ground.plain_share == pytest.approx(plain)
    assert ground.colour == background


def test_a_striped_background_is_not_plain() -> None:
    picture, inside = drawn((100, 60, 300, 240))
    picture[:, ::40] = picture[:, 1::40] = picture[:, 2::40] = 0
    picture[::2][:, 20:28] = (255, 0, 0)
    assert measures.ground(picture, inside).plain_share < 0.95


@pytest.mark.parametrize("blur", [1.5, 3.0, 4.5])
def test_the_width_of_blurred_edges(blur) -> None:
    picture, _ = drawn((100, 60, 300, 240))
    sharp = measures.edge_width(picture, (0, 0, 1, 1))
    soft = measures.edge_width(cv2.GaussianBlur(picture, (0, 0), blur), (0, 0, 1, 1))
    assert sharp < 1.0
    assert soft == pytest.approx(blur, rel=0.35)


def test_a_picture_without_an_edge_has_none() -> None:
    assert measures.edge_width(np.full((80, 80, 3), 128, np.uint8), (0, 0, 1, 1)) == 0.0


def test_a_large_picture_is_measured_by_its_own_pixels() -> None:
    picture, _ = drawn((700, 500, 1300, 1300), size=(2000, 1800))
    assert measures.edge_width(picture, (0.2, 0.2, 0.8, 0.8)) < 1.0


def test_brightness_is_the_product_s() -> None:
    picture, inside = drawn((100, 60, 300, 240))
    brightness, shadowed, burnt = measures.exposure(picture, inside)
    assert brightness == pytest.approx(54 / 255, abs=0.02)
    assert (shadowed, burnt) == (0.0, 0.0)
    assert measures.exposure(picture, None)[2] > 0.5
