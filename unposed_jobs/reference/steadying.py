"""What is asked of a cohort does not change by chance: the champion's shares, dragged along.

A cohort's share of a pose is counted on a few dozen products at best, and a pose near the audit's
threshold would be asked for in one week and not in the next. So the share that decides stays where
the champion's was while that is compatible with the new count, and is dragged along, at the edge
of what chance explains, where it is not. Whatever the threshold, a pose is thus asked for until
its share lies clearly below, and is asked for anew once it lies clearly above.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]

CHANCE = 1.645
"""Standard errors of a count that are taken for chance: 90 % of them."""
STEADY = "steady_share"
"""The column of a model's cohorts that the audit decides by."""


def steady(share: Floats, products: npt.NDArray[np.int64], before: Floats) -> Floats:
    """(N,) shares to decide by, from those counted on so many products and the champion's.

    `before` is NaN where the champion had none; the count is then taken as it is.
    """
    # Agresti and Coull's: a share of 0 or 1 of four products is no certainty either.
    count = np.asarray(products, dtype=np.float64)
    middle = (share * count + 1) / (count + 2)
    margin = CHANCE * np.sqrt(middle * (1 - middle) / (count + 2))
    dragged = np.clip(before, share - margin, share + margin)
    return np.clip(np.where(np.isnan(before), share, dragged), 0.0, 1.0)


def carry(
    cohorts: pa.Table,
    keys: Sequence[str],
    champion: pa.Table | None,
    counted: Floats | None = None,
) -> pa.Table:
    """Add the column `STEADY` to a model's cohorts; `champion` are the champion's, if any.

    `keys` name a row: the cohort attributes and pose_id or ask_id. `counted` (R,) are shares to go
    by instead of the column. What the champion did not have, and a champion that defines cohorts
    by other attributes, leave the shares as they were counted.
    """
    before: dict[tuple[Any, ...], float] = {}
    if champion is not None and set(keys) <= set(champion.column_names):
        column = STEADY if STEADY in champion.column_names else "share"
        before = dict(zip(_keys(champion, keys), champion[column].to_pylist(), strict=True))
    past = np.array([before.get(key, np.nan) for key in _keys(cohorts, keys)], dtype=np.float64)
    share = cohorts["share"].to_numpy() if counted is None else counted
    values = steady(share, cohorts["products"].to_numpy(), past)
    place = cohorts.column_names.index("share") + 1
    return cohorts.add_column(place, STEADY, pa.array(values, pa.float64()))


def _keys(cohorts: pa.Table, names: Sequence[str]) -> list[tuple[Any, ...]]:
    return list(zip(*(cohorts[name].to_pylist() for name in names), strict=True))
