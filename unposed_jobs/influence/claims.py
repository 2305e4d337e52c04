"""What may be said of an estimate: adjusted for how many were tried, and what the design earns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from unposed_jobs.influence.estimates import DIFFERENCES, Claim, Estimate

FALSE_DISCOVERIES = 0.05
DOUBT = 0.05
"""A check whose p-value is below found a difference where none may be."""
LARGEST_BEFORE = 0.5
"""Of the estimate's size: what a check may find by chance without spoiling it."""


def settle(estimates: Sequence[Estimate]) -> list[Estimate]:
    """The estimates of one cohort and method with p-values adjusted (Benjamini-Hochberg), claims
    and the warnings of failed checks."""
    from statsmodels.stats.multitest import multipletests

    tried = [one for one in estimates if one.p_value is not None and np.isfinite(one.p_value)]
    adjusted: dict[int, float] = {}
    if tried:
        values = multipletests([one.p_value for one in tried], method="fdr_bh")[1]
        adjusted = {id(one): float(value) for one, value in zip(tried, values, strict=True)}
    return [_claimed(replace(one, p_adjusted=adjusted.get(id(one)))) for one in estimates]


def _claimed(one: Estimate) -> Estimate:
    if one.estimate is None:
        return replace(one, claim="refused")
    if one.p_adjusted is None or one.p_adjusted >= FALSE_DISCOVERIES:
        return replace(one, claim="none")
    if one.method != DIFFERENCES:
        return replace(one, claim="association")
    failed = _failed_checks(one)
    claim: Claim = "change" if failed else "effect"
    return replace(one, claim=claim, warnings=(*one.warnings, *failed))


def _failed_checks(one: Estimate) -> list[str]:
    """Why a difference after the picture is not called its effect."""
    failed = []
    for value, p_value, differed, untried in (
        (
            one.before,
            one.before_p,
            "the products were drawing apart before the picture came",
            "whether the products drew apart before is not known",
        ),
        (
            one.placebo,
            one.placebo_p,
            "it shows at a date before the picture came, too",
            "the history is too short to try a date before the picture came",
        ),
    ):
        if value is None or p_value is None:
            failed.append(untried)
        elif p_value < DOUBT or abs(value) > LARGEST_BEFORE * abs(one.estimate or 0.0):
            failed.append(differed)
    return failed
