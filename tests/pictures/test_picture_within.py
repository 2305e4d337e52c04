"""Shots that lie within the pictures that are there."""

import pytest
from tests_body import landmarks

from unposed_jobs.pictures import body, within
from unposed_jobs.pictures.crops import Crop
from unposed_jobs.pictures.within import Within


def picture(
    address: str, framing: str = "full", view: str = "back", side: int = 600, **crop
) -> Within:
    told = {"name": "upper_body", "coverage": 1.0} | crop
    return Within(
        address, framing, view, (Crop(told["name"], (0, 0, side, 800), told["coverage"]),)
    )


def test_an_upper_body_lies_in_a_full_one_of_the_same_view() -> None:
    found = within.offer("upper_body", "back", [picture("a", view="front"), picture("b")])
    assert (found.picture, found.crop.name) == ("b", "upper_body")


def test_the_largest_is_offered() -> None:
    assert within.offer("upper_body", "back", [picture("a"), picture("b", side=700)]).picture == "b"


@pytest.mark.parametrize(
    "only",
    [
        picture("a", view="front"),
        picture("a", framing="upper_body"),
        picture("a", side=400),
        picture("a", coverage=0.8),
        picture("a", name="legs"),
    ],
)
def test_what_shows_it_not_is_not_offered(only) -> None:
    assert within.offer("upper_body", "back", [only], least=500) is None


def test_nothing_lies_in_what_is_no_larger() -> None:
    assert within.offer("full", "back", [picture("a", name="full")]) is None


@pytest.mark.parametrize(
    ("shift", "framing"), [(0.0, "full"), (0.3, "upper_body"), (-0.13, "chest"), (-0.43, "legs")]
)
def test_how_much_of_a_person_is_in_the_frame(shift, framing) -> None:
    moved = landmarks()
    moved[:, 1] += shift
    if framing == "chest":
        moved[:, 1] *= 1.8  # Closer, too.
    assert within.framing(body.of_landmarks(moved, 100, 200)) == framing


@pytest.mark.parametrize(
    ("turn", "nose", "depth", "view"),
    [
        (1.0, 0.5, 0.0, "front"),
        (-1.0, 0.5, 0.0, "back"),
        (0.05, 0.6, 0.4, "right"),
        (0.05, 0.4, -0.4, "left"),
        (0.9, 0.55, 0.3, "three_quarter"),
    ],
)
def test_the_view_in_five(turn, nose, depth, view) -> None:
    turned = landmarks()
    turned[:, 0] = 0.5 + (turned[:, 0] - 0.5) * turn
    turned[0, 0] = nose
    turned[11, 2], turned[12, 2] = depth, -depth
    assert body.of_landmarks(turned, 100, 200).turned == view
