"""An estimate in plain words. "Effect" is said where the design earns it, and nowhere else."""

from __future__ import annotations

import math

from unposed_jobs.influence.estimates import ANY_GAP, DIFFERENCES, POINTS, Estimate


def sentence(one: Estimate, outcome: str, log: bool) -> str:
    """The estimate in one sentence; `outcome` is the column that it is of."""
    said = _said(one, outcome.replace("_", " "), log)
    return said + (f" ({'; '.join(one.warnings)})." if one.warnings else ".")


def amount(value: float, log: bool) -> str:
    """An estimate as people read it: ``+9.1 %``, or ``+0.12``; U+2212 is its minus."""
    number = 100 * math.expm1(value) if log else value
    text = f"{number:+.1f} %" if log else f"{number:+.2f}"
    return text.replace("-", "−")


def between(one: Estimate, log: bool) -> str:
    """The 95 % interval, in words."""
    if one.low is None or one.high is None:
        return ""
    return f"between {amount(one.low, log)} and {amount(one.high, log)}"


def _said(one: Estimate, outcome: str, log: bool) -> str:
    if one.estimate is None or one.claim == "refused":
        return f"The data cannot tell what {_quoted(one)} is worth in {outcome}"
    size = amount(one.estimate, log)
    span = between(one, log)
    if one.claim == "none":
        alone = one.low is not None and one.high is not None and one.low * one.high > 0
        many = ", as so many terms were tried" if alone else ""
        return (
            f"What {_quoted(one)} is worth in {outcome} cannot be told from nothing{many}: {span} "
            f"({one.products:,} products)"
        )
    if one.method != DIFFERENCES:
        if one.term.ask_id is None:
            shown = f"Products with {POINTS:.0f} points more in {_quoted(one)} have"
        else:
            shown = f"Products that show {_quoted(one)} have"
        return (
            f"{shown} {size} {outcome}, {span}, beside {one.products:,} products that are alike in "
            "what is held fixed: they go together, which is not to say that the picture is the "
            "cause"
        )
    came = "any missing picture" if one.term == ANY_GAP else _quoted(one)
    after = (
        f"After {came} was added to {one.treated:,} products, their {outcome} changed by {size} "
        f"beside like products without it, {span}"
    )
    if one.claim == "effect":
        return f"{after}: they had not differed before, so it is called the picture's effect"
    return f"{after}: it is not shown that the picture is the cause"


def _quoted(one: Estimate) -> str:
    return f"“{one.term.name}”"
