from __future__ import annotations

import pytest

from unposed_jobs.config import TrainingSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.reference import selection

SETTINGS = TrainingSettings(min_pictures=10)


def test_enough_products_are_no_matter():
    selection.require_enough(selection.MIN_PRODUCTS, 100, 0, SETTINGS)


def test_too_few_products_say_which_setting_would_do():
    with pytest.raises(UnposedError, match=r"only 2 of 40 .*--min-pictures 4"):
        selection.require_enough(2, 40, 4, SETTINGS)


def test_a_catalogue_that_no_setting_helps_is_told_so():
    with pytest.raises(UnposedError, match="too few products with pictures"):
        selection.require_enough(0, 2, 0, SETTINGS)
