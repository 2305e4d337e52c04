"""Look after the warehouse: upkeep, a day taken back, the champion, how fresh it is."""

from __future__ import annotations

import argparse
from datetime import timedelta

from unposed_jobs.arguments import day, reason
from unposed_jobs.jobs import entry


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    maintain = actions.add_parser(
        "maintain",
        help="remove superseded rows, compact small files, expire snapshots, remove orphan files",
        description=(
            "Removes rows of runs that were superseded three days ago, compacts small files, "
            "merges manifests, expires old snapshots and removes files that nothing names and "
            "that are older than three days. What is published stays as it is. "
            "Prints what it would do; --apply does it."
        ),
    )
    mode = maintain.add_mutually_exclusive_group()
    mode.add_argument("--dry-run", action="store_true", help="only report (the default)")
    mode.add_argument("--apply", action="store_true", help="do it")
    entry.add_keep_days(maintain)
    fresh = actions.add_parser(
        "freshness",
        help="how old the last published day is",
        description="Prints the last published day; exits with status 4 where it is too old.",
    )
    entry.add_max_age(fresh)
    clear = actions.add_parser(
        "clear-day",
        help="take back what is published of a day",
        description=(
            "Takes back what is published of a day, at once. Readers see the other days; another "
            "audit of the day publishes it again."
        ),
    )
    clear.add_argument("--date", type=day, required=True, metavar="DAY", help="as 2026-01-31")
    clear.add_argument(
        "--reason", type=reason, required=True, metavar="WHO_AND_WHY", help="kept in the table runs"
    )

    champion = actions.add_parser(
        "champion",
        help="make an earlier model the champion again",
        description=(
            "Makes a model the champion, in one commit: to go back to the one before, say. "
            '`unposed query "SELECT * FROM models"` lists them. Published days stay as they are.'
        ),
    )
    champion.add_argument("--model", required=True, metavar="VERSION", help="the model's version")
    champion.add_argument(
        "--reason", type=reason, required=True, metavar="WHO_AND_WHY", help="kept with the model"
    )


def run(arguments: argparse.Namespace) -> int:
    """Maintain and print what was done to each table, clear a day, or print how old the last is."""
    actions = {
        "champion": _champion,
        "clear-day": _clear,
        "freshness": _freshness,
        "maintain": _maintain,
    }
    return actions[arguments.action](arguments)


def _champion(arguments: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from unposed_jobs import config
    from unposed_jobs.jobs import promote
    from unposed_jobs.warehouse import Warehouse

    warehouse = Warehouse.open(config.load(arguments.config).warehouse, create=False)
    row = promote.by_hand(warehouse, arguments.model, arguments.reason, datetime.now(UTC).date())
    print(f"{row.model_version} is the champion; tonight's audit uses it")
    return 0


def _freshness(arguments: argparse.Namespace) -> int:
    from unposed_jobs import config
    from unposed_jobs.jobs import freshness
    from unposed_jobs.warehouse import Warehouse

    warehouse = Warehouse.open(config.load(arguments.config).warehouse, create=False)
    print(freshness.check(warehouse, arguments.max_age))
    return 0


def _clear(arguments: argparse.Namespace) -> int:
    from unposed_jobs import config
    from unposed_jobs.sql import views
    from unposed_jobs.warehouse import Warehouse

    warehouse = Warehouse.open(config.load(arguments.config).warehouse, create=False)
    record = warehouse.clear_day(arguments.date, arguments.reason)
    views.publish(warehouse)
    print(f"cleared {arguments.date}: {record.figures['cleared']} is published no more")
    return 0


def _maintain(arguments: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table

    from unposed_jobs import config
    from unposed_jobs.sql import views
    from unposed_jobs.warehouse import Warehouse, maintenance

    warehouse = Warehouse.open(config.load(arguments.config).warehouse, create=False)
    console = Console()
    with console.status("maintaining the tables"):
        reports = maintenance.maintain(
            warehouse,
            arguments.apply,
            timedelta(days=arguments.keep_days),
            renew_views=views.publish,
        )
    table = Table(
        "table",
        "superseded",
        "files compacted",
        "manifests merged",
        "snapshots expired",
        "old metadata",
        "orphans",
    )
    for report in reports:
        compacted = f"{report.compacted_files} into {report.compacted_into}"
        orphans = f"{len(report.orphans)} ({report.orphan_bytes / 2**20:.1f} MiB)"
        table.add_row(
            report.table,
            str(report.superseded_files or "-"),
            compacted if report.compacted_files else "-",
            str(report.merged_manifests or "-"),
            str(report.expired_snapshots or "-"),
            str(report.old_metadata or "-"),
            orphans if report.orphans else "-",
        )
    console.print(table)
    for report in reports:
        for line in report.left():
            console.print(line)
    if not arguments.apply:
        console.print("Nothing was changed; --apply does it.")
    return 0
