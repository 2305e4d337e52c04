"""How far a picture's landmarks are relied on, and that this reaches the confidence."""

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pytest
from landmark_figures import Pose, figure
from reference_tables import reference

from unposed_jobs.reference.bundle import Bundle
from unposed_jobs.reference.pictures import arrays

PERSON = reference(products=1).slice(0, 1).to_pylist()[0]


def table(*changes: dict) -> pa.Table:
    """One picture with a person, once for each of the changes."""
    schema = reference(products=1).schema
    for name in ("person_confidence", "person_probability"):
        schema = schema.append(pa.field(name, pa.float32()))
    return pa.Table.from_pylist([PERSON | change for change in changes], schema=schema)


def trust(**change: object) -> float:
    return float(arrays(table(change), None, 0).trust[0])


def seen(points: int) -> list[float]:
    """The landmarks with so many of the 33 points in sight."""
    values = np.array(PERSON["landmarks"]).reshape(33, 5)
    values[points:, 3:] = 0
    values[:points, 3:] = 1
    return values.ravel().tolist()


def test_who_is_well_seen_and_alone_is_trusted() -> None:
    assert trust() == 1
    assert trust(pose_score=None, person_count=None) == 1


def test_a_low_score_and_few_points_are_trusted_less() -> None:
    assert trust(pose_score=0.1) == pytest.approx(0.2)
    assert trust(landmarks=seen(3)) == pytest.approx(0.5)
    assert trust(landmarks=seen(6)) == 1


def test_a_person_judged_as_a_whole_is_trusted_by_that_judgement() -> None:
    assert trust(person_confidence=0.45) == pytest.approx(0.5)
    assert trust(person_confidence=0.95) == 1  # Sure enough: its joints are near their places.
    headless = {"landmarks": seen(2), "pose_score": 0.1}
    assert trust(**headless, person_confidence=0.72) == pytest.approx(0.8)
    assert trust(**headless, person_confidence=None) < 0.1


def test_a_body_without_a_head_is_trusted_as_surely_as_somebody_is_there() -> None:
    judged = {"person_confidence": 0.45, "person_probability": 0.95}
    values = np.array(PERSON["landmarks"]).reshape(33, 5)
    values[:11, 3:] = 0  # The head is not in the picture.
    headless = {"landmarks": values.ravel().tolist()} | judged
    assert trust(**headless) == pytest.approx(0.95)
    assert trust(**headless | {"person_probability": None}) == pytest.approx(0.5)
    assert trust(**judged) == pytest.approx(0.5)  # A head may be put where there is none.
    assert trust(**headless, person_count=2) == pytest.approx(0.7 * 0.5)


def test_a_mouth_that_is_hardly_seen_leaves_a_front_in_doubt() -> None:
    values = figure(Pose())
    values[:, 3:] = 1 - 1e-5
    sure = {"landmarks": values.ravel().tolist(), "person_confidence": 0.93}
    values[9:11, 3] = 0.99
    swapped = sure | {"landmarks": values.ravel().tolist()}
    assert trust(**sure) > 0.98
    assert trust(**swapped) < 0.7
    assert arrays(table(swapped), None, 0).somebody[0] == arrays(table(sure), None, 0).somebody[0]


def test_what_makes_a_class_is_that_somebody_is_there_wherever_the_joints_are() -> None:
    pictures = table({"person_confidence": 0.45, "person_probability": 0.95}, {})
    assert arrays(pictures, None, 0).somebody.tolist() == pytest.approx([0.95, 1.0])


def test_more_than_one_person_is_less_confidence_however_it_was_found() -> None:
    for judged in (None, 0.8):
        alone = trust(person_confidence=judged)
        assert trust(person_confidence=judged, person_count=2) == pytest.approx(0.7 * alone)
        assert trust(person_confidence=judged, person_count=5) == pytest.approx(0.7 * alone)


def test_the_persons_confidence_is_a_factor_of_the_poses(bundle: Bundle) -> None:
    pictures = table(
        {"person_confidence": 1.0},
        {"person_confidence": 0.45},
        {"person_confidence": 0.45, "person_count": 2},
    )
    found = bundle.assign(pictures)
    sure, half, crowd = found["confidence"].to_pylist()
    assert sure > 0.5
    assert half == pytest.approx(0.5 * sure, rel=1e-4)
    assert crowd == pytest.approx(0.35 * sure, rel=1e-4)
    assert len(set(found["pose_id"].to_pylist())) == 1


def test_a_bare_picture_in_which_somebody_may_be_is_less_sure(
    bundle: Bundle, pictures: pa.Table
) -> None:
    bare = pictures.filter(pa.compute.equal(pictures["status"], "no_person"))
    bare = bare.take([0, 0, 0]).append_column("person_probability", pa.array([None, 0.0, 0.4]))
    unjudged, nobody, doubtful = bundle.assign(bare)["confidence"].to_pylist()
    assert unjudged == nobody > 0.5
    assert doubtful == pytest.approx(0.6 * nobody, rel=1e-4)
