"""Would a marketplace accept these pictures? Its rules as data, and what fails of a product's.

A marketplace is a file of `marketplaces/`: a frame to lay products out in, and rules, each with its
source, the day it was read and how sure it is. Where a marketplace says "white" or "sharp" without
a number, the number is ours.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from unposed_jobs.errors import UnposedError
from unposed_jobs.pictures import classes, colours
from unposed_jobs.pictures.facts import PictureFacts

FOLDER = Path(__file__).parent / "marketplaces"
ALL, MAIN = "all", "main"
MUST, ADVICE = "must", "advice"

_OF_PRODUCT = ("pictures", "packshots", "models", "colours_apart")
_OF_FILE = ("file_bytes", "file_format")
_DERIVED = ("background_lightness", "off_centre", "sides_cut")
_MEASURES = {item.name for item in fields(PictureFacts)} | {*_OF_PRODUCT, *_OF_FILE, *_DERIVED}
_WHICH = (ALL, MAIN, *classes.CLASSES, "jpeg", "png")
REMEDIES = ("crop", "cut_out", "re-export", "shoot", "leave_out")
"""What mends a failing rule: a part of the picture, the product on another ground, the original in
another size or file, a new picture, one fewer."""


@dataclass(frozen=True)
class Rule:
    """`measure` is a fact's name, or of a file or product; it must be within the limits or one of
    some words. `of` says which pictures: all, the main one, those of a class or a format. `level`
    is must or advice. `confidence`: the marketplace's own page, second-hand, conflicting, ours.
    `unless`: products about these parts (`colours.PARTS`) need not.
    """

    rule: str
    measure: str
    source: str
    read: str
    confidence: str
    at_least: float | None = None
    at_most: float | None = None
    one_of: tuple[str, ...] = ()
    of: str = ALL
    level: str = MUST
    remedy: str = "shoot"
    unless: tuple[str, ...] = ()

    @property
    def wanted(self) -> str:
        """The limits in words."""
        if self.one_of:
            return " or ".join(self.one_of)
        low = "" if self.at_least is None else f"{self.at_least:g}"
        high = "" if self.at_most is None else f"{self.at_most:g}"
        if low and high:
            return f"{low} to {high}"
        return f"at least {low}" if low else f"at most {high}"

    def holds(self, value: float | str) -> bool:
        """Whether a measured value is within the limits."""
        if isinstance(value, str):
            return value in self.one_of
        low = self.at_least is None or value >= self.at_least - 1e-9
        return low and (self.at_most is None or value <= self.at_most + 1e-9)


@dataclass(frozen=True)
class Frame:
    """How a product is laid out: the best size and the least in pixels, the share of the frame's
    width or height that it fills, the background's colour.
    """

    width: int
    height: int
    least_width: int
    least_height: int
    fill: float
    background: str


@dataclass(frozen=True)
class Market:
    """A marketplace: its short name, title, frame and rules."""

    name: str
    title: str
    frame: Frame
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Listed:
    """One of a product's pictures, in its order: where it is, its facts, its file."""

    picture: str
    facts: PictureFacts
    file_bytes: int
    file_format: str


@dataclass(frozen=True)
class Failing:
    """A rule that a product fails; `picture` is empty where it is about all of them."""

    rule: Rule
    picture: str
    found: str
    remedy: str


def names() -> list[str]:
    """Of all marketplaces that are known."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def market(name: str) -> Market:
    """A marketplace by its name, or by the path of a TOML file like those in `marketplaces/`.

    Raises UnposedError for one that is not known, or a file that is none.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name.lower()}.toml"
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        rules = tuple(_rule(one) for one in raw["rules"])
        return Market(path.stem, str(raw["title"]), Frame(**raw["frame"]), rules)
    except FileNotFoundError:
        known = ", ".join(names())
        raise UnposedError(f"no marketplace {name}; known: {known}, or a .toml file") from None
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UnposedError(f"{path} tells no marketplace: {error}") from None


