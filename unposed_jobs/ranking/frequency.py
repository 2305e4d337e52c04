"""The plain order: how many of a cohort's reference products show a pose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def fit(cohorts: Sequence[Sequence[str | None]], shows: Bool) -> CohortFrequency:
    """Count. `cohorts` holds the attributes of N products, coarsest first; `shows` is (N, P).

    A null attribute ends the cohort: the product counts in the coarser ones only.
    """
    members: dict[Cohort, list[int]] = {(): list(range(len(cohorts)))}
    for row, cohort in enumerate(cohorts):
        for length in range(1, len(cohort) + 1):
            prefix = tuple(value for value in cohort[:length] if value is not None)
            if len(prefix) < length:
                break
            members.setdefault(prefix, []).append(row)
    keys = sorted(members, key=lambda key: (len(key), key))
    share = np.array(
        [
            shows[members[key]].mean(axis=0) if members[key] else np.zeros(shows.shape[1])
            for key in keys
        ]
    )
    return CohortFrequency(
        {key: index for index, key in enumerate(keys)},
        share.reshape(len(keys), shows.shape[1]),
        np.array([len(members[key]) for key in keys], dtype=np.int64),
    )
