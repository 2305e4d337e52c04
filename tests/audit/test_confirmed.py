"""What a person says that a picture shows, in the rows of the audit."""

import pytest
from small_products import audit, lost, picture, states

from unposed_jobs.audit.profile import Profile
from unposed_jobs.errors import UnposedError

SHOWS = {"product_id": "A", "image": "b", "pose": 2, "by": "Rossi"}


def shows(**more):
    return Profile.parse({"shows": [SHOWS | more]}, "shots.toml")


def test_an_unclear_picture_fills_the_ask_that_a_person_saw_in_it():
    pictures = [picture("f", 1), picture("b", 2, 0.1), picture("s", 3), picture("c", 8)]
    assert audit(*pictures)[0][2]["state"] == "unknown"
    flags, product = audit(*pictures, profile=shows())
    assert states(flags) == ["present", "present", "present", "present", "not_applicable"]
    assert (flags[2]["evidence_image"], flags[2]["shown_by"]) == ("b", "Rossi")
    assert flags[2]["confidence"] == 1.0
    assert flags[1]["shown_by"] is None
    assert product["status"] == "complete"
    assert product["poses_present"] == [1, 2, 3, 8]


def test_what_the_model_is_sure_of_stays():
    flags, _ = audit(picture("b", 3), profile=shows())
    assert (flags[2]["state"], flags[3]["state"]) == ("present", "present")
    assert (flags[2]["shown_by"], flags[3]["shown_by"]) == ("Rossi", None)
    assert flags[3]["confidence"] == pytest.approx(0.9)


@pytest.mark.parametrize(
    "changed",
    [
        {"product_id": "B"},
        {"image": "elsewhere"},
        {"content": "another picture"},
        {"pose": 77},
    ],
)
def test_of_another_product_picture_content_or_ask_nothing_is_said(changed):
    flags, _ = audit(picture("b", 1), profile=shows(**changed))
    assert flags[2]["state"] == "missing"
    assert flags[2]["shown_by"] is None


def test_the_content_that_was_looked_at_is_meant():
    flags, _ = audit(picture("b", 1), profile=shows(content="sha of b"))
    assert flags[2]["state"] == "present"


def test_a_picture_that_cannot_be_read_shows_nothing():
    flags, _ = audit(lost("b"), picture("f", 1), profile=shows())
    assert flags[2]["state"] == "missing"


def test_a_wrong_entry_is_refused():
    for entry, problem in (
        ({"product_id": "A"}, "needs product_id, image and pose"),
        (SHOWS | {"pose": "back*"}, "goes by the id"),
        (SHOWS | {"colour": "red"}, "unknown key colour"),
        (SHOWS | {"by": 3}, "by of a"),
    ):
        with pytest.raises(UnposedError, match=problem):
            Profile.parse({"shows": [entry]}, "shots.toml")
    with pytest.raises(UnposedError, match="under its own"):
        Profile.parse({"shows": "all"}, "shots.toml")