def _rule(raw: dict[str, Any]) -> Rule:
    told: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()
    }
    told["read"] = str(raw["read"])
    rule = Rule(**told)
    for what, known in (
        (rule.measure, _MEASURES), (rule.of, _WHICH), (rule.remedy, REMEDIES),
        (rule.level, (MUST, ADVICE)),
    ):  # fmt: skip
        if what not in known:
            raise ValueError(f"rule {rule.rule}: unknown {what}")
    if rule.at_least is None and rule.at_most is None and not rule.one_of:
        raise ValueError(f"rule {rule.rule} has no limit")
    return rule


def judge(wanted: Market, pictures: Sequence[Listed], part: str | None = None) -> list[Failing]:
    """All rules that a product with these pictures fails, in the marketplace's order.

    What was not measured (writing, a fabric's place in the frame) is not judged. A product is ready
    where nothing fails that is a `MUST`.
    """
    failing = []
    for rule in wanted.rules:
        if part is not None and part in rule.unless:
            continue
        if rule.measure in _OF_PRODUCT:
            value, picture = _of_product(rule.measure, pictures)
            if not rule.holds(value):
                failing.append(Failing(rule, picture, f"{value:.4g}", rule.remedy))
            continue
        for number, one in enumerate(pictures):
            if not _concerns(rule, one, number):
                continue
            found = measured(rule.measure, one)
            if found is not None and not rule.holds(found):
                shown = found if isinstance(found, str) else f"{found:.4g}"
                failing.append(Failing(rule, one.picture, shown, _remedy(rule, one)))
    return failing


def ready(failing: Sequence[Failing]) -> bool:
    """Whether nothing of it must be mended."""
    return all(one.rule.level != MUST for one in failing)


def measured(measure: str, one: Listed) -> float | str | None:
    """What a rule asks for; None where it was not measured."""
    facts = one.facts
    if measure in _OF_FILE:
        return one.file_format if measure == "file_format" else float(one.file_bytes)
    if measure == "background_lightness":
        rgb = np.array([list(bytes.fromhex(facts.background[1:]))], np.uint8)
        return float(colours.to_lab(rgb)[0, 0])
    if measure == "off_centre":
        off = [abs(side) for side in (facts.off_centre_x, facts.off_centre_y) if side is not None]
        return max(off) if off else None
    if measure == "sides_cut":
        return float(len(facts.cut_off)) if facts.fill is not None else None
    value = getattr(facts, measure)
    if value is None or isinstance(value, str):
        return value
    # A picture in which nothing has an edge is not blurred.
    return None if measure == "edge_width" and value == 0 else float(value)


def _of_product(measure: str, pictures: Sequence[Listed]) -> tuple[float, str]:
    """A measure of all pictures together, and the picture that it is about, if one is."""
    if measure == "colours_apart":
        found = colours.disagreement([one.facts.colours for one in pictures])
        return (found[0], pictures[found[1]].picture) if found is not None else (0.0, "")
    wanted = {"packshots": (classes.PRODUCT,), "models": (classes.MODEL, classes.WORN)}.get(measure)
    return float(sum(wanted is None or one.facts.image_class in wanted for one in pictures)), ""


def _concerns(rule: Rule, one: Listed, number: int) -> bool:
    if rule.of == ALL:
        return True
    if rule.of == MAIN:
        return number == 0
    if rule.of in ("jpeg", "png"):
        return one.file_format.lower() == rule.of
    # A fabric or a chart is no packshot.
    return one.facts.image_class == rule.of and (
        one.facts.image_class != classes.PRODUCT or one.facts.fill is not None
    )


def _remedy(rule: Rule, one: Listed) -> str:
    """A picture of another ratio may be cropped where the product leaves room."""
    if rule.measure != "aspect_ratio" or one.facts.image_class == classes.PRODUCT:
        return rule.remedy
    low, high = rule.at_least or 0.0, rule.at_most or 1e9
    return "crop" if _room(one.facts, (low + high) / 2) else rule.remedy


def _room(facts: PictureFacts, ratio: float) -> bool:
    """Whether a frame of this ratio, inside the picture, still holds the product."""
    if facts.product_share is None or facts.fill is None:
        return False
    across = abs(facts.off_centre_x or 0.0)
    if facts.aspect_ratio > ratio:  # Too wide: the sides go.
        kept = ratio / facts.aspect_ratio
        return (
            not {"left", "right"} & set(facts.cut_off) and facts.product_share / kept + across < 1
        )
    return True  # Too high: a person is cropped from below.
