"""No sentence says more than its design earns."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unposed_jobs.influence import claims, rows, wording
from unposed_jobs.influence.estimates import (
    ANY_GAP,
    DIFFERENCES,
    REGRESSION,
    Claim,
    Estimate,
    Term,
    ask_term,
)

BACK = ask_term(2, "full body, back")
CAUSAL = re.compile(r"\b(effect|causes?d?|because|leads? to|increases?|boosts?|lifts?|raises?)\b")
ALLOWED = "not to say that the picture is the cause", "not shown that the picture is the cause"


def one(claim: Claim, method=REGRESSION, term=BACK, **changes) -> Estimate:
    numbers = {"estimate": 0.09, "low": 0.02, "high": 0.16, "standard_error": 0.03}
    counts = {"products": 1700, "treated": 300, "clusters": 40}
    return Estimate("tops", term, method, claim=claim, **{**counts, **numbers, **changes})


@settings(deadline=None)
@given(
    claim=st.sampled_from(get_args(Claim)),
    method=st.sampled_from([REGRESSION, DIFFERENCES]),
    term=st.sampled_from([BACK, ANY_GAP, Term("share of people", "people")]),
    values=st.lists(st.floats(-3, 3), min_size=3, max_size=3).map(sorted),
    log=st.booleans(),
)
def test_effect_is_said_where_it_is_claimed_and_nowhere_else(claim, method, term, values, log):
    low, estimate, high = values
    told = one(claim, method, term, estimate=estimate, low=low, high=high)
    said = wording.sentence(told, "rating_count", log)
    left = said
    for phrase in ALLOWED:
        left = left.replace(phrase, "")
    earned = claim == "effect" and method == DIFFERENCES
    assert bool(CAUSAL.search(left)) == earned
    assert said.endswith(".")
    assert "_" not in said


def test_sentences_read_as_they_should():
    assert wording.sentence(one("association"), "rating_count", True) == (
        "Products that show “full body, back” have +9.4 % rating count, between +2.0 % and "
        "+17.4 %, beside 1,700 products that are alike in what is held fixed: they go together, "
        "which is not to say that the picture is the cause."
    )
    assert wording.sentence(one("effect", DIFFERENCES), "sales", True) == (
        "After “full body, back” was added to 300 products, their sales changed by +9.4 % beside "
        "like products without it, between +2.0 % and +17.4 %: they had not differed before, so it "
        "is called the picture's effect."
    )
    refused = one("refused", estimate=None, warnings=("only 3 of 90 products show it",))
    assert wording.sentence(refused, "sales", True) == (
        "The data cannot tell what “full body, back” is worth in sales (only 3 of 90 products show "
        "it)."
    )
    assert "from nothing, as so many terms were tried: between" in wording.sentence(
        one("none"), "sales", True
    )
    assert wording.amount(-0.5, False) == "−0.50"


SOUND = {"p_value": 0.001, "before": 0.01, "before_p": 0.6, "placebo": 0.01, "placebo_p": 0.5}


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({}, "effect"),
        ({"p_value": 0.2}, "none"),
        ({"before_p": 0.01}, "change"),
        ({"before": -0.06}, "change"),
        ({"placebo_p": 0.03}, "change"),
        ({"placebo": 0.05}, "change"),
        ({"placebo": None, "placebo_p": None}, "change"),
        ({"before": None, "before_p": None}, "change"),
        ({"method": REGRESSION}, "association"),
        ({"estimate": None}, "refused"),
    ],
)
def test_a_claim_needs_every_check(changes, claim):
    told = {"method": DIFFERENCES, **SOUND, **changes}
    (settled,) = claims.settle([one("none", **told)])
    assert settled.claim == claim


def test_many_terms_make_each_harder_to_claim():
    alone = claims.settle([one("none", p_value=0.03)])
    among = claims.settle(
        [one("none", p_value=0.03), *(one("none", p_value=0.5) for _ in range(9))]
    )
    assert [alone[0].claim, among[0].claim] == ["association", "none"]
    assert among[0].p_adjusted == pytest.approx(0.3)


def test_rows_are_shares_on_the_log_scale_and_units_on_the_linear():
    told = [one("association"), one("refused", estimate=None, low=None, high=None)]
    first, second = rows.table(told, "sales", "log").to_pylist()
    assert first["estimate"] == pytest.approx(0.0942, abs=1e-4)
    assert first["standard_error"] == 0.03
    assert (second["estimate"], second["low"]) == (None, None)
    (linear,) = rows.table(told[:1], "average_rating", "linear").to_pylist()
    assert linear["estimate"] == 0.09
    assert (linear["ask_id"], linear["term"]) == (2, "ask 2")
