"""What goes with a picture: least squares on the products of one day (association only).

Of the logarithm of the outcome, or of the outcome, on all terms at once and on what is held fixed,
by statsmodels; errors by MacKinnon and White's HC3, added up by cluster. Levels of a label are held
fixed each by itself, as a mixed model with the levels' means would (Mundlak, 1978), but without its
assumption that levels and pictures have nothing to do with one another. Nothing is shrunk: a ridge
would draw the estimates to 0, and its intervals would not cover. What cannot be separated is
refused instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from unposed_jobs.config import InfluenceSettings
from unposed_jobs.influence import claims, design, intervals
from unposed_jobs.influence.design import Design
from unposed_jobs.influence.estimates import HALF, REGRESSION, Estimate, Floats, Ints, Term, refused

LEAST_OF_EACH = 20
"""Products that show it, and that do not."""
SAME, ALIKE = 10.0, 5.0
"""Variance inflation factors: refused, and warned of."""
ONE_DECIDES = 0.2
"""Share of what an estimate rests on that one product may have."""


def estimate(
    rows: pa.Table, cohort: str, terms: Sequence[Term], settings: InfluenceSettings
) -> list[Estimate]:
    """One estimate for each term, in their order, from the cohort's rows of `design.PRODUCTS`."""
    log = settings.scale == "log"
    made = design.build(rows, terms, log=log, numbers=settings.numbers)
    why = _cannot(made, settings)
    if why:
        return [
            refused(cohort, term, REGRESSION, why, products=len(made.outcome)) for term in terms
        ]
    by_term = {
        term: refused(cohort, term, REGRESSION, why, products=len(made.outcome), treated=treated)
        for term, (why, treated) in _impossible(made).items()
    }
    chosen = [place for place, term in enumerate(made.terms) if term not in by_term]
    kept = replace(made, terms=tuple(made.terms[p] for p in chosen), shows=made.shows[:, chosen])
    by_term |= {one.term: one for one in fit(kept, cohort, settings.seed)}
    return claims.settle([by_term[term] for term in terms])


def fit(made: Design, cohort: str, seed: int) -> list[Estimate]:
    """The estimates of a design whose terms all vary; not yet adjusted, nothing claimed."""
    if not made.terms:
        return []
    from statsmodels.regression.linear_model import OLS  # Seconds to import: workers alone need it.

    every = np.column_stack([made.held, made.shows])
    kept = design.independent(every)
    columns = every[:, kept]
    inflation, rival = _inflation(made, every)
    chosen = np.flatnonzero(inflation <= SAME)
    places = [kept.index(made.held.shape[1] + place) for place in chosen]
    fitted = OLS(made.outcome, columns).fit()
    inverse = fitted.normalized_cov_params
    hat = ((columns @ inverse) * columns).sum(axis=1)
    weight = columns @ inverse[:, places]
    adds = weight * (fitted.resid / np.maximum(1 - hat, 1e-6))[:, None]
    found = intervals.clustered(fitted.params[places], adds, made.clusters, seed)
    share = (weight**2 / (weight**2).sum(axis=0)).max(axis=0, initial=0)
    treated = _treated(made)
    estimates = []
    for place, term in enumerate(made.terms):
        counts: dict[str, Any] = {"products": len(made.outcome), "treated": int(treated[place])}
        if inflation[place] > SAME:
            other = made.terms[rival[place]].name if len(made.terms) > 1 else "others"
            why = f"it is nearly always shown together with {other}, or with what is held fixed"
            estimates.append(refused(cohort, term, REGRESSION, why, **counts))
            continue
        own = int(np.searchsorted(chosen, place))
        warnings = list(made.warnings)
        if inflation[place] > ALIKE:
            warnings.append(f"it is often shown together with {made.terms[rival[place]].name}")
        if share[own] > ONE_DECIDES:
            warnings.append("it rests on very few products")
        estimates.append(
            Estimate(
                cohort,
                term,
                REGRESSION,
                **counts,
                clusters=found.clusters,
                estimate=float(fitted.params[places[own]]),
                low=float(found.low[own]),
                high=float(found.high[own]),
                standard_error=float(found.error[own]),
                p_value=float(found.p_value[own]),
                warnings=tuple(warnings),
            )
        )
    return estimates


def _cannot(made: Design, settings: InfluenceSettings) -> str:
    """Why nothing can be estimated of the cohort; empty where something can."""
    count, width = len(made.outcome), made.held.shape[1] + len(made.terms)
    if count == 0:
        return f"no product has a value of {settings.outcome}"
    least = max(settings.min_products, 3 * width)
    if count < least:
        return f"{count} products are too few; it takes {least}"
    values, times = np.unique(made.outcome, return_counts=True)
    if times.max() > count / 2:
        same = "0" if values[times.argmax()] in (0.0, np.log(HALF)) else "the same"
        return f"{settings.outcome} is {same} for more than half of the products"
    return ""


def _impossible(made: Design) -> dict[Term, tuple[str, int]]:
    """The terms that too few products show or lack, with why and how many show it."""
    treated, count = _treated(made), len(made.outcome)
    reasons = {}
    for term, number, column in zip(made.terms, treated, made.shows.T, strict=True):
        if number < LEAST_OF_EACH:
            reasons[term] = (f"only {number} of {count} products show it", int(number))
        elif count - number < LEAST_OF_EACH and term.ask_id is not None:
            reasons[term] = (f"only {count - number} of {count} products lack it", int(number))
        elif np.ptp(column) == 0:
            reasons[term] = ("all products are the same in it", int(number))
    return reasons


def _treated(made: Design) -> Ints:
    return (made.shows > 0).sum(axis=0)


def _inflation(made: Design, columns: Floats) -> tuple[Floats, Ints]:
    """(T,) the variance inflation factor of each term among the columns, of which the terms are the
    last, and the term most like it; very large where other columns make it."""
    gram = columns.T @ columns
    # A little on the diagonal: what others make has a large factor rather than none.
    inverse = np.linalg.inv(gram + np.diag(1e-9 * np.diagonal(gram)))
    own = np.diagonal(inverse)[-len(made.terms) :]
    factors = own * len(made.shows) * made.shows.var(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        alike = np.abs(np.nan_to_num(np.atleast_2d(np.corrcoef(made.shows, rowvar=False))))
    np.fill_diagonal(alike, -1)
    return factors, alike.argmax(axis=1)
