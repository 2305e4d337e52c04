"""Plan a back-fill of many days: what it would do, cost and change.

Nothing is written but the dry runs of the sample day in the table `runs`. The last line is the
command that starts the back-fill in Airflow.

examples:
  unposed backfill --from 2026-01-01 --to 2026-01-31
  unposed backfill --from 2026-01-01 --to 2026-01-31 --no-sample
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from unposed_jobs.arguments import console_of_stdout, day

if TYPE_CHECKING:
    from datetime import date

    from unposed_jobs.jobs.backfill import Plan


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "--from", type=day, required=True, dest="first", metavar="DAY", help="as 2026-01-01"
    )
    parser.add_argument(
        "--to", type=day, required=True, dest="last", metavar="DAY", help="the last of the days"
    )
    sample = parser.add_mutually_exclusive_group()
    sample.add_argument(
        "--sample", type=day, metavar="DAY", help="the day of the dry run (default: the last)"
    )
    sample.add_argument("--no-sample", action="store_true", help="no dry run: the plan alone")


def run(arguments: argparse.Namespace) -> int:
    """Print the plan, after a dry run of the sample day."""
    from unposed_jobs import config
    from unposed_jobs.errors import UnposedError
    from unposed_jobs.jobs import backfill, entry
    from unposed_jobs.warehouse import Warehouse

    if arguments.last < arguments.first:
        raise UnposedError("--to is before --from")
    sample: date = arguments.sample or arguments.last
    if not arguments.first <= sample <= arguments.last:
        raise UnposedError("--sample is none of the days")
    warehouse = Warehouse.open(config.load(arguments.config).warehouse, create=False)
    planned = backfill.plan(warehouse, arguments.first, arguments.last)
    console = console_of_stdout()
    _print(planned)
    if not arguments.no_sample:
        console.print(f"dry run of {sample}:")
        asked = argparse.Namespace(
            config=arguments.config,
            date=sample,
            dry_run=True,
            **dict.fromkeys(("products", "images", "landmarks", "estimator")),
        )
        entry.local("extract", "audit", arguments=asked)
    print(planned.command())
    return 0


def _print(planned: Plan) -> None:
    from rich.table import Table
    from rich.text import Text

    console = console_of_stdout()
    table = Table("day", "now", "model", "products", "last try")
    for one in planned.days:
        shown = one.published
        cells = (
            ("new", "", "")
            if shown is None
            else (
                "published",
                shown.model_version or "",
                str(shown.rows.get("product_audit", "")),
            )
        )
        table.add_row(str(one.run_date), *cells, Text(one.failed or ""))
    console.print(table)
    new = sum(one.published is None for one in planned.days)
    cost = planned.cost
    console.print(
        f"{len(planned.days)} days: {new} new, {len(planned.days) - new} done again, all by model "
        f"{planned.model.model_version}; {len(planned.renamed)} of them were audited by another"
    )
    console.print(
        f"cost: {cost.pictures} known pictures to extract ({_time(cost.extraction_seconds)}), "
        f"audits {_time(cost.audit_seconds)}, one after the other, by the median of past runs"
    )


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "unknown: none was done yet"
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds:.0f} s"
