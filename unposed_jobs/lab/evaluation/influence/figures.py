"""From trials to figures: bias, coverage, false discoveries, power, each with its interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from unposed_jobs.lab.evaluation import bootstrap
from unposed_jobs.lab.evaluation.influence.trials import Outcome

NINE = math.log1p(0.09)
_SAME = 1e-9


@dataclass(frozen=True)
class Figure:
    """One figure with its 95 % interval over shops, and what is asked of it."""

    title: str
    value: float
    low: float
    high: float
    shops: int
    least: float | None = None
    most: float | None = None

    @property
    def asked(self) -> str:
        """In words; empty where nothing is."""
        if self.least is not None and self.most is not None:
            return f"{self.least:g} to {self.most:g}"
        return "" if self.most is None else f"≤ {self.most:g}"

    @property
    def holds(self) -> bool | None:
        """Whether it is as asked; None where nothing is."""
        if self.most is None:
            return None
        return (self.least is None or self.value >= self.least) and self.value <= self.most


def judged(title: str, outcomes: Sequence[Outcome], most_bias: float) -> list[Figure]:
    """What is asked of a method in one kind of shop."""
    return [
        bias(f"{title}: bias of 9 %, as a share of it", outcomes, most=most_bias),
        *coverage(title, outcomes),
        false_discoveries(f"{title}: false discoveries", outcomes, most=0.05),
        power(f"{title}: 9 % is found", outcomes),
    ]


def bias(title: str, outcomes: Sequence[Outcome], most: float | None = None) -> Figure:
    """How far the mean estimate of 9 % is from it, in percent of sales, as a share of the 9 %."""
    own = [one for one in outcomes if abs(one.truth - NINE) < _SAME and math.isfinite(one.estimate)]
    values = _by_shop(own, lambda one: one.estimate)
    found = bootstrap.mean(values)
    away = [math.expm1(value) / 0.09 - 1 for value in (found.value, found.low, found.high)]
    size = abs(away[0])
    ends = sorted(abs(end) for end in away[1:])
    low = 0.0 if away[1] < 0 < away[2] else ends[0]
    return Figure(title, size, low, ends[1], len(values), most=most)


def coverage(title: str, outcomes: Sequence[Outcome]) -> list[Figure]:
    """How many intervals hold the truth, of all terms and of the 9 %."""
    known = [one for one in outcomes if math.isfinite(one.low)]
    nine = [one for one in known if abs(one.truth - NINE) < _SAME]
    return [
        _mean(f"{title}: intervals that hold the truth", known, _covers, least=0.93, most=0.97),
        _mean(f"{title}: intervals of 9 % that hold it", nine, _covers),
    ]


def false_discoveries(title: str, outcomes: Sequence[Outcome], most: float | None = None) -> Figure:
    """The mean share of what is told that is nothing in truth."""
    shops = _shops(outcomes)
    values = []
    for own in shops.values():
        found = [one for one in own if one.found]
        values.append(sum(one.truth == 0 for one in found) / max(len(found), 1))
    return _figure(title, values, most=most)


def wrong_effects(title: str, outcomes: Sequence[Outcome], most: float | None = None) -> Figure:
    """The share of shops where something that is nothing is called an effect."""
    shops = _shops(outcomes)
    values = [float(any(one.effect and one.truth == 0 for one in own)) for own in shops.values()]
    return _figure(title, values, most=most)


def power(title: str, outcomes: Sequence[Outcome]) -> Figure:
    """How often the 9 % is told from nothing."""
    return _mean(
        title, [one for one in outcomes if abs(one.truth - NINE) < _SAME], lambda one: one.found
    )


def effects(title: str, outcomes: Sequence[Outcome]) -> Figure:
    """How often the 9 % is called an effect."""
    return _mean(
        title, [one for one in outcomes if abs(one.truth - NINE) < _SAME], lambda one: one.effect
    )


def of_method(outcomes: Sequence[Outcome], method: str) -> list[Outcome]:
    """Those of one method."""
    return [one for one in outcomes if one.method == method]


def _covers(one: Outcome) -> bool:
    return one.low <= one.truth <= one.high


def _mean(
    title: str,
    outcomes: Sequence[Outcome],
    statistic: Callable[[Outcome], float],
    least: float | None = None,
    most: float | None = None,
) -> Figure:
    return _figure(title, _by_shop(outcomes, statistic), least, most)


def _figure(
    title: str, values: Sequence[float], least: float | None = None, most: float | None = None
) -> Figure:
    found = bootstrap.mean(np.asarray(values, dtype=float))
    return Figure(title, found.value, found.low, found.high, len(values), least, most)


def _by_shop(outcomes: Sequence[Outcome], statistic: Callable[[Outcome], float]) -> list[float]:
    return [float(np.mean([statistic(one) for one in own])) for own in _shops(outcomes).values()]


def _shops(outcomes: Sequence[Outcome]) -> dict[int, list[Outcome]]:
    shops: dict[int, list[Outcome]] = {}
    for one in outcomes:
        shops.setdefault(one.seed, []).append(one)
    return shops
