"""What each cohort's best products show: the full sets of shots, with how much each matters."""

from __future__ import annotations

from dataclasses import dataclass

VIEWS = ("front", "back", "left", "right", "three_quarter")
"""`left` shows the person's left side, `right` the right one."""
FRAMINGS = ("full", "upper", "chest", "legs")
"""`chest` is cut off below the mouth; `legs` from the waist down."""
OBJECTS = ("flat_lay", "fabric", "size_chart")


@dataclass(frozen=True)
class Shot:
    """What a picture shows. `view` and `framing` are empty where nobody is in it."""

    kind: str
    view: str = ""
    framing: str = ""

    @property
    def name(self) -> str:
        """``front/full``, or ``flat_lay``."""
        return f"{self.view}/{self.framing}" if self.kind == "person" else self.kind


def parse(name: str) -> Shot:
    """The shot of this name."""
    if name in OBJECTS:
        return Shot(name)
    view, framing = name.split("/")
    if view not in VIEWS or framing not in FRAMINGS:
        raise ValueError(name)
    return Shot("person", view, framing)


@dataclass(frozen=True)
class Cohort:
    """A category and subcategory, its garment, and importances in (0, 1] of its shots."""

    category: str
    subcategory: str
    garment: str
    shots: tuple[tuple[str, float], ...]

    @property
    def full_set(self) -> tuple[str, ...]:
        """The names of all its shots, the most important first."""
        return tuple(name for name, _ in self.shots)


COHORTS = (
    Cohort("Tops", "T-shirts", "tshirt", (
        ("front/upper", 1.0), ("back/upper", 0.8), ("flat_lay", 0.75), ("front/full", 0.6),
        ("three_quarter/upper", 0.5), ("fabric", 0.4), ("front/chest", 0.35), ("left/upper", 0.25),
        ("size_chart", 0.15),
    )),
    Cohort("Tops", "Polo shirts", "polo", (
        ("front/upper", 1.0), ("three_quarter/upper", 0.8), ("back/upper", 0.65),
        ("right/upper", 0.55), ("front/full", 0.5), ("front/chest", 0.4), ("flat_lay", 0.3),
        ("fabric", 0.25), ("size_chart", 0.15),
    )),
    Cohort("Tops", "Casual shirts", "shirt", (
        ("front/upper", 1.0), ("three_quarter/upper", 0.8), ("front/full", 0.7),
        ("back/full", 0.55), ("fabric", 0.5), ("front/chest", 0.4), ("left/full", 0.3),
        ("flat_lay", 0.25),
        ("size_chart", 0.15),
    )),
    Cohort("Dresses", "Day dresses", "dress", (
        ("front/full", 1.0), ("back/full", 0.9), ("left/full", 0.7), ("three_quarter/full", 0.6),
        ("front/upper", 0.5), ("right/full", 0.35), ("fabric", 0.3), ("flat_lay", 0.2),
        ("size_chart", 0.15),
    )),
    Cohort("Bottoms", "Trousers", "trousers", (
        ("front/full", 1.0), ("back/full", 0.85), ("left/full", 0.65), ("front/legs", 0.55),
        ("three_quarter/full", 0.5), ("fabric", 0.4), ("back/legs", 0.3), ("flat_lay", 0.25),
        ("size_chart", 0.2),
    )),
    Cohort("Outerwear", "Jackets", "jacket", (
        ("front/full", 1.0), ("front/upper", 0.85), ("back/full", 0.75),
        ("three_quarter/full", 0.6), ("right/full", 0.45), ("flat_lay", 0.35), ("front/chest", 0.3),
        ("fabric", 0.25),
        ("size_chart", 0.1),
    )),
)  # fmt: skip
