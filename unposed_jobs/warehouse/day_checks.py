"""Checks of a day's staged rows before they are published, and what they found.

Each rule counts rows that break it, or measures a change against the last published day and holds
it to a bound of ``[checks]``. All are read from the staged files by DuckDB, in two passes: over the
staged rows, and those of the day they are compared with. No row reaches the driver.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import duckdb
import pyarrow as pa

from unposed_jobs.config import CheckSettings
from unposed_jobs.warehouse import reading, runs
from unposed_jobs.warehouse.publishing import Staged, run_of
from unposed_jobs.warehouse.tables import TABLES

if TYPE_CHECKING:
    from unposed_jobs.warehouse.runs import RunRecord
    from unposed_jobs.warehouse.warehouse import Warehouse

Outcome = Literal["passed", "warned", "failed", "accepted", "skipped"]
TABLE = "check_results"
CHANGES = (
    "products_lost",
    "products_gained",
    "pictures_lost",
    "unreadable_share",
    "missing_share",
    "flags_turned",
)
"""Rules about change: they may warn only, and one that fails may be accepted with a reason."""
_READ = ("pose_flags", "product_audit")


@dataclass(frozen=True)
class Result:
    """What one rule found."""

    rule: str
    outcome: Outcome
    rows: int
    """Rows at fault; for a change, those that changed."""
    detail: str
    """One line."""
    measured: float | None = None
    bound: float | None = None
    reason: str | None = None
    """Who accepted a failure, and why."""


@dataclass(frozen=True)
class Verdict:
    """The results of all rules, and the day that changes were measured against."""

    results: tuple[Result, ...]
    compared_with: date | None

    def of(self, outcome: Outcome) -> list[Result]:
        """The results with that outcome."""
        return [result for result in self.results if result.outcome == outcome]

    def table(self, run_date: date) -> pa.Table:
        """The rows of `check_results`, without run_id."""
        rows = [
            dataclasses.asdict(result) | {"run_date": run_date, "compared_with": self.compared_with}
            for result in self.results
        ]
        schema = TABLES[TABLE].schema
        return pa.Table.from_pylist(rows, schema.remove(schema.get_field_index("run_id")))


def judge(
    warehouse: Warehouse,
    run_date: date,
    staged: Staged,
    expected: Mapping[str, int],
    *,
    settings: CheckSettings,
    accepted: str = "",
) -> Verdict:
    """Hold the staged rows of a day to every rule.

    `expected`: rows that each table should have. `accepted`: who accepts changes beyond their
    bounds, and why; empty for nobody. An empty day and rows that contradict each other are never
    accepted.
    """
    before = _baseline(warehouse.runs(), run_date)
    with reading.connect() as connection:
        for name in _READ:
            _show(connection, warehouse, name, [file.path for file in staged.get(name, ())], "new")
        results = _own(connection, staged, expected)
        if before is None:
            results += [_skipped(rule, "no day was published before") for rule in CHANGES]
        else:
            results += _against_run(connection, warehouse, settings, before)
    lenient = [_lenient(result, settings, accepted) for result in results]
    return Verdict(tuple(lenient), None if before is None else before.run_date)


def replaced(
    warehouse: Warehouse, run_date: date, staged: Staged, settings: CheckSettings
) -> list[Result]:
    """What would change for readers if the staged rows took the place of those that are published
    for the day: the rules about change, measured against these. Empty where none are.
    """
    before = runs.published_days(warehouse.runs()).get(run_date)
    if before is None:
        return []
    with reading.connect() as connection:
        for name in _READ:
            _show(connection, warehouse, name, [file.path for file in staged.get(name, ())], "new")
        return _against_run(connection, warehouse, settings, before)


def _against_run(
    connection: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    settings: CheckSettings,
    before: RunRecord,
) -> list[Result]:
    """The rules about change of the new rows, against the rows of a published run."""
    for name in _READ:
        table = warehouse.table(name)
        paths = [
            file.file_path
            for file in reading.data_files(table, {"run_date": before.run_date})
            if run_of(table, file) == before.run_id
        ]
        _show(connection, warehouse, name, paths, "old")
    return _changes(connection, settings, before)


def _baseline(records: list[RunRecord], run_date: date) -> RunRecord | None:
    """The last published day before this one; else what is published of the day itself."""
    published = runs.published_days(records)
    day = max((day for day in published if day < run_date), default=run_date)
    return published.get(day)


def _show(
    connection: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    name: str,
    paths: Sequence[str],
    age: str,
) -> None:
    """Make the rows of the files a view called ``<age>_<table>``."""
    known = TABLES[name]
    source = (
        reading.scan_sql(connection, known, warehouse.table(name).io, paths, f"{age}_{name}_files")
        if paths
        else ""
    )
    if source:
        connection.execute(f"CREATE VIEW {age}_{name} AS FROM {source}")
    else:
        connection.register(f"{age}_{name}", known.schema.remove_metadata().empty_table())


_OWN = """
WITH flags AS (
    SELECT
        product_id, count(*) AS flags, count(DISTINCT pose_id) AS poses,
        count(*) FILTER (state = 'missing') AS missing,
        count(rank) AS ranked, count(DISTINCT rank) AS ranks,
        coalesce(max(rank), 0) AS last_rank, coalesce(min(rank), 1) AS first_rank,
        count(*) FILTER ((rank IS NULL) = (state = 'missing')) AS misplaced,
        count(*) FILTER (
            state NOT IN ('present', 'missing', 'not_applicable', 'waived', 'unknown')
            OR coalesce(NOT confidence BETWEEN 0 AND 1, false)
            OR coalesce(isnan(score) OR isinf(score), false)
        ) AS wrong
    FROM new_pose_flags GROUP BY product_id
), audits AS (
    SELECT
        product_id, count(*) AS audits, any_value(missing_count) AS missing_count,
        any_value(status) AS status,
        count(*) FILTER (
            least(pictures, usable, unreadable, duplicates, with_person, missing_count) < 0
            OR greatest(usable, unreadable, duplicates) > pictures OR with_person > usable
            OR coalesce(NOT completeness BETWEEN 0 AND 1, false)
            OR status NOT IN ('complete', 'gaps', 'unclear', 'unassessable')
        ) AS wrong
    FROM new_product_audit GROUP BY product_id
), products AS (
    SELECT
        coalesce(audits.product_id, flags.product_id) AS id,
        audits.product_id IS NULL OR flags.product_id IS NULL OR audits > 1 OR flags <> poses
            AS keys,
        coalesce(flags.wrong, 0) + coalesce(audits.wrong, 0) > 0 AS ranges,
        coalesce(misplaced > 0 OR ranks <> ranked OR last_rank <> ranked OR first_rank <> 1, false)
            AS ranks,
        coalesce(missing <> missing_count OR (status = 'gaps') <> (missing > 0), false)
            AS agreement
    FROM audits FULL JOIN flags USING (product_id)
)
SELECT
    count(*),
    count(*) FILTER (keys), min(id) FILTER (keys),
    count(*) FILTER (ranges), min(id) FILTER (ranges),
    count(*) FILTER (ranks), min(id) FILTER (ranks),
    count(*) FILTER (agreement), min(id) FILTER (agreement)
