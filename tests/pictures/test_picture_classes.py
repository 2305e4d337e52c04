"""The class of a picture, by what the detectors say."""

import pytest
import tests_body

from unposed_jobs.pictures import classes
from unposed_jobs.pictures.classes import MODEL, PRODUCT, WORN, Evidence


def of(evidence: Evidence) -> str:
    return classes.CLASSES[int(classes.head().probabilities(evidence).argmax())]


@pytest.mark.parametrize(
    ("evidence", "wanted"),
    [
        (Evidence(0.99, 0.95, tests_body.standing()), MODEL),
        (Evidence(0.99, 0.02, tests_body.standing(nose=(50, -20))), WORN),
        (Evidence(0.001, 0.05, None, scene=0.98), PRODUCT),
        (Evidence(0.15, 0.05, None, scene=0.98), WORN),
        (Evidence(0.15, 0.05, None, scene=0.01), PRODUCT),
        (Evidence(None, 0.05, None), PRODUCT),
    ],
)
def test_nobody_found_in_a_scene_is_doubted_and_a_garment_laid_flat_is_not(evidence, wanted):
    assert of(evidence) == wanted
