"""Writing: which of the network's marks are words."""

import numpy as np
import pytest

from unposed_jobs.pictures import text


def marks(rows: slice, columns: slice, sure: float = 1.0) -> np.ndarray:
    found = np.zeros((416, 352), np.float32)
    found[rows, columns] = sure
    return found


@pytest.mark.parametrize(
    ("rows", "columns", "sure", "words"),
    [
        (slice(40, 52), slice(60, 160), 0.99, True),
        # The gap between two legs.
        (slice(60, 160), slice(40, 52), 0.99, False),
        # A striped sleeve.
        (slice(40, 72), slice(60, 180), 0.99, False),
        (slice(40, 52), slice(60, 160), 0.8, False),
        (slice(40, 52), slice(60, 80), 0.99, False),
    ],
)
def test_words_are_sure_thin_and_run_across(rows, columns, sure, words) -> None:
    found = text._lines(marks(rows, columns, sure))
    assert len(found) == 1
    assert found.words.tolist() == [words]
