"""What pictures are worth, from the published days: an association, and what came after a picture.

Executors gather the products of the latest day and the history of those with gaps, a bounded
sample of each category, and estimate a category each (`unposed_jobs.influence`); only the estimates
come to the driver. The rows replace those of an earlier run for the same day.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import functions as F

from unposed_jobs.config import InfluenceSettings
from unposed_jobs.distributed import frames, outcomes
from unposed_jobs.distributed.outcomes import COHORT, SHARES
from unposed_jobs.distributed.session import user_errors
from unposed_jobs.errors import NothingToDoError, UnposedError
from unposed_jobs.influence import differences, regression
from unposed_jobs.influence.estimates import Term, ask_term
from unposed_jobs.influence.rows import SCHEMA, table
from unposed_jobs.jobs import life
from unposed_jobs.jobs.identity import run_identity
from unposed_jobs.jobs.life import Life
from unposed_jobs.warehouse import runs

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from unposed_jobs.config import Settings
    from unposed_jobs.distributed.outcomes import Days
    from unposed_jobs.jobs.entry import Run

_TABLE = "influence"
_OWN = ("rating_count", "average_rating")
_SHOWN = 12


def check(settings: Settings) -> None:
    """Raise UnposedError where the outcome is a column that no day keeps."""
    outcome, carry = settings.influence.outcome, settings.catalogue.carry
    if outcome not in (*_OWN, *carry):
        raise UnposedError(
            f"[influence] outcome: no day keeps the column {outcome}; add it to [catalogue] carry, "
            f"or take {' or '.join(_OWN)}"
        )


def run(spark: SparkSession, settings: Settings, run: Run) -> pa.Table:
    """Estimate, and write the day's rows of `influence`; returns them.

    Raises UnposedError as `check` does, NothingToDoError where no day is published by then.
    """
    with life.begin("influence", settings, run, create=False) as current:
        check(settings)
        return _estimate(spark, settings.influence, run, current)


def _estimate(
    spark: SparkSession, settings: InfluenceSettings, run: Run, current: Life
) -> pa.Table:
    warehouse = current.warehouse
    published = runs.published_days(warehouse.runs())
    chosen = [published[day] for day in sorted(published) if day <= run.run_date]
    if not chosen:
        raise NothingToDoError(f"no audit is published by {run.run_date}; run: unposed audit")
    days = outcomes.days(spark, warehouse, chosen, settings)
    current.model_version = days.latest.model_version
    run_id = current.run_id = run_identity(
        "influence", run.run_date, settings, [one.run_id for one in days.runs]
    )
    terms = _terms(days)
    with user_errors():
        found = pa.concat_tables(
            [
                _by_cohort(outcomes.products(days, settings), terms, settings, "regression"),
                _by_cohort(outcomes.histories(days, settings), terms, settings, "differences"),
            ]
        ).sort_by([(name, "ascending") for name in ("cohort", "method", "term")])
    rows = _of_the_run(found, days, run)
    current.rows[_TABLE] = rows.num_rows
    claims = found["claim"].to_pylist()
    current.figures |= {name: claims.count(name) for name in sorted(set(claims))}
    current.figures |= {"days": len(days.runs), "periods": days.periods}
    staged = warehouse.stage(_TABLE, run_id).write(rows)
    if run.dry_run:
        warehouse.discard(_TABLE, staged)
    else:
        current.snapshots[_TABLE] = warehouse.replace_partitions(
            _TABLE, {"run_date": run.run_date}, staged, run_id, expected_rows=rows.num_rows
        )
    _tell(found, days, run)
    return rows


def _by_cohort(
    rows: DataFrame, terms: Sequence[Term], settings: InfluenceSettings, method: str
) -> pa.Table:
    """Each cohort's estimates, made on an executor: rows of `influence.rows.SCHEMA`."""

    def estimate(key: tuple[pa.Scalar, ...], own: pa.Table) -> pa.Table:
        make = regression.estimate if method == "regression" else differences.estimate
        ordered = own.drop_columns([COHORT]).sort_by("product_id")
        made = make(ordered, key[0].as_py(), terms, settings)
        return table(made, settings.outcome, settings.scale)

    made = rows.groupBy(COHORT).applyInArrow(estimate, frames.spark_schema(SCHEMA))
    return made.toArrow().cast(SCHEMA)  # A row for each cohort, term and method: few.


def _terms(days: Days) -> list[Term]:
    """What is estimated: the latest day's asks, and shares of the pictures.

    Image classes where facts tell them; else pictures with a person, which they add up to.
    """
    flags = days.read("pose_flags", [days.latest])
    asks = flags.groupBy(F.coalesce("ask_id", "pose_id").alias("ask_id")).agg(
        F.min(F.coalesce("ask_name", "pose_name")).alias("name")
    )
    found = asks.orderBy("ask_id").collect()
    with_person, *classes = SHARES
    shares = classes if days.warehouse.planned_files("picture_facts") else [with_person]
    named = [Term(share, share.removeprefix("share of ")) for share in shares]
    return [*(ask_term(row["ask_id"], row["name"]) for row in found), *named]


def _of_the_run(found: pa.Table, days: Days, run: Run) -> pa.Table:
    for name, value in (
        ("run_date", pa.scalar(run.run_date, pa.date32())),
        ("history_from", pa.scalar(days.runs[0].run_date, pa.date32())),
        ("history_to", pa.scalar(days.latest.run_date, pa.date32())),
        ("model_version", pa.scalar(days.latest.model_version, pa.string())),
    ):
        found = found.append_column(name, pa.repeat(value, found.num_rows))
    return found


def _tell(found: pa.Table, days: Days, run: Run) -> None:
    """The strongest estimates of all products in words, and how many there are."""
    order = ("effect", "association", "change")
    estimates = [row for row in found.to_pylist() if row["claim"] in order and row["cohort"] == ""]
    estimates.sort(key=lambda row: (order.index(row["claim"]), -abs(row["estimate"])))
    for row in estimates[:_SHOWN]:
        run.progress(textwrap.fill(row["says"], 80, subsequent_indent="  "))
    claims = found["claim"].to_pylist()
    counts = ", ".join(f"{name} {claims.count(name)}" for name in (*order, "none", "refused"))
    run.progress(
        f"estimated {found.num_rows} terms from {len(days.runs)} published days: {counts}"
        + (" (dry run, nothing written)" if run.dry_run else "; see the view influence_current")
    )
