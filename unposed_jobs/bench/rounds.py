"""Two sides in turns: other work on the machine then slows both, and the ratio stays."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Round:
    """One turn of each side, as rates (work in a second): of the wall clock and of CPU time."""

    ours: float
    reference: float
    ours_cpu: float
    reference_cpu: float


Side = Callable[[], tuple[float, float]]
"""Does the work once and returns the rates: in a second of the clock, in a second of CPU."""


def measure(ours: Side, reference: Side, rounds: int) -> list[Round]:
    """Take turns, the first changing each round."""
    results = []
    for number in range(rounds):
        if number % 2:
            first, second = ours(), reference()
        else:
            second, first = reference(), ours()
        results.append(Round(first[0], second[0], first[1], second[1]))
    return results


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
        lines.append(
            f"  {what}: ours {ours:.1f}, reference {reference:.1f} {unit}; ratio "
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}; "
            f"rounds: {each})"
        )
    return "\n".join(lines)
