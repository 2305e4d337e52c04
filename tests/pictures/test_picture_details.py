"""Details: a mask is one of a product only where a plain ground is round it."""

import numpy as np
import pytest

from unposed_jobs.pictures import facts
from unposed_jobs.pictures.masks import GROUND, Mask

ROWS, COLUMNS = np.mgrid[0:90, 0:60]


def told(inside: np.ndarray, picture: np.ndarray) -> bool:
    return facts._on_plain_ground(picture, Mask(np.uint8(inside * 255), GROUND))


@pytest.fixture
def cloth() -> np.ndarray:
    return np.full((90, 60, 3), (40, 90, 60), np.uint8)


def test_a_shoe_on_white_is_a_product_on_its_ground(cloth) -> None:
    inside = np.hypot(ROWS - 45, COLUMNS - 30) < 25
    cloth[~inside] = 255
    assert told(inside, cloth)


def test_what_is_seen_above_a_shoulder_is_no_product(cloth) -> None:
    inside = ROWS < 20
    cloth[inside] = 240
    assert not told(inside, cloth)


def test_a_shirt_between_a_jacket_s_sides_is_no_product(cloth) -> None:
    inside = np.abs(COLUMNS - 30) < 12
    cloth[COLUMNS > 42] = (200, 40, 40)
    assert not told(inside, cloth)
