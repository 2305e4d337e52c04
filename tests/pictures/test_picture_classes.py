"""The class of a picture, by what the detectors say."""

import numpy as np
import pytest
import tests_body
from PIL import Image

from unposed_jobs.pictures import classes
from unposed_jobs.pictures.classes import MODEL, PRODUCT, WORN, Evidence
from unposed_jobs.pose import statistics
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.kinds import reading


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


@pytest.mark.parametrize("colour", [(255, 255, 255), (150, 150, 155), (226, 190, 180)])
def test_a_scene_has_no_plain_border(colour) -> None:
    """Trousers that the frame cuts look like legs; what they lie on looks like no scene."""
    width = len(reading.head().mean) - len(statistics.NAMES)
    evidence = reading.head().mean[:width].astype(np.float32)
    estimate = PoseEstimate(None, 0.0, 0, person_probability=0.15, kind_evidence=evidence)
    ground = np.full((60, 60, 3), colour, np.uint8)
    ground[10:50, 30:] = (40, 60, 120)
    plain = statistics.describe(Image.fromarray(ground))
    street = plain.copy()
    street[statistics.NAMES.index("border_uniformity")] = 0.3
    laid, other = (classes.evidence_of(estimate, 0.0, None, one) for one in (plain, street))
    assert laid.scene < 0.1
    assert other.scene > 5 * laid.scene
