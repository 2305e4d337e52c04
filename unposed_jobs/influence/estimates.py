"""What is estimated, and what came of it: the types that the room's files hand on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

REGRESSION: Final = "regression"
DIFFERENCES: Final = "difference_in_differences"
ALL_PRODUCTS = ""
"""The cohort of every category together."""
POINTS = 10.0
"""A share's estimate is for so many hundredths of a product's pictures more."""

HALF = 0.5
"""Added to a count before its logarithm: its mean is then that of the rate but for the inverse
square of the rate (Anscombe, 1948); one, as is usual, would draw percentages to 0."""

Method = Literal["regression", "difference_in_differences"]
Claim = Literal["effect", "association", "change", "none", "refused"]
"""`effect`: earned by the design; `association`: products that show it differ so; `change`: it
differed after the picture came, but a check of the design failed; `none`: it cannot be told from
nothing; `refused`: the data do not allow an estimate."""


@dataclass(frozen=True, order=True)
class Term:
    """One thing that an estimate is of: that an ask is filled, or a share of the pictures."""

    id: str
    """``ask 12``, ``share of pictures with a person`` or ``any gap``."""
    name: str
    """As people read it."""
    ask_id: int | None = None


ANY_GAP = Term("any gap", "any missing picture")
"""Of the differences in differences: gaps closed, whichever."""


def ask_term(ask_id: int, name: str) -> Term:
    """The term of an ask."""
    return Term(f"ask {ask_id}", name, ask_id)


@dataclass(frozen=True)
class Estimate:
    """What one method says of one term in one cohort.

    `estimate`, `low`, `high` (95 %) and `standard_error` are natural logarithms of a ratio where
    the scale is `log`, else in the outcome's unit; None where refused.
    """

    cohort: str
    """A category; `ALL_PRODUCTS`."""
    term: Term
    method: Method
    products: int
    """All that were compared."""
    treated: int
    """Those of them that show it, or whose gap was closed."""
    clusters: int = 0
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    """Benjamini-Hochberg over the terms of the cohort and method."""
    before: float | None = None
    """Of the differences: what differed already within the periods before (0 is wanted)."""
    before_p: float | None = None
    placebo: float | None = None
    """The same estimate at a date before the picture came (0 is wanted)."""
    placebo_p: float | None = None
    claim: Claim = "refused"
    warnings: tuple[str, ...] = ()
    """Why it is refused, or what weakens it, each a clause."""
    by_period: tuple[float | None, ...] = ()
    """Of the differences: period by period, from the first before to the last after."""


def refused(
    cohort: str, term: Term, method: Method, why: str, *, products: int = 0, treated: int = 0
) -> Estimate:
    """An estimate that the data do not allow."""
    return Estimate(cohort, term, method, products, treated, warnings=(why,))
