"""What a day must be like before it is published: each rule against rows that break it."""

from __future__ import annotations

import pyarrow as pa
import pytest
from warehouse_samples import DAY, NEXT, audit_rows, flag_rows, publish_day

from unposed_jobs.config import CheckSettings
from unposed_jobs.sql import statements
from unposed_jobs.warehouse import day_checks

MANY = [f"p{number:02}" for number in range(40)]


def stage(warehouse, day=NEXT, audits=None, flags=None, products=MANY):
    rows = {
        "pose_flags": flags if flags is not None else flag_rows(day, products),
        "product_audit": audits if audits is not None else audit_rows(day, products),
    }
    return {name: warehouse.stage(name, "new").write(table) for name, table in rows.items()}


def judge(warehouse, staged, products=40, accepted="", **settings):
    expected = {"product_audit": products, "pose_flags": 2 * products}
    verdict = day_checks.judge(
        warehouse, NEXT, staged, expected, settings=CheckSettings(**settings), accepted=accepted
    )
    return verdict, {result.rule: result for result in verdict.results}


def with_flags(**changes):
    """Flags of which the first missing one is changed."""
    rows = flag_rows(NEXT, MANY).to_pylist()
    rows[1] |= changes
    return pa.Table.from_pylist(rows, schema=flag_rows(NEXT, MANY).schema)


def test_a_day_like_the_one_before_passes_every_rule(warehouse):
    publish_day(warehouse, DAY, MANY, "old")
    verdict, _ = judge(warehouse, stage(warehouse))
    assert {result.outcome for result in verdict.results} == {"passed"}
    assert verdict.compared_with == DAY


def test_the_first_day_has_nothing_to_be_compared_with(warehouse):
    verdict, results = judge(warehouse, stage(warehouse))
    assert verdict.compared_with is None
    assert {results[rule].outcome for rule in day_checks.CHANGES} == {"skipped"}
    assert verdict.of("failed") == []


@pytest.mark.parametrize(
    ("rule", "changed"),
    [
        ("rows", {"products": MANY[1:]}),
        ("keys", {"flags": flag_rows(NEXT, [*MANY[1:], "stranger"])}),
        ("keys", {"flags": flag_rows(NEXT, [*MANY, MANY[0]])}),
        ("ranges", {"flags": with_flags(confidence=1.5)}),
        ("ranges", {"flags": with_flags(score=float("nan"))}),
        ("ranges", {"flags": with_flags(state="lost")}),
        ("ranges", {"audits": audit_rows(NEXT, MANY, usable=[9] * len(MANY))}),
        ("ranges", {"audits": audit_rows(NEXT, MANY, completeness=[1.1] * len(MANY))}),
        ("ranks", {"flags": with_flags(rank=2)}),
        ("ranks", {"flags": with_flags(rank=None)}),
        ("ranks", {"flags": with_flags(state="present")}),
        ("agreement", {"flags": with_flags(state="unknown", rank=None)}),
        ("agreement", {"audits": audit_rows(NEXT, MANY, missing_count=[2] * len(MANY))}),
        ("agreement", {"audits": audit_rows(NEXT, MANY, status=["complete"] * len(MANY))}),
    ],
)
def test_rows_that_contradict_themselves_fail_whoever_accepts_them(warehouse, rule, changed):
    verdict, results = judge(warehouse, stage(warehouse, **changed), accepted="me: because")
    assert results[rule].outcome == "failed"
    assert results[rule].rows > 0
    assert rule in day_checks.summary(verdict.of("failed"))
    assert "\n" not in day_checks.summary(verdict.of("failed"))


def test_an_empty_day_fails_whoever_accepts_it(warehouse):
    publish_day(warehouse, DAY, MANY, "old")
    staged = {"pose_flags": [], "product_audit": []}
    verdict, results = judge(warehouse, staged, 0, accepted="me: because")
    assert [result.rule for result in verdict.of("failed")] == ["empty"]
    assert "clear-day" in results["empty"].detail


CHANGED = [
    ("products_lost", {"products": MANY[10:]}, 10, 0.25),
    ("products_gained", {"products": [*MANY, *(f"n{n}" for n in range(41))]}, 41, 41 / 40),
    ("pictures_lost", {"audits": audit_rows(NEXT, MANY, pictures=[3] * 40)}, 40, 0.25),
    ("unreadable_share", {"audits": audit_rows(NEXT, MANY, unreadable=[2] * 40)}, 40, 0.25),
    ("missing_share", {"flags": flag_rows(NEXT, MANY, state="present", rank=None)}, 40, 0.5),
    ("flags_turned", {"flags": flag_rows(NEXT, MANY, state="present", rank=None)}, 40, 0.5),
]


@pytest.mark.parametrize(("rule", "changed", "rows", "measured"), CHANGED)
def test_a_change_beyond_its_bound_fails_warns_or_is_accepted(
    warehouse, rule, changed, rows, measured
):
    publish_day(warehouse, DAY, MANY, "old")
    staged = stage(warehouse, **changed)
    products = sum(file.rows for file in staged["product_audit"])
    _, results = judge(warehouse, staged, products, warn=())
    found = results[rule]
    assert (found.outcome, found.rows) == ("failed", rows)
    assert found.measured == pytest.approx(measured)
    assert DAY.isoformat() in found.detail
    verdict, results = judge(warehouse, staged, products, warn=day_checks.CHANGES)
    assert results[rule].outcome == "warned"
    _, results = judge(warehouse, staged, products, accepted="M. Rossi: the winter range", warn=())
    assert (results[rule].outcome, results[rule].reason) == (
        "accepted",
        "M. Rossi: the winter range",
    )
    bound = 2.0 if rule == "products_gained" else 1.0
    _, results = judge(warehouse, staged, products, **{rule: bound}, warn=())
    assert results[rule].outcome == "passed"
    rows = verdict.table(NEXT)
    assert rows.num_rows == len(verdict.results)
    warehouse.write_day(
        "check_results", NEXT, warehouse.stage("check_results", "new").write(rows), "new"
    )
    kept = statements.query(
        warehouse, "SELECT outcome, measured FROM check_results WHERE rule = $rule", {"rule": rule}
    ).to_pylist()
    assert kept == [{"outcome": "warned", "measured": pytest.approx(measured)}]


def test_a_small_day_is_not_judged_by_its_changes(warehouse):
    publish_day(warehouse, DAY, MANY[:10], "old")
    _, results = judge(warehouse, stage(warehouse, products=MANY[:2]), 2)
    assert results["products_lost"].outcome == "skipped"
    assert "least_products" in results["products_lost"].detail


def test_a_past_day_is_compared_with_the_one_before_it_or_else_with_itself(warehouse):
    publish_day(warehouse, NEXT, MANY, "own")
    publish_day(warehouse, NEXT.replace(day=NEXT.day + 1), MANY, "later")
    assert judge(warehouse, stage(warehouse))[0].compared_with == NEXT
    publish_day(warehouse, DAY, MANY, "earlier")
    assert judge(warehouse, stage(warehouse))[0].compared_with == DAY
