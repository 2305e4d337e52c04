"""Cut-outs, and products laid out in a marketplace's frame."""

import io

import numpy as np
import pytest
from PIL import Image

from unposed_jobs.pictures import cutouts
from unposed_jobs.pictures.standards import Frame

FRAME = Frame(400, 600, 200, 300, 0.8, "#ffffff")


@pytest.fixture
def product() -> tuple[np.ndarray, np.ndarray]:
    picture = np.full((1000, 900, 3), (120, 150, 130), np.uint8)
    opaque = np.zeros((1000, 900), np.uint8)
    opaque[200:800, 300:600] = 255
    picture[opaque > 0] = (180, 40, 50)
    return picture, opaque


def box(picture: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(picture.min(axis=2) < 128)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_a_png_has_alpha_and_is_cut_to_the_product(product) -> None:
    image = Image.open(io.BytesIO(cutouts.png(*product)))
    assert image.mode == "RGBA"
    assert image.size == (300, 600)


def test_the_frame_is_kept(product) -> None:
    made = cutouts.laid_out(*product, FRAME)
    assert made.picture.shape == (600, 400, 3)
    left, top, right, bottom = box(made.picture)
    assert (bottom - top) / 600 == pytest.approx(0.8, abs=0.01)
    assert left == pytest.approx(400 - right, abs=2)
    assert top == pytest.approx(600 - bottom, abs=2)
    assert tuple(made.picture[0, 0]) == (255, 255, 255)
    assert (made.scale < 1, made.note) == (True, "")


def test_nothing_is_enlarged_unasked(product) -> None:
    large = Frame(1800, 2700, 1500, 2250, 0.8, "#ffffff")
    made = cutouts.laid_out(*product, large)
    assert made.scale == 1.0
    assert made.picture.shape == (750, 500, 3)
    assert "500 x 750 pixels, the least is 1500 x 2250" in made.note
    forced = cutouts.laid_out(*product, large, enlarge=True)
    assert forced.picture.shape == (2700, 1800, 3)
    assert "enlarged 3.60 times" in forced.note


def test_a_side_that_cuts_the_product_stays_at_the_frame_s_edge(product) -> None:
    picture, opaque = product
    made = cutouts.laid_out(picture[:700], opaque[:700], FRAME)
    assert box(made.picture)[3] == 600


def test_no_rim_of_the_old_background_is_left(product) -> None:
    import cv2

    picture, opaque = product
    soft = cv2.GaussianBlur(opaque, (0, 0), 1.5)
    mixed = cv2.GaussianBlur(picture, (0, 0), 1.5)
    made = cutouts.laid_out(mixed, soft, FRAME)
    seen = made.picture.reshape(-1, 3).astype(int)
    greener = (seen[:, 1] > seen[:, 0] + 5).mean()
    assert greener < 0.001
