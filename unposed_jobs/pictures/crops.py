"""Smart cropping: where head, garments, shoes and hands are in a picture of a person.

Each crop is a rule on landmarks and mask that can be read as a sentence. Lengths are in torsos,
from the shoulders' middle to the hips'. A crop has no part of the face but the head's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unposed_jobs.pictures.body import Body

NAMES = (
    "head", "upper_garment", "lower_garment", "dress", "shoes", "left_hand", "right_hand", "full",
    "upper_body", "chest", "legs",
)  # fmt: skip
"""All crops: `head` with hair and hat; hands with what they hold or wear; the framings of shots,
`upper_body` with the head, `chest` without it, `legs` from the waist to the feet.
"""

_SIDES = ("left", "right")
_Inside = npt.NDArray[np.bool_]
_Span = tuple[float, float]


@dataclass(frozen=True)
class Crop:
    """A part of a picture: `box` left, top, right, bottom in whole pixels of it.

    `coverage` is the share of what the rule wants that lies in the frame; `shorter_side` in pixels.
    """

    name: str
    box: tuple[int, int, int, int]
    coverage: float

    @property
    def shorter_side(self) -> int:
        """Of the crop, in pixels."""
        left, top, right, bottom = self.box
        return min(right - left, bottom - top)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        left, top, right, bottom = self.box
        return right - left, bottom - top


@dataclass(frozen=True)
class _Person:
    """A body and its mask (rows, columns) of the whole picture, at any size."""

    body: Body
    inside: _Inside

    def extent(self, rows: _Span, around: _Span | None = None) -> _Span | None:
        """Left and right of the mask between two heights, in pixels; within `around` if given."""
        part = self._part(rows, around)
        columns = np.flatnonzero(part.any(0))
        return self._pixels(columns, 1) if len(columns) else None

    def heights(self, columns: _Span, around: _Span | None = None) -> _Span | None:
        """Top and bottom of the mask between two columns, in pixels; within `around` if given."""
        part = self._part(around or (0.0, self.body.height), columns)
        rows = np.flatnonzero(part.any(1))
        return self._pixels(rows, 0) if len(rows) else None

    def _pixels(self, lines: npt.NDArray[np.intp], axis: int) -> _Span:
        size = (self.body.height, self.body.width)[axis] / self.inside.shape[axis]
        return float(lines[0] * size), float((lines[-1] + 1) * size)

    def _part(self, rows: _Span, columns: _Span | None) -> _Inside:
        high, wide = self.inside.shape
        part = np.zeros_like(self.inside)
        top, bottom = (round(value / self.body.height * high) for value in rows)
        left, right = (0, wide)
        if columns is not None:
            left, right = (round(value / self.body.width * wide) for value in columns)
        where = np.s_[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        part[where] = self.inside[where]
        return part


_Box = tuple[float, float, float, float]


def crops(body: Body, inside: _Inside) -> list[Crop]:
    """All crops that the frame shows at least in part, in the order of `NAMES`.

    `inside` is the person's mask (rows, columns) of the whole picture, at any size.
    """
    person = _Person(body, inside)
    found = []
    for name, rule in _RULES.items():
        wanted = rule(person)
        if wanted is None:
            continue
        crop = _in_frame(name, wanted, body)
        if crop is not None:
            found.append(crop)
    return found


def _in_frame(name: str, wanted: _Box, body: Body) -> Crop | None:
    left, top, right, bottom = wanted
    whole = (right - left) * (bottom - top)
    box = (
        max(int(np.floor(left)), 0),
        max(int(np.floor(top)), 0),
        min(int(np.ceil(right)), body.width),
        min(int(np.ceil(bottom)), body.height),
    )
    if whole <= 0 or box[2] - box[0] < 8 or box[3] - box[1] < 8:
        return None
    inner = (min(right, body.width) - max(left, 0)) * (min(bottom, body.height) - max(top, 0))
    share = float(np.clip(inner / whole, 0, 1))
    return Crop(name, box, share) if share >= _LEAST else None


_LEAST = 0.4
"""Of what a rule wants: with less in the frame there is no such crop."""


def _head(person: _Person) -> _Box | None:
    """From the mask's top to the chin, as wide as hair or hat there."""
    body = person.body
    if not body.in_frame("nose"):
        return None
    x, nose = body.at("nose")
    chin, long = body.chin, body.torso
    face = max(chin - nose, 0.12 * long)
    heights = person.heights((x - 0.9 * face, x + 0.9 * face), (0.0, chin))
    top = min(heights[0], nose - 1.5 * face) if heights else nose - 2.5 * face
    top = max(top, nose - 4.5 * face)
    wide = person.extent((top, chin), (x - 2.6 * face, x + 2.6 * face))
    left, right = wide or (x - 1.6 * face, x + 1.6 * face)
    room = 0.35 * face
    return left - room, top - room, right + room, chin + room


def _collar(body: Body) -> float:
    """Where an upper garment begins: at the neck's foot, under the chin."""
    shoulders = body.middle("shoulder")[1]
    top = shoulders - 0.18 * body.torso
    if body.in_frame("nose"):
        top = max(top, body.chin + 0.05 * body.torso)
    return float(min(top, shoulders))


def _upper_garment(person: _Person) -> _Box | None:
    """From the neck's foot to below the hips, as wide as sleeves reach."""
    body = person.body
    shoulders, hips = body.middle("shoulder")[1], body.middle("hip")[1]
    if hips <= shoulders or shoulders > body.height:
        return None
    top, bottom = _collar(body), hips + 0.38 * body.torso
    return _as_wide_as(person, top, bottom, ("shoulder", "elbow", "hip"), 0.10)