FROM products
"""
_SAID = {
    "keys": "without both an audit row and flags, or with rows twice",
    "ranges": "with a value that cannot be",
    "ranks": "whose missing asks are not ranked 1, 2, 3, ...",
    "agreement": "whose flags and audit row contradict each other",
}


def _own(
    connection: duckdb.DuckDBPyConnection, staged: Staged, expected: Mapping[str, int]
) -> list[Result]:
    """The rules about the staged rows by themselves."""
    found = connection.execute(_OWN).fetchone() or ()
    products = found[0]
    cure = "" if products else "; to clear a day: unposed warehouse clear-day"
    outcome: Outcome = "passed" if products else "failed"
    results = [Result("empty", outcome, 0, f"{products} products{cure}")]
    counts = {name: sum(file.rows for file in staged.get(name, ())) for name in expected}
    wrong = {name: count for name, count in counts.items() if count != expected[name]}
    detail = ", ".join(f"{name} has {count}, not {expected[name]}" for name, count in wrong.items())
    off = sum(abs(count - expected[name]) for name, count in wrong.items())
    results.append(Result("rows", "failed" if wrong else "passed", off, detail or "all there"))
    for number, (rule, meaning) in enumerate(_SAID.items()):
        rows, example = found[1 + 2 * number], found[2 + 2 * number]
        detail = f"{rows} products {meaning}" + (f", such as {example}" if rows else "")
        results.append(Result(rule, "failed" if rows else "passed", rows, detail))
    return results


_CHANGE = """
WITH products AS (
    SELECT
        coalesce(n.product_id, o.product_id) AS id,
        n.product_id IS NULL AS lost, o.product_id IS NULL AS gained,
        coalesce(n.pictures, 0) AS pictures, coalesce(o.pictures, 0) AS old_pictures,
        coalesce(n.unreadable, 0) AS unreadable, coalesce(o.unreadable, 0) AS old_unreadable
    FROM new_product_audit n FULL JOIN old_product_audit o USING (product_id)
)
SELECT
    count(*) FILTER (NOT gained), count(*) FILTER (lost), count(*) FILTER (gained),
    min(id) FILTER (lost),
    sum(pictures), sum(old_pictures), sum(unreadable), sum(old_unreadable)
