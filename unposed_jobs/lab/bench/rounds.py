"""Sides in turns: other work on the machine then slows all of them, and the ratio stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from unposed_jobs.lab.bench.results import Measured, Result, Target, number, quotients, spread

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
    for turn in range(rounds):
        start = turn % len(names)
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


def outcome(
    named: tuple[str, str, Target],
    sides: tuple[str, str],
    taken: list[Round],
    notes: list[str] | None = None,
) -> Result:
    """A result of images a second by the clock; the same in CPU time goes into its figures."""
    ours = Measured(sides[0], "images/s", [one.ours for one in taken])
    reference = Measured(sides[1], "images/s", [one.reference for one in taken])
    by_cpu = [one.ours_cpu / one.reference_cpu for one in taken]
    return Result(
        *named,
        ours,
        reference,
        quotients(ours, reference),
        figures={"ratio_in_cpu_time": by_cpu},
        notes=[*(notes or []), f"in CPU time {number(spread(by_cpu)[1])}"],
    )
