"""What a ratio is measured as: both sides, their spread, the target, and whether it is met."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

GATED = frozenset({"1", "2", "3", "4"})
"""Ratios of speed, which count only where the landmarks and the flags are the reference's."""


@dataclass(frozen=True)
class Measured:
    """One side: its value in each round."""

    name: str
    unit: str
    values: list[float]

    def __str__(self) -> str:
        least, middle, most = spread(self.values)
        return f"{number(middle)} {self.unit} ({number(least)} to {number(most)})"


@dataclass(frozen=True)
class Target:
    """`at_least` or `at_most` so much."""

    kind: Literal["at_least", "at_most"]
    value: float

    def met(self, value: float) -> bool:
        """Whether a figure reaches it."""
        return value >= self.value if self.kind == "at_least" else value <= self.value

    def __str__(self) -> str:
        return f"{'≥' if self.kind == 'at_least' else '≤'} {number(self.value)}"


@dataclass(frozen=True)
class Result:
    """One ratio; `number` is that of the list of nine, or F (facts), with a word where it has
    several parts.

    `ratios` has a figure for each round. One that could not be measured has none, and `absent`
    says why. `figures` are further measured figures, `notes` what a reader must know.
    """

    number: str
    title: str
    target: Target
    ours: Measured | None = None
    reference: Measured | None = None
    ratios: list[float] = field(default_factory=list)
    absent: str | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    invalid: str | None = None
    """Why the figure does not count, though it was measured."""

    @property
    def median(self) -> float | None:
        """The figure that is held against the target."""
        return spread(self.ratios)[1] if self.ratios else None

    @property
    def verdict(self) -> str:
        """met, not met, invalid or not measured."""
        if self.median is None:
            return "not measured"
        if self.invalid:
            return "invalid"
        return "met" if self.target.met(self.median) else "not met"

    @property
    def spread_text(self) -> str:
        """The ratio's median and its least and most."""
        if not self.ratios:
            return "–"
        least, middle, most = spread(self.ratios)
        return f"{number(middle)} ({number(least)} to {number(most)})"

    def as_json(self) -> dict[str, Any]:
        """For the file of results."""
        return dataclasses.asdict(self) | {"median": self.median, "verdict": self.verdict}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Result:
        """The inverse of `as_json`."""
        values = {name: row[name] for name in (item.name for item in dataclasses.fields(cls))}
        values["target"] = Target(**row["target"])
        for side in ("ours", "reference"):
            values[side] = Measured(**row[side]) if row[side] else None
        return cls(**values)


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Least, median and most."""
    return min(values), statistics.median(values), max(values)


def quotients(ours: Measured, reference: Measured) -> list[float]:
    """Ours over the reference, round by round."""
    return [a / b for a, b in zip(ours.values, reference.values, strict=True)]


def not_measured(numbers: Sequence[tuple[str, str, Target]], why: str) -> list[Result]:
    """Results that say why they are absent."""
    return [Result(name, title, target, absent=why) for name, title, target in numbers]


def number(value: float) -> str:
    """A figure with as many digits as its size deserves."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 100:
        return f"{value:.0f}"
    if size >= 10:
        return f"{value:.1f}"
    if size >= 0.1:
        return f"{value:.2f}"
    return f"{value:.2g}"