FROM products
"""
_TURNED = """
WITH pairs AS (
    SELECT n.state AS state, o.state AS old_state
    FROM (SELECT product_id, coalesce(ask_id, pose_id) AS ask, state FROM new_pose_flags) n
    JOIN (SELECT product_id, coalesce(ask_id, pose_id) AS ask, state FROM old_pose_flags) o
    USING (product_id, ask)
)
SELECT count(*), count(*) FILTER (state <> old_state) FROM pairs
"""
_MISSING = """
SELECT count(*) FILTER (state = 'missing'), count(*) FILTER (state IN ('missing', 'present'))
FROM {age}_pose_flags
"""


def _changes(
    connection: duckdb.DuckDBPyConnection, settings: CheckSettings, before: RunRecord
) -> list[Result]:
    """The rules about change against the rows of `before`."""
    row = connection.execute(_CHANGE).fetchone() or ()
    old, lost, gained, example = row[:4]
    pictures, old_pictures, unreadable, old_unreadable = (int(item or 0) for item in row[4:])
    if old < settings.least_products:
        few = f"{before.run_date} has {old} products, fewer than [checks] least_products"
        return [_skipped(rule, few) for rule in CHANGES]
    of = f"of {before.run_date}"
    share, old_share = unreadable / max(pictures, 1), old_unreadable / max(old_pictures, 1)
    missing, assessed = connection.execute(_MISSING.format(age="new")).fetchone() or (0, 0)
    old_missing, old_assessed = connection.execute(_MISSING.format(age="old")).fetchone() or (0, 0)
    flags, turned = connection.execute(_TURNED).fetchone() or (0, 0)
    wanted, wanted_before = missing / max(assessed, 1), old_missing / max(old_assessed, 1)
    gone = max(old_pictures - pictures, 0)
    found = {
        "products_lost": (lost / old, lost, f"{lost} of {old} products {of} are gone"),
        "products_gained": (gained / old, gained, f"{gained} new products, after {old} {of}"),
        "pictures_lost": (
            gone / max(old_pictures, 1),
            gone,
            f"{pictures} pictures, {old_pictures} {of}",
        ),
        "unreadable_share": (
            share - old_share,
            max(unreadable - old_unreadable, 0),
            f"{unreadable} of {pictures} pictures are unreadable, {old_unreadable} of "
            f"{old_pictures} {of}",
        ),
        "missing_share": (
            abs(wanted - wanted_before),
            abs(missing - old_missing),
            f"{wanted:.0%} of the flags are missing, {wanted_before:.0%} {of}",
        ),
        "flags_turned": (turned / max(flags, 1), turned, f"{turned} of {flags} flags {of} turned"),
    }
    results = []
    for rule, (measured, rows, words) in found.items():
        bound = getattr(settings, rule)
        more = f", such as {example}" if rule == "products_lost" and lost else ""
        outcome: Outcome = "failed" if measured > bound else "passed"
        results.append(Result(rule, outcome, rows, words + more, measured, bound))
    return results


def _skipped(rule: str, why: str) -> Result:
    return Result(rule, "skipped", 0, why)


def _lenient(result: Result, settings: CheckSettings, accepted: str) -> Result:
    """A failed rule about change where it may only warn, or somebody accepts it."""
    if result.outcome != "failed" or result.rule not in CHANGES:
        return result
    if result.rule in settings.warn:
        return dataclasses.replace(result, outcome="warned")
    if accepted:
        return dataclasses.replace(result, outcome="accepted", reason=accepted)
    return result


def summary(results: Sequence[Result]) -> str:
    """Rules and rows, in one line."""
    return "; ".join(f"{result.rule}: {result.detail}{_against(result)}" for result in results)


def _against(result: Result) -> str:
    if result.bound is None or result.measured is None:
        return ""
    return f" ({result.measured:.1%}, [checks] {result.rule} = {result.bound:g})"


def figures(verdict: Verdict) -> dict[str, Any]:
    """For `runs`: rules by outcome, but for those that passed."""
    outcomes: tuple[Outcome, ...] = ("warned", "failed", "accepted", "skipped")
    listed = {outcome: [result.rule for result in verdict.of(outcome)] for outcome in outcomes}
    return {outcome: rules for outcome, rules in listed.items() if rules}
