"""A shot that is missing may lie in a picture that is there: an upper body within a full one.

A crop of one of the product's own pictures shows a shot where the picture shows a larger framing
of the same view, and the crop is large enough. The best is the one with the most pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unposed_jobs.pictures.body import Body
from unposed_jobs.pictures.crops import Crop

LARGER = {
    "upper_body": ("full",),
    "chest": ("full", "upper_body"),
    "legs": ("full",),
}
"""Framings that a crop can show, and those that it lies in."""
WHOLE = 0.9
"""Least coverage of a crop: a part of a shot is no shot."""


@dataclass(frozen=True)
class Within:
    """A picture's address, and what it shows: framing, view in five (`Body.turned`), its crops."""

    picture: str
    framing: str
    view: str
    crops: tuple[Crop, ...]


@dataclass(frozen=True)
class Offer:
    """A crop of a picture that shows what is missing."""

    picture: str
    crop: Crop


def framing(body: Body) -> str:
    """How much of a person is in the frame: full, upper_body, chest, legs or other."""
    head = body.in_frame("nose")
    hips = body.middle("hip")[1] < body.height
    feet = body.middle("ankle")[1] < body.height
    shoulders = 0 < body.middle("shoulder")[1] < body.height
    if head and shoulders and feet:
        return "full"
    if head and shoulders:
        return "upper_body"
    if shoulders:
        return "chest"
    return "legs" if hips and feet else "other"


def offer(framing: str, view: str, pictures: Sequence[Within], least: int = 500) -> Offer | None:
    """The best crop of these pictures that shows a framing from a view; None where none does.

    `least` pixels of its shorter side. A framing without a rule, such as full, lies in none.
    """
    found = [
        Offer(one.picture, crop)
        for one in pictures
        if one.framing in LARGER.get(framing, ()) and one.view == view
        for crop in one.crops
        if crop.name == framing and crop.coverage >= WHOLE and crop.shorter_side >= least
    ]
    return max(found, key=lambda one: one.crop.shorter_side, default=None)
