"""Details: a mask is a product's only where it fills the middle of the frame."""

import numpy as np
import pytest

from unposed_jobs.pictures import facts
from unposed_jobs.pictures.masks import GROUND, Mask

ROWS, COLUMNS = np.mgrid[0:90, 0:60]


@pytest.mark.parametrize(
    ("inside", "product"),
    [
        (np.hypot(ROWS - 45, COLUMNS - 30) < 25, True),
        # What is seen above a shoulder, and a placket.
        (ROWS < 20, False),
        (np.abs(COLUMNS - 30) < 4, False),
    ],
    ids=("a hat", "above a shoulder", "a placket"),
)
def test_what_fills_the_middle_of_a_detail_is_the_product(inside, product) -> None:
    assert facts._in_the_middle(Mask(np.uint8(inside * 255), GROUND)) is product