def _lower_garment(person: _Person) -> _Box | None:
    """From the waist to the ankles, as wide as hips and legs."""
    body = person.body
    hips, ankles = body.middle("hip")[1], float(body.both("ankle")[:, 1].max())
    if ankles <= hips or hips > body.height:
        return None
    top, bottom = hips - 0.30 * body.torso, ankles + 0.10 * body.torso
    return _as_wide_as(person, top, bottom, ("hip", "knee", "ankle"), 0.10)


def _dress(person: _Person) -> _Box | None:
    """From the neck's foot to the ankles."""
    body = person.body
    upper, ankles = _upper_garment(person), float(body.both("ankle")[:, 1].max())
    if upper is None or ankles <= upper[3]:
        return None
    return _as_wide_as(
        person, upper[1], ankles, ("shoulder", "elbow", "hip", "knee", "ankle"), 0.10
    )


def _shoes(person: _Person) -> _Box | None:
    """From above the ankles to the mask's end below, round both feet."""
    body = person.body
    shown = [
        side
        for side in _SIDES
        if body.in_frame(f"{side}_ankle", 0.05 * body.torso) or body.in_frame(f"{side}_foot_index")
    ]
    if not shown:
        return None
    feet = np.stack(
        [body.at(f"{side}_{part}") for side in shown for part in ("ankle", "heel", "foot_index")]
    )
    room = 0.14 * body.torso
    top = float(feet[:, 1].min()) - 0.16 * body.torso
    left, right = float(feet[:, 0].min()) - room, float(feet[:, 0].max()) + room
    below = person.heights((left, right), (top, body.height))
    reach = 0.6 * body.torso  # A foot whose place is not known may stand so far aside.
    bottom = max(float(feet[:, 1].max()) + 0.08 * body.torso, below[1] if below else 0.0)
    bottom = min(bottom, float(feet[:, 1].max()) + 0.35 * body.torso)
    wide = person.extent((float(feet[:, 1].min()), bottom), (left - reach, right + reach))
    if wide:
        left, right = min(left, wide[0]), max(right, wide[1])
    return left, top, right, bottom + 0.03 * body.torso


def _hand(side: str) -> Callable[[_Person], _Box | None]:
    def rule(person: _Person) -> _Box | None:
        """A square round wrist and fingers, where they are in sight."""
        body = person.body
        if not body.in_sight(f"{side}_wrist"):
            return None
        parts = ("wrist", "index", "pinky", "thumb")
        points = np.stack([body.at(f"{side}_{part}") for part in parts])
        middle = points.mean(0)
        half = max(0.26 * body.torso, 0.9 * float(np.abs(points - middle).max()))
        return middle[0] - half, middle[1] - half, middle[0] + half, middle[1] + half

    return rule


def _full(person: _Person) -> _Box | None:
    """All of the mask, with a little room."""
    body = person.body
    down = person.heights((0.0, body.width))
    if down is None:
        return None
    across = person.extent(down)
    assert across is not None
    room = 0.02 * max(body.width, body.height)
    return (
        max(across[0] - room, 0.0),
        max(down[0] - room, 0.0),
        min(across[1] + room, body.width),
        min(down[1] + room, body.height),
    )


def _upper_body(person: _Person) -> _Box | None:
    """From above the head to the thighs, as wide as the arms."""
    head, garment = _head(person), _upper_garment(person)
    if head is None or garment is None:
        return None
    room = 0.06 * person.body.torso
    left, right = min(garment[0], head[0]) - room, max(garment[2], head[2]) + room
    return left, head[1] - room, right, garment[3]


def _chest(person: _Person) -> _Box | None:
    """From below the mouth to the hips, as wide as shoulders and upper arms."""
    body = person.body
    shoulders, hips = body.middle("shoulder")[1], body.middle("hip")[1]
    if hips <= shoulders or shoulders > body.height:
        return None
    return _as_wide_as(person, _collar(body), hips, ("shoulder", "hip"), 0.0)


def _legs(person: _Person) -> _Box | None:
    """From the waist to below the shoes."""
    legs, feet = _lower_garment(person), _shoes(person)
    if legs is None or feet is None:
        return None
    return min(legs[0], feet[0]), legs[1], max(legs[2], feet[2]), feet[3]


def _as_wide_as(
    person: _Person, top: float, bottom: float, joints: tuple[str, ...], room: float
) -> _Box:
    """Between two heights, as wide as the mask between the joints' surroundings."""
    body = person.body
    points = np.concatenate([body.both(joint) for joint in joints])
    reach = 0.45 * body.torso
    around = (float(points[:, 0].min()) - reach, float(points[:, 0].max()) + reach)
    wide = person.extent((top, min(bottom, body.height)), around)
    margin = room * body.torso
    left, right = wide or (around[0] + reach, around[1] - reach)
    return left - margin, top, right + margin, bottom


_RULES: dict[str, Callable[[_Person], _Box | None]] = {
    "head": _head,
    "upper_garment": _upper_garment,
    "lower_garment": _lower_garment,
    "dress": _dress,
    "shoes": _shoes,
    "left_hand": _hand("left"),
    "right_hand": _hand("right"),
    "full": _full,
    "upper_body": _upper_body,
    "chest": _chest,
    "legs": _legs,
}
