"""The plain order: how many of a cohort's reference products show a pose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Cohort = tuple[str, ...]


@dataclass(frozen=True)
class CohortFrequency:
    """Share of reference products that show each pose, by cohort.

    `rows` maps a cohort, or a coarser prefix of it down to (), to its row in `share` (C, P), in
    [0, 1], and in `products` (C,), their number.
    """

    rows: dict[Cohort, int]
    share: Floats
    products: npt.NDArray[np.int64]

    def score(self, cohorts: Iterable[Sequence[str | None]]) -> Floats:
        """(N, P): the share in each cohort; one that is not known backs off to the coarser."""
        return self.share[[self.find(cohort) for cohort in cohorts]]

    def find(self, cohort: Sequence[str | None]) -> int:
        """The row of a cohort, or of the finest coarser one that is known."""
        for length in range(len(cohort), 0, -1):
            prefix = tuple(value for value in cohort[:length] if value is not None)
            if len(prefix) == length and prefix in self.rows:
                return self.rows[prefix]
        return self.rows[()]


SHRINKAGE = 3.0
"""Weight of the coarser cohort, in products, when a finer one's shares are estimated."""


def fit(
    cohorts: Sequence[Sequence[str | None]], shows: Bool, shrinkage: float = 0.0
) -> CohortFrequency:
    """Count. `cohorts` holds the attributes of N products, coarsest first; `shows` is (N, P).

    A null attribute ends the cohort: the product counts in the coarser ones only. With
    `shrinkage` a cohort's share is drawn to the coarser one's, the more the fewer products it has.
    """
    members = _members(cohorts)
    keys = sorted(members, key=lambda key: (len(key), key))
    share = np.zeros((len(keys), shows.shape[1]))
    row = {key: index for index, key in enumerate(keys)}
    for key in keys:  # Coarser cohorts come first.
        own = shows[members[key]]
        weight = shrinkage if key else 0.0
        total = own.sum(axis=0) + weight * (share[row[key[:-1]]] if key else 0.0)
        share[row[key]] = total / max(len(own) + weight, 1e-12)
    return CohortFrequency(
        row, share, np.array([len(members[key]) for key in keys], dtype=np.int64)
    )


def of_others(cohorts: Sequence[Sequence[str | None]], shows: Bool) -> Floats:
    """(N, P): what the other products of each product's cohort show, shrunk (`SHRINKAGE`)."""
    count = len(shows)
    share = (shows.sum(axis=0) - shows) / max(count - 1, 1)
    members = _members(cohorts)
    for key in sorted(members, key=len):
        rows = members[key]
        if key:
            others = shows[rows].sum(axis=0) - shows[rows]
            share[rows] = (others + SHRINKAGE * share[rows]) / (len(rows) - 1 + SHRINKAGE)
    return share


def cohorts_of(
    attributes: Mapping[str, Sequence[str | None]], names: Sequence[str], products: int
) -> list[tuple[str | None, ...]]:
    """The finest cohort of each of so many products; all are in one where no attribute is named."""
    values = [attributes[name] for name in names]
    return list(zip(*values, strict=True)) if values else [()] * products


def _members(cohorts: Sequence[Sequence[str | None]]) -> dict[Cohort, list[int]]:
    """The rows of each cohort and each coarser one."""
    members: dict[Cohort, list[int]] = {(): list(range(len(cohorts)))}
    for row, cohort in enumerate(cohorts):
        for length in range(1, len(cohort) + 1):
            prefix = tuple(value for value in cohort[:length] if value is not None)
            if len(prefix) < length:
                break
            members.setdefault(prefix, []).append(row)
    return members
