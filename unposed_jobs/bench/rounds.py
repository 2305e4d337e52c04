"""Sides in turns: other work on the machine then slows all of them, and the ratio stays."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Round:
    """One turn of each side, as rates (work in a second): of the wall clock and of CPU time."""

    ours: float
    reference: float
    ours_cpu: float
    reference_cpu: float


Side = Callable[[], tuple[float, float]]
"""Does the work once and returns the rates: in a second of the clock, in a second of CPU."""


def turns(sides: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """What each side returned in each round; the first to run is another one every round."""
    results: dict[str, list[T]] = {name: [] for name in sides}
    names = list(sides)
    for number in range(rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            results[name].append(sides[name]())
    return results


def measure(ours: Side, reference: Side, rounds: int) -> list[Round]:
    """Take turns with two sides that tell their rates."""
    taken = turns({"reference": reference, "ours": ours}, rounds)
    return [
        Round(a[0], b[0], a[1], b[1])
        for a, b in zip(taken["ours"], taken["reference"], strict=True)
    ]


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Least, median and most."""
    return min(values), statistics.median(values), max(values)


def report(title: str, unit: str, results: list[Round]) -> str:
    """Both sides, the ratio of each round, its median and its spread."""
    lines = [title]
    for what, sides in (
        ("wall clock", [(r.ours, r.reference) for r in results]),
        ("CPU time", [(r.ours_cpu, r.reference_cpu) for r in results]),
    ):
        ratios = [a / b for a, b in sides]
        ours, reference = (statistics.median(side) for side in zip(*sides, strict=True))
        each = " ".join(f"{ratio:.2f}" for ratio in ratios)
        least, middle, most = spread(ratios)
        lines.append(
            f"  {what}: ours {ours:.1f}, reference {reference:.1f} {unit}; ratio "
            f"{middle:.2f} ({least:.2f} to {most:.2f}; rounds: {each})"
        )
    return "\n".join(lines)
